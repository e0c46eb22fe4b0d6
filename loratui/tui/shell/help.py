"""The help panel: every key of this screen, then those that work everywhere."""

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content

from loratui.core.sanitize import line
from loratui.tui.commands import GLOBAL, Command, shown
from loratui.tui.keymap import Keymap
from loratui.tui.shell import everywhere
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.tui.screens.base import LoratuiScreen

_OFTEN = 3
"""A reason that as many commands share is said once, at the top."""

_LIST_KEYS = (
    ("↑ ↓ j k", "move", "Moves the cursor; pgup, pgdn, home and end (G) in larger steps."),
    ("enter", "open", "Does the main thing with what is under the cursor."),
    ("tab", "next part", "Goes to the next part of the screen."),
)


class _Rows:
    def __init__(self, rows: list[Content]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int, width: int) -> Content:
        """Line `index`."""
        return self._rows[index]


def rows(screen: "LoratuiScreen", keymap: Keymap, width: int) -> list[Content]:
    """The lines of the help panel for `width` cells. A command that cannot run now is dim and says why."""

    def entry(keys: str, title: str, help: str, why: str | None = None) -> list[Content]:  # noqa: A002
        style = "$dim" if why else ""
        head = Content.assemble((f"{keys:<10} ", "$dim" if why else "bold $primary"), (f"{title:<17} ", style))
        text = Content.styled(line(f"{help} {not_now(why)}") if why and why not in shared else help, "$dim")
        wrapped = text.wrap(max(width - head.cell_length, 20))
        return [head + wrapped[0], *(each.pad_left(head.cell_length) for each in wrapped[1:])]

    def command(each: Command, why: str | None) -> list[Content]:
        return entry(" ".join(shown(key) for key in keymap.of(each)) or "palette", each.title, each.help, why)

    reasons = [(each, screen.unavailable(each.id)) for each in screen.COMMANDS]
    shared = [why for why, times in Counter(why for _, why in reasons).items() if why and times >= _OFTEN]
    own = {key for each in screen.COMMANDS for key in keymap.of(each)}
    parts = [
        [Content.styled(screen.TITLE_TEXT, "bold")],
        *(
            Content.styled(line(f"What is dim cannot run now: {why.rstrip('.')}."), "$warning").wrap(width)
            for why in shared
        ),
        *(command(*each) for each in reasons),
        *(entry(*each) for each in _LIST_KEYS if each[0] not in own),
        [Content(), Content.styled("Everywhere", "bold")],
        *(command(each, everywhere.unavailable(screen.app, each.id)) for each in GLOBAL),
    ]
    return [row for part in parts for row in part]


def not_now(why: str) -> str:
    """The sentence that says why a command cannot run."""
    return line(f"Not now: {why.rstrip('.')}.")


class HelpPanel(Panel):
    """The keys of a screen."""

    DEFAULT_CSS = """
    HelpPanel VirtualList { height: 60vh; background: $surface; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("j k", "move"), Key("esc", "close", last=True))

    def __init__(self, screen: "LoratuiScreen", keymap: Keymap) -> None:
        super().__init__()
        self._lines = rows(screen, keymap, screen.app.size.width - 4)

    def compose_content(self) -> ComposeResult:
        """The table."""
        yield VirtualList(_Rows(self._lines))
