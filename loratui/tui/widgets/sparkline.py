"""The newest values of one quantity in one line and one colour."""

import math
from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

_BLOCKS = "▁▂▃▄▅▆▇█"


class Sparkline(Widget):
    """One block per value, the newest at the right; repainted only when the drawn line changes.

    Args:
        low: value of the lowest block; None takes the least value shown.
        high: value of the highest block; None takes the greatest value shown.
    """

    DEFAULT_CSS = """
    Sparkline { height: 1; color: $primary; }
    """

    def __init__(
        self,
        *,
        low: float | None = None,
        high: float | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._low = low
        self._high = high
        self._values: Sequence[float] = ()
        self._drawn = ""

    def set_values(self, values: Sequence[float]) -> None:
        """Shows the last of `values`, as many as there are cells; NaN is a gap."""
        self._values = values
        self._redraw()

    def on_resize(self) -> None:
        """Shows more or fewer values."""
        self._redraw()

    def _redraw(self) -> None:
        drawn = spark(self._values, self.size.width, self._low, self._high)
        if drawn != self._drawn:
            self._drawn = drawn
            self.refresh()

    def render(self) -> Content:
        """The line."""
        return Content(self._drawn)


def spark(values: Sequence[float], width: int, low: float | None = None, high: float | None = None) -> str:
    """The last `width` of `values` as blocks, right-aligned; equal values lie in the middle."""
    shown = list(values[-width:]) if width > 0 else []
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return " " * width
    bottom = min(finite) if low is None else low
    top = max(finite) if high is None else high
    blocks = []
    for value in shown:
        if not math.isfinite(value):
            blocks.append(" ")
            continue
        part = (value - bottom) / (top - bottom) if top > bottom else 0.5
        blocks.append(_BLOCKS[max(0, min(7, round(part * 7)))])
    return "".join(blocks).rjust(width)
