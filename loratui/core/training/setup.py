"""Makes the trainer's environment: commands, each run once and logged, gone on from after an interruption."""

import functools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from loratui.core import durable, jobs
from loratui.core.errors import LoratuiError, Refused, from_os
from loratui.core.gpu import gpus
from loratui.core.training import environment
from loratui.core.training.environment import COMMIT, NEEDED, REPOSITORY, Facts, Places
from loratui.core.training.setup_log import Said

if TYPE_CHECKING:
    from loratui.core.config import Config

# The default builds of these torch versions carry CUDA 12.4 and 12.8: by the newest CUDA the driver knows.
# 2.6.0 is what sd-scripts was tested with; cards that need a newer driver need a newer torch.
_TORCH_BY_DRIVER = (
    ((12, 8), ("torch==2.8.0", "torchvision==0.23.0")),
    ((0, 0), ("torch==2.6.0", "torchvision==0.21.0")),
)
# Where torch's makers keep the builds for machines without a GPU. Asked besides the usual index: pip prefers what it
# finds here, and where it cannot be reached takes the ordinary build, which is large and works as well.
_TORCH_FOR_PROCESSORS = "https://download.pytorch.org/whl/cpu"
_EXTRAS = ("lycoris-lora==3.4.0", "dadaptation==3.2", "spandrel==0.4.2")
_PIP = "pip==25.3"  # older ones tell nothing of a download's progress off a terminal


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the set-up.

    Attributes:
        id: short and stable.
        title: what it does, in a few words.
        command: program and arguments.
        folder: where it runs.
        makes: a file that is there once it is done; None where only its exit says so.
        what: what it gives, such as versions: with another one it is another step, and to be done.
        size: megabytes it fetches, about; measured.
    """

    id: str
    title: str
    command: tuple[str, ...]
    folder: Path
    makes: Path | None = None
    what: str = ""
    size: int = 1

    def line(self) -> str:
        """The command as a person would type it."""
        return shlex.join(self.command)

    def mark(self) -> str:
        """Under this name the step is remembered as done."""
        return f"{self.id}:{self.what}"


@dataclass(frozen=True, slots=True)
class Setup:
    """What there is to do on this machine.

    Attributes:
        places: where everything goes.
        steps: all commands.
        left: those still to be run.
        processor: there is no GPU: the environment is one for the processor.
    """

    places: Places
    steps: tuple[Step, ...]
    left: tuple[Step, ...]
    processor: bool

    @property
    def room(self) -> int:
        """Bytes that what is left takes on the disk, about: fetched, unpacked, and kept by the installer."""
        return 3_000_000 * sum(step.size for step in self.left)


def survey(config: "Config") -> Setup:
    """What is to be done on this machine for the configuration.

    Raises:
        Refused: the configuration names an environment of the person's own, or sd-scripts that are not there; or no
            Python on this machine is one that the trainer's packages are made for.
    """
    own = environment.own_python(config)
    if own is not None:
        raise Refused(
            f"The trainer's Python is {own}, as config.toml says; what is set up here would not be used.",
            "Take trainer.python (or that environment) away to have one made, or install what is missing there.",
        )
    scripts = environment.given_scripts(config)
    places, machine = environment.places(), gpus()
    # A driver that is too new or too odd to tell its version still is one.
    todo = steps(places, machine.driver or ((0, 0) if machine.found else None), scripts)
    left = remaining(todo, places)
    if not left and (undone := _taken_away(config)):
        first = next(index for index, step in enumerate(todo) if step.id == undone)
        left = todo[first:]
    return Setup(places, tuple(todo), tuple(left), processor=not machine.found)


def _taken_away(config: "Config") -> str:
    """The step to do again, in an environment that was whole once; "" for none."""
    try:
        facts = environment.probe(environment.locate(config), remember=False)
    except LoratuiError:
        return "venv"
    if "torch" in facts.broken:
        return "venv"
    return "torch" if _missing(facts) else ""


def _missing(facts: Facts) -> list[str]:
    return [name for name in (*NEEDED, "lycoris-lora") if name not in facts.packages]


def steps(places: Places, driver: tuple[int, int] | None, scripts: Path | None = None) -> list[Step]:
    """The commands that make the environment.

    Args:
        places: where everything goes.
        driver: the newest CUDA version the GPU's driver knows, None for no GPU.
        scripts: a folder of sd-scripts that is there already, such as the submodule; None makes a clone.

    Raises:
        Refused: no Python here is one that the packages are made for.
    """
    uv = shutil.which("uv")
    python = places.venv / "bin" / "python"
    torch = next(names for version, names in _TORCH_BY_DRIVER if (driver or (0, 0)) >= version)
    builds = " ".join((*torch, "for processors" if driver is None else "")).strip()
    make: tuple[str, ...]
    install: tuple[str, ...]
    backend: tuple[str, ...] = ()
    if uv:
        make = (uv, "venv", "--seed", "--python", "3.11", str(places.venv))
        install = (uv, "pip", "install", "--python", str(python))
        if driver is None:
            backend = ("--torch-backend", "cpu")
    else:
        make = (interpreter(), "-m", "venv", str(places.venv))
        install = (str(python), "-m", "pip", "install", "--progress-bar", "raw")
        if driver is None:
            backend = ("--retries", "2", "--extra-index-url", _TORCH_FOR_PROCESSORS)
    folder = places.folder
    return [
        *([] if scripts else _clone(places)),
        # Another torch is another environment: an installer takes the build that is there for good enough.
        Step("venv", "make the environment", make, folder, python, builds),
        *([] if uv else [Step("pip", "bring pip up to date", (str(python), "-m", "pip", "install", _PIP), folder)]),
        Step("torch", "install torch", (*install, *torch, *backend), folder, None, builds, 3100 if driver else 250),
        Step(
            "requirements",
            "install sd-scripts' requirements",
            (*install, "-r", "requirements.txt"),
            scripts or places.scripts,
            None,
            str(scripts or COMMIT),
            140,
        ),
        Step("extras", "install LyCORIS and others", (*install, *_EXTRAS), folder, None, " ".join(_EXTRAS), 3),
    ]


def _clone(places: Places) -> list[Step]:
    # Without the files of its whole history: a checkout fetches those it needs.
    fetch = ("git", "clone", "--filter=blob:none", "--no-checkout", REPOSITORY, str(places.scripts))
    checkout = ("git", "-C", str(places.scripts), "checkout", "--detach", COMMIT)
    entry = places.scripts / environment.ENTRY
    return [
        Step("clone", "fetch sd-scripts", fetch, places.folder, places.scripts / ".git", REPOSITORY, 10),
        Step("checkout", "check out the pinned commit", checkout, places.folder, entry, COMMIT, 10),
    ]


def interpreter() -> str:
    """A Python that the pinned packages have wheels for: ours where it is one, else one that is installed.

    Raises:
        Refused: there is none.
    """
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return sys.executable
    for name in ("python3.11", "python3.12", "python3.10"):
        found = shutil.which(name)
        if found and _makes_environments(found):
            return found
    raise Refused(
        f"The trainer's packages are made for Python 3.10 to 3.12; this is {'.'.join(map(str, sys.version_info[:2]))}.",
        "Install python3.11 with its venv module, or uv, which fetches one.",
    )


def _makes_environments(python: str) -> bool:
    """Whether it runs at all (a shim may not), and can make an environment with pip in it."""
    try:
        return subprocess.run([python, "-c", "import ensurepip"], capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


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


def run(setup: Setup, *, report: jobs.Report = jobs.silent, cancel: Event | None = None) -> None:
    """Runs the steps that are left; what the commands print goes to `setup.log`.

    Args:
        setup: from `survey`.
        report: megabytes fetched of all that is to be fetched, about.

    Raises:
        LoratuiError: no room, no network, or a command failed; the next run goes on from the step that failed.
        Cancelled: the person interrupted; the next run goes on from the step that was cut off.
    """
    folder = setup.places.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with durable.lock(folder / "setup.lock", wait=False) as held:
            if not held:
                raise LoratuiError("Another set-up of the trainer is running.", "Wait for it to end.")
            _run_locked(setup, report, cancel)
    except OSError as error:
        raise from_os(error, "Setting up the trainer") from error


def _run_locked(setup: Setup, report: jobs.Report, cancel: Event | None) -> None:
    places = setup.places
    facts = os.statvfs(places.folder)
    free = facts.f_bavail * facts.f_frsize
    if free < setup.room:
        raise LoratuiError(
            f"{places.folder} has {free / 1e9:.1f} GB free; what is left takes up to {setup.room / 1e9:.1f} GB.",
            "Free some space, or set XDG_STATE_HOME to a folder on a larger disk.",
        )
    # What stands on a step that is done again is done again, too.
    done = finished(places) - {step.mark() for step in setup.left}
    fetched, total = 0, sum(step.size for step in setup.left)
    # Installers unpack here: a machine's own folder for such files often lies in its memory.
    scratch = places.folder / "tmp"
    try:
        for number, step in enumerate(setup.left):
            jobs.check(cancel)
            _clear(step)
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            tell = functools.partial(_tell, report, fetched, total, step, number + 1, len(setup.left))
            with (places.folder / "setup.log").open("ab") as log:
                _run_step(step, Said(log, step.line()), scratch, tell, cancel)
            fetched += step.size
            done.add(step.mark())
            durable.write_file(places.folder / "setup.json", json.dumps(sorted(done)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report(total, total, "done")


def _tell(report: jobs.Report, fetched: int, total: int, step: Step, number: int, steps: int, said: Said) -> None:
    """Reports how far it is. The size of a step is a guess: one that fetches more makes the whole larger."""
    size, last = said.look()
    here = int(size / 1e6)
    report(
        fetched + here, max(total, total - step.size + here), f"MB · step {number} of {steps} · {step.title}: {last}"
    )


def _clear(step: Step) -> None:
    """Takes away what an interrupted clone or environment left: both refuse to go on from half of one."""
    if step.id == "clone" and step.makes is not None:
        shutil.rmtree(step.makes.parent, ignore_errors=True)
    elif step.id == "venv" and step.makes is not None:
        shutil.rmtree(step.makes.parent.parent, ignore_errors=True)


def _run_step(step: Step, said: Said, scratch: Path, tell: "functools.partial[None]", cancel: Event | None) -> None:
    # The group is ended whole: pip and git start processes of their own. Nobody is there to be asked for a password.
    child = subprocess.Popen(
        step.command,
        cwd=step.folder,
        env={**os.environ, "TMPDIR": str(scratch), "GIT_TERMINAL_PROMPT": "0", "PIP_NO_INPUT": "1"},
        stdin=subprocess.DEVNULL,
        stdout=said.log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        while True:
            try:
                code = child.wait(timeout=0.3)
                break
            except subprocess.TimeoutExpired:
                tell(said)
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
        reason, remedy = said.failure(f"exit {code}")
        raise LoratuiError(
            f"The step “{step.title}” failed: {reason}.",
            f"{remedy} {said.path} tells more; `loratui setup` goes on from this step.".strip(),
        )
