"""The list of runs over the monitor: enter shows another one."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.tui.screens.monitor_view import RunRows

_ROWS = 12


class RunsPanel(Panel):
    """The runs, newest first; the list says which one was chosen.

    Args:
        rows: the runs.
    """

    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter", "show it"), Key("esc", "close", last=True))

    def __init__(self, rows: "RunRows") -> None:
        super().__init__("Runs")
        self._rows = rows

    def compose_content(self) -> ComposeResult:
        """The list."""
        listed = VirtualList(self._rows, empty="No run yet. Press gn to plan one.", id="runs")
        listed.styles.height = min(_ROWS, max(3, len(self._rows)))
        yield listed
