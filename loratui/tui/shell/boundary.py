"""The app below its screens: commands run, errors end here, toasts and the log of what was done."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal, cast

from textual.app import App
from textual.timer import Timer
from textual.worker import Worker

from loratui.core.errors import Cancelled, LoratuiError, from_os
from loratui.core.sanitize import line
from loratui.tui.jobs import JobCentre
from loratui.tui.shell import diary
from loratui.tui.shell.done import Done

if TYPE_CHECKING:
    from loratui.tui.screens.base import LoratuiScreen

Level = Literal["info", "warn", "error"]
TOAST_SECONDS: dict[Level, float] = {"info": 4.0, "warn": 8.0, "error": 12.0}


class Boundary(App[None], inherit_bindings=False):
    """An app in which nothing that a command, a job or a `reload` raises ends the program.

    Args:
        debug: an unexpected error ends the program with its traceback, instead of a toast and lines in the log file.

    Attributes:
        jobs: what is being worked on.
        done: the log of what was done, oldest first.
        current_toast: text and level of what is being said; None when nothing is.
        failure: what ended the program, as one sentence; "" where nothing did.
    """

    def __init__(self, *, debug: bool) -> None:
        super().__init__()
        self.jobs = JobCentre(self)
        self.done: list[Done] = []
        self.current_toast: tuple[str, Level] | None = None
        self.failure = ""
        self._raise = debug
        self._toast_timer: Timer | None = None
        self._status_due = False

    @property
    def active(self) -> "LoratuiScreen":
        """The screen in front."""
        return cast("LoratuiScreen", self.screen)

    def _end_batch(self) -> None:
        super()._end_batch()
        if not self._batch_count and self.screen_stack:
            self.active.release()

    # --- errors --------------------------------------------------------------------------------------------------

    def guarded(self, function: Callable[..., object], *arguments: object) -> "Worker[object] | None":
        """Calls `function`; what it raises becomes a toast.

        Returns:
            where an async one goes on, beside the screens; None where all is done.
        """
        try:
            result = function(*arguments)
        except Exception as error:
            self.report_error(error)
            return None
        return self.run_worker(self._guard(result), exit_on_error=False) if inspect.isawaitable(result) else None

    async def _guard(self, work: Awaitable[object]) -> None:
        try:
            await work
        except Exception as error:
            self.report_error(error)

    def report_error(self, error: Exception) -> None:
        """Says what went wrong and what to do; the unexpected goes into the log file with its traceback."""
        if isinstance(error, Cancelled):
            self.toast("stopped")
        elif isinstance(error, LoratuiError):
            self.toast(error.message, error.remedy, "error")
        elif isinstance(error, OSError) and not self._raise:
            diary.write(error)
            self.report_error(from_os(error, "That"))
        elif self._raise:
            self._handle_exception(error)
        else:
            diary.write(error)
            text = line(f"{type(error).__name__}: {error}", 200)
            self.toast(f"that failed: {text}", f"The details are in {diary.log_path()}.", "error")

    def _fatal_error(self) -> None:
        """An error outside of any command: the screen cannot go on. The person reads a sentence, the log the rest."""
        if self._raise or self._exception is None:
            super()._fatal_error()
            return
        diary.write(self._exception)
        self.failure = f"{type(self._exception).__name__}: {self._exception}"
        self._close_messages_no_wait()

    # --- saying --------------------------------------------------------------------------------------------------

    def toast(self, message: str, remedy: str = "", level: Level = "info") -> None:
        """Shows `message` and `remedy` at the bottom for some seconds. Warnings and errors go into the log too."""
        stop = "" if not remedy or message.endswith((".", "!", "?")) else "."
        text = f"{message}{stop} {remedy}".rstrip()
        if level != "info":
            self.did(text, level=level)
        self.say(text, level, TOAST_SECONDS[level])

    def complain(self, problems: Sequence[str]) -> None:
        """Says several things that were wrong as one toast; each has its line in the log."""
        for problem in problems:
            self.did(problem, level="warn")
        if problems:
            more = f" (and {len(problems) - 1} more: L)" if len(problems) > 1 else ""
            self.say(problems[0] + more, "warn", TOAST_SECONDS["warn"])

    def say(self, text: str, level: Level, seconds: float) -> None:
        """Shows `text` at the bottom until the seconds are over, something else is said or a panel opens."""
        self.current_toast = (text, level)
        if self._toast_timer is not None:
            self._toast_timer.stop()
        self._toast_timer = self.set_timer(seconds, self.drop_toast)
        self.refresh_status()

    def drop_toast(self) -> None:
        """Gives the status line back to the keys."""
        self.current_toast = None
        self.refresh_status()

    def did(self, text: str, command: str = "", level: Level = "info") -> None:
        """Adds to the log of what was done.

        Args:
            text: what happened.
            command: the `loratui …` command that does the same.
            level: info, warn or error.
        """
        entry = Done(text, command, level)
        if level != "info" and self.done and (self.done[-1].text, self.done[-1].level) == (text, level):
            self.done.pop()  # a key pressed ten times in vain is one line, with the newest time
        self.done.append(entry)

    def refresh_status(self) -> None:
        """Composes the status line of the screen in front anew."""
        self._status_due = False
        if self._running and self.screen_stack:
            self.active.refresh_status()

    def refresh_status_soon(self) -> None:
        """The same a moment later, once for many calls: after keys, when what is possible may have changed."""
        if not self._status_due:
            self._status_due = True
            self.set_timer(0.05, self.refresh_status)
