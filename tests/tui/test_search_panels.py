"""Filters, boards and their keys, saved searches, orders and marks of the search, by keys against loopback boards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from loratui.core.boards.memory import saved
from loratui.core.config import load, set_value
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.search import SearchScreen
from loratui.tui.screens.search_filters import FiltersPanel, rated, with_rating
from loratui.tui.screens.search_sort import reordered
from loratui.tui.shell import diary
from loratui.tui.shell.query_line import QueryLine
from loratui.tui.widgets.thumbnails import ThumbnailGrid
from loratui.tui.widgets.virtual_list import VirtualList
from tests.boards_server import BoardServer, Sample, noise
from tests.tui.app_kit import status, title, until

WIDE = (120, 40)


def sample(number: int, side: int = 1000, tags: tuple[str, ...] = (), score: int = 1, data: bytes = b"") -> Sample:
    general = ["1girl", *tags]
    return Sample(
        number, data or noise(number, 24), width=side, height=1200, score=score, tags={"general": general}, rating="g"
    )


@pytest.fixture
def server() -> Iterator[BoardServer]:
    samples = [
        sample(1, 400, score=30),
        sample(2, 700, ("comic",), score=10),
        sample(3, 1000, score=20),
        sample(4, 1200, ("speech_bubble",), score=40),
    ]
    with BoardServer("danbooru", samples) as made:
        use("mine", made)
        set_value("default_board", "mine")
        yield made


def use(name: str, server: BoardServer) -> None:
    set_value(f"boards.{name}.engine", server.engine)
    set_value(f"boards.{name}.url", server.url)


def app_in(tmp_path: Path) -> LoratuiApp:
    Project.create(tmp_path / "kafka", trigger="kafka")
    return LoratuiApp(Workspace.open(tmp_path / "kafka"))


async def opened(pilot: Pilot[None], app: LoratuiApp) -> VirtualList:
    """Waits until a panel has the keys; its list."""

    def ready() -> bool:
        panel = app.active.panel
        return panel is not None and app.focused is not None and panel in app.focused.ancestors

    await until(pilot, ready)
    panel = app.active.panel
    assert panel is not None
    return panel.query_one(VirtualList)


async def begun(pilot: Pilot[None], app: LoratuiApp, query: str = "1girl") -> None:
    await pilot.press("g", "s")
    await until(pilot, lambda: isinstance(app.screen, SearchScreen) and "mine" in title(app))
    await pilot.press("slash", *query, "enter")
    await until(pilot, lambda: "post" in title(app) and not app.jobs.running)


def ids(app: LoratuiApp) -> list[int]:
    assert isinstance(app.screen, SearchScreen)
    return [post.id for post in app.screen._listed.posts]


def marked(app: LoratuiApp) -> list[int]:
    assert isinstance(app.screen, SearchScreen)
    return [post.id for post in app.screen._listed.chosen()]


def said(app: LoratuiApp) -> str:
    return str(app.screen.query_one("#says", Static).render())


def row_of(app: LoratuiApp, start: str) -> int:
    view = app.screen.query_one(FiltersPanel).view
    return next(at for at in range(len(view.rows)) if str(view.rows.row(at, 90)).startswith(start))


async def test_filters_judge_at_once_and_say_what_they_cost(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await begun(pilot, app)
        assert ids(app) == [4, 3, 2, 1]
        asked = len(server.api_requests())
        await pilot.press("f")
        view = await opened(pilot, app)
        await pilot.press("right", "right", "right", "right")
        await until(pilot, lambda: ids(app) == [4, 3])
        assert "≥ 832 px" in str(view.rows.row(0, 90)) and "−2" in str(view.rows.row(0, 90))
        assert "min side 832: −2" in str(app.screen.query_one("#how", Static).render())
        view.cursor = row_of(app, "no text")
        await pilot.press("space")
        await until(pilot, lambda: ids(app) == [3])
        assert "2 of 4" not in str(app.screen.query_one("#sum", Static).render())
        assert "1 of 4 posts seen pass" in str(app.screen.query_one("#sum", Static).render())
        view.cursor = 0
        await pilot.press("e", *"wide")
        await pilot.press("enter")
        await until(pilot, lambda: "wide is no number of pixels" in said(app))
        await pilot.press(*["backspace"] * 4, *"500", "enter")
        await until(pilot, lambda: "≥ 500 px" in str(view.rows.row(0, 90)) and ids(app) == [3, 2])
        assert len(server.api_requests()) == asked
        await pilot.press("X")
        await until(pilot, lambda: ids(app) == [4, 3, 2, 1])
        await pilot.press("escape")
        assert app.active.panel is None


async def test_another_rating_is_asked_of_the_board(server: BoardServer, tmp_path: Path) -> None:
    server.samples[0].rating = "q"
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await begun(pilot, app)
        assert ids(app) == [3, 2, 1]
        await pilot.press("f")
        view = await opened(pilot, app)
        view.cursor = row_of(app, "rating")
        await pilot.press("right")
        await until(pilot, lambda: ids(app) == [4, 3, 2, 1])
        assert app.screen.query_one("#query", QueryLine).value == "1girl -rating:explicit"
        assert isinstance(app.active.panel, FiltersPanel)


async def test_a_get_takes_the_filters_along(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await begun(pilot, app)
        await pilot.press("f")
        await opened(pilot, app)
        await pilot.press("right", "right", "right", "right")
        await until(pilot, lambda: ids(app) == [4, 3])
        await pilot.press("escape", "enter")
        await until(pilot, lambda: app.active.panel is not None and isinstance(app.focused, Input))
        await pilot.press("enter")
        folder = tmp_path / "kafka/dataset/kafka"
        await until(pilot, lambda: len(list(folder.glob("*.png"))) == 2 and "2 downloaded" in status(app), 20)
        # What is here is marked, and no longer among what `A` takes.
        await until(pilot, lambda: "2 here" in title(app))
        view = app.screen.query_one("#posts", VirtualList)
        assert str(view.rows.row(0, 90)).startswith("✓")
        await pilot.press("A")
        assert marked(app) == []


async def test_several_boards_are_one_search(server: BoardServer, tmp_path: Path) -> None:
    with BoardServer("danbooru", [sample(7, data=server.samples[1].data), sample(9)]) as other:
        use("other", other)
        app = app_in(tmp_path)
        async with app.run_test(size=WIDE) as pilot:
            await begun(pilot, app)
            await pilot.press("b")
            view = await opened(pilot, app)
            names = [str(view.rows.row(at, 100)).split()[0] for at in range(len(view.rows))]
            assert names[0] == "mine"
            await pilot.press("space")
            view.cursor = names.index("other")
            await pilot.press("space", "enter")
            await until(pilot, lambda: len(ids(app)) == 5)  # one picture is on both
            assert "mine, other" in title(app)
            rows = app.screen.query_one("#posts", VirtualList).rows
            assert {str(rows.row(at, 100)).split()[1] for at in range(5)} == {"mine", "other"}
            assert "board" in str(app.screen.query_one("#heads", Static).render())


async def test_a_key_is_pasted_tried_and_never_shown(tmp_path: Path) -> None:
    secret = "s3cr3tk3y"
    with BoardServer("danbooru", [sample(1)], key=("me", secret)) as server:
        use("mine", server)
        set_value("default_board", "mine")
        set_value("boards.mine.needs_key", True)
        app = app_in(tmp_path)
        async with app.run_test(size=WIDE) as pilot:
            await pilot.press("g", "s", "b")
            view = await opened(pilot, app)
            assert "needs a key: press e" in str(view.rows.row(0, 100))
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.focused, Input))
            assert "try and store it" in status(app)
            await pilot.press(*"me:wrong", "enter")
            await until(pilot, lambda: "mine" in said(app) and "Asking" not in said(app))
            assert not load().boards["mine"].api_key
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.focused, Input))
            await pilot.press(*f"me:{secret}")
            assert app.focused is not None and secret not in str(app.focused.render_line(0))
            await pilot.press("enter")
            await until(pilot, lambda: "takes the key; it is stored" in said(app))
            assert load().boards["mine"].api_key == secret and "key stored" in str(view.rows.row(0, 100))
            assert secret not in "".join(entry.text for entry in app.done)
        log = diary.log_path()
        assert not log.exists() or secret not in log.read_text()


async def test_searches_are_saved_and_tell_what_is_new(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await begun(pilot, app)
        await pilot.press("o")
        await opened(pilot, app)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("enter")
        await until(pilot, lambda: "Saved as 1girl" in said(app))
        assert saved.load()["1girl"].boards == ("mine",)
        await pilot.press("escape")
        server.samples.insert(0, sample(5))
        await pilot.press("o")
        view = await opened(pilot, app)
        await until(pilot, lambda: "1 new" in str(view.rows.row(0, 90)))
        await pilot.press("x")
        await until(pilot, lambda: not saved.load() and "u puts it back" in said(app))
        await pilot.press("u")
        await until(pilot, lambda: "1girl" in saved.load() and len(view.rows) == 1)
        await pilot.press("n")
        await until(pilot, lambda: ids(app) == [5] and "1 new" in title(app))
        await pilot.press("n")
        await until(pilot, lambda: ids(app) == [5, 4, 3, 2, 1])
        rows = app.screen.query_one("#posts", VirtualList).rows
        assert [str(rows.row(at, 90))[0] for at in range(2)] == ["+", " "]


async def test_orders_ranges_and_marks(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await begun(pilot, app)
        asked = len(server.api_requests())
        await pilot.press("s")
        await opened(pilot, app)
        await pilot.press("down", "down", "down", "down", "enter")
        await until(pilot, lambda: ids(app) == [4, 1, 3, 2])
        assert len(server.api_requests()) == asked
        await pilot.press("space", "down", "v")
        assert marked(app) == [4, 1, 3]
        await pilot.press("i")
        assert marked(app) == [2]
        await pilot.press("A")
        assert len(marked(app)) == 4 and "4 marked" in title(app)
        await pilot.press("A")
        assert marked(app) == []
        await pilot.press("s")
        await opened(pilot, app)
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: len(server.api_requests()) > asked and len(ids(app)) == 4)
        assert app.screen.query_one("#query", QueryLine).value == "1girl order:score"
        await pilot.press("y")
        assert "is copied, where the terminal takes it" in status(app) and app.clipboard.startswith("http")


async def test_list_pictures_or_both(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await begun(pilot, app)
        view, grid = app.screen.query_one("#posts", VirtualList), app.screen.query_one(ThumbnailGrid)
        await until(pilot, lambda: view.is_on_screen and grid.is_on_screen)
        await pilot.press("down")
        await until(pilot, lambda: grid.cursor == 1)
        await pilot.press("tab", "right", "space")
        await until(pilot, lambda: marked(app) == [2] and view.cursor == 3)
        await pilot.press("m")
        await until(pilot, lambda: view.has_focus and not grid.is_on_screen)
        await pilot.press("m")
        await until(pilot, lambda: grid.has_focus and not view.is_on_screen and grid.is_on_screen)
        await pilot.press("up", "enter")
        await until(pilot, lambda: app.active.panel is not None)


async def test_only_thumbnails_in_sight_are_fetched(tmp_path: Path) -> None:
    with BoardServer("danbooru", [sample(number) for number in range(1, 151)]) as server:
        use("mine", server)
        set_value("default_board", "mine")
        app = app_in(tmp_path)
        async with app.run_test(size=WIDE) as pilot:
            await begun(pilot, app)
            grid = app.screen.query_one(ThumbnailGrid)
            seen = len(grid._in_sight())
            await until(pilot, lambda: len(server.file_requests()) == seen)
            await pilot.press("G")
            await until(pilot, lambda: grid.cursor == 149 and len(server.file_requests()) > seen)
            await pilot.pause(0.5)
            assert len(server.file_requests()) <= 2 * seen


async def test_letters_in_the_same_read_as_the_slash_are_the_querys(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("g", "s")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen) and "mine" in title(app))
        for key, character in [("slash", "/"), *((letter, letter) for letter in "fabx")]:
            app.post_message(events.Key(key, character))
        line = app.screen.query_one("#query", QueryLine)
        await until(pilot, lambda: line.value == "fabx")
        assert app.active.panel is None
        await pilot.press("escape")
        await until(pilot, lambda: not line.typing and line.value == "")


def test_terms_of_order_and_rating() -> None:
    assert reordered("a order:score b", "order:random") == "a b order:random"
    assert reordered("a sort:score", "") == "a"
    assert rated("a") == 1 and rated("a rating:general") == 0 and rated("a rating:q") is None
    assert with_rating("a rating:q -rating:e", 0) == "a rating:general"
