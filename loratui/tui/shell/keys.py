"""Keys one after the other: each goes to what the key before it opened, however fast they come.

Textual hands a key to the focused widget and takes the next at once, though the first only works when it has bubbled
up. Keys pasted, typed ahead on a slow link or sent by a script would so reach the list behind the panel that the first
of them opens.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING

from textual import events
from textual.worker import Worker

if TYPE_CHECKING:
    from loratui.tui.app import LoratuiApp

Typed = events.Key | events.Paste

_TURNS = 8
"""Turns of the event loop in which what a key began gets on: enter is a message, the message an answer, the answer the
next question."""
_LOST = 2.0
"""Seconds after which a key is given up that went to a widget that is gone."""
_AGAIN = 0.01
"""Seconds between two looks whether a panel is open by now."""


class KeyQueue:
    """Hands out one key at a time.

    Args:
        app: whose keys.
        send: deals with a key, or forwards it to the focused widget.
    """

    def __init__(self, app: "LoratuiApp", send: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._send = send
        self._waiting: deque[Typed] = deque()
        self._current: Typed | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._looking = False
        self._begun: tuple[Worker[object], object, float] | None = None

    async def take(self, event: Typed) -> None:
        """A key came from the terminal."""
        self._waiting.append(event)
        await self._go_on()

    def began(self, worker: "Worker[object] | None", patience: float) -> None:
        """A command goes on beside the screens: keys wait for its end or its panel, at most `patience` seconds."""
        self._begun = None if worker is None else (worker, self._app.active.panel, monotonic() + patience)

    def dealt_with(self, event: events.Event) -> None:
        """A key came back to the app: nobody does anything with it any more."""
        if event is self._current:
            self._rest(_TURNS)

    async def _go_on(self) -> None:
        if self._current is not None or not self._waiting:
            return
        if self._held():
            if not self._looking:
                self._looking = True
                asyncio.get_running_loop().call_later(_AGAIN, self._look)
            return
        event = self._current = self._waiting.popleft()
        await self._send(event)
        target = self._app.focused or self._app.screen
        if not event.is_forwarded or not target.call_later(self._passed, event):
            self._rest(_TURNS)
        else:
            self._overdue = asyncio.get_running_loop().call_later(_LOST, self.dealt_with, event)

    def _passed(self, event: Typed) -> None:
        """The widget is through with a key: it took it as text, else the key is on its way up to the app."""
        if event._stop_propagation:
            self.dealt_with(event)

    def _rest(self, turns: int) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
        if turns:
            asyncio.get_running_loop().call_soon(self._rest, turns - 1)
            return
        self._current = None
        if self._waiting:
            self._app.call_later(self._go_on)

    def _look(self) -> None:
        self._looking = False
        self._app.call_later(self._go_on)

    def _held(self) -> bool:
        """Whether a panel is about to open or to close."""
        screen = self._app.active
        if self._begun is not None:
            worker, before, until = self._begun
            if not worker.is_finished and screen.panel is before and monotonic() < until:
                return True
            self._begun = None
        return screen.panel_changing
