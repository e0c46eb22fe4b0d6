"""Questions have one rule, and tab completes where a text is asked for."""

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Input

from loratui.tui.shell.form import Field
from loratui.tui.shell.panels import Offer
from tests.tui.app_kit import app_on, until

WIDE = (120, 40)


@pytest.mark.parametrize(("key", "yes"), [("enter", True), ("y", True), ("escape", False), ("n", False)])
async def test_enter_and_y_are_yes_and_esc_and_n_are_no(tmp_path: Path, key: str, yes: bool) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        asked = asyncio.create_task(sample.confirm("Really?"))
        await until(pilot, lambda: sample.panel is not None and app.focused is sample.panel)
        await pilot.press(key)
        assert await asked is yes
        await until(pilot, lambda: sample.panel is None)


def complete(typed: str) -> list[str]:
    """Some folders."""
    return [text for text in ("~/pics/kafka/", "~/pics/kagura/", "~/pics/other/") if text.startswith(typed)]


async def test_tab_types_what_all_have_in_common_and_shows_them(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        asked = asyncio.create_task(sample.ask("Folder", complete=complete))
        await until(pilot, lambda: isinstance(app.focused, Input))
        entry, offer = sample.query_one("AskPanel Input", Input), sample.query_one(Offer)
        await pilot.press("tab")
        await until(pilot, lambda: offer.display)
        assert entry.value == "~/pics/"
        assert "kafka  kagura  other" in str(offer.render())
        await pilot.press("k")
        await until(pilot, lambda: not offer.display)
        await pilot.press("tab")
        assert entry.value == "~/pics/ka"
        await pilot.press("f", "tab", "enter")
        assert await asked == "~/pics/kafka/"


async def test_in_a_form_tab_goes_on_where_there_is_nothing_to_complete(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        fields = [Field("folder", "folder", complete=complete), Field("name", "name")]
        asked = asyncio.create_task(sample.fill_in("New", fields, enter="make"))
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("tab", "b", "tab", "~", "tab", "o", "tab", "tab", "c", "enter")
        assert await asked == {"folder": "~/pics/other/", "name": "bc"}
