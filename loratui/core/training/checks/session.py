"""Checks whether a training outlives the login that started it."""

from collections.abc import Iterator
from pathlib import Path

from loratui.core.checks import Check
from loratui.core.logout import login, scope


def session() -> Iterator[Check]:
    """Whether a training outlives the login that started it, and what to do where it does not."""
    found = login()
    if not found.systemd:
        init = _init_name()
        if init in ("systemd", "init", "launchd"):
            yield Check("session", "ok", "No systemd: runs outlive the login.")
        else:
            message = f"The first process is {init}, no init: a container, most likely."
            yield Check("session", "warn", message, "Runs end when it does; keep the container running.")
    elif not found.kills:
        yield Check("session", "ok", "Runs outlive the login (KillUserProcesses is off).")
    elif found.safe:
        yield Check("session", "ok", "Runs outlive the login: they belong to a lingering service manager.")
    elif scope("a run"):
        yield Check("session", "ok", "Runs outlive the login: they are handed to your lingering service manager.")
    else:
        message = "This system ends all your processes when you log out (KillUserProcesses): a training, too."
        again = "Install systemd-run" if found.lingers else "Run `loginctl enable-linger` once"
        yield Check("session", "warn", message, f"{again}; loratui then hands its runs to your service manager.")


def _init_name() -> str:
    try:
        return Path("/proc/1/comm").read_text().strip()
    except OSError:
        return "unknown"
