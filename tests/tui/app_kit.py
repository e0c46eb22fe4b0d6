"""What tests of the screens need: an app on a folder, a screen with all kinds of commands, waiting without sleeping."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.css.query import NoMatches
from textual.pilot import Pilot

from loratui.core import machine
from loratui.core.errors import LoratuiError
from loratui.core.jobs import Report
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.commands import Command
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.shell.lines import Notice, StatusLine, TitleLine
from loratui.tui.widgets.virtual_list import VirtualList


class Rows:
    """Numbered rows."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def row(self, index: int, width: int) -> Content:
        return Content(f"row {index}")


class SampleScreen(LoratuiScreen):
    """Commands of every kind, in the place of the search."""

    NAME: ClassVar[str] = "search"
    TITLE_TEXT: ClassVar[str] = "Sample"
    GO: ClassVar[str] = "s"
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("search.remove", ("x",), "remove", "Removes the row."),
        Command("search.rename", ("r",), "rename", "Asks for a name."),
        Command("search.crash", ("c",), "crash", "Raises what nobody expected."),
        Command("search.refuse", ("f",), "refuse", "Raises an error with a remedy."),
        Command("search.long-job", ("o",), "work", "Starts a job."),
        Command("search.never", ("z",), "never", "Cannot run."),
    )

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.removed = 0
        self.reloads = 0
        self.name_given: str | None = "nothing"
        self.go_on = Event()
        self.result: object = None
        self.reload_error: Exception | None = None

    def compose_body(self) -> ComposeResult:
        yield VirtualList(Rows(100))

    def reload(self) -> None:
        self.reloads += 1
        if self.reload_error is not None:
            raise self.reload_error
        self.set_counts(f"{self.reloads} times read")

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        return "the moon is full" if id == "search.never" else None

    def command_remove(self) -> None:
        self.removed += 1
        self.set_note(f"{self.removed} removed")

    async def command_rename(self) -> None:
        self.name_given = await self.ask("New name", "old", complete=lambda typed: ["older", "oldest"])

    def on_virtual_list_chosen(self) -> None:
        raise LoratuiError("This row is locked.", "Unlock it.")

    def command_crash(self) -> None:
        raise KeyError("boom [/x] \x1b[31m")

    async def command_refuse(self) -> None:
        raise LoratuiError("The disk is full.", "Free some space.")

    def command_long_job(self) -> None:
        def work(report: Report, cancel: Event) -> int:
            for done in range(1, 1000):
                report(done, 1000, f"file {done}")
                if self.go_on.wait(0.005):
                    return done
                if cancel.is_set():
                    from loratui.core.jobs import check

                    check(cancel)
            return 0

        self.app.jobs.start("working", work, self._done)

    def _done(self, result: int) -> None:
        self.result = result
        self.toast(f"worked {result}")


def app_on(folder: Path) -> tuple[LoratuiApp, SampleScreen]:
    """An app in `folder` whose search is the sample screen. Some project is known, so that no guided start opens."""
    if not machine.known_projects():
        Project.create(Path.home() / "known")
    workspace = Workspace.open(folder)
    app = LoratuiApp(workspace)
    sample = SampleScreen(workspace)
    app._screens["search"] = sample
    return app, sample


async def until(pilot: Pilot[None], true: Callable[[], object], timeout: float = 30.0) -> None:
    """Waits until `true` gives something true; a widget it asks for may come later."""

    def holds() -> object:
        try:
            return true()
        except NoMatches:
            return False

    deadline = asyncio.get_running_loop().time() + timeout
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"it did not happen; {status(pilot.app)!r}"
        await pilot.pause(0.01)


def status(app: object) -> str:
    """What the bottom of the screen says: the notice, then the status line."""
    assert isinstance(app, LoratuiApp)
    lines = [*(each.plain for each in app.screen.query(Notice)), *(each.plain for each in app.screen.query(StatusLine))]
    return " ".join(each for each in lines if each)


def title(app: LoratuiApp) -> str:
    """The title line."""
    return app.screen.query_one(TitleLine).plain
