"""What the train screen costs on the line: a real program on a pseudo-terminal."""

import time
from pathlib import Path

from tests import training_kit as kit
from tests.pty_harness import XTERM, Terminal

SCREEN, KEY = 35_000, 1_000
"""Bytes of a screen change, and of a cursor key averaged over a hundred: as the design says."""


def test_entering_moving_and_resting_keep_their_budgets(tmp_path: Path) -> None:
    root = kit.ready(tmp_path).root
    with Terminal(["python", "-m", "loratui", "-C", str(root)], answers=XTERM) as terminal:
        terminal.wait_for("Projects")
        terminal.quiet()
        before = terminal.count
        terminal.send("gn")
        terminal.wait_for("ready", start=before)
        terminal.quiet()
        entered = terminal.count - before
        before = terminal.count
        time.sleep(1)
        resting = terminal.count - before
        terminal.send("a")
        terminal.quiet()
        before = terminal.count
        for number in range(100):
            terminal.send("j" if number < 60 else "k")
            time.sleep(0.01)
        terminal.quiet()
        moving = (terminal.count - before) / 100
    print(f"entering {entered} B, a key {moving:.0f} B, resting {resting} B")
    assert (entered <= SCREEN, resting, moving <= KEY) == (True, 0, True)
