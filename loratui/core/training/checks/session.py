"""Checks whether what is started here outlives the login: a system may end all processes of a person who leaves."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from loratui.core.checks import Check

ROOT = Path("/")


def session() -> Iterator[Check]:
    """Whether a training outlives the login that started it."""
    if not (ROOT / "run/systemd/system").is_dir():
        init = _init_name()
        if init in ("systemd", "init", "launchd"):
            yield Check("session", "ok", "No systemd: runs outlive the login.")
        else:
            message = f"The first process is {init}, no init: a container, most likely."
            yield Check("session", "warn", message, "Runs end when it does; keep the container running.")
        return
    if not _kills_processes():
        yield Check("session", "ok", "Runs outlive the login (KillUserProcesses is off).")
    elif _lingers() and _outside_of_session():
        yield Check("session", "ok", "Runs outlive the login: they belong to a lingering service manager.")
    else:
        message = "The system ends all processes of a session at logout (KillUserProcesses)."
        remedy = "Run `loginctl enable-linger` once, and start loratui by `systemd-run --user --scope loratui`."
        yield Check("session", "warn", message, remedy)


def _init_name() -> str:
    try:
        return Path("/proc/1/comm").read_text().strip()
    except OSError:
        return "unknown"


def _kills_processes() -> bool:
    """What logind's files say; its own default is yes, Debian's and others' is no and stands in the file."""
    files = [ROOT / "usr/lib/systemd/logind.conf", ROOT / "etc/systemd/logind.conf"]
    for folder in ("usr/lib", "run", "etc"):
        files += sorted((ROOT / folder / "systemd" / "logind.conf.d").glob("*.conf"))
    answer = False
    for file in files:
        try:
            lines = file.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for text in lines:
            # A commented line in the shipped file tells the default the distribution was built with.
            key, _, value = text.strip().lstrip("#").partition("=")
            if key == "KillUserProcesses" and (not text.lstrip().startswith("#") or file.name == "logind.conf"):
                answer = value.strip().lower() in ("yes", "true", "on", "1")
    return answer


def _lingers() -> bool:
    """Whether the person's services go on without a login."""
    try:
        command = ["loginctl", "show-user", str(os.getuid()), "--property=Linger"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == "Linger=yes"


def _outside_of_session() -> bool:
    """Whether this process belongs to the person's service manager: what a session's end kills, it does not touch."""
    try:
        return "/user@" in (ROOT / "proc/self/cgroup").read_text()
    except OSError:
        return False
