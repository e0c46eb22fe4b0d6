"""From series of numbers to lines of braille: pure, bounded in time at any number of points."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_SAMPLES = 8
"""Points looked at per column of dots: the cost of a redraw stays bounded by the width."""


@dataclass(frozen=True)
class Series:
    """Points of one quantity.

    Args:
        name: shown in the legend.
        xs: ascending positions (steps).
        ys: values, as many as `xs`; NaN and infinities are gaps.
        style: `dots` for single noisy points, `line` for joined ones, `marks` for few and important ones.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    style: Literal["dots", "line", "marks"] = "line"


@dataclass(frozen=True)
class Scale:
    """The part of the plane that is shown: `low`–`high` upwards with ticks each `step`, `left`–`right` across."""

    low: float
    high: float
    step: float
    left: float
    right: float

    def ticks(self) -> list[float]:
        """Values with a label, ascending."""
        count = round((self.high - self.low) / self.step)
        return [self.low + self.step * number for number in range(count + 1)]

    def label(self, value: float) -> str:
        """`value` with as many decimals as the step has."""
        if value and not 1e-4 <= abs(value) < 1e6:
            return f"{value:.1e}"
        return f"{value:.{max(0, min(6, -math.floor(math.log10(self.step) + 1e-9)))}f}"


def nice(value: float, steps: Sequence[float] = (1, 2, 5, 10)) -> float:
    """The next round number at or above `value` (> 0): `steps` times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in steps if step * power >= value * (1 - 1e-9)), 10 * power)


def fit(series: Sequence[Series], span: tuple[float, float] | None = None, previous: Scale | None = None) -> Scale:
    """A scale in round numbers that shows `series`, and stays `previous` while that still fits.

    Single outliers of `dots` (the worst 2 %) do not stretch it. A scale that stays lets a redraw touch only the
    cells that gained a point.

    Args:
        span: the first and last x, where known beforehand; else the x axis grows in round steps.
    """
    values: list[float] = []
    for one in series:
        finite = sorted(y for y in _spread(one.ys) if math.isfinite(y))
        cut = len(finite) // 50 if one.style == "dots" else 0
        values += finite[cut : len(finite) - cut]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-12 + abs(high) * 1e-6:
        margin = abs(high) / 10 or 0.5
        low, high = low - margin, high + margin
    left, right = span if span is not None else _extent(series)
    if span is None and right > left:
        right = left + nice(right - left, (1, 1.5, 2, 3, 5, 7.5, 10))
    step = nice((high - low) / 6)
    floor, ceiling = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    if (
        previous is not None
        and previous.low <= low
        and previous.high >= high
        and previous.high - previous.low <= 2 * (ceiling - floor)
    ):
        floor, ceiling, step = previous.low, previous.high, previous.step
    return Scale(floor, ceiling, step, left, max(right, left + 1e-9))


def _spread(values: Sequence[float], most: int = 4096) -> Sequence[float]:
    """At most `most` of `values`, evenly taken, the newest always among them."""
    return values if len(values) <= most else [*values[:: len(values) // most + 1], values[-1]]


def _extent(series: Sequence[Series]) -> tuple[float, float]:
    ends = [(one.xs[0], one.xs[-1]) for one in series if len(one.xs)]
    return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else (0.0, 1.0)


@dataclass
class Canvas:
    """`columns` × `rows` braille cells, each of 2 × 4 dots; dot (0, 0) is at the top left."""

    columns: int
    rows: int
    cells: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.cells = [[0] * self.columns for _ in range(self.rows)]

    def dot(self, x: int, y: int) -> None:
        """Sets one dot; outside of the canvas nothing happens."""
        if 0 <= x < self.columns * 2 and 0 <= y < self.rows * 4:
            self.cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Sets the dots between two dots, both included."""
        length = max(abs(x1 - x0), abs(y1 - y0), 1)
        for part in range(length + 1):
            self.dot(x0 + round((x1 - x0) * part / length), y0 + round((y1 - y0) * part / length))

    def lines(self) -> list[str]:
        """One string per row; empty cells are spaces."""
        return ["".join(chr(_BRAILLE + cell) if cell else " " for cell in row) for row in self.cells]


def draw(canvas: Canvas, series: Series, scale: Scale) -> None:
    """Draws `series` on `canvas`."""
    across, down = canvas.columns * 2 - 1, canvas.rows * 4 - 1
    height = scale.high - scale.low
    last: tuple[int, int] | None = None
    for x, y in _columns(series, scale, across, canvas.columns if series.style == "dots" else across + 1):
        if not math.isfinite(y):
            last = None
            continue
        row = round((scale.high - y) / height * down)
        if series.style == "dots":
            canvas.dot(x, row)  # beyond the scale: left out
            continue
        here = (x, max(0, min(row, down)))
        if series.style == "marks":
            canvas.line(here[0] - 1, here[1], here[0] + 1, here[1])
            canvas.line(here[0], here[1] - 1, here[0], here[1] + 1)
        else:
            canvas.line(*(last or here), *here)
            last = here


def _columns(series: Series, scale: Scale, across: int, buckets: int) -> Iterator[tuple[int, float]]:
    """(column of dots, value), at most one per bucket of x, NaN where a bucket holds only gaps.

    A line takes the mean of a bucket; dots take its least and greatest value by turns, so that the noise is seen.
    """
    width = (scale.right - scale.left) / buckets
    xs, ys = series.xs, series.ys
    start = bisect_left(xs, scale.left)
    for bucket in range(buckets):
        # The last bucket holds its right edge too.
        edge = scale.left + width * (bucket + 1) if bucket < buckets - 1 else math.inf
        stop = bisect_left(xs, edge, lo=start)
        if stop == start:
            continue
        stride = max(1, (stop - start) // _SAMPLES)
        values = [y for y in (ys[at] for at in range(start, stop, stride)) if math.isfinite(y)]
        position = min(1.0, (xs[(start + stop - 1) // 2] - scale.left) / (scale.right - scale.left))
        start = stop
        if not values:
            yield round(position * across), math.nan
        elif series.style == "dots":
            yield round(position * across), (min if bucket % 2 else max)(values)
        else:
            yield round(position * across), sum(values) / len(values)
