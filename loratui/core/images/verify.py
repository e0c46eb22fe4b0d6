"""The second stage: a pair of files whose hashes are close, compared by their pixels."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import msgspec
import numpy
from numpy.typing import NDArray
from PIL import Image

from loratui.core.images import compare, opening
from loratui.core.images.compare import Difference, Square
from loratui.core.images.hashing import WHOLE, border, reduced, square
from loratui.core.images.survey import Facts
from loratui.core.pictures import PictureError

# Pictures differ in size from here on: below it, "60 %" would be noise.
_ZOOM = 1.15
# A difference so small that the pixels themselves are worth comparing.
_TINY = 1.0
# A difference so small that the pair is the same picture at any useful hardness.
_ALIKE = 30.0
# Squares take 1.4 MB each, pictures of 512 pixels about 1 MB.
_SQUARES = 20
_PICTURES = 6
# Pixels of the longer side that are enough to tell an enlargement.
_MIDDLE = 1600


@dataclass(frozen=True, slots=True)
class Match:
    """Two views whose hashes are close.

    Attributes:
        distance: bits of 256 that differ.
        view, other: index of the view in each `Look.views`.
        mirrored: whether the second was mirrored.
    """

    distance: int
    view: int
    other: int
    mirrored: bool


class Comparison(msgspec.Struct, frozen=True):
    """What comparing the pixels of two files gave.

    Attributes:
        difference: of the better match.
        view, other, mirrored: that match.
        equal: both decode to the same pixels.
        enlarged: 1 if the first is an enlargement of the second, 2 if the second is one of the first, else 0.
    """

    difference: Difference
    view: int
    other: int
    mirrored: bool
    equal: bool
    enlarged: int


class Verifier:
    """Compares files of one root. Safe to use from several threads; keeps the last pictures it decoded."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._squares: OrderedDict[tuple[str, int], Square] = OrderedDict()
        self._pictures: OrderedDict[str, Image.Image] = OrderedDict()

    def compare(self, first: str, facts: Facts, second: str, other: Facts, matches: list[Match]) -> Comparison | None:
        """Compares the pixels of two files.

        Args:
            first, second: paths relative to the root.
            facts, other: what is known of them.
            matches: views to try, closest first.

        Returns:
            None where a file could not be read any more.
        """
        try:
            best: tuple[Difference, Match] | None = None
            for match in matches:
                one = self._square(first, facts, match.view)
                two = self._square(second, other, match.other)
                found = compare.difference(one, two.mirrored() if match.mirrored else two)
                if best is None or found.local < best[0].local:
                    best = (found, match)
                if found.local < _ALIKE / 2:
                    break
            if best is None:
                return None
            found, match = best
            same_size = (facts.width, facts.height) == (other.width, other.height)
            alike = found.local < _TINY and same_size and not match.mirrored
            equal = alike and self._equal(first, second, facts.width * facts.height)
            grown = 0
            if found.local < _ALIKE:
                longest = max(facts.width, facts.height, other.width, other.height)
                times = zoom(facts, other, match.view, match.other, found)
                grown = self._enlarged(first, second, times, longest)
            return Comparison(found, match.view, match.other, match.mirrored, equal, grown)
        except PictureError:
            return None

    def _square(self, path: str, facts: Facts, view: int) -> Square:
        with self._lock:
            kept = self._squares.get((path, view))
            if kept is not None:
                self._squares.move_to_end((path, view))
                return kept
        looked = facts.look.views[view]
        ground = opening.flatten(self._picture(path), looked.background)
        # The border is looked for again: this picture has more pixels than the one that was hashed.
        box = border(ground) if looked.box != WHOLE else WHOLE
        made = Square.of(numpy.asarray(square(ground, compare.SIDE, box)))
        with self._lock:
            self._squares[(path, view)] = made
            if len(self._squares) > _SQUARES:
                self._squares.popitem(last=False)
        return made

    def _picture(self, path: str) -> Image.Image:
        """The picture with its smaller side at 512 pixels or a little more."""
        with self._lock:
            kept = self._pictures.get(path)
        if kept is not None:
            return kept
        small = reduced(self._decode(path, 2 * compare.SIDE), 2 * compare.SIDE)
        with self._lock:
            self._pictures[path] = small
            if len(self._pictures) > _PICTURES:
                self._pictures.popitem(last=False)
        return small

    def _decode(self, path: str, at_least: int | None = None) -> Image.Image:
        return opening.decode(self._root / path, at_least=at_least)

    def _equal(self, first: str, second: str, pixels: int) -> bool:
        with opening.alone(pixels):  # until they are let go: two large pictures are never in memory at once
            return opening.digest(self._decode(first)) == opening.digest(self._decode(second))

    def _enlarged(self, first: str, second: str, zoom: float, longest: int) -> int:
        if 1 / _ZOOM < zoom < _ZOOM:
            return 0
        large, small = (second, first) if zoom > 1 else (first, second)
        share = min(1.0, _MIDDLE / longest)
        if compare.enlarged(self._grey(large, share), self._grey(small, share), max(zoom, 1 / zoom)):
            return 2 if zoom > 1 else 1
        return 0

    def _grey(self, path: str, share: float) -> NDArray[numpy.uint8]:
        """The middle of a picture in grey: `share` of either side."""
        picture = self._decode(path)
        width, height = picture.size
        left, top = int(width * (1 - share) / 2), int(height * (1 - share) / 2)
        return numpy.asarray(opening.flatten(picture.crop((left, top, width - left, height - top))).convert("L"))


def zoom(facts: Facts, other: Facts, view: int, other_view: int, difference: Difference) -> float:
    """How many times larger a thing is in the second picture than in the first, in pixels."""
    one, two = facts.look.views[view].box, other.look.views[other_view].box
    across = difference.placement[0] * (two[2] - two[0]) * other.width / ((one[2] - one[0]) * facts.width)
    down = difference.placement[1] * (two[3] - two[1]) * other.height / ((one[3] - one[1]) * facts.height)
    return float((across * down) ** 0.5)
