"""What is to be fetched and what became of it, in `.loratui/downloads.db`: a crash loses nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from loratui.core.boards.post import Post
from loratui.core.store import Store

State = Literal["queued", "fetched", "done", "existing", "failed", "cancelled"]
"""`fetched`: whole and checked, not yet in the dataset. `existing`: was there already, nothing was asked."""

BatchState = Literal["active", "paused", "cancelled", "done"]

_SCHEMA = """
create table if not exists batch(
  id integer primary key, board text, query text, folder text, options text, created text,
  state text, listed integer default 0, filtered text default '{}');
create table if not exists item(
  id integer primary key, batch integer references batch(id), board text, post integer, record blob,
  state text, reason text default '', bytes integer default 0, validator text default '', unique(batch, post));
create index if not exists item_state on item(batch, state);
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How a get was asked for, so that it can be gone on with.

    Attributes:
        limit: at most so many posts; None: all.
        min_side: posts with a shorter side are left out.
        captions: whether captions are written.
    """

    limit: int | None = None
    min_side: int = 0
    captions: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """One get.

    Attributes:
        folder: where the pictures go, relative to the root.
        created: RFC 3339.
        state: `active` while a program works on it, and after that program died.
        listed: all its posts are known.
        filtered: left out, by reason.
        counts: items by state.
        bytes: received so far.
    """

    id: int
    board: str
    query: str
    folder: str
    options: Options
    created: str
    state: BatchState
    listed: bool
    filtered: dict[str, int]
    counts: dict[State, int] = field(default_factory=dict)
    bytes: int = 0

    @property
    def total(self) -> int:
        """All its items."""
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        """Items still to be fetched or taken in."""
        return sum(self.counts.get(state, 0) for state in ("queued", "fetched"))


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a batch.

    Attributes:
        reason: why it failed, "" otherwise.
        bytes: received so far.
        validator: the server's mark of this version of the file (ETag or date), for going on with it.
    """

    id: int
    batch: int
    post: Post
    state: State
    reason: str
    bytes: int
    validator: str


class Manifest:
    """The queue of one root. May be used from several threads and several programs.

    Reading from a root that has none makes no file.
    """

    def __init__(self, root: Path) -> None:
        self._store = Store(root / ".loratui" / "downloads.db", "The download queue", _SCHEMA)

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next use opens it again."""
        self._store.close()

    def begin(self, board: str, query: str, folder: str, options: Options) -> int:
        """The batch of this query into this folder, new or gone on with; what failed before is queued again."""
        with self._store.writing() as database:
            row = database.execute(
                "select id from batch where board=? and query=? and folder=?", (board, query, folder)
            ).fetchone()
            text = json.dumps(msgspec.to_builtins(options))
            if row:
                database.execute("update batch set options=?, state='active', listed=0 where id=?", (text, row[0]))
                return int(row[0])
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            values = (board, query, folder, text, now)
            added = database.execute(
                "insert into batch(board, query, folder, options, created, state) values(?,?,?,?,?,'active')", values
            )
            return int(added.lastrowid or 0)

    def put(self, batch: int, posts: Sequence[tuple[Post, State]]) -> list[Item]:
        """Adds posts with their states, or brings those that are there up to date. Returns them as items."""
        with self._store.writing() as database:
            for post, state in posts:
                database.execute(
                    "insert into item(batch, board, post, record, state) values(?,?,?,?,?) "
                    "on conflict(batch, post) do update set record=excluded.record, state=excluded.state, reason=''",
                    (batch, post.board, post.id, msgspec.json.encode(post), state),
                )
        ids = [post.id for post, _ in posts]
        found = {item.post.id: item for item in self._items(f"batch=? and post in ({_marks(ids)})", (batch, *ids))}
        return [found[number] for number in ids]

    def keep_only(self, batch: int, posts: Iterable[int]) -> None:
        """Forgets items of earlier runs that the listing no longer holds."""
        kept = set(posts)
        with self._store.writing() as database:
            rows = database.execute("select post from item where batch=?", (batch,)).fetchall()
            gone = [(batch, post) for (post,) in rows if post not in kept]
            database.executemany("delete from item where batch=? and post=?", gone)

    def listed(self, batch: int, filtered: Mapping[str, int]) -> None:
        """All posts of the batch are known."""
        self._store.write("update batch set listed=1, filtered=? where id=?", [(json.dumps(dict(filtered)), batch)])

    def set_state(self, batch: int, state: BatchState) -> None:
        """Changes the state of a batch."""
        self._store.write("update batch set state=? where id=?", [(state, batch)])

    def mark(self, items: Iterable[tuple[int, State, str]]) -> None:
        """Changes the states of items: id, state, reason."""
        self._store.write(
            "update item set state=?, reason=? where id=?", [(state, why, key) for key, state, why in items]
        )

    def progress(self, received: Mapping[int, int], validators: Mapping[int, str]) -> None:
        """Keeps the bytes received and the servers' marks, by item."""
        with self._store.writing() as database:
            counts = [(count, key) for key, count in received.items()]
            database.executemany("update item set bytes=? where id=?", counts)
            marks = [(mark, key) for key, mark in validators.items()]
            database.executemany("update item set validator=? where id=?", marks)

    def cancel(self, batch: int) -> list[Item]:
        """Gives up what is not fetched yet. Returns those items."""
        with self._store.writing():
            dropped = self.items(batch, ("queued", "failed"))
            self.mark((item.id, "cancelled", "") for item in dropped)
            self.set_state(batch, "cancelled")
        return dropped

    def forget(self, batch: int) -> None:
        """Takes a batch off the list; the pictures stay."""
        with self._store.writing() as database:
            database.execute("delete from item where batch=?", (batch,))
            database.execute("delete from batch where id=?", (batch,))

    def items(self, batch: int, states: Sequence[State] = (), limit: int = -1) -> list[Item]:
        """The items of a batch in these states, all where none is named, in the board's order; at most `limit`."""
        if not states:
            return self._items("batch=?", (batch,), limit)
        return self._items(f"batch=? and state in ({_marks(states)})", (batch, *states), limit)

    def version(self) -> int:
        """A number that is another one after somebody else changed the queue; 0 where there is none."""
        rows = self._store.read("pragma data_version")
        return int(rows[0][0]) if rows else 0

    def batches(self) -> list[Batch]:
        """Every get, newest first, with its counts."""
        counts: dict[int, dict[State, int]] = {}
        received: dict[int, int] = {}
        for batch, state, count, bytes_ in self._store.read(
            "select batch, state, count(*), sum(bytes) from item group by batch, state", ()
        ):
            counts.setdefault(batch, {})[state] = count
            received[batch] = received.get(batch, 0) + bytes_
        rows = self._store.read(
            "select id, board, query, folder, options, created, state, listed, filtered from batch order by id desc", ()
        )
        return [
            Batch(
                id=number,
                board=board,
                query=query,
                folder=folder,
                options=msgspec.convert(json.loads(options), Options),
                created=created,
                state=state,
                listed=bool(listed),
                filtered=json.loads(filtered),
                counts=counts.get(number, {}),
                bytes=received.get(number, 0),
            )
            for number, board, query, folder, options, created, state, listed, filtered in rows
        ]

    def _items(self, where: str, values: tuple[object, ...], limit: int = -1) -> list[Item]:
        columns = "id, batch, record, state, reason, bytes, validator"
        rows = self._store.read(f"select {columns} from item where {where} order by id limit ?", (*values, limit))
        return [Item(row[0], row[1], msgspec.json.decode(row[2], type=Post), *row[3:]) for row in rows]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
