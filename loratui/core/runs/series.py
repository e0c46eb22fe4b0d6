"""A curve that stays small however long a training is."""

import math

CAPACITY = 4096


class Series:
    """Points in the order of x; when they become too many, neighbours are merged into their mean.

    Attributes:
        xs, ys: the points kept, at most `CAPACITY`.
        stride: how many points one of them stands for.
    """

    def __init__(self) -> None:
        self.xs: list[float] = []
        self.ys: list[float] = []
        self.stride = 1
        self._x = self._y = 0.0
        self._count = 0

    def append(self, x: float, y: float) -> None:
        """Adds a point; what is not a finite number leaves a gap."""
        if not math.isfinite(y):
            return
        self._x += x
        self._y += y
        self._count += 1
        if self._count < self.stride:
            return
        self.xs.append(self._x / self._count)
        self.ys.append(self._y / self._count)
        self._x = self._y = 0.0
        self._count = 0
        if len(self.xs) >= CAPACITY:
            self.xs = [(one + two) / 2 for one, two in zip(self.xs[::2], self.xs[1::2], strict=True)]
            self.ys = [(one + two) / 2 for one, two in zip(self.ys[::2], self.ys[1::2], strict=True)]
            self.stride *= 2

    def smoothed(self, window: float) -> list[float]:
        """The curve under an exponential mean over about `window` steps, freed of the bias of its beginning."""
        weight = min(1.0, 2 * self.stride / (window + self.stride))
        mean = total = 0.0
        out = []
        for y in self.ys:
            mean += weight * (y - mean)
            total += weight * (1 - total)
            out.append(mean / total)
        return out
