"""A form of some lines in a panel: text with completion, and choices."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from loratui.core.errors import UsageError
from loratui.core.sanitize import line
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Entry, Offer, Panel


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form.

    Attributes:
        name: its key in the answer.
        label: what stands before it.
        value: what is there at first; of a choice one of its options.
        hint: shown while a text is empty.
        options: the texts to choose from; () for a text to type.
        complete: gives whole texts for what was typed.
        check: raises UsageError for a text that cannot be meant; its sentences stand in the form then.
    """

    name: str
    label: str
    value: str = ""
    hint: str = ""
    options: tuple[str, ...] = ()
    complete: Callable[[str], Sequence[str]] | None = None
    check: Callable[[str], object] | None = None


class Choice(Widget, can_focus=True):
    """One of some short texts; left and right take another."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("left,h", "step(-1)"), Binding("right,l,space", "step(1)")]
    value: reactive[str] = reactive("")

    def __init__(self, options: tuple[str, ...], value: str) -> None:
        super().__init__()
        self._options = options
        self.set_reactive(Choice.value, value)

    def action_step(self, steps: int) -> None:
        """Takes the next or the previous one."""
        index = self._options.index(self.value) + steps
        self.value = self._options[index % len(self._options)]

    def render(self) -> Content:
        """The options in a row, the taken one marked."""
        taken = "bold $primary reverse" if self.has_focus else "bold $primary"
        return Content("  ").join(
            [
                Content.styled(f"[{option}]" if option == self.value else f" {option} ", taken)
                if option == self.value
                else Content.styled(f" {option} ", "$dim")
                for option in self._options
            ]
        )


class FormPanel(Panel):
    """The fields below each other; `answer` becomes their texts by name, or None when the person steps out.

    Args:
        title: the heading.
        fields: from top to bottom.
        note: a line above them.
        enter: what enter does from every field, such as `get`; "" has it go to the next field, and be done at the end.
    """

    DEFAULT_CSS = """
    FormPanel Horizontal { height: 1; }
    FormPanel .form--label { width: 18; color: $dim; }
    FormPanel Horizontal:focus-within .form--label { color: $primary; text-style: bold; }
    FormPanel .form--note { color: $dim; height: auto; }
    FormPanel .form--wrong { color: $error; height: auto; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,shift+tab", "move(-1)"),
        Binding("down,tab", "move(1)"),
        Binding("enter", "next"),
    ]

    def __init__(self, title: str, fields: Sequence[Field], note: str = "", enter: str = "") -> None:
        super().__init__(title)
        self._fields = tuple(fields)
        self._note = note
        self._at_once = bool(enter)
        choose = [Key("← →", "choose")] if any(field.options for field in fields) else []
        self.KEYS = (  # type: ignore[misc]  # they differ by form
            Key("enter", enter or "next, at the end done", last=True),
            Key("↓ tab" if enter else "↑ ↓", "move", last=True),
            *choose,
            Key("esc", "leave it", last=True),
        )
        self.answer: asyncio.Future[dict[str, str] | None] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """A label and its field on each line."""
        if self._note:
            yield Static(Content(self._note), classes="form--note")
        for field in self._fields:
            with Horizontal():
                yield Static(Content(field.label), classes="form--label")
                if field.options:
                    yield Choice(field.options, field.value)
                else:
                    yield Entry(field.value, hint=field.hint, complete=field.complete)
        if any(field.complete for field in self._fields):
            yield Offer()
        yield Static(classes="form--wrong")

    def _entries(self) -> list[Input | Choice]:
        return [widget for widget in self.query("Input, Choice") if isinstance(widget, (Input, Choice))]

    @property
    def values(self) -> dict[str, str]:
        """What the fields say now."""
        return {field.name: entry.value for field, entry in zip(self._fields, self._entries(), strict=True)}

    def tell(self, note: str) -> None:
        """Says another note above the fields, where there was one."""
        for widget in self.query(".form--note").results(Static):
            widget.update(Content(line(note, 400)))

    def set(self, name: str, value: str) -> None:
        """Puts `value` into the field `name`."""
        entries = self._entries()
        entries[[field.name for field in self._fields].index(name)].value = value

    @property
    def _index(self) -> int:
        """Of the field that has the focus."""
        return next((index for index, entry in enumerate(self._entries()) if entry.has_focus), 0)

    def action_move(self, steps: int) -> None:
        """Focuses a neighbour; after the last comes the first."""
        entries = self._entries()
        self.screen.set_focus(entries[(self._index + steps) % len(entries)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a text."""
        event.stop()
        self.action_next()

    def action_next(self) -> None:
        """Done, or the next field; not while something cannot be meant."""
        last = self._at_once or self._index == len(self._fields) - 1
        if not self._fits(range(len(self._fields)) if last else [self._index]):
            return
        if not last:
            self.action_move(1)
        elif not self.answer.done():
            self.answer.set_result(self.values)

    def _fits(self, indices: Sequence[int]) -> bool:
        """Whether these fields can be meant; says why not, at the first that cannot."""
        wrong = self.query_one(".form--wrong", Static)
        entries = self._entries()
        for index in indices:
            try:
                if (check := self._fields[index].check) is not None:
                    check(entries[index].value)
            except UsageError as error:
                wrong.update(Content(line(f"{error.message} {error.remedy}")))
                wrong.display = True
                self.screen.set_focus(entries[index])
                return False
        wrong.display = False
        return True

    def closed(self) -> None:
        """No answer."""
        if not self.answer.done():
            self.answer.set_result(None)
