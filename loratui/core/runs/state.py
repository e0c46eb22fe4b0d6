"""A run as a folder, and what state it is really in: read from its files, its lock and the process table."""

import json
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loratui.core.errors import LoratuiError
from loratui.core.runs import supervisor


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run at one moment.

    Attributes:
        state: queued, starting, running, stopping, done, stopped, failed or interrupted.
        supervised: whether a supervisor looks after it now; a training can go on without one.
        reason: why it ended or why it is not supervised, as a sentence; "" where there is nothing to say.
        waiting: what a queued run waits for.
        exit: the trainer's exit code, negative for a signal; None: not known or not ended.
        step: the last step the supervisor wrote down; None before the first.
        loss: the loss of that step; None where it was not a number.
        started, ended: RFC 3339 UTC, "" where it has not.
        replay: how many times faster than it happened a recording is played; 0 for a real run.
    """

    state: str
    supervised: bool = False
    reason: str = ""
    waiting: str = ""
    exit: int | None = None
    step: int | None = None
    loss: float | None = None
    started: str = ""
    ended: str = ""
    replay: float = 0.0

    @property
    def over(self) -> bool:
        """Whether it has come to an end."""
        return self.state in supervisor.ENDED


@dataclass(frozen=True)
class Command:
    """What was asked, from the run's command.json; see `freeze` for who writes it.

    Attributes:
        id: the run's name.
        name: the LoRA's name.
        project: the project's folder.
        preset: the preset's name.
        created: RFC 3339 UTC.
        argv, cwd, environment: how the trainer is started.
        devices: the GPUs, as indexes in text; ["cpu"] for none.
        checkpoint: file name of the last checkpoint.
        epochs, steps, steps_per_epoch: as planned, of the whole training.
        offset: steps done before this run; where it resumes another, its event files count from 1 again.
        saves_state: whether states to resume from are saved.
        origin: the run it resumes, "" for none.
        ticket: its place in the queue, in order of time.
    """

    id: str
    name: str
    project: str
    preset: str
    created: str
    argv: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    devices: tuple[str, ...]
    checkpoint: str
    epochs: int
    steps: int
    steps_per_epoch: int
    offset: int
    saves_state: bool
    origin: str
    ticket: str
    format: int = 1


class Run:
    """A run's folder.

    Args:
        folder: absolute path of `runs/<id>`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        """The run's name: `YYYYmmdd-HHMMSS-name`."""
        return self.folder.name

    @property
    def checkpoints(self) -> Path:
        """Where the trainer saves."""
        return self.folder / "checkpoints"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for its whole life."""
        return self.folder / "lock"

    @cached_property
    def command(self) -> Command:
        """What was asked.

        Raises:
            LoratuiError: command.json is missing or not ours.
        """
        path = self.folder / "command.json"
        try:
            data = json.loads(path.read_bytes())
            known = {field: data[field] for field in Command.__dataclass_fields__ if field in data}
            return Command(**known | {"argv": tuple(data["argv"]), "devices": tuple(data["devices"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LoratuiError(
                f"{path} is not the description of a run ({type(error).__name__}).",
                "Name a run: `loratui runs` lists them.",
            ) from None

    def origins(self) -> "list[Run]":
        """The runs this one goes on from, oldest first, as far as they still lie beside it."""
        found: list[Run] = []
        run = self
        while (name := run.command.origin) and name not in [one.id for one in found]:
            run = Run(self.folder.parent / name)
            if not (run.folder / "command.json").exists():
                break
            found.insert(0, run)
        return found

    def raw_state(self) -> dict[str, object]:
        """What state.json says; {} where there is none or it is half-written."""
        try:
            data = json.loads((self.folder / "state.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def state(self) -> RunState:
        """The state it is really in. Lock held: what state.json says; else the trainer's process decides."""
        raw = self.raw_state()
        said = str(raw.get("state", "queued"))
        if said in supervisor.ENDED or supervisor.held(self.lock):
            return _from(raw, said, supervised=said not in supervisor.ENDED)
        raw = self.raw_state()  # it may have ended between the two looks
        said = str(raw.get("state", "queued"))
        if said in supervisor.ENDED:
            return _from(raw, said)
        if raw.get("replay"):
            return _from(raw, "interrupted" if "started" in raw else said, reason="The replay was broken off.")
        if raw.get("boot_id") == supervisor.boot_id():
            if trainer_lives(raw):
                return _from(
                    raw, said, reason="Its supervisor is gone, the training goes on; `watch` or `stop` takes it over."
                )
            what = (
                "Its supervisor was killed before it started."
                if said == "queued"
                else "It and its supervisor were killed."
            )
            return _from(raw, "interrupted", reason=what)
        host = str(raw.get("host", ""))
        if host and host != socket.gethostname():
            return _from(raw, said, reason=f"It is on the machine {host}; from here it cannot be looked after.")
        what = "The machine was restarted while it ran." if "boot_id" in raw else "It was never started."
        return _from(raw, "interrupted", reason=what)


def trainer_lives(raw: dict[str, object]) -> bool:
    """Whether the very process that state.json names is alive, in this boot."""
    pid = raw.get("pid")
    if not isinstance(pid, int) or raw.get("boot_id") != supervisor.boot_id():
        return False
    return supervisor.start_time(pid) == raw.get("starttime")


def _from(raw: dict[str, object], state: str, *, supervised: bool = False, reason: str = "") -> RunState:
    exit_code, step, loss, replay = raw.get("exit"), raw.get("step"), raw.get("loss"), raw.get("replay")
    return RunState(
        state=state,
        supervised=supervised,
        reason=reason or str(raw.get("reason", "")),
        waiting=str(raw.get("waiting", "")),
        exit=exit_code if isinstance(exit_code, int) else None,
        step=step if isinstance(step, int) else None,
        loss=float(loss) if isinstance(loss, int | float) else None,
        started=str(raw.get("started", "")),
        ended=str(raw.get("ended", "")),
        replay=float(replay) if isinstance(replay, int | float) else 0.0,
    )
