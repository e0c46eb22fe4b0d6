"""The Tags screen while other work changes the dataset: an answer reaches the image it was asked of, or is kept."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from loratui.core.dataset.expression import Expression
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.tags import TagsScreen
from loratui.tui.screens.tags_panels import FilterPanel, PlanPanel, PrunePanel
from loratui.tui.shell.panels import AskPanel
from loratui.tui.widgets.virtual_list import VirtualList
from tests.tui.app_kit import status, title, until

CAPTIONS = {"m": "1girl, hat, blue eyes", "n": "1girl, hat, blue eyes", "o": "1girl, solo, blue eyes", "p": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    for stem, text in CAPTIONS.items():
        (tmp_path / "dataset" / f"{stem}.png").write_bytes(b"png")
        if text is not None:
            (tmp_path / "dataset" / f"{stem}.txt").write_text(text)
    (tmp_path / "loratui.toml").write_text(
        'format = 1\nname = "kafka"\nkind = "character"\n[[subset]]\nfolder = "dataset"\ntrigger = "kafka"\n'
    )
    return tmp_path


def text(root: Path, stem: str) -> str | None:
    path = root / "dataset" / f"{stem}.txt"
    return path.read_text() if path.exists() else None


def download(root: Path, *stems: str) -> None:
    """Images that come while something is asked."""
    for stem in stems:
        (root / "dataset" / f"{stem}.png").write_bytes(b"png")
        (root / "dataset" / f"{stem}.txt").write_text(f"new {stem}")


async def opened(app: LoratuiApp, pilot: Pilot[None]) -> TagsScreen:
    await app.go("tags")
    await until(pilot, lambda: isinstance(app.screen, TagsScreen) and app.screen._table is not None)
    await pilot.pause()
    screen = app.screen
    assert isinstance(screen, TagsScreen)
    return screen


async def show(screen: TagsScreen, pilot: Pilot[None], tag: str, name: str) -> None:
    """The image `name`, by its tag."""
    assert screen._table is not None
    index = screen._table.index_of(tag)
    assert index is not None
    screen.query_one(VirtualList).cursor = index
    await until(pilot, lambda: (screen._image or "").endswith(name))


async def asked(screen: TagsScreen, pilot: Pilot[None], key: str, panel: type = AskPanel) -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(screen.panel, panel))
    await pilot.pause()


async def test_a_caption_goes_to_its_image_though_others_came_before_it(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await show(screen, pilot, "hat", "m.png")
        await asked(screen, pilot, "c")
        download(root, "a", "b", "c")
        app.changed()
        await until(pilot, lambda: "7 images" in title(app))
        screen.query_one("AskPanel Input", Input).value = "written for m, hat"
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "m") == "written for m, hat")
        assert [text(root, stem) for stem in "abc"] == ["new a", "new b", "new c"]
        await until(pilot, lambda: (screen._image or "").endswith("m.png"))


async def test_a_change_keeps_to_the_scope_it_was_asked_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Event()
    gate.set()
    select = Expression.select

    def slow(self: Expression, *arguments: Any) -> set[int]:
        assert gate.wait(20)
        return select(self, *arguments)

    monkeypatch.setattr(Expression, "select", slow)
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await asked(screen, pilot, "/", FilterPanel)
        await pilot.press(*"hat", "enter")
        await until(pilot, lambda: "scope: 2 images" in title(app) and not app.jobs.running)
        (root / "dataset" / "o.txt").write_text("1girl, solo")
        download(root, "l")
        (root / "dataset" / "l.txt").write_text("1girl")
        gate.clear()
        app.changed()
        await until(pilot, lambda: [job.title for job in app.jobs.running] == ["filtering"])
        screen.query_one(VirtualList).cursor = screen._table.index_of("1girl")  # type: ignore[union-attr]
        await asked(screen, pilot, "x", PlanPanel)
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "n") == "hat, blue eyes")
        gate.set()
        await until(pilot, lambda: not app.jobs.running and not screen._saving)
        assert [text(root, stem) for stem in "lmo"] == ["1girl", "hat, blue eyes", "1girl, solo"]
        assert "scope: 2 images" in title(app)


@pytest.mark.parametrize("seen", [True, False])
async def test_a_caption_that_changed_meanwhile_is_not_overwritten_and_the_text_stands(root: Path, seen: bool) -> None:
    """Whether the screen has seen the change before the answer, or only the disk has it."""
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await show(screen, pilot, "hat", "m.png")
        await asked(screen, pilot, "c")
        first = screen.panel
        (root / "dataset" / "m.txt").write_text("from elsewhere")
        if seen:
            app.changed()
            await until(pilot, lambda: screen._table is not None and "from elsewhere" in screen._table.counts)
        screen.query_one("AskPanel Input", Input).value = "mine"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel) and screen.panel is not first)
        await until(pilot, lambda: "changed" in status(app))
        assert text(root, "m") == "from elsewhere"
        assert screen.query_one("AskPanel Input", Input).value == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "m") == "mine")


async def test_an_image_that_went_takes_no_caption(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("n")
        assert (screen._image or "").endswith("p.png")
        for seen in (False, True):
            await asked(screen, pilot, "c")
            (root / "dataset" / "p.png").unlink()
            if seen:
                app.changed()
                await until(pilot, lambda: "3 images" in title(app))
            await pilot.press(*"lost?", "enter")
            await until(pilot, lambda: "no longer here" in status(app))
            await until(pilot, lambda: screen.panel is None)
            assert text(root, "p") is None
            assert any("lost?" in entry.text for entry in app.done)
            app.done.clear()
            (root / "dataset" / "p.png").write_bytes(b"png")
            app.changed()
            await until(pilot, lambda: "4 images" in title(app))
            await pilot.press("n")


async def test_what_was_typed_stands_again_after_a_refusal(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await asked(screen, pilot, "a")
        await pilot.press(*"outdoors", "enter")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        (root / "dataset" / "n.txt").write_text("from elsewhere")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        await until(pilot, lambda: "changed on disk" in status(app))
        assert screen.query_one("AskPanel Input", Input).value == "outdoors"
        assert text(root, "m") == CAPTIONS["m"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(screen.panel, PlanPanel))
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "n") == "from elsewhere, outdoors")


@pytest.mark.parametrize(("key", "typed", "says"), [("r", "a, b", "not one tag"), ("a", "a ||| b", "no tag")])
async def test_what_is_no_tag_is_asked_again(root: Path, key: str, typed: str, says: str) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await asked(screen, pilot, key)
        screen.query_one("AskPanel Input", Input).value = typed
        await pilot.press("enter")
        await until(pilot, lambda: says in status(app))
        await until(pilot, lambda: isinstance(screen.panel, AskPanel))
        assert screen.query_one("AskPanel Input", Input).value == typed
        assert text(root, "m") == CAPTIONS["m"]


async def test_marks_of_pruning_stand_again_after_a_refusal(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot)
        await asked(screen, pilot, "p", PrunePanel)
        first = screen.panel
        chosen = set(screen.query_one(PrunePanel)._rows.chosen)
        assert chosen
        (root / "dataset" / "n.txt").write_text("1girl, blue eyes, from elsewhere")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(screen.panel, PrunePanel) and screen.panel is not first)
        assert screen.query_one(PrunePanel)._rows.chosen == chosen
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: text(root, "n") == "1girl, from elsewhere")


class Editor:
    """Stands for $EDITOR: saves these bytes, and remembers what it was given."""

    def __init__(self) -> None:
        self.given = b""
        self.saves = b""
        self.path = Path()
        self.meanwhile: tuple[Path, str] | None = None

    def __call__(self, path: Path) -> None:
        self.path, self.given = path, path.read_bytes()
        path.write_bytes(self.saves)
        if self.meanwhile is not None:
            self.meanwhile[0].write_text(self.meanwhile[1])


@pytest.fixture
def editor() -> Iterator[Editor]:
    yield Editor()


async def test_what_the_editor_saved_is_kept_when_it_cannot_be_taken(
    root: Path, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = LoratuiApp(Workspace.open(root), debug=True)
    async with app.run_test(size=(200, 40)) as pilot:
        screen = await opened(app, pilot)
        monkeypatch.setattr(screen, "edit_file", editor)
        await show(screen, pilot, "hat", "m.png")
        editor.saves = "Hütte".encode("latin-1")
        await pilot.press("e")
        await until(pilot, lambda: "not UTF-8" in status(app))
        assert editor.given == b"1girl, hat, blue eyes"
        assert str(editor.path.parent) in " ".join(entry.text for entry in app.done)
        assert editor.path.read_bytes() == editor.saves
        editor.saves, editor.meanwhile = b"cottage", (root / "dataset" / "m.txt", "from elsewhere")
        await pilot.press("e")
        await until(pilot, lambda: "changed on disk" in status(app))
        assert editor.given == "Hütte".encode("latin-1")
        assert text(root, "m") == "from elsewhere"
        editor.meanwhile = None
        await until(pilot, lambda: not screen._saving and not app.jobs.running)
        await show(screen, pilot, "from elsewhere", "m.png")
        await pilot.press("e")
        await until(pilot, lambda: text(root, "m") == "cottage")
        assert editor.given == b"cottage"
        await until(pilot, lambda: not screen._saving and not editor.path.parent.exists())
        await show(screen, pilot, "cottage", "m.png")
        await pilot.press("e")
        await until(pilot, lambda: "nothing to change" in status(app))
