"""The program on a sample project in a terminal: for the byte budgets and the benchmarks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.pty_harness import XTERM, Terminal

SCREENS = {
    "gs": "Search",
    "gd": "Downloads",
    "gr": "Review",
    "gt": "Tags",
    "gn": "Train",
    "gm": "Monitor",
    "gp": "Projects",
}
"""By chord: what stands in the title line."""


def sample_project(root: Path) -> Path:
    """Makes a project of 60 pictures whose captions have some 250 tags in the folder `root`, which it returns."""
    from loratui.core.project import Project

    Project.create(root, name="kafka", trigger="kafka")
    folder = root / "dataset" / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(60):
        Image.new("RGB", (64, 96), (number * 4, 120, 255 - number * 4)).save(folder / f"{number:03}.png")
        tags = ["kafka", "1girl", "solo", "purple hair", *(f"tag {number} {part}" for part in range(8))]
        (folder / f"{number:03}.txt").write_text(", ".join(tags[: 5 + number % 8]))
    return root


@contextmanager
def program(project: Path, home: Path, env: Mapping[str, str | None] | None = None) -> Iterator[Terminal]:
    """The program on `project`, without pictures, quiet after its start."""
    (home / "loratui").mkdir(exist_ok=True)
    (home / "loratui" / "config.toml").write_text('[ui]\ngraphics = "none"\n')
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    environment = {**(env or {}), **dict.fromkeys(names, str(home))}
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
