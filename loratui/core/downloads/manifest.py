"""What is to be fetched and what became of it, in `.loratui/downloads.db`: a crash loses nothing.

One process at a time fetches (it holds `downloads.lock`); any other may add to the queue and change the states of its
batches, which the fetching one obeys.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.post import Post
from loratui.core.store import Store

State = Literal["queued", "fetched", "done", "existing", "failed", "cancelled"]
"""`fetched`: whole and checked, not yet in the dataset. `existing`: was there already, nothing was asked."""

BatchState = Literal["active", "paused", "cancelled", "done"]

_SCHEMA = """
create table if not exists batch(
  id integer primary key, board text, query text, folder text, options text, created text,
  state text, listed integer default 0, filtered text default '{}',
  rank integer default 0, asked integer default 0, problem text default '');
create table if not exists item(
  id integer primary key, batch integer references batch(id), board text, post integer, record blob,
  state text, reason text default '', bytes integer default 0, validator text default '', size integer,
  unique(batch, board, post));
"""
_CHUNK = 400  # keys of one statement


@dataclass(frozen=True, slots=True)
class Options:
    """How a get was asked for, so that it can be gone on with.

    Attributes:
        limit: at most so many posts; None: all.
        wishes: which posts, and which of a post's files.
        captions: whether captions are written.
    """

    limit: int | None = None
    wishes: Wishes = field(default_factory=Wishes)
    captions: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """One get.

    Attributes:
        board: its name in the configuration; several are parted by commas.
        folder: where the pictures go, relative to the root.
        created: RFC 3339.
        state: `active`: to be worked on, in its turn.
        listed: all its posts are known.
        filtered: left out, by reason.
        problem: why it was stopped, and what to do, "" if nobody but a person stopped it.
        rank: the smaller goes first; of equals the older.
        counts: items by state.
        bytes: received so far.
        left: bytes to come, of the files whose size is known.
        unsized: how many files to come have no known size.
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
    problem: str = ""
    rank: int = 0
    counts: dict[State, int] = field(default_factory=dict)
    bytes: int = 0
    left: int = 0
    unsized: int = 0

    @property
    def total(self) -> int:
        """All its items."""
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        """Items still to be fetched or taken in."""
        return sum(self.counts.get(state, 0) for state in ("queued", "fetched"))

    @property
    def failed(self) -> int:
        """Items that did not come."""
        return self.counts.get("failed", 0)

    @property
    def boards(self) -> list[str]:
        """The names of its boards."""
        return self.board.split(",")


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a batch.

    Attributes:
        reason: why it failed, "" otherwise.
        bytes: received so far.
        size: bytes of the whole file; None if unknown.
        validator: the server's mark of this version of the file (ETag or date), for going on with it.
    """

    id: int
    batch: int
    post: Post
    state: State
    reason: str = ""
    bytes: int = 0
    size: int | None = None
    validator: str = ""


class Manifest:
    """The queue of one root. May be used from several threads and several programs.

    Reading from a root that has none makes no file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        path = root / ".loratui" / "downloads.db"
        self._store = Store(path, "The download queue", _SCHEMA, _upgrade, version=2)

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next use opens it again."""
        self._store.close()

    # --- batches -------------------------------------------------------------------------------------------------

    def begin(
        self,
        board: str,
        query: str,
        folder: str,
        options: Options,
        posts: Sequence[tuple[Post, State, int | None]] | None = None,
        join: Callable[[], bool] = lambda: False,
    ) -> int:
        """The batch of this query into this folder, new or once more: it is active, and will be listed anew.

        Args:
            posts: all it consists of, as for `put`; None: they are to be listed.
            join: tells whether somebody works on the queue: then a batch that is active and was asked for in the same
                way is left as it is, though all is listed.
        """
        with self._store.writing():
            number = self._begin(board, query, folder, json.dumps(msgspec.to_builtins(options)), join)
            if posts is not None:
                self.put(number, posts)
                self.listed(number, {})
            return number

    def _begin(self, board: str, query: str, folder: str, text: str, join: Callable[[], bool]) -> int:
        with self._store.writing() as database:
            row = database.execute(
                "select id, state, options, listed from batch where board=? and query=? and folder=?",
                (board, query, folder),
            ).fetchone()
            if row:
                if row[1:3] == ("active", text) and (not row[3] or join()):
                    return int(row[0])
                database.execute(
                    "update batch set options=?, state='active', listed=0, problem='', asked=asked+1 where id=?",
                    (text, row[0]),
                )
                return int(row[0])
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            added = database.execute(
                "insert into batch(board, query, folder, options, created, state) values(?,?,?,?,?,'active')",
                (board, query, folder, text, now),
            )
            return int(added.lastrowid or 0)

    def listed(self, batch: int, filtered: Mapping[str, int], keep: Collection[tuple[str, int]] | None = None) -> None:
        """All posts of the batch are known.

        Args:
            filtered: left out, by reason.
            keep: board and id of the posts listed: items of earlier runs that are not among them are forgotten.
        """
        with self._store.writing() as database:
            if keep is not None:
                rows = database.execute("select id, board, post from item where batch=?", (batch,)).fetchall()
                gone = [(key,) for key, board, post in rows if (board, post) not in keep]
                database.executemany("delete from item where id=?", gone)
            database.execute("update batch set listed=1, filtered=? where id=?", (json.dumps(dict(filtered)), batch))

    def set_state(self, batch: int, state: BatchState, problem: str = "") -> None:
        """Changes the state of a batch."""
        self._store.write("update batch set state=?, problem=? where id=?", [(state, problem, batch)])

    def settle(self, batch: int, state: BatchState, asked: int, problem: str = "") -> bool:
        """Changes the state of a batch that was worked on, unless a person has changed it, or asked again, since.

        Returns:
            whether it was changed.
        """
        with self._store.writing() as database:
            done = database.execute(
                "update batch set state=?, problem=? where id=? and state='active' and asked=?",
                (state, problem, batch, asked),
            )
            return done.rowcount > 0

    def asked(self, batch: int) -> int:
        """A number that is another one after the batch was begun once more."""
        rows = self._store.read("select asked from batch where id=?", (batch,))
        return int(rows[0][0]) if rows else -1

    def next(self) -> int | None:
        """The active batch whose turn it is."""
        rows = self._store.read("select id from batch where state='active' order by rank, id limit 1")
        return int(rows[0][0]) if rows else None

    def put_first(self, batch: int) -> None:
        """Has the batch go before all others."""
        self._store.write("update batch set rank=(select min(rank) from batch)-1 where id=?", [(batch,)])

    def retry(self, batch: int, states: Sequence[State] = ("failed",), item: int | None = None) -> int:
        """Queues again what failed, or what else is named, and makes the batch active. Returns how many.

        Args:
            item: this file alone; None: all.
        """
        with self._store.writing() as database:
            done = database.execute(
                f"update item set state='queued', reason='' where batch=? and state in ({_marks(states)}) "
                "and id=coalesce(?, id)",
                (batch, *states, item),
            )
            self.set_state(batch, "active")
            return done.rowcount

    def cancel(self, batch: int) -> None:
        """Gives up what is not fetched yet."""
        with self._store.writing() as database:
            database.execute(
                "update item set state='cancelled', reason='' where batch=? and state in ('queued','failed')", (batch,)
            )
            self.set_state(batch, "cancelled")

    def forget(self, batch: int) -> None:
        """Takes a batch off the list; the pictures stay."""
        with self._store.writing() as database:
            database.execute("delete from item where batch=?", (batch,))
            database.execute("delete from batch where id=?", (batch,))

    def version(self) -> int:
        """A number that is another one after somebody else changed the queue; 0 where there is none."""
        rows = self._store.read("pragma data_version")
        return int(rows[0][0]) if rows else 0

    def batch(self, number: int) -> Batch | None:
        """One get, with its counts; None: it was taken off the list."""
        return next(iter(self._batches("where id=?", (number,))), None)

    def batches(self) -> list[Batch]:
        """Every get, newest first, with its counts."""
        return self._batches("order by id desc", ())

    def _batches(self, which: str, values: tuple[object, ...]) -> list[Batch]:
        rows = self._store.read(
            "select id, board, query, folder, options, created, state, listed, filtered, problem, rank "
            f"from batch {which}",
            values,
        )
        sums: dict[int, list[tuple[State, int, int, int, int]]] = {}
        # `item_progress` holds all that is asked for: the records themselves are not read.
        scope, numbers = ("where batch=?", (rows[0][0],)) if len(rows) == 1 else ("", ())
        for batch, *sum_ in self._store.read(
            "select batch, state, count(*), sum(bytes), sum(max(coalesce(size, 0) - bytes, 0)), count(*) - count(size) "
            f"from item {scope} group by batch, state",
            numbers,
        ):
            sums.setdefault(batch, []).append(tuple(sum_))
        found = []
        for number, board, query, folder, options, created, state, listed, filtered, problem, rank in rows:
            own = sums.get(number, [])
            found.append(
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
                    problem=problem,
                    rank=rank,
                    counts={name: count for name, count, *_ in own},
                    bytes=sum(row[2] for row in own),
                    left=sum(row[3] for row in own if row[0] == "queued"),
                    unsized=sum(row[4] for row in own if row[0] == "queued"),
                )
            )
        return found

    # --- items ---------------------------------------------------------------------------------------------------

    def put(self, batch: int, posts: Sequence[tuple[Post, State, int | None]]) -> list[Item]:
        """Adds posts with their state and the size of their file (None: unknown), or brings those there up to date."""
        keys: dict[tuple[str, int], tuple[int, int, str]] = {}
        with self._store.writing() as database:
            for post, state, size in posts:
                database.execute(
                    "insert into item(batch, board, post, record, state, size) values(?,?,?,?,?,?) "
                    "on conflict(batch, board, post) do update set "
                    "record=excluded.record, state=excluded.state, size=coalesce(excluded.size, size), reason=''",
                    (batch, post.board, post.id, msgspec.json.encode(post), state, size),
                )
            for start in range(0, len(posts), _CHUNK):
                ids = [post.id for post, _, _ in posts[start : start + _CHUNK]]
                for key, board, number, received, mark in database.execute(
                    f"select id, board, post, bytes, validator from item where batch=? and post in ({_marks(ids)})",
                    (batch, *ids),
                ):
                    keys[board, number] = (key, received, mark)
        items = []
        for post, state, size in posts:
            key, received, mark = keys[post.board, post.id]
            items.append(Item(key, batch, post, state, "", received, size, mark))
        return items

    def note(
        self,
        marks: Iterable[tuple[int, State, str]] = (),
        received: Mapping[int, int] | None = None,
        sizes: Mapping[int, int] | None = None,
        validators: Mapping[int, str] | None = None,
    ) -> None:
        """Keeps what happened to items, by their id: states with reasons, bytes received, sizes, the servers' marks."""
        with self._store.writing() as database:
            for column, values in (("bytes", received), ("size", sizes), ("validator", validators)):
                rows = [(value, key) for key, value in (values or {}).items()]
                database.executemany(f"update item set {column}=? where id=?", rows)
            database.executemany(
                "update item set state=?, reason=? where id=?", [(state, why, key) for key, state, why in marks]
            )

    def items(self, batch: int, states: Sequence[State] = (), limit: int = -1) -> list[Item]:
        """The items of a batch in these states, all where none is named, in the board's order; at most `limit`."""
        if not states:
            return self._items("batch=?", (batch,), limit)
        return self._items(f"batch=? and state in ({_marks(states)})", (batch, *states), limit)

    def open_posts(self) -> set[tuple[str, int]]:
        """Board and number of every post that is still to be fetched or taken in. Reads no records."""
        return set(
            self._store.read(
                "select item.board, item.post from item join batch on batch.id=item.batch "
                "where item.state in ('queued', 'fetched') and batch.state<>'cancelled'"
            )
        )

    def begun(self, batch: int) -> list[Item]:
        """The items of a batch that are coming in now, or were broken off."""
        return self._items("batch=? and state='queued' and bytes>0", (batch,))

    def waiting(self, batch: int, limit: int = -1) -> list[Item]:
        """The items of a batch that nothing came of yet; at most `limit`."""
        return self._items("batch=? and state='queued' and bytes=0", (batch,), limit)

    def reasons(self, batch: int) -> dict[str, int]:
        """How many items failed, by reason, the commonest first."""
        return dict(
            self._store.read(
                "select reason, count(*) from item where batch=? and state='failed' group by reason order by 2 desc",
                (batch,),
            )
        )

    def _items(self, where: str, values: tuple[object, ...], limit: int = -1) -> list[Item]:
        columns = "id, batch, record, state, reason, bytes, size, validator"
        rows = self._store.read(f"select {columns} from item where {where} order by id limit ?", (*values, limit))
        return [Item(row[0], row[1], msgspec.json.decode(row[2], type=Post), *row[3:]) for row in rows]


def _upgrade(database: sqlite3.Connection) -> None:
    """A queue of version 1 gets the columns it lacks; its items may be of several boards now."""
    columns = {row[1] for row in database.execute("pragma table_info(batch)")}
    for name, kind in (("rank", "integer default 0"), ("asked", "integer default 0"), ("problem", "text default ''")):
        if name not in columns:
            database.execute(f"alter table batch add column {name} {kind}")
    if "size" not in {row[1] for row in database.execute("pragma table_info(item)")}:
        old = "id, batch, board, post, record, state, reason, bytes, validator"
        database.execute("drop index if exists item_state")
        database.execute("alter table item rename to item_1")
        database.execute(next(part for part in _SCHEMA.split(";") if "item(" in part))
        database.execute(f"insert into item({old}) select {old} from item_1")
        database.execute("drop table item_1")
    database.execute("create index if not exists item_progress on item(batch, state, bytes, size)")


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
