"""The machine's home for runs: which there are, in what order they get their GPUs, and how one is started and found.

    $XDG_STATE_HOME/loratui/runs/<id>.json            path and project of every run, whatever folder one looks from
    $XDG_STATE_HOME/loratui/boots/<boot>/queue/       one ticket per run that waits or trains, named by time
    $XDG_STATE_HOME/loratui/boots/<boot>/gpus/        one lock per GPU, held by the supervisor and by its trainer

Queue and locks lie under the boot's id: nothing of them outlives a restart, and machines that share a home do not mix.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from loratui.core import durable, paths
from loratui.core.errors import LoratuiError, Refused, UsageError, from_os
from loratui.core.logout import scope
from loratui.core.runs import supervisor
from loratui.core.runs.state import Run


def boot_home() -> Path:
    """The home of this boot: queue and GPU locks."""
    return paths.state_dir() / "boots" / supervisor.boot_id()


def _index() -> Path:
    return paths.state_dir() / "runs"


def reserve(identifier: str, folder: Path, project: Path) -> bool:
    """Writes a run down in the machine's home; False: another run of this machine has that id."""
    _index().mkdir(parents=True, exist_ok=True)
    try:
        with (_index() / f"{identifier}.json").open("x") as stream:
            json.dump({"path": str(folder), "project": str(project)}, stream)
    except FileExistsError:
        return False
    return True


def release(identifier: str) -> None:
    """Takes back a reservation whose run could not be made."""
    (_index() / f"{identifier}.json").unlink(missing_ok=True)


def runs(project: Path | None = None, *, everywhere: bool = False) -> list[Run]:
    """The runs of a project, newest first, also those copied there from elsewhere.

    Args:
        project: None: all of the machine.
        everywhere: those of the machine besides those of the project.
    """
    found: dict[str, Run] = {}
    for entry in _index().glob("*.json"):
        try:
            known = json.loads(entry.read_bytes())
            folder, home = Path(known["path"]), Path(known["project"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if (project is None or everywhere or home == project) and (folder / "command.json").exists():
            found[str(folder)] = Run(folder)
    if project is not None:
        for path in (project / "runs").glob("*/command.json"):
            found.setdefault(str(path.parent), Run(path.parent))
    return sorted(found.values(), key=lambda run: run.id, reverse=True)


def find(name: str, project: Path | None = None, cwd: Path = Path()) -> Run:
    """The run a person means.

    Args:
        name: an id, the unique beginning of one, a path, or `last`.
        project: the project one stands in: its runs are looked through first.
        cwd: where a relative path begins.

    Raises:
        UsageError: there is none of that name, or several.
    """
    here = runs(project) if project else []
    everywhere = runs()
    if name == "last":
        if not (here or everywhere):
            raise UsageError("There is no run yet.", "Start one with `loratui train`.")
        return (here or everywhere)[0]
    if "/" in name or name in (".", ".."):
        folder = (cwd / Path(name).expanduser()).absolute()
        if (folder / "command.json").is_file():
            return Run(folder.resolve())
        raise UsageError(f"{name} is not the folder of a run.", "`loratui runs` lists them.")
    for among in (here, everywhere):
        matches = [run for run in among if run.id == name] or [run for run in among if run.id.startswith(name)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            some = ", ".join(run.id for run in matches[:4])
            raise UsageError(f"{name!r} is the beginning of {len(matches)} runs: {some}.", "Write more of the id.")
    folder = (cwd / name).absolute()
    if (folder / "command.json").is_file():
        return Run(folder.resolve())
    raise UsageError(f"There is no run {name!r}.", "`loratui runs` lists them.")


def waiting() -> list[tuple[Run, tuple[str, ...]]]:
    """The runs that train or wait now, in the order of the queue, and the GPUs of each."""
    found = []
    for ticket in sorted((boot_home() / "queue").glob("*.json")):
        try:
            known = json.loads(ticket.read_bytes())
            run, devices = Run(Path(known["run"])), tuple(map(str, known["devices"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if run.folder.is_dir() and not run.state().over:
            found.append((run, devices))
    return found


def launch(run: Run, *, adopt: bool = False) -> None:
    """Queues the run and lets go of it: its supervisor has a session of its own and starts it when its GPU is free.

    Args:
        run: as `freeze` made it.
        adopt: the training goes on already and has lost its supervisor.

    Raises:
        Refused: it is under way already.
        LoratuiError: the supervisor could not be started.
    """
    home = boot_home()
    (home / "queue").mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise from_os(error, f"The run {run.id}") from error
    try:
        _take(descriptor, run)
        if not adopt and (state := run.state().state) != "queued":
            raise Refused(f"{run.id} has ended already: {state}.", f"`loratui resume {run.id}` goes on with it.")
        ticket = {"run": str(run.folder), "devices": list(run.command.devices)}
        durable.write_file(home / "queue" / f"{run.command.ticket}.json", json.dumps(ticket))
        program = [sys.executable, "-I", str(run.folder / "supervisor.py"), str(run.folder), "--home", str(home)]
        program += ["--lock", str(descriptor), *(["--adopt"] if adopt else [])]
        outliving = scope(f"{run.id}-{time.time_ns()}")
        code = _start([*outliving, *program], run, descriptor)
        if code != 0 and outliving:  # the service manager does not answer: better one that ends with the login
            code = _start(program, run, descriptor)
    finally:
        os.close(descriptor)
    if code != 0:
        raise LoratuiError(f"The supervisor of {run.id} could not be started.", f"See {run.folder / 'supervisor.log'}.")


def _start(command: list[str], run: Run, descriptor: int) -> int:
    """Starts the supervisor; its exit code. It forks once more and returns at once: no zombie is left to us."""
    with (run.folder / "supervisor.log").open("ab") as log:
        result = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[descriptor],  # the lock goes over without a gap
            check=False,
        )
    return result.returncode


def _take(descriptor: int, run: Run) -> None:
    """The run's lock; somebody who only looks whether it is held may have it for a moment."""
    for _ in range(20):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
    raise Refused(f"{run.id} is under way already.", f"`loratui watch {run.id}` follows it.")
