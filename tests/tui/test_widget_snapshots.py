"""How the widgets look."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.pilot import Pilot

from loratui.tui.graphics.service import Graphics
from loratui.tui.widgets.line_chart import LineChart, Series
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.thumbnails import ThumbnailGrid
from loratui.tui.widgets.virtual_list import VirtualList

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same colours whatever terminal the tests run in."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


class Tags:
    def __len__(self) -> int:
        return 40

    def is_marked(self, index: int) -> bool:
        return index in (2, 5)

    def row(self, index: int, width: int) -> Content:
        names = ["1girl", "purple hair", "長い髪", "x_[/foo]", "kafka (honkai: star rail), a long name that is cut"]
        return Content.assemble((f"{214 - index * 3:5}", "$secondary"), "  ", (names[index % 5], "$accent"))


class Lists(App[None]):
    CSS = "Horizontal > * { width: 1fr; }"
    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield VirtualList(Tags())
            yield VirtualList(empty="No images here: gs finds some.")


class Charts(App[None]):
    CSS = "LineChart { height: 1fr; }"
    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> ComposeResult:
        yield LineChart()

    def on_mount(self) -> None:
        xs = list(range(1120))
        raw = [0.08 + 0.06 * math.exp(-x / 300) + 0.02 * math.sin(x * x) for x in xs]
        average = [0.08 + 0.06 * math.exp(-x / 300) if not 400 <= x < 450 else math.nan for x in xs]
        ends = list(range(149, 1120, 150))
        self.query_one(LineChart).set_series(
            [
                Series("raw", xs, raw, "dots"),
                Series("average over one epoch", xs, average),
                Series("validation", ends, [0.13 - x / 20_000 for x in ends], "marks"),
            ],
            epochs=ends,
            span=(0, 1500),
        )


class Files:
    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, index: int) -> Path:
        return self.paths[index]

    def label(self, index: int) -> str:
        return self.paths[index].name

    def is_marked(self, index: int) -> bool:
        return index == 1


class Pictures(App[None]):
    CSS = "ThumbnailGrid { width: 60%; }"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self.graphics = Graphics(self, "halfcell")
        self.paths = paths

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield ThumbnailGrid(Files(self.paths), cell=(12, 5))
            yield Picture(self.paths[0])

    def on_mount(self) -> None:
        self.graphics.start()

    def on_unmount(self) -> None:
        self.graphics.stop()


def test_lists(snap_compare: Compare) -> None:
    assert snap_compare(Lists(), terminal_size=(80, 14), press=["down", "down", "down"])


def test_charts(snap_compare: Compare) -> None:
    assert snap_compare(Charts(), terminal_size=(80, 20))


def test_pictures(snap_compare: Compare, tmp_path: Path) -> None:
    paths = []
    for number, colour in enumerate(["red", "lime", "blue", "yellow"]):
        image = Image.new("RGB", (40 + 20 * number, 60), colour)
        image.paste("black", (10, 10, 30, 30))
        paths.append(tmp_path / f"{number}.png")
        image.save(paths[-1])
    (tmp_path / "broken.png").write_text("<html>")
    app = Pictures([*paths, tmp_path / "broken.png"])

    async def drawn(pilot: Pilot[None]) -> None:
        await pilot.press("right")
        for _ in range(200):
            await pilot.pause(0.02)
            if not app.graphics.pictures.busy:
                break

    assert snap_compare(app, terminal_size=(80, 20), run_before=drawn)
