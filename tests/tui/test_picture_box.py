"""The picture in a box: drawn, redrawn, emptied; no file ends the app."""

from pathlib import Path

import pytest
from textual.containers import Vertical
from textual.strip import Strip
from textual.widgets import Static

from loratui.tui.widgets.picture import Picture
from tests.tui.gallery import Gallery, lines, plain, settled


@pytest.fixture
def colours(tmp_path: Path) -> list[Path]:
    """Five small pictures."""
    return [plain(tmp_path / f"{number}.png") for number in range(5)]


async def test_a_picture_is_drawn_redrawn_after_a_resize_and_emptied(colours: list[Path]) -> None:
    app = Gallery(colours[:3])
    async with app.run_test(size=(60, 30)) as pilot:
        box = app.query_one(Picture)
        assert "no picture yet" in "".join(lines(box))
        for path in colours[:5]:
            box.show(path)
        await settled(pilot)
        assert box._drawn is not None and (box._drawn.columns, box._drawn.rows) == (42, 14)
        await pilot.resize_terminal(40, 26)
        await settled(pilot)
        assert (box._drawn.columns, box._drawn.rows) == (30, 10)
        box.show(None)
        assert not "".join(lines(box))


async def test_a_bad_file_is_one_line_and_the_app_goes_on(tmp_path: Path, colours: list[Path]) -> None:
    (tmp_path / "bad.png").write_text("no picture [/x]")
    app = Gallery([tmp_path / "bad.png", tmp_path / "missing.png", colours[0]])
    async with app.run_test(size=(60, 30)) as pilot:
        box = app.query_one(Picture)
        box.show(tmp_path / "bad.png")
        await settled(pilot)
        assert len([line for line in lines(box) if line]) == 1
        assert "bad.png" in "".join(lines(box))
        plain(tmp_path / "bad.png")
        box.show(tmp_path / "bad.png")  # the same path, another file
        await settled(pilot)
        assert box._drawn is not None and not box._drawn.error


async def test_from_bad_file_to_bad_file_only_the_line_of_text_is_painted(
    tmp_path: Path, colours: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad.png", "worse.png"):
        (tmp_path / name).write_text("no picture")
    app = Gallery(colours[:1])
    async with app.run_test(size=(60, 30)) as pilot:
        box = app.query_one(Picture)
        painted: set[int] = set()
        render = box.render_line

        def painting(y: int) -> Strip:
            painted.add(y)
            return render(y)

        monkeypatch.setattr(box, "render_line", painting)
        whole, text = set(range(box.size.height)), {box.size.height // 2}
        for path, expected in (
            (colours[0], whole),
            (tmp_path / "bad.png", whole),
            (tmp_path / "worse.png", text),
            (tmp_path / "gone.png", text),
            (colours[0], whole),
        ):
            painted.clear()
            box.show(path, label=path.name)
            await settled(pilot)
            assert painted == expected, path.name


async def test_a_panel_over_a_picture_leaves_it_right_and_sends_nothing(colours: list[Path]) -> None:
    app = Gallery(colours[:1], "kitty")
    written: list[str] = []
    async with app.run_test(size=(60, 30)) as pilot:
        assert app._driver is not None
        app._driver.write = lambda data: written.append(data)  # type: ignore[method-assign]
        box = app.query_one(Picture)
        box.show(colours[0])
        await settled(pilot)
        assert sum("a=T" in data for data in written) == 2
        before = lines(box)
        assert any("\U0010eeee" in line for line in before)
        written.clear()
        panel = Vertical(Static("panel"), id="panel")
        await app.mount(panel)
        await settled(pilot)
        await panel.remove()
        await settled(pilot)
        assert lines(box) == before
        assert not any("\x1b_G" in data for data in written)


async def test_without_pictures_the_box_has_its_label(colours: list[Path]) -> None:
    app = Gallery([], "none")
    async with app.run_test(size=(60, 30)) as pilot:
        box = app.query_one(Picture)
        box.show(colours[0], label="0.png 60×40")
        await pilot.pause()
        assert "".join(lines(box)).strip() == "0.png 60×40"
