"""Panels on the same screen: they cost the cells they cover, where a modal screen repaints everything twice."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from loratui.core.sanitize import line
from loratui.tui.shell.forgiving import Forgiving
from loratui.tui.shell.lines import Key


class PanelHost(Vertical):
    """Holds the panel of a screen, over the body, above the status line. Empty, it takes no room.

    Panels are mounted in a host of their own because mounting repaints the parent: here only the host.
    """

    DEFAULT_CSS = """
    PanelHost { layer: panels; dock: bottom; height: auto; width: 100%; margin-bottom: 1; background: transparent; }
    PanelHost > * { height: auto; max-height: 60vh; border-top: solid $primary; background: $surface; }
    PanelHost.-right { dock: right; width: 72; margin: 1 0; }
    PanelHost.-right > * { height: 1fr; max-height: 100%; border-top: none; border-left: solid $primary; }
    PanelHost.-right VirtualList { height: 1fr; }
    """

    # Nothing of its own to paint when its size changes.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=True, repaint=False)

    def place(self, right: bool) -> None:
        """At the right, or at the bottom."""
        self.set_class(right, "-right")
        self.fit()

    def fit(self) -> None:
        """At the right, between title and status line: Textual gives what is docked all the height, margins or not."""
        self.styles.height = self.app.size.height - 2 if self.has_class("-right") else None


class Panel(Forgiving, Vertical):
    """A panel with a heading and keys of its own in the status line."""

    DEFAULT_CSS = """
    Panel { padding: 0 1; }
    Panel > .panel--title { color: $primary; text-style: bold; height: 1; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("esc", "close", last=True),)

    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=True, repaint=False)

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """The heading, then what the panel shows."""
        if self._title:
            yield Static(Content(line(self._title)), classes="panel--title")
        yield from self.compose_content()

    def compose_content(self) -> ComposeResult:
        """The widgets below the heading."""
        return iter(())

    def closed(self) -> None:
        """Called once when the panel goes away, by `esc` or otherwise."""

    def on_entry_offered(self, event: "Entry.Offered") -> None:
        """Shows what tab found."""
        for offer in self.query(Offer):
            offer.show(event.texts)

    @on(Input.Changed)
    def _another_text(self) -> None:
        """What was found for the text before is no offer any more."""
        self.on_entry_offered(Entry.Offered(()))


class Complete(Suggester):
    """Offers the rest of a word from a function of the text typed so far."""

    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """The first whole text offered for `value`."""
        return next((line(text) for text in self._complete(value) if text.startswith(value) and text != value), None)


class Entry(Input):
    """A line to type: one row, no frame, a cursor that does not blink (blinking costs bytes for ever).

    Args:
        value: what stands there at first.
        hint: shown while it is empty.
        complete: gives whole texts for what was typed. The first is offered behind the cursor (right arrow takes it);
            tab types what all have in common and shows them.
        from_empty: tab shows them before anything is typed, too.
    """

    DEFAULT_CSS = """
    Entry { width: 1fr; background: $surface; }
    Entry:focus { background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete")]

    class Offered(Message):
        """The texts that tab found."""

        def __init__(self, texts: Sequence[str]) -> None:
            super().__init__()
            self.texts = texts

    def __init__(
        self,
        value: str = "",
        *,
        hint: str = "",
        complete: Callable[[str], Sequence[str]] | None = None,
        from_empty: bool = False,
        id: str | None = None,  # noqa: A002
    ) -> None:
        suggester = Complete(complete) if complete else None
        super().__init__(value, placeholder=hint, suggester=suggester, select_on_focus=False, compact=True, id=id)
        self.cursor_blink = False
        self._complete = complete
        self._from_empty = from_empty

    def action_complete(self) -> None:
        """Types what all texts have in common; the key goes on to whoever else wants it where there are none."""
        typed = self.value
        if self._complete is None or not (typed or self._from_empty):
            raise SkipAction
        texts = [line(text) for text in self._complete(typed) if text.startswith(typed) and text != typed]
        if not texts:
            raise SkipAction
        same = takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
        self.value = "".join(letters[0] for letters in same)
        self.cursor_position = len(self.value)
        self.post_message(self.Offered(texts if len(texts) > 1 else ()))


class Offer(Static):
    """The last parts of the texts that tab found, on one line; gone at the next letter."""

    DEFAULT_CSS = """
    Offer { height: 1; color: $dim; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, texts: Sequence[str]) -> None:
        """Shows `texts`, or nothing."""
        self.display = bool(texts)
        self.update(Content("  ".join(text.rstrip("/").rpartition("/")[2] for text in texts)))


class AskPanel(Panel):
    """One line to type; `answer` becomes the text, or None when the person steps out."""

    def __init__(self, prompt: str, value: str, complete: Callable[[str], Sequence[str]] | None) -> None:
        super().__init__(prompt)
        self._value = value
        self._complete = complete
        completing = (Key("tab", "complete", last=True),) if complete else ()
        self.KEYS = (  # type: ignore[misc]  # they differ by what is asked
            Key("enter", "take it", last=True),
            *completing,
            Key("esc", "leave it", last=True),
        )
        self.answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """The input."""
        yield Entry(self._value, complete=self._complete, from_empty=True)
        if self._complete:
            yield Offer()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the text."""
        event.stop()
        if not self.answer.done():
            self.answer.set_result(event.value)

    def closed(self) -> None:
        """No answer."""
        if not self.answer.done():
            self.answer.set_result(None)


class QuestionPanel(Panel, can_focus=True):
    """A question: enter or y takes it, esc or n leaves it; `answer` becomes which."""

    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter y", "yes", last=True), Key("esc n", "no", last=True))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,y", "answer(True)"), Binding("n", "answer(False)")]

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def action_answer(self, yes: bool) -> None:
        """Takes the answer."""
        if not self.answer.done():
            self.answer.set_result(yes)

    def closed(self) -> None:
        """Stepping out is no."""
        self.action_answer(False)


def first_focusable(widget: Widget) -> Widget | None:
    """What takes the focus when `widget` is shown: itself or the first below it that can."""
    return next((node for node in widget.walk_children(Widget, with_self=True) if node.focusable), None)
