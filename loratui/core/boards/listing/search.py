"""A search of one board: page after page, judged from the records, with the reasons of what was left out counted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import Event

from loratui.core.boards.board import Cursor, Page
from loratui.core.boards.choosing.filters import Cost, Filters
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.listing.categories import categorise, learn
from loratui.core.boards.listing.listing import Listing
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import Client
from loratui.core.boards.planning.plan import QueryPlan, plan
from loratui.core.boards.planning.site import CANNOT, AskedSite
from loratui.core.boards.post import Post
from loratui.core.jobs import Report, check, silent

_SLACK = 20
"""Asked for beyond what is wanted, so that a few hidden posts or films do not cost a second page."""

_STALE_PAGES = 3
"""Numbered pages without anything new that are passed over: posts that came in between shift the later pages."""


class Search(Listing):
    """One query on one board. Asks nothing until the first page, but for counts where the site's tag limit needs them.

    Args:
        client: the board.
        query: as the person typed it.
        wishes: what is wanted of the pictures besides.
        known: tells posts that are passed over; a search that is not sorted ends at the first of them. See `since`.
        learns: remembers the tags it meets, for the completion of words; False writes no file.
        remember: keeps the posts seen, about 3 kB each, for `judge`; a download has no use for it.
        cancel: ends any call with `Cancelled`.

    Attributes:
        client: the board.
        board: the board.
        plan: what the site does and what is done here.

    Raises:
        UsageError: the query or a wish cannot be understood.
        BoardError: the board could not be asked.
    """

    def __init__(
        self,
        client: Client,
        query: str,
        wishes: Wishes | None = None,
        *,
        known: Callable[[Post], bool] | None = None,
        learns: bool = True,
        remember: bool = True,
        cancel: Event | None = None,
    ) -> None:
        self.client = client
        self.board = client.board
        self.boards = (client.board,)
        self.query = query
        self.wishes = wishes or Wishes()
        self._known = known
        self._remember = remember
        self._learns = learns
        self._cancel = cancel
        self.plan: QueryPlan = plan(self.board, query, AskedSite(client, cancel))
        self.scanned = self.kept = self.bytes = self.unsized = 0
        self._filters = Filters(self.plan, self.wishes)
        self._cursor: Cursor | None = Cursor()
        self._ids: set[int] = set()
        self._seen: list[Post] = []
        self._unread = 0
        self._stale = 0
        self._total: int | None = None
        self._more_than = 0
        self._counted = False
        self._ahead: Page | None = None
        self._cut = ""

    @property
    def plans(self) -> Mapping[str, QueryPlan]:
        return {self.board.name: self.plan}

    @property
    def problems(self) -> Mapping[str, str]:
        return {}

    @property
    def also(self) -> Mapping[tuple[str, int], Sequence[Post]]:
        return {}

    @property
    def cancel(self) -> Event | None:
        return self._cancel

    @cancel.setter
    def cancel(self, event: Event | None) -> None:
        self._cancel = event

    @property
    def finished(self) -> bool:
        return self._cursor is None

    @property
    def cut(self) -> str:
        return self._cut

    @property
    def filtered(self) -> Counter[str]:
        return self._filters.filtered

    def costs(self) -> list[Cost]:
        return self._filters.costs()

    @property
    def known_totals(self) -> Mapping[str, int | None]:
        return {self.board.name: self._total}

    @property
    def more_than(self) -> Mapping[str, int]:
        return {self.board.name: self._more_than} if self._more_than else {}

    def totals(self) -> Mapping[str, int | None]:
        if not self._counted:
            request = self.board.count_request(self.plan.by_site)
            if request is not None:
                try:
                    self._total, self._more_than = self.client.ask(request, self._told_count, self.cancel)
                except BoardError as error:
                    if error.status not in CANNOT:
                        raise
                self._counted = True
            elif self._ahead is None:
                self._ahead = self._ask(self._cursor or Cursor(), self.board.PAGE_SIZE)
        return {self.board.name: self._total}

    def next_page(self, size: int | None = None) -> list[Post]:
        cursor = self._cursor
        if cursor is None:
            return []
        # Numbered pages must all have the same size, or posts would be skipped. Where much is left out here, the
        # largest pages cost the fewest requests.
        whole = size is None or self.plan.ordered or self.board.NUMBERED or not self._filters.idle
        asked = self.board.PAGE_SIZE if whole else min((size or 0) + _SLACK, self.board.PAGE_SIZE)
        page = self._ahead or self._ask(cursor, asked)
        self._ahead = None
        fresh = [post for post in page.posts if post.id not in self._ids]
        self._ids.update(post.id for post in fresh)
        if self._learns:
            learn(fresh)
        listed = len(fresh)
        if self._known is not None:
            fresh = [post for post in fresh if not self._known(post)]
        unread = page.size - len(page.posts)
        self.scanned += len(fresh) + unread
        self._unread += unread
        self._filters.unread(unread)
        ended = len(fresh) < listed and not self.plan.ordered
        self._cursor = None if ended else self._after(cursor, page, fresh, asked)
        if self._remember:
            self._seen += fresh
        return self._passing(fresh)

    def judge(self, wishes: Wishes) -> list[Post]:
        self._filters = Filters(self.plan, wishes)
        self._filters.unread(self._unread)
        self.wishes = wishes
        self.kept = self.bytes = self.unsized = 0
        return self._passing(self._seen)

    def _passing(self, posts: Sequence[Post]) -> list[Post]:
        passed = [post for post in posts if not self._filters.reason(post)]
        self.kept += len(passed)
        for post in passed:
            size_of_file = self.wishes.file(post).size
            self.bytes += size_of_file or 0
            self.unsized += size_of_file is None
        return passed

    def _after(self, cursor: Cursor, page: Page, fresh: Sequence[Post], asked: int) -> Cursor | None:
        """Where to go on; None at the end."""
        # A short page alone is not the last one: sites cut posts out of their answers. With the count it is.
        if page.size < asked / 2 and self._total is not None and self.scanned >= self._total:
            return None
        self._stale = 0 if fresh else self._stale + 1
        if self._stale and (not self.plan.ordered or self._stale >= _STALE_PAGES):
            return None
        following = self.board.next_cursor(cursor, page, self.plan.ordered)
        if following is None and page.size and self.plan.ordered and cursor.page == self.board.MAX_PAGE:
            self._cut = f"{self.board.name} shows no more than {self.scanned:,} posts of a sorted search."
        return following

    def _ask(self, cursor: Cursor, size: int) -> Page:
        check(self.cancel)
        request = self.board.posts_request(self.plan.by_site, cursor, max(1, size))
        page = self.client.ask(request, self.board.posts, self.cancel)
        if cursor.below is None and not self._counted and self.board.count_request(self.plan.by_site) is None:
            self._total, self._counted = page.total, True
        return page

    def categorised(self, posts: Sequence[Post], *, report: Report = silent) -> list[Post]:
        return categorise(self.client, posts, self.plan.tags, report=report, cancel=self.cancel)

    def _told_count(self, raw: bytes) -> tuple[int | None, int]:
        return self.board.count(raw), self.board.more_than(raw)
