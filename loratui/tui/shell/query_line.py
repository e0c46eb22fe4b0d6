"""A line to type a query into, with suggestions below it and what was asked before."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from loratui.core.vocabulary.offers import Completing, Offers
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Entry
from loratui.tui.widgets.suggestions import Suggestions

_PAUSE = 0.18
"""Seconds without a key before slower sources are asked."""


class QueryLine(Vertical):
    """One row to type in; suggestions float below it over whatever is there, and take no room.

    How a screen uses it:

        line = QueryLine(hint="tags", id="query")      # in compose_body
        line.completer = Completer(…)                   # any `Completing`; None: no suggestions. May change at any time
        line.history = ["1girl solo", …]                # oldest first; the screen adds to it what it searches
        line.value = "1girl solo"; line.focus()         # puts a text into it, and the caret at its end
        on_query_line_submitted(event): event.value     # enter: what stands in the line, as it was typed
        on_query_line_closed(event)                     # esc: the text is what was last put in or submitted
        on_query_line_changed(event): event.value       # each change of the text by the person

    Typing asks `completer.offers` for every key, which must answer from memory, and `completer.ask` once the person
    pauses; what comes later is put below the row under the cursor, never above it. Keys: ↓ and ↑ go through the
    suggestions and put them into the line, tab takes the first or the chosen one and goes on behind it, enter submits
    what stands there, esc goes back to what was typed, then closes. Without a list, or above its first row, ↑ and ↓ go
    through `history`. `QueryLine.KEYS` are for the status line while it has the focus (`line.typing`).

    Args:
        hint: shown while it is empty.
        rows: the most suggestions shown.
    """

    KEYS: ClassVar[tuple[Key, ...]] = (
        Key("enter", "search", last=True),
        Key("tab", "take"),
        Key("↓↑", "choose, earlier ones"),
        Key("esc", "leave", last=True),
    )

    DEFAULT_CSS = """
    QueryLine { height: 1; width: 1fr; }
    """

    class Submitted(Message):
        """Enter: the text is to be used."""

        def __init__(self, line: "QueryLine", value: str) -> None:
            super().__init__()
            self.line = line
            self.value = value

        @property
        def control(self) -> "QueryLine":
            return self.line

    class Changed(Submitted):
        """The person changed the text."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, QueryLine.Changed) and message.line is self.line

    class Closed(Message):
        """Esc: the person steps out of the line."""

        def __init__(self, line: "QueryLine") -> None:
            super().__init__()
            self.line = line

        @property
        def control(self) -> "QueryLine":
            return self.line

    def __init__(self, *, hint: str = "", rows: int = 8, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.completer: Completing | None = None
        self.history: Sequence[str] = ()
        self._rows = rows
        self._entry = _Line(hint=hint)
        self._list = Suggestions()
        self._offers = Offers(0, 0)
        self._typed = ("", 0)  # text and caret before a suggestion was put in
        self._settled = ""
        self._at: int | None = None  # place in the history
        self._draft = ""
        self._pause: Timer | None = None
        self._waiting: tuple[str, int] | None = None  # what slower sources were asked for

    def compose(self) -> ComposeResult:
        """The line, and the suggestions over what is below it."""
        yield self._entry
        yield self._list

    @property
    def value(self) -> str:
        """What stands in the line."""
        return self._entry.value

    @value.setter
    def value(self, text: str) -> None:
        self._settled = text
        self._put(text, len(text))
        self._close_list()

    @property
    def typing(self) -> bool:
        """Whether the line has the focus."""
        return self._entry.has_focus

    def focus(self, scroll_visible: bool = True) -> "QueryLine":
        """Gives the line the keys."""
        self._entry.focus(scroll_visible)
        return self

    def _put(self, text: str, caret: int) -> None:
        with self._entry.prevent(Input.Changed):
            self._entry.value = text
        self._entry.cursor_position = caret

    # --- typing --------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text: what fits it is shown at once, and looked for elsewhere when the person pauses."""
        event.stop()
        self._at = None
        self._suggest()
        self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: as it was typed."""
        event.stop()
        self._settled = event.value
        self._close_list()
        self.post_message(self.Submitted(self, event.value))

    def _suggest(self) -> None:
        self._stop_asking()
        if self.completer is None:
            return
        self._offers = self.completer.offers(*self._typed)
        self._list.show(self._offers.suggestions[: self._rows])
        self._pause = self.set_timer(_PAUSE, self._ask)

    def _ask(self) -> None:
        self._pause = None
        typed = self._waiting = self._typed
        if self.completer is not None:
            self.completer.ask(*typed, lambda: self.call_later(self._heard, typed))

    def _heard(self, typed: tuple[str, int]) -> None:
        """More is known of `typed`: what the person has gone through stays where it is."""
        if self.completer is None or typed != self._waiting or not self.typing:
            return
        self._offers = self.completer.offers(*typed)
        kept = self._list.suggestions[: self._list.chosen + 1]
        tags = {each.tag for each in kept}
        fresh = [each for each in self._offers.suggestions if each.tag not in tags]
        self._list.show((*kept, *fresh)[: self._rows], self._list.chosen)

    def _stop_asking(self) -> None:
        """What was on its way is of another text."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self._waiting = None
        self._typed = self._entry.value, self._entry.cursor_position

    def _close_list(self) -> None:
        self._stop_asking()
        self._list.show(())

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The suggestions go with the focus."""
        self._close_list()

    # --- keys ----------------------------------------------------------------------------------------------------

    def take(self) -> None:
        """Takes the chosen suggestion, else the first, and goes on behind it."""
        shown = self._list.suggestions
        if not shown:
            return
        at = max(self._list.chosen, 0)
        self._insert(at, self._offers.after)
        if shown[at].tag.endswith(":"):
            self._suggest()
        else:
            self._close_list()
        self.post_message(self.Changed(self, self.value))

    def _insert(self, at: int, after: str) -> None:
        """Puts suggestion `at` into the line, in place of what was typed."""
        text, offers = self._typed[0], self._offers
        tag, rest = self._list.suggestions[at].tag, text[offers.end :]
        if rest or tag.endswith(":"):
            after = ""
        self._put(f"{text[: offers.start]}{tag}{after}{rest}", offers.start + len(tag) + len(after))

    def step(self, steps: int) -> None:
        """Through the suggestions, or the history."""
        chosen = self._list.chosen + steps
        if not self._list.suggestions or chosen < -1:
            self._recall(steps)
            return
        self._list.choose(chosen)
        if self._list.chosen < 0:
            self._put(*self._typed)
        else:
            self._insert(self._list.chosen, "")

    def _recall(self, steps: int) -> None:
        """An earlier or later query; after the latest comes what was typed before."""
        if self._at is None:
            self._draft, self._at = self.value, len(self.history)
        at = self._at + steps
        if not 0 <= at <= len(self.history):
            return
        self._at = at
        text = self._draft if at == len(self.history) else self.history[at]
        self._put(text, len(text))
        self._close_list()
        self.post_message(self.Changed(self, text))

    def leave(self) -> None:
        """Back to what was typed; then out."""
        if self._list.chosen >= 0:
            self._put(*self._typed)
            self._list.choose(-1)
            return
        self.value = self._settled
        self.post_message(self.Closed(self))


class _Line(Entry):
    """The entry, with the keys of the suggestions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("tab", "take", show=False),
        Binding("escape", "leave", show=False),
    ]

    @property
    def _whole(self) -> QueryLine:
        assert isinstance(self.parent, QueryLine)
        return self.parent

    def action_step(self, steps: int) -> None:
        """Through suggestions or history."""
        self._whole.step(steps)

    def action_take(self) -> None:
        """The suggestion."""
        self._whole.take()

    def action_leave(self) -> None:
        """One step out."""
        self._whole.leave()
