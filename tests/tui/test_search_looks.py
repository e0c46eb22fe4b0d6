"""How the search looks, on a narrow terminal and a usual one."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from textual.pilot import Pilot

from loratui.core.config import set_value
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens import search_view
from loratui.tui.screens.search import SearchScreen
from loratui.tui.widgets.thumbnails import ThumbnailGrid
from tests.boards_server import BoardServer, Sample
from tests.tui.app_kit import title, until

Compare = Callable[..., bool]
TAGS = ("long_hair", "red_eyes", "jacket", "[/x]_tag", "smile", "outdoors", "sword", "hat")


class _Fixed(datetime):
    @classmethod
    def now(cls, tz: object = None) -> "_Fixed":
        return cls(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same colours and the same day wherever the tests run."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setattr(search_view, "datetime", _Fixed)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[LoratuiApp]:
    samples = [_sample(number) for number in range(1, 41)]
    with BoardServer("danbooru", samples) as server:
        set_value("default_board", "mine")
        set_value("ui.graphics", "halfcell")
        set_value("boards.mine.engine", "danbooru")
        set_value("boards.mine.url", server.url)
        Project.create(tmp_path / "kafka", trigger="kafka")
        yield LoratuiApp(Workspace.open(tmp_path / "kafka"))


def _sample(number: int) -> Sample:
    colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    picture = Image.new("RGB", (120 if number % 3 else 180, 160), colour)
    ImageDraw.Draw(picture).ellipse((20, 20, 100, 120), (255 - colour[0], 200, colour[2]))
    file = BytesIO()
    picture.save(file, "PNG")
    tags = {"general": ["1girl", TAGS[number % 8], TAGS[number * 3 % 7]], "character": ["kafka_(x)"]}
    width = 700 + number * 20
    return Sample(number, file.getvalue(), width=width, height=1200, score=number * 7 % 50, tags=tags)


async def _searched(pilot: Pilot[None], app: LoratuiApp) -> None:
    await pilot.press("g", "s")
    await until(pilot, lambda: isinstance(app.screen, SearchScreen) and "mine" in title(app))
    await pilot.press("slash", *"kafka_(x)", "enter")
    await until(pilot, lambda: "40 posts" in title(app))
    await pilot.press("down", "space")
    await pilot.press("f")
    await until(pilot, lambda: app.active.panel is not None and bool(app.focused))
    await pilot.press("right", "right", "right", "right", "right")
    await until(pilot, lambda: "listed" in title(app))
    await pilot.press("escape")


def test_narrow(snap_compare: Compare, app: LoratuiApp) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await _searched(pilot, app)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


def test_list_and_pictures(snap_compare: Compare, app: LoratuiApp) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await _searched(pilot, app)
        grid = app.screen.query_one(ThumbnailGrid)
        await until(pilot, lambda: len(grid._drawn) == len(grid._in_sight()))
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=(120, 40), run_before=before)
