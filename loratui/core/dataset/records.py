"""What is known of images and cannot be seen in them: origin, scores, ratings, decisions. By content hash.

A file may be renamed, moved or thrown away and come back: what was recorded of its content stays with it.
"""

import hashlib
import json
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from loratui.core.dataset.caption import key
from loratui.core.dataset.folder import Image
from loratui.core.errors import LoratuiError
from loratui.core.store import Store

_SCHEMA = """
create table if not exists provenance(hash text primary key, board text, post text, md5 text, json text);
create index if not exists provenance_post on provenance(board, post);
create index if not exists provenance_md5 on provenance(md5);
create table if not exists rating(hash text primary key, stars integer);
create table if not exists scores(hash text, model text, json text, primary key(hash, model));
create table if not exists not_duplicates(a text, b text, primary key(a, b));
create table if not exists file(path text primary key, size integer, mtime integer, inode integer, hash text);
create table if not exists category(tag text primary key, name text, by_board integer);
create table if not exists rendered(hash text, caption blob, primary key(hash, caption));
"""
# Hashes of files are remembered so many at a time: each transaction is a flush to the disk.
_HASHES = 256


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
        self._store = Store(root / ".loratui" / "records.db", "The records", _SCHEMA, _fill_categories, version=2)
        self._hashes: dict[tuple[str, int, int, int], str] = {}
        self._unsaved: list[tuple[object, ...]] = []
        self._finalize = weakref.finalize(self, _save_hashes, self._store, self._unsaved)  # at the program's end
        self._categories: dict[str, tuple[str, bool]] = {}

    def __enter__(self) -> "Records":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next use opens it again."""
        _save_hashes(self._store, self._unsaved)
        self._store.close()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is recorded in the block is recorded together, or not at all: many records in one flush to the disk.

        Other threads and programs wait for its end: gather first, then record.
        """
        try:
            with self._store.writing():
                yield
        except BaseException:
            self._categories.clear()
            raise

    def content_hash(self, image: Image) -> str:
        """Hex of the 128-bit blake2b of the file's bytes; remembered by path, size, time of change and inode.

        Raises:
            OSError: the file cannot be read.
        """
        identity = (image.path, image.size, image.mtime_ns, image.inode)
        with self._store.lock:
            known = self._hashes.get(identity)
        if known is None:
            rows = self._store.read(
                "select hash from file where path=? and size=? and mtime=? and inode=?",
                (_storable(image.path), *identity[1:]),
            )
            if rows:
                known = self._hashes[identity] = str(rows[0][0])
        if known is not None:
            return known
        digest = file_hash(self._root / image.path)
        with self._store.lock:
            self._hashes[identity] = digest
            self._unsaved.append((_storable(image.path), *identity[1:], digest))
            if len(self._unsaved) >= _HASHES:
                _save_hashes(self._store, self._unsaved)
        return digest

    def provenance(self, digest: str) -> Provenance | None:
        """Where the content comes from; None: unknown."""
        rows = self._store.read("select json from provenance where hash=?", (digest,))
        return Provenance(**json.loads(rows[0][0])) if rows else None

    def put_provenance(self, digest: str, provenance: Provenance) -> None:
        """Records where a content comes from."""
        text = json.dumps(asdict(provenance))
        values = (digest, provenance.board, provenance.post, provenance.md5, text)
        with self.batch():
            self._write("insert or replace into provenance values(?,?,?,?,?)", values)
            self._learn([(key(tag), name, True) for name, tags in provenance.tags.items() for tag in tags])

    def provenances(self) -> dict[str, Provenance]:
        """Where every recorded content comes from, by its hash."""
        return {
            digest: Provenance(**json.loads(text))
            for digest, text in self._store.read("select hash, json from provenance")
        }

    def rendered(self, digest: str) -> list[bytes]:
        """The captions that were written from the board's tags of a content, oldest first.

        A caption that is none of them was edited since.
        """
        rows = self._store.read("select caption from rendered where hash=? order by rowid", (digest,))
        return [row[0] for row in rows]

    def put_rendered(self, captions: Mapping[str, bytes]) -> None:
        """Records what captions were written from the boards' tags, by content; undone ones count too."""
        with self._store.writing() as database:
            database.executemany("delete from rendered where hash=? and caption=?", captions.items())
            database.executemany("insert into rendered values(?,?)", captions.items())

    def hash_of_post(self, board: str, post: str) -> str | None:
        """The content downloaded from a post; None: it never was."""
        rows = self._store.read("select hash from provenance where board=? and post=?", (board, post))
        return str(rows[0][0]) if rows else None

    def hash_of_md5(self, md5: str) -> str | None:
        """The content whose board original has this md5; None: it never was downloaded."""
        rows = self._store.read("select hash from provenance where md5=? and md5<>''", (md5,))
        return str(rows[0][0]) if rows else None

    def stars(self, digest: str) -> int | None:
        """The person's rating, 1–5; None: not rated."""
        rows = self._store.read("select stars from rating where hash=?", (digest,))
        return int(rows[0][0]) if rows else None

    def set_stars(self, digest: str, stars: int | None) -> None:
        """Rates an image 1–5; None takes the rating back."""
        if stars is None:
            self._write("delete from rating where hash=?", (digest,))
        else:
            self._write("insert or replace into rating values(?,?)", (digest, stars))

    def scores(self, digest: str, model: str) -> dict[str, tuple[str, float]] | None:
        """What a tagger said of the content: category and probability by tag; None: not asked yet."""
        rows = self._store.read("select json from scores where hash=? and model=?", (digest, model))
        return {tag: (category, value) for tag, (category, value) in json.loads(rows[0][0]).items()} if rows else None

    def put_scores(self, digest: str, model: str, scores: Mapping[str, tuple[str, float]]) -> None:
        """Records what a tagger said of a content."""
        with self.batch():
            self._write("insert or replace into scores values(?,?,?)", (digest, model, json.dumps(dict(scores))))
            self._learn([(key(tag), name, False) for tag, (name, _) in scores.items()])

    def categories(self) -> dict[str, str]:
        """The category of every tag that a board or a tagger has named, by the tag's `key`; the boards' word counts."""
        return dict(self._store.read("select tag, name from category"))

    def not_duplicates(self) -> set[frozenset[str]]:
        """Pairs of contents the person has said are different."""
        return {frozenset(row) for row in self._store.read("select a, b from not_duplicates")}

    def mark_not_duplicates(self, one: str, other: str, different: bool = True) -> None:
        """Remembers, or forgets, that two contents are different."""
        low, high = sorted((one, other))
        if different:
            self._write("insert or ignore into not_duplicates values(?,?)", (low, high))
        else:
            self._write("delete from not_duplicates where a=? and b=?", (low, high))

    def _write(self, query: str, values: tuple[object, ...]) -> None:
        with self.batch():
            self._store.write(query, [values])
            _save_hashes(self._store, self._unsaved)

    def _learn(self, named: list[tuple[str, str, bool]]) -> None:
        """Keeps the categories of tags; nearly all of them are known after the first images."""
        with self._store.lock:
            new = []
            for tag, name, board in named:
                known = self._categories.get(tag)
                if known is None or (known != (name, board) and (board or not known[1])):
                    new.append((tag, name, board))
            if new:
                self._store.write(_LEARN, new)
                self._categories.update((tag, (name, board)) for tag, name, board in new)


def _save_hashes(store: Store, unsaved: list[tuple[object, ...]]) -> None:
    """Remembers the hashes worked out so far, where there are records: reading alone makes none.

    What cannot be remembered will be worked out again.
    """
    with store.lock, suppress(LoratuiError):
        if unsaved and store.exists and store.writable:
            store.write("insert or replace into file values(?,?,?,?,?)", unsaved)
            unsaved.clear()


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


# The boards' word counts: a tagger's does not replace it.
_LEARN = """
insert into category values(?,?,?) on conflict(tag) do update set name=excluded.name, by_board=excluded.by_board
where excluded.by_board or not by_board
"""


def _fill_categories(database: sqlite3.Connection) -> None:
    """Records of an earlier version have no table of categories: it is made of all that was recorded."""
    for (text,) in database.execute("select json from scores").fetchall():
        rows = [(key(tag), category, False) for tag, (category, _) in json.loads(text).items()]
        database.executemany(_LEARN, rows)
    for (text,) in database.execute("select json from provenance").fetchall():
        named = json.loads(text)["tags"].items()
        database.executemany(_LEARN, [(key(tag), category, True) for category, tags in named for tag in tags])
