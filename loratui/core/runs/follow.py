"""What happens in a run, as it happens, from its beginning to its end."""

import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Event as Flag

from loratui.core.errors import LoratuiError
from loratui.core.jobs import check
from loratui.core.runs.control import tend
from loratui.core.runs.metrics import Event, Metrics
from loratui.core.runs.state import Run


def follow(run: Run, *, every: float = 0.5, cancel: Flag | None = None) -> Iterator[Event]:
    """The run's events in order: those of the past at once, then each as it comes; ends with the run.

    Every event has `t` (RFC 3339 UTC) and `type`:
        state       state, at the end exit and reason, of a replay how many times faster it is
        step        step, total_steps, epoch, loss, average, lr, rate (steps a second), eta_seconds
        epoch       epoch, epochs, loss (its mean), step
        validation  epoch, loss
        save        file, epoch, step, bytes
        sample      file, epoch, prompt, seed
        alarm       alarm (nan, diverged, rate, validation, disk, black, stall), message
        warning     message, level

    A training that has lost its supervisor gets another one.

    Args:
        run: the run.
        every: seconds between two looks.
        cancel: when set, following ends; the run goes on.

    Raises:
        Cancelled: `cancel` was set.
    """
    metrics = Metrics(run)
    tended = 0.0
    while True:
        check(cancel)
        events = metrics.update()
        yield from events
        if metrics.over:
            return
        if events:
            continue
        if not metrics.state.supervised and not metrics.state.replay and time.monotonic() - tended > 5:
            tended = time.monotonic()
            with suppress(LoratuiError):  # another face of loratui may have been first
                tend(run)
        if cancel is None:
            time.sleep(every)
        else:
            cancel.wait(every)
