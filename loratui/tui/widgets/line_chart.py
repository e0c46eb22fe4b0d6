"""A line chart for a slow link: braille, one colour per line of text, only changed cells are sent again."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from loratui.tui.widgets.plot import Canvas, Scale, Series, draw, fit

__all__ = ["LineChart", "Series"]

_PART = 16
"""Cells per segment: the compositor repaints whole segments, so a changed cell costs one of these."""
_SIGNS = {"dots": "· ·", "line": "──", "marks": "+"}


class LineChart(Widget):
    """Series over steps, with round ticks on the left and epochs marked below.

    The scale moves in round steps only, and the lines of text are compared with what is on the screen: a new point
    repaints the few cells it touches.

    Args:
        empty: what the chart says while it has no points.
    """

    DEFAULT_CSS = """
    LineChart {
        height: 12;
        & > .line-chart--plot { color: $primary; }
        & > .line-chart--axis { color: $foreground-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-chart--plot", "line-chart--axis"}

    def __init__(
        self,
        *,
        empty: str = "no points yet",
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._series: Sequence[Series] = ()
        self._epochs: Sequence[float] = ()
        self._span: tuple[float, float] | None = None
        self._scale: Scale | None = None
        self._lines: list[str] = []

    def set_series(
        self, series: Sequence[Series], epochs: Sequence[float] = (), span: tuple[float, float] | None = None
    ) -> None:
        """Shows `series`.

        Args:
            series: drawn in their order; put `dots` first, the lines lie on them. The sequences inside may be the
                live ones of the owner: they are read now and not kept by value.
            epochs: x at which epoch 1, 2, … ended.
            span: the first and last x, where the end is known (the planned steps).
        """
        if span != self._span:
            self._scale = None
        self._series, self._epochs, self._span = series, epochs, span
        self._redraw()

    def on_resize(self) -> None:
        """Draws for the new size."""
        self._lines = []
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.size
        old, new = self._lines, self._text(width, height)
        self._lines = new
        if len(old) != len(new):
            self.refresh()
            return
        changed = [
            Region(*_difference(before, after, y))
            for y, (before, after) in enumerate(zip(old, new, strict=True))
            if before != after
        ]
        if changed:
            self.refresh(*changed)

    def _text(self, width: int, height: int) -> list[str]:
        """The whole chart as `height` strings of `width` cells."""
        if not any(len(one.xs) for one in self._series) or width < 16 or height < 4:
            rows = [" " * width] * height
            if height:
                rows[height // 2] = self._empty[:width].center(width)
            return rows
        self._scale = scale = fit(self._series, self._span, self._scale)
        legend = height >= 8
        ticks = scale.ticks()
        margin = max(len(scale.label(tick)) for tick in ticks) + 2
        canvas = Canvas(width - margin, height - 2 - legend)
        for one in self._series:
            draw(canvas, one, scale)
        labels = {
            round((scale.high - tick) / (scale.high - scale.low) * (canvas.rows - 1)): scale.label(tick)
            for tick in ticks
        }
        rows = [self._legend(width)] if legend else []
        for number, line in enumerate(canvas.lines()):
            label = labels.get(number)
            rows.append((f"{label:>{margin - 2}} ┤" if label is not None else " " * (margin - 1) + "│") + line)
        return [*rows, *self._axis(canvas.columns, margin, scale)]

    def _legend(self, width: int) -> str:
        parts = [f"{_SIGNS[one.style]} {one.name}" for one in self._series if len(one.xs)]
        if self._epochs:
            parts.append("╎ epoch")
        return "   ".join(parts)[:width].rjust(width)

    def _axis(self, columns: int, margin: int, scale: Scale) -> list[str]:
        """The line under the plot with its epoch marks, and the numbers below it."""
        line, numbers = ["─"] * columns, [" "] * columns
        free = 0
        for epoch, x in enumerate(self._epochs, 1):
            place = round((x - scale.left) / (scale.right - scale.left) * (columns - 1))
            if not 0 <= place < columns:
                continue
            line[place] = "╎"
            label = str(epoch)
            start = max(0, min(place - len(label) // 2, columns - len(label)))
            if start >= free:
                numbers[start : start + len(label)] = label
                free = start + len(label) + 1
        if not self._epochs:
            last = f"{scale.right:,.0f}"
            numbers = [*f"{scale.left:,.0f}".ljust(columns - len(last))[: columns - len(last)], *last]
        name = "epoch" if self._epochs else "step"
        return [" " * (margin - 1) + "└" + "".join(line), f"{name:>{margin - 1}} "[:margin] + "".join(numbers)]

    def render_line(self, y: int) -> Strip:
        """Line `y`, in one style, in parts that can be repainted alone."""
        axis = y >= len(self._lines) - 2 or not self._series
        style = self.get_visual_style("line-chart--axis" if axis else "line-chart--plot").rich_style
        if y >= len(self._lines):
            return Strip.blank(self.size.width, style)
        text = self._lines[y]
        return Strip([Segment(text[at : at + _PART], style) for at in range(0, len(text), _PART)], len(text))


def _difference(before: str, after: str, y: int) -> tuple[int, int, int, int]:
    """x, y, width, height of the part of line `y` that differs."""
    if len(before) != len(after):
        return 0, y, max(len(before), len(after)), 1
    differing = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    return differing[0], y, differing[-1] - differing[0] + 1, 1
