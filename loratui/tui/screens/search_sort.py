"""In what order: the site's own orders ask again, ours rearrange what is listed. A panel says which is which."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.content import Content

from loratui.core.words import count
from loratui.tui.screens.search_shown import ORDERS, Order
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.widgets.virtual_list import VirtualList

_SITES: Final = (("newest first", ""), ("best score", "score"), ("oldest first", "id_asc"), ("at random", "random"))
"""Every engine family knows these: the name, and the value of `order:`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to sort.

    Attributes:
        name: as the person reads it.
        term: the word for the query, "" for none; None where it is done here.
        order: for what is done here.
    """

    name: str
    term: str | None = None
    order: Order | None = None


CHOICES: Final = (
    *(Choice(name, f"order:{value}" if value else "") for name, value in _SITES),
    *(Choice(order.name, None, order) for order in ORDERS),
)


def reordered(query: str, term: str) -> str:
    """`query` with `term` as its order, in the place of the one it has."""
    words = [word for word in query.split() if word.lower().partition(":")[0] not in ("order", "sort")]
    return " ".join([*words, term] if term else words)


def current(query: str, order: Order | None) -> Choice:
    """The way in which the posts stand now."""
    if order is not None:
        return next(choice for choice in CHOICES if choice.order is order)
    term = next((word.lower() for word in query.split() if word.lower().startswith(("order:", "sort:"))), "")
    named = f"order:{term.partition(':')[2]}" if term else ""
    return next((choice for choice in CHOICES if choice.term == named), Choice(term, term))


class _Rows:
    def __init__(self, now: Choice, boards: str, listed: int) -> None:
        self._now = now
        self._boards = boards
        self._listed = listed

    def __len__(self) -> int:
        return len(CHOICES)

    def is_marked(self, index: int) -> bool:
        """Whether it is in force."""
        return CHOICES[index] == self._now

    def row(self, index: int, width: int) -> Content:
        """The name, and who does it."""
        choice = CHOICES[index]
        where = (
            f"by {self._boards}, which is asked again"
            if choice.term is not None
            else (f"here, of the {count(self._listed, 'post')} listed so far")
        )
        return Content.assemble(f"{choice.name:<16}", (where, "$dim"))


class SortPanel(Panel):
    """The ways to sort; `answer` becomes the one taken, None when the person steps out."""

    DEFAULT_CSS = """
    SortPanel VirtualList { height: 11; background: $surface; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter", "sort", last=True), Key("esc", "leave it", last=True))

    def __init__(self, now: Choice, boards: str, listed: int) -> None:
        super().__init__("Sort")
        self._now = now
        self._rows = _Rows(now, boards, listed)
        self.answer: asyncio.Future[Choice | None] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """The list."""
        yield VirtualList(self._rows)

    def on_mount(self) -> None:
        """The cursor is on the one in force."""
        self.query_one(VirtualList).cursor = CHOICES.index(self._now) if self._now in CHOICES else 0

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Takes it."""
        event.stop()
        if not self.answer.done():
            self.answer.set_result(CHOICES[event.index])

    def closed(self) -> None:
        """It stays as it was."""
        if not self.answer.done():
            self.answer.set_result(None)
