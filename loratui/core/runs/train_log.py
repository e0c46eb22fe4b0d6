"""What the trainer writes to its terminal, taken apart: bars, epochs, saves, warnings and the rest, in order.

Bars end with CR or with nothing at all: log lines are glued on behind them. Escape sequences, also hyperlinks, occur
even in files. Source: recordings of sd-scripts.
"""

import re
from dataclasses import dataclass

from loratui.core.sanitize import line

LONGEST = 1 << 16  # bytes; what is longer without a break is cut

_BAR = re.compile(
    r"(?P<name>[^|\d%][^|%]{0,60}?:)?\s*\d+%\|[^|]*\|\s*(?P<done>\d+)/(?P<total>\d+) \[(?P<figures>[^\]]*)\]"
)
_EMPTY_BAR = re.compile(r"^(?:[\w ]+: )?\d+it \[[^\]]*\]$")
_LEVEL = re.compile(r"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\s{19})? ?(INFO|WARNING|ERROR|CRITICAL|DEBUG)\s")
_EPOCH = re.compile(r"^epoch (\d+)/(\d+)\s*$")
_SAVING = re.compile(r"^(saving checkpoint|removing old checkpoint): (.+)$")
# sd-scripts' own words before " / " and a Japanese translation.
_FACTS = {
    "num batches per epoch": "batches_per_epoch",
    "num epochs": "epochs",
    "num train images * repeats": "images",
    "num validation images * repeats": "validation_images",
    "gradient accumulation steps": "accumulation",
    "total optimization steps": "steps",
}
_FACT = re.compile(rf"^\s*({'|'.join(map(re.escape, _FACTS))})(?: / [^:=]*)?\s*[:=]\s*(\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Bar:
    """A progress bar at one moment; the training's own is named `steps`, others by what they say, or "".

    Attributes:
        average: the rolling mean of the loss, NaN included; None where the bar has none.
    """

    name: str
    done: int
    total: int
    average: float | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch begins, counted from 1."""

    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint is about to be written, or (`removed`) was taken away."""

    path: str
    removed: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure of the header: batches_per_epoch, epochs, images, validation_images, accumulation, steps."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """Any other line, printable, and its level where it has one: INFO, WARNING, ERROR …, else ""."""

    text: str
    level: str


Entry = Bar | Epoch | Saved | Fact | Text


class LogParser:
    """Takes the log in pieces of any size; the same bytes give the same entries however they are cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Entry]:
        """The entries completed by these bytes."""
        *pieces, self._rest = re.split(rb"[\r\n]", self._rest + data)
        entries: list[Entry] = []
        for piece in pieces:
            for at in range(0, len(piece), LONGEST):
                entries += parse(piece[at : at + LONGEST])
        while len(self._rest) > LONGEST:
            entries += parse(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]
        return entries

    def close(self) -> list[Entry]:
        """The entries of what stands behind the last line break: at the end of a training often the last bar."""
        rest, self._rest = self._rest, b""
        return parse(rest)


def parse(piece: bytes) -> list[Entry]:
    """The entries in one piece between line breaks: bars glued to each other and to what follows them."""
    text = line(piece.decode("utf-8", "replace"), LONGEST).rstrip()
    entries: list[Entry] = []
    while text.strip() and (bar := _BAR.match(text)):
        name = (bar["name"] or "").strip().removesuffix(":")
        found = re.search(r"(?:^|[ ,])avr_loss=([^,\s]+)", bar["figures"])
        entries.append(Bar(name, _whole(bar["done"]), _whole(bar["total"]), _number(found[1]) if found else None))
        text = text[bar.end() :]
    if not text.strip() or _EMPTY_BAR.match(text):
        return entries
    if epoch := _EPOCH.match(text):
        entries.append(Epoch(_whole(epoch[1]), _whole(epoch[2])))
    elif saved := _SAVING.match(text):
        entries.append(Saved(saved[2], saved[1].startswith("removing")))
    elif fact := _FACT.match(text):
        entries.append(Fact(_FACTS[fact[1]], _whole(fact[2])))
    else:
        level = _LEVEL.match(text)
        entries.append(Text(text, level[1] if level else ""))
    return entries


def _whole(digits: str) -> int:
    return int(digits[:18])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
