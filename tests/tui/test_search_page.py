"""An address in the query line: a page of any site, through a stand-in for the person's gallery-dl."""

import os
import sys
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.search import SearchScreen
from loratui.tui.screens.search_page import is_address
from loratui.tui.shell.form import FormPanel
from tests.tui.app_kit import status, until

WIDE = (120, 40)
FAKE = Path(__file__).parent.parent / "fake_gallery_dl.py"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoratuiApp:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "gallery-dl").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    (tools / "gallery-dl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    Project.create(tmp_path / "kafka", trigger="kafka")
    return LoratuiApp(Workspace.open(tmp_path / "kafka"))


async def pasted(pilot: Pilot[None], app: LoratuiApp, address: str) -> None:
    """Into the query line, as a terminal pastes it."""
    await pilot.press("g", "s", "slash")
    app.post_message(events.Paste(address))
    await until(pilot, lambda: "enter take this page in" in status(app))
    await pilot.press("enter")


def note(app: LoratuiApp) -> str:
    assert isinstance(app.active.panel, FormPanel)
    return str(app.active.panel.query_one(".form--note", Static).render())


def pictures(app: LoratuiApp) -> list[str]:
    return sorted(image.name for image in app.workspace.scan(["dataset/kafka"]))


async def test_an_address_is_counted_asked_about_and_taken_in(app: LoratuiApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await pasted(pilot, app, "https://example.org/set/3?token=sesame\n")
        await until(pilot, lambda: isinstance(app.active.panel, FormPanel))
        await until(pilot, lambda: "finds 3 pictures to fetch" in note(app))
        assert pictures(app) == []
        await pilot.press("enter")
        await until(pilot, lambda: "3 pictures of example.org came into dataset/kafka" in status(app))
        assert pictures(app) == ["drawn_1.png", "drawn_2.png", "drawn_3.png"]
        assert isinstance(app.screen, SearchScreen) and app.screen._line.value == ""
        assert "loratui add" in app.done[-1].command and "sesame" not in app.done[-1].command
        await pilot.press("u")
        await until(pilot, lambda: pictures(app) == [])


async def test_no_such_site_is_said_in_the_form_and_what_did_not_come_in_a_toast(app: LoratuiApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await pasted(pilot, app, "https://example.org/nothing")
        await until(pilot, lambda: isinstance(app.active.panel, FormPanel))
        await until(pilot, lambda: "listing" not in note(app))
        assert "example.org" in note(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.active.panel is None and not app.jobs.running)
        await pasted(pilot, app, "https://example.org/set/2?fail")
        await until(pilot, lambda: isinstance(app.active.panel, FormPanel))
        await pilot.press("enter")
        await until(pilot, lambda: "1 picture of example.org came" in status(app) and "drawn_2" in status(app))


async def test_a_page_is_cancelled_as_any_job_and_what_is_whole_stays(app: LoratuiApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await pasted(pilot, app, "https://example.org/set/9?slow")
        await until(pilot, lambda: isinstance(app.active.panel, FormPanel))
        await pilot.press("enter")
        await until(pilot, lambda: any(job.title == "taking in example.org" and job.done for job in app.jobs.running))
        for job in app.jobs.running:
            job.cancel.set()
        await until(pilot, lambda: "The same page goes on later" in status(app))
        assert 0 < len(pictures(app)) < 9


async def test_without_gallery_dl_it_says_how_to_get_it(app: LoratuiApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    async with app.run_test(size=WIDE) as pilot:
        await pasted(pilot, app, "www.example.org/set/3")
        await until(pilot, lambda: "pipx install gallery-dl" in status(app))
        assert app.active.panel is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" https://a.b/c", True),
        ("HTTP://a.b", True),
        ("www.a.b/c", True),
        ("source:https://a.b", False),
        ("1girl", False),
    ],
)
def test_what_is_an_address(text: str, address: bool) -> None:
    assert is_address(text) is address
