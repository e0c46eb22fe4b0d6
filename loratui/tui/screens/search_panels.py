"""What the panels of the search have in common: a list, a line that says how it went, a box to type into below it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Entry, Panel
from loratui.tui.widgets.virtual_list import Rows, VirtualList


class BoxPanel(Panel):
    """A list over a box that is there only while it is typed into. `step_out` closes the box first.

    Args:
        title: the heading.
        rows: of the list.
        empty: what the list says without rows.
        masked: what is typed shows as dots.
    """

    DEFAULT_CSS = """
    BoxPanel VirtualList { background: $surface; }
    BoxPanel #says { height: auto; }
    BoxPanel Entry { display: none; }
    BoxPanel.-typing Entry { display: block; }
    """
    LIST_KEYS: ClassVar[tuple[Key, ...]]
    """While the list has the focus."""
    BOX_KEYS: ClassVar[tuple[Key, ...]] = (Key("enter", "take it", last=True), Key("esc", "leave it", last=True))
    """While the box has it."""

    def __init__(self, title: str, rows: Rows, empty: str = "", *, masked: bool = False) -> None:
        super().__init__(title)
        self._source = rows
        self._empty = empty
        self._masked = masked

    @property
    def KEYS(self) -> tuple[Key, ...]:  # type: ignore[override]
        """For the status line."""
        return self.BOX_KEYS if self.has_class("-typing") else self.LIST_KEYS

    def compose_content(self) -> ComposeResult:
        """The list, the line and the box."""
        yield VirtualList(self._source, empty=self._empty)
        yield Static(id="says")
        box = Entry()
        box.password = self._masked
        yield box

    @property
    def view(self) -> VirtualList:
        """The list."""
        return self.query_one(VirtualList)

    def open_box(self, value: str = "", hint: str = "") -> None:
        """Has something typed: `on_input_submitted` comes of it."""
        box = self.query_one(Entry)
        box.value, box.placeholder = value, hint
        self.add_class("-typing")
        box.focus()

    def step_out(self) -> bool:
        """Closes the box; whether it was open."""
        if not self.has_class("-typing"):
            return False
        self.remove_class("-typing")
        self.query_one(Entry).value = ""
        self.say("")
        self.view.focus()
        return True

    def say(self, text: str, style: str = "$error") -> None:
        """Says how it went."""
        self.query_one("#says", Static).update(Content.styled(line(text, 400), style))
