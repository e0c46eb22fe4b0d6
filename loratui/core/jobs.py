"""Long work: how a core function reports progress and learns that it should stop."""

from threading import Event
from typing import Protocol

from loratui.core.errors import Cancelled


class Report(Protocol):
    """Called by long work as it goes on, from any thread, at any rate; receivers coalesce."""

    def __call__(self, done: int, total: int | None, note: str = "", /) -> None:
        """`done` of `total` units (None: unknown); `note` says in a few words what is being done."""


def silent(done: int, total: int | None, note: str = "", /) -> None:
    """A report that goes nowhere."""


def check(cancel: Event | None) -> None:
    """Raises `Cancelled` once the person has asked to stop. Call it between units of work."""
    if cancel is not None and cancel.is_set():
        raise Cancelled
