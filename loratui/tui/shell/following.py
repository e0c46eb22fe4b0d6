"""Downloads put into the queue for a worker of its own, and followed in the status line."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

_RECENT = 5.0


@dataclass(slots=True)
class _Followed:
    """What is known of the downloads of one project.

    Attributes:
        job: shows them; None while nothing is followed.
        ended: when the last follower ended, by the monotonic clock.
        expected: batches ordered here of whose end nothing was said yet.
    """

    job: Job | None = None
    ended: float | None = None
    expected: set[int] = field(default_factory=set)


class Downloads:
    """Puts downloads of the open project into its queue, and tells how they go, also after another one was opened.

    Args:
        app: whose project it is; shows the progress and is told what became of each get.
    """

    def __init__(self, app: "LoratuiApp") -> None:
        self._app = app
        self._projects: dict[Path, _Followed] = {}

    def get_query(self, search: "Listing", into: str | None, options: "Options") -> None:
        """Gets every post of a search."""
        workspace = self._app.workspace
        boards = [board.name for board in search.boards if board.name not in search.problems]

        def work(report: Report, cancel: Event) -> int:
            from loratui.core.downloads.get import order

            return order(workspace, boards, search.query, into=into, options=options)

        self._order(workspace, work)

    def get_posts(self, posts: "Sequence[Post]", into: str | None, options: "Options") -> None:
        """Gets chosen posts."""
        workspace = self._app.workspace

        def work(report: Report, cancel: Event) -> int:
            from loratui.core.downloads.get import order_posts

            return order_posts(workspace, posts, into=into, options=options)

        self._order(workspace, work)

    def go_on(self, batch: "Batch") -> None:
        """Goes on with a batch; where all came but what failed, tries that again."""
        workspace = self._app.workspace

        def work(report: Report, cancel: Event) -> int:
            from loratui.core.downloads import queue
            from loratui.core.downloads.manifest import Manifest

            with Manifest(workspace.root) as manifest:
                queue.go_on(manifest, batch)
            return batch.id

        self._order(workspace, work)

    @property
    def told(self) -> bool:
        """Whether what is downloaded for the open project is shown, or was until a moment ago."""
        known = self._projects.get(self._app.workspace.root)
        if known is None:
            return False
        return known.job is not None or (known.ended is not None and time.monotonic() - known.ended < _RECENT)

    def follow(self) -> None:
        """Shows what is downloading for the open project, whoever does it; what was broken off goes on.

        Called at the start, too: where nothing was ever downloaded it costs a look at one name.
        """
        self._follow(self._app.workspace)

    def _order(self, workspace: "Workspace", work: Callable[[Report, Event], int]) -> None:
        def done(number: int) -> None:
            self._of(workspace).expected.add(number)
            self._app.changed()  # the subset may be a new one
            self._follow(workspace)

        self._app.jobs.start("queueing", work, done)

    def _of(self, workspace: "Workspace") -> _Followed:
        return self._projects.setdefault(workspace.root, _Followed())

    def _follow(self, workspace: "Workspace") -> None:
        root, app = workspace.root, self._app
        if not (root / ".loratui" / "downloads.db").exists():
            return
        followed = self._of(workspace)
        if followed.job is not None:
            return

        def work(report: Report, cancel: Event) -> None:
            from loratui.core.downloads import queue
            from loratui.core.downloads.manifest import Manifest

            with Manifest(root) as manifest:
                queue.follow(
                    root,
                    manifest,
                    lambda batch: app.call_later(self._ended, batch),
                    followed.expected,
                    paced=paced,
                    report=report,
                    cancel=cancel,
                )

        def paced(seconds: float | None) -> None:
            if followed.job is not None:
                followed.job.left = seconds

        def over() -> None:
            followed.job, followed.ended = None, time.monotonic()
            if followed.expected:  # it came while the follower was about to end
                self._follow(workspace)

        def failed(error: Exception) -> None:
            followed.expected = set()
            over()
            if isinstance(error, Cancelled):
                if not app._exit:  # asked for in the list of jobs, and not by leaving: they stop for all
                    self._stop_all(workspace)
            else:
                app.report_error(error)

        followed.job = app.jobs.start("downloading", work, lambda _: over(), failed, quiet=True)

    def _ended(self, batch: "Batch") -> None:
        """Says what became of a batch."""
        from loratui.core.downloads.words import command

        app = self._app
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

    def _stop_all(self, workspace: "Workspace") -> None:
        from loratui.core.downloads.manifest import Manifest

        with Manifest(workspace.root) as manifest:
            for batch in manifest.batches():
                if batch.state == "active":
                    manifest.set_state(batch.id, "paused")
        self._app.changed()
        self._app.toast("Stopped: what is whole is in.", "It goes on from Downloads: gd.")
