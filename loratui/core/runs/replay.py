"""A recorded training played again into the folder of a run, at any speed: what watches runs need not know.

Only `state.json` tells: it says how many times faster than it happened it is played; whoever shows a run shows that. A
recording is small: event file and log packed, checkpoints as headers without weights, samples as they are.

    recording.json   the run's command without paths, its checkpoints, when it began
    events.gz  train.log.gz  sample/  config.toml  dataset.toml  recipe.toml  prompts.txt
"""

import gzip
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from loratui.core import durable
from loratui.core.errors import Cancelled, LoratuiError, Refused
from loratui.core.jobs import Report, silent
from loratui.core.runs import supervisor
from loratui.core.runs.freeze import making, now
from loratui.core.runs.state import Command, Run
from loratui.core.runs.tfevents import Scalar, decode
from loratui.core.runs.train_log import Bar, Saved, parse

TEXTS = ("config.toml", "dataset.toml", "recipe.toml", "prompts.txt")
_KEPT = re.compile(
    r"ss_(epoch|steps|num_|output_name|network_(dim|alpha|module)|learning_rate|unet_lr|text_encoder_lr|base_model)"
)


@dataclass(frozen=True, slots=True)
class _Action:
    """Something the trainer wrote: `time` seconds after its start, `kind` one of log, events, save, remove, sample."""

    time: float
    kind: str
    data: bytes = b""
    name: str = ""


def record(run: Run, target: Path, *, places: Mapping[str, str] | None = None) -> None:
    """Makes a recording of a run that has ended.

    Args:
        run: done, and with all its checkpoints' names in its log.
        target: the recording's folder, made anew.
        places: beginnings of paths and what they become, so that nothing tells of the machine it ran on. The run's own
            folder needs no entry.

    Raises:
        Refused: the run has not ended.
    """
    if run.state().state not in ("done", "stopped", "failed"):
        raise Refused(f"{run.id} has not ended.", "Record it when it has.")
    target.mkdir(parents=True)
    places = {str(run.folder): "/home/user/kafka/runs/recorded", **(places or {})}

    def cleaned(data: bytes) -> bytes:
        for old, new in places.items():
            data = data.replace(old.encode(), new.encode())
        return data

    def pack(name: str, data: bytes) -> None:
        (target / name).write_bytes(gzip.compress(data, mtime=0))

    files = sorted((run.folder / "logs").glob("*/*/events.out.tfevents.*"))
    pack("events.gz", b"".join(path.read_bytes() for path in files))
    pack("train.log.gz", cleaned((run.folder / "train.log").read_bytes()))
    for name in TEXTS:
        with suppress(FileNotFoundError):
            (target / name).write_bytes(cleaned((run.folder / name).read_bytes()))
    if (run.checkpoints / "sample").is_dir():
        shutil.copytree(run.checkpoints / "sample", target / "sample")
    saved = {}
    for path in sorted(run.checkpoints.glob("*.safetensors")):
        metadata = supervisor.checkpoint_metadata(path) or {}
        kept = {key: value for key, value in metadata.items() if _KEPT.match(key)}
        saved[path.name] = {"size": path.stat().st_size, "metadata": kept}
    command = {
        **asdict(run.command),
        "argv": [],
        "cwd": "/",
        "environment": {},
        "project": "",
        "origin": "",
        "offset": 0,
    }
    document = {"command": command, "checkpoints": saved}
    (target / "recording.json").write_text(json.dumps(document, indent=1) + "\n")


def prepare(recording: Path, project: Path, speed: float) -> Run:
    """The folder of a run, about to be played into.

    Args:
        recording: see `record`.
        project: the run is made in its `runs/`.
        speed: how many times faster than it happened.

    Raises:
        LoratuiError: it is not a recording, or the folder cannot be written.
    """
    try:
        known = json.loads((recording / "recording.json").read_bytes())["command"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LoratuiError(f"{recording} is not a recording ({type(error).__name__}).", "Name another.") from None
    with making(project, f"{known['name']}-replay") as at:
        for name in TEXTS:
            with suppress(FileNotFoundError):
                shutil.copyfile(recording / name, at.partial / name)
        own = {"id": at.folder.name, "project": str(project), "created": now(), "ticket": at.folder.name}
        command = Command(**(known | own | {"argv": (), "devices": tuple(known["devices"])}))
        durable.write_file(at.partial / "command.json", json.dumps(asdict(command), indent=1) + "\n")
    run = Run(at.folder)
    _say(run, {"state": "queued", "replay": speed})
    return run


def play(recording: Path, run: Run, speed: float, *, report: Report = silent, cancel: Event | None = None) -> None:
    """Plays the recording into the run's folder, to its end.

    Args:
        recording: see `record`.
        run: from `prepare`.
        speed: how many times faster than it happened.
        report: steps done and planned.
        cancel: ends the replay; the run is then stopped.

    Raises:
        Cancelled: `cancel` was set.
    """
    pause = cancel or Event()
    saved = json.loads((recording / "recording.json").read_bytes())["checkpoints"]
    events = run.folder / "logs/replay/network_train/events.out.tfevents.0.replay.0.0"
    events.parent.mkdir(parents=True)
    state: dict[str, Any] = {"replay": speed, "started": now(), "boot_id": supervisor.boot_id()}
    with durable.lock(run.lock), events.open("ab") as scalars, (run.folder / "train.log").open("ab") as log:
        _say(run, state | {"state": "starting"})
        clock, step = 0.0, 0
        for action in _actions(recording, run):
            if action.time > clock:
                scalars.flush()
                log.flush()
                report(step, run.command.steps, "replay")
                stopped = (run.folder / "stop").exists()
                if stopped or pause.wait((action.time - clock) / speed):
                    _say(run, state | {"state": "stopped", "ended": now(), "reason": "The replay was stopped."})
                    if stopped:
                        return
                    raise Cancelled
                clock = action.time
            match action.kind:
                case "events":
                    if step == 0:
                        _say(run, state | {"state": "running"})
                    step = max(step, int(action.name))
                    scalars.write(action.data)
                case "log":
                    log.write(action.data)
                case "save" if action.name in saved:
                    _checkpoint(run.checkpoints / action.name, **saved[action.name])
                case "remove":
                    (run.checkpoints / action.name).unlink(missing_ok=True)
                case "sample":
                    (run.checkpoints / "sample").mkdir(exist_ok=True)
                    shutil.copyfile(recording / "sample" / action.name, run.checkpoints / "sample" / action.name)
        scalars.flush()
        log.flush()
        _say(run, state | {"state": "done", "exit": 0, "ended": now(), "step": step})


def _say(run: Run, state: dict[str, Any]) -> None:
    durable.write_file(run.folder / "state.json", json.dumps(state, indent=1) + "\n")


def _actions(recording: Path, run: Run) -> Iterator[_Action]:
    """All that happened, in order of time: event files know when, the log is laid beside them by its bars."""
    frames = list(_frames(gzip.decompress((recording / "events.gz").read_bytes())))
    scalars = [scalar for _, scalar in frames]
    if not scalars:
        raise LoratuiError(f"{recording} holds no figures.", "Record it anew.")
    start = scalars[0].time - 2.0  # two seconds of preparation are enough to be seen
    found = [
        _Action(max(0.0, scalar.time - start), "events", data, str(scalar.x if scalar.tag == "loss/current" else 0))
        for data, scalar in frames
    ]
    steps: dict[int, float] = {}
    ends: dict[int, float] = {0: 1.0}
    for scalar in scalars:
        if scalar.tag == "loss/current":
            steps.setdefault(scalar.x, scalar.time - start)
        elif scalar.tag == "loss/epoch_average":
            ends[scalar.x] = scalar.time - start
    last = scalars[-1].time - start + 0.5
    found += _log_actions(gzip.decompress((recording / "train.log.gz").read_bytes()), steps, last)
    for path in sorted((recording / "sample").glob("*.png")):
        number = re.search(r"_(e?)(\d{6,})_\d{2}_", path.name)
        times = ends if number and number[1] else steps
        found.append(_Action(times.get(int(number[2]), last) if number else last, "sample", name=path.name))
    yield from sorted(found, key=lambda action: action.time)


def _frames(data: bytes) -> Iterator[tuple[bytes, Scalar]]:
    """The records of an event file that hold a scalar, each behind those that hold none."""
    position = 0
    pending = b""
    while position + 16 <= len(data):
        size = int.from_bytes(data[position : position + 8], "little")
        pending += data[position : position + size + 16]
        if scalars := decode(data[position + 12 : position + 12 + size]):
            yield pending, scalars[0]
            pending = b""
        position += size + 16


def _log_actions(log: bytes, steps: Mapping[int, float], last: float) -> Iterator[_Action]:
    """The pieces of the log: what stands before the bar of a step comes when that step was done."""
    pieces = re.findall(rb"[^\r\n]*[\r\n]+|[^\r\n]+$", log)
    time, began = 0.0, False
    for piece in pieces:
        names: list[_Action] = []
        for entry in parse(piece.rstrip(b"\r\n")):
            if isinstance(entry, Bar) and entry.name == "steps" and entry.done in steps:
                time, began = max(time, steps[entry.done]), True
            elif isinstance(entry, Saved):
                kind = "remove" if entry.removed else "save"
                names.append(
                    _Action(last if steps and time >= max(steps.values()) else time, kind, name=Path(entry.path).name)
                )
        yield _Action(time if began else 0.0, "log", piece)
        yield from names


def _checkpoint(path: Path, size: int, metadata: dict[str, str]) -> None:
    """A file of the recorded size with the recorded header and no weights: it takes no room on the disk."""
    room = 4096
    weights = max(0, size - 8 - room)
    tensor = {"dtype": "U8", "shape": [weights], "data_offsets": [0, weights]}
    header = json.dumps({"__metadata__": metadata, "replay": tensor}).encode().ljust(room)
    with path.open("wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.truncate(8 + len(header) + weights)
