"""Long work of the core on threads of their own: progress in the status line, results on the UI thread."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from textual.timer import Timer

from loratui.core.errors import Cancelled
from loratui.core.jobs import Report
from loratui.core.words import duration

if TYPE_CHECKING:
    from loratui.tui.shell.boundary import Boundary

Result = TypeVar("Result")

PATIENCE = 0.3
"""Seconds a job goes on unseen."""
PERIOD = 0.2
"""Seconds between two looks at the progress: at most five paints a second, however often a job reports."""


@dataclass(eq=False)
class Job:
    """One piece of work that goes on beside the screens.

    Attributes:
        title: a present participle, shown as `⏵ tagging 61 %`.
        quiet: only reads; leaving may end it without asking.
        cancel: set to ask it to stop.
        began: when, by the monotonic clock.
        done: units finished.
        total: units there are; None while unknown.
        note: what the job said last about itself.
        left: seconds it will still take, where somebody knows better than the pace of its units.
    """

    title: str
    quiet: bool = False
    cancel: Event = field(default_factory=Event)
    began: float = field(default_factory=time.monotonic)
    done: int = 0
    total: int | None = None
    note: str = ""
    left: float | None = None

    def report(self, done: int, total: int | None, note: str = "", /) -> None:
        """Takes in progress; called by the job's thread."""
        self.done, self.total, self.note = done, total, note

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the pace so far; None until a twentieth of the work and three seconds are behind."""
        if self.left is not None:
            return self.left
        spent = time.monotonic() - self.began
        if not self.total or self.done <= 0 or spent < 3 or self.done * 20 < self.total:
            return None
        return spent * max(self.total - self.done, 0) / self.done

    def text(self) -> str:
        """The job in a few words: `tagging 61 % 2 min`."""
        parts = [self.title]
        if self.cancel.is_set():
            parts.append("stopping")
        elif self.total:
            parts.append(f"{math.floor(100 * min(self.done / self.total, 1))} %")
            if (left := self.seconds_left) is not None:
                parts.append(duration(left))
        elif self.done:
            parts.append(f"{self.done:,}")
        return " ".join(parts)


class JobCentre:
    """The jobs of the program.

    Their threads are daemons: leaving never waits for one that does not look at its cancel event.

    Args:
        app: shows progress (`refresh_status`), takes callbacks (`call_later`) and errors (`report_error`).
    """

    def __init__(self, app: "Boundary") -> None:
        self._app = app
        self._jobs: list[Job] = []
        self._timer: Timer | None = None

    @property
    def running(self) -> tuple[Job, ...]:
        """What goes on now, oldest first."""
        return tuple(self._jobs)

    def start(
        self,
        title: str,
        function: Callable[[Report, Event], Result],
        done: Callable[[Result], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
        *,
        quiet: bool = False,
    ) -> Job:
        """Runs `function(report, cancel)` on a thread.

        Args:
            title: a present participle, such as "tagging".
            function: the core function, its other arguments bound.
            done: called with the result on the UI thread; may be async.
            failed: called with the error on the UI thread, `Cancelled` among them. None shows the error as a toast,
                and a cancelled job as "tagging: stopped".
            quiet: it only reads; leaving may end it without asking.
        """
        job = Job(title, quiet)

        def settle(result: Result | None, error: Exception | None) -> None:
            self._jobs.remove(job)
            self._app.refresh_status()
            if error is None:
                if done is not None:
                    self._app.guarded(done, result)
            elif failed is not None:
                self._app.guarded(failed, error)
            elif isinstance(error, Cancelled):
                self._app.toast(f"{title}: stopped")
            else:
                self._app.report_error(error)

        def work() -> None:
            result: Result | None = None
            caught: Exception | None = None
            try:
                result = function(job.report, job.cancel)
            except Exception as error:
                caught = error
            self._app.call_later(settle, result, caught)

        self._jobs.append(job)
        if self._timer is None:
            self._timer = self._app.set_interval(PERIOD, self._tick)
        self._timer.resume()
        self._app.refresh_status()
        Thread(target=work, name=f"job {title}", daemon=True).start()
        return job

    async def run(self, title: str, function: Callable[[Report, Event], Result]) -> Result:
        """Like `start`, to be awaited by an async command.

        Raises:
            Exception: what the function raised, `Cancelled` among them.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def settle(outcome: Callable[[], object]) -> None:
            if not future.done():
                outcome()

        job = self.start(
            title,
            function,
            done=lambda result: settle(lambda: future.set_result(result)),
            failed=lambda error: settle(lambda: future.set_exception(error)),
        )
        try:
            return await future
        except asyncio.CancelledError:
            job.cancel.set()
            raise

    def cancel_all(self) -> None:
        """Asks every job to stop."""
        for job in self._jobs:
            job.cancel.set()

    def text(self) -> str:
        """All jobs for the status line: `⏵ tagging 61 %`, or `⏵ 3 jobs: tagging 61 %` with the oldest named.

        A job shows after a moment: most are over by then.
        """
        lasting = [job for job in self._jobs if time.monotonic() - job.began > PATIENCE]
        if not lasting:
            return ""
        first = lasting[0].text()
        return f"⏵ {first}" if len(lasting) == 1 else f"⏵ {len(lasting)} jobs: {first}"

    def _tick(self) -> None:
        if not self._jobs and self._timer is not None:
            self._timer.pause()
        self._app.refresh_status()
