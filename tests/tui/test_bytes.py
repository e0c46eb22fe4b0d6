"""What the screens cost: bytes counted on a real pseudo-terminal at 120×40 in truecolor, without pictures.

The budgets are the design's. Byte counts are exact, so they are tests; times are not, so they are benchmarks.
"""

import time
from collections.abc import Iterator

import pytest

from tests.pty_harness import Terminal
from tests.screens_kit import SCREENS, go, program, sample_project

SCREEN_CHANGE = 35_000
CURSOR_KEY = 1_000


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The program on a project, quiet after its start."""
    project = sample_project(tmp_path_factory.mktemp("kafka"))
    with program(project, tmp_path_factory.mktemp("home")) as terminal:
        yield terminal


def test_screen_changes_keep_their_budget_and_then_nothing_moves(terminal: Terminal) -> None:
    changes, idle = {}, {}
    for chord, name in SCREENS.items():
        changes[name] = go(terminal, chord)
        before = terminal.count
        time.sleep(0.4)
        idle[name] = terminal.count - before
    assert {name: size for name, size in changes.items() if size > SCREEN_CHANGE} == {}
    assert {name: size for name, size in idle.items() if size} == {}


def test_a_held_cursor_key_keeps_its_budget(terminal: Terminal) -> None:
    go(terminal, "gt")
    before = terminal.count
    terminal.hold("\x1b[B", 100, rate=60)
    assert (terminal.quiet(0.4) - before) / 100 <= CURSOR_KEY


def test_help_and_palette_stay_on_their_screen(terminal: Terminal) -> None:
    terminal.send("gt")
    terminal.quiet(0.3)
    for key in ("?", ":"):
        for step in (key, "\x1b"):
            before = terminal.count
            terminal.send(step)
            terminal.wait_for(".", start=before)
            assert terminal.quiet(0.4) - before <= SCREEN_CHANGE
