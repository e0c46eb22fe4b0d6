"""Makes the trainer's environment: commands, each run once and logged, gone on from after an interruption."""

import functools
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from loratui.core import durable, jobs
from loratui.core.errors import LoratuiError, from_os
from loratui.core.training.environment import COMMIT, REPOSITORY, Places

# The default builds of these torch versions carry CUDA 12.4 and 12.8: by the newest CUDA the driver knows.
# 2.6.0 is what sd-scripts was tested with; cards that need a newer driver need a newer torch.
_TORCH_BY_DRIVER = (
    ((12, 8), ("torch==2.8.0", "torchvision==0.23.0")),
    ((0, 0), ("torch==2.6.0", "torchvision==0.21.0")),
)
_EXTRAS = ("lycoris-lora==3.4.0", "dadaptation==3.2", "spandrel==0.4.2")
ROOM = 12_000_000_000
"""Bytes the environment and its download caches take at most, about."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the set-up.

    Attributes:
        id: short and stable; steps done are remembered by it.
        title: what it does, in a few words.
        command: program and arguments.
        folder: where it runs.
        makes: a file that is there once it is done; None where only its exit says so.
    """

    id: str
    title: str
    command: tuple[str, ...]
    folder: Path
    makes: Path | None = None

    def line(self) -> str:
        """The command as a person would type it."""
        return shlex.join(self.command)

    def mark(self) -> str:
        """Under this name the step is remembered as done: another command is another step."""
        return f"{self.id}:{hashlib.sha256(self.line().encode()).hexdigest()[:16]}"


def steps(places: Places, driver: tuple[int, int] | None, scripts: Path | None = None) -> list[Step]:
    """The commands that make the environment.

    Args:
        places: where everything goes.
        driver: the newest CUDA version the GPU's driver knows, None for no GPU.
        scripts: a folder of sd-scripts that is there already, such as the submodule; None makes a clone.
    """
    uv = shutil.which("uv")
    python = places.venv / "bin" / "python"
    make = (
        (uv, "venv", "--python", "3.11", str(places.venv)) if uv else (_interpreter(), "-m", "venv", str(places.venv))
    )
    install = (uv, "pip", "install", "--python", str(python)) if uv else (str(python), "-m", "pip", "install")
    torch = next(names for version, names in _TORCH_BY_DRIVER if (driver or (0, 0)) >= version)
    # Without a GPU uv can choose the small build; pip knows only the default one.
    backend = ("--torch-backend", "cpu") if uv and driver is None else ()
    made = []
    if scripts is None:
        clone = places.scripts
        made = [
            Step(
                "clone",
                "fetch sd-scripts",
                ("git", "clone", "--no-checkout", REPOSITORY, str(clone)),
                places.folder,
                clone / ".git",
            ),
            Step(
                "checkout",
                "check out the pinned commit",
                ("git", "-C", str(clone), "checkout", "--detach", COMMIT),
                places.folder,
            ),
        ]
    return [
        *made,
        Step("venv", "make the environment", make, places.folder, python),
        Step("torch", "install torch", (*install, *torch, *backend), places.folder),
        Step(
            "requirements",
            "install sd-scripts' requirements",
            (*install, "-r", "requirements.txt"),
            scripts or places.scripts,
        ),
        Step("extras", "install LyCORIS and others", (*install, *_EXTRAS), places.folder),
    ]


def _interpreter() -> str:
    """A Python that the pinned packages have wheels for: ours where it is, else one that is installed."""
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return sys.executable
    return next(filter(None, (shutil.which(f"python3.{minor}") for minor in (11, 12, 10))), sys.executable)


def finished(places: Places) -> set[str]:
    """Marks of the steps done so far."""
    try:
        found = json.loads((places.folder / "setup.json").read_bytes())
        return {str(mark) for mark in found} if isinstance(found, list) else set()
    except (OSError, ValueError):
        return set()


def remaining(todo: list[Step], places: Places) -> list[Step]:
    """The steps still to be done: the first one undone and all behind it, for each stands on those before."""
    done = finished(places)
    for index, step in enumerate(todo):
        if step.mark() not in done or (step.makes is not None and not step.makes.exists()):
            return todo[index:]
    return []


def run(todo: list[Step], places: Places, *, report: jobs.Report = jobs.silent, cancel: Event | None = None) -> None:
    """Runs the steps that are not done; what the commands print goes to `setup.log`.

    Raises:
        LoratuiError: a command failed; the message holds its last line, the remedy names the log.
        Cancelled: the person interrupted; the next run goes on from the step that was cut off.
    """
    try:
        places.folder.mkdir(parents=True, exist_ok=True)
        with durable.lock(places.folder / "setup.lock", wait=False) as held:
            if not held:
                raise LoratuiError("Another set-up of the trainer is running.", "Wait for it to end.")
            _run_locked(todo, places, report, cancel)
    except OSError as error:
        raise from_os(error, "Setting up the trainer") from error


def _run_locked(todo: list[Step], places: Places, report: jobs.Report, cancel: Event | None) -> None:
    left = remaining(todo, places)
    # What stands on a step that is done again is done again, too.
    done = finished(places) - {step.mark() for step in left}
    free = os.statvfs(places.folder)
    room = free.f_bavail * free.f_frsize
    if room < ROOM and len(left) == len(todo):
        raise LoratuiError(
            f"{places.folder} has {room / 1e9:.1f} GB free; the trainer takes up to {ROOM / 1e9:.0f} GB.",
            "Free some space, or set XDG_STATE_HOME to a folder on a larger disk.",
        )
    with (places.folder / "setup.log").open("ab") as log:
        for step in left:
            jobs.check(cancel)
            _clear(step)
            _run_step(step, log.fileno(), places, functools.partial(_tell, report, todo.index(step), len(todo)), cancel)
            done.add(step.mark())
            durable.write_file(places.folder / "setup.json", json.dumps(sorted(done)))
    report(len(todo), len(todo), "done")


def _tell(report: jobs.Report, done: int, total: int, note: str) -> None:
    report(done, total, note)


def _clear(step: Step) -> None:
    """Takes away what an interrupted clone or environment left: both refuse to go on from half of one."""
    if step.id == "clone" and step.makes is not None:
        shutil.rmtree(step.makes.parent, ignore_errors=True)
    elif step.id == "venv" and step.makes is not None:
        shutil.rmtree(step.makes.parent.parent, ignore_errors=True)


def _run_step(step: Step, log: int, places: Places, note: Callable[[str], None], cancel: Event | None) -> None:
    os.write(log, f"\n$ {step.line()}\n".encode())
    start = os.fstat(log).st_size
    # The group is ended whole: pip and git start processes of their own.
    child = subprocess.Popen(
        step.command,
        cwd=step.folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        while True:
            try:
                code = child.wait(timeout=0.3)
                break
            except subprocess.TimeoutExpired:
                last = _last_line(places.folder / "setup.log", start)
                note(f"{step.title}: {last}" if last else step.title)
                jobs.check(cancel)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if code != 0 or (step.makes is not None and not step.makes.exists()):
        last = _last_line(places.folder / "setup.log", start) or f"exit {code}"
        raise LoratuiError(
            f"The step “{step.title}” failed: {last}.",
            f"{places.folder / 'setup.log'} tells more; `loratui setup` goes on from this step.",
        )


def _last_line(log: Path, start: int) -> str:
    """The last line printed behind `start`, safe to show."""
    from loratui.core.sanitize import line

    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - 2000))
        parts = file.read().decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return next((line(part.strip(), 120) for part in reversed(parts) if part.strip()), "")
