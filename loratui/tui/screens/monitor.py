"""Monitor: one run, live: where it is, how the loss goes, what every epoch gave, and the two ways to stop it."""

import asyncio
import time
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.errors import LoratuiError
from loratui.core.jobs import Report
from loratui.tui.commands import Command
from loratui.tui.screens import monitor_view as view
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.monitor_runs import RunsPanel
from loratui.tui.screens.monitor_source import MonitorSource
from loratui.tui.widgets.line_chart import LineChart, Series
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.runs import Run, RunState
    from loratui.core.runs.metrics import Metrics
    from loratui.core.workspace import Workspace

PERIOD = 1.0
"""Seconds between two looks at the files of the run; nothing is painted where nothing changed."""
CURVE_PERIOD = 2.0
"""The curve costs more bytes than all the rest: it is drawn half as often while it grows."""
OPEN_LOG = 12
"""Lines of the log when it is open."""


class MonitorScreen(LoratuiScreen):
    """The run that is under way, else the newest."""

    NAME: ClassVar[str] = "monitor"
    TITLE_TEXT: ClassVar[str] = "Monitor"
    GO: ClassVar[str] = "m"
    EMPTY: ClassVar[str] = "No run yet. Press gn: there a training is planned, checked and started."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("monitor.open", ("enter",), "open", "Shows the sample of the epoch under the cursor in full size."),
        Command(
            "monitor.stop-after-save", ("s",), "stop after save", "Ends the run once its next checkpoint is saved."
        ),
        Command(
            "monitor.stop", ("S",), "stop now", "Ends the run at once; what it learnt since its last save is lost."
        ),
        Command("monitor.resume", ("R",), "resume", "Goes on with a run that ended early, from its last saved state."),
        Command("monitor.smooth", ("+",), "smooth", "Changes the curve's smoothing: one epoch, 200 steps, 50 steps."),
        Command("monitor.log", ("o",), "log", "Opens and closes the trainer's log."),
        Command("monitor.runs", ("r",), "runs", "Lists the runs; enter there shows another one."),
        Command(
            "monitor.next-sample", ("l", "right"), "next sample", "Shows the sample of the next prompt.", footer=False
        ),
        Command(
            "monitor.fold", ("tab",), "picture", "Shows the picture, or the table, where both do not fit.", footer=False
        ),
    )

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,j", "epoch(1)"), Binding("up,k", "epoch(-1)")]
    DEFAULT_CSS = """
    MonitorScreen #figures { height: auto; padding: 0 1; }
    MonitorScreen #trouble { height: auto; max-height: 2; padding: 0 1; }
    MonitorScreen #curve { height: 2fr; min-height: 8; max-height: 18; padding: 0 1; }
    MonitorScreen #lower { height: 1fr; min-height: 5; }
    MonitorScreen #table { width: 1fr; }
    MonitorScreen #head { height: 1; color: $dim; padding: 0 2; }
    MonitorScreen #sample { width: 40%; }
    MonitorScreen #which { height: 1; color: $dim; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    MonitorScreen #log { height: 1; padding: 0 1; color: $dim; }
    MonitorScreen.-log #log { height: 12; }
    MonitorScreen.-narrow #sample { display: none; }
    MonitorScreen.-narrow.-picture #sample { display: block; width: 1fr; }
    MonitorScreen.-narrow.-picture #table { display: none; }
    MonitorScreen.-wide.-picture #sample { width: 70%; }
    MonitorScreen.-picture #curve, MonitorScreen.-low.-log #curve { display: none; }
    MonitorScreen.-empty #figures, MonitorScreen.-empty #curve, MonitorScreen.-empty #head,
    MonitorScreen.-empty #log, MonitorScreen.-empty #sample, MonitorScreen.-pictureless #sample { display: none; }
    """

    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-high")]  # noqa: RUF012  (Textual declares it so)

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._source = MonitorSource(_project(workspace))
        self._painted: tuple[object, ...] = ()
        self._curve_look: tuple[object, ...] = ()
        self._curve_time = 0.0
        self._curve_stale = False
        self._reading = False
        self._timer: Timer | None = None
        self._smoothing = 0
        self._prompt = 0
        self._log_open = False
        self._lines: dict[str, Content] = {}

    def compose_body(self) -> ComposeResult:
        """Figures, curve, epochs beside the sample, log."""
        yield Static(id="figures")
        yield Static(id="trouble")
        yield LineChart(empty="no step yet", id="curve")
        with Horizontal(id="lower"):
            with Vertical(id="table"):
                yield Static(Content(view.EpochRows.HEAD), id="head")
                yield VirtualList(empty="", id="epochs")
            with Vertical(id="sample"):
                yield Static(id="which")
                yield Picture()
        yield Static(id="log")

    # -- reading, on a thread

    def reload(self) -> None:
        """Looks at the runs now, and then every second while the screen is in front."""
        if self._timer is None:
            self._timer = self.set_interval(PERIOD, self._tick)
        self._timer.resume()
        self._painted = ()
        if self._source.project != _project(self.workspace):
            self._source = MonitorSource(_project(self.workspace))
        self._tick()

    def on_screen_suspend(self) -> None:
        """Another screen is in front: nothing is read."""
        if self._timer is not None:
            self._timer.pause()

    def _tick(self) -> None:
        if not self._reading and self.is_attached:
            self._reading = True
            self.run_worker(self._look(), exit_on_error=False)

    async def _look(self) -> None:
        """One look at the files; paints where something changed."""
        try:
            await asyncio.to_thread(self._source.read)
        except (LoratuiError, OSError) as error:
            self._source.metrics = None
            self.app.report_error(error)
        finally:
            self._reading = False
        if self.is_attached and self.is_current:
            self._paint()

    # -- painting

    def _paint(self) -> None:
        """Paints what differs. While a look goes on its thread changes the figures: it paints when it is back."""
        if self._reading:
            return
        metrics = self._source.metrics
        width = self.size.width
        mark = (
            id(metrics),
            metrics and metrics.version,
            self._source.gpu,
            self._source.behind,
            width,
            self._smoothing,
            self._log_open,
        )
        if mark == self._painted and not self._curve_stale:
            return
        self._painted = mark
        self.set_class(metrics is None, "-empty")
        epochs = self.query_one("#epochs", VirtualList)
        if metrics is None:
            self.set_counts("no run")
            for name in ("figures", "trouble", "log"):
                self._say(name, Content())
            epochs.set_source(view.EpochRows(None), empty=self.EMPTY)
            self.refresh_status()
            return
        self.set_counts(view.title(metrics, self._source.behind, width))
        self._say("figures", Content("\n").join(view.figures(metrics, self._source.gpu, width - 2, time.time())))
        self._say("trouble", trouble := view.trouble(metrics))
        self.query_one("#trouble").display = bool(trouble)
        kept = (
            list(metrics.log)[-OPEN_LOG:]
            if self._log_open
            else [f"log: {text}" for text in map(view.log_line, list(metrics.log)[-1:])]
        )
        self._say("log", Content("\n").join(Content(view.log_line(text)[: max(10, width - 2)]) for text in kept))
        look = (id(metrics), width, self._smoothing, metrics.state.state)
        self._curve_stale = look == self._curve_look and time.monotonic() - self._curve_time < CURVE_PERIOD - PERIOD / 2
        if not self._curve_stale:
            self._curve_look, self._curve_time = look, time.monotonic()
            self._show_curve(metrics)
        self._show_epochs(metrics, epochs)
        self.set_class(not metrics.samples, "-pictureless")
        self._show_sample()
        self.refresh_status()

    def _say(self, name: str, content: Content) -> None:
        """Sets one of the texts, where it differs from what is there."""
        if self._lines.get(name) != content:
            self._lines[name] = content
            self.query_one(f"#{name}", Static).update(content)

    def _show_curve(self, metrics: "Metrics") -> None:
        window = (0, 200, 50)[self._smoothing]
        name = f"mean over {window} steps" if window else "mean over one epoch"
        xs, ys, line_xs, line_ys = view.curves(metrics, self._source.past, window)
        series = [Series("loss", xs, ys, "dots"), Series(name, line_xs, line_ys, "line")]
        if metrics.validations:
            points = sorted(metrics.validations)
            ends = [epoch * metrics.per_epoch for epoch, _ in points]
            series.append(Series("validation", ends, [value for _, value in points], "marks"))
        ended = metrics.epochs if metrics.state.state == "done" else metrics.epoch - 1
        epochs = [number * metrics.per_epoch for number in range(1, ended + 1)]
        self.query_one(LineChart).set_series(series, epochs, (0, max(1, metrics.total)))

    def _show_epochs(self, metrics: "Metrics", epochs: VirtualList) -> None:
        """The cursor stays with its epoch, or with the newest."""
        old, rows = epochs.rows, view.EpochRows(metrics, self._source.past)
        cursor = epochs.cursor
        if cursor > 0 and isinstance(old, view.EpochRows) and cursor < len(old):
            number = old.epochs[cursor].number
            cursor = next((at for at, row in enumerate(rows.epochs) if row.number == number), 0)
        epochs.set_source(rows, empty="No epoch yet.")
        epochs.cursor = cursor

    def _show_sample(self) -> None:
        """The sample of the epoch under the cursor; of the newest that has one, where the cursor is at the top."""
        rows = self.query_one("#epochs", VirtualList).rows
        picture = self.query_one(Picture)
        if not isinstance(rows, view.EpochRows) or not len(rows):
            return picture.show(None)
        cursor = min(self.query_one("#epochs", VirtualList).cursor, len(rows) - 1)
        choice = rows.epochs if cursor == 0 else rows.epochs[cursor : cursor + 1]
        drawn = next((row for row in choice if row.samples), None)
        if drawn is None:
            self._say("which", Content())
            return picture.show(None, label="no sample of this epoch")
        number, prompts = self._prompt % len(drawn.samples), len(drawn.samples)
        self._say(
            "which",
            Content(f"epoch {drawn.number} · prompt {number + 1} of {prompts}" + (" · l next" if prompts > 1 else "")),
        )
        picture.show(drawn.samples[number], label=f"sample of epoch {drawn.number}, prompt {number + 1}")

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """The cursor is on another epoch."""
        if event.view.id == "epochs":
            self._show_sample()

    def action_epoch(self, steps: int) -> None:
        """Another epoch while the picture stands in the place of the table, which has these keys itself."""
        epochs = self.query_one("#epochs", VirtualList)
        epochs.cursor = max(0, min(len(epochs.rows) - 1, epochs.cursor + steps))

    def on_resize(self, event: object) -> None:
        """Texts are composed for the width."""
        self.refresh_title()
        self._paint()
        self.refresh_status()

    # -- commands

    def step_out(self) -> bool:
        """Closes the panel, the large picture, the log; then goes back to the run under way."""
        if super().step_out():
            return True
        if self.has_class("-picture"):
            self.command_open()
            return True
        if self._log_open:
            self.command_log()
            return True
        if self._source.chosen is not None:
            self._source.chosen = None
            self._tick()
            return True
        return False

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        metrics = self._source.metrics
        if metrics is None:
            return None if id == "monitor.runs" else "there is no run yet"
        if id in ("monitor.stop", "monitor.stop-after-save") and metrics.state.over:
            return f"the run is {metrics.state.state}"
        if id == "monitor.resume" and metrics.state.replay:
            return "a replay shows a run that is over: there is nothing to resume"
        if id == "monitor.resume" and (not metrics.state.over or metrics.state.state == "done"):
            return "only a run that ended early can be resumed"
        if id == "monitor.fold" and self.has_class("-wide") and not self.has_class("-picture"):
            return "table and picture are both in sight: enter shows the picture large"
        if id in ("monitor.open", "monitor.next-sample", "monitor.fold") and not metrics.samples:
            return "no sample was drawn yet"
        return None

    def command_open(self) -> None:
        """Shows the sample large, or back."""
        self.toggle_class("-picture")
        if not self.has_class("-picture"):
            self.call_after_refresh(self.query_one("#epochs", VirtualList).focus)

    def command_fold(self) -> None:
        """Picture or table."""
        self.command_open()

    def command_next_sample(self) -> None:
        """The next prompt's sample."""
        self._prompt += 1
        self._show_sample()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter on an epoch, or on a run in the list."""
        if event.view.id == "epochs":
            self.app.run_command(self, "monitor.open")
            return
        rows = event.view.rows
        if isinstance(rows, view.RunRows):
            self._source.chosen = rows.runs[event.index].run.folder
            self.close_panel()
            self._tick()

    def command_smooth(self) -> None:
        """The next smoothing."""
        self._smoothing = (self._smoothing + 1) % 3
        self._paint()

    def command_log(self) -> None:
        """Log open or closed."""
        self._log_open = not self._log_open
        self.set_class(self._log_open, "-log")
        self._paint()

    def command_runs(self) -> None:
        """The list of runs, read on a thread: some have long files."""
        from loratui.core.runs import list_runs

        project = self._source.project
        shown = self._source.metrics.run.folder if self._source.metrics is not None else None

        def work(report: Report, cancel: Event) -> view.RunRows:
            return view.RunRows(list_runs(project), shown)

        def done(rows: view.RunRows) -> None:
            self.show_panel(RunsPanel(rows))

        self.app.jobs.start("looking at the runs", work, done, quiet=True)

    def command_stop_after_save(self) -> None:
        """Stops once the next checkpoint is saved."""
        self._stop(after_save=True)

    async def command_stop(self) -> None:
        """Stops now, after a question: it cannot be taken back."""
        if await self.confirm("Stop the run now? What it learnt since its last checkpoint is lost."):
            self._stop(after_save=False)

    def _stop(self, *, after_save: bool) -> None:
        from loratui.core.runs import control

        if (metrics := self._source.metrics) is None:
            return
        run = metrics.run

        def work(report: Report, cancel: Event) -> "RunState":
            return control.stop(run, after_save=after_save)

        def done(state: "RunState") -> None:
            text = "stops once its next checkpoint is saved" if after_save else "is being stopped"
            self.app.did(f"{run.id} {text}", f"loratui stop {run.id}{' --after-save' if after_save else ''}")
            self.toast(f"The run {text}.")
            self._tick()

        self.app.jobs.start("stopping", work, done)

    def command_resume(self) -> None:
        """Goes on as a new run."""
        from loratui.core.runs import control

        if (metrics := self._source.metrics) is None:
            return
        origin = metrics.run

        def done(result: "tuple[Run | None, int]") -> None:
            run, epoch = result
            self._source.chosen = None
            if run is not None:
                self.app.did(f"{run.id} goes on with epoch {epoch}", f"loratui resume {origin.id}")
                self.toast(f"{run.id} goes on with epoch {epoch}.")
            self._tick()

        work = partial(control.resume, origin)
        self.app.jobs.start("resuming", lambda report, cancel: work(), done)


def _project(workspace: "Workspace") -> Path | None:
    """Whose runs are shown; None outside a project: all of the machine."""
    return workspace.root if workspace.project is not None else None
