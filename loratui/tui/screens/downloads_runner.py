"""Downloads as jobs of the program: begun from the search, gone on with and stopped from the queue."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.errors import Cancelled
from loratui.core.jobs import Report
from loratui.tui.jobs import Job

if TYPE_CHECKING:
    from loratui.core.boards.post import Post
    from loratui.core.boards.search import Search
    from loratui.core.downloads.get import Got
    from loratui.core.downloads.manifest import Batch, Options
    from loratui.tui.screens.base import LoratuiScreen

_jobs: dict[tuple[Path, str, str], Job] = {}


def job_of(root: Path, board: str, query: str) -> Job | None:
    """The job of this program that works on a batch now."""
    return _jobs.get((root, board, query))


def get_query(screen: "LoratuiScreen", search: "Search", into: str | None, options: "Options") -> None:
    """Gets every post of a search."""
    workspace = screen.workspace
    board, query = search.board, search.plan.query

    def work(report: Report, cancel: Event) -> "Got":
        from loratui.core.downloads.get import get

        return get(workspace, board, query, into=into, options=options, report=report, cancel=cancel)

    _start(screen, board.name, query, work)


def get_posts(
    screen: "LoratuiScreen", search: "Search", posts: "Sequence[Post]", into: str | None, captions: bool
) -> None:
    """Gets chosen posts of a search."""
    workspace, board = screen.workspace, search.board

    def work(report: Report, cancel: Event) -> "Got":
        from loratui.core.boards.client import Client
        from loratui.core.boards.network import Network
        from loratui.core.downloads.get import get_posts

        with Network() as network:
            client = Client(board, network)
            return get_posts(workspace, client, posts, into=into, captions=captions, report=report, cancel=cancel)

    _start(screen, board.name, "id:" + ",".join(str(post.id) for post in posts), work)


def go_on(screen: "LoratuiScreen", batch: "Batch") -> None:
    """Goes on with a batch."""
    workspace = screen.workspace

    def work(report: Report, cancel: Event) -> "Got":
        from loratui.core.downloads.get import resume

        return resume(workspace, batch, report=report, cancel=cancel)

    _start(screen, batch.board, batch.query, work)


def _start(screen: "LoratuiScreen", board: str, query: str, work: Callable[[Report, Event], "Got"]) -> None:
    key = (screen.workspace.root, board, query)
    app = screen.app

    def done(got: "Got") -> None:
        _jobs.pop(key, None)
        text = f"{got.downloaded:,} downloaded" + (f", {got.existing:,} were there" if got.existing else "")
        app.did(f"got {query} from {board}: {text}", got.command)
        if got.failed:
            app.toast(f"{text}, {len(got.failed)} failed.", "See why in Downloads: gd.", "warn")
        else:
            app.toast(text, "Look through them in Review: gr." if got.downloaded else "")
        app.changed()

    def failed(error: Exception) -> None:
        _jobs.pop(key, None)
        app.changed()
        if isinstance(error, Cancelled):
            app.toast(error.message, "It goes on from Downloads: gd.")
        else:
            app.report_error(error)

    _jobs[key] = app.jobs.start("getting", work, done, failed)
