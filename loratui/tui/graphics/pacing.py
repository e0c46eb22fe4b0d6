"""No more on the way to the terminal than the link carries in a moment, so that what is seen is never seconds old.

A slow link has buffers (the pty, sshd, the kernel, the modem) that take hundreds of kilobytes at once and deliver them
later: a held key would scroll for half a minute after it was let go. So after every few kilobytes the terminal is asked
for its status, four bytes that it answers when it gets to them. While too much is unanswered, no frame is painted;
widgets collect their changes meanwhile, and the next frame shows only the newest state. A terminal that does not answer
is waited for once, for a second.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.screen import Screen
from textual.timer import Timer

QUERY = "\x1b[5n"
_STEP = 2_048
"""Bytes after which the terminal is asked."""
_LEAST, _MOST = 8_192, 262_144
"""The window never leaves these bounds."""
_MOMENT = 0.4
"""Seconds of the link that may be on the way, besides what is there for its length."""
_GAIN = 1.5
"""Of what is there for its length, so much: with less, a long link would never be found to be fast."""
_SAMPLES = 10
_PATIENCE = 1.0
"""Seconds an answer may be late: the terminal that takes longer gives none."""
_SLOWEST = 8_000
"""Bytes per second, while nothing is known of the link."""


@dataclass(frozen=True)
class _Asked:
    """An unanswered query.

    Args:
        size: bytes written before it, since the one before.
        ahead: bytes on the way when it was written.
        arrived: bytes that had arrived when it was written.
        when: it was written.
        idle: there was less on the way than the link could carry.
    """

    size: int
    ahead: int
    arrived: int
    when: float
    idle: bool


class Pacer:
    """Counts what is on its way to the terminal, and measures how fast it goes (as TCP's BBR does).

    Args:
        write: writes to the terminal without counting.
        released: called when frames may be painted again.
        clock: seconds that do not go back.
    """

    def __init__(
        self, write: Callable[[str], None], released: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._released = released
        self._clock = clock
        self._asked: deque[_Asked] = deque()
        self._unasked = 0
        self._arrived = 0
        self._round_trip: float | None = None
        self._samples: deque[float] = deque(maxlen=_SAMPLES)
        self._late = 0
        self._waiting: asyncio.Event = asyncio.Event()
        self._was_congested = False
        self.rate = 0.0
        """Bytes per second that the link carries; 0.0 while unknown."""

    @property
    def window(self) -> int:
        """Bytes that may be on the way."""
        if not self.rate:
            return _MOST // 4
        return round(max(_LEAST, min(_MOST, self.rate * (_GAIN * (self._round_trip or 0.0) + _MOMENT))))

    @property
    def on_the_way(self) -> int:
        """Bytes written whose arrival is not known."""
        return self._unasked + sum(asked.size for asked in self._asked)

    @property
    def congested(self) -> bool:
        """Whether frames have to wait."""
        self._forget_overdue()
        congested = bool(self._asked) and self.on_the_way > self.window
        self._was_congested |= congested
        return congested

    def start(self) -> None:
        """Asks once before there is anything to carry: whether the terminal answers, and how long the way is."""
        self._ask(0)

    def wrote(self, size: int) -> None:
        """`size` bytes were written. Call it in the event loop."""
        self._unasked += size
        if self._unasked >= _STEP and not self._late:
            size, self._unasked = self._unasked, 0
            self._ask(size)

    def _ask(self, size: int) -> None:
        ahead = self.on_the_way + size
        self._asked.append(_Asked(size, ahead, self._arrived, self._clock(), ahead < self.window // 2))
        self._write(QUERY)

    def answered(self) -> None:
        """The terminal answered the oldest query. After all that were given up it is asked again."""
        if self._late:
            self._late -= 1
            self._unasked = 0
            return
        if not self._asked:
            return
        asked = self._asked.popleft()
        self._arrived += asked.size
        took = max(self._clock() - asked.when, 1e-3)
        self._round_trip = min(self._round_trip or took, took)
        sample = (self._arrived - asked.arrived) / took
        # With little to carry a link looks slow; such a sample counts only when it is the best.
        if not asked.idle or sample > self.rate:
            self._samples.append(sample)
            self.rate = max(self._samples)
        self._let_go()

    async def room(self, size: int) -> None:
        """Waits until `size` bytes more do not delay what a person does."""
        while not self._forget_overdue() and self._asked and self.on_the_way + size > max(self.window, size):
            self._waiting.clear()
            try:
                await asyncio.wait_for(self._waiting.wait(), 0.25)
            except TimeoutError:
                continue

    def _forget_overdue(self) -> bool:
        """Gives up on a terminal that does not answer: nothing is asked or waited for any more.

        Returns:
            whether it was given up.
        """
        if not self._asked:
            return False
        oldest = self._asked[0]
        way = 0.0
        if self._round_trip is not None:  # it has answered before, so what is on the way takes its time
            way = self._round_trip + oldest.ahead / (self.rate or _SLOWEST)
        if self._clock() - oldest.when < way + _PATIENCE:
            return False
        self._late = len(self._asked)
        self._asked.clear()
        self._let_go()
        return True

    def _let_go(self) -> None:
        self._waiting.set()
        if self._was_congested and not (self._asked and self.on_the_way > self.window):
            self._was_congested = False
            self._released()


class PacedScreen(Screen[None]):
    """A screen that paints its next frame only when the link has carried enough of those before.

    Textual composes a frame for each reason there is (a layout, something dirty, all dirty), also while the app holds
    its paints (`batch_update`), and throws away what it composed then. Here one frame is composed for all reasons, when
    it can be shown.
    """

    _retry: Timer | None = None
    _held = False
    _collecting = False
    _waiting: tuple[Callable[[], object], ...] = ()

    def call_after_paint(self, callback: Callable[[], object]) -> None:
        """Calls `callback` after the next frame; Textual's `call_after_refresh` does not wait while paints are held."""
        if self.app._batch_count:
            self._waiting = (*self._waiting, callback)
        else:
            self.call_after_refresh(callback)

    def release(self) -> None:
        """Paints are not held any more: what was held back is painted."""
        waiting, self._waiting = self._waiting, ()
        for callback in waiting:
            self.call_after_refresh(callback)
        self.check_idle()

    def _compositor_refresh(self) -> None:
        self._held = self._collecting or self.app._batch_count > 0
        if not self._held and self._repaint_required:
            self._repaint_required = False
            self._dirty_widgets.add(self)
        self._compositor.update_widgets(self._dirty_widgets)
        if not self._held:
            super()._compositor_refresh()

    async def _on_idle(self, event: events.Idle) -> None:
        if self._held and not self.app._batch_count and self.is_current:
            event.prevent_default()  # what is to be done after the next frame waits for it
            self._update_timer.resume()

    def _on_timer_update(self) -> None:
        graphics = getattr(self.app, "graphics", None)
        if graphics is not None and graphics.congested:
            # What is dirty stays so; `Graphics` wakes the screen when there is room, the timer when no answer comes.
            self._update_timer.pause()
            if self._retry is None:
                self._retry = self.set_timer(0.25, self._try_again)
            return
        self._collecting = True
        try:
            super()._on_timer_update()
        finally:
            self._collecting = False
        if self._held:
            self._compositor_refresh()

    def _try_again(self) -> None:
        self._retry = None
        self.check_idle()
