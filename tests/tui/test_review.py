"""Review by keys: copies are decided, images are looked through, and everything can be taken back."""

from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot

from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.review import ReviewScreen
from loratui.tui.screens.review_copies import CopiesPane
from loratui.tui.screens.review_images import ImagesPane
from loratui.tui.screens.review_pair import PairView
from loratui.tui.screens.review_panels import FindingsPanel
from loratui.tui.shell.proposal import ProposalPanel
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.virtual_list import VirtualList
from tests.drawn_images import figure
from tests.tui.app_kit import status, title, until

WIDE, SMALL = (120, 40), (80, 24)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "kafka"
    folder.mkdir()
    figure(1, (300, 390)).save(folder / "a.png")
    figure(1, (300, 390)).resize((270, 351)).save(folder / "b.jpg", quality=75)
    (folder / "b.txt").write_text("1girl, solo")
    figure(1, (300, 390)).resize((200, 260)).save(folder / "c.jpg", quality=60)
    figure(1, (300, 390), smile=False).save(folder / "d.png")
    figure(2, (300, 300)).save(folder / "e.png")
    figure(2, (300, 300)).save(folder / "f.jpg", quality=70)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def text(app: LoratuiApp, selector: str) -> str:
    """What a line of the screen says."""
    return str(app.screen.query_one(selector).render())


async def review(app: LoratuiApp, pilot: Pilot[None], says: str = "group 1 of 2") -> ReviewScreen:
    """Goes to Review and waits until it has looked."""
    await app.go("review")
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and says in title(app))
    assert isinstance(app.screen, ReviewScreen)
    return app.screen


def app_in(folder: Path) -> LoratuiApp:
    return LoratuiApp(Workspace.open(folder))


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_group_is_shown_as_a_pair_with_what_parts_them(pictures: Path, size: tuple[int, int]) -> None:
    app = app_in(pictures)
    async with app.run_test(size=size) as pilot:
        await review(app, pilot)
        await until(pilot, lambda: "JPEG" in text(app, ".pair--relation"))
        assert "90 %, JPEG q75" in text(app, ".pair--relation")
        assert "300×390" in text(app, ".pair--table") and "2 tags" in text(app, ".pair--table")
        assert "d.png" in text(app, ".pair--variants")
        assert "3 same picture · 1 variant kept" in title(app)
        shown = [picture.path for picture in app.screen.query_one(PairView).query(Picture)]
        assert shown == [pictures / "a.png", pictures / "b.jpg"]
        for picture in app.screen.query_one(PairView).query(Picture):
            await until(pilot, lambda picture=picture: picture.size.height >= 8)
        await pilot.press("l")
        await until(pilot, lambda: "67 %, JPEG q60" in text(app, ".pair--relation"))
        await pilot.press("l")
        await until(pilot, lambda: "90 %" in text(app, ".pair--relation"))


async def test_enter_keeps_a_and_u_brings_the_copies_back(pictures: Path) -> None:
    before = names(pictures)
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        await review(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "group 1 of 1" in title(app))
        assert names(pictures) == before - {"b.jpg", "b.txt", "c.jpg"}
        assert "u takes it back" in status(app)
        await pilot.press("u")
        await until(pilot, lambda: "group 1 of 2" in title(app))
        assert names(pictures) == before


async def test_swap_makes_b_the_one_to_keep_and_x_drops_one(pictures: Path) -> None:
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        await review(app, pilot)
        await pilot.press("w")
        await until(pilot, lambda: app.screen.query_one(CopiesPane).pair[0].path == "b.jpg")
        assert text(app, ".pair--relation") == "A is B: 90 %, JPEG q75"  # what is said is still true
        await pilot.press("x")
        await until(pilot, lambda: not (pictures / "a.png").exists())
        await until(pilot, lambda: "· 2 same picture" in title(app))
        assert (pictures / "c.jpg").exists()
        pane = app.screen.query_one(CopiesPane)
        await pilot.press("home" if pane.group is not None and pane.group.keep == "e.png" else "down")
        await until(pilot, lambda: pane.pair[0].path == "e.png")
        await pilot.press("w", "enter")
        await until(pilot, lambda: not (pictures / "e.png").exists())
        assert (pictures / "f.jpg").exists()


async def test_best_everywhere_is_counted_first_and_is_one_step(pictures: Path) -> None:
    before = names(pictures)
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        screen = await review(app, pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(screen.panel, ProposalPanel))
        assert names(pictures) == before
        await pilot.press("escape")
        await until(pilot, lambda: screen.panel is None)
        assert names(pictures) == before
        await pilot.press("b")
        await until(pilot, lambda: isinstance(screen.panel, ProposalPanel))
        await pilot.press("enter")
        await until(pilot, lambda: names(pictures) == {"a.png", "d.png", "e.png"})
        await until(pilot, lambda: "no copies" in title(app))
        await pilot.press("u")
        await until(pilot, lambda: names(pictures) == before)


async def test_different_pictures_are_remembered_and_can_be_forgotten(pictures: Path) -> None:
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        screen = await review(app, pilot)
        assert screen.unavailable("review.after-all")
        await pilot.press("n")
        await until(pilot, lambda: "2 same picture" in title(app))
        await pilot.press("down", "a")
        await until(pilot, lambda: "group 1 of 1" in title(app))
        await pilot.press("N")
        await until(pilot, lambda: " of 2" in title(app))
        await pilot.press("N")
        await until(pilot, lambda: "3 same picture" in title(app))
    other = app_in(pictures)
    async with other.run_test(size=WIDE) as pilot:
        await review(other, pilot, "3 same picture")


async def test_flicker_shows_both_in_one_place_and_esc_leaves_it(pictures: Path) -> None:
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        await review(app, pilot)
        first = app.screen.query_one("#keep").query_one(Picture)
        await pilot.press("f")
        await until(pilot, lambda: first.path == pictures / "b.jpg" and not app.screen.query_one("#drop").display)
        await pilot.press("f")
        await until(pilot, lambda: first.path == pictures / "a.png" and not app.screen.query_one("#drop").display)
        await pilot.press("escape")
        await until(pilot, lambda: first.path == pictures / "a.png" and app.screen.query_one("#drop").display)


async def test_images_are_kept_rated_set_aside_and_trashed(pictures: Path) -> None:
    before = names(pictures)
    app = app_in(pictures)
    async with app.run_test(size=SMALL) as pilot:
        screen = await review(app, pilot)
        assert screen.unavailable("review.aside") and not screen.unavailable("review.flicker")
        await pilot.press("m")
        await until(pilot, lambda: "image 1 of 6" in title(app))
        assert screen.unavailable("review.flicker") and not screen.unavailable("review.aside")
        await pilot.press("enter", "5")
        assert "image 3 of 6 · 1 kept · 1 rated" in title(app)
        digest = app.workspace.records.content_hash(app.workspace.images()[1])
        assert app.workspace.records.stars(digest) == 5
        await pilot.press("space", "j", "v")
        assert "3 marked" in status(app)
        await pilot.press("o")
        await until(pilot, lambda: "image 3 of 3" in title(app))
        assert names(pictures) == {"a.png", "b.jpg", "b.txt", "f.jpg"}
        assert {entry.reason for entry in app.workspace.changes.trash()} == {"aside"}
        await pilot.press("u")
        await until(pilot, lambda: names(pictures) == before and "of 6" in title(app))
        await pilot.press("home", "down", "x")
        await until(pilot, lambda: names(pictures) == before - {"b.jpg", "b.txt"})


async def test_prepare_counts_asks_and_can_be_taken_back(pictures: Path) -> None:
    figure(7, (600, 600)).save(pictures / "g.webp")
    before = names(pictures)
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        screen = await review(app, pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(screen.panel, ProposalPanel))
        assert names(pictures) == before
        await pilot.press("enter")
        await until(pilot, lambda: names(pictures) == {"g.png"})
        await until(pilot, lambda: not app.jobs.running)
        await pilot.press("u")
        await until(pilot, lambda: names(pictures) == before)


async def test_check_lists_what_is_wrong(pictures: Path) -> None:
    (pictures / "broken.png").write_bytes(b"nothing [red]\x1b[31m")
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        screen = await review(app, pilot)
        await pilot.press("C")
        await until(pilot, lambda: "broken.png" in text(app, "#finding") and "enter look at it" in status(app))
        await pilot.press("escape")
        await until(pilot, lambda: screen.panel is None)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(screen.panel, FindingsPanel) and bool(screen.query("#finding")))
        await until(pilot, lambda: isinstance(app.focused, VirtualList) and app.focused.parent is screen.panel)
        await pilot.press("enter")  # goes to the image itself
        await until(pilot, lambda: "broken.png" in text(app, "#head") and screen.panel is None)
        assert "space mark" in status(app) and "not duplicates" not in status(app)


async def test_hardness_is_turned_by_plus_and_minus(pictures: Path) -> None:
    app = app_in(pictures)
    async with app.run_test(size=WIDE) as pilot:
        await review(app, pilot)
        await pilot.press("+", "+", "+")
        await until(pilot, lambda: "no copies" in title(app) and "hardness 100" in title(app))
        await pilot.press("-", "-", "-")
        await until(pilot, lambda: "group 1 of 2" in title(app))


async def test_empty_folders_say_what_to_press(tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=SMALL) as pilot:
        screen = await review(app, pilot, "no images")
        line = "".join(strip.text for strip in (screen.query_one(CopiesPane).view.render_line(y) for y in range(15)))
        assert "Press gs" in line
        for key in ("enter", "x", "b", "p", "1"):
            await pilot.press(key)
        await pilot.press("m")
        assert "no images" in title(app)
    figure(1, (300, 300)).save(tmp_path / "a.png")
    app = app_in(tmp_path)
    async with app.run_test(size=SMALL) as pilot:
        screen = await review(app, pilot, "no copies")
        line = "".join(strip.text for strip in (screen.query_one(CopiesPane).view.render_line(y) for y in range(15)))
        assert "No copies among 1 image." in line


async def test_an_image_that_cannot_be_read_is_told_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    Image.new("RGB", (300, 300), "red").save(tmp_path / "b.png")
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await review(app, pilot, "no copies")
        await pilot.press("m")
        await until(pilot, lambda: "image 1 of 2" in title(app))
        pane = app.screen.query_one(ImagesPane)
        assert "a.png  broken" in str(pane.query_one("#head").render())
        await until(
            pilot,
            lambda: (
                "not a picture" in pane.query_one(Picture).render_line(pane.query_one(Picture).size.height // 2).text
            ),
        )
        await pilot.press("3")
        assert "1 rated" in title(app)
