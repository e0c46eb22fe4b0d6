"""One search over several boards: asked at the same time, mixed fairly, each picture once."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import chain, zip_longest
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.filters import Cost
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.listing.listing import Listing
from loratui.core.boards.listing.search import Search
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import Client, Kinds
from loratui.core.boards.network.connections import Network
from loratui.core.boards.planning.plan import QueryPlan
from loratui.core.boards.post import Post
from loratui.core.errors import Cancelled, LoratuiError, UsageError
from loratui.core.jobs import Report, check, silent

T = TypeVar("T")

GRACE = 2.0
"""Seconds that the slower boards of a round are waited for once one has answered; their posts come a round later."""

ELSEWHERE = "on another board too"
"""The reason of a post whose file was already given from another board."""


def search_boards(
    boards: Sequence[Board],
    network: Network,
    query: str,
    wishes: Wishes | None = None,
    *,
    known: Callable[[Post], bool] | None = None,
    kinds: Kinds | None = None,
    learns: bool = True,
    remember: bool = True,
    cancel: Event | None = None,
) -> Listing:
    """A search of one board or of several.

    Args:
        boards: each once, in the person's order.
        network: the connections; belongs to the caller.
        query: tags and metatags; planned for each board by itself.
        wishes: what is wanted of the pictures besides.
        known: tells posts that are passed over, and where a search that is not sorted ends. See `since`.
        kinds: see `Client`.
        learns: see `Search`.
        remember: see `Search`.
        cancel: ends any call with `Cancelled`.

    Raises:
        UsageError: the query or a wish cannot be understood, or no board can be asked so. A board that cannot, among
            others that can, is one of `problems`.
        BoardError: of a single board, or of the first where all failed.
    """

    def begin(board: Board) -> Search:
        client = Client(board, network, kinds=kinds)
        return Search(client, query, wishes, known=known, learns=learns, remember=remember, cancel=cancel)

    if len(boards) == 1:
        return begin(boards[0])
    started = {board.name: _start(begin, board) for board in boards}
    _await(started.values(), None, cancel)
    searches: list[Search] = []
    errors: dict[str, LoratuiError] = {}
    for name, future in started.items():
        try:
            searches.append(future.result())
        except (BoardError, UsageError) as error:
            errors[name] = error
    if not searches:
        raise next(iter(errors.values()))
    return Merged(searches, {name: _sentence(error) for name, error in errors.items()}, boards)


class Merged(Listing):
    """Several searches as one.

    A round asks every board for its next posts at the same time and mixes what came: newest first where the search is
    not sorted, in turns where it is, for scores of different boards mean different things. A board that is slower than
    the others by more than `GRACE` is heard in a later round, one that fails is named in `problems` and left out.

    Posts with the same md5 are one picture. Of those in one round the one is given that has the larger file or, at the
    same size, more tags; after that, the one given already stays. `also` keeps the rest.

    Args:
        searches: one for each board, with the same query and wishes.
        problems: boards that could not even begin, and why.
        boards: all that were asked; None: those of `searches`.
    """

    def __init__(
        self,
        searches: Sequence[Search],
        problems: Mapping[str, str] | None = None,
        boards: Sequence[Board] | None = None,
    ) -> None:
        self.searches = tuple(searches)
        self.boards = tuple(boards or (search.board for search in searches))
        self.query = searches[0].query
        self.wishes = searches[0].wishes
        self.kept = self.bytes = self.unsized = 0
        self._failed: dict[str, BoardError] = {}
        self._problems = dict(problems or {})
        self._cancel = searches[0].cancel
        self._pending: dict[str, Future[list[Post]]] = {}
        self._given: dict[str, tuple[str, int]] = {}
        self._also: dict[tuple[str, int], list[Post]] = {}
        self._elsewhere = 0
        self._counted = False

    @property
    def scanned(self) -> int:  # type: ignore[override]
        return sum(search.scanned for search in self.searches)

    @property
    def plans(self) -> Mapping[str, QueryPlan]:
        return {search.board.name: search.plan for search in self.searches}

    @property
    def problems(self) -> Mapping[str, str]:
        return self._problems | {name: _sentence(error) for name, error in self._failed.items()}

    @property
    def also(self) -> Mapping[tuple[str, int], Sequence[Post]]:
        return self._also

    @property
    def cancel(self) -> Event | None:
        return self._cancel

    @cancel.setter
    def cancel(self, event: Event | None) -> None:
        self._cancel = event
        for search in self.searches:
            search.cancel = event

    @property
    def finished(self) -> bool:
        return not self._live()

    @property
    def cut(self) -> str:
        return " ".join(search.cut for search in self.searches if search.cut)

    @property
    def filtered(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for search in self.searches:
            found.update(search.filtered)
        if self._elsewhere:
            found[ELSEWHERE] = self._elsewhere
        return found

    def costs(self) -> list[Cost]:
        sums: dict[str, Cost] = {}
        for cost in chain.from_iterable(search.costs() for search in self.searches):
            before = sums.get(cost.reason, Cost(cost.reason, cost.filter, 0, 0))
            sums[cost.reason] = Cost(cost.reason, cost.filter, before.hits + cost.hits, before.only + cost.only)
        if self._elsewhere:
            sums[ELSEWHERE] = Cost(ELSEWHERE, ELSEWHERE, self._elsewhere, self._elsewhere)
        return sorted(sums.values(), key=lambda cost: (-cost.only, -cost.hits, cost.reason))

    @property
    def known_totals(self) -> Mapping[str, int | None]:
        found: dict[str, int | None] = {}
        for search in self.searches:
            if search.board.name not in self._failed:
                found.update(search.known_totals)
        return found

    @property
    def more_than(self) -> Mapping[str, int]:
        return {name: least for search in self.searches for name, least in search.more_than.items()}

    def totals(self) -> Mapping[str, int | None]:
        if not self._counted:
            asked = {
                search.board.name: _start(Search.totals, search)
                for search in self.searches
                if search.board.name not in self._failed
            }
            _await(asked.values(), None, self._cancel)
            for name, future in asked.items():
                self._result(name, future)
            self._raise_if_none_is_left()
            self._counted = True
        return self.known_totals

    def next_page(self, size: int | None = None) -> list[Post]:
        live = self._live()
        if not live:
            return []
        share = None if size is None else -(-size // len(live))
        for search in live:
            before = self._pending.get(search.board.name)
            if before is None or (before.done() and isinstance(before.exception(), Cancelled)):
                self._pending[search.board.name] = _start(search.next_page, share)
        _await(self._pending.values(), GRACE, self._cancel)
        pages: list[list[Post]] = []
        for name, future in list(self._pending.items()):
            if future.done():
                del self._pending[name]
                # Begun before an earlier cancel, and ended by that only now: it is asked again in the next round.
                if not isinstance(future.exception(), Cancelled):
                    pages.append(self._result(name, future) or [])
        self._raise_if_none_is_left()
        return self._mixed(pages)

    def judge(self, wishes: Wishes) -> list[Post]:
        wishes.checked()
        _await(self._pending.values(), None, self._cancel)
        for name, future in self._pending.items():
            if not isinstance(future.exception(), Cancelled):
                self._result(name, future)  # its posts are among those seen
        self._pending.clear()
        pages = [search.judge(wishes) for search in self.searches]
        self.wishes = wishes
        self.kept = self.bytes = self.unsized = self._elsewhere = 0
        self._given.clear()
        self._also.clear()
        return self._mixed(pages)

    def categorised(self, posts: Sequence[Post], *, report: Report = silent) -> list[Post]:
        found: dict[tuple[str, int], Post] = {}
        for search in self.searches:
            name = search.board.name
            own = [post for post in posts if post.board == name]
            try:
                sorted_posts = search.categorised(own, report=report) if own else []
            except BoardError as error:
                self._problems.setdefault(name, _sentence(error))
                sorted_posts = own
            found.update({(post.board, post.id): post for post in sorted_posts})
        return [found.get((post.board, post.id), post) for post in posts]

    def _live(self) -> list[Search]:
        """Searches that may still give posts."""
        return [
            search
            for search in self.searches
            if search.board.name in self._pending or not (search.finished or search.board.name in self._failed)
        ]

    def _result(self, name: str, future: "Future[T]") -> T | None:
        """What a board answered; None, and a problem, where it failed."""
        try:
            return future.result()
        except BoardError as error:
            self._failed[name] = error
            return None

    def _raise_if_none_is_left(self) -> None:
        if len(self._failed) == len(self.searches) and not self.kept:
            raise next(iter(self._failed.values()))

    def _mixed(self, pages: list[list[Post]]) -> list[Post]:
        if any(search.plan.ordered for search in self.searches):
            turns = chain.from_iterable(zip_longest(*pages))
            posts = [post for post in turns if post is not None]
        else:
            posts = sorted(chain.from_iterable(pages), key=lambda post: post.created, reverse=True)
        best: dict[str, Post] = {}
        for post in posts:
            if post.md5 and (post.md5 not in best or _worth(post) > _worth(best[post.md5])):
                best[post.md5] = post
        given = []
        for post in posts:
            first = self._given.get(post.md5)
            if first is None and best.get(post.md5, post) is post:
                given.append(post)
                self._given.update({post.md5: (post.board, post.id)} if post.md5 else {})
            else:
                chosen = best[post.md5]
                self._also.setdefault(first or (chosen.board, chosen.id), []).append(post)
                self._elsewhere += 1
        self._count(given)
        return given

    def _count(self, posts: Iterable[Post]) -> None:
        for post in posts:
            size = self.wishes.file(post).size
            self.kept += 1
            self.bytes += size or 0
            self.unsized += size is None


def _worth(post: Post) -> tuple[int, int]:
    return post.width * post.height, len(post.all_tags())


def _sentence(error: LoratuiError) -> str:
    return f"{error.message} {error.remedy}".strip()


def _start(work: Callable[..., T], *args: object) -> "Future[T]":
    """Begins `work` on a thread of its own that nobody has to wait for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work(*args))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True, name="board").start()
    return future


def _await(futures: Iterable["Future[T]"], grace: float | None, cancel: Event | None) -> None:
    """Until all are done, or `grace` seconds after the first.

    Raises:
        Cancelled: `cancel` was set; what is done is still there.
    """
    rest = set(futures)
    first: float | None = None
    while rest:
        done, rest = wait(rest, 0.1, FIRST_COMPLETED)
        check(cancel)
        if done and first is None:
            first = monotonic()
        if grace is not None and first is not None and monotonic() - first > grace:
            return
