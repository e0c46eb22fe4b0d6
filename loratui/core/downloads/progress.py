"""How fast a get is and how long it will take, from what its counts were at the last looks."""

import math
import time
from collections import deque
from dataclasses import dataclass

from loratui.core.downloads.manifest import Batch

WINDOW = 15.0
"""Seconds over which speed is taken."""
_SURE = 4.0
"""Seconds of looking before a time left is told."""
_CALM = 8.0
"""Seconds in which the time left follows a change of pace for the most part."""


@dataclass(frozen=True, slots=True)
class _Look:
    time: float
    bytes: int
    files: int


class Pace:
    """Speed and time left of one batch.

    Where the sizes of the files to come are known, or can be taken for those of the files that came, time is reckoned
    by bytes, else by files. What is told counts down by itself and is drawn towards each new reckoning: it never jumps.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()
        self._left: float | None = None
        self._began = 0.0

    def look(self, batch: Batch, now: float | None = None) -> None:
        """Takes in how far the batch is now (`now`: by the monotonic clock)."""
        now = time.monotonic() if now is None else now
        last = self._looks[-1] if self._looks else None
        came = batch.counts.get("done", 0) + batch.counts.get("fetched", 0) + batch.failed
        if last is None or batch.bytes < last.bytes or came < last.files:  # begun anew: what was before says nothing
            self._looks.clear()
            self._left, self._began = None, now
        self._looks.append(_Look(now, batch.bytes, came))
        while len(self._looks) > 2 and self._looks[1].time < now - WINDOW:
            self._looks.popleft()
        reckoned = self._reckon(batch)
        if reckoned is None or self._left is None or last is None:
            self._left = reckoned
        else:
            passed = now - last.time
            expected = max(self._left - passed, 0.0)
            self._left = expected + (reckoned - expected) * (1 - math.exp(-passed / _CALM))

    @property
    def rate(self) -> float:
        """Bytes a second over the window."""
        if len(self._looks) < 2:
            return 0.0
        first, last = self._looks[0], self._looks[-1]
        return max(0.0, (last.bytes - first.bytes) / max(last.time - first.time, 1e-9))

    @property
    def speed(self) -> str:
        """`3.1 MB/s`; "" while nothing comes."""
        return f"{size(round(self.rate))}/s" if self.rate >= 1 else ""

    @property
    def left(self) -> float | None:
        """Seconds to go; None while that cannot be told."""
        if not self._looks or self._looks[-1].time - self._began < _SURE:
            return None
        return self._left

    def _reckon(self, batch: Batch) -> float | None:
        """Seconds to go by the window alone."""
        if not batch.listed or len(self._looks) < 2:
            return None
        first, last = self._looks[0], self._looks[-1]
        seconds = last.time - first.time
        to_come = batch.counts.get("queued", 0)
        if not to_come:
            return 0.0
        came = batch.total - to_come - batch.counts.get("existing", 0)
        bytes_left: float | None = batch.left
        if batch.unsized:
            mean = batch.bytes / came if came >= 5 else 0.0
            bytes_left = batch.left + batch.unsized * mean if mean else None
        if bytes_left is not None and last.bytes > first.bytes:
            return bytes_left * seconds / (last.bytes - first.bytes)
        if last.files > first.files:
            return to_come * seconds / (last.files - first.files)
        return None


def size(count: int) -> str:
    """Bytes in three figures: `277 kB`, `3.1 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}" if count < 1000 * factor else f"{count / factor:,.0f} {unit}"
    return f"{count} B"
