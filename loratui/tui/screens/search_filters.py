"""The filters panel: each filter with what it costs, changed by the arrows, judged at once over what is listed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from loratui.core.boards.choosing.filters import Cost
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.errors import UsageError
from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.screens.search_panels import BoxPanel
from loratui.tui.screens.search_rows import size
from loratui.tui.screens.search_wishes import ROWS
from loratui.tui.shell.lines import Key
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.boards.listing.listing import Listing

_PAUSE = 0.15
"""Seconds without a key before the posts are judged anew."""
RATINGS: Final = (
    ("general", "rating:general"),
    ("general, sensitive", ""),
    ("all but explicit", "-rating:explicit"),
    ("all", "rating:general,sensitive,questionable,explicit"),
)
"""What is let through, and the term of the query for it."""
_RATING = len(ROWS)


def rated(query: str) -> int | None:
    """Which of `RATINGS` a query asks for; None: another."""
    terms = [word for word in query.lower().split() if word.lstrip("-~").startswith("rating:")]
    return next((index for index, (_, term) in enumerate(RATINGS) if term == " ".join(terms)), None)


def with_rating(query: str, index: int) -> str:
    """`query` with one of `RATINGS` in the place of its own."""
    words = [word for word in query.split() if not word.lower().lstrip("-~").startswith("rating:")]
    return " ".join([*words, RATINGS[index][1]]).strip()


class _Rows:
    """The filters as rows, the rating last."""

    def __init__(self, wishes: Wishes, query: str) -> None:
        self.wishes = wishes
        self.query = query
        self.costs: dict[str, Cost] = {}

    def __len__(self) -> int:
        return len(ROWS) + 1

    def is_marked(self, index: int) -> bool:
        """Whether the filter is on."""
        return index < len(ROWS) and bool(ROWS[index].shown(self.wishes))

    def row(self, index: int, width: int) -> Content:
        """Name, value, cost, meaning."""
        if index == _RATING:
            chosen = rated(self.query)
            value = RATINGS[chosen][0] if chosen is not None else "as in the query"
            return self._line("rating", value, True, self.costs.get("rating"), "asks the board again")
        row = ROWS[index]
        value = row.shown(self.wishes)
        cost = self.costs.get(row.reason)
        if row.reason == "" and value:
            own = [self.costs[f"without {word}"] for word in value.split() if f"without {word}" in self.costs]
            cost = Cost("", "", sum(one.hits for one in own), sum(one.only for one in own)) if own else None
        return self._line(
            row.label, value or ("original" if row.label == "file" else "any"), bool(value), cost, row.help
        )

    def _line(self, label: str, value: str, on: bool, cost: Cost | None, help: str) -> Content:  # noqa: A002
        told = f"−{cost.hits:,}" if cost is not None and cost.hits else ""
        only = f" {cost.only:,} by it alone" if cost is not None and cost.only != cost.hits else ""
        return Content.assemble(
            (f"{label:<18}", "" if on else "$dim"),
            (f"{line(value, 60):<18} ", "bold $accent" if on else "$dim"),
            (f"{told:>7}", "$dropped"),
            (f"{only}  " if only else "  ", "$dim"),
            ("" if only else help, "$dim"),
        )


class FiltersPanel(BoxPanel):
    """Stays open while the results follow.

    Args:
        wishes: as they are now.
        query: for its rating.
        wished: called with other wishes, once the keys rest. Raises UsageError for what cannot be meant.
        asked: called with another query.
    """

    DEFAULT_CSS = """
    FiltersPanel VirtualList { height: 9; }
    FiltersPanel #sum { height: auto; }
    """
    LIST_KEYS = (
        Key("← →", "change", last=True),
        Key("e", "type"),
        Key("x", "off"),
        Key("X", "as at first"),
        Key("esc", "done", last=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)"),
        Binding("right,l,space", "step(1)"),
        Binding("e", "type"),
        Binding("x", "off"),
        Binding("X", "reset"),
    ]

    def __init__(
        self, wishes: Wishes, query: str, wished: Callable[[Wishes], object], asked: Callable[[str], object]
    ) -> None:
        self._rows = _Rows(wishes, query)
        super().__init__("Filters: judged from the records, before a file is fetched", self._rows)
        self._wished = wished
        self._asked = asked
        self._rest: Timer | None = None

    def compose_content(self) -> ComposeResult:
        """What comes of it, above the filters."""
        yield Static(id="sum")
        yield from super().compose_content()

    def show(self, listing: "Listing | None", total: int | None) -> None:
        """Takes in what the filters cost now."""
        if not self.is_attached:
            return
        self._rows.costs = {cost.reason: cost for cost in listing.costs()} if listing is not None else {}
        self.view.update_rows()
        self.query_one("#sum", Static).update(_sum(listing, total) if listing is not None else "")

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """What the filter under the cursor means, as rows have little room for it."""
        event.stop()
        self.say(ROWS[self._at].help if self._at != _RATING else "", "$dim")

    @property
    def _at(self) -> int:
        return self.view.cursor

    # --- changing ------------------------------------------------------------------------------------------------

    def action_step(self, steps: int) -> None:
        """Sets the filter under the cursor higher or lower."""
        if self._at == _RATING:
            chosen = rated(self._rows.query)
            index = 1 if chosen is None else max(0, min(chosen + steps, len(RATINGS) - 1))
            if index != chosen:
                self._rows.query = with_rating(self._rows.query, index)
                self._changed()
        else:
            self._take(ROWS[self._at].step(self._rows.wishes, steps))

    def action_off(self) -> None:
        """Turns the filter under the cursor off."""
        if self._at != _RATING:
            self._take(ROWS[self._at].off(self._rows.wishes))

    def action_reset(self) -> None:
        """As it was at first: only what no dataset has a use for is left out."""
        self._take(Wishes(ratios=self._rows.wishes.ratios))

    def _take(self, wishes: Wishes) -> None:
        if wishes != self._rows.wishes:
            self._rows.wishes = wishes
            self._changed()

    def _changed(self) -> None:
        self.say("")
        self.view.update_rows()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(_PAUSE, self._apply)

    def _apply(self) -> None:
        self._rest = None
        rows = self._rows
        try:
            self._wished(rows.wishes)
        except UsageError as error:
            self.say(f"{error.message} {error.remedy}")
            return
        self._asked(rows.query)

    # --- typing --------------------------------------------------------------------------------------------------

    def action_type(self) -> None:
        """Opens the box for an exact value."""
        if self._at == _RATING or ROWS[self._at].typed is None:
            self.say("This one is only on or off: use the arrows.")
            return
        row = ROWS[self._at]
        shown = row.shown(self._rows.wishes)
        words = not row.reason and row.label != "file"
        self.open_box(shown if words else "", f"{row.label}: {shown or row.help or 'a number'}")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes what was typed."""
        event.stop()
        typed = ROWS[self._at].typed
        assert typed is not None
        try:
            wishes = typed(self._rows.wishes, event.value).checked()
        except UsageError as error:
            self.say(f"{error.message} {error.remedy}")
            return
        self.step_out()
        self._take(wishes)

    def closed(self) -> None:
        """What was changed last is done still."""
        if self._rest is not None:
            self._rest.stop()
            self._apply()


def _sum(listing: "Listing", total: int | None) -> Content:
    """How many pass, how many bytes that is, and how many it will be when all are listed."""
    parts = [f"{listing.kept:,} of {count(listing.scanned, 'post')} seen pass"]
    sized = listing.kept - listing.unsized
    if sized and listing.bytes:
        parts.append(
            f"{size(listing.bytes)}" + (f" and {listing.unsized:,} of unknown size" if listing.unsized else "")
        )
    if total and listing.scanned and not listing.finished and total > listing.scanned:
        expected = round(total * listing.kept / listing.scanned)
        parts.append(
            f"of all {total:,} about {expected:,}"
            + (f", {size(round(expected * listing.bytes / sized))}" if sized and listing.bytes else "")
        )
    others = [cost for cost in listing.costs() if cost.reason in _OTHERS or cost.reason.startswith("query: ")]
    text = Content(" · ".join(parts))
    if not others:
        return text
    besides = " · ".join(f"{line(cost.filter, 40)} −{cost.hits:,}" for cost in others)
    return Content.assemble(text, "\n", (f"besides: {besides}", "$dim"))


_OTHERS: Final = frozenset({"video", "hidden", "deleted", "duplicate", "no picture", "on another board too"})
