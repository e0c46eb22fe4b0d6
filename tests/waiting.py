"""Waiting for what happens elsewhere: in another thread, in another process, on a server."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], seconds: float = 30, what: str = "") -> None:
    """Until the condition holds. The time is a guard against hanging, no figure the product is held to."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what or condition}"
        time.sleep(0.01)
