"""The figures of a run, read from its files as they grow: what `watch`, `runs`, the monitor and a replay show.

The event files are the truth for losses; the log adds what they lack (planned steps, what is done before the first
step); the folders tell what was saved. Memory stays bounded: a million steps cost no more than some thousand.
"""

import math
import re
import shutil
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from loratui.core.runs import checkpoints
from loratui.core.runs.checkpoints import Checkpoint
from loratui.core.runs.series import Series
from loratui.core.runs.state import Run, RunState
from loratui.core.runs.tfevents import EventFile, Scalar
from loratui.core.runs.train_log import Bar, Epoch, Fact, LogParser, Saved, Text

Event = dict[str, Any]

PIECE = 4 << 20  # bytes read of a file at a time
TAIL = 400  # lines of the log kept
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
# Said in every training, or of what we do on purpose.
_EXPECTED = ("no regularization images", "steps from the state is ignored")
_SAMPLE = re.compile(r"_(e?)(\d{6,})_(\d{2})_\d{14}(?:_(\d+))?\.png$")


@dataclass(slots=True)
class EpochRow:
    """One epoch of the table a person chooses by.

    Attributes:
        number: counted from 1.
        loss: the mean of its losses so far; None before the first.
        validation: loss on the images held out; None where none are.
        checkpoint: what was saved at its end; None: nothing (yet), or taken away again.
        samples: pictures drawn after it.
    """

    number: int
    loss: float | None = None
    validation: float | None = None
    checkpoint: Checkpoint | None = None
    samples: list[Path] = field(default_factory=list)
    total: float = 0.0
    count: int = 0


class Metrics:
    """The figures of one run.

    Attributes:
        state: as of the last update.
        step, total: steps done and planned, of the whole training, also where this run resumed another.
        epoch, epochs: the epoch under way and those planned.
        loss, average: of the last step; the average is sd-scripts' own over one epoch. NaN is possible.
        rates: learning rates by name, such as `unet`, `textencoder`.
        speed: steps a second: the median of the last 20.
        ends: Unix time at which it should end; None before it can be told.
        rows: the epochs by number.
        losses, averages: the curves; validations: epoch and loss on the images held out.
        samples: the pictures, oldest first.
        nans: steps whose loss was not a number.
        activity: what it does before the first step, such as `caching 12/40`.
        log: the last lines.
        alarms: what a person should look at, by kind.
        version: grows with every change.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.command = run.command
        self.state = RunState("queued")
        self.step = self.offset = self.command.offset
        self.total, self.epochs = self.command.steps, self.command.epochs
        self.per_epoch = max(1, self.command.steps_per_epoch)
        self.epoch = self.step // self.per_epoch + 1
        self.loss = self.average = math.nan
        self.rates: dict[str, float] = {}
        self.speed: float | None = None
        self.ends: float | None = None
        self.rows: dict[int, EpochRow] = {}
        self.losses, self.averages = Series(), Series()
        self.validations: list[tuple[int, float]] = []
        self.samples: list[Path] = []
        self.nans = 0
        self.activity = ""
        self.log: deque[str] = deque(maxlen=TAIL)
        self.alarms: dict[str, str] = {}
        self.version = 0
        self.last_change = time.time()
        self._files: dict[Path, EventFile] = {}
        self._parser, self._log_offset, self._log_time = LogParser(), 0, 0.0
        self._accumulation = 1
        self._pending: list[Scalar] = []
        self._intervals: deque[float] = deque(maxlen=20)
        self._recent: deque[tuple[float, int]] = deque(maxlen=2000)
        self._high = self._nan_row = 0
        self._seen_saves: dict[Path, tuple[int, int]] = {}
        self._seen_samples: set[Path] = set()
        self._folder_times: dict[Path, int] = {}
        self._events: list[tuple[float, Event]] = []
        self._more = True
        self._told = ("", False)

    @property
    def over(self) -> bool:
        """Whether the run has ended and all of it was read."""
        return self.state.over and not self._more

    def eta(self, now: float | None = None) -> float | None:
        """Seconds to the end; None before it can be told, or after it. A replay's are those of the recorded run."""
        if self.ends is None or self.state.over:
            return None
        if now is None:
            now = self._recent[-1][0] if self.state.replay and self._recent else time.time()
        return max(0.0, self.ends - now)

    def update(self) -> list[Event]:
        """Reads what is new and returns what happened, in order of time.

        At most a few megabytes are read at a time: call it again while it returns events.
        """
        self._events = []
        state = self.run.state()  # before the files: what they hold after an end is all there will be
        read = [self._read_log(state), self._read_scalars(state), self._read_folders()]
        self._more = any(read)
        if self._more:
            self.last_change = time.time()
        self._watch(state)
        events = [event for _, event in sorted(self._events, key=lambda pair: pair[0])]
        if (state.state, state.supervised) != self._told and not (state.over and self._more):
            self._told = (state.state, state.supervised)
            event: Event = {"t": rfc3339(time.time()), "type": "state", "state": state.state}
            if state.replay:
                event["replay"] = state.replay
            if state.over:
                event |= {"t": state.ended or event["t"], "exit": state.exit, "reason": state.reason}
            events.insert(len(events) if state.over else 0, event)
        if events or self._more or state != self.state:
            self.version += 1
        self.state = state
        return events

    # -- the log

    def _read_log(self, state: RunState) -> bool:
        try:
            with (self.run.folder / "train.log").open("rb") as stream:
                if stream.seek(0, 2) < self._log_offset:
                    self._log_offset, self._parser = 0, LogParser()  # it grew too long and began anew
                stream.seek(self._log_offset)
                data = stream.read(PIECE)
        except OSError:
            return False
        self._log_offset += len(data)
        entries = self._parser.feed(data)
        if not data and state.over:
            entries += self._parser.close()
        for entry in entries:
            match entry:
                case Bar("steps", _, total):
                    self.activity = ""
                    if self.offset == 0:
                        self.total = total
                case Bar(name, done, total):
                    self.activity = f"{name or 'preparing'} {done:,}/{total:,}" if done < total else ""
                case Epoch(number, total):
                    self.epoch, self.epochs = number, total
                case Fact():
                    self._learn(entry)
                case Saved(path, removed):
                    self.log.append(f"{'removing' if removed else 'saving'} {Path(path).name}")
                case Text(text, level):
                    self._hear(text, level)
        return bool(data)

    def _hear(self, text: str, level: str) -> None:
        """A line of the log. Its time stands before it, or, within the same second, before an earlier one."""
        if stamp := _STAMP.match(text):
            with suppress(ValueError, OverflowError):
                self._log_time = time.mktime(time.strptime(stamp[0], "%Y-%m-%d %H:%M:%S"))
        message = _message(text)
        if message:
            self.log.append(text.strip())
        if level in ("WARNING", "ERROR", "CRITICAL") and not any(words in message for words in _EXPECTED):
            self._tell(self._log_time or time.time(), "warning", message=message, level=level.lower())

    def _learn(self, fact: Fact) -> None:
        if fact.name == "accumulation":
            self._accumulation = max(1, fact.value)
        elif fact.name == "steps" and fact.value:
            self.total = fact.value
        elif fact.name == "epochs" and fact.value:
            self.epochs = fact.value
        if self.epochs and fact.name == "steps":
            self.per_epoch = max(1, math.ceil(self.total / self.epochs))

    # -- the event files

    def _read_scalars(self, state: RunState) -> bool:
        for path in sorted((self.run.folder / "logs").glob("*/*/events.out.tfevents.*")):
            self._files.setdefault(path, EventFile(path))
        new = [scalar for file in self._files.values() for scalar in file.read(PIECE)]
        for scalar in new:
            self._take(scalar)
        # All figures of a step are written at once; the micro-batches of an accumulated step come one by one.
        whole = self._accumulation == 1 and any(one.tag == "loss/average" for one in self._pending)
        if self._pending and (whole or (not new and state.over)):
            self._finish_step()
        return bool(new)

    def _take(self, scalar: Scalar) -> None:
        time_, x, tag, value = scalar
        if tag in ("loss/current", "loss/average"):
            if tag == "loss/current" and self._pending and self._pending[-1].x != x:
                self._finish_step()
            self._pending.append(scalar)
        elif tag.startswith("lr/"):
            self.rates[tag[3:]] = value
        elif tag == "loss/epoch_average":
            if self._pending:
                self._finish_step()
            row = self._row(x)
            row.loss = value if math.isfinite(value) else row.loss
            self._tell(time_, "epoch", epoch=x, epochs=self.epochs, loss=value, step=self.step)
        elif tag in ("loss/validation/epoch_average", "loss/validation/step_average"):
            epoch = x if "epoch" in tag else self._epoch_of(self.offset + x)
            self._row(epoch).validation = value
            self.validations = [pair for pair in self.validations if pair[0] != epoch] + [(epoch, value)]
            self._tell(time_, "validation", epoch=epoch, loss=value)
            self._check_validation(time_)

    def _finish_step(self) -> None:
        """All of one step is here: its loss is the mean of its micro-batches."""
        current = [one.value for one in self._pending if one.tag == "loss/current"]
        averages = [one.value for one in self._pending if one.tag == "loss/average"]
        when, x = self._pending[-1].time, self._pending[-1].x
        self._pending = []
        if not current:
            return
        step = self.offset + max(1, x)
        loss = sum(current) / len(current)
        self.loss, self.average = loss, averages[-1] if averages else math.nan
        self.losses.append(step, loss)
        self.averages.append(step, self.average)
        if step > self.step or not self._recent:
            self._clock(when, step)
        self.step = max(self.step, step)
        self.epoch = max(self.epoch, self._epoch_of(step))
        row = self._row(self._epoch_of(step))
        if math.isfinite(loss):
            row.total, row.count = row.total + loss, row.count + 1
            row.loss = row.total / row.count
        self._tell(
            when,
            "step",
            step=step,
            total_steps=self.total,
            epoch=row.number,
            loss=loss,
            average=self.average,
            lr=dict(self.rates),
            rate=self.speed,
            eta_seconds=None if self.ends is None else round(self.ends - when, 1),
        )
        self._check_loss(when, step, loss)

    def _clock(self, when: float, step: int) -> None:
        """Speed from the last twenty steps; the end from a whole epoch, with its saving and sampling."""
        if self._recent and when < self._recent[-1][0]:
            self._recent.clear()  # the clock was set back
        if self._recent and step > self._recent[-1][1]:
            self._intervals.append((when - self._recent[-1][0]) / (step - self._recent[-1][1]))
        self._recent.append((when, step))
        while len(self._recent) > max(20, self.per_epoch + 1):
            self._recent.popleft()
        if self._intervals:
            usual = median(self._intervals)
            self.speed = 1 / usual if usual > 0 else None
            first_time, first_step = self._recent[0]
            each = (when - first_time) / (step - first_step) if step > first_step else usual
            self.ends = when + max(0, self.total - step) * (each if len(self._recent) >= self.per_epoch else usual)

    def _epoch_of(self, step: int) -> int:
        return max(1, min((max(1, step) - 1) // self.per_epoch + 1, max(1, self.epochs)))

    def _row(self, epoch: int) -> EpochRow:
        return self.rows.setdefault(epoch, EpochRow(epoch))

    # -- the folders

    def _read_folders(self) -> bool:
        new = False
        for path in sorted(self.run.checkpoints.glob("*.safetensors")):
            try:
                status = path.stat()
            except OSError:
                continue
            mark = (status.st_size, status.st_mtime_ns)
            if self._seen_saves.get(path) == mark or (saved := checkpoints.read(path)) is None:
                continue
            self._seen_saves[path] = mark
            new = True
            epoch = saved.epoch or self.epoch
            self._row(epoch).checkpoint = saved
            step = None if saved.step is None else saved.step + self.offset
            self._tell(saved.time, "save", file=path.name, epoch=epoch, step=step, bytes=saved.bytes)
            self._check_disk(saved)
        for row in self.rows.values():
            if row.checkpoint and not row.checkpoint.path.exists():
                row.checkpoint, new = None, True
        for path in sorted((self.run.checkpoints / "sample").glob("*.png")):
            if path not in self._seen_samples and _whole_png(path):
                self._seen_samples.add(path)
                self._sample(path)
                new = True
        return new

    def _sample(self, path: Path) -> None:
        parts = _SAMPLE.search(path.name)
        number = int(parts[2]) if parts else 0
        epoch = number if parts and parts[1] else self._epoch_of(self.offset + number)
        self.samples.append(path)
        self._row(epoch).samples.append(path)
        seed = int(parts[4]) if parts and parts[4] else None
        prompt = int(parts[3]) if parts else None
        self._tell(path.stat().st_mtime, "sample", file=path.name, epoch=epoch, prompt=prompt, seed=seed)
        if _black(path):
            self._alarm(path.stat().st_mtime, "black", f"The sample {path.name} is black: the VAE may have overflowed.")

    # -- alarms

    def _check_loss(self, when: float, step: int, loss: float) -> None:
        if not math.isfinite(loss):
            self.nans += 1
            self._nan_row += 1
            if self._nan_row in (1, 3):
                what = f"The loss of step {step} is not a number"
                end = ", the third in a row: stop it and lower the learning rate." if self._nan_row == 3 else "."
                self._alarm(when, "nan", what + end)
            return
        self._nan_row = 0
        before = self.rows.get(self._epoch_of(step) - 1)
        usual = before.loss if before and before.count >= 20 else None
        self._high = self._high + 1 if usual and loss > 3 * usual else 0
        if self._high == 20:
            self._alarm(
                when,
                "diverged",
                f"The loss is three times that of epoch {before.number if before else '?'} for 20 steps.",
            )
        left = self.total - step
        if left > self.total * 0.05 and step > self.total * 0.2 and self.rates and not any(self.rates.values()):
            self._alarm(when, "rate", f"The learning rate is 0 with {left:,} steps to go: they will change nothing.")

    def _check_validation(self, when: float) -> None:
        last = [value for _, value in self.validations[-4:]]
        if len(last) == 4 and last[0] < last[1] < last[2] < last[3]:
            self._alarm(when, "validation", "The loss on the images held out has risen for three epochs.")

    def _check_disk(self, saved: Checkpoint) -> None:
        try:
            free = shutil.disk_usage(saved.path.parent).free
        except OSError:
            return
        state = saved.path.with_name(f"{saved.path.stem}-state")
        need = saved.bytes + (sum(path.stat().st_size for path in state.glob("*")) if state.is_dir() else 0)
        if free < 2 * need:
            self._alarm(
                saved.time, "disk", f"The disk has room for less than two more saves: {free >> 20:,} MB are free."
            )

    def _watch(self, state: RunState) -> None:
        """A training that says nothing any more. In a replay, silence means nothing."""
        usual = median(self._intervals) if self._intervals else 0.0
        silence = time.time() - self.last_change
        if state.state == "running" and not state.replay and silence > max(10 * usual, 120):
            self._alarm(time.time(), "stall", f"Nothing has been written for {silence / 60:.0f} min: it may hang.")
        elif silence < 1:
            self.alarms.pop("stall", None)

    def _alarm(self, when: float, kind: str, message: str) -> None:
        if self.alarms.get(kind) != message and not (kind in ("stall", "rate") and kind in self.alarms):
            self._tell(when, "alarm", alarm=kind, message=message)
        self.alarms[kind] = message

    def _tell(self, when: float, kind: str, **values: object) -> None:
        self._events.append((when, {"t": rfc3339(when), "type": kind, **values}))


def rfc3339(seconds: float) -> str:
    """Unix time as RFC 3339 in UTC, to the millisecond."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(text: str) -> str:
    """A log line without its time, level and source."""
    text = re.sub(r"^\s*(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?\s*(?:(?:INFO|WARNING|ERROR|CRITICAL)\b)?", "", text)
    return re.sub(r"\s+\S+\.py:\d+\s*$", "", text).strip()


def _whole_png(path: Path) -> bool:
    """Whether the picture is written to its end."""
    try:
        with path.open("rb") as stream:
            if stream.seek(0, 2) < 20:
                return False
            stream.seek(-12, 2)
            return stream.read(12)[4:8] == b"IEND"
    except OSError:
        return False


def _black(path: Path) -> bool:
    """Whether a picture shows nothing: an overflow in half precision paints black."""
    from PIL import ImageStat

    from loratui.core import pictures

    try:
        with pictures.opened(path) as image:
            statistics = ImageStat.Stat(image.convert("L").resize((32, 32)))
    except pictures.PictureError:
        return False
    return statistics.mean[0] < 2 and statistics.stddev[0] < 1
