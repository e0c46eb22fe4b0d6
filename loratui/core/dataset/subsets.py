"""Outfits and concepts as subsets: images move between folders with all that belongs to them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loratui.core.changes import Edit, Move, Operation, Plan
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.folder import CAPTION_SUFFIXES, belongings, beside
from loratui.core.errors import Refused, from_os
from loratui.core.sanitize import file_name
from loratui.core.words import count

_SHARE = (0.08, 0.7)
_OVERLAP = 0.1


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a split: the images carrying a tag, and no tag of a part before it.

    Attributes:
        tag: what its images carry.
        positions: of these images.
        folder: a name for the subset's folder, of no other part.
    """

    tag: str
    positions: tuple[int, ...]
    folder: str


def move_plan(dataset: Dataset, positions: Collection[int], to: str, *, command: str = "") -> Plan:
    """The plan that moves images, with captions and side files, into the folder `to` (relative to the root).

    A caption that an image which stays needs too is copied.

    Raises:
        Refused: a file of that name is there already, or two images of that name would meet.
    """
    home = "" if to in ("", ".") else to
    moving = [image for image in (dataset.images[position] for position in sorted(positions)) if image.folder != home]
    paths = [image.path for image in moving]
    operations: list[Operation] = []
    targets: set[str] = set()

    def target(path: str) -> str:
        name = path.rpartition("/")[2]
        found = f"{home}/{name}" if home else name
        if found in targets or (dataset.root / found).exists():
            raise Refused(f"{found} is there already; nothing was moved.", "Rename one of the two files.")
        targets.add(found)
        return found

    try:
        held = belongings(beside(dataset.root, paths), paths)
        operations += [Move(path, target(path)) for path in paths]
        operations += [Move(side, target(side)) for sides in held.along.values() for side in sides]
        operations += [
            Edit(target(side), None, (dataset.root / side).read_bytes())
            for sides in held.shared.values()
            for side in sides
            if side.lower().endswith(CAPTION_SUFFIXES)
        ]
    except OSError as error:
        raise from_os(error, f"Moving images to {home or 'the top'}") from error
    title = f"move {count(len(moving), 'image')} to {home or 'the top'}"
    return Plan("subset move", title, tuple(operations), {"images": len(moving)}, command)


def split(dataset: Dataset, tags: Sequence[str]) -> list[Part]:
    """The images carrying each tag; one that carries several belongs to the first."""
    taken: set[int] = set()
    folders: set[str] = set()
    parts: list[Part] = []
    for tag in tags:
        positions = dataset.carrying(tag) - taken
        taken |= positions
        stem = folder = file_name(re.sub(r"\W+", "_", tag.lower()).strip("_") or "part")
        number = 1
        while folder in folders:
            number += 1
            folder = f"{stem}_{number}"
        folders.add(folder)
        parts.append(Part(tag, tuple(sorted(positions)), folder))
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
