"""What is known of images and cannot be seen in them: origin, scores, ratings, decisions. By content hash.

A file may be renamed, moved or thrown away and come back: what was recorded of its content stays with it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import RLock
from types import TracebackType

from loratui.core.dataset.caption import key
from loratui.core.dataset.folder import Image
from loratui.core.errors import LoratuiError, from_os

_SCHEMA = """
create table if not exists provenance(hash text primary key, board text, post text, md5 text, json text);
create index if not exists provenance_post on provenance(board, post);
create index if not exists provenance_md5 on provenance(md5);
create table if not exists rating(hash text primary key, stars integer);
create table if not exists scores(hash text, model text, json text, primary key(hash, model));
create table if not exists not_duplicates(a text, b text, primary key(a, b));
create table if not exists file(path text primary key, size integer, mtime integer, inode integer, hash text);
"""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an image comes from.

    Attributes:
        board: the board's name in the configuration; `local` for files of the person's own.
        post: the post's id there, as text.
        url: the post's page.
        file_url: the file that was downloaded, without keys.
        md5: of the board's original, "" where it gives none.
        rating: g, s, q, e or "".
        score: the post's score; None where the board has none.
        source: where the board says it comes from.
        tags: the board's tags by category (artist character copyright general meta …), in its order.
        captured: when it was downloaded, RFC 3339 in UTC.
    """

    board: str
    post: str
    url: str = ""
    file_url: str = ""
    md5: str = ""
    rating: str = ""
    score: int | None = None
    source: str = ""
    tags: Mapping[str, list[str]] = field(default_factory=dict)
    captured: str = ""


class Records:
    """The records of one root: `.loratui/records.db`. May be used from several threads.

    Reading from a root that has none makes no file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = RLock()
        self._db: sqlite3.Connection | None = None
        self._hashes: dict[tuple[str, int, int, int], str] = {}

    def __enter__(self) -> "Records":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next use opens it again."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def content_hash(self, image: Image) -> str:
        """Hex of the 128-bit blake2b of the file's bytes; remembered by path, size, time of change and inode.

        Raises:
            OSError: the file cannot be read.
        """
        identity = (image.path, image.size, image.mtime_ns, image.inode)
        with self._lock:
            known = self._hashes.get(identity)
            if known is None:
                rows = self._read(
                    "select hash from file where path=? and size=? and mtime=? and inode=?",
                    (_storable(image.path), *identity[1:]),
                )
                known = rows[0][0] if rows else None
            if known is not None:
                self._hashes[identity] = known
                return known
        digest = file_hash(self._root / image.path)
        with self._lock:
            self._hashes[identity] = digest
            if self._exists():
                self._write(
                    "insert or replace into file values(?,?,?,?,?)", (_storable(image.path), *identity[1:], digest)
                )
        return digest

    def provenance(self, digest: str) -> Provenance | None:
        """Where the content comes from; None: unknown."""
        rows = self._read("select json from provenance where hash=?", (digest,))
        return Provenance(**json.loads(rows[0][0])) if rows else None

    def put_provenance(self, digest: str, provenance: Provenance) -> None:
        """Records where a content comes from."""
        text = json.dumps(asdict(provenance))
        values = (digest, provenance.board, provenance.post, provenance.md5, text)
        self._write("insert or replace into provenance values(?,?,?,?,?)", values)

    def hash_of_post(self, board: str, post: str) -> str | None:
        """The content downloaded from a post; None: it never was."""
        rows = self._read("select hash from provenance where board=? and post=?", (board, post))
        return str(rows[0][0]) if rows else None

    def hash_of_md5(self, md5: str) -> str | None:
        """The content whose board original has this md5; None: it never was downloaded."""
        rows = self._read("select hash from provenance where md5=? and md5<>''", (md5,))
        return str(rows[0][0]) if rows else None

    def stars(self, digest: str) -> int | None:
        """The person's rating, 1–5; None: not rated."""
        rows = self._read("select stars from rating where hash=?", (digest,))
        return int(rows[0][0]) if rows else None

    def set_stars(self, digest: str, stars: int | None) -> None:
        """Rates an image 1–5; None takes the rating back."""
        if stars is None:
            self._write("delete from rating where hash=?", (digest,))
        else:
            self._write("insert or replace into rating values(?,?)", (digest, stars))

    def scores(self, digest: str, model: str) -> dict[str, tuple[str, float]] | None:
        """What a tagger said of the content: category and probability by tag; None: not asked yet."""
        rows = self._read("select json from scores where hash=? and model=?", (digest, model))
        return {tag: (category, value) for tag, (category, value) in json.loads(rows[0][0]).items()} if rows else None

    def put_scores(self, digest: str, model: str, scores: Mapping[str, tuple[str, float]]) -> None:
        """Records what a tagger said of a content."""
        self._write("insert or replace into scores values(?,?,?)", (digest, model, json.dumps(dict(scores))))

    def categories(self) -> dict[str, str]:
        """The category of every tag that a board or a tagger has named, by the tag's `key`; the boards' word counts."""
        found: dict[str, str] = {}
        for (text,) in self._read("select json from scores", ()):
            found.update((key(tag), category) for tag, (category, _) in json.loads(text).items())
        for (text,) in self._read("select json from provenance", ()):
            for category, tags in json.loads(text)["tags"].items():
                found.update((key(tag), category) for tag in tags)
        return found

    def not_duplicates(self) -> set[frozenset[str]]:
        """Pairs of contents the person has said are different."""
        return {frozenset(row) for row in self._read("select a, b from not_duplicates", ())}

    def mark_not_duplicates(self, one: str, other: str, different: bool = True) -> None:
        """Remembers, or forgets, that two contents are different."""
        low, high = sorted((one, other))
        if different:
            self._write("insert or ignore into not_duplicates values(?,?)", (low, high))
        else:
            self._write("delete from not_duplicates where a=? and b=?", (low, high))

    def _exists(self) -> bool:
        return self._db is not None or (self._root / ".loratui").is_dir()

    def _read(self, query: str, values: tuple[object, ...]) -> list[tuple[str, ...]]:
        with self._lock:
            if self._db is None and not (self._root / ".loratui" / "records.db").exists():
                return []
            try:
                return self._open().execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise _broken(error) from error

    def _write(self, query: str, values: tuple[object, ...]) -> None:
        with self._lock:
            try:
                with self._open() as database:
                    database.execute(query, values)
            except sqlite3.Error as error:
                raise _broken(error) from error

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            folder = self._root / ".loratui"
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise from_os(error, f"Keeping records in {self._root.name}") from error
            self._db = sqlite3.connect(folder / "records.db", timeout=30, check_same_thread=False)
            # Write-ahead log: readers and a writer do not wait for each other; a commit survives a crash of us.
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.executescript(_SCHEMA)
        return self._db


def file_hash(path: Path) -> str:
    """Hex of the 128-bit blake2b of a file's bytes."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _storable(path: str) -> bytes | str:
    """SQLite takes no lone surrogates: a name that is not UTF-8 is stored as its bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode(errors="surrogateescape")
    return path


def _broken(error: sqlite3.Error) -> LoratuiError:
    return LoratuiError(
        f"The records (.loratui/records.db) cannot be used: {error}.",
        "Check the disk; move the file away to start anew.",
    )
