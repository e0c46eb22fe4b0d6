"""Which of several copies to keep for training, and why. Takes plain numbers, so that it can be told anything.

Points add up: a doubling of the area counts 20, and every other quality is given in that measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

_ENLARGED = 60.0
_GREY = 25.0
_BORDER = 15.0
_LOSSLESS = 6.0
_PER_QUALITY = 0.4
_UNKNOWN_LOSSY = -6.0
_SOURCE = 4.0
_TRANSPARENT = 3.0
_CAPTION = 2.0
_PER_TAG = 0.1
# A link is only a name of another file: keeping it while that file goes would leave nothing.
_LINK = 1000.0
_NAME = 200.0


@dataclass(frozen=True, slots=True)
class Traits:
    """What speaks for and against a copy.

    Attributes:
        width, height: pixels, upright.
        lossless: the format keeps every pixel.
        quality: JPEG quality 1–100; None where there is none or it is not known.
        enlarged: only scaled up, nothing finer in it than in a smaller copy.
        grey: without colour.
        bordered: with a uniform border around it.
        transparent: pixels are transparent (flattened copies have lost them).
        source: it is known where the file comes from.
        tags: tags in its caption; None without a caption.
        link: a symbolic link.
        plain_name: a trainer can read its name: it is UTF-8.
        modified: time of its last change, in any unit.
    """

    width: int
    height: int
    lossless: bool = True
    quality: int | None = None
    enlarged: bool = False
    grey: bool = False
    bordered: bool = False
    transparent: bool = False
    source: bool = False
    tags: int | None = None
    link: bool = False
    plain_name: bool = True
    modified: int = 0


def points(copy: Traits) -> float:
    """How much speaks for a copy; only the difference between two means anything."""
    total = 20.0 * log2(max(1, copy.width * copy.height))
    if copy.lossless:
        total += _LOSSLESS
    elif copy.quality is None:
        total += _UNKNOWN_LOSSY
    else:
        total += (copy.quality - 95) * _PER_QUALITY
    total -= _ENLARGED * copy.enlarged + _GREY * copy.grey + _BORDER * copy.bordered + _LINK * copy.link
    total += _NAME * copy.plain_name
    total += _SOURCE * copy.source + _TRANSPARENT * copy.transparent
    if copy.tags is not None:
        total += _CAPTION + _PER_TAG * min(copy.tags, 50)
    return total


def best(copies: Sequence[Traits]) -> int:
    """The position of the copy to keep: most points, then the oldest, then the first."""
    return max(range(len(copies)), key=lambda at: (round(points(copies[at]), 6), -copies[at].modified, -at))


def reasons(kept: Traits, others: Sequence[Traits]) -> list[str]:
    """Why `kept` is kept, in a few words each, most weighty first; empty where the copies are equal."""
    if not others:
        return []
    area, rival = kept.width * kept.height, max(other.width * other.height for other in others)
    said: list[str] = []
    if all(other.enlarged for other in others) and not kept.enlarged:
        said.append("not enlarged")
    elif area > rival * 1.05:
        said.append("largest")
    elif any(other.enlarged for other in others) and not kept.enlarged:
        said.append("largest that is not enlarged")
    if not kept.grey and any(other.grey for other in others):
        said.append("in colour")
    if not kept.bordered and any(other.bordered for other in others):
        said.append("no border")
    if kept.lossless and not all(other.lossless for other in others):
        said.append("lossless")
    elif not kept.lossless and not any(other.lossless for other in others):
        qualities = [other.quality for other in others if other.quality is not None]
        if kept.quality is not None and qualities and kept.quality > max(qualities):
            said.append("least compressed")
    if kept.transparent and not all(other.transparent for other in others):
        said.append("has its transparency")
    if kept.source and not all(other.source for other in others):
        said.append("has a source")
    if kept.tags is not None and all(other.tags is None or other.tags < kept.tags for other in others):
        said.append("most tags" if any(other.tags is not None for other in others) else "has a caption")
    if any(other.link for other in others) and not kept.link:
        said.append("the file itself")
    if kept.plain_name and not all(other.plain_name for other in others):
        said.append("has a readable name")
    return said
