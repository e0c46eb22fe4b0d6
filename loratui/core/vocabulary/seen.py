"""Tags that boards told the category of, remembered on this machine: enough to complete words where nothing else can.

It is a cache: whatever is wrong with the file costs only what was remembered.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from loratui.core import paths
from loratui.core.vocabulary.offers import fold
from loratui.core.vocabulary.sources import Entry, proper

MOST = 100_000
"""Tags kept; the least seen go first."""

_SCHEMA = """
create table if not exists tag(
    key text primary key, name text not null, category text not null, count integer not null,
    times integer not null, changed integer not null
) without rowid;
create index if not exists by_change on tag(changed)
"""
_REMEMBER = """
insert into tag values(?1, ?2, ?3, ?4, ?5, ?6) on conflict(key) do update set
    times = times + ?5,
    changed = case when (?3 != '' and category != ?3) or (?4 > 0 and count = 0) then ?6 else changed end,
    category = case when ?3 != '' then ?3 else category end,
    count = max(count, ?4)
"""


def path() -> Path:
    """The database."""
    return paths.cache_dir() / "vocabulary" / "seen.db"


def remember(tags: Iterable[Entry]) -> None:
    """Writes down tags as a board told them: one transaction, some milliseconds for a page of posts."""
    now = time.time_ns() // 1000
    met: dict[tuple[str, str, int], int] = {}
    for tag in tags:
        told = tag.name, tag.category, tag.count
        met[told] = met.get(told, 0) + 1
    rows = [(fold(name), name, kind, count, times, now) for (name, kind, count), times in met.items() if proper(name)]
    if not rows:
        return
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        with _database() as database, database:
            database.executemany(_REMEMBER, rows)
            over = database.execute("select count(*) from tag").fetchone()[0] - MOST
            if over > 0:
                database.execute(
                    "delete from tag where key in (select key from tag order by times, changed limit ?)",
                    (over + MOST // 10,),
                )
    except (sqlite3.Error, OSError):
        return


def since(stamp: int) -> tuple[list[Entry], int]:
    """What is new or known better since `stamp`, and the stamp to ask with the next time.

    Args:
        stamp: 0 for all there is.
    """
    try:
        if not path().exists():
            return [], stamp
        with _database() as database:
            rows = database.execute(
                "select name, category, count, times, changed from tag where changed > ? order by changed", (stamp,)
            ).fetchall()
    except (sqlite3.Error, OSError):
        return [], stamp
    entries = [Entry(name, category, count, times=times) for name, category, count, times, _ in rows]
    return entries, rows[-1][4] if rows else stamp


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path(), timeout=5)) as database:
        database.execute("pragma synchronous=off")  # a cache: a crash of the machine may cost it
        database.executescript(_SCHEMA)
        yield database
