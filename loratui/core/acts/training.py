"""The act of training: everything is looked up and checked anew, then frozen into a run, queued and let go of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from loratui.core import runs
from loratui.core.checks import Check
from loratui.core.errors import Conflict
from loratui.core.jobs import Report, silent
from loratui.core.runs import Run
from loratui.core.training.compose import compose
from loratui.core.training.job import Job
from loratui.core.training.preflight import preflight, require
from loratui.core.training.situation import survey
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Started:
    """A training that was started.

    Attributes:
        job: what is trained.
        checks: the findings, none of which blocks.
        run: where; None for a dry run.
    """

    job: Job
    checks: list[Check]
    run: Run | None


def start(
    workspace: Workspace,
    sets: Mapping[str, object] | Sequence[str] = (),
    *,
    gpus: Sequence[int] = (),
    agreed: int | None = None,
    dry_run: bool = False,
    tell: Callable[[list[Check]], object] | None = None,
    report: Report = silent,
    cancel: Event | None = None,
) -> Started:
    """Checks the project, freezes its training into a run and starts that; it goes on when this process ends.

    Args:
        workspace: of the project.
        sets: settings over those of the project, see `situation.recipe_of`.
        gpus: indexes of the GPUs to train on; none: the first.
        agreed: the steps a person said yes to.
        dry_run: only checks and composes.
        tell: called with the findings, also where one of them blocks.
        report: called with checks, then with images.

    Raises:
        UsageError: no project here, or a setting that does not fit.
        Refused: a check blocks; nothing was made.
        Conflict: it would take another number of steps by now; nothing was made.
        LoratuiError: the run cannot be written, or its supervisor not started.
    """
    situation = survey(workspace, sets, gpus=gpus, remember=not dry_run, cancel=cancel)
    checks = preflight(situation, report=report, cancel=cancel)
    if tell is not None:
        tell(checks)
    require(checks)
    job = compose(situation)
    if agreed is not None and job.steps != agreed:
        raise Conflict(f"The training takes {job.steps:,} steps by now, not {agreed:,}.", "Look at it again.")
    if dry_run:
        return Started(job, checks, None)
    run = runs.freeze(job, report=report, cancel=cancel)
    runs.launch(run)
    return Started(job, checks, run)
