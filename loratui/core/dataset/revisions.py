"""The captions that a change gives new bytes: the loop under every plan of caption edits."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from loratui.core.changes import Edit, Stamp
from loratui.core.dataset.caption import Caption, CaptionError
from loratui.core.dataset.dataset import Dataset

Change = Callable[[int, Caption], Caption]
"""Gives the new caption of the image at a position; the same one where nothing is to be changed."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One caption that gets new bytes.

    Attributes:
        position: of the first image it belongs to.
        edit: of its file.
        before, after: as captions.
    """

    position: int
    edit: Edit
    before: Caption
    after: Caption


class Revisions:
    """The captions a change gives new bytes; those that images share are changed once.

    Args:
        dataset: where they are.
        positions: which images.
        change: gives the new caption.

    Attributes:
        unreadable: captions that are no text, left as they are; complete once all are seen.
        seen: images that get a caption where they had none: nobody would see it again if they were gone.
    """

    def __init__(self, dataset: Dataset, positions: Iterable[int], change: Change) -> None:
        self._dataset = dataset
        self._positions = positions
        self._change = change
        self.unreadable = 0
        self.seen: dict[str, Stamp] = {}

    def __iter__(self) -> Iterator[Revision]:
        dataset = self._dataset
        done: set[str] = set()
        for position in sorted(self._positions):
            path = dataset.caption_paths[position]
            if path in done:
                continue
            try:
                before = dataset.caption(position)
            except CaptionError:
                self.unreadable += 1
                continue
            after = self._change(position, before)
            old, new = dataset.raw[position], after.to_bytes()
            if new == (old or b""):
                continue
            done.add(path)
            if old is None:
                self.seen[dataset.images[position].path] = dataset.images[position].stamp
            yield Revision(position, Edit(path, old, new), before, after)
