"""Which pictures are read, encoded and sent, and when: the newest, the visible, and only while no key is pressed."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol as Interface

from rich.segment import Segment

from loratui.tui.graphics import kitty
from loratui.tui.graphics.encode import Encoded, How, Wanted, encode

QUIET = 0.1
"""Seconds without a key before a picture is drawn."""
_CACHE_BYTES = 24_000_000
_IN_TERMINAL = 192
"""Pictures kept in the terminal's memory: more than a large screen shows at once, fewer than there are ids."""

Lines = tuple[tuple[Segment, ...], ...]


class Outlet(Interface):
    """The terminal, as the driver gives it."""

    def write(self, data: str) -> None:
        """Queues `data`."""
        ...


@dataclass(frozen=True)
class Drawn:
    """What a widget paints.

    Args:
        columns: cells across; 0 with an error.
        rows: cells down.
        lines: one list of segments per row, without background.
        error: why there is no picture, as one line.
        sending: which sending of the picture to the terminal the cells show; 0 where they need none.
    """

    columns: int
    rows: int
    lines: Lines = ()
    error: str = ""
    sending: int = 0


@dataclass
class Ticket:
    """A widget's claim to a picture.

    Args:
        wanted: the picture.
        done: called in the event loop with what to paint.
        visible: asked right before the work and right before the sending.
    """

    wanted: Wanted
    done: Callable[[Drawn], None]
    visible: Callable[[], bool]
    cancelled: bool = False

    def cancel(self) -> None:
        """Gives the claim up: nothing more is read, encoded or sent for it."""
        self.cancelled = True


Key = tuple[Wanted, How, int, int]
"""What an encoded picture depends on: the last two are the file's time and size."""


@dataclass(frozen=True)
class _Sent:
    number: int
    sending: int


class Pictures:
    """Reads, encodes and sends pictures, one after the other, beside the event loop.

    Args:
        outlet: the terminal.
        how: gives what terminal and link take, None while it is not known or nothing can be shown.
        multiplexer: whether sequences go through tmux.
        last_key: gives when the person last pressed a key, by `time.monotonic`.
        room: waits until so many bytes may be sent.
    """

    def __init__(
        self,
        outlet: Outlet,
        how: Callable[[], How | None],
        multiplexer: Callable[[], bool],
        last_key: Callable[[], float],
        room: Callable[[int], Awaitable[None]],
    ) -> None:
        self._outlet = outlet
        self._how = how
        self._multiplexer = multiplexer
        self._last_key = last_key
        self._room = room
        self._tickets: list[Ticket] = []
        self._cache: OrderedDict[Key, Encoded] = OrderedDict()
        self._cached_bytes = 0
        self._sent: OrderedDict[Key, _Sent] = OrderedDict()
        self._free = list(kitty.IDS)
        self._high = random.randint(1, 255) << 24
        self._sendings = 0
        self._thread = ThreadPoolExecutor(1, "pictures")
        self._task: asyncio.Task[None] | None = None

    def want(self, wanted: Wanted, done: Callable[[Drawn], None], visible: Callable[[], bool]) -> Ticket:
        """Claims a picture; a widget cancels its old claim first. Call it in the event loop."""
        ticket = Ticket(wanted, done, visible)
        self._tickets.append(ticket)
        self.wake()
        return ticket

    @property
    def busy(self) -> bool:
        """Whether claims are being dealt with; those that cannot be now do not count."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Goes on with the claims: after a new one, or when a terminal became known or a screen visible."""
        if self._tickets and not self.busy:
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while (ticket := self._next()) is not None:
            await self._quiet(ticket)
            how = self._how()
            if ticket.cancelled or how is None or not ticket.visible():
                continue
            key, encoded = await self._encoded(ticket.wanted, how)
            await self._quiet(ticket)
            if not encoded.png:
                await self._room(encoded.size)
            now = self._how()
            same = now is not None and (now.protocol, now.cell) == (how.protocol, how.cell)
            if same and not ticket.cancelled and ticket.visible():
                drawn = await self._deliver(key, encoded, ticket)
                if not ticket.cancelled:
                    self._tickets.remove(ticket)
                    ticket.done(drawn)

    def _next(self) -> Ticket | None:
        """The oldest claim that can be dealt with now; widgets take their stale ones back themselves."""
        self._tickets = [ticket for ticket in self._tickets if not ticket.cancelled]
        if self._how() is None:
            return None
        return next((ticket for ticket in self._tickets if ticket.visible()), None)

    async def _quiet(self, ticket: Ticket) -> None:
        """Waits until no key was pressed for a moment, or the claim was given up."""
        while not ticket.cancelled and (left := self._last_key() + QUIET - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _encoded(self, wanted: Wanted, how: How) -> tuple[Key, Encoded]:
        try:
            status = wanted.path.stat()
            key = (wanted, how, status.st_mtime_ns, status.st_size)
        except (OSError, ValueError):
            key = (wanted, how, 0, 0)
        if key in self._cache:
            self._cache.move_to_end(key)
            return key, self._cache[key]
        encoded = await asyncio.get_running_loop().run_in_executor(self._thread, encode, wanted, how)
        if not encoded.error:
            self._cache[key] = encoded
            self._cached_bytes += _weight(encoded)
            while self._cached_bytes > _CACHE_BYTES:
                self._cached_bytes -= _weight(self._cache.popitem(last=False)[1])
        return key, encoded

    async def _deliver(self, key: Key, encoded: Encoded, ticket: Ticket) -> Drawn:
        """Sends what has to be sent, and gives the cells."""
        if not encoded.png:
            return Drawn(encoded.columns, encoded.rows, encoded.lines, encoded.error)
        if key in self._sent:
            self._sent.move_to_end(key)
        else:
            await self._send(key, encoded, ticket)
        sent = self._sent.get(key)
        if sent is None:
            return Drawn(0, 0)  # given up on the way
        cells = kitty.cells(sent.number, encoded.columns, encoded.rows)
        return Drawn(encoded.columns, encoded.rows, cells, sending=sent.sending)

    async def _send(self, key: Key, encoded: Encoded, ticket: Ticket) -> None:
        """Sends a picture part by part, as the link has room, so that frames go between them."""
        multiplexer = self._multiplexer()
        while len(self._sent) >= _IN_TERMINAL:
            old = self._sent.popitem(last=False)[1]
            self._free.append(old.number & 0xFF)
            self._outlet.write(kitty.deletion(old.number, multiplexer))
        low = self._free.pop(0)
        for sequence in kitty.transmission(low | self._high, encoded.png, encoded.columns, encoded.rows, multiplexer):
            await self._room(len(sequence))
            if ticket.cancelled:
                self._outlet.write(kitty.abortion(multiplexer) + kitty.deletion(low | self._high, multiplexer))
                self._free.append(low)
                return
            self._outlet.write(sequence)
        self._sendings += 1
        self._sent[key] = _Sent(low | self._high, self._sendings)

    def alive(self, drawn: Drawn) -> bool:
        """Whether the terminal still has what `drawn` shows."""
        return not drawn.sending or any(sent.sending == drawn.sending for sent in self._sent.values())

    def refused(self, number: int) -> None:
        """The terminal did not take picture `number`: it is sent again when next wanted."""
        for key in [key for key, sent in self._sent.items() if sent.number == number]:
            self._free.append(self._sent.pop(key).number & 0xFF)

    def farewell(self) -> str:
        """What frees all pictures in the terminal; they are sent again if the program goes on (after ctrl+z)."""
        numbers = [sent.number for sent in self._sent.values()]
        self._sent.clear()
        self._free = list(kitty.IDS)
        return "".join(kitty.deletion(number, self._multiplexer()) for number in numbers)

    def close(self) -> None:
        """Stops working; what runs in the thread ends by itself."""
        self._tickets.clear()
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)


def _weight(encoded: Encoded) -> int:
    """Bytes a cached picture takes in memory, about."""
    return len(encoded.png) + 150 * sum(len(line) for line in encoded.lines) + 500
