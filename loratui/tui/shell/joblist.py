"""The panel of running jobs; `x` cancels the one under the cursor."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from loratui.core.sanitize import line
from loratui.tui.jobs import PERIOD, Job
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.tui.app import LoratuiApp


class _Rows:
    def __init__(self, jobs: tuple[Job, ...]) -> None:
        self.jobs = jobs

    def __len__(self) -> int:
        return len(self.jobs)

    def row(self, index: int, width: int) -> Content:
        """Job `index` with what it said last."""
        job = self.jobs[index]
        total = f" of {job.total:,}" if job.total else ""
        return Content.assemble(line(job.text()), (f"  {job.done:,}{total}  {line(job.note)}", "$dim"))


class JobsPanel(Panel):
    """What is being worked on."""

    DEFAULT_CSS = """
    JobsPanel VirtualList { height: 6; background: $surface; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("x", "cancel", last=True), Key("esc", "close", last=True))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "cancel")]

    def __init__(self, app: "LoratuiApp") -> None:
        super().__init__("Jobs")
        self._centre = app.jobs

    def compose_content(self) -> ComposeResult:
        """The list."""
        yield VirtualList(_Rows(self._centre.running), empty="Nothing is being worked on.")

    def on_mount(self) -> None:
        """Follows the jobs while the panel is open."""
        self.set_interval(PERIOD, self._refresh)

    def _refresh(self) -> None:
        self.query_one(VirtualList).set_source(_Rows(self._centre.running))

    def action_cancel(self) -> None:
        """Asks the job under the cursor to stop."""
        jobs = self._centre.running
        cursor = self.query_one(VirtualList).cursor
        if cursor < len(jobs):
            jobs[cursor].cancel.set()
            self._refresh()
