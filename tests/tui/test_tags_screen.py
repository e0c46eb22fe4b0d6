"""The Tags screen by its keys: what is shown, what is changed on disk, what is taken back."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Input, Static

from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.tags import TagsScreen
from loratui.tui.screens.tags_detail import Known, _scores
from loratui.tui.screens.tags_panels import FilterPanel, PlanPanel, PrunePanel
from loratui.tui.shell.form import FormPanel
from loratui.tui.shell.panels import AskPanel
from loratui.tui.widgets.virtual_list import VirtualList
from tests import colour_tagger
from tests.tui.app_kit import status, title, until

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
CAPTIONS = {
    "a": "1girl, solo, purple hair, purple eyes, smile",
    "b": "1girl, purple_hair, purple eyes, hat\nsecond line",
    "c": "1girl, purple hair, pink eyes, hat",
    "d": "1girl, [bold]x[/bold], purple hair, purple eyes",
    "e": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    for stem, text in CAPTIONS.items():
        (tmp_path / "dataset" / f"{stem}.png").write_bytes(PIXEL)
        if text is not None:
            (tmp_path / "dataset" / f"{stem}.txt").write_text(text)
    (tmp_path / "loratui.toml").write_text(
        'format = 1\nname = "kafka"\nkind = "character"\n[[subset]]\nfolder = "dataset"\ntrigger = "kafka"\n'
    )
    return tmp_path


def text(root: Path, stem: str) -> str:
    return (root / "dataset" / f"{stem}.txt").read_text()


async def opened(app: LoratuiApp, pilot: Pilot[None]) -> TagsScreen:
    """The screen, its captions read."""
    await app.go("tags")
    await until(pilot, lambda: isinstance(app.screen, TagsScreen) and app.screen._table is not None)
    await pilot.pause()
    screen = app.screen
    assert isinstance(screen, TagsScreen)
    return screen


def rows(screen: TagsScreen) -> list[str]:
    view = screen.query_one(VirtualList)
    return [" ".join(view.rows.row(index, 60).plain.split()) for index in range(len(view.rows))]  # type: ignore[union-attr]


def shown(screen: TagsScreen, part: str) -> str:
    return str(screen.query_one(part, Static).render())


async def cursor_on(screen: TagsScreen, pilot: Pilot[None], tag: str) -> None:
    assert screen._table is not None
    index = screen._table.index_of(tag)
    assert index is not None
    screen.query_one(VirtualList).cursor = index
    await pilot.pause(0.2)


async def test_what_is_shown(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        assert rows(screen)[0] == "4 80 % 1girl"
        assert "3 60 % purple eyes eye colour trait" in rows(screen)
        assert "1 20 % pink eyes eye colour ?error" in rows(screen)
        assert "1 20 % [bold]x[/bold]" in rows(screen)
        assert "5 images · 1 uncaptioned · 9 tags · scope: all" in title(app)
        await cursor_on(screen, pilot, "hat")
        await until(pilot, lambda: "1 of 2 with hat" in shown(screen, ".detail--head"))
        assert shown(screen, ".detail--caption") == "1girl, purple_hair, purple eyes, hat"
        await until(pilot, lambda: "1×1" in shown(screen, ".detail--facts"))
        await pilot.press("l")
        assert "c.png  2 of 2 with hat" in shown(screen, ".detail--head")
        await pilot.press("right")
        assert "b.png  1 of 2" in shown(screen, ".detail--head")
        await pilot.press("s")
        assert [row.split(" % ")[1] for row in rows(screen)][:2] == ["1girl", "[bold]x[/bold]"]
        assert screen._tag == "hat"  # the cursor stays on its tag


async def test_remove_shows_counts_and_enter_applies(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        await cursor_on(screen, pilot, "purple hair")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        said = " ".join(str(part.render()) for part in screen.query("PlanPanel Static"))
        assert 'Remove "purple hair" from 4 captions?' in said
        assert "4 captions, 4 tags · scope: all" in said
        assert "b.txt  −purple_hair" in said
        await pilot.press("escape")
        await pilot.pause()
        assert text(root, "a") == CAPTIONS["a"]
        await pilot.press("x")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.press("enter")
        await until(pilot, lambda: "purple hair" not in text(root, "a"))
        await until(pilot, lambda: not any("purple hair" in row for row in rows(screen)))
        assert text(root, "b") == "1girl, purple eyes, hat\nsecond line"
        assert app.done[-1].command == "loratui tags remove 'purple hair'"
        await pilot.press("u")
        await until(pilot, lambda: text(root, "a") == CAPTIONS["a"])
        await until(pilot, lambda: any("purple hair" in row for row in rows(screen)))


async def test_marks_range_and_merge(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        view = screen.query_one(VirtualList)
        await cursor_on(screen, pilot, "purple eyes")
        await pilot.press("space")
        assert screen._marked == {"purple eyes"}
        assert view.rows.is_marked(view.cursor - 1)  # type: ignore[attr-defined]
        await cursor_on(screen, pilot, "pink eyes")
        await pilot.press("space")
        assert "2 marked in 4 images" in status(app)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        await pilot.pause()
        field = screen.query_one("AskPanel Input", Input)
        field.value = "violet eyes"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "violet eyes" in text(root, "c"))
        assert text(root, "a") == "1girl, solo, purple hair, violet eyes, smile"
        await until(pilot, lambda: not screen._marked)
        await pilot.press("home", "v", "end", "v")
        await pilot.pause()
        assert len(screen._marked) >= 1
        await pilot.press("escape")
        assert not screen._marked


async def test_filter_counts_live_and_shows_mistakes(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("/")
        await until(pilot, lambda: isinstance(screen.panel, FilterPanel))
        await until(pilot, lambda: "5 images fit" in shown(screen, "#says"))
        await pilot.press(*"hat")
        await until(pilot, lambda: "2 images fit" in shown(screen, "#says"))
        await pilot.press(*" not 1girk")  # a slip that counts as if all were well
        await until(pilot, lambda: "No caption has '1girk'; did you mean '1girl'?" in shown(screen, "#says"))
        await pilot.press(*["backspace"] * 10)
        await pilot.press(*" (")
        await until(pilot, lambda: "not closed" in shown(screen, "#says") or "missing" in shown(screen, "#says"))
        assert shown(screen, "#says").split("\n")[0].index("▲") >= 4
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(screen.panel, FilterPanel)  # a mistake is not taken
        await pilot.press("backspace", "backspace", "enter")
        await until(pilot, lambda: "scope: 2 images" in title(app))
        assert "/ hat" in shown(screen, "#filter")
        assert "2 100 % 1girl" in rows(screen)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        await pilot.pause()
        await pilot.press(*"outdoors", "enter")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "c").endswith("hat, outdoors"))
        assert text(root, "a") == CAPTIONS["a"]
        assert app.done[-1].command == "loratui tags append outdoors --where hat"
        await until(pilot, lambda: screen.panel is None and not app.jobs.running)
        await pilot.press("escape")
        await until(pilot, lambda: "scope: all" in title(app))


async def test_no_image_fits(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("/")
        await until(pilot, lambda: isinstance(screen.panel, FilterPanel))
        await pilot.pause()
        await pilot.press(*"zebra", "enter")
        await until(pilot, lambda: "0 of 5 images" in shown(screen, "#filter"))
        assert "No image fits" in screen.query_one(VirtualList)._empty
        await pilot.press("x")
        assert "there is no tag here" in status(app)
        await pilot.press("T")
        assert "no image fits the filter" in status(app)


async def test_prune_by_slots(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(screen.panel, PrunePanel))
        await pilot.pause()
        assert "3 tags marked, in 4 captions" in shown(screen, "#sum")
        await pilot.press("space")  # the whole slot hair colour, which is first
        assert "2 tags marked" in shown(screen, "#sum")
        await pilot.press("enter")
        await until(pilot, lambda: "eyes" not in text(root, "c"))
        assert text(root, "c") == "1girl, purple hair, hat"
        assert text(root, "b").startswith("1girl, purple_hair, hat\n")
        await pilot.press("u")
        await until(pilot, lambda: text(root, "c") == CAPTIONS["c"])


async def test_trigger_first(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: (root / "dataset" / "e.txt").exists())
        assert text(root, "e") == "kafka"
        assert text(root, "a").startswith("kafka, 1girl")
        await until(pilot, lambda: any("kafka trigger" in row for row in rows(screen)))


async def test_one_caption_by_hand(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("n")
        assert "e.png  1 of 1 without a caption" in shown(screen, ".detail--head")
        assert "No caption yet" in shown(screen, ".detail--caption")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        await pilot.pause()
        await pilot.press(*"1girl, ^_^", "enter")
        await until(pilot, lambda: (root / "dataset" / "e.txt").exists())
        assert text(root, "e") == "1girl, ^_^"
        await until(pilot, lambda: "0 uncaptioned" in title(app))
        await pilot.press("n")
        assert "every image in scope has a caption" in status(app)
        await pilot.press("tab", "tab")
        await pilot.press("u")
        await until(pilot, lambda: not (root / "dataset" / "e.txt").exists())


async def test_from_one_untagged_image_to_the_next(root: Path) -> None:
    for stem in ("f", "g"):
        (root / "dataset" / f"{stem}.png").write_bytes(PIXEL)
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("n")
        assert "e.png  1 of 3 without a caption" in shown(screen, ".detail--head")
        await pilot.press("n")
        assert "f.png  2 of 3" in shown(screen, ".detail--head")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        await pilot.pause()
        await pilot.press(*"solo", "enter")
        await until(pilot, lambda: (root / "dataset" / "f.txt").exists())
        await until(pilot, lambda: "g.png  2 of 2 without a caption" in shown(screen, ".detail--head"))
        await cursor_on(screen, pilot, "hat")
        await until(pilot, lambda: "of 2 with hat" in shown(screen, ".detail--head"))


async def test_the_editor_writes_one_step(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await cursor_on(screen, pilot, "smile")
        await until(pilot, lambda: "a.png" in shown(screen, ".detail--head"))

        def edited(path: Path) -> None:
            assert path.read_text() == CAPTIONS["a"]
            path.write_text("kafka, smile\n")

        monkeypatch.setattr(screen, "edit_file", edited)
        await pilot.press("e")
        await until(pilot, lambda: text(root, "a") == "kafka, smile")
        await pilot.press("u")
        await until(pilot, lambda: text(root, "a") == CAPTIONS["a"])


async def test_the_tagger_runs_as_a_job(root: Path, tmp_path: Path) -> None:
    model = tmp_path / "stand-in"
    model.mkdir()
    colour_tagger.build(model)
    Image.new("RGB", (200, 100), (255, 0, 0)).save(root / "dataset" / "red.png")
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(screen.panel, FormPanel))
        await pilot.pause()
        screen.query(Input).first().value = str(model)
        await pilot.press("down", *"x", "enter")
        await until(pilot, lambda: "is no number" in shown(screen, ".form--wrong"))
        await pilot.press("backspace", "up", "enter")
        await until(pilot, lambda: (root / "dataset" / "red.txt").exists(), 20)
        assert "red theme" in text(root, "red")
        assert text(root, "a") == CAPTIONS["a"]
        await until(pilot, lambda: any("red theme" in row for row in rows(screen)))
        assert any("colour stand-in" in entry.text for entry in app.done)
        assert any(entry.command.startswith("loratui tag --model") for entry in app.done)
        await pilot.press("u")
        await until(pilot, lambda: not (root / "dataset" / "red.txt").exists())


async def test_an_unknown_tagger_is_a_toast(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(screen.panel, FormPanel))
        await pilot.pause()
        screen.query(Input).first().value = "wd-vit-taggr-v3"
        await pilot.press("enter")
        await until(pilot, lambda: "Did you mean wd-vit-tagger-v3?" in status(app))


async def test_nothing_here(tmp_path: Path) -> None:
    app = LoratuiApp(Workspace.open(tmp_path), debug=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        assert "Press gs to search" in screen.query_one(VirtualList)._empty
        await pilot.press("x", "p", "n", "l", "space", "c")
        assert screen.panel is None
        await pilot.press("T")
        assert "there are no images here yet" in status(app)


async def test_broken_captions_are_shown_and_left(root: Path) -> None:
    (root / "dataset" / "a.txt").write_bytes(b"\xff\xfe\x00")
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        await pilot.pause()
        await pilot.press(*"x", "enter")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        assert "1 unreadable" in " ".join(str(part.render()) for part in screen.query("PlanPanel Static"))
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "c").endswith(", x"))
        assert (root / "dataset" / "a.txt").read_bytes() == b"\xff\xfe\x00"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is such a place: twenty thousand files take their time on a disk."""
    place = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=place if place.is_dir() else tmp_path) as folder:
        yield Path(folder)


async def test_what_another_program_wrote_is_not_overwritten(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await cursor_on(screen, pilot, "smile")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        (root / "dataset" / "a.txt").write_text("from elsewhere, smile")
        await pilot.press("enter")
        await until(pilot, lambda: any("from elsewhere" in row for row in rows(screen)))
        assert text(root, "a") == "from elsewhere, smile"
        assert any(entry.level == "error" for entry in app.done)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "a") == "from elsewhere")


async def test_thousands_of_captions(memory: Path) -> None:
    tags = [f"tag {number}" for number in range(3000)]
    for number in range(2_500):
        (memory / f"{number:05}.png").touch()
        some = ", ".join(tags[(number * 7 + step * step * 31) % 3000] for step in range(25))
        (memory / f"{number:05}.txt").write_text(f"1girl, {some}, {'smile' if number % 3 else 'blue eyes'}")
    app = LoratuiApp(Workspace.open(memory), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.go("tags")
        await until(pilot, lambda: isinstance(app.screen, TagsScreen) and app.screen._table is not None, 30)
        screen = app.screen
        assert isinstance(screen, TagsScreen)
        assert rows(screen)[0] == "2,500 100 % 1girl"
        await cursor_on(screen, pilot, "smile")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "smile" not in (memory / "00001.txt").read_text(), 20)
        await until(pilot, lambda: screen._table is not None and screen._table.index_of("smile") is None, 20)
        await until(pilot, lambda: not app.jobs.running, 20)
        await pilot.press("u")
        await until(pilot, lambda: "smile" in (memory / "00001.txt").read_text(), 20)
        await until(pilot, lambda: not app.jobs.running, 20)


def test_only_what_is_uncertain_is_called_so() -> None:
    origins = {"smile": "tagger", "solo": "tagger"}
    told = str(_scores(Known(scores={"smile": ("general", 0.62), "solo": ("general", 0.99)}, origins=origins)))
    assert told == "least certain: smile .62"
    told = str(_scores(Known(scores={"smile": ("general", 0.97), "solo": ("general", 0.99)}, origins=origins)))
    assert told == "every tag scored .95 or more"
    assert str(_scores(Known(origins=origins))) == ""
