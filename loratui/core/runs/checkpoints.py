"""What a run has saved: LoRAs, judged whole by their headers, and states to resume from."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from loratui.core.runs.supervisor import checkpoint_metadata


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole LoRA file of a run.

    Attributes:
        path: the file.
        epoch: the epoch it was saved in, counted from 1; None where the file does not say.
        step: optimisation steps of this run before it was saved (a resumed run counts from 0); None likewise.
        bytes: its size.
        time: when it was written, in Unix seconds.
    """

    path: Path
    epoch: int | None
    step: int | None
    bytes: int
    time: float


def read(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`; None while it is not whole, or where it is something else.

    Epoch and step come from the header, not from the name: the last epoch's file has no number. Step checkpoints hold
    an epoch one too low.
    """
    metadata = checkpoint_metadata(path)
    if metadata is None:
        return None
    epoch, step = (_number(metadata.get(key)) for key in ("ss_epoch", "ss_steps"))
    if epoch is not None and re.search(r"-step\d{8}$", path.stem):
        epoch += 1
    try:
        status = path.stat()
    except OSError:
        return None
    return Checkpoint(path, epoch, step, status.st_size, status.st_mtime)


@dataclass(frozen=True, slots=True)
class SavedState:
    """A state folder to resume from.

    Attributes:
        path: the folder.
        epoch: whole epochs done; None for a state saved within an epoch.
        step: optimisation steps of that run; None for a state saved at the end of an epoch.
    """

    path: Path
    epoch: int | None
    step: int | None


def states(folder: Path, epochs: int) -> list[SavedState]:
    """The complete states in a checkpoint folder, newest last. `random_states_0.pkl` is written last of all.

    Args:
        folder: the run's `checkpoints/`.
        epochs: of the whole training: the last state's folder has no number.
    """
    found: list[tuple[float, SavedState]] = []
    for path in folder.glob("*-state"):
        last = path / "random_states_0.pkl"
        try:
            if last.stat().st_size == 0 or "current_epoch" not in json.loads((path / "train_state.json").read_bytes()):
                continue
            time = last.stat().st_mtime
        except (OSError, ValueError):
            continue
        if step := re.search(r"-step(\d{8})-state$", path.name):
            found.append((time, SavedState(path, None, int(step[1]))))
        else:
            number = re.search(r"-(\d{6})-state$", path.name)
            found.append((time, SavedState(path, int(number[1]) if number else epochs, None)))
    return [state for _, state in sorted(found, key=lambda pair: pair[0])]


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
