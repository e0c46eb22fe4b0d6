"""What a record does to the disk: two kinds of action, both safe to repeat, and their check against what is there."""

import errno
import filecmp
import os
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loratui.core import durable
from loratui.core.changes.journal import Record
from loratui.core.changes.plan import Add, Edit, Move, Remove, Stamp, inside, stamp
from loratui.core.errors import Conflict, Refused

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


class HalfDone(Exception):
    """Actions failed and could not all be taken back: the record must stay, so that opening the journal goes on.

    Args:
        cause: what failed first.
    """

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def trashed(reason: str, step: int, path: str) -> str:
    """Where a removed file lies: one folder a reason, so that a person can look into it."""
    return f"{TRASH}/{reason}/{step}/{path}"


def from_trash(path: str) -> str | None:
    """Where the file at a place in the trash had been; None for a path elsewhere."""
    return path.split("/", 4)[4] if path.startswith(f"{TRASH}/") else None


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
                source = trashed("undone", step.id, path) if again else staged.relative_to(root).as_posix()
                actions.append(Rename(source, path))
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

    def conflicts(self, actions: Iterable[Action]) -> list[Action]:
        """The actions that do not find the disk as they expect it. Empty: all can be done."""
        wrong: list[Action] = []
        for action in actions:
            match action:
                case Write(path, old, new):
                    if self._read(path) != old:
                        wrong.append(action)
                    self._contents[path] = new
                case Rename(source, target):
                    if not self._exists(source) or self._exists(target):
                        wrong.append(action)
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


def blamed(root: Path, action: Action) -> str:
    """The path by which a conflict is told: where a person knows the file."""
    if isinstance(action, Write):
        return action.path
    missing = not os.path.lexists(root / action.source)
    path = action.source if missing else action.target
    return from_trash(path) or path


def others(root: Path, seen: Mapping[str, Stamp]) -> list[str]:
    """The paths whose files are no longer those that were seen."""
    return [path for path, known in seen.items() if stamp(root / path) != known]


def within(root: Path, actions: Iterable[Action]) -> str | None:
    """The first path of the actions whose folder lies, by links, outside of the root; None: all lie inside."""
    home = Path(os.path.realpath(root))
    seen: set[str] = set()
    for action in actions:
        for path in (action.path,) if isinstance(action, Write) else (action.source, action.target):
            folder = path.rpartition("/")[0]
            if folder in seen:
                continue
            seen.add(folder)
            if not Path(os.path.realpath(root / folder)).is_relative_to(home):
                return path
    return None


def read(root: Path, path: str) -> bytes | None:
    """The file's bytes; None where there is none.

    Raises:
        Refused: it is no file; or a link that leads out of its folder and out of the root: writing would change a
            stranger.
    """
    full = root / path
    try:
        kind = os.lstat(full).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(kind):
        target = Path(os.path.realpath(full))
        homes = (Path(os.path.realpath(root)), Path(os.path.realpath(full.parent)))
        if not any(target.is_relative_to(home) for home in homes):
            raise Refused(f"{path} is a link that leads out of the project.", "Replace the link by a copy of the file.")
        kind = target.stat().st_mode if target.exists() else stat.S_IFREG
    if not stat.S_ISREG(kind):  # reading a pipe would never end
        raise Refused(f"{path} is no file.", "Move away what lies there.")
    try:
        return full.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def run(root: Path, actions: Sequence[Action]) -> None:
    """Does the actions in order; on any trouble, Ctrl-C included, takes back those already done.

    Raises:
        Conflict: a file was changed by somebody else at this very moment; all is as before.
        OSError, KeyboardInterrupt: all is as before.
        HalfDone: it could not be taken back.
    """
    for index, action in enumerate(actions):
        try:
            if not _do(root, action):
                path = blamed(root, action)
                raise Conflict(f"{path} changed on disk just now; nothing was changed.", "Look at it again.", (path,))
        except BaseException as error:
            # The failed action itself may be half done: an overwrite that was cut off, a copy without its rename.
            half = [action] if not isinstance(error, Conflict) else []
            back = [_take_back(root, done) for done in (*half, *reversed(actions[:index]))]
            if not all(back):
                raise HalfDone(error) from error
            raise


def heal(root: Path, actions: Iterable[Action]) -> list[str]:
    """Does what a crash left undone, and leaves alone what somebody else has changed since.

    Returns:
        paths left as they are because their content is neither the old nor the new one.
    """
    foreign: list[str] = []
    for action in actions:
        if isinstance(action, Rename):
            _finish_rename(root / action.source, root / action.target)
            continue
        now = read(root, action.path)
        if now == action.new:
            continue
        ours = now == action.old or torn(now, action.old, action.new)
        if not (ours and _do(root, Write(action.path, now, action.new))):
            foreign.append(action.path)
    return foreign


def torn(now: bytes | None, old: bytes | None, new: bytes | None) -> bool:
    """Whether `now` is what an interrupted overwrite leaves: a beginning of `new`, then the rest of `old`."""
    if now is None or new is None:
        return False
    before = old or b""
    shorter = min(len(now), len(new))
    common = next((at for at in range(shorter) if now[at] != new[at]), shorter)
    return now[common:] == before[common:] or now == b"" or (len(now) < len(new) and not now.strip(b"\0"))


def _do(root: Path, action: Action) -> bool:
    """Does one action; False, and nothing done, where the disk is not as it expects."""
    match action:
        case Write(path, old, None):
            if read(root, path) != old:
                return False
            (root / path).unlink(missing_ok=True)
        case Write(path, old, bytes() as new):
            if old is None:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
            return durable.overwrite(root / path, new, old)
        case Rename(source, target):
            if os.path.lexists(root / target) or not os.path.lexists(root / source):
                return False
            rename(root / source, root / target)
    return True


def _take_back(root: Path, action: Action) -> bool:
    """Undoes one action that was done or begun. Returns whether all is as before it."""
    try:
        match action:
            case Write(path, old, new):
                now = read(root, path)
                if now == old:
                    return True
                return (now == new or torn(now, old, new)) and _do(root, Write(path, now, old))
            case Rename(source, target):
                _finish_rename(root / target, root / source)
                return os.path.lexists(root / source)
    except (OSError, Refused):
        return False


def _finish_rename(source: Path, target: Path) -> None:
    """Moves `source` to `target` unless that was done; drops the original of a copy that a crash cut off at its end."""
    if not os.path.lexists(source):
        return
    if not os.path.lexists(target):
        rename(source, target)
    elif source.is_file() and target.is_file() and filecmp.cmp(source, target, shallow=False):
        source.unlink()


def rename(source: Path, target: Path) -> None:
    """Moves a file, also to another file system: there it is copied whole and synced before the source goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(source, target)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    half = target.with_name(f".{target.name[:200]}.part")
    shutil.copy2(source, half, follow_symlinks=False)
    if not half.is_symlink():
        with half.open("rb") as copy:
            os.fsync(copy.fileno())
    os.rename(half, target)
    durable.sync_folder(target.parent)
    source.unlink()


def checked(record: Record, root: Path) -> Record:
    """The record, if none of its paths leaves the root: it may come from somebody else.

    Raises:
        Refused: one does.
    """
    for operation in record.operations:
        inside(operation.path)
        match operation:
            case Move(_, to):
                inside(to)
            case Remove(_, reason) if "/" in reason or "\0" in reason or reason in ("", ".", ".."):
                raise Refused(f"{reason!r} is no reason for a removal.")
            case Add(_, staged):
                inside(staged.relative_to(root).as_posix() if staged.is_relative_to(root) else str(staged))
    return record
