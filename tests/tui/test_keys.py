"""Keys that come in one read: each reaches what the one before it opened."""

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets import Input

from loratui.tui.app import LoratuiApp
from loratui.tui.commands import Command
from loratui.tui.shell.form import Field
from loratui.tui.shell.panels import Entry, Panel
from loratui.tui.widgets.virtual_list import VirtualList
from tests.tui.app_kit import Rows, SampleScreen, app_on, until

WIDE = (120, 40)


def at_once(app: LoratuiApp, *keys: str) -> None:
    """All of them wait in the queue before the first is dealt with."""
    for key in keys:
        character = {"enter": "\r", "escape": "\x1b", "colon": ":", "question_mark": "?"}.get(key, key)
        app.post_message(events.Key(key, character if len(character) == 1 else None))


async def ready(pilot: Pilot[None], app: LoratuiApp, sample: SampleScreen) -> VirtualList:
    await app.go("search")
    await until(pilot, lambda: sample.reloads and app.focused is not None)
    return sample.query_one(VirtualList)


async def test_text_behind_the_key_that_asks_for_it(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        view = await ready(pilot, app, sample)
        at_once(app, "j", "j", "r", "x", "q", "enter", "j", "x")
        await until(pilot, lambda: sample.removed == 1)
        assert sample.name_given == "oldxq"
        assert view.cursor == 3 and app.focused is view


async def test_pasted_text_waits_its_turn(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, app, sample)
        at_once(app, "r")
        app.post_message(events.Paste("er q"))
        at_once(app, "enter", "x")
        await until(pilot, lambda: sample.removed == 1)
        assert sample.name_given == "older q"


async def test_one_question_behind_the_other(tmp_path: Path) -> None:
    class Asking(SampleScreen):
        COMMANDS: ClassVar[tuple[Command, ...]] = (Command("search.get", ("t",), "get", "Asks three times."),)
        got: object = None

        async def command_get(self) -> None:
            await self.app.jobs.run("looking", lambda report, cancel: None)
            name = await self.ask("Name")
            values = await self.fill_in(
                "More", [Field("a", "a"), Field("b", "b", "x", options=("x", "y"))], enter="get"
            )
            self.got = name, values, await self.confirm("Really?")

    app, _ = app_on(tmp_path)
    sample = app._screens["search"] = Asking(app.workspace)
    async with app.run_test(size=WIDE) as pilot:
        view = await ready(pilot, app, sample)
        at_once(app, "t", "k", "enter", "v", "down", "right", "enter", "y", "j")
        await until(pilot, lambda: sample.got is not None and view.cursor == 1)
        assert sample.got == ("k", {"a": "v", "b": "y"}, True)


async def test_the_help_and_the_palette_have_the_keys_typed_behind_theirs(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        view = await ready(pilot, app, sample)
        at_once(app, "colon", "r", "e", "m", "o", "v", "e", "enter")
        await until(pilot, lambda: sample.removed == 1)
        at_once(app, "question_mark", "j", "j")
        await until(pilot, lambda: sample.panel is not None and sample.panel.query_one(VirtualList).cursor == 2)
        assert view.cursor == 0


async def test_a_chord_to_another_screen_takes_the_keys_behind_it_along(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        at_once(app, "g", "s", "x")
        await until(pilot, lambda: sample.removed == 1)


async def test_a_command_that_works_for_long_does_not_hold_the_keys(tmp_path: Path) -> None:
    class Working(SampleScreen):
        COMMANDS: ClassVar[tuple[Command, ...]] = (Command("search.wait", ("t",), "wait", "Waits for ever."),)

        async def command_wait(self) -> None:
            await asyncio.Event().wait()

    app, _ = app_on(tmp_path)
    sample = app._screens["search"] = Working(app.workspace)
    async with app.run_test(size=WIDE) as pilot:
        view = await ready(pilot, app, sample)
        at_once(app, "t", "j", "j")
        await until(pilot, lambda: view.cursor == 2)


class _Answering(Panel):
    DEFAULT_CSS = """
    _Answering VirtualList { height: 9; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("z", "app.exit")]

    def __init__(self) -> None:
        super().__init__("Which?")
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        yield VirtualList(Rows(50))


@pytest.mark.parametrize(("size", "region"), [((120, 40), (48, 1, 72, 38)), ((200, 50), (128, 1, 72, 48))])
async def test_a_panel_at_the_right_stands_between_title_and_status_line(
    tmp_path: Path, size: tuple[int, int], region: tuple[int, int, int, int]
) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=size) as pilot:
        await ready(pilot, app, sample)
        panel = _Answering()
        sample.show_panel(panel, right=True)
        await until(pilot, lambda: app.focused is not None and panel in app.focused.ancestors)
        assert panel.region == region
        await pilot.resize_terminal(130, 30)
        await until(pilot, lambda: panel.region == (58, 1, 72, 28))
        await pilot.press("escape")
        sample.show_panel(below := _Answering())
        await until(pilot, lambda: below.region == (0, 18, 130, 11))


async def test_gg_goes_to_the_top_of_a_list_that_is_asked_from(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot, app, sample)
        panel = _Answering()
        sample.show_panel(panel)
        await until(pilot, lambda: app.focused is not None and panel in app.focused.ancestors)
        view = panel.query_one(VirtualList)
        await pilot.press("j", "j", "j")
        assert view.cursor == 3
        await pilot.press("g", "g")
        await until(pilot, lambda: view.cursor == 0)
        assert sample.panel is panel and not panel.answer.done()


async def test_what_loses_its_widget_loses_no_key_behind_it(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        view = await ready(pilot, app, sample)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.focused, Entry))
        at_once(app, "a")
        sample.close_panel()
        at_once(app, "j", "j")
        await until(pilot, lambda: view.cursor == 2, timeout=4.0)
        assert not sample.query(Input)
