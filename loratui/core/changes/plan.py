"""A change of the dataset, computed and not yet done: shown with its counts, then applied through the journal.

All paths are relative to the root, with `/`, and stay inside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loratui.core.errors import Refused


@dataclass(frozen=True, slots=True)
class Edit:
    """A small text file (a caption) gets new bytes.

    Attributes:
        path: the file.
        old: the bytes it had when the plan was made; None: there was no such file.
        new: the bytes it gets; None: it goes away (the journal keeps the old ones).
    """

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class Remove:
    """A file moves to the trash.

    Attributes:
        path: the file.
        reason: one word: why, and the folder of the trash it lies in (`deleted`, `duplicate`, `small`, `replaced` …).
    """

    path: str
    reason: str = "deleted"


@dataclass(frozen=True, slots=True)
class Add:
    """A finished file comes in from a staging folder, by rename; nothing may be at `path` by then.

    Attributes:
        path: where it goes.
        staged: where it lies, on the same file system: see `Changes.stage`.
    """

    path: str
    staged: Path


@dataclass(frozen=True, slots=True)
class Move:
    """A file is renamed within the root; nothing may be at `to`."""

    path: str
    to: str


Operation = Edit | Remove | Add | Move

Stamp = tuple[int, int, int]
"""Size, time of change in nanoseconds, and inode: by it a file that was changed or replaced is known."""


def stamp(path: Path) -> Stamp | None:
    """The stamp of the file at `path`, links followed; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, in order.

    Attributes:
        verb: the verb of the command line, such as `tags remove`.
        title: the step's name in the history: `remove "purple hair" from 201 captions`.
        operations: in the order in which they are done.
        counts: what a person decides by, such as `{"changed_files": 201, "changed_tags": 201}`.
        command: the equivalent command line, "" where there is none.
        seen: files that must still be as they were when the plan was made, beyond the bytes of its edits: the images a
            decision rests on, also such as stay.
    """

    verb: str
    title: str
    operations: tuple[Operation, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    command: str = ""
    seen: Mapping[str, Stamp] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.operations)


def inside(path: str) -> str:
    """`path`, if it stays inside the root.

    Raises:
        Refused: it is absolute, climbs out, or is empty.
    """
    parts = path.split("/")
    if not path or path.startswith("/") or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise Refused(f"{path!r} is not a path inside the project.", "Use a path relative to the project's folder.")
    return path
