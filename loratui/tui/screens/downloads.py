"""Downloads: every get of this project, how far it is, what failed and why."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.commands import Command
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.downloads_rows import BatchRows, ItemRows, detail
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.downloads.manifest import Batch, Item, Manifest
    from loratui.core.workspace import Workspace

_PERIOD = 1.0
_SHOWN = 500
"""Rows of files that wait; how many more there are is told."""


class DownloadsScreen(LoratuiScreen):
    """The queue. It reads what is on disk and writes there what is wanted: gets of other programs are like its own."""

    NAME: ClassVar[str] = "downloads"
    TITLE_TEXT: ClassVar[str] = "Downloads"
    GO: ClassVar[str] = "d"
    EMPTY: ClassVar[str] = "Nothing was downloaded yet. Press gs to search a board, then enter to get what it found."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command(
            "downloads.resume",
            ("enter",),
            "go on",
            "Goes on with the get; where only failed files are left, with them.",
        ),
        Command("downloads.pause", ("s",), "stop", "Stops the get; whole files stay, the others go on later."),
        Command(
            "downloads.retry",
            ("R",),
            "failed again",
            "Tries the failed files of the get again; among the files, the one under the cursor.",
        ),
        Command("downloads.first", ("P",), "first", "Has the get go before all others.", footer=False),
        Command("downloads.cancel", ("x",), "give up", "Gives up what is open; pressed again, takes it off the list."),
        Command(
            "downloads.captions", ("c",), "captions", "Writes captions anew from the boards' tags, without downloading."
        ),
        Command("downloads.pane", ("tab",), "files", "Goes to the files of the get, and back."),
    )

    DEFAULT_CSS = """
    DownloadsScreen #batches { height: 1fr; }
    DownloadsScreen #below { height: 1fr; display: none; }
    DownloadsScreen.-some #below { display: block; }
    DownloadsScreen #detail { height: auto; max-height: 7; padding: 0 2; background: $surface; }
    DownloadsScreen #items { height: 1fr; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._rows = BatchRows()
        self._manifest: Manifest | None = None
        self._version = 0
        self._told: list[Content] = []
        self._of: int | None = None

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

    @property
    def _failed_item(self) -> "Item | None":
        """The failed file under the cursor."""
        rows = self._items.rows
        return rows.failed_at(self._items.cursor) if isinstance(rows, ItemRows) else None

    def _tick(self) -> None:
        if not self.is_current or self._manifest is None:
            return
        if self._manifest.version() != self._version or any(batch.state == "active" for batch in self._rows.batches):
            self.app.guarded(self.reload)

    def reload(self) -> None:
        """Reads the queue."""
        from loratui.core.downloads import queue
        from loratui.core.downloads.manifest import Manifest
        from loratui.core.downloads.progress import Pace

        if self._manifest is None:
            self._manifest = Manifest(self.workspace.root)
        self._version = self._manifest.version()
        batches = self._manifest.batches()
        someone = queue.busy(self.workspace.root) if any(batch.state == "active" for batch in batches) else False
        turn = self._manifest.next()
        words: dict[int, str] = {}
        for batch in batches:
            if batch.state == "active" and someone and batch.id == turn:
                words[batch.id] = "fetching" if batch.listed or batch.total else "listing"
                self._rows.paces.setdefault(batch.id, Pace()).look(batch)
                continue
            self._rows.paces.pop(batch.id, None)
            waiting = "waiting" if someone else "broken off"
            stopped = "trouble" if batch.problem else "stopped"
            words[batch.id] = {"active": waiting, "paused": stopped, "cancelled": "given up", "done": "done"}[
                batch.state
            ]
        arriving = not self._rows.batches
        self._rows.batches, self._rows.words = batches, words
        self.set_class(bool(batches), "-some")
        if batches:  # the rest of the screen is for the files
            self._batches.styles.height = max(2, min(len(batches), self.size.height * 2 // 5))
        self._batches.update_rows()
        if arriving and turn in (numbers := [batch.id for batch in batches]) and someone:
            self._batches.cursor = numbers.index(turn)
        to_come = sum(batch.open for batch in batches if batch.state != "cancelled")
        failed = sum(batch.failed for batch in batches)
        parts = [count(len(batches), "get")] if batches else []
        parts += [f"{to_come:,} to come"] if to_come else []
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
            self._items.set_source(ItemRows(), empty="")
            self._keep_focus()
            return
        fetching = self._rows.words.get(batch.id) == "fetching"
        told = detail(batch, self._manifest.reasons(batch.id), self._rows.pace(batch))
        if told != self._told:
            self._told = told
            self.query_one("#detail", Static).update(Content("\n").join(told))
        begun = self._manifest.begun(batch.id)
        failed = self._manifest.items(batch.id, ("failed",), limit=_SHOWN)
        # While files come in, a list of those that wait would move with every one of them.
        waiting = [] if fetching else self._manifest.waiting(batch.id, limit=_SHOWN)
        more = batch.counts.get("queued", 0) - len(begun) - len(waiting)
        before = self._items.rows if self._of == batch.id else None
        assert before is None or isinstance(before, ItemRows)
        rows = ItemRows(begun, failed, waiting, fetching=fetching, more=more, before=before)
        done = {
            "done": "Every file of it is in.",
            "waiting": "It waits for its turn. Press P to have it go first.",
            "listing": f"{line(batch.board, 80)} is being asked which posts there are.",
        }.get(self._rows.words.get(batch.id, ""), "No file of it is open.")
        self._items.set_source(rows, keep=self._of == batch.id, empty=done)
        self._of = batch.id
        self._keep_focus()

    def _keep_focus(self) -> None:
        """The keys leave a list that has no rows any more."""
        if self._items.has_focus and not len(self._items.rows):
            self._batches.focus()

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        batch = self._batch
        if id == "downloads.captions":
            return None
        if batch is None:
            return "there is no get yet: gs searches"
        at_work = batch.state == "active" and self._rows.words.get(batch.id) != "broken off"
        if id == "downloads.resume":
            if at_work:
                return "it is in the works already"
            if batch.state == "done" and not batch.open and not batch.failed:
                return "every file of it is in"
        if id == "downloads.pause" and batch.state != "active":
            return "it is not fetching"
        if id == "downloads.retry":
            if not batch.failed:
                return "no file of it failed"
            if self._items.has_focus and self._failed_item is None:
                return "this file did not fail"
        if id == "downloads.first" and (batch.state != "active" or len(self._rows) < 2):
            return "it does not wait for others"
        if id == "downloads.pane" and not any(len(view.rows) for view in self.query("#items").results(VirtualList)):
            return "no file of it is open or failed"
        if id == "downloads.cancel" and at_work:
            return "stop it first with s"
        return None

    def command_resume(self) -> None:
        """Goes on."""
        if (batch := self._batch) is not None:
            self.app.downloads.go_on(batch)
            self.toast("Going on.")

    def command_pause(self) -> None:
        """Whoever works on it stops."""
        if (batch := self._batch) is not None and self._manifest is not None:
            self._manifest.set_state(batch.id, "paused")
            self.enter()

    def command_retry(self) -> None:
        """The failed files once more; among the files, one of them."""
        if (batch := self._batch) is not None and self._manifest is not None:
            chosen = self._failed_item if self._items.has_focus else None
            again = self._manifest.retry(batch.id, item=None if chosen is None else chosen.id)
            self.app.downloads.follow()
            self.toast(f"Trying {count(again, 'file')} again.")
            self.enter()

    def command_first(self) -> None:
        """Before all others."""
        if (batch := self._batch) is not None and self._manifest is not None:
            self._manifest.put_first(batch.id)
            self.toast("It goes first.")
            self.enter()

    def command_cancel(self) -> None:
        """Gives up what is open; what is not open any more goes off the list."""
        batch = self._batch
        if batch is None or self._manifest is None:
            return
        from loratui.core.downloads import queue

        if batch.state in ("cancelled", "done") and not batch.open:
            self._manifest.forget(batch.id)
            self.toast("Taken off the list; its pictures stay.")
        else:
            queue.give_up(self.workspace.root, self._manifest, batch.id)
            self.toast("Given up what was open; what is there stays. x again takes it off the list.")
        self.enter()

    async def command_captions(self) -> None:
        """All captions anew."""
        from loratui.tui.screens import downloads_captions

        await downloads_captions.write(self)

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
