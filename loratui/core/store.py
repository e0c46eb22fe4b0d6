"""A small SQLite database of a root, such as `.loratui/records.db`: opened on first use, used from several threads.

Reading makes no file and changes none: where there is no database nothing is known, and in a folder that cannot be
written it is read as it is. Writing is durable when it returns. There is no write-ahead log: it needs memory shared
between processes, which network file systems do not have, and a folder that can be written even for reading. The price
is a flush to the disk for every transaction; what comes in numbers goes into one (`writing`).
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from loratui.core.errors import LoratuiError, from_os

_WAIT = 30.0  # seconds for another program's transaction


class Store:
    """One database.

    Args:
        path: the file; its folder is made with it.
        name: what it holds, as a sentence begins: `The records`.
        schema: SQL that makes what is not there yet.
        upgrade: called in the transaction that made new tables in a database of an earlier version.
        version: of the tables; raise it when `schema` or `upgrade` makes more than before.

    Attributes:
        lock: held during every use; whoever keeps state beside the database guards it by the same one.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        schema: str,
        upgrade: Callable[[sqlite3.Connection], None] | None = None,
        version: int = 1,
    ) -> None:
        self._path = path
        self._name = name
        self._schema = schema
        self._upgrade = upgrade
        self._version = version
        self.lock = RLock()
        self._db: sqlite3.Connection | None = None
        self._fixed = False  # opened where nothing can be written
        self._depth = 0

    @property
    def exists(self) -> bool:
        """Whether there is a database."""
        return self._db is not None or os.path.exists(self._path)

    @property
    def writable(self) -> bool:
        """Whether it could be written: the journal of a transaction lies beside it."""
        folder = self._path.parent
        if os.path.exists(self._path):
            return os.access(self._path, os.W_OK) and os.access(folder, os.W_OK)
        return os.access(folder if folder.exists() else folder.parent, os.W_OK)

    def close(self) -> None:
        """Ends the connection; the next use opens it again."""
        with self.lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query; none where there is no database.

        Raises:
            LoratuiError: it cannot be read.
        """
        with self.lock:
            if not self.exists:
                return []
            with self._sentences("read"):
                return self._open().execute(query, values).fetchall()

    def write(self, query: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Does a statement once for each of `rows`, as one transaction."""
        with self.writing() as database:
            database.executemany(query, rows)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All that is written in the block is one transaction, of `writing` and `write` in it too. Keep it short.

        Raises:
            LoratuiError: it cannot be written; then nothing was.
        """
        with self.lock, self._sentences("written"):
            database = self._open(make=True)
            if self._depth == 0:
                database.execute("begin immediate")
            self._depth += 1
            try:
                yield database
                if self._depth == 1:
                    database.execute("commit")
            except BaseException:
                if self._depth == 1 and database.in_transaction:
                    database.execute("rollback")
                raise
            finally:
                self._depth -= 1

    def _open(self, make: bool = False) -> sqlite3.Connection:
        if make and self._fixed:
            self.close()
        if self._db is None:
            self._fixed = not self.writable
            if not self._fixed:
                self._db = self._connect(make)
            elif make:
                raise self._error("written", "the folder is read-only", "Work on a copy in a folder of your own.")
            else:
                self._db = self._up_to_date(self._as_it_is())
        return self._db

    def _connect(self, make: bool) -> sqlite3.Connection:
        if make:
            try:
                self._path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise from_os(error, f"Making {self._path.parent}") from error
        database = sqlite3.connect(self._path, timeout=_WAIT, check_same_thread=False, isolation_level=None)
        try:
            with suppress(sqlite3.OperationalError):  # a log of an earlier version, which another program still uses
                database.execute("pragma journal_mode=delete")
            database.execute("pragma synchronous=full")
            if _version(database) < self._version:
                self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Makes the tables, whole or not at all."""
        database.execute("begin immediate")
        try:
            for statement in filter(None, map(str.strip, self._schema.split(";"))):
                database.execute(statement)
            if self._upgrade is not None:
                self._upgrade(database)
            database.execute(f"pragma user_version={self._version}")
            database.execute("commit")
        except BaseException:
            if database.in_transaction:
                database.execute("rollback")
            raise

    def _as_it_is(self) -> sqlite3.Connection:
        """A connection that changes nothing, not even to clear up after a crash."""
        where = self._path.absolute().as_uri()
        database = sqlite3.connect(f"{where}?mode=ro", uri=True, timeout=_WAIT, check_same_thread=False)
        try:
            database.execute("select count(*) from sqlite_master").fetchone()
            return database
        except sqlite3.OperationalError:
            # One that was left with its log cannot be opened here as usual; half of a transaction must not be read.
            database.close()
            journal = self._path.with_name(f"{self._path.name}-journal")
            if journal.exists() and journal.stat().st_size:
                raise
        return sqlite3.connect(f"{where}?mode=ro&immutable=1", uri=True, check_same_thread=False)

    def _up_to_date(self, database: sqlite3.Connection) -> sqlite3.Connection:
        """One of an earlier version that cannot be written: a copy in memory gets the tables it lacks."""
        if _version(database) >= self._version:
            return database
        copy = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        database.backup(copy)
        database.close()
        self._prepare(copy)
        return copy

    @contextmanager
    def _sentences(self, done: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                why, remedy = "another program is using the file", "Try again when that is done."
            elif code == sqlite3.SQLITE_FULL:
                why, remedy = "the disk is full", "Free some space and run it again."
            elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                why = "the file is damaged"
                remedy = (
                    "Keep it: what is in it exists nowhere else. Put a backup in its place, or let "
                    f"`sqlite3 {self._path.name} .recover` save what can be read."
                )
            else:
                why, remedy = str(error), "Check the disk, and who owns the file and its mode (ls -l)."
            raise self._error(done, why, remedy) from error

    def _error(self, done: str, why: str, remedy: str) -> LoratuiError:
        return LoratuiError(
            f"{self._name} ({self._path.parent.name}/{self._path.name}) cannot be {done}: {why}.", remedy
        )


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("pragma user_version").fetchone()[0])
