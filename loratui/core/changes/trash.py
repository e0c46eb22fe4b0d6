"""The trash: everything that was taken away, by reason and step, as plain files a person can look at.

.loratui/trash/<reason>/<step>/<path as it was>
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loratui.core.changes.actions import TRASH
from loratui.core.changes.plan import Move, Plan
from loratui.core.words import count


@dataclass(frozen=True, slots=True)
class TrashEntry:
    """One file in the trash.

    Attributes:
        path: where it was, relative to the root.
        lies: where it is now, relative to the root.
        reason: why it was taken away.
        step: the step that did it.
        bytes: its size.
    """

    path: str
    lies: str
    reason: str
    step: int
    bytes: int


def entries(root: Path) -> list[TrashEntry]:
    """Every file in the trash, newest step first."""
    found: list[TrashEntry] = []
    top = root / TRASH
    for folder, _, names in os.walk(top):
        parts = Path(folder).relative_to(top).parts
        if len(parts) < 2 or not parts[1].isdigit():
            continue
        for name in names:
            full = Path(folder, name)
            path = "/".join((*parts[2:], name))
            found.append(
                TrashEntry(path, full.relative_to(root).as_posix(), parts[0], int(parts[1]), full.lstat().st_size)
            )
    return sorted(found, key=lambda entry: (-entry.step, entry.path))


def restore_plan(chosen: Sequence[TrashEntry]) -> Plan:
    """The plan that puts files back where they were; the newest one where a path was thrown away twice."""
    newest: dict[str, TrashEntry] = {}
    for entry in sorted(chosen, key=lambda entry: entry.step):
        newest[entry.path] = entry
    moves = tuple(Move(entry.lies, entry.path) for entry in newest.values())
    return Plan("trash restore", f"restore {count(len(moves), 'file')} from the trash", moves, {"files": len(moves)})


def empty(root: Path) -> int:
    """Destroys the trash. Returns the bytes freed."""
    freed = sum(entry.bytes for entry in entries(root))
    if (root / TRASH).exists():
        shutil.rmtree(root / TRASH)
    return freed
