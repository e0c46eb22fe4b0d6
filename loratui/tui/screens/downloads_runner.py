"""Downloads from the screens: put into the queue for a worker of its own, and followed in the status line."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.errors import Cancelled
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.jobs import Job

if TYPE_CHECKING:
    from loratui.core.boards.listing.listing import Listing
    from loratui.core.boards.post import Post
    from loratui.core.downloads.manifest import Batch, Options
    from loratui.core.workspace import Workspace
    from loratui.tui.app import LoratuiApp
    from loratui.tui.screens.base import LoratuiScreen

_RECENT = 5.0
_following: dict[Path, Job] = {}
_last: dict[Path, float] = {}
"""By root: when a follower ended."""
_expected: dict[Path, set[int]] = {}
"""By root: batches ordered here of whose end nothing was said yet."""


def get_query(screen: "LoratuiScreen", search: "Listing", into: str | None, options: "Options") -> None:
    """Gets every post of a search."""
    workspace = screen.workspace
    boards = [board.name for board in search.boards if board.name not in search.problems]

    def work(report: Report, cancel: Event) -> int:
        from loratui.core.downloads.get import order

        return order(workspace, boards, search.query, into=into, options=options)

    _order(screen, work)


def get_posts(
    screen: "LoratuiScreen", search: "Listing", posts: "Sequence[Post]", into: str | None, options: "Options | bool"
) -> None:
    """Gets chosen posts of a search; `options` may only say whether captions are written."""
    workspace = screen.workspace

    def work(report: Report, cancel: Event) -> int:
        from loratui.core.downloads.get import order_posts
        from loratui.core.downloads.manifest import Options

        given = Options(captions=options) if isinstance(options, bool) else options
        return order_posts(workspace, posts, into=into, options=given)

    _order(screen, work)


def go_on(screen: "LoratuiScreen", batch: "Batch") -> None:
    """Goes on with a batch; where all came but what failed, tries that again."""
    workspace = screen.workspace

    def work(report: Report, cancel: Event) -> int:
        from loratui.core.downloads import queue
        from loratui.core.downloads.manifest import Manifest

        with Manifest(workspace.root) as manifest:
            queue.go_on(manifest, batch)
        return batch.id

    _order(screen, work)


def told_of(root: Path) -> bool:
    """Whether what is downloaded for the root is shown, or was until a moment ago."""
    return root in _following or time.monotonic() - _last.get(root, -_RECENT) < _RECENT


def follow(app: "LoratuiApp") -> None:
    """Shows what is downloading for the workspace, whoever does it; what was broken off goes on.

    Called at the start, too: where nothing was ever downloaded it costs a look at one name.
    """
    workspace = app.workspace
    root = workspace.root
    if root in _following:
        return
    if not (root / ".loratui" / "downloads.db").exists():
        return

    def work(report: Report, cancel: Event) -> None:
        from loratui.core.downloads import queue
        from loratui.core.downloads.manifest import Manifest

        with Manifest(root) as manifest:
            queue.follow(
                root,
                manifest,
                lambda batch: app.call_later(_ended, app, batch),
                _expected.setdefault(root, set()),
                paced=paced,
                report=report,
                cancel=cancel,
            )

    def paced(seconds: float | None) -> None:
        if (job := _following.get(root)) is not None:
            job.left = seconds

    def over() -> None:
        _following.pop(root, None)
        _last[root] = time.monotonic()
        if _expected.get(root):  # it came while the follower was about to end
            follow(app)

    def failed(error: Exception) -> None:
        _expected.pop(root, None)
        over()
        if isinstance(error, Cancelled):
            if not app._exit:  # asked for in the list of jobs, and not by leaving: they stop for all
                _stop_all(app, workspace)
        else:
            app.report_error(error)

    _following[root] = app.jobs.start("downloading", work, lambda _: over(), failed, quiet=True)


def _order(screen: "LoratuiScreen", work: Callable[[Report, Event], int]) -> None:
    app = screen.app

    def done(number: int) -> None:
        _expected.setdefault(screen.workspace.root, set()).add(number)
        app.changed()  # the subset may be a new one
        follow(app)

    app.jobs.start("queueing", work, done)


def _ended(app: "LoratuiApp", batch: "Batch") -> None:
    """Says what became of a batch."""
    from loratui.core.downloads.words import command

    app.changed()
    query, board = line(batch.query, 80), line(batch.board, 80)
    here = batch.counts.get("existing", 0)
    text = f"{batch.counts.get('done', 0):,} downloaded" + (f", {here:,} were there" if here else "")
    if batch.problem:
        app.toast(line(batch.problem, 300), "It goes on from Downloads: gd.", "error")
    elif batch.state == "paused":
        app.toast("Stopped: what is whole is in.", "It goes on from Downloads: gd.")
    elif batch.state == "done":
        app.did(f"got {query} from {board}: {text}", command(batch))
        if batch.failed:
            app.toast(f"{text}, {batch.failed:,} failed.", "See why in Downloads: gd.", "warn")
        else:
            app.toast(text, "Look through them in Review: gr." if batch.counts.get("done") else "")


def _stop_all(app: "LoratuiApp", workspace: "Workspace") -> None:
    from loratui.core.downloads.manifest import Manifest

    with Manifest(workspace.root) as manifest:
        for batch in manifest.batches():
            if batch.state == "active":
                manifest.set_state(batch.id, "paused")
    app.changed()
    app.toast("Stopped: what is whole is in.", "It goes on from Downloads: gd.")
