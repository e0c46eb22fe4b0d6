"""Looking at every picture of a folder once: header, look and content hash, remembered until a file changes.

The cache is SQLite in `.loratui/cache/` of the root, or in the cache folder of the machine where the root has no
`.loratui` yet: looking at a stranger's folder leaves nothing in it. It may be deleted at any time.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from types import TracebackType

import msgspec

from loratui.core import pictures
from loratui.core.dataset.folder import Image
from loratui.core.images import opening
from loratui.core.images.hashing import SIDE, Look, look
from loratui.core.jobs import Report, check, silent
from loratui.core.paths import cache_dir
from loratui.core.pictures import PictureError, Problem

# Raise it when hashing, comparing or what is kept changes: an older cache is then thrown away.
_VERSION = 5
_THREADS = 2
_SAVE_SECONDS = 2.0
_BATCH = 64
_SCHEMA = """
create table if not exists file(path blob primary key, size integer, mtime integer, inode integer, what blob);
create table if not exists comparison(a blob, b blob, result blob, primary key(a, b)) without rowid;
"""


class Facts(msgspec.Struct, frozen=True, tag="facts"):
    """What is known of one picture file.

    Attributes:
        content: hex of the 128-bit blake2b of the file, the key of `dataset.records` too.
        bytes: size of the file.
        format, mode, width, height, orientation, frames, alpha, bits, quality, metadata: see `opening.Header`.
        profiled: whether it has an ICC profile that is not sRGB.
        lossless: whether its format keeps every pixel.
        look: its hashes.
    """

    content: str
    bytes: int
    format: str
    mode: str
    width: int
    height: int
    orientation: int
    frames: int
    alpha: bool
    bits: int
    quality: int | None
    metadata: bool
    profiled: bool
    lossless: bool
    look: Look


class _Failure(msgspec.Struct, frozen=True, tag="failure"):
    """A `PictureError`, as the cache keeps it."""

    problem: Problem
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Survey:
    """Every picture looked at.

    Attributes:
        facts: by path, as `Image.path`.
        failures: why a file could not be read, by path.
        fresh: how many had to be decoded, the others being known already.
    """

    facts: dict[str, Facts]
    failures: dict[str, PictureError]
    fresh: int


class Cache:
    """What is remembered of files and of pairs. For one thread; a context manager, which saves at its end.

    A cache that cannot be written or read (a full disk, a damaged file) costs time, never an error.

    Args:
        root: the folder whose images are looked at.
        keep: False reads what is remembered and writes nothing: for `--dry-run`.
    """

    def __init__(self, root: Path, keep: bool = True) -> None:
        home = root / ".loratui"
        if home.is_dir() or (root / "loratui.toml").is_file():
            self._path = home / "cache" / "images.db"
        else:
            name = hashlib.blake2b(os.fsencode(os.path.realpath(root)), digest_size=16).hexdigest()
            self._path = cache_dir() / "images" / f"{name}.db"
        self._keep = keep
        self._saved = time.monotonic()
        self._db = self._open()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(sqlite3.Error):
            if self._keep:
                self._db.commit()
            self._db.close()

    def files(self) -> dict[str, tuple[tuple[int, int, int], bytes]]:
        """Identity (size, time of change, inode) and what is known, by path."""
        with suppress(sqlite3.Error):
            rows = self._db.execute("select path, size, mtime, inode, what from file")
            return {os.fsdecode(path): ((size, mtime, inode), what) for path, size, mtime, inode, what in rows}
        return {}

    def put_files(self, rows: Sequence[tuple[Image, bytes]]) -> None:
        """Remembers what is known of files."""
        values = [(os.fsencode(i.path), i.size, i.mtime_ns, i.inode, what) for i, what in rows]
        self._write("insert or replace into file values(?,?,?,?,?)", values)

    def comparison(self, a: bytes, b: bytes) -> bytes | None:
        """The result of comparing two contents, in this order."""
        with suppress(sqlite3.Error):
            row = self._db.execute("select result from comparison where a=? and b=?", (a, b)).fetchone()
            return bytes(row[0]) if row else None
        return None

    def put_comparison(self, a: bytes, b: bytes, result: bytes) -> None:
        """Remembers the result of comparing two contents."""
        self._write("insert or replace into comparison values(?,?,?)", [(a, b, result)])

    def _write(self, query: str, values: Sequence[tuple[object, ...]]) -> None:
        if self._keep and values:
            with suppress(sqlite3.Error):
                self._db.executemany(query, values)
                # Often enough that a kill loses little and no other program waits for long.
                if time.monotonic() - self._saved > _SAVE_SECONDS:
                    self._db.commit()
                    self._saved = time.monotonic()

    def _open(self) -> sqlite3.Connection:
        if self._keep:
            for _ in range(2):
                with suppress(OSError, sqlite3.Error):
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    return self._connect(str(self._path))
                with suppress(OSError):  # damaged: begin anew, once
                    self._path.unlink(missing_ok=True)
        elif self._path.is_file():
            with suppress(sqlite3.Error):
                database = sqlite3.connect(f"{self._path.as_uri()}?mode=ro&immutable=1", uri=True)
                if database.execute("pragma user_version").fetchone()[0] == _VERSION:
                    return database
                database.close()
        return self._connect(":memory:")

    @staticmethod
    def _connect(where: str) -> sqlite3.Connection:
        database = sqlite3.connect(where, timeout=10)
        try:
            database.execute("pragma synchronous=off")
            if database.execute("pragma user_version").fetchone()[0] != _VERSION:
                database.executescript("drop table if exists file; drop table if exists comparison;" + _SCHEMA)
                database.execute(f"pragma user_version={_VERSION}")
        except sqlite3.Error:
            database.close()
            raise
        return database


def survey(
    root: Path, images: Sequence[Image], cache: Cache, *, report: Report = silent, cancel: Event | None = None
) -> Survey:
    """Looks at every image; those that have not changed since the last time cost nothing but the comparison of a stat.

    Args:
        root: what the images' paths are relative to.
        images: as `dataset.folder.scan` lists them.
        cache: what is remembered; gets what is new.

    Raises:
        Cancelled: what was looked at until then is remembered.
    """
    known = cache.files()
    facts: dict[str, Facts] = {}
    failures: dict[str, PictureError] = {}
    missing: list[Image] = []
    decoder = msgspec.msgpack.Decoder(Facts | _Failure)
    for image in images:
        identity, what = known.get(image.path, (None, b""))
        if identity != image.stamp:
            missing.append(image)
            continue
        result = decoder.decode(what)
        if isinstance(result, Facts):
            facts[image.path] = result
        else:
            failures[image.path] = PictureError(result.problem, result.message, result.remedy)
    fresh: list[tuple[Image, bytes]] = []
    report(len(images) - len(missing), len(images))
    try:
        for count, (image, outcome) in enumerate(_looked(root, missing), len(images) - len(missing) + 1):
            if isinstance(outcome, Facts):
                facts[image.path] = outcome
                fresh.append((image, msgspec.msgpack.encode(outcome)))
            else:
                failures[image.path] = outcome
                # Missing and unreadable files may heal without a trace in their times.
                if outcome.problem not in ("missing", "unreadable"):
                    kept = _Failure(outcome.problem, outcome.message, outcome.remedy)
                    fresh.append((image, msgspec.msgpack.encode(kept)))
            if len(fresh) >= _BATCH:
                cache.put_files(fresh)
                fresh.clear()
            report(count, len(images), image.name)
            check(cancel)
    finally:
        cache.put_files(fresh)
    return Survey(facts, failures, len(missing))


def examine(path: Path) -> Facts:
    """What is known of one file.

    Raises:
        PictureError: it cannot be used as a picture.
    """
    with pictures.opened(path) as image:
        # A JPEG is decoded small. Others take their turn before they are read, or two would be in memory.
        pixels = 0 if image.format in ("JPEG", "MPO") else image.width * image.height
    with opening.alone(pixels):
        data = pictures.read(path)
        content, size = hashlib.blake2b(data, digest_size=16).hexdigest(), len(data)
        header, picture = opening.examine(data, path.name, SIDE)
        lossless = _lossless(header.format, data)
        del data
        seen = look(picture)
    return Facts(
        content=content,
        bytes=size,
        format=header.format,
        mode=header.mode,
        width=header.width,
        height=header.height,
        orientation=header.orientation,
        frames=header.frames,
        alpha=header.alpha,
        bits=header.bits,
        quality=header.quality,
        metadata=header.metadata,
        profiled=bool(header.profile) and not opening.is_srgb(header.profile),
        lossless=lossless,
        look=seen,
    )


def _lossless(format_: str, data: bytes) -> bool:
    if format_ == "WEBP":
        return b"VP8L" in data[12:128]
    return format_ in ("PNG", "BMP", "GIF", "TIFF")


def _looked(root: Path, images: Sequence[Image]) -> Iterator[tuple[Image, Facts | PictureError]]:
    """Examines images on two threads, which is what decoding gains from; a few ahead, so that memory stays bounded."""
    pool = ThreadPoolExecutor(_THREADS)
    waiting: list[tuple[Image, Future[Facts | PictureError]]] = []
    source = iter(images)
    try:
        waiting.extend((image, pool.submit(_outcome, root / image.path)) for image in islice(source, 4 * _THREADS))
        while waiting:
            image, future = waiting.pop(0)
            yield image, future.result()
            waiting.extend((image, pool.submit(_outcome, root / image.path)) for image in islice(source, 1))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _outcome(path: Path) -> Facts | PictureError:
    try:
        return examine(path)
    except PictureError as error:
        return error
