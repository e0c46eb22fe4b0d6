"""Manners towards hosts: the time between requests, and the pause a host asked for. One for the whole process."""

import ipaddress
import threading
import time
from dataclasses import dataclass


@dataclass(slots=True)
class _Host:
    next_slot: float = 0.0
    held_until: float = 0.0


_hosts: dict[str, _Host] = {}
_guard = threading.Lock()


def reserve(host: str, interval: float) -> float:
    """Takes the next free slot of `host`; returns the seconds to wait for it. This machine itself needs no manners."""
    with _guard:
        entry = _hosts.setdefault(host, _Host())
        now = time.monotonic()
        slot = max(now, entry.held_until, entry.next_slot)
        entry.next_slot = slot + (0.0 if is_loopback(host) else interval)
        return slot - now


def hold(host: str, seconds: float) -> None:
    """Nobody asks `host` anything for `seconds`."""
    with _guard:
        entry = _hosts.setdefault(host, _Host())
        entry.held_until = max(entry.held_until, time.monotonic() + seconds)


def is_loopback(host: str) -> bool:
    """Whether `host` (with or without a port) is this machine."""
    name = host.rpartition(":")[0].strip("[]") if host.rpartition(":")[2].isdigit() else host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
