"""The palette: find a command by its name, see its key, run it."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Input

from loratui.tui.commands import GLOBAL, Command
from loratui.tui.shell import everywhere
from loratui.tui.shell.help import not_now
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Entry, Panel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.tui.app import LoratuiApp


def matches(typed: str, command: Command) -> bool:
    """Whether every word of `typed` begins a word of the command's title, id or help."""
    words = f"{command.title} {command.id} {command.help}".casefold().replace(".", " ").replace("-", " ").split()
    return all(any(word.startswith(part) for word in words) for part in typed.casefold().split())


def unavailable(app: "LoratuiApp", command: Command, node: DOMNode) -> str | None:
    """Why a command cannot run now."""
    screen = app.active
    return screen.unavailable(command.id) if node is screen else everywhere.unavailable(app, command.id)


class _Rows:
    def __init__(self, app: "LoratuiApp", found: list[tuple[Command, DOMNode]]) -> None:
        self._app = app
        self._found = found

    def __len__(self) -> int:
        return len(self._found)

    def row(self, index: int, width: int) -> Content:
        """Command `index`."""
        command, node = self._found[index]
        why = unavailable(self._app, command, node)
        return Content.assemble(
            (f"{self._app.keymap.shown(command):<6} ", "$dim" if why else "bold $primary"),
            (f"{command.title:<18} ", "$dim" if why else ""),
            (not_now(why) if why else command.help, "$dim"),
        )


class PalettePanel(Panel):
    """A line to type and the commands that match."""

    DEFAULT_CSS = """
    PalettePanel VirtualList { height: 8; background: $surface; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (
        Key("enter", "run it", last=True),
        Key("↑ ↓", "choose", last=True),
        Key("esc", "close", last=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", priority=True),
        Binding("down", "move(1)", priority=True),
    ]

    def __init__(self, app: "LoratuiApp") -> None:
        super().__init__()
        screen = app.active
        self._all: list[tuple[Command, DOMNode]] = [
            *((command, screen) for command in screen.COMMANDS),
            *((command, app) for command in GLOBAL if command.id != "app.palette"),
        ]
        self._all.sort(key=lambda pair: unavailable(app, *pair) is not None)  # what can run comes first
        self._app = app
        self._found = self._all

    def compose_content(self) -> ComposeResult:
        """Input and list."""
        yield Entry(hint="command")
        found = VirtualList(_Rows(self._app, self._found), empty="No command is called that.")
        found.can_focus = False
        yield found

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrows the list."""
        event.stop()
        self._found = [pair for pair in self._all if matches(event.value, pair[0])]
        self.query_one(VirtualList).set_source(_Rows(self._app, self._found), keep=False)

    def action_move(self, rows: int) -> None:
        """Moves the cursor of the list while the input keeps the focus."""
        self.query_one(VirtualList).action_move(rows)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Runs the command under the cursor."""
        event.stop()
        cursor = self.query_one(VirtualList).cursor
        self._app.active.close_panel()
        if cursor < len(self._found):
            command, node = self._found[cursor]
            self._app.call_later(self._app.run_command, node, command.id)
