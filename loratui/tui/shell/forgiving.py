"""Handlers and timers in which an error a person can act on becomes a toast."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer

from loratui.core.errors import LoratuiError

if TYPE_CHECKING:
    from loratui.tui.shell.boundary import Boundary


class Forgiving(MessagePump):
    """Mixed into screens and panels: Textual ends the program for whatever a handler or a timer raises.

    Only what is expected is forgiven. An error in painting would come back with every frame; that ends the program
    with a sentence, see `Boundary`.
    """

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except (LoratuiError, OSError) as error:
            self._forgive(error)

    def set_timer(self, delay: float, callback: Callable[..., Any] | None = None, **options: Any) -> Timer:
        """Textual's, with a callback that may raise."""
        return super().set_timer(delay, self._forgiven(callback), **options)

    def set_interval(self, interval: float, callback: Callable[..., Any] | None = None, **options: Any) -> Timer:
        """Textual's, with a callback that may raise."""
        return super().set_interval(interval, self._forgiven(callback), **options)

    def _forgiven(self, callback: Callable[..., Any] | None) -> Callable[[], Any] | None:
        if callback is None:
            return None

        async def forgiving() -> None:
            try:
                result = callback()
                if inspect.isawaitable(result):
                    await result
            except (LoratuiError, OSError) as error:
                self._forgive(error)

        return forgiving

    def _forgive(self, error: Exception) -> None:
        cast("Boundary", self.app).report_error(error)
