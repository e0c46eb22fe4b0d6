"""Downloads: every get of this project, how far it is, what failed and why."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from loratui.tui.commands import Command
from loratui.tui.screens import downloads_runner
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.downloads_rows import BatchRows, ItemRows, Pace, detail
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.downloads.manifest import Batch, Manifest
    from loratui.core.workspace import Workspace

_PERIOD = 1.0
_SHOWN_ITEMS = 500


class DownloadsScreen(LoratuiScreen):
    """The queue. It reads what is on disk, so gets of other programs show too."""

    NAME: ClassVar[str] = "downloads"
    TITLE_TEXT: ClassVar[str] = "Downloads"
    GO: ClassVar[str] = "d"
    EMPTY: ClassVar[str] = "Nothing was downloaded yet. Press gs to search a board, then enter to get what it found."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("downloads.resume", ("enter",), "go on", "Goes on with the get, and tries again what failed."),
        Command("downloads.pause", ("s",), "stop", "Stops the get; whole files stay, the others go on later."),
        Command("downloads.cancel", ("x",), "give up", "Gives up what is open; pressed again, takes it off the list."),
        Command("downloads.pane", ("tab",), "files", "Goes to the files of the get, and back."),
    )

    DEFAULT_CSS = """
    DownloadsScreen #batches { height: 1fr; }
    DownloadsScreen #below { height: 50%; border-top: solid $panel; }
    DownloadsScreen #detail { height: 2; padding: 0 2; }
    DownloadsScreen #items { height: 1fr; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._rows = BatchRows()
        self._manifest: Manifest | None = None
        self._version = 0

    def compose_body(self) -> ComposeResult:
        """The gets, and the files of the one under the cursor."""
        yield VirtualList(self._rows, id="batches", empty=self.EMPTY)
        with Vertical(id="below"):
            yield Static(id="detail")
            yield VirtualList(ItemRows(), id="items")

    def on_mount(self) -> None:
        """Looks once a second whether something goes on."""
        self._batches.focus()
        self.set_interval(_PERIOD, self._tick)

    def on_unmount(self) -> None:
        """Closes the queue's file."""
        if self._manifest is not None:
            self._manifest.close()

    @property
    def _batches(self) -> VirtualList:
        return self.query_one("#batches", VirtualList)

    @property
    def _items(self) -> VirtualList:
        return self.query_one("#items", VirtualList)

    @property
    def _batch(self) -> "Batch | None":
        return self._rows.batches[self._batches.cursor] if self._rows.batches else None

    def _tick(self) -> None:
        if not self.is_current or self._manifest is None:
            return
        if self._manifest.version() != self._version or any(batch.state == "active" for batch in self._rows.batches):
            self.app.guarded(self.reload)

    def reload(self) -> None:
        """Reads the queue."""
        from loratui.core.downloads.get import busy
        from loratui.core.downloads.manifest import Manifest

        if self._manifest is None:
            self._manifest = Manifest(self.workspace.root)
        self._version = self._manifest.version()
        batches = self._manifest.batches()
        someone = busy(self.workspace) if any(batch.state == "active" for batch in batches) else False
        words: dict[int, str] = {}
        for batch in batches:
            if batch.state == "active":
                words[batch.id] = "fetching" if someone else "broken off"
                self._rows.paces.setdefault(batch.id, Pace()).look(batch)
            else:
                self._rows.paces.pop(batch.id, None)
                words[batch.id] = {"cancelled": "given up"}.get(batch.state, batch.state)
        self._rows.batches, self._rows.words = batches, words
        self._batches.update_rows()
        open_files = sum(batch.open for batch in batches if batch.state != "cancelled")
        failed = sum(batch.counts.get("failed", 0) for batch in batches)
        parts = [f"{len(batches)} get{'s' if len(batches) != 1 else ''}"] if batches else []
        parts += [f"{open_files:,} to come"] if open_files else []
        parts += [f"{failed:,} failed"] if failed else []
        self.set_counts(" · ".join(parts))
        self._show_batch()
        self.refresh_status()

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """Another get."""
        if event.control.id == "batches":
            self._show_batch()
            self.refresh_status()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter in a list."""
        self.app.run_command(self, "downloads.resume")

    def _show_batch(self) -> None:
        batch = self._batch
        if batch is None or self._manifest is None:
            self.query_one("#detail", Static).update(Content())
            self._items.set_source(ItemRows(), empty="")
            self._keep_focus()
            return
        failed = self._manifest.items(batch.id, ("failed",))
        coming = self._manifest.items(batch.id, ("queued", "fetched"), limit=_SHOWN_ITEMS)
        self.query_one("#detail", Static).update(detail(batch, failed, self._pace(batch)))
        done = "Every file of it is in." if batch.state == "done" else "No file of it is open."
        self._items.set_source(ItemRows([*failed, *coming]), empty=done)
        self._keep_focus()

    def _keep_focus(self) -> None:
        """The keys leave a list that has no rows any more."""
        if self._items.has_focus and not len(self._items.rows):
            self._batches.focus()

    def _pace(self, batch: "Batch") -> str:
        fetching = self._rows.words.get(batch.id) == "fetching"
        return self._rows.paces[batch.id].text(batch) if fetching and batch.id in self._rows.paces else ""

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        batch = self._batch
        if batch is None:
            return "there is no get yet: gs searches"
        job = downloads_runner.job_of(self.workspace.root, batch.board, batch.query)
        fetching = self._rows.words.get(batch.id) == "fetching"
        if id == "downloads.resume":
            if fetching or job is not None:
                return "it is fetching already"
            if batch.listed and not batch.open and not batch.counts.get("failed"):
                return "every file of it is in"
        if id == "downloads.pause" and job is None:
            return "another program fetches it: stop it there" if fetching else "it is not fetching"
        if id == "downloads.pane" and not any(len(view.rows) for view in self.query("#items").results(VirtualList)):
            return "no file of it is open or failed"
        if id == "downloads.cancel" and (fetching or job is not None):
            return "stop it first with s"
        return None

    def command_resume(self) -> None:
        """Goes on."""
        if (batch := self._batch) is not None:
            downloads_runner.go_on(self, batch)
            self.toast("Going on.")
            self.set_timer(0.3, self.enter)

    def command_pause(self) -> None:
        """Asks the job to stop."""
        batch = self._batch
        job = downloads_runner.job_of(self.workspace.root, batch.board, batch.query) if batch else None
        if job is not None:
            job.cancel.set()

    def command_cancel(self) -> None:
        """Gives up what is open; what is not open any more goes off the list."""
        batch = self._batch
        if batch is None or self._manifest is None:
            return
        from loratui.core.downloads.get import give_up

        if batch.state in ("cancelled", "done") and not batch.open:
            self._manifest.forget(batch.id)
            self.toast("Taken off the list; its pictures stay.")
        else:
            give_up(self.workspace, self._manifest, batch)
            self.toast("Given up what was open; what is there stays. x again takes it off the list.")
        self.enter()

    def command_pane(self) -> None:
        """To the files, and back."""
        (self._batches if self._items.has_focus else self._items).focus()

    def step_out(self) -> bool:
        """Panel, then the files."""
        if super().step_out():
            return True
        if self._items.has_focus:
            self._batches.focus()
            return True
        return False
