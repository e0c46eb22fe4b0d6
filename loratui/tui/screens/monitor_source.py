"""Where the monitor's figures come from: which run is shown, read on a thread, piece by piece."""

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core.errors import LoratuiError

if TYPE_CHECKING:
    from loratui.core.gpu import Driver, Gpu
    from loratui.core.runs import Run
    from loratui.core.runs.metrics import Metrics

LOOK = 0.4
"""The longest one look reads before it is painted, so that a long past appears piece by piece."""
TEND = 5.0
"""Seconds between two attempts to give a training that lost its supervisor another one."""


class MonitorSource:
    """The figures of one run. `read` is called on a thread, one call at a time; the rest may be read between calls.

    Attributes:
        project: whose runs are shown; None: the machine's.
        chosen: the run a person has picked; None: the one under way, else the newest.
        metrics: its figures; None while there is no run.
        past: those of the runs it goes on from, oldest first.
        gpu: what its first GPU does; None where it has none or has ended.
        behind: how many runs wait.
    """

    def __init__(self, project: Path | None) -> None:
        self.project = project
        self.chosen: Path | None = None
        self.metrics: Metrics | None = None
        self.past: list[Metrics] = []
        self.gpu: Gpu | None = None
        self.behind = 0
        self._driver: Driver | None = None
        self._tended = 0.0

    def read(self) -> None:
        """One look at the files.

        Raises:
            LoratuiError: the run's folder is damaged.
        """
        from loratui.core.runs.metrics import Metrics

        run, self.behind = self._current()
        if run is None:
            self.metrics = None
            return
        metrics = self.metrics
        if metrics is None or metrics.run.folder != run.folder:
            metrics = Metrics(run)
            self.past = [_whole(before) for before in run.origins()]
        end = time.monotonic() + LOOK
        while metrics.update() and time.monotonic() < end:
            pass
        self.metrics = metrics
        self.gpu = self._read_gpu(metrics)
        self._tend(metrics)

    def _current(self) -> "tuple[Run | None, int]":
        from loratui.core.runs import Run, queue

        waiting = [run for run, _ in queue.waiting()]
        behind = sum(run.state().state == "queued" for run in waiting)
        if self.chosen is not None and (self.chosen / "command.json").exists():
            return Run(self.chosen), behind
        runs = queue.runs(self.project)
        active = [run for run in runs if not run.state().over]
        return (active[-1] if active else runs[0] if runs else None), behind

    def _read_gpu(self, metrics: "Metrics") -> "Gpu | None":
        from loratui.core.gpu import Driver

        device = metrics.command.devices[0] if metrics.command.devices else ""
        if not device.isdigit() or metrics.state.over or metrics.state.replay:
            return None
        if self._driver is None:
            self._driver = Driver()
        return self._driver.read(int(device))

    def _tend(self, metrics: "Metrics") -> None:
        from loratui.core.runs.control import tend

        lost = not metrics.state.supervised and not metrics.state.over and not metrics.state.replay
        if lost and time.monotonic() - self._tended > TEND:
            self._tended = time.monotonic()
            with suppress(LoratuiError):  # `watch` in another terminal may have been first
                tend(metrics.run)


def _whole(run: "Run") -> "Metrics":
    """All figures of a run that has ended."""
    from loratui.core.runs.metrics import Metrics

    metrics = Metrics(run)
    while metrics.update():
        pass
    return metrics
