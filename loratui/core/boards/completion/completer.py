"""Completion of a query: from the vocabulary at once, from the boards when they answer."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from loratui.core.boards.board import Board, Completion
from loratui.core.boards.completion import metatags
from loratui.core.boards.completion.asker import Asker
from loratui.core.vocabulary.loose import Loose
from loratui.core.vocabulary.offers import Offers, Suggestion, fold
from loratui.core.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from loratui.core.boards.network.connections import Network

_FRESH = 30.0
"""Seconds after which the vocabulary looks for what came to it, when something is typed."""
_METATAGS = 2
"""How many of them are shown among tags."""
_USUAL = ("rating:", "order:")
"""Of the metatags those that nearly every query has: before tags that begin alike, from so many letters on."""
_SURE = 3


class Completer:
    """Completes the word under the caret of a query: tags, with `-` or `~` before them, and metatags with their values.

    The vocabulary is loaded on a thread when the first key is typed. See `Completing`.

    Args:
        boards: those the query goes to.
        network: the connections: called on another thread, when a board is first asked. They belong to the caller.
        vocabulary: what is known here.
        limit: the most suggestions.

    Attributes:
        own: the tags of the project's captions, offered after what boards have; None: none. May be set at any time.
    """

    def __init__(
        self,
        boards: Sequence[Board],
        network: "Callable[[], Network]",
        vocabulary: Vocabulary,
        limit: int = 10,
    ) -> None:
        self.boards = tuple(boards)
        self.own: Loose | None = None
        self._askers = [Asker(board, network) for board in boards]
        self._vocabulary = vocabulary
        self._limit = limit
        self._loaded = -_FRESH
        self._loader: threading.Thread | None = None
        self._heard: Callable[[], object] | None = None

    def close(self) -> None:
        """Asks no board any more; nobody is told anything."""
        self._heard = None
        for asker in self._askers:
            asker.close()

    def offers(self, text: str, caret: int) -> Offers:
        """From memory alone: some milliseconds at the most."""
        self._load()
        start, end = word_at(text, caret)
        word = fold(text[start:caret]).lower()
        if not word or "*" in word or "://" in word:
            return Offers(start, end)
        special = metatags.complete(self.boards, word)
        if ":" in word and special:
            return Offers(start, end, tuple(special[: self._limit]))
        special = special[:_METATAGS]
        tags = self._tags(word)[: self._limit - len(special)]
        meant = [each for each in special if each.tag in _USUAL and len(word) >= _SURE]
        return Offers(start, end, (*meant, *tags, *(each for each in special if each not in meant)))

    def ask(self, text: str, caret: int, heard: Callable[[], object]) -> None:
        """Has the boards asked; the newest word wins."""
        start, _ = word_at(text, caret)
        word = fold(text[start:caret]).lower()
        self._heard = heard
        if "://" in word:
            return  # an address is no board's business
        for asker in self._askers:
            asker.ask(word, heard)

    def _tags(self, word: str) -> list[Suggestion]:
        """Of one kind after the other (see `Vocabulary.complete`) first what the boards told, then by number."""
        told: dict[str, Suggestion] = {}
        for asker in self._askers:
            for each in asker.known(word)[0]:
                key = fold(each.tag)
                told[key] = self._joined(each, told.get(key))
        found = dict(told)
        for own in self._vocabulary.complete(word, self._limit):
            written = Suggestion(own.tag.replace(" ", "_"), own.category, own.count, own.alias)
            found.setdefault(fold(own.tag), written)
        if self.own is not None:
            for entry in (*self.own.whole(word, self._limit), *self.own.words(word, self._limit)):
                tag = entry.name.replace(" ", "_")  # how many images have it says nothing of the boards
                found.setdefault(fold(tag), Suggestion(tag, entry.category))

        def rank(key: str) -> tuple[bool, int, bool, int]:
            return key != word, _kind(key, word, found[key].alias), key not in told, -(found[key].count or 0)

        return [found[key] for key in sorted(found, key=rank)]

    def _joined(self, told: Completion, other: Suggestion | None) -> Suggestion:
        """A board's completion, with what another board told of the same tag, and the category we know."""
        category = told.category or (other.category if other else "") or self._vocabulary.category(told.tag)
        counts = [each.count for each in (told, other) if each is not None and each.count is not None]
        return Suggestion(told.tag, category, max(counts, default=None), told.alias)

    def _load(self) -> None:
        """Has the vocabulary look for what is new, on a thread, if it has not done so lately."""
        if time.monotonic() < self._loaded + _FRESH or (self._loader is not None and self._loader.is_alive()):
            return
        self._loaded = time.monotonic()
        self._loader = threading.Thread(target=self._have_loaded, name="vocabulary", daemon=True)
        self._loader.start()

    def _have_loaded(self) -> None:
        known = len(self._vocabulary)
        self._vocabulary.load()
        heard = self._heard
        if heard is not None and len(self._vocabulary) != known:
            with suppress(RuntimeError):  # the screen is gone
                heard()


def word_at(text: str, caret: int) -> tuple[int, int]:
    """Where the word under the caret begins, without a `-` or `~` before it, and where it ends."""
    start = end = caret
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    if start < caret and text[start] in "-~" and end - start > 1:
        start += 1
    return start, end


def _kind(key: str, word: str, alias: str) -> int:
    """How a tag fits what was typed: by its name, a word of it, another name, or in the board's opinion."""
    if key.startswith(word):
        return 0
    if alias:
        return 2
    return 1 if any(f"{mark}{word}" in key for mark in "_-(:/~.!") else 3
