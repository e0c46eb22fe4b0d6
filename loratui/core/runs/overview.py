"""Runs in a list: where each of them stands."""

import math
from dataclasses import dataclass
from pathlib import Path

from loratui.core.errors import LoratuiError
from loratui.core.runs import queue
from loratui.core.runs.metrics import Metrics
from loratui.core.runs.state import Run, RunState


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line of the list.

    Attributes:
        run: the run.
        state: see `RunState`.
        step, total_steps: of the whole training; None before the first step.
        epoch, epochs: the epoch under way or reached, and those planned.
        loss: of the last step; None where there is none or it is not a number.
        eta_seconds: None before it can be told, and after the end.
    """

    run: Run
    state: RunState
    step: int | None
    total_steps: int
    epoch: int | None
    epochs: int
    loss: float | None
    eta_seconds: float | None


def info(run: Run) -> RunInfo:
    """Where the run stands. Of a run that ended under its supervisor state.json tells; else its files are read.

    Raises:
        LoratuiError: it is not the folder of a run.
    """
    command, state = run.command, run.state()
    if state.state in ("done", "stopped", "failed"):
        epoch = None if state.step is None else -(-state.step // max(1, command.steps_per_epoch))
        return RunInfo(run, state, state.step, command.steps, epoch, command.epochs, state.loss, None)
    metrics = Metrics(run)
    while metrics.update():
        pass
    began = not math.isnan(metrics.loss) or metrics.nans > 0
    eta = metrics.eta()
    return RunInfo(
        run,
        state,
        metrics.step if began else None,
        metrics.total,
        metrics.epoch if began else None,
        metrics.epochs,
        metrics.loss if math.isfinite(metrics.loss) else None,
        None if eta is None or state.over else round(eta, 1),
    )


def list_runs(project: Path | None = None, *, everywhere: bool = False) -> list[RunInfo]:
    """The runs of a project, or of the machine, newest first. A folder that is damaged is left out.

    Args:
        project: None: all of the machine.
        everywhere: those of the machine besides those of the project.
    """
    found = []
    for run in queue.runs(project, everywhere=everywhere):
        try:
            found.append(info(run))
        except LoratuiError:
            continue
    return found
