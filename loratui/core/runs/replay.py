"""A recorded training played again into the folder of a run, at any speed: what watches runs need not know.

Only `state.json` tells: it says how many times faster than it happened it is played; whoever shows a run shows that.
A recording has the shape of a run's folder, and besides:

    timing.jsonl       [seconds since the start, "log", bytes] for each growth of train.log
    fs.jsonl           [seconds, path, size] for each new size of a file under logs/ or checkpoints/; -1: taken away
    checkpoints.json   size and metadata of each checkpoint, whose weights are not in the recording
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

from loratui.core import durable
from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.jobs import Report, silent
from loratui.core.runs import supervisor
from loratui.core.runs.freeze import making, now
from loratui.core.runs.state import Command, Run

TEXTS = ("config.toml", "dataset.toml", "recipe.toml", "prompts.txt")


def prepare(recording: Path, project: Path, speed: float) -> Run:
    """The folder of a run, about to be played into.

    Args:
        recording: its folder.
        project: the run is made in its `runs/`.
        speed: how many times faster than it happened.

    Raises:
        LoratuiError: it is not a recording, or the run's folder cannot be written.
    """
    known = _json(recording, "command.json")
    if not isinstance(known, dict) or "name" not in known or not (recording / "fs.jsonl").exists():
        raise LoratuiError(f"{recording} is not a recording.", "Name another.")
    with making(project, f"{known['name']}-replay") as at:
        for name in TEXTS:
            with suppress(FileNotFoundError):
                shutil.copyfile(recording / name, at.partial / name)
        own = {"id": at.folder.name, "project": str(project), "created": now(), "ticket": at.folder.name}
        nothing = {"argv": (), "cwd": "/", "environment": {}, "origin": ""}
        fields = {key: value for key, value in known.items() if key in Command.__dataclass_fields__}
        command = Command(**(fields | own | nothing | {"devices": tuple(known["devices"])}))
        durable.write_file(at.partial / "command.json", json.dumps(asdict(command), indent=1) + "\n")
    run = Run(at.folder)
    _say(run, {"state": "queued", "replay": speed})
    return run


def play(recording: Path, run: Run, speed: float, *, report: Report = silent, cancel: Event | None = None) -> None:
    """Plays the recording into the run's folder, to its end or until somebody stops the run.

    Args:
        recording: its folder.
        run: from `prepare`.
        speed: how many times faster than it happened.
        report: seconds played and recorded.
        cancel: ends the replay; the run is then stopped.

    Raises:
        Cancelled: `cancel` was set.
        LoratuiError: the recording is damaged.
    """
    pause = cancel or Event()
    actions = sorted(_actions(recording), key=lambda action: action[0])
    length = int(actions[-1][0]) if actions else 0
    weights = _json(recording, "checkpoints.json")
    saved: dict[str, Any] = weights if isinstance(weights, dict) else {}
    state: dict[str, Any] = {"replay": speed, "started": now(), "boot_id": supervisor.boot_id()}
    with durable.lock(run.lock), ExitStack() as files:
        log = files.enter_context((recording / "train.log").open("rb"))
        _say(run, state | {"state": "starting"})
        clock, running = 0.0, False
        for time, name, size in actions:
            if time > clock:
                stopped = (run.folder / "stop").exists()
                if stopped or pause.wait((time - clock) / speed):
                    _say(run, state | {"state": "stopped", "ended": now(), "reason": "The replay was stopped."})
                    if stopped:
                        return
                    raise Cancelled
                clock = time
                report(int(clock), length, "replay")
            if name == "train.log":
                with (run.folder / name).open("ab") as stream:
                    stream.write(log.read(size))
                continue
            if name.startswith("logs/") and size > 200 and not running:  # more than the head of an event file
                running = True
                _say(run, state | {"state": "running"})
            _show(recording, run.folder / name, name, size, saved.get(name))
        end = _end(recording)
        said = end["state"] if end.get("state") in supervisor.ENDED else "done"
        told = {key: end[key] for key in ("step", "loss", "reason", "exit") if key in end}
        _say(run, state | told | {"state": said, "ended": now()})


def _end(recording: Path) -> dict[str, Any]:
    """How the recorded run ended."""
    end = _json(recording, "state.json")
    return end if isinstance(end, dict) else {}


def _json(recording: Path, name: str) -> object:
    try:
        return json.loads((recording / name).read_bytes())
    except (OSError, ValueError):
        return None


def _say(run: Run, state: dict[str, Any]) -> None:
    durable.write_file(run.folder / "state.json", json.dumps(state, indent=1) + "\n")


def _actions(recording: Path) -> Iterator[tuple[float, str, int]]:
    """What happened: seconds, file, and how many bytes came (log) or how many there are (others)."""
    try:
        for text in (recording / "timing.jsonl").read_text().splitlines():
            time, _, size = json.loads(text)
            yield float(time), "train.log", int(size)
        for text in (recording / "fs.jsonl").read_text().splitlines():
            time, name, size = json.loads(text)
            if name.startswith(("logs/", "checkpoints/")) and ".." not in Path(name).parts:
                yield float(time), str(name), int(size)
    except (OSError, ValueError, TypeError) as error:
        raise LoratuiError(f"{recording} is damaged ({type(error).__name__}).", "Name another recording.") from error


def _show(recording: Path, target: Path, name: str, size: int, saved: dict[str, Any] | None) -> None:
    """Brings one file to the size it had: its own first bytes, or, of a checkpoint, the header and no weights."""
    if size < 0:
        target.unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if saved is not None:
        target.write_bytes(_header(saved))
        with target.open("r+b") as stream:
            stream.truncate(size)
        return
    have = target.stat().st_size if target.exists() else 0
    with (
        suppress(FileNotFoundError),
        (recording / name).open("rb") as source,
        target.open("r+b" if have else "wb") as stream,
    ):
        source.seek(have)
        stream.seek(have)
        stream.write(source.read(max(0, size - have)))


def _header(saved: dict[str, Any]) -> bytes:
    """The head of a checkpoint of the recorded size and metadata: one tensor of zeros fills it."""
    metadata = {str(key): str(value) for key, value in saved.get("metadata", {}).items()}
    room = 64 + len(json.dumps({"__metadata__": metadata})) + 128
    weights = max(0, int(saved["size"]) - 8 - room)
    tensor = {"dtype": "U8", "shape": [weights], "data_offsets": [0, weights]}
    header = json.dumps({"__metadata__": metadata, "replay": tensor}).encode().ljust(room)
    return len(header).to_bytes(8, "little") + header
