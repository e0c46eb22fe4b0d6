"""What the Tags screen shows: the scope, the table of its tags, the images with a tag in turn. Its commands: `tags`."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.commands import Command
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.tags_detail import Detail, Known, know
from loratui.tui.screens.tags_snapshot import Loaded, Snapshot, load, select
from loratui.tui.screens.tags_table import Order, TagTable, columns
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.workspace import Workspace

_PAUSE = 0.15
"""Seconds the cursor rests before the image beside it follows: a held key sends the table only."""

UNTAGGED = "without a caption"


class TagsView(LoratuiScreen):
    """Table at the left; image, caption and scores at the right."""

    COMMANDS: ClassVar[tuple[Command, ...]] = ()
    EMPTY: ClassVar[str] = (
        "No images here yet. Press gs to search a board, or gp and i to take in a folder of your own."
    )
    DEFAULT_CSS = """
    TagsView #table { width: 1fr; height: 1fr; }
    TagsView #filter, TagsView #columns { height: 1; padding: 0 1; color: $dim; }
    TagsView #table VirtualList { height: 1fr; }
    TagsView Detail { width: 1fr; height: 1fr; border-left: solid $panel; }
    TagsView.-wide > #body { layout: horizontal; }
    TagsView.-wide #table { width: 40%; min-width: 58; }
    TagsView.-narrow Detail { display: none; border-left: none; }
    TagsView.-narrow .detail--caption { height: 5; }
    TagsView.-narrow.-image #table { display: none; }
    TagsView.-narrow.-image Detail { display: block; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._newest: Loaded | None = None
        self._snapshot: Snapshot | None = None
        self._table: TagTable | None = None
        self._filter = ""
        self._order: Order = "count"
        self._marked: set[str] = set()
        self._anchor = ""
        self._images: list[int] = []
        self._of = ""
        self._image: str | None = None
        self._known: dict[str, Known] = {}
        self._follow: Timer | None = None
        self._reading = self._stale = False
        self._fresh = asyncio.Event()

    def compose_body(self) -> ComposeResult:
        """The table and the detail."""
        with Vertical(id="table"):
            yield Static(id="filter")
            yield Static(id="columns")
            yield VirtualList(empty="Reading the captions …")
        yield Detail()

    # --- reading -------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Reads all captions on a thread; a change that comes meanwhile has them read once more."""
        if self._reading:
            self._stale = True
            return
        self._reading, workspace = True, self.workspace

        def done(loaded: Loaded) -> None:
            self._reading = False
            again, self._stale = self._stale or workspace is not self.workspace, False
            if again:
                self.reload()
            if workspace is self.workspace:
                self._take(loaded)

        def failed(error: Exception) -> None:
            self._reading = self._stale = False
            self._fresh.set()
            self.app.report_error(error)

        self.app.jobs.start("reading", lambda report, cancel: load(workspace, report), done, failed, quiet=True)

    async def reread(self) -> None:
        """Reads all captions anew, and waits until they are shown."""
        self._fresh.clear()
        self.reload()
        await self._fresh.wait()

    async def renew(self, before: Loaded, after: Loaded) -> None:
        """Shows what a step made of a dataset, and waits for that; all is read anew if it is not the newest."""
        if before is not self._newest or self._reading:
            await self.reread()
            return
        self._fresh.clear()
        self._take(after)
        await self._fresh.wait()

    def _take(self, loaded: Loaded) -> None:
        """Takes a dataset; the one before stays in force until the scope of this one is known."""
        self._newest = loaded
        self._find_scope()

    def _find_scope(self) -> None:
        """Finds the images that fit the filter, on a thread, then swaps dataset and scope together."""
        loaded, text, workspace = self._newest, self._filter, self.workspace
        if loaded is None:
            return
        if not text:
            self._swap(select(workspace, loaded, ""))
            return

        def done(snapshot: Snapshot) -> None:
            if loaded is self._newest and text == self._filter:
                self._swap(snapshot)

        def failed(error: Exception) -> None:
            if self._snapshot is not None and text == self._filter:
                self._filter = self._snapshot.filter
            self._fresh.set()
            self.app.report_error(error)

        self.app.jobs.start(
            "filtering", lambda report, cancel: select(workspace, loaded, text), done, failed, quiet=True
        )

    def _swap(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._images = []  # they named images of the snapshot before
        self._known.clear()
        self._fill()
        if not self._reading:
            self._fresh.set()

    def _fill(self) -> None:
        """Makes the table anew; the cursor stays on its tag."""
        assert self._snapshot is not None
        view = self.query_one(VirtualList)
        tag = self._tag
        self._table = TagTable(self._snapshot, self._order, self._marked)
        self._marked.intersection_update(self._table.counts)  # in place: the table shares it
        where = self._table.index_of(tag) if tag else None
        view.set_source(self._table, empty=self._why_empty())
        if where is not None:
            view.cursor = where
        self._show_heads()
        untagged = self._untagged() if self._of == UNTAGGED else []
        if untagged:  # one of them got its caption: on to the next
            self._show_images(untagged, UNTAGGED)
        else:
            self._pick_images()
        self.refresh_status()

    def _why_empty(self) -> str:
        if self._snapshot is None or not self._snapshot.dataset.images:
            return self.EMPTY
        if not self._snapshot.scope:
            return "No image fits. Press / to change the filter, esc to drop it."
        return "No caption holds a tag yet. Press T to run the tagger, or a to add a tag to all."

    def _show_heads(self) -> None:
        snapshot, table = self._snapshot, self._table
        assert snapshot is not None and table is not None
        images = len(snapshot.dataset.images)
        shown = Content.styled("/ filter", "$dim")
        if snapshot.filter:
            fits = f"   {len(snapshot.scope):,} of {images:,} images"
            shown = Content.assemble(("/ ", "bold $accent"), (line(snapshot.filter), "bold"), fits)
        self.query_one("#filter", Static).update(shown, layout=False)
        self._show_columns()
        empty = len(snapshot.dataset.uncaptioned())
        scope = count(len(snapshot.scope), "image") if snapshot.filter else "all"  # the expression stands below
        self.set_counts(f"{images:,} images · {empty:,} uncaptioned · {len(table):,} tags · scope: {scope}")
        self._show_marks()

    def _show_columns(self) -> None:
        width = self.query_one("#table").size.width
        arrow = "↓" if self._order == "count" else ""
        heads = columns(width, f"count{arrow}", "tag" if arrow else "tag ↓")
        self.query_one("#columns", Static).update(heads, layout=False)

    def on_resize(self, event: events.Resize) -> None:
        """The heads stand over their columns."""
        self.call_after_refresh(self._show_columns)

    def _show_marks(self) -> None:
        snapshot = self._snapshot
        if not self._marked or snapshot is None:
            self.set_note("")
            return
        where = set().union(*(snapshot.dataset.carrying(tag) for tag in self._marked)) & snapshot.scope
        self.set_note(f"● {len(self._marked)} marked in {len(where):,} images")

    # --- the image -----------------------------------------------------------------------------------------------

    @property
    def _tag(self) -> str:
        """The tag under the cursor; "" where there is none."""
        table, cursor = self._table, self.query_one(VirtualList).cursor
        return table.tags[cursor] if table is not None and cursor < len(table) else ""

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """The image follows when the cursor rests."""
        if self._follow is not None:
            self._follow.stop()
        self._follow = self.set_timer(_PAUSE, self._pick_images)

    def _pick_images(self) -> None:
        """The images in scope with the tag under the cursor; the one shown stays if it is among them."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        tag = self._tag
        chosen = snapshot.scope & snapshot.dataset.postings.get(tag, set()) if tag else snapshot.scope
        self._show_images(sorted(chosen), f"with {tag}" if tag else "in scope")

    def _untagged(self) -> list[int]:
        """The images in scope without a caption."""
        snapshot = self._snapshot
        return sorted(snapshot.scope & set(snapshot.dataset.uncaptioned())) if snapshot is not None else []

    def _show_images(self, images: list[int], of: str) -> None:
        self._images, self._of = images, of
        self._show_image()

    @property
    def _position(self) -> int | None:
        """Where the image shown is in the dataset."""
        snapshot = self._snapshot
        if snapshot is None or not self._images:
            return None
        # The one that was shown, else the next in order of the paths.
        paths, shown = snapshot.dataset.images, self._image or ""
        return next((position for position in self._images if paths[position].path >= shown), self._images[0])

    def _show_image(self) -> None:
        snapshot, table, position = self._snapshot, self._table, self._position
        detail = self.query_one(Detail)
        if snapshot is None or table is None or position is None:
            self._image = None
            detail.show_nothing("" if snapshot is None or not snapshot.dataset.images else "No image here.")
            return
        loaded = snapshot.loaded
        path = self._image = loaded.dataset.images[position].path
        place = f"{self._images.index(position) + 1:,} of {len(self._images):,} {self._of}"
        known = self._known.get(path)
        detail.show(self.workspace.root, loaded, table, position, line(place), self._tag, known)
        if known is None:
            self._learn(loaded, position, path)

    def _learn(self, loaded: Loaded, position: int, path: str) -> None:
        workspace = self.workspace

        def done(known: Known) -> None:
            if self._snapshot is not None and loaded is self._snapshot.loaded:
                self._known[path] = known
                if path == self._image:
                    self._show_image()

        self.app.jobs.start("looking", lambda report, cancel: know(workspace, loaded, position), done, quiet=True)

    def _step_image(self, step: int) -> None:
        snapshot, position = self._snapshot, self._position
        assert snapshot is not None and position is not None
        index = (self._images.index(position) + step) % len(self._images)
        self._image = snapshot.dataset.images[self._images[index]].path
        self._show_image()
