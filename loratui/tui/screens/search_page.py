"""An address in the place of a query: that page comes in through the person's own gallery-dl."""

import shlex
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.jobs import Report
from loratui.core.sanitize import line, secret
from loratui.core.words import count
from loratui.tui.screens.search_rows import names
from loratui.tui.shell.form import Field, FormPanel
from loratui.tui.shell.lines import Key

if TYPE_CHECKING:
    from loratui.core.dataset.intake import Intake
    from loratui.tui.screens.base import LoratuiScreen

KEYS = (Key("enter", "take this page in", last=True), Key("esc", "leave", last=True))
"""For the status line while an address stands in the query line."""


def is_address(text: str) -> bool:
    """Whether what was typed is an address rather than tags."""
    return text.strip().lower().startswith(("https://", "http://", "www."))


async def take_in(screen: "LoratuiScreen", typed: str) -> None:
    """Asks into which subset; meanwhile gallery-dl lists how many pictures the page has.

    Raises:
        UsageError: it is no whole address, or the subset cannot be one.
        LoratuiError: gallery-dl is not installed.
    """
    from loratui.core.dataset.intake import parted
    from loratui.core.downloads import gallery_dl
    from loratui.core.downloads.target import target

    url = parted(screen.workspace.cwd, [typed.strip()])[1][0]
    gallery_dl.executable()
    project = screen.workspace.project
    subsets = [subset.name for subset in project.subsets] if project else []
    into = Field("into", "into", subsets[0] if subsets else "", "this folder", (), lambda text: names(subsets, text))
    host = line(urlsplit(url).hostname or "", 60)
    panel = FormPanel(f"Take in the pictures of a page of {host}", [into], "gallery-dl is listing them …", "fetch")
    screen.show_panel(panel)
    counting = _count(screen, panel, url)
    answer = await panel.answer
    counting.set()
    if screen.panel is panel:
        screen.close_panel()
    if answer is not None:
        folder = target(screen.workspace, answer["into"].strip() or None)
        _fetch(screen, url, folder, host)


def _count(screen: "LoratuiScreen", panel: FormPanel, url: str) -> Event:
    """Says in the form how many pictures would come. What it gives ends the counting."""
    workspace = screen.workspace

    def work(report: Report, cancel: Event) -> "Intake":
        from loratui.core.downloads.pages import add_page
        from loratui.core.downloads.target import target

        return add_page(workspace, url, target(workspace, None, make=False), dry_run=True, report=report, cancel=cancel)

    def told(found: "Intake") -> None:
        there = f", {len(found.existing):,} more are here or were thrown away" if found.existing else ""
        panel.tell(f"gallery-dl finds {count(len(found.added), 'picture')} to fetch{there}.")

    def failed(error: Exception) -> None:
        if isinstance(error, LoratuiError) and not isinstance(error, Cancelled):
            panel.tell(f"{error.message} {error.remedy}")
        elif not isinstance(error, Cancelled):
            screen.app.report_error(error)

    return screen.app.jobs.start("counting pictures", work, told, failed, quiet=True).cancel


def _fetch(screen: "LoratuiScreen", url: str, folder: str, host: str) -> None:
    """Fetches them beside the screens; `J` shows how far it is, and cancels."""
    app, workspace = screen.app, screen.workspace
    where = folder or "this folder"

    def work(report: Report, cancel: Event) -> "Intake":
        from loratui.core.downloads.pages import add_page

        return add_page(workspace, url, folder, report=report, cancel=cancel)

    def done(found: "Intake") -> None:
        text = f"{count(len(found.added), 'picture')} of {host} came into {where}"
        text += f", {len(found.existing):,} were here already" if found.existing else ""
        app.did(text, f"loratui add {shlex.quote(secret(url))} --into {shlex.quote(folder)}")
        app.changed()
        if found.refused:
            name, reason = found.refused[0]
            others = f" (and {len(found.refused) - 1:,} more)" if len(found.refused) > 1 else ""
            app.toast(f"{text}; {line(name, 60)} did not: {line(reason, 200)}{others}", level="warn")
        else:
            app.toast(text)

    def failed(error: Exception) -> None:
        app.changed()  # what was whole before it ended is in
        if isinstance(error, Cancelled):
            app.toast(error.message, error.remedy)
        else:
            app.report_error(error)

    app.jobs.start(f"taking in {host}", work, done, failed)
