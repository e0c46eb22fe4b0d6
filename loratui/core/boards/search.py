"""A search: page after page, judged from the records, with the reasons of what was left out counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from threading import Event

from loratui.core.boards.answers import BoardError
from loratui.core.boards.board import Cursor, Page
from loratui.core.boards.categories import categorise
from loratui.core.boards.client import Client
from loratui.core.boards.filters import Filters
from loratui.core.boards.post import Post
from loratui.core.boards.query import QueryPlan, plan
from loratui.core.jobs import Report, check, silent


class Search:
    """One query on one board. Asks nothing until the first page, but for counts where the site's tag limit needs them.

    Args:
        client: the board.
        query: as the person typed it.
        min_side: posts with a shorter side than this many pixels are left out.
        cancel: ends any call with `Cancelled`.

    Attributes:
        cancel: may be replaced between two calls.
        plan: what the site does and what is done here.
        scanned: posts seen so far, of whatever worth.
        kept: posts given out so far.
        filtered: how many were left out, by reason.
        finished: there are no more pages.
        cut: why it ended early, "" if it did not.

    Raises:
        UsageError: the query cannot be understood.
        BoardError: the board could not be asked.
    """

    def __init__(self, client: Client, query: str, *, min_side: int = 0, cancel: Event | None = None) -> None:
        self.client = client
        self.board = client.board
        self.cancel = cancel
        self.plan: QueryPlan = plan(self.board, query, self._tag_counts)
        self.filtered: Counter[str] = Counter()
        self.scanned = 0
        self.kept = 0
        self.finished = False
        self.cut = ""
        self._filters = Filters(self.plan, min_side)
        self._cursor: Cursor | None = Cursor()
        self._ids: set[int] = set()
        self._total: int | None = None
        self._counted = False
        self._ahead: Page | None = None

    def total(self) -> int | None:
        """How many posts the site has for what it was sent; None: it does not tell. Asks once.

        A site that answers, but cannot count this (older versions, too large a query), is no failure of the search.
        """
        if not self._counted:
            request = self.board.count_request(self.plan.by_site)
            if request is not None:
                try:
                    self._total = self.client.ask(request, self.board.count, self.cancel)
                except BoardError as error:
                    if error.status not in (400, 404, 405, 422, 500):
                        raise
                self._counted = True
            elif self._ahead is None:
                self._ahead = self._ask(self._cursor or Cursor(), self.board.PAGE_SIZE)
        return self._total

    def next_page(self, size: int | None = None) -> list[Post]:
        """The posts of the next page that pass; may be empty though more follow. See `finished`.

        Args:
            size: how many to ask for, at most the board's own page size.
        """
        if self._cursor is None or self.finished:
            self.finished = True
            return []
        # Numbered pages must all have the same size, or posts would be skipped.
        whole = size is None or self.plan.ordered
        page = self._ahead or self._ask(self._cursor, self.board.PAGE_SIZE if whole else size or 1)
        self._ahead = None
        fresh = [post for post in page.posts if post.id not in self._ids]
        self._ids.update(post.id for post in fresh)
        self.scanned += len(fresh)
        last = self._cursor
        self._cursor = self.board.next_cursor(last, page, self.plan.ordered) if fresh else None
        if self._cursor is None:
            self.finished = True
            if page.size and self.plan.ordered and last.page == self.board.MAX_PAGE:
                self.cut = f"{self.board.name} shows no more than {self.scanned:,} posts of a sorted search."
        passed = []
        for post in fresh:
            reason = self._filters.reason(post)
            if reason:
                self.filtered[reason] += 1
            else:
                passed.append(post)
        self.kept += len(passed)
        return passed

    def _ask(self, cursor: Cursor, size: int) -> Page:
        check(self.cancel)
        request = self.board.posts_request(self.plan.by_site, cursor, max(1, min(size, self.board.PAGE_SIZE)))
        page = self.client.ask(request, self.board.posts, self.cancel)
        if cursor.below is None and not self._counted and self.board.count_request(self.plan.by_site) is None:
            self._total, self._counted = page.total, True
        return page

    def some(self, *, report: Report = silent) -> list[Post]:
        """The next posts that pass, at least one if there are any."""
        found: list[Post] = []
        while not found and not self.finished:
            report(self.scanned, self._total, "listing posts")
            found = self.next_page()
        return found

    def posts(self, limit: int | None = None, *, report: Report = silent) -> Iterator[Post]:
        """All posts that pass, at most `limit`, page by page."""
        given = 0
        while not self.finished and (limit is None or given < limit):
            report(given, limit if limit is not None else self._total, "listing posts")
            # With nothing judged here, a small limit needs only a small page.
            size = None if limit is None or self.plan.by_us else limit - given + _SLACK
            for post in self.next_page(size):
                yield post
                given += 1
                if given == limit:
                    return

    def categorised(self, posts: Sequence[Post], *, report: Report = silent) -> list[Post]:
        """`posts` with their tags by category, asked for by the hundred where the board's records do not tell."""
        return categorise(self.client, posts, self.plan.tags, report=report, cancel=self.cancel)

    def _tag_counts(self, tags: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for request in self.board.tags_requests(tags):
            found |= {
                name: count for name, (_, count) in self.client.ask(request, self.board.tags, self.cancel).items()
            }
        return found


_SLACK = 20
"""Asked for beyond the limit, so that a few hidden posts or films do not cost a second page."""
