"""What the monitor says: its lines of figures, the table of epochs, the list of runs. Pure: figures in, text out."""

import math
import re
import time
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from loratui.core.sanitize import line
from loratui.core.words import duration

if TYPE_CHECKING:
    from loratui.core.gpu import Gpu
    from loratui.core.runs.metrics import EpochRow, Metrics
    from loratui.core.runs.overview import RunInfo
    from loratui.core.runs.state import RunState

GAP = "   "
_ROOM = 44
"""Cells below which the rows of the epochs leave out samples and files: a large picture is beside them."""


def title(metrics: "Metrics", behind: int, width: int) -> str:
    """The right of the title line: which run, in what state, that it is a replay; the preset where there is room."""
    command, state = metrics.command, metrics.state
    where = [] if command.devices == ("cpu",) else [f"GPU {','.join(command.devices)}"]
    replay = [f"replay ×{state.replay:g}"] if state.replay else []
    waiting = [f"{behind} waiting"] if behind else []
    preset = [line(command.preset, 24)] if width >= 100 else []
    return " · ".join([*replay, line(metrics.run.id), state.state, *where, *preset, *waiting])


def figures(metrics: "Metrics", gpu: "Gpu | None", width: int, now: float) -> list[Content]:
    """The lines above the chart.

    Args:
        metrics: the run's.
        gpu: its first GPU's, None where there is none.
        width: of the screen; below 100 columns the GPU has a line of its own.
        now: Unix time.
    """
    first, second = _progress(metrics), _losses(metrics, now, short=width < 100)
    third = _gpu(gpu)
    if third and width >= 100 and len(first) + len(third) + len(GAP) <= width:
        first, third = Content.assemble(first.pad_right(width - len(first) - len(third)), third), Content()
    return [one for one in (first, second, third) if one]


def _progress(metrics: "Metrics") -> Content:
    state = metrics.state
    match state.state:
        case "queued":
            return Content.styled(f"queued, {line(state.waiting) or 'about to start'}", "$accent")
        case "starting":
            return Content.assemble(("starting", "$accent"), f"{GAP}{metrics.activity or 'loading the model'}")
    parts = [f"step {metrics.step:,}/{metrics.total:,}", f"epoch {metrics.epoch}/{metrics.epochs}"]
    if metrics.speed:
        parts.append(f"{metrics.speed:.2f} it/s" if metrics.speed >= 1 else f"{1 / metrics.speed:.2f} s/it")
    eta = metrics.eta()
    if eta is not None:
        parts.append(f"ETA {duration(eta, exact=True)}")
        if not state.replay:
            parts.append(f"ends {time.strftime('%H:%M', time.localtime(metrics.ends))}")
    text = Content(GAP.join(parts))
    if state.over:
        if not state.replay and (took := _took(state)) is not None:
            text = Content.assemble(text, f"{GAP}took {duration(took, exact=True)}")
        mark = "$success" if state.state == "done" else "$warning" if state.state == "stopped" else "$error"
        return Content.assemble((state.state, f"bold {mark}"), GAP, text)
    if metrics.activity:
        text = Content.assemble(text, (f"{GAP}{metrics.activity}", "$accent"))
    return text


def _took(state: "RunState") -> float | None:
    """Seconds from the start to the end; None where one is not known."""
    try:
        return (datetime.fromisoformat(state.ended) - datetime.fromisoformat(state.started)).total_seconds()
    except ValueError:
        return None


def _losses(metrics: "Metrics", now: float, *, short: bool) -> Content:
    if not metrics.losses.xs and not metrics.nans:
        return Content()
    parts: list[Content] = [
        Content.assemble("loss ", (_loss(metrics.loss), "bold" if math.isfinite(metrics.loss) else "bold $error"))
    ]
    parts.append(Content(f"avg {_loss(metrics.average)}"))
    begun = metrics.epoch + (metrics.step >= metrics.epoch * metrics.per_epoch)
    whole = [row for number, row in sorted(metrics.rows.items()) if number < begun and row.loss is not None]
    if whole and whole[-1].loss is not None:
        before = metrics.rows.get(whole[-1].number - 1)
        change = _change(whole[-1], before)
        than = "" if not change else f" {change}" if short else f" ({change})"
        parts.append(Content(f"epoch {whole[-1].number} {_loss(whole[-1].loss)}{than}"))
    if metrics.validations:
        lowest, of_epoch = min((value, epoch) for epoch, value in metrics.validations)
        behind = metrics.validations[-1][1] > lowest and not short
        parts.append(
            Content.assemble(
                f"val {_loss(metrics.validations[-1][1])}",
                (f" (lowest {_loss(lowest)}, epoch {of_epoch})" if behind else "", "$dim"),
            )
        )
    rates = list(dict.fromkeys(f"{rate:.1e}".replace("e-0", "e-") if rate else "0" for rate in metrics.rates.values()))
    if rates:
        parts.append(Content(f"lr {('/' if short else ' / ').join(rates[:3])}"))
    saved = max(
        (row.checkpoint for row in metrics.rows.values() if row.checkpoint), key=lambda one: one.time, default=None
    )
    if saved and not short:
        passed = duration(max(0.0, now - saved.time), exact=True)
        age = "" if metrics.state.over or metrics.state.replay else f", {passed} ago"
        parts.append(Content.styled(f"saved epoch {saved.epoch or '?'}{age}", "$dim"))
    # At 80 columns all of it stands on one line: a line more would move everything below it.
    return Content(GAP[1:] if short else GAP).join(parts)


def _gpu(gpu: "Gpu | None") -> Content:
    if gpu is None:
        return Content()
    parts = []
    if gpu.used is not None and gpu.total:
        full = gpu.used / gpu.total > 0.97
        parts.append(
            Content.styled(f"VRAM {gpu.used / 2**30:.1f}/{gpu.total / 2**30:.0f} GB", "$warning" if full else "")
        )
    if gpu.load is not None:
        parts.append(Content(f"GPU {gpu.load} %"))
    if gpu.celsius is not None:
        parts.append(Content.styled(f"{gpu.celsius} °C", "$warning" if gpu.throttled else ""))
    if gpu.watts is not None:
        parts.append(Content(f"{gpu.watts:.0f} W"))
    return Content(GAP).join(parts)


def trouble(metrics: "Metrics") -> Content:
    """The line that must not be overlooked: why it ended, or the newest alarm; empty when all is well."""
    from loratui.core.runs.remedies import remedy

    state = metrics.state
    if state.reason and state.state != "done":
        style = "$warning" if state.state in ("stopped", "running") else "$error"
        return Content.styled(line(f"{state.reason} {remedy(state.reason)}".strip()), style)
    if metrics.alarms and not state.over:
        newest = list(metrics.alarms.values())[-1]
        more = f" (+{len(metrics.alarms) - 1})" if len(metrics.alarms) > 1 else ""
        return Content.styled(line(newest) + more, "$warning")
    return Content()


def ends(past: "Sequence[Metrics]", metrics: "Metrics | None") -> list[int]:
    """For each of the runs a run goes on from, the step up to which it counts."""
    return [one.offset for one in (*past, metrics)[1:] if one is not None]


def curves(
    metrics: "Metrics", past: "Sequence[Metrics]", window: int
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Raw and smoothed losses of a run and of those it goes on from: xs and ys of the dots, xs and ys of the line.

    Args:
        metrics: of the run.
        past: see `EpochRows`.
        window: steps the line is smoothed over; 0: sd-scripts' own mean over one epoch.
    """
    dots: tuple[list[float], list[float]] = ([], [])
    curve: tuple[list[float], list[float]] = ([], [])
    for one, end in zip((*past, metrics), (*ends(past, metrics), math.inf), strict=True):
        smooth = one.losses.smoothed(window) if window else one.averages.ys
        for (xs, ys), found in (
            ((one.losses.xs, one.losses.ys), dots),
            ((one.losses.xs if window else one.averages.xs, smooth), curve),
        ):
            count = bisect_right(xs, end)
            found[0].extend(xs[:count])
            found[1].extend(ys[:count])
    return (*dots, *curve)


class EpochRows:
    """The table of epochs, newest first.

    Args:
        metrics: of the run; None for no run.
        past: of the runs it goes on from, oldest first.
    """

    HEAD = "epoch    loss        Δ      val  samples  file"

    def __init__(self, metrics: "Metrics | None", past: "Sequence[Metrics]" = ()) -> None:
        rows: dict[int, EpochRow] = {}
        for one, end in zip(past, ends(past, metrics), strict=True):
            rows |= {number: row for number, row in one.rows.items() if number * one.per_epoch <= end}
        rows |= metrics.rows if metrics else {}
        self.epochs = [rows[number] for number in sorted(rows, reverse=True)]
        self._rows = rows
        self._lowest = min((one.validation for one in self.epochs if one.validation is not None), default=None)
        self._widest = max((len(one.checkpoint.path.stem) for one in self.epochs if one.checkpoint), default=0)

    def __len__(self) -> int:
        return len(self.epochs)

    def row(self, index: int, width: int) -> Content:
        """Epoch `index` of the table."""
        one = self.epochs[index]
        saved = one.checkpoint
        file = "" if saved is None else f"{line(saved.path.stem):<{min(self._widest, 40)}}  {_size(saved.bytes):>7}"
        change = _change(one, self._rows.get(one.number - 1))
        row = Content.assemble(
            (f"{one.number:>5}", "bold"),
            f" {_loss(one.loss):>7} ",
            (f"{change:>8}", "$kept" if change.startswith("−") else "$dim"),
            (
                f" {_loss(one.validation) if one.validation is not None else '':>8}",
                "bold $kept" if one.validation is not None and one.validation == self._lowest else "",
            ),
        )
        if width < _ROOM:
            return row
        return Content.assemble(
            row,
            f" {len(one.samples) or '':>8}  ",
            (file, "$dim"),
        )


class RunRows:
    """The list of runs, newest first.

    Args:
        runs: them.
        shown: the folder of the one on the screen; it is marked.
    """

    def __init__(self, runs: "Sequence[RunInfo]", shown: Path | None = None) -> None:
        self.runs = runs
        self._shown = shown

    def __len__(self) -> int:
        return len(self.runs)

    def is_marked(self, index: int) -> bool:
        """Whether it is the one on the screen."""
        return self.runs[index].run.folder == self._shown

    def row(self, index: int, width: int) -> Content:
        """Run `index`."""
        one = self.runs[index]
        style = {"done": "$success", "failed": "$error", "interrupted": "$error", "stopped": "$warning"}.get(
            one.state.state, "$accent"
        )
        loss = "" if one.loss is None else f"loss {one.loss:.4f}"
        return Content.assemble(
            f"{line(one.run.id, 40):<34} ",
            (f"{one.state.state:<12}", style),
            f"{one.step or 0:>7,}/{one.total_steps:<7,} {loss}",
        )


def log_line(text: str) -> str:
    """A line of the log without its time and source; the level stays where it warns."""
    text = re.sub(r"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?\s*(?:INFO\s+)?", "", line(text))
    return re.sub(r"\s+\S+\.py:\d+$", "", text)


def _loss(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if math.isfinite(value) else "NaN"


def _change(one: "EpochRow", before: "EpochRow | None") -> str:
    """The difference to the epoch before, with a sign as long as a digit; "" for the first."""
    if before is None or before.loss is None or one.loss is None:
        return ""
    return f"{one.loss - before.loss:+.4f}".replace("-", "−")


def _size(size: int) -> str:
    if size < 1e6:
        return f"{size / 1e3:.1f} kB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
