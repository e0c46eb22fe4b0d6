"""An app with a grid and a picture, for the tests of both."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from PIL import Image
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from loratui.tui.graphics.service import Graphics
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.thumbnails import ThumbnailGrid


def plain(path: Path, colour: str = "red", size: tuple[int, int] = (60, 40)) -> Path:
    """A picture of one colour."""
    Image.new("RGB", size, colour).save(path)
    return path


class Files:
    """Pictures in files, or not yet."""

    def __init__(self, paths: Sequence[Path | None]) -> None:
        self.paths = list(paths)
        self.errors: dict[int, str] = {}
        self.marks = {1}
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, index: int) -> Path | None:
        self.asked.add(index)
        return self.paths[index]

    def label(self, index: int) -> str:
        path = self.paths[index]
        return path.name if path is not None else f"post {index}"

    def error(self, index: int) -> str:
        return self.errors.get(index, "")

    def is_marked(self, index: int) -> bool:
        return index in self.marks


class Gallery(App[None]):
    """A grid over a picture; `missing` is what the grid said."""

    CSS = """
    Gallery { layers: base over; }
    ThumbnailGrid { height: 16; }
    Picture { height: 1fr; }
    #panel { layer: over; dock: right; width: 12; background: $panel; }
    """
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(self, paths: Sequence[Path | None], way: str = "halfcell") -> None:
        super().__init__()
        self.graphics = Graphics(self, way)
        self.files = Files(paths)
        self.missing: list[tuple[int, ...]] = []

    def compose(self) -> ComposeResult:
        yield ThumbnailGrid(self.files, cell=(12, 6))
        yield Picture(label="no picture yet")

    def on_mount(self) -> None:
        self.graphics.start()

    def on_unmount(self) -> None:
        self.graphics.stop()

    def on_thumbnail_grid_missing(self, event: ThumbnailGrid.Missing) -> None:
        self.missing.append(event.indexes)


async def settled(pilot: Pilot[None]) -> None:
    """Until all claims are dealt with."""
    app = pilot.app
    assert isinstance(app, Gallery)
    await pilot.pause()
    for _ in range(400):
        if not app.graphics.pictures.busy:
            break
        await asyncio.sleep(0.01)
    await pilot.pause()


def lines(widget: Widget) -> list[str]:
    """What the widget shows."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
