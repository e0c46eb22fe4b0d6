"""What another program changes is seen, shown, and taken back only by somebody who was told of it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from loratui.core.project import Project
from loratui.tui.shell import watch
from tests.pty_harness import XTERM, Terminal
from tests.tui.app_kit import app_on, status, until

WIDE = (120, 40)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one image and its caption."""
    root = tmp_path / "kafka"
    folder = root / "dataset" / "kafka"
    Project.create(root, trigger="kafka")
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64)).save(folder / "1.png")
    (folder / "1.txt").write_text("1girl, solo, hat")
    return root


def elsewhere(root: Path, *words: str) -> None:
    """Another loratui, as another process."""
    subprocess.run([sys.executable, "-m", "loratui", "-C", str(root), *words], check=True, capture_output=True)


async def test_a_step_of_another_process_is_shown_and_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PERIOD", 0.05)
    app, sample = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads == 1)
        elsewhere(project, "tags", "remove", "hat")
        await until(pilot, lambda: sample.reloads == 2)
        await until(pilot, lambda: "changed elsewhere · u takes back: " in status(app) and "hat" in status(app))
        await pilot.pause(0.3)
        assert sample.reloads == 2
        await pilot.press("u")
        await until(pilot, lambda: "undone: " in status(app))
        assert sample.reloads == 3  # one's own step is no news


async def test_undo_names_an_unseen_step_before_it_takes_it_back(project: Path) -> None:
    caption = project / "dataset" / "kafka" / "1.txt"
    app, sample = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads == 1)
        elsewhere(project, "tags", "remove", "hat")
        elsewhere(project, "tags", "remove", "solo")
        await pilot.press("u")
        await until(pilot, lambda: "u takes back: " in status(app))
        assert "solo" in status(app) and caption.read_text().strip() == "1girl"
        await pilot.press("u")
        await until(pilot, lambda: "undone: " in status(app))
        assert "hat" in status(app).partition("u takes back: ")[2]
        assert caption.read_text().strip() == "1girl, solo"


async def test_nothing_is_read_again_under_an_open_question(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PERIOD", 0.05)
    app, sample = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads == 1)
        await pilot.press("r")
        await until(pilot, lambda: sample.panel is not None)
        elsewhere(project, "tags", "remove", "hat")
        await pilot.pause(0.3)
        assert sample.reloads == 1
        await pilot.press("escape")
        await until(pilot, lambda: sample.reloads == 2)


def test_watching_costs_no_byte_and_shows_what_came(project: Path) -> None:
    with Terminal(["python", "-m", "loratui", "-C", str(project)], answers=XTERM) as terminal:
        terminal.wait_for("Projects")
        terminal.quiet(1.0)
        before = terminal.count
        time.sleep(watch.PERIOD * 1.2)
        assert terminal.count == before
        elsewhere(project, "tags", "remove", "hat")
        terminal.wait_for("changed elsewhere", timeout=watch.PERIOD * 4)
