"""Writes that are whole or not there, and locks that end with their process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_file(path: Path, data: bytes | str, mode: int | None = None) -> None:
    """Replaces the file at `path` durably: temporary file beside it, fsync, rename, fsync of the folder.

    Args:
        path: its folder must exist. A symbolic link is followed, so that it stays a link.
        data: text is written as UTF-8.
        mode: permission bits; None keeps those of the file that was there, else the usual 0666 less the umask.

    Raises:
        OSError: the file that was there is untouched.
    """
    path = Path(os.path.realpath(path))
    if mode is None:
        try:
            mode = path.stat().st_mode & 0o7777
        except FileNotFoundError:
            umask = os.umask(0)
            os.umask(umask)
            mode = 0o666 & ~umask
    raw = data.encode() if isinstance(data, str) else data
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as temporary:
        try:
            temporary.write(raw)
            temporary.flush()
            os.fchmod(temporary.fileno(), mode)
            os.fsync(temporary.fileno())
            os.replace(temporary.name, path)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def overwrite(path: Path, data: bytes, expected: bytes | None) -> bool:
    """Writes `data` over the file in place, keeping links, owner and mode. Not atomic: only under the journal.

    No truncation first: it costs a flush on ext4 (65 times slower, measured).

    Args:
        path: the file.
        data: its new bytes.
        expected: the bytes it must have, compared through the descriptor that is written; None: it must not exist.

    Returns:
        whether it was as expected; else nothing was written.
    """
    flags = os.O_RDWR if expected is not None else os.O_RDWR | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(path, flags, 0o666)
    except (FileExistsError, FileNotFoundError):
        return False
    try:
        if expected is not None and read_whole(descriptor) != expected:
            return False
        view = memoryview(data)
        offset = 0
        while offset < len(view):
            offset += os.pwrite(descriptor, view[offset:], offset)
        os.ftruncate(descriptor, len(data))
        return True
    finally:
        os.close(descriptor)


def read_whole(descriptor: int) -> bytes:
    """All bytes of an open file, from its beginning. Small reads: a large buffer costs an allocation per file."""
    parts = []
    offset = 0
    while part := os.pread(descriptor, 65536, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Holds an exclusive lock on the file at `path` (made if missing); the kernel lets go when the process ends.

    Args:
        path: its folder must exist.
        wait: False yields False at once where another process holds it.

    Yields:
        whether the lock is held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
