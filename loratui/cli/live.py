"""One line at the bottom of a terminal that is written again and again: progress, the step of a run."""

import os
import sys
import unicodedata
from contextlib import suppress

from loratui.core.sanitize import line


class LiveLine:
    """The line, on stderr. Write other things only after `clear`."""

    def __init__(self) -> None:
        self._shown = False

    def show(self, text: str) -> None:
        """Writes `text` in the place of what stood there, cut to the width: one that wraps could not be taken back."""
        with suppress(OSError):  # the terminal may be gone; the work goes on
            room = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            sys.stderr.write(f"\r\x1b[K{cut(line(text), room)}")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown:
            self._shown = False
            with suppress(OSError):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()


def cut(text: str, cells: int) -> str:
    """The beginning of `text` that fits into `cells` cells of a terminal; East Asian characters take two."""
    if text.isascii():
        return text[: max(0, cells)]
    for index, char in enumerate(text):
        cells -= 2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1
        if cells < 0:
            return text[:index]
    return text
