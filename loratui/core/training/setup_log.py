"""What the commands of the set-up say: how much they have fetched, their last line, and why one failed."""

import os
import re
from pathlib import Path
from typing import BinaryIO

from loratui.core.sanitize import line

_PROGRESS = re.compile(rb"Progress (\d+) of (\d+)$")
_FILE = re.compile(r"^\s*(?:Downloading|Using cached) (?:\S*/)?([^\s/]+) \((.+)\)")
_FULL = ("No space left on device", "Errno 28", "Disk quota exceeded")
# What pip, git and uv end with where nothing answers. pip finds no version of a package then.
_NO_NETWORK = (
    "(from versions: none)",
    "Could not resolve host",
    "Failed to connect to",
    "Couldn't connect to server",
    "dns error",
    "error sending request",
    "Could not install packages due to an OSError: HTTPSConnectionPool",
    "Read timed out",
    "ConnectTimeoutError",
)
_TAIL = 20_000


class Said:
    """What one command prints, as it stands in the log.

    Args:
        stream: the log, opened to append.
        command: the command's line, written before what it says.

    Attributes:
        log: the descriptor to print into.
        path: the log's path.
    """

    def __init__(self, stream: BinaryIO, command: str) -> None:
        self.log = stream.fileno()
        self.path = Path(stream.name)
        os.write(self.log, f"\n$ {command}\n".encode())
        self._at = os.fstat(self.log).st_size
        self._start = self._at
        self._whole = self._part = 0  # bytes of the files fetched, and of the one that is coming
        self._last = ""

    def look(self) -> tuple[int, str]:
        """Bytes fetched so far, and the last line that says something, safe to show."""
        with self.path.open("rb") as file:
            file.seek(self._at)
            new = file.read(1 << 20)
        new = new[: new.rfind(b"\n") + 1]  # the rest of a line comes later
        self._at += len(new)
        for text in new.splitlines():
            if progress := _PROGRESS.match(text):
                here, whole = int(progress[1]), int(progress[2])
                self._whole, self._part = (self._whole + whole, 0) if here >= whole else (self._whole, here)
            elif (said := text.decode("utf-8", "replace").strip()) and not said.startswith("WARNING"):
                self._last = line(_short(said), 80)
        return self._whole + self._part, self._last

    def failure(self, otherwise: str) -> tuple[str, str]:
        """Why the command failed, and what to do about it besides running the set-up again ("" for nothing)."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._start, size - _TAIL))
            text = file.read().decode("utf-8", "replace").replace("\r", "\n")
        if any(mark in text for mark in _FULL):
            return "the disk is full", "Free some space."
        # The words of a retry that helped stand before it: only how it ended counts.
        lines = [part.strip() for part in text.split("\n") if part.strip()]
        if any(mark in part for part in lines[-6:] if not part.startswith("WARNING") for mark in _NO_NETWORK):
            return "nothing could be fetched: the network, or the server, does not answer", "Check the connection."
        last = next((part for part in reversed(lines) if not part.startswith(("WARNING", "Progress "))), otherwise)
        return line(last.rstrip("."), 200), ""


def _short(said: str) -> str:
    """A line of pip's, cut to what a person wants to know of it."""
    found = _FILE.match(said)
    return f"{found[1].split('-')[0]} ({found[2]})" if found else said
