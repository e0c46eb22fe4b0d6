"""Outfits and concepts as subsets: images move between folders with all that belongs to them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loratui.core.changes import Move, Operation, Plan
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.folder import sidecars
from loratui.core.errors import Refused
from loratui.core.words import count

_SHARE = (0.08, 0.7)
_OVERLAP = 0.1


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a split: the images carrying a tag, and no tag of a part before it."""

    tag: str
    positions: tuple[int, ...]

    @property
    def folder(self) -> str:
        """A name for the subset's folder."""
        return re.sub(r"[^a-z0-9]+", "_", self.tag.lower()).strip("_") or "part"


def move_plan(dataset: Dataset, positions: Collection[int], to: str, *, command: str = "") -> Plan:
    """The plan that moves images, with captions and side files, into the folder `to` (relative to the root).

    Raises:
        Refused: a file of that name is there already, or two images of that name would meet.
    """
    operations: dict[str, Operation] = {}
    targets: set[str] = set()
    moved = 0
    for position in sorted(positions):
        image = dataset.images[position]
        if image.folder == to:
            continue
        moved += 1
        for path in (image.path, *sidecars(dataset.root, image)):
            target = f"{to}/{path.rpartition('/')[2]}" if to else path.rpartition("/")[2]
            if path in operations:  # a caption shared by two images
                continue
            if target in targets or (dataset.root / target).exists():
                raise Refused(f"{target} is there already; nothing was moved.", "Rename one of the two files.")
            targets.add(target)
            operations[path] = Move(path, target)
    title = f"move {count(moved, 'image')} to {to or 'the top'}"
    return Plan("subset move", title, tuple(operations.values()), {"images": moved}, command)


def split(dataset: Dataset, tags: Sequence[str]) -> list[Part]:
    """The images carrying each tag; one that carries several belongs to the first."""
    taken: set[int] = set()
    parts: list[Part] = []
    for tag in tags:
        positions = dataset.carrying(tag) - taken
        taken |= positions
        parts.append(Part(tag, tuple(sorted(positions))))
    return parts


def propose(dataset: Dataset, candidates: Collection[str], most: int = 6) -> list[str]:
    """Tags that would split the images well: each in a good part of them, hardly two in one image, most images first.

    Args:
        dataset: what to split.
        candidates: tags to choose from, such as those of clothing.
        most: parts at most.
    """
    total = len(dataset.images) or 1
    counted = {tag: dataset.carrying(tag) for tag in candidates}
    fitting = [tag for tag, where in counted.items() if _SHARE[0] <= len(where) / total <= _SHARE[1]]
    chosen: list[str] = []
    for tag in sorted(fitting, key=lambda tag: (-len(counted[tag]), tag)):
        where = counted[tag]
        if all(len(where & counted[other]) <= _OVERLAP * min(len(where), len(counted[other])) for other in chosen):
            chosen.append(tag)
        if len(chosen) == most:
            break
    return chosen if len(chosen) > 1 else []
