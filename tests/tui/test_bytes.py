"""What the screens cost: bytes counted on a real pseudo-terminal at 120×40 in truecolor, without pictures.

The budgets are the design's. Byte counts are exact, so they are tests; times are not, so they are benchmarks.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.pty_harness import XTERM, Terminal

SCREEN_CHANGE = 35_000
CURSOR_KEY = 1_000
SCREENS = {
    "gs": "Search",
    "gd": "Downloads",
    "gr": "Review",
    "gt": "Tags",
    "gn": "Train",
    "gm": "Monitor",
    "gp": "Projects",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of 60 pictures whose captions have 260 tags."""
    from loratui.core.project import Project

    root = tmp_path_factory.mktemp("kafka")
    Project.create(root, name="kafka", trigger="kafka")
    folder = root / "dataset" / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(60):
        Image.new("RGB", (64, 96), (number * 4, 120, 255 - number * 4)).save(folder / f"{number:03}.png")
        tags = ["kafka", "1girl", "solo", "purple hair", *(f"tag {number} {part}" for part in range(8))]
        (folder / f"{number:03}.txt").write_text(", ".join(tags[: 5 + number % 8]))
    return root


@pytest.fixture(scope="module")
def terminal(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The program on a project, quiet after its start."""
    home = tmp_path_factory.mktemp("home")
    (home / "loratui").mkdir()
    (home / "loratui" / "config.toml").write_text('[ui]\ngraphics = "none"\n')
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    environment = dict.fromkeys(names, str(home))
    with Terminal(["python", "-m", "loratui", "-C", str(project)], answers=XTERM, env=environment) as terminal:
        terminal.wait_for("Projects")
        terminal.quiet(0.5)
        yield terminal


def go(terminal: Terminal, chord: str) -> int:
    """Goes to another screen; the bytes it took."""
    before = terminal.count
    terminal.send(chord[0])
    terminal.send(chord[1])
    terminal.wait_for(SCREENS[chord], start=before)
    return terminal.quiet(0.3) - before


def test_screen_changes_keep_their_budget_and_then_nothing_moves(terminal: Terminal) -> None:
    changes, idle = {}, {}
    for chord, name in SCREENS.items():
        changes[name] = go(terminal, chord)
        before = terminal.count
        time.sleep(0.7)
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
