"""What a person does to a run under way: stop it, take it over, go on from where it was."""

import tomllib

from loratui.core import durable
from loratui.core.errors import Refused
from loratui.core.runs import checkpoints, queue, supervisor
from loratui.core.runs.freeze import refreeze
from loratui.core.runs.state import Run, RunState


def tend(run: Run) -> RunState:
    """The run's state, after a training that has lost its supervisor in this boot was given another one.

    The new supervisor goes on watching, or, where the trainer has ended meanwhile, gives the verdict.
    """
    raw = run.raw_state()
    lost = raw.get("state") in ("starting", "running", "stopping") and not supervisor.held(run.lock)
    if lost and raw.get("boot_id") == supervisor.boot_id() and "pid" in raw:
        queue.launch(run, adopt=True)
    return run.state()


def stop(run: Run, *, after_save: bool = False, dry_run: bool = False) -> RunState:
    """Asks the run to stop: now, or once the next checkpoint is saved (and its state, where states are saved).

    sd-scripts saves nothing when it is ended: what it learnt since its last checkpoint is lost, unless `after_save`.

    Raises:
        Refused: it has ended already.
    """
    state = run.state() if dry_run else tend(run)
    if state.over:
        raise Refused(f"{run.id} has ended already: {state.state}.", "`loratui runs` lists those under way.")
    if not dry_run:
        durable.write_file(run.folder / ("stop-after-save" if after_save else "stop"), "")
    return state


def resume(run: Run, *, dry_run: bool = False) -> tuple[Run | None, int]:
    """Goes on with a run that has ended early, from its newest complete state, as a new run that names its origin.

    A run that never started is queued again as it is.

    Returns:
        the run that was queued, None for a dry run; and the epoch it begins with, counted from 1.

    Raises:
        Refused: it is under way or done, or saved no state.
    """
    state = run.state() if dry_run else tend(run)
    if not state.over:
        raise Refused(f"{run.id} is {state.state}.", f"Stop it first: `loratui stop {run.id}`.")
    if state.state == "done":
        raise Refused(
            f"{run.id} is done: its learning rate has run out.", "Start a longer training with `loratui train`."
        )
    command = run.command
    if "pid" not in run.raw_state():
        if not dry_run:
            for name in ("stop", "stop-after-save", "state.json"):
                (run.folder / name).unlink(missing_ok=True)
            queue.launch(run)
        return (None if dry_run else run), command.offset // command.steps_per_epoch + 1
    accumulation = tomllib.loads((run.folder / "config.toml").read_text()).get("gradient_accumulation_steps", 1)
    usable = [
        saved
        for saved in checkpoints.states(run.checkpoints, command.epochs)
        # Within an epoch sd-scripts finds its place again only where a step is one batch.
        if saved.epoch is not None or accumulation == 1
    ]
    if not usable:
        raise Refused(
            f"{run.id} has saved no state to go on from.",
            "Start it anew with `loratui train --set save_state=true`; its checkpoints stay where they are.",
        )
    saved = usable[-1]
    if saved.epoch is not None:
        # sd-scripts takes the epoch from a step count that is wrong after a resume: say it.
        done, arguments = saved.epoch, {"initial_epoch": saved.epoch + 1}
        if done >= command.epochs:
            raise Refused(f"{run.id} has trained all its {command.epochs} epochs.", "Start a longer training.")
    else:
        total = command.offset + (saved.step or 0)
        done, arguments = total // command.steps_per_epoch, {"initial_step": total, "skip_until_initial_step": True}
    if dry_run:
        return None, done + 1
    offset = done * command.steps_per_epoch
    resumed = refreeze(run, state=saved.path, offset=offset, arguments=arguments)
    queue.launch(resumed)
    return resumed, done + 1
