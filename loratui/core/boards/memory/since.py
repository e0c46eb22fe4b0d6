"""What is new since a person last looked at a query: the newest post seen, by query and board, in the state folder.

A board numbers its posts as they come: whoever has looked at the newest results has seen all up to the highest number.
Of a sorted search one sees only the best: there, what is new is what was put up after the look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.boards.board import Board
from loratui.core.boards.language.terms import parse
from loratui.core.boards.memory import past
from loratui.core.boards.post import Post

if TYPE_CHECKING:
    from loratui.core.boards.choosing.wishes import Wishes
    from loratui.core.boards.network.connections import Network

_LOOK = """
insert into mark values(?, ?, ?, ?) on conflict(query, board) do update set
    id = max(id, excluded.id), created = max(created, excluded.created)
"""
MOST = 200
"""How many new posts are counted; more are told as `more`."""
_MOST_LISTED = 1000
"""Posts looked through for them, whatever the wishes leave of those."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where one board's posts of a query were seen.

    Attributes:
        id: the highest number; 0 where only a sorted search was looked at.
        created: when the newest of them was put up, or when a sorted search was looked at; RFC 3339 in UTC, "" unknown.
    """

    id: int = 0
    created: str = ""

    def has(self, post: Post) -> bool:
        """Whether `post` was there already when the person looked."""
        if self.id:
            return post.id <= self.id
        return bool(self.created and post.created) and post.created <= self.created


@dataclass(frozen=True, slots=True)
class Marks:
    """Up to where a query was seen, by the board's name; a board that is missing was never looked at."""

    by_board: Mapping[str, Mark] = field(default_factory=dict)

    def seen(self, post: Post) -> bool:
        """Whether `post` was there already; for the parameter `known` of a search."""
        mark = self.by_board.get(post.board)
        return mark is not None and mark.has(post)

    def new(self, post: Post) -> bool:
        """Whether `post` came since the person looked. Where nobody ever looked nothing is new."""
        mark = self.by_board.get(post.board)
        return mark is not None and not mark.has(post)


@dataclass(frozen=True, slots=True)
class News:
    """What came since.

    Attributes:
        count: new posts that pass the wishes.
        more: there are more than were counted.
        first: boards that were never looked at; their posts are not counted.
        problems: why boards could not be asked, by name.
    """

    count: int = 0
    more: bool = False
    first: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def marks(query: str) -> Marks:
    """Up to where `query` was seen.

    Raises:
        UsageError: the query cannot be understood.
        LoratuiError: the state folder cannot be read.
    """
    with past.store() as store:
        rows = store.read("select board, id, created from mark where query=?", (_key(query),))
    return Marks({board: Mark(number, created) for board, number, created in rows})


def looked(query: str, posts: Iterable[Post]) -> None:
    """Marks what the person has looked at or got; what was seen before stays seen, whichever program says so last.

    Args:
        query: as it was searched.
        posts: those on the screen so far, or got, from the first on.

    Raises:
        UsageError: the query cannot be understood.
        LoratuiError: the state folder cannot be written.
    """
    ordered = any(term.key.startswith("ord") or term.key == "random" for term in parse(query))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    newest: dict[str, Mark] = {}
    for post in posts:
        mark = newest.get(post.board, Mark())
        newest[post.board] = Mark(0, now) if ordered else Mark(max(mark.id, post.id), max(mark.created, post.created))
    key = _key(query)
    if newest:
        with past.store() as store:
            store.write(_LOOK, [(key, board, mark.id, mark.created) for board, mark in newest.items()])


def news(
    boards: Sequence[Board],
    network: "Network",
    query: str,
    wishes: "Wishes | None" = None,
    *,
    most: int = MOST,
    cancel: Event | None = None,
) -> News:
    """How many posts of `query` are new. Asks only for pages down to the last post seen; marks nothing.

    Raises:
        UsageError: the query or a wish cannot be understood.
        BoardError: no board could be asked.
        Cancelled: `cancel` was set.
    """
    from loratui.core.boards.listing.merged import search_boards

    known = marks(query)
    asked = [board for board in boards if board.name in known.by_board]
    first = tuple(board.name for board in boards if board.name not in known.by_board)
    if not asked:
        return News(first=first)
    unsorted = " ".join(word for word in query.split() if not word.lower().startswith(("order:", "sort:")))
    listing = search_boards(asked, network, unsorted or query, wishes, known=known.seen, cancel=cancel)
    found = 0
    while not listing.finished and found <= most and listing.scanned < _MOST_LISTED:
        found += len(listing.next_page())
    return News(min(found, most), not listing.finished, first, dict(listing.problems))


def _key(query: str) -> str:
    """The same for queries that mean the same: the terms, in whatever order."""
    parse(query)
    return " ".join(sorted({word.lower() for word in query.split()}))
