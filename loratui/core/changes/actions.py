"""What a record does to the disk: two kinds of action, both safe to repeat, and their check against what is there."""

import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loratui.core import durable
from loratui.core.changes.journal import Record
from loratui.core.changes.plan import Add, Edit, Move, Remove, inside
from loratui.core.errors import Refused

TRASH = ".loratui/trash"


@dataclass(frozen=True, slots=True)
class Write:
    """The file at `path` (relative to the root) changes from `old` to `new`; None: no file."""

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class Rename:
    """The file at `source` goes to `target` (both relative to the root)."""

    source: str
    target: str


Action = Write | Rename


def trashed(reason: str, step: int, path: str) -> str:
    """Where a removed file lies: one folder a reason, so that a person can look into it."""
    return f"{TRASH}/{inside(reason)}/{step}/{path}"


def forward(record: Record, root: Path) -> list[Action]:
    """The actions that do the step for the first time, or again after it was undone (`redoing`)."""
    step = record.step
    actions: list[Action] = []
    for operation in record.operations:
        match operation:
            case Edit(path, old, new):
                actions.append(Write(path, old, new))
            case Remove(path, reason):
                actions.append(Rename(path, trashed(reason, step.id, path)))
            case Add(path, staged):
                again = step.state in ("undone", "redoing")
                actions.append(
                    Rename(trashed("undone", step.id, path) if again else staged.relative_to(root).as_posix(), path)
                )
            case Move(path, to):
                actions.append(Rename(path, to))
    return actions


def backward(record: Record) -> list[Action]:
    """The actions that undo the step. A file that had come in goes to the trash under `undone`, not away."""
    actions: list[Action] = []
    for operation in reversed(record.operations):
        match operation:
            case Edit(path, old, new):
                actions.append(Write(path, new, old))
            case Remove(path, reason):
                actions.append(Rename(trashed(reason, record.step.id, path), path))
            case Add(path, _):
                actions.append(Rename(path, trashed("undone", record.step.id, path)))
            case Move(path, to):
                actions.append(Rename(to, path))
    return actions


class Preview:
    """The disk as it will be after the actions seen so far: lets a whole chain be checked before the first one runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._contents: dict[str, bytes | None] = {}
        self._origin: dict[str, str | None] = {}

    def conflicts(self, actions: Iterable[Action]) -> list[str]:
        """Paths at which the disk is not as the actions expect. Empty: they can all be done."""
        wrong: list[str] = []
        for action in actions:
            match action:
                case Write(path, old, new):
                    if self._read(path) != old:
                        wrong.append(path)
                    self._contents[path] = new
                case Rename(source, target):
                    if not self._exists(source):
                        wrong.append(source)
                    elif self._exists(target):
                        wrong.append(target)
                    self._origin[target] = self._origin.get(source, source)
                    self._origin[source] = None
                    if source in self._contents:
                        self._contents[target] = self._contents.pop(source)
        return wrong

    def _exists(self, path: str) -> bool:
        if path in self._contents:
            return self._contents[path] is not None
        origin = self._origin.get(path, path)
        return origin is not None and os.path.lexists(self._root / origin)

    def _read(self, path: str) -> bytes | None:
        if path in self._contents:
            return self._contents[path]
        origin = self._origin.get(path, path)
        return None if origin is None else read(self._root, origin)


def read(root: Path, path: str) -> bytes | None:
    """The file's bytes; None where there is none.

    Raises:
        Refused: it is a link that leads out of its folder and out of the root: writing would change a stranger.
    """
    full = root / path
    if full.is_symlink():
        target = Path(os.path.realpath(full))
        homes = (Path(os.path.realpath(root)), Path(os.path.realpath(full.parent)))
        if not any(target.is_relative_to(home) for home in homes):
            raise Refused(f"{path} is a link that leads out of the project.", "Replace the link by a copy of the file.")
    try:
        return full.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def run(root: Path, actions: Sequence[Action]) -> None:
    """Does the actions in order. On an error those already done are taken back before it is raised again."""
    for index, action in enumerate(actions):
        try:
            _do(root, action)
        except OSError:
            for done in reversed(actions[: index + 1]):
                _take_back(root, done)
            raise


def heal(root: Path, actions: Iterable[Action]) -> list[str]:
    """Does what a crash left undone, and leaves alone what somebody else has changed since.

    Returns:
        paths left as they are because their content is neither the old nor the new one.
    """
    foreign: list[str] = []
    for action in actions:
        if isinstance(action, Rename):
            if os.path.lexists(root / action.source) and not os.path.lexists(root / action.target):
                _do(root, action)
            continue
        now = read(root, action.path)
        if now == action.new:
            continue
        if now == action.old or torn(now, action.old, action.new):
            _do(root, action)
        else:
            foreign.append(action.path)
    return foreign


def torn(now: bytes | None, old: bytes | None, new: bytes | None) -> bool:
    """Whether `now` is what an interrupted overwrite leaves: a beginning of `new`, then the rest of `old`."""
    if now is None or new is None:
        return False
    before = old or b""
    common = next(
        (at for at, (one, other) in enumerate(zip(now, new, strict=False)) if one != other), min(len(now), len(new))
    )
    return now[common:] == before[common:] or now == b"" or (len(now) < len(new) and not now.strip(b"\0"))


def _do(root: Path, action: Action) -> None:
    match action:
        case Write(path, _, None):
            (root / path).unlink(missing_ok=True)
        case Write(path, old, bytes() as new):
            if old is None:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
            durable.overwrite(root / path, new)
        case Rename(source, target):
            rename(root / source, root / target)


def _take_back(root: Path, action: Action) -> None:
    """Best effort after an error: what cannot be taken back now is mended when the journal is next opened."""
    try:
        match action:
            case Write(path, old, new):
                _do(root, Write(path, new, old))
            case Rename(source, target):
                if os.path.lexists(root / target) and not os.path.lexists(root / source):
                    rename(root / target, root / source)
    except OSError:
        return


def rename(source: Path, target: Path) -> None:
    """Moves a file, also to another file system: there it is copied whole and synced before the source goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(source, target)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    half = target.with_name(f".{target.name}.part")
    shutil.copy2(source, half, follow_symlinks=False)
    if not half.is_symlink():
        with half.open("rb") as copy:
            os.fsync(copy.fileno())
    os.rename(half, target)
    source.unlink()
