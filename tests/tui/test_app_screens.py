"""What holds for every screen of the program."""

from pathlib import Path

import pytest
from PIL import Image

from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.commands import SCREENS, Entry
from loratui.tui.shell.help import HelpPanel
from tests.tui.app_kit import status, title, until

SIZES = [(80, 24), (200, 50)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Project.create(tmp_path / "kafka", trigger="kafka").root


def ids(value: object) -> str | None:
    return value.name if isinstance(value, Entry) else "x".join(map(str, value)) if isinstance(value, tuple) else None


def visible(app: LoratuiApp) -> str:
    """The text on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


@pytest.mark.parametrize("size", SIZES, ids=ids)
@pytest.mark.parametrize("entry", SCREENS, ids=ids)
async def test_an_empty_screen_says_what_to_press(entry: Entry, size: tuple[int, int], project: Path) -> None:
    app = LoratuiApp(Workspace.open(project))
    async with app.run_test(size=size) as pilot:
        await pilot.press("g", entry.letter)
        await until(pilot, lambda: entry.name == app.active.NAME and f"kafka › {entry.title}" in title(app))
        if entry.name != "train":  # there is always a recipe
            await until(pilot, lambda: "press" in visible(app).lower() or " goes there" in visible(app))
        assert "? help" in status(app) or "esc leave" in status(app)
        assert "that failed" not in status(app)
        assert "small" not in title(app)
        widest = max(len(line.rstrip()) for line in visible(app).splitlines())
        assert widest <= size[0]


@pytest.mark.parametrize("entry", SCREENS, ids=ids)
async def test_help_resize_undo_and_a_gone_folder_do_no_harm(entry: Entry, project: Path) -> None:
    for number in range(3):
        Image.new("RGB", (40, 40), (number * 50, 9, 9)).save(project / "dataset" / "kafka" / f"{number}.png")
        (project / "dataset" / "kafka" / f"{number}.txt").write_text("1girl, x_[/foo], solo")
    app = LoratuiApp(Workspace.open(project))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.go(entry.name)
        screen = app.active
        await until(pilot, lambda: title(app).strip())
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(screen.panel, HelpPanel) and app.focused)
        await pilot.press("escape")
        await until(pilot, lambda: screen.panel is None)
        for size in ((60, 15), (80, 24), (200, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in status(app))
        (project / "dataset").rename(project / "moved")
        app.changed()
        await pilot.pause()
        await pilot.press("j", "k", "g", "g", "escape")
        await pilot.pause()
        assert app.is_running
        assert app.active is screen
