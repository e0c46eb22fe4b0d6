"""What the Tags screen shows: the scope, the table of its tags, the images with a tag in turn. Its commands: `tags`."""

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.dataset.expression import parse
from loratui.core.sanitize import line
from loratui.tui.commands import Command
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.tags_detail import Detail, Known, know
from loratui.tui.screens.tags_table import Loaded, Order, TagTable, columns, load
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
        self._loaded: Loaded | None = None
        self._table: TagTable | None = None
        self._filter = ""
        self._scope: set[int] = set()
        self._order: Order = "count"
        self._marked: set[str] = set()
        self._anchor = ""
        self._images: list[int] = []
        self._of = ""
        self._image: str | None = None
        self._known: dict[str, Known] = {}
        self._follow: Timer | None = None
        self._reading = self._stale = False

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
            if workspace is self.workspace:
                self._take(loaded)
            if self._stale or workspace is not self.workspace:
                self._stale = False
                self.reload()

        def failed(error: Exception) -> None:
            self._reading = self._stale = False
            self.app.report_error(error)

        self.app.jobs.start("reading", lambda report, cancel: load(workspace, report), done, failed, quiet=True)

    def _take(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._known.clear()
        self._select()

    def _select(self) -> None:
        """Finds the images in scope, then shows them. On a thread: `width<768` opens every image."""
        loaded, text = self._loaded, self._filter
        if loaded is None:
            return
        if not text:
            self._scoped(set(range(len(loaded.dataset.images))))
            return
        expression = parse(text)
        ratings = self.workspace.ratings(loaded.dataset)

        def done(scope: set[int]) -> None:
            if loaded is self._loaded and text == self._filter:
                self._scoped(scope)

        self.app.jobs.start(
            "filtering", lambda report, cancel: expression.select(loaded.dataset, ratings), done, quiet=True
        )

    def _scoped(self, scope: set[int]) -> None:
        self._scope = scope
        self._fill()

    def _fill(self) -> None:
        """Makes the table anew; the cursor stays on its tag."""
        assert self._loaded is not None
        view = self.query_one(VirtualList)
        tag = self._tag
        self._table = TagTable(self._loaded, self._scope, self._order, self._marked)
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
        if self._loaded is None or not self._loaded.dataset.images:
            return self.EMPTY
        if not self._scope:
            return "No image fits. Press / to change the filter, esc to drop it."
        return "No caption holds a tag yet. Press T to run the tagger, or a to add a tag to all."

    def _show_heads(self) -> None:
        loaded, table = self._loaded, self._table
        assert loaded is not None and table is not None
        images = len(loaded.dataset.images)
        fits = f"{len(self._scope):,} of {images:,} images" if self._filter else "all images"
        shown = Content.assemble(("/ ", "bold $accent"), (line(self._filter), "bold"), f"   {fits}")
        none = Content.styled("/ filter", "$dim")
        self.query_one("#filter", Static).update(shown if self._filter else none, layout=False)
        self._show_columns()
        empty = len(loaded.dataset.uncaptioned())
        self.set_counts(f"{images:,} images · {empty:,} uncaptioned · {len(table):,} tags · scope: {self.scope}")
        self._show_marks()

    def _show_columns(self) -> None:
        width = self.query_one("#table").size.width
        arrow = "↓" if self._order == "count" else ""
        heads = columns(width, f"count{arrow}", "tag" if arrow else "tag ↓")
        self.query_one("#columns", Static).update(heads, layout=False)

    def on_resize(self, event: events.Resize) -> None:
        """The heads stand over their columns."""
        self.call_after_refresh(self._show_columns)

    @property
    def scope(self) -> str:
        """What commands work on, in words."""
        return f"{len(self._scope):,} that fit {self._filter}" if self._filter else "all"

    def _show_marks(self) -> None:
        loaded = self._loaded
        if not self._marked or loaded is None:
            self.set_note("")
            return
        where = set().union(*(loaded.dataset.carrying(tag) for tag in self._marked)) & self._scope
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
        if self._loaded is None:
            return
        tag = self._tag
        chosen = self._scope & self._loaded.dataset.postings.get(tag, set()) if tag else self._scope
        self._show_images(sorted(chosen), f"with {tag}" if tag else "in scope")

    def _untagged(self) -> list[int]:
        """The images in scope without a caption."""
        return sorted(self._scope & set(self._loaded.dataset.uncaptioned())) if self._loaded is not None else []

    def _show_images(self, images: list[int], of: str) -> None:
        self._images, self._of = images, of
        self._show_image()

    @property
    def _position(self) -> int | None:
        """Where the image shown is in the dataset."""
        loaded = self._loaded
        if loaded is None or not self._images:
            return None
        # The one that was shown, else the next in order of the paths.
        paths, shown = loaded.dataset.images, self._image or ""
        return next((position for position in self._images if paths[position].path >= shown), self._images[0])

    def _show_image(self) -> None:
        loaded, table, position = self._loaded, self._table, self._position
        detail = self.query_one(Detail)
        if loaded is None or table is None or position is None:
            self._image = None
            detail.show_nothing("" if loaded is None or not loaded.dataset.images else "No image here.")
            return
        path = self._image = loaded.dataset.images[position].path
        place = f"{self._images.index(position) + 1:,} of {len(self._images):,} {self._of}"
        known = self._known.get(path)
        detail.show(self.workspace.root, loaded, table, position, line(place), self._tag, known)
        if known is None:
            self._learn(loaded, position, path)

    def _learn(self, loaded: Loaded, position: int, path: str) -> None:
        workspace = self.workspace

        def done(known: Known) -> None:
            if loaded is self._loaded:
                self._known[path] = known
                if path == self._image:
                    self._show_image()

        self.app.jobs.start("looking", lambda report, cancel: know(workspace, loaded, position), done, quiet=True)

    def _step_image(self, step: int) -> None:
        loaded, position = self._loaded, self._position
        assert loaded is not None and position is not None
        index = (self._images.index(position) + step) % len(self._images)
        self._image = loaded.dataset.images[self._images[index]].path
        self._show_image()
