"""The search and the downloads by keys, against a board on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from loratui.core.config import set_value
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.search import SearchScreen
from loratui.tui.screens.search_rows import size, with_word
from loratui.tui.shell.form import FormPanel
from loratui.tui.shell.query_line import QueryLine
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.virtual_list import VirtualList
from tests.boards_server import BoardServer, Fault, Sample, noise
from tests.tui.app_kit import status, title, until

WIDE = (120, 40)


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            number,
            noise(number, 24),
            tags={
                "general": ["1girl", "long_hair", *(["solo"] if number % 2 else [])],
                "character": ["kafka_(x)"],
                "artist": ["[red]somebody\x1b[2J"],
            },
        )
        for number in range(1, count + 1)
    ]


@pytest.fixture
def server() -> Iterator[BoardServer]:
    with BoardServer("danbooru", samples(12)) as made:
        use(made)
        yield made


def use(server: BoardServer) -> None:
    set_value("default_board", "mine")
    set_value("boards.mine.engine", server.engine)
    set_value("boards.mine.url", server.url)


def app_in(tmp_path: Path) -> LoratuiApp:
    Project.create(tmp_path / "kafka", trigger="kafka")
    return LoratuiApp(Workspace.open(tmp_path / "kafka"))


def posts(app: LoratuiApp) -> VirtualList:
    return app.screen.query_one("#posts", VirtualList)


def rows(view: VirtualList, width: int = 200) -> list[str]:
    return [str(view.rows.row(index, width)) for index in range(len(view.rows))]


async def search(pilot: Pilot[None], app: LoratuiApp, query: str) -> None:
    await pilot.press("g", "s")
    await until(pilot, lambda: isinstance(app.screen, SearchScreen) and "mine" in title(app))
    await pilot.press("slash")
    line = app.screen.query_one(QueryLine)
    await until(pilot, lambda: line.typing)
    await pilot.press(
        "end", *["backspace"] * len(line.value), *["space" if char == " " else char for char in query], "enter"
    )


def pictures(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "kafka/dataset/kafka").glob("*.png"))


async def test_from_an_empty_screen_to_pictures_in_a_subset(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("g", "s")
        await until(pilot, lambda: "mine" in title(app) and isinstance(app.screen, SearchScreen))
        await pilot.press("space")
        await until(pilot, lambda: "no posts yet: press / to search" in status(app))
        await search(pilot, app, "kafka_(x) solo")
        await until(pilot, lambda: len(posts(app).rows) == 6)
        assert "mine · 6 posts" in title(app)
        assert rows(posts(app))[0].split()[:5] == ["11", "1", "768×1024", "png", "gen"]
        await pilot.press("enter")
        await until(pilot, lambda: app.active.panel is not None)
        await pilot.press("enter")
        await until(pilot, lambda: "6 downloaded" in status(app), 15)
        assert "were there" not in status(app) and "Review: gr" in status(app)
        assert len(pictures(tmp_path)) == 6
        assert (tmp_path / "kafka/dataset/kafka/mine_1.txt").read_text() == "kafka (x), 1girl, long hair, solo"
        await pilot.press("u")
        await until(pilot, lambda: not pictures(tmp_path))


async def test_marked_posts_only(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: len(posts(app).rows) == 12)
        await pilot.press("space", "j", "space")
        await until(pilot, lambda: "2 marked" in title(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.active.panel is not None)
        await pilot.press("enter")
        await until(pilot, lambda: pictures(tmp_path) == ["mine_10.png", "mine_12.png"], 15)
        await until(pilot, lambda: "2 downloaded" in status(app))
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in title(app))


async def test_the_form_moves_by_tab_and_keeps_what_cannot_be_meant(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: len(posts(app).rows) == 12)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.active.panel, FormPanel) and isinstance(app.focused, Input))
        assert "enter get" in status(app) and "tab move" in status(app)
        await pilot.press("tab", *"two", "down", "enter")
        form = app.screen.query_one(FormPanel)
        wrong = form.query_one(".form--wrong", Static)
        await until(pilot, lambda: "two is no number for “at most”" in str(wrong.render()) and wrong.display)
        assert app.focused is form.query(Input)[1]  # where it stands
        await pilot.press("backspace", "backspace", "backspace", "2", "enter")
        await until(pilot, lambda: len(pictures(tmp_path)) == 2, 15)


async def test_tags_of_a_post_change_the_query(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: len(posts(app).rows) == 12)
        await pilot.press("x")
        await until(pilot, lambda: "press tab to go to the tags" in status(app))
        await pilot.press("j", "tab", "tab")
        tags = app.screen.query_one("#tags", VirtualList)
        await until(pilot, lambda: tags.has_focus)
        assert any("[red]somebody" in row and "\x1b" not in row for row in rows(tags))
        await pilot.press("G", "x")  # the last tag is solo
        await until(pilot, lambda: len(posts(app).rows) == 6 and "6 posts" in title(app))
        assert posts(app).has_focus
        assert all("solo" not in row for row in rows(posts(app)))


async def test_the_preview_comes_from_the_board_and_stays_on_disk(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("g", "s")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen) and "mine" in title(app))
        await pilot.press("m")  # the list, beside one picture
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: app.screen.query_one("#picture", Picture).path is not None)
        await pilot.press("j")
        await until(pilot, lambda: len(server.file_requests()) == 2)
        await pilot.press("k")
        await until(pilot, lambda: app.screen.query_one("#picture", Picture).path is not None)
        await pilot.pause(0.3)
        assert len(server.file_requests()) == 2


async def test_the_next_page_comes_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from loratui.core.boards.engines.danbooru import Danbooru

    monkeypatch.setattr(Danbooru, "PAGE_SIZE", 50)
    with BoardServer("danbooru", samples(120)) as server:
        use(server)
        app = app_in(tmp_path)
        async with app.run_test(size=WIDE) as pilot:
            await search(pilot, app, "kafka_(x)")
            # One page is little to scroll in, so the second comes at once; the third when it is needed.
            await until(pilot, lambda: len(posts(app).rows) == 100 and not app.jobs.running)
            await pilot.pause(0.3)
            assert "120 posts · 100 listed" in title(app)
            await pilot.press("G")
            assert posts(app).cursor == 99
            await until(pilot, lambda: len(posts(app).rows) == 120)


async def test_errors_are_said_with_what_to_do(server: BoardServer, tmp_path: Path) -> None:
    server.faults.append(Fault("counts/posts.json", "status", status=401))
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: "mine needs" in str(app.screen.query_one("#how", Static).render()))
        assert "Press b, then e, and paste its key" in str(posts(app)._empty)  # it stays, where a toast would go
        server.faults.clear()
        await search(pilot, app, "nobody")
        await until(pilot, lambda: "mine · 0 posts" in title(app))
        assert "nothing for this query" in str(posts(app)._empty)


async def test_a_board_that_is_asked_again_is_named_while_it_is(server: BoardServer, tmp_path: Path) -> None:
    server.faults.append(Fault("counts/posts.json", "status", times=1, status=503))
    app = app_in(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: "(503). Asking again" in str(app.screen.query_one("#how", Static).render()))
        assert "mine is in trouble (503). Asking again" in str(posts(app)._empty)
        await until(pilot, lambda: len(posts(app).rows) == 12)
        assert "by the site" in str(app.screen.query_one("#how", Static).render())


async def test_a_narrow_screen_folds_the_pane(server: BoardServer, tmp_path: Path) -> None:
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await search(pilot, app, "kafka_(x)")
        await until(pilot, lambda: len(posts(app).rows) == 12)
        side = app.screen.query_one("#right")
        assert not side.display and posts(app).region.width == 80
        await pilot.press("tab")
        await until(pilot, lambda: app.screen.query_one("#grid").region.width == 80)
        await pilot.press("tab")
        await until(pilot, lambda: side.display and side.region.width == 80 and not posts(app).is_on_screen)
        await pilot.press("escape")
        await until(pilot, lambda: not side.display and posts(app).has_focus)


def test_words() -> None:
    assert with_word("a b", "c", True) == "a b c"
    assert with_word("a -c", "c", True) == "a c"
    assert with_word("a c", "c", False) == "a -c"
    assert with_word("a c", "c", True) == "a"
    assert (size(512), size(277_355), size(3_100_000), size(2_000_000_000)) == ("512 B", "277 kB", "3.1 MB", "2 GB")
