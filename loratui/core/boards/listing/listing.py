"""What the faces and the downloads see of a search, on one board or on several: posts, page after page."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from threading import Event

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.filters import Cost
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.planning.plan import QueryPlan
from loratui.core.boards.post import Post
from loratui.core.jobs import Report, silent


class Listing(ABC):
    """A query under way. `search.Search` is one on one board, `merged.Merged` one on several; `search_boards` chooses.

    Any call may raise `BoardError`, and `Cancelled` where `cancel` is set; the same call may be made again then.

    Attributes:
        query: as the person typed it.
        wishes: what is wanted of the pictures besides.
        boards: those asked, in the person's order.
        plans: what each board was sent and what is judged here, by the board's name; a board that cannot take the
            query is missing.
        problems: why boards failed, by name: the others go on. Of a single board, failures are raised instead.
        scanned: posts seen so far, of whatever worth.
        kept: posts given out so far.
        bytes: sizes of the files to fetch of those, as far as the boards tell them.
        unsized: how many of those have a size that is not known.
        also: where else a given post was found, by board and id: posts of other boards with the same md5.
    """

    query: str
    wishes: Wishes
    boards: tuple[Board, ...]
    scanned: int
    kept: int
    bytes: int
    unsized: int

    @property
    @abstractmethod
    def plans(self) -> Mapping[str, QueryPlan]:
        """See the class."""

    @property
    @abstractmethod
    def problems(self) -> Mapping[str, str]:
        """See the class."""

    @property
    @abstractmethod
    def also(self) -> Mapping[tuple[str, int], Sequence[Post]]:
        """See the class."""

    @property
    @abstractmethod
    def cancel(self) -> Event | None:
        """Ends any call; may be replaced between two calls."""

    @cancel.setter
    @abstractmethod
    def cancel(self, event: Event | None) -> None: ...

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether there are no more pages."""

    @property
    @abstractmethod
    def cut(self) -> str:
        """Why it ended early, "" if it did not."""

    @property
    @abstractmethod
    def filtered(self) -> Counter[str]:
        """How many posts were left out, by the first reason found: adds up to `scanned` less `kept`."""

    @abstractmethod
    def costs(self) -> list[Cost]:
        """What each filter that left anything out costs, the dearest first."""

    @abstractmethod
    def totals(self) -> Mapping[str, int | None]:
        """How many posts each board has for what it was sent; None: it does not tell. Asks once, all at once."""

    @abstractmethod
    def next_page(self, size: int | None = None) -> list[Post]:
        """The next posts that pass; may be empty though more follow. See `finished`.

        Args:
            size: about how many are wanted; None: as many as the boards give at once.
        """

    @abstractmethod
    def judge(self, wishes: Wishes) -> list[Post]:
        """Takes other wishes from here on. Asks nothing; waits for answers that are under way.

        Returns:
            the posts seen so far that pass, in the place of those given out before.

        Raises:
            UsageError: a wish cannot be meant; nothing has changed then.
        """

    @abstractmethod
    def categorised(self, posts: Sequence[Post], *, report: Report = silent) -> list[Post]:
        """`posts` with their tags by category, asked for by the hundred where the records do not tell."""

    def total(self) -> int | None:
        """How many posts all boards have for what they were sent; None where one of them does not tell."""
        counts = list(self.totals().values())
        return None if not counts or None in counts else sum(count or 0 for count in counts)

    def some(self, *, report: Report = silent) -> list[Post]:
        """The next posts that pass, at least one if there are any."""
        found: list[Post] = []
        while not found and not self.finished:
            report(self.scanned, None, "listing posts")
            found = self.next_page()
        return found

    def posts(self, limit: int | None = None, *, report: Report = silent) -> Iterator[Post]:
        """All posts that pass, at most `limit`, page by page."""
        given = 0
        while not self.finished and (limit is None or given < limit):
            report(given, limit, "listing posts")
            for post in self.next_page(None if limit is None else limit - given):
                yield post
                given += 1
                if given == limit:
                    return

    def told(self) -> str:
        """How the work is divided and what came of it, in one line; asks nothing. See `QueryPlan.told`.

        On several boards one part for each, and what they have in common is counted once.
        """
        known = self.known_totals
        if len(self.plans) == 1:
            name, plan = next(iter(self.plans.items()))
            least = self.more_than.get(name, 0)
            return plan.told(known.get(name), self.scanned, self.kept, self.finished, least)
        parts = [
            f"{name} {plan.told(known[name], more_than=self.more_than.get(name, 0))}"
            for name, plan in self.plans.items()
            if name in known
        ]
        return " · ".join([*parts, f"{self.scanned:,} seen → {self.kept:,}"])

    @property
    @abstractmethod
    def known_totals(self) -> Mapping[str, int | None]:
        """`totals` as far as they have been told already."""

    @property
    @abstractmethod
    def more_than(self) -> Mapping[str, int]:
        """Of boards whose total is unknown: numbers it is larger than, as far as they have told one."""
