"""What the Search screen shows: posts as a list and as pictures, and the post under the cursor. See also `search`."""

from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from loratui.tui.commands import Command
from loratui.tui.screens import search_page
from loratui.tui.screens.base import NARROW, LoratuiScreen
from loratui.tui.screens.search_previews import Previews
from loratui.tui.screens.search_rows import PostRows, TagRows, about, heads, label
from loratui.tui.screens.search_shown import Shown, key_of
from loratui.tui.shell.lines import Key
from loratui.tui.shell.query_line import QueryLine
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.thumbnails import ThumbnailGrid
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.boards.network.connections import Network
    from loratui.core.boards.post import Post
    from loratui.core.workspace import Workspace

Look = Literal["both", "list", "grid"]
Pane = Literal["posts", "grid", "tags"]

_REST = 0.12
"""Seconds the cursor rests on a post before all else follows it: a held key costs two lines a step."""
_BROAD = 160
"""From this many columns on, list, pictures and the post stand side by side."""


class _Pictures:
    """Posts as thumbnails."""

    def __init__(self, posts: Shown, previews: Previews) -> None:
        self._listed = posts
        self._previews = previews

    def __len__(self) -> int:
        return len(self._listed)

    def is_marked(self, index: int) -> bool:
        return self._listed.is_marked(index)

    def path(self, index: int) -> Path | None:
        return self._previews.path(self._listed.posts[index])

    def label(self, index: int) -> str:
        return label(self._listed, self._listed.posts[index])

    def error(self, index: int) -> str:
        return self._previews.error(self._listed.posts[index])


class _Grid(ThumbnailGrid):
    """Sends nothing while the query is typed."""

    def _visible(self) -> bool:
        return super()._visible() and not _typing(self)


class _Picture(Picture):
    """Sends nothing while the query is typed."""

    def _visible(self) -> bool:
        return super()._visible() and not _typing(self)


def _typing(widget: Widget) -> bool:
    """Whether letters go into the query: on a thin line they would wait for a picture that is on its way."""
    return any(view.typing for view in widget.screen.query(QueryLine))


class SearchView(LoratuiScreen):
    """List, grid and one post, in as many columns as there is room for; one at a time where there is little."""

    COMMANDS: ClassVar[tuple[Command, ...]] = ()
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide"), (_BROAD, "-broad")]  # noqa: RUF012
    DEFAULT_CSS = """
    SearchView #asked { height: 1; padding: 0 1; }
    SearchView #slash { width: 2; }
    SearchView #on { width: auto; max-width: 40%; text-wrap: nowrap; text-overflow: ellipsis; }
    SearchView #how { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SearchView #heads { height: 1; color: $dim; }
    SearchView #left, SearchView #grid { width: 1fr; height: 1fr; }
    SearchView #right { width: 50%; height: 1fr; padding: 0 0 0 1; }
    SearchView #detail { height: 1fr; }
    SearchView #about { height: auto; max-height: 3; }
    SearchView #picture { height: 1fr; }
    SearchView #tags { height: 40%; min-height: 6; }

    SearchView.-both.-wide #detail { height: 13; }
    SearchView.-both.-wide #picture { display: none; }
    SearchView.-both.-wide #tags { height: 1fr; }
    SearchView.-both.-broad #right { width: 60%; layout: horizontal; }
    SearchView.-both.-broad #detail { width: 44; }

    SearchView.-list.-wide #grid, SearchView.-list.-broad #grid { display: none; }
    SearchView.-list #right { width: 42%; }

    SearchView.-grid.-wide #left, SearchView.-grid.-broad #left { display: none; }
    SearchView.-grid #right { width: 100%; layout: horizontal; padding: 0; }
    SearchView.-grid #detail { width: 44; }

    SearchView.-narrow BoardsPanel VirtualList { height: 8; }

    SearchView.-narrow #right { width: 100%; layout: vertical; padding: 0; }
    SearchView.-narrow #detail { width: 100%; }
    SearchView.-narrow.-pane-posts #right { display: none; }
    SearchView.-narrow.-pane-grid #left, SearchView.-narrow.-pane-tags #left { display: none; }
    SearchView.-narrow.-pane-grid #detail, SearchView.-narrow.-pane-tags #grid { display: none; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._listed = Shown()
        self._previews = Previews(lambda post, future: self.app.call_later(self._preview_came, post, future))
        self._network: Network | None = None
        self._query = ""
        self._several = False
        self._look: Look = "both"
        self._pane: Pane = "posts"
        self._lead: Literal["posts", "grid"] = "posts"
        """Which of the two views of the posts was moved in last: the other follows."""
        self._missing: list[Post] = []
        self._rest: Timer | None = None
        self._showing: Post | None = None

    def compose_body(self) -> ComposeResult:
        """Query, plan, posts and the pane of one post."""
        with Horizontal(id="asked"):
            yield Static(Content.styled("/", "$primary bold"), id="slash")
            yield QueryLine(hint="no query yet", id="query")
            yield Static(id="on")
        yield Static(id="how")
        with Horizontal():
            with Vertical(id="left"):
                yield Static(id="heads")
                yield VirtualList(id="posts")
            with Container(id="right"):
                yield _Grid(cell=(16, 9), id="grid")
                with Vertical(id="detail"):
                    yield _Picture(id="picture")
                    yield Static(id="about")
                    yield VirtualList(id="tags")

    def on_mount(self) -> None:
        """The list has the keys."""
        self._look_like("both")
        self._posts.focus()

    def on_unmount(self) -> None:
        """Lets the connections go; nobody waits for that."""
        self._previews.close()
        if self._network is not None:
            Thread(target=self._network.close, daemon=True).start()

    @property
    def _posts(self) -> VirtualList:
        return self.query_one("#posts", VirtualList)

    @property
    def _grid(self) -> ThumbnailGrid:
        return self.query_one("#grid", ThumbnailGrid)

    @property
    def _tags(self) -> VirtualList:
        return self.query_one("#tags", VirtualList)

    @property
    def _line(self) -> QueryLine:
        return self.query_one("#query", QueryLine)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The pictures go on when the query is left."""
        if isinstance(event.widget, Input) and self._listed.posts:
            self.app.graphics.pictures.wake()

    def _keys(self) -> list[Key]:
        """Those of the query line while it is typed into."""
        if self.panel is not None or not _typing(self):
            return super()._keys()
        return list(search_page.KEYS if search_page.is_address(self._line.value) else QueryLine.KEYS)

    # --- panes ---------------------------------------------------------------------------------------------------

    @property
    def _narrow(self) -> bool:
        return self.app.size.width < NARROW

    @property
    def _panes(self) -> list[Pane]:
        """What `tab` goes through."""
        if self._narrow or self._look == "both":
            return ["posts", "grid", "tags"]
        return ["posts" if self._look == "list" else "grid", "tags"]

    def _look_like(self, look: Look) -> None:
        """Shows the posts as a list, as pictures, or as both."""
        self._look = look
        for name in ("both", "list", "grid"):
            self.set_class(name == look, f"-{name}")
        self._go_to("grid" if look == "grid" else "posts")

    def _go_to(self, pane: Pane) -> None:
        """Gives the keys to a pane; where there is room for one only, it alone is shown."""
        self._pane = pane
        for name in ("posts", "grid", "tags"):
            self.set_class(name == pane, f"-pane-{name}")
        if pane == "tags":
            self._rested()
            self._tags.focus()
        else:
            self._follow()
            (self._posts if pane == "posts" else self._grid).focus()
        self.call_after_refresh(self._fetch)

    def _back_to_posts(self) -> None:
        """From the tags to the view of the posts that was left for them."""
        self._go_to(self._lead if self._look == "both" or self._narrow else self._panes[0])

    # --- the post under the cursor -------------------------------------------------------------------------------

    @property
    def _index(self) -> int:
        return (self._posts if self._lead == "posts" else self._grid).cursor

    @property
    def _post(self) -> "Post | None":
        """The post under the cursor."""
        posts = self._listed.posts
        return posts[min(self._index, len(posts) - 1)] if posts else None

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """Another post."""
        if event.control.id == "posts":
            self._lead = "posts"
            self._moved()

    def on_thumbnail_grid_moved(self, event: ThumbnailGrid.Moved) -> None:
        """Another post."""
        self._lead = "grid"
        self._moved()

    def _moved(self) -> None:
        """All else follows once the cursor rests."""
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(_REST, self._rested)

    def _rested(self) -> None:
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        self._follow()
        self._show_post()

    def _follow(self) -> None:
        """The other view of the posts goes where this one is."""
        other = self._grid if self._lead == "posts" else self._posts
        with self.prevent(VirtualList.Moved, ThumbnailGrid.Moved):
            other.cursor = self._index

    def _show_post(self) -> None:
        post = self._post
        if post is not None and post is self._showing:
            return
        self._showing = post
        here = self._listed.here_of(post) if post is not None else None
        self.query_one("#about", Static).update(about(post, here, datetime.now(UTC)) if post else Content())
        self._tags.set_source(TagRows(post, self._query, self._listed.counts), keep=False)
        self._show_picture()
        self._fetch()

    def _show_picture(self) -> None:
        post = self._post
        path = self._previews.path(post) if post is not None else None
        word = (self._previews.error(post) or "…") if post is not None else ""
        self.query_one("#picture", Picture).show(path, label="" if path else word)

    # --- thumbnails ----------------------------------------------------------------------------------------------

    def on_thumbnail_grid_missing(self, event: ThumbnailGrid.Missing) -> None:
        """These are in sight and not on the disk."""
        self._missing = [self._listed.posts[index] for index in event.indexes if index < len(self._listed)]
        self._fetch()

    @property
    def _picture_shown(self) -> bool:
        if self._narrow:
            return self._pane == "tags"
        return self._look != "both" or self.app.size.width >= _BROAD

    def _fetch(self) -> None:
        """Asks the boards for what is in sight and not here, the post under the cursor first."""
        grid = self._pane == "grid" if self._narrow else self._look != "list"
        post = self._post
        wanted = [post] if post is not None and self._picture_shown else []
        self._previews.want([*wanted, *(self._missing if grid else [])])

    def _preview_came(self, post: "Post", future: "Future[Path | None]") -> None:
        if not self._previews.settle(post, future):
            return
        index = self._listed.index_of(key_of(post))
        if index is not None:
            self._grid.update_cell(index)
        if self._post is not None and key_of(self._post) == key_of(post):
            self._show_picture()

    # --- all of it -----------------------------------------------------------------------------------------------

    def _show_posts(self, empty: str, *, keep: bool = True) -> None:
        """Shows the posts in list and grid.

        Args:
            empty: what stands there without posts.
            keep: the cursor stays on its row.
        """
        self.query_one("#heads", Static).update(heads(self._several) if self._listed.posts else "")
        self._posts.set_source(PostRows(self._listed, self._query, self._several), keep=keep, empty=empty)
        # Beside the list, which says it already, the grid is just empty.
        beside = self._look == "both" and not self._narrow
        self._grid.set_source(_Pictures(self._listed, self._previews), keep=keep, empty="" if beside else empty)
        if not keep:
            self._showing = None
        self._show_post()

    def _show_marks(self) -> None:
        """Paints the marks of what is in sight anew."""
        self._posts.update_rows()
        self._grid.update_all()
