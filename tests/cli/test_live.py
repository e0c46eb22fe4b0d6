"""The line that is written again: it never wraps, whatever stands in it and however narrow the terminal is."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from loratui.cli.live import cut


@pytest.mark.parametrize(
    ("text", "cells", "kept"),
    [
        ("step 12/1,200", 6, "step 1"),
        ("short", 40, "short"),
        ("anything", -1, ""),
        ("漢字.png", 5, "漢字."),
        ("漢字.png", 3, "漢"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301e\u0301"),
    ],
)
def test_text_is_cut_by_the_cells_it_takes(text: str, cells: int, kept: str) -> None:
    assert cut(text, cells) == kept


def test_a_line_fits_a_narrow_terminal_and_goes_away() -> None:
    code = (
        "from loratui.cli.live import LiveLine\n"
        "live = LiveLine()\n"
        "live.show('漢' * 100); live.show('step \\x1b[31m1 · ' * 20); live.clear(); live.clear()"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    parts = said.split("\r\x1b[K")
    assert parts == ["", "漢" * 14, ("step 1 · " * 20)[:29], ""]
