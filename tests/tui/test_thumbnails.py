"""The grid of pictures: what is in sight is asked for, read and painted, and nothing else."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from loratui.tui.widgets.thumbnails import STILL, ThumbnailGrid
from tests.tui.gallery import Files, Gallery, lines, plain, settled


@pytest.fixture
def colours(tmp_path: Path) -> list[Path]:
    """A hundred pictures."""
    first = plain(tmp_path / "0.png")
    for number in range(1, 100):
        (tmp_path / f"{number}.png").hardlink_to(first)
    return [tmp_path / f"{number}.png" for number in range(100)]


async def still(pilot: Pilot[None]) -> None:
    """Until the grid asked for what is missing."""
    await asyncio.sleep(STILL * 2)
    await pilot.pause()


def painting(grid: ThumbnailGrid, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cells of the terminal that are painted from now on, as widths of the regions refreshed."""
    areas: list[int] = []
    refresh = grid.refresh

    def counting(*regions, **rest):  # type: ignore[no-untyped-def]
        areas.extend(region.area for region in regions or [grid.region])
        return refresh(*regions, **rest)

    monkeypatch.setattr(grid, "refresh", counting)
    return areas


async def test_a_grid_reads_what_is_in_sight(colours: list[Path]) -> None:
    app = Gallery(colours)
    async with app.run_test(size=(60, 30)) as pilot:
        grid = app.query_one(ThumbnailGrid)
        await settled(pilot)
        assert grid.columns == 4
        assert sorted(grid._drawn) == list(range(8))  # a third row would be cut
        labels = lines(grid)[7]
        assert labels.split() == ["▸", "0.png", "●1.png", "2.png", "3.png"]
        await pilot.press("down", "down", "right")
        assert (grid.cursor, grid.scroll_offset.y) == (9, 16)
        await settled(pilot)
        assert sorted(grid._drawn) == list(range(8, 16))
        await pilot.press("end")
        await settled(pilot)
        assert grid.cursor == 99
        assert max(grid._drawn) == 99
        await pilot.press("home", "left", "up")
        assert (grid.cursor, grid.scroll_offset.y) == (0, 0)


@pytest.mark.parametrize("height", [8, 10, 12, 17, 19, 24, 31])
async def test_every_row_is_whole_and_as_high_as_the_view_has_room_for(colours: list[Path], height: int) -> None:
    app = Gallery(colours)
    async with app.run_test(size=(60, 30)) as pilot:
        grid = app.query_one(ThumbnailGrid)
        await settled(pilot)
        grid.styles.height = height
        await pilot.pause()
        await settled(pilot)
        rows = len(grid._in_sight()) // grid.columns
        tile = grid._picture_height + 1
        assert rows >= 1 and height - rows < rows * tile <= height
        assert 5 <= tile <= 10
        assert {drawn.rows for _, drawn in grid._drawn.values()} <= set(range(1, tile))
        assert all(not line.strip() for line in lines(grid)[rows * tile :])


async def test_without_pictures_the_labels_stand_in_columns_and_nothing_is_asked_for(colours: list[Path]) -> None:
    app = Gallery([*colours[:6], *[None] * 90], "none")
    async with app.run_test(size=(60, 30)) as pilot:
        grid = app.query_one(ThumbnailGrid)
        await still(pilot)
        assert lines(grid)[0].split() == ["▸", "0.png", "●1.png", "2.png", "3.png"]
        assert lines(grid)[1].split() == ["4.png", "5.png", "post", "6", "post", "7"]
        await pilot.press("down")
        assert grid.cursor == 4
        assert app.missing == [] and app.files.asked == set()


@pytest.mark.parametrize("way", ["halfcell", "kitty"])
async def test_a_picture_that_arrives_later_repaints_its_own_cell(
    colours: list[Path], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    app = Gallery([None] * 40, way)
    async with app.run_test(size=(60, 30)) as pilot:
        grid = app.query_one(ThumbnailGrid)
        await still(pilot)
        assert app.missing == [tuple(range(8))]
        areas = painting(grid, monkeypatch)
        app.files.paths[5] = colours[5]
        grid.update_cell(5)
        await settled(pilot)
        assert sorted(grid._drawn) == [5]
        assert 0 < sum(areas) <= 13 * (7 + 1)
        areas.clear()
        app.files.paths[30] = colours[30]
        grid.update_cell(30)  # out of sight
        app.files.errors[6] = "404 [/x]"
        grid.update_cell(6)
        await settled(pilot)
        assert sum(areas) == 13 and "404 [/x]" in lines(grid)[8 + 3]
        areas.clear()
        app.files.marks.add(5)
        grid.update_cell(5)
        assert sum(areas) == 13 and "●5.png" in lines(grid)[15]
        await still(pilot)
        assert app.missing == [tuple(range(8))]  # neither what came nor what failed is asked for again


async def test_what_is_missing_is_said_when_the_view_stands_still_and_for_another_source() -> None:
    app = Gallery([None] * 100)
    async with app.run_test(size=(60, 30)) as pilot:
        grid = app.query_one(ThumbnailGrid)
        await pilot.press("pagedown", "pagedown", "pagedown")
        await still(pilot)
        assert app.missing == [tuple(range(24, 32))]
        grid.set_source(Files([None] * 3), keep=False)
        await still(pilot)
        assert app.missing[1:] == [(0, 1, 2)]


async def test_what_looks_the_same_is_not_painted_again(colours: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    app = Gallery(colours[:20])
    async with app.run_test(size=(60, 30)) as pilot:
        grid = app.query_one(ThumbnailGrid)
        await settled(pilot)
        painted: list[int] = []
        render = grid.render_line

        def recording(y: int) -> Strip:
            painted.append(y)
            return render(y)

        monkeypatch.setattr(grid, "render_line", recording)
        app.files.paths.extend(colours[20:90])  # more posts were listed below
        grid.update_all()
        await settled(pilot)
        assert painted == []
        await pilot.press("end")
        await settled(pilot)
        assert grid.cursor == 89 and painted
