"""`app.graphics`: what the terminal can show, and the pictures on it."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.signal import Signal

from loratui.tui.graphics import brands
from loratui.tui.graphics.driver import LoratuiDriver
from loratui.tui.graphics.pacing import Pacer
from loratui.tui.graphics.probe import DEADLINE, QUERY_ID, Probe, Terminal
from loratui.tui.graphics.replies import Reply

if TYPE_CHECKING:
    from textual.app import App

    from loratui.tui.graphics.encode import How
    from loratui.tui.graphics.pictures import Pictures

BUDGETS = (20_000, 40_000, 80_000, 120_000)
"""Bytes for a picture of 512 × 512 pixels: the least on a slow link, else what the link carries in a second."""

_REFUSALS = 3


class Graphics:
    """One per app, made with it; `start` when the first screen is mounted, `stop` at the end.

    Args:
        app: the app.
        wanted: `ui.graphics` of the configuration: auto, kitty, halfcell or none.
        slow: whether the link is slow, asked each time.

    Attributes:
        terminal: what is known of the terminal; a frozen record that is replaced.
        changed: signal with the new `terminal`, for widgets that draw pictures.
    """

    def __init__(self, app: "App[Any]", wanted: str = "auto", slow: Callable[[], bool] = lambda: False) -> None:
        self._app = app
        self._wanted = wanted
        self._slow = slow
        self._pictures: Pictures | None = None
        self._driver: LoratuiDriver | None = None
        self._pacer: Pacer | None = None
        self._budget = BUDGETS[1]
        self._refused = 0
        self.terminal = Terminal()
        self.changed: Signal[Terminal] = Signal(app, "graphics")
        self._probe = Probe(wanted, os.environ, self._known)

    @property
    def pictures(self) -> "Pictures":
        """The pictures; made, with the libraries they need, when the first one is wanted."""
        if self._pictures is None:
            from loratui.tui.graphics.pictures import Pictures

            self._pictures = Pictures(
                self._app._driver,  # type: ignore[arg-type]
                self._how,
                lambda: self.terminal.multiplexer,
                lambda: self._driver.last_key if self._driver is not None else 0.0,
                self._room,
            )
        return self._pictures

    def start(self) -> None:
        """Asks the terminal what it can show, without waiting for its answers. Call it in the event loop."""
        driver = self._app._driver
        if not isinstance(driver, LoratuiDriver) or not driver.input_tty:
            # Tests and pipes: nobody would answer.
            self._known(Terminal(brands.choose(self._wanted, "", False, os.environ), complete=True))
            return
        self._driver = driver
        loop = asyncio.get_running_loop()

        def on_reply(reply: Reply) -> None:
            loop.call_soon_threadsafe(self._reply, reply)

        driver.on_reply = on_reply
        self._pacer = Pacer(driver.write_uncounted, self._released)
        driver.wrote = self._pacer.wrote
        driver.before_stop = lambda: self._pictures.farewell() if self._pictures is not None else ""
        self._app.app_resume_signal.subscribe(self._app, self._resumed)
        self._pacer.start()
        driver.expect_replies(DEADLINE)
        driver.write(self._probe.queries())
        self._app.set_timer(DEADLINE, self._probe.give_up)

    def stop(self) -> None:
        """Ends the work on pictures."""
        if self._pictures is not None:
            self._pictures.close()

    def _resumed(self, app: "App[Any]") -> None:
        """After ctrl+z and `fg` the screen is empty and the pictures are gone; Textual paints only what changed."""
        app.refresh(layout=True)
        self.changed.publish(self.terminal)

    @property
    def congested(self) -> bool:
        """Whether the link has so much to carry that the next frame should wait."""
        return self._pacer is not None and self._pacer.congested

    def _released(self) -> None:
        self._app.screen.check_idle()

    async def _room(self, size: int) -> None:
        if self._pacer is not None:
            await self._pacer.room(size)

    def _reply(self, reply: Reply) -> None:
        if reply.kind == "status" and self._pacer is not None:
            self._pacer.answered()
            return
        if reply.kind == "apc":
            from loratui.tui.graphics.kitty import answer

            picture = answer(reply.body)
            if picture is not None and picture[0] != QUERY_ID:
                number, taken = picture
                if self._pictures is not None and not taken:
                    self._pictures.refused(number)
                    self._refused += 1
                    if self._refused >= _REFUSALS:
                        # It said it could, and it cannot.
                        self._known(replace(self.terminal, protocol="halfcell"))
                return
        self._probe.take(reply)

    def _known(self, terminal: Terminal) -> None:
        before, self.terminal = self.terminal, terminal
        if terminal.complete and self._driver is not None:
            self._driver.expect_replies(0)
        if (before.protocol, before.cell) != (terminal.protocol, terminal.cell):
            self.changed.publish(terminal)
            if self._pictures is not None:
                self._pictures.wake()

    def _how(self) -> "How | None":
        """What terminal and link take now; None while pictures cannot be shown."""
        from loratui.tui.graphics.encode import How

        protocol = self.terminal.protocol
        if protocol is None or protocol == "none":
            return None
        slow = self._slow()
        rate = self._pacer.rate if self._pacer is not None else 0.0
        # A picture that was sent is sent again at another budget: change it for a good reason only.
        if rate and not self._budget / 1.5 <= rate < self._budget * 3:
            self._budget = next((budget for budget in reversed(BUDGETS) if budget <= rate), BUDGETS[0])
        budget = BUDGETS[0] if slow else self._budget
        truecolor = self._app.console.color_system == "truecolor" and not slow
        return How(protocol, self.terminal.cell, budget, truecolor)
