"""What was asked before, on this machine: the queries typed lately, and where `since` keeps what was seen of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from loratui.core import paths
from loratui.core.errors import from_os
from loratui.core.sanitize import line
from loratui.core.store import Store

MOST = 200
"""Queries kept."""

_SCHEMA = """
create table if not exists asked(query text primary key, at integer not null) without rowid;
create table if not exists mark(
    query text not null, board text not null, id integer not null, created text not null, primary key(query, board)
) without rowid
"""


@contextmanager
def store() -> Iterator[Store]:
    """The database, for a moment. Several programs may use it at once."""
    path = paths.state_dir() / "queries.db"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, "Opening what is known of queries") from error
    opened = Store(path, "What is known of queries", _SCHEMA)
    try:
        yield opened
    finally:
        opened.close()


def recent() -> list[str]:
    """The queries searched lately, the newest last.

    Raises:
        LoratuiError: they cannot be read.
    """
    with store() as opened:
        return [line(query) for (query,) in opened.read("select query from asked order by at")]


def asked(query: str) -> None:
    """Remembers a query that was searched.

    Raises:
        LoratuiError: it cannot be written.
    """
    query = " ".join(query.split())
    if not query:
        return
    with store() as opened, opened.writing() as database:
        database.execute("insert or replace into asked values(?, ?)", (query, time.time_ns()))
        database.execute(
            "delete from asked where query not in (select query from asked order by at desc limit ?)", (MOST,)
        )
