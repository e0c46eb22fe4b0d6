"""What boards offer for the beginning of a word: asked one word at a time, remembered in memory and on disk."""

import json
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core import paths
from loratui.core.boards.board import Board, Completion, Request
from loratui.core.boards.post import CATEGORIES
from loratui.core.errors import LoratuiError
from loratui.core.vocabulary import seen
from loratui.core.vocabulary.offers import fold
from loratui.core.vocabulary.sources import Entry, proper

if TYPE_CHECKING:
    from loratui.core.boards.network.connections import Network

MAX_AGE = 7 * 86_400
"""Seconds an answer on disk is good for."""
QUIET = 60.0
"""Seconds a board is left alone after it could not be reached, and ten times as long after it refused."""
PATIENCE = 5.0
"""Seconds an answer may take."""
_MOST_WORDS = 20_000  # on disk
_IN_MEMORY = 400
_SHORTEST = 2


class Asker:
    """One board's completions.

    Args:
        board: whom to ask.
        network: the connections; called on the asker's own thread, when first needed.
    """

    def __init__(self, board: Board, network: "Callable[[], Network]") -> None:
        self.board = board
        self._network = network
        self._answers: OrderedDict[str, tuple[Completion, ...]] = OrderedDict()
        self._wanted: tuple[str, Callable[[], object]] | None = None
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._quiet_until = 0.0
        self._closed = False
        self._cancel = threading.Event()

    def known(self, word: str) -> tuple[tuple[Completion, ...], bool]:
        """What was answered for `word`, else what fits it of the answer for a shorter one; and whether it was asked.

        From memory alone.
        """
        for length in range(len(word), _SHORTEST - 1, -1):
            answer = self._answers.get(word[:length])
            if answer is None:
                continue
            if length == len(word):
                return answer, True
            return tuple(each for each in answer if fold(each.alias or each.tag).startswith(word)), False
        return (), False

    def ask(self, word: str, heard: Callable[[], object]) -> None:
        """Has the board asked for `word`, after the request under way; a word not yet asked for is forgotten.

        Silent when the board cannot be reached, refuses, or has nothing more to tell.
        """
        if len(word) < _SHORTEST or "*" in word or self._closed or self.known(word)[1]:
            return
        with self._news:
            self._wanted = word, heard
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="completing", daemon=True)
                self._thread.start()
            self._news.notify()

    def close(self) -> None:
        """Ends the thread and what it asks; nobody waits for that."""
        with self._news:
            self._closed, self._wanted = True, None
            self._cancel.set()
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                while self._wanted is None and not self._closed:
                    self._news.wait()
                if self._closed or self._wanted is None:
                    return
                (word, heard), self._wanted = self._wanted, None
            answer = self._answer(word)
            if answer is None:
                continue
            self._answers[word] = answer
            while len(self._answers) > _IN_MEMORY:
                self._answers.popitem(last=False)
            if answer and not self._closed:
                with suppress(RuntimeError):  # the screen is gone
                    heard()

    def _answer(self, word: str) -> tuple[Completion, ...] | None:
        """The board's, or what the disk has of it; None where there is none to be had now."""
        kept = _remembered(self.board.url, word)
        if kept is not None:
            return kept
        if time.monotonic() < self._quiet_until:
            return None
        try:
            request = self.board.complete_request(word)
            if request is None:
                return None
            answer = tuple(self._ask_board(request))
        except (LoratuiError, OSError, RuntimeError, CancelledError) as error:  # the last two: no network any more
            again = getattr(error, "again", True)
            self._quiet_until = time.monotonic() + (QUIET if again else 10 * QUIET)
            return None
        answer = tuple(each for each in answer if proper(each.tag) and not any(map(str.isspace, each.tag)))
        _remember(self.board.url, word, answer)
        seen.remember(Entry(each.tag, each.category, each.count or 0) for each in answer)
        return answer

    def _ask_board(self, request: Request) -> list[Completion]:
        """The board's answer. What comes too late for a person who types is not waited for.

        Raises:
            BoardError: the board refused, or could not be reached.
            Cancelled: it took too long, or nobody asks any more.
        """
        from loratui.core.boards.network.client import Client

        timer = threading.Timer(PATIENCE, self._cancel.set)
        timer.start()
        try:
            return Client(self.board, self._network(), tries=1).ask(request, self.board.completions, self._cancel)
        finally:
            timer.cancel()
            if not self._closed:
                self._cancel.clear()


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=5)) as database:
        database.execute("pragma synchronous=off")  # a cache: a crash of the machine may cost it
        database.execute(
            "create table if not exists answer(url text, word text, at integer, body text, primary key(url, word))"
        )
        yield database


def _path() -> Path:
    return paths.cache_dir() / "vocabulary" / "completions.db"


def _remembered(url: str, word: str) -> tuple[Completion, ...] | None:
    """A board's answer that is not too old; None: there is none."""
    try:
        with _database() as database:
            row = database.execute(
                "select body from answer where url=? and word=? and at>?", (url, word, int(time.time()) - MAX_AGE)
            ).fetchone()
        return tuple(_read(*each) for each in json.loads(row[0])) if row else None
    except (sqlite3.Error, OSError, ValueError, TypeError):
        return None


def _read(tag: str, category: str, count: int | None, alias: str) -> Completion:
    return Completion(str(tag), category if category in CATEGORIES else "", count, str(alias))


def _remember(url: str, word: str, answer: tuple[Completion, ...]) -> None:
    body = json.dumps([(each.tag, each.category, each.count, each.alias) for each in answer])
    try:
        with _database() as database, database:
            database.execute("insert or replace into answer values(?,?,?,?)", (url, word, int(time.time()), body))
            if database.execute("select count(*) from answer").fetchone()[0] > _MOST_WORDS:
                database.execute(
                    "delete from answer where rowid in (select rowid from answer order by at limit ?)",
                    (_MOST_WORDS // 10,),
                )
    except (sqlite3.Error, OSError):
        return
