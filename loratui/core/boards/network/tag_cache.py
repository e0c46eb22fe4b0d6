"""What one board told of its tags, remembered on disk: their categories, and which of them are other names."""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from loratui.core import paths, sanitize
from loratui.core.boards.network.connections import host_of

_SCHEMA = """
create table if not exists tag(name text primary key, category text);
create table if not exists alias(name text primary key, true_name text, at integer);
"""
_ALIAS_AGE = 30 * 86_400
"""Seconds for which a tag is taken to be the same other name, or none."""


class TagCache:
    """Use it as a context manager. It only spares requests: whatever is wrong with the disk, it knows nothing then.

    Args:
        url: the board's.
    """

    def __init__(self, url: str) -> None:
        path = paths.cache_dir() / "tags" / f"{sanitize.file_name(host_of(url))}.db"
        try:
            self._database = _opened(path)
        except (sqlite3.Error, OSError):
            self._database = _made(sqlite3.connect(":memory:"))

    def __enter__(self) -> "TagCache":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def categories(self, tags: Iterable[str]) -> dict[str, str]:
        """The categories of those of `tags` that the board was asked about."""
        return self._known("select category from tag where name=?", tags)

    def keep_categories(self, told: Mapping[str, str]) -> None:
        """Remembers what the board told: tag → category."""
        with suppress(sqlite3.Error), self._database:
            self._database.executemany("insert or replace into tag values(?,?)", told.items())

    def true_names(self, tags: Iterable[str]) -> dict[str, str]:
        """The true names of those of `tags` that the board was asked about lately; a tag's own if it is no alias."""
        oldest = int(time.time()) - _ALIAS_AGE
        return self._known(f"select true_name from alias where name=? and at>{oldest}", tags)

    def keep_true_names(self, told: Mapping[str, str]) -> None:
        """Remembers what the board told: tag → true name."""
        now = int(time.time())
        with suppress(sqlite3.Error), self._database:
            rows = [(name, true_name, now) for name, true_name in told.items()]
            self._database.executemany("insert or replace into alias values(?,?,?)", rows)

    def _known(self, query: str, tags: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for tag in tags:
            with suppress(sqlite3.Error):
                row = self._database.execute(query, (tag,)).fetchone()
                if row:
                    found[tag] = row[0]
        return found


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    return _made(sqlite3.connect(path, timeout=30))


def _made(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        database.execute("pragma journal_mode=wal")
        database.executescript(_SCHEMA)
        database.execute("select category from tag limit 1").fetchall()
    except sqlite3.Error:
        database.close()
        raise
    return database
