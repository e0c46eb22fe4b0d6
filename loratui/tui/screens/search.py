"""Search: a query, its posts beside their pictures, and all of them into a subset."""

from concurrent.futures import Future
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.errors import Cancelled, UsageError
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.commands import Command
from loratui.tui.jobs import Job
from loratui.tui.screens import downloads_runner
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.search_rows import PostRows, TagRows, about, counts, how, names, with_word
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.boards.network import Network
    from loratui.core.boards.post import Post
    from loratui.core.boards.search import Search
    from loratui.core.workspace import Workspace

_AHEAD = 30
"""Rows left below the cursor at which the next page is fetched."""
_REST = 0.12
"""Seconds the cursor rests on a post before its tags and picture are shown: a held key costs two lines a step."""


class SearchScreen(LoratuiScreen):
    """Posts of a board."""

    NAME: ClassVar[str] = "search"
    TITLE_TEXT: ClassVar[str] = "Search"
    GO: ClassVar[str] = "s"
    EMPTY: ClassVar[str] = "Press / and type tags to search {board}. Press b for another board."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("search.query", ("/",), "query", "Asks for tags and metatags, and searches the board."),
        Command("search.board", ("b",), "board", "Chooses the board, and repeats the query there.", footer=False),
        Command("search.mark", ("space",), "mark", "Marks the post and steps on; marked ones can be got alone."),
        Command("search.get", ("enter",), "get", "Gets the marked posts, or all of the query, into a subset."),
        Command("search.pane", ("tab",), "tags", "Goes to the tags of the post, and back to the list."),
        Command("search.include", ("a",), "with tag", "Adds the tag under the cursor to the query."),
        Command("search.exclude", ("x",), "without", "Excludes the tag under the cursor from the query."),
    )

    DEFAULT_CSS = """
    SearchScreen #query { height: 1; padding: 0 1; }
    SearchScreen #how { height: 1; padding: 0 1; }
    SearchScreen #posts { width: 1fr; }
    SearchScreen #side { width: 42%; padding: 0 1; }
    SearchScreen #about { height: 1; color: $dim; text-align: center; }
    SearchScreen #tags { height: 40%; max-height: 24; }
    SearchScreen.-narrow #side { display: none; width: 100%; }
    SearchScreen.-narrow.-pane #side { display: block; }
    SearchScreen.-narrow.-pane #posts { display: none; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._rows = PostRows()
        self._search: Search | None = None
        self._total: int | None = None
        self._board = workspace.config.default_board
        self._query = ""
        self._job: Job | None = None
        self._network: Network | None = None
        self._preview: Future[Path | None] | None = None
        self._rest: Timer | None = None
        self._shown: Post | None = None

    def compose_body(self) -> ComposeResult:
        """Query, plan, posts and the pane of one post."""
        yield Static(id="query")
        yield Static(id="how")
        with Horizontal():
            yield VirtualList(self._rows, id="posts", empty=self._empty())
            with Vertical(id="side"):
                yield Picture(id="picture")
                yield Static(id="about")
                yield VirtualList(TagRows(), id="tags")

    def on_mount(self) -> None:
        """The list has the keys."""
        self._posts.focus()
        self._show()

    def on_unmount(self) -> None:
        """Lets the connections go; nobody waits for that."""
        if self._job is not None:
            self._job.cancel.set()
        if self._network is not None:
            Thread(target=self._network.close, daemon=True).start()

    def reload(self) -> None:
        """Nothing here is of the dataset."""
        self._show()

    @property
    def _posts(self) -> VirtualList:
        return self.query_one("#posts", VirtualList)

    @property
    def _tags(self) -> VirtualList:
        return self.query_one("#tags", VirtualList)

    @property
    def _post(self) -> "Post | None":
        return self._rows.posts[self._posts.cursor] if self._rows.posts else None

    def _empty(self) -> str:
        if self._search is None or self._job is not None:
            begin = f"{self.EMPTY.format(board=self._board)} {self.app.greeting}".rstrip()
            return begin if self._job is None else f"Searching {self._board} …"
        left_out = sum(self._search.filtered.values())
        why = f" {left_out:,} were left out: see above." if left_out else ""
        return f"{self._board} has nothing for this query.{why} Press / to change it."

    def _show(self) -> None:
        """Paints what is known of the search."""
        query = Content.assemble(("/ ", "$primary bold"), line(self._query) or ("no query yet", "$dim"))
        self.query_one("#query", Static).update(Content.assemble(query, ("   on ", "$dim"), line(self._board)))
        self.query_one("#how", Static).update(how(self._search) if self._search else Content())
        marked = len(self._rows.marked)
        self.set_counts(counts(self._search, self._total, marked) if self._search else self._board)
        self._posts.set_source(self._rows, empty=self._empty())
        self._show_post()
        self.refresh_status()

    # --- one post ------------------------------------------------------------------------------------------------

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """Another post: its tags and picture once the cursor rests, and more posts when the end is near."""
        if event.control.id == "posts":
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(_REST, self._show_post)
            self._more()

    def _show_post(self) -> None:
        post = self._post
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        if post is not None and post is self._shown:
            return
        self._shown = post
        self.query_one("#about", Static).update(about(post) if post else Content())
        self._tags.set_source(TagRows(post, self._query), keep=False)
        if self._preview is not None:
            self._preview.cancel()
        picture = self.query_one("#picture", Picture)
        if post is None:
            picture.show(None)
            return
        from loratui.core.downloads.previews import cached

        if (path := cached(post)) is not None:
            picture.show(path)
            return
        picture.show(None, label="…" if post.preview_url else "no preview")
        if self._network is None or self._search is None or not post.preview_url:
            return
        from loratui.core.downloads.previews import preview

        self._preview = self._network.start(preview(self._network, self._search.board, post))
        self._preview.add_done_callback(lambda future: self.app.call_later(self._have_preview, post, future))

    def _have_preview(self, post: "Post", future: "Future[Path | None]") -> None:
        if post is not self._post or future.cancelled():
            return
        picture = self.query_one("#picture", Picture)
        if future.exception() is not None:
            picture.show(None, label="the preview did not come")
        else:
            picture.show(future.result())

    # --- searching -----------------------------------------------------------------------------------------------

    async def command_query(self) -> None:
        """Asks for the query and searches."""
        typed = await self.ask(f"Search {self._board}", self._query)
        if typed is not None and typed.strip():
            self._begin(typed.strip())

    async def command_board(self) -> None:
        """Asks for the board."""
        from loratui.core.config import load

        boards = load().boards
        typed = await self.ask("Board", self._board, complete=lambda text: names(list(boards), text))
        if typed is None or not typed.strip():
            return
        from loratui.core.boards.registry import find

        self._board = find(load(), typed.strip()).name
        if self._query:
            self._begin(self._query)
        else:
            self._show()

    def command_include(self) -> None:
        """Asks for the tag too."""
        self._begin(with_word(self._query, self._tags_under_cursor(), True))

    def command_exclude(self) -> None:
        """Asks for posts without the tag."""
        self._begin(with_word(self._query, self._tags_under_cursor(), False))

    def _tags_under_cursor(self) -> str:
        rows = self._tags.rows
        assert isinstance(rows, TagRows)
        return rows.tags[self._tags.cursor][1]

    def _begin(self, query: str) -> None:
        if self._job is not None:
            self._job.cancel.set()
        self._query, self._search, self._total = query, None, None
        self._rows = PostRows(query)
        self._posts.set_source(self._rows, keep=False)
        board = self._board

        def work(report: Report, cancel: Event) -> "tuple[Search, int | None, list[Post]]":
            from loratui.core.boards.client import Client
            from loratui.core.boards.network import Network
            from loratui.core.boards.registry import find
            from loratui.core.boards.search import Search
            from loratui.core.config import load
            from loratui.core.downloads.previews import prune

            if self._network is None:
                self._network = Network()
                prune()
            search = Search(Client(find(load(), board), self._network), query, cancel=cancel)
            total = search.total()
            return search, total, search.some(report=report)

        def done(found: "tuple[Search, int | None, list[Post]]") -> None:
            if self._job is job:
                self._job = None
                self._search, self._total, posts = found
                self._take(posts)

        job = self._job = self.app.jobs.start(
            "searching", work, done, lambda error: self._failed(job, error), quiet=True
        )
        self._leave_pane()
        self._show()

    def _more(self) -> None:
        """The next page, when the cursor comes near the end of what is listed."""
        search = self._search
        if search is None or self._job is not None or search.finished:
            return
        if self._posts.cursor + _AHEAD < len(self._rows):
            return

        def work(report: Report, cancel: Event) -> "list[Post]":
            search.cancel = cancel
            return search.some(report=report)

        def done(posts: "list[Post]") -> None:
            if self._job is job:
                self._job = None
                self._take(posts)

        job = self._job = self.app.jobs.start("listing", work, done, lambda error: self._failed(job, error), quiet=True)

    def _take(self, posts: "list[Post]") -> None:
        """Adds posts to the list; where their records tell no categories, those are asked for beside it."""
        start = len(self._rows)
        self._rows.posts += posts
        self._show()
        search = self._search
        if search is None or all(post.categorised for post in posts):
            return

        def work(report: Report, cancel: Event) -> "list[Post]":
            search.cancel = cancel
            return search.categorised(posts, report=report)

        def done(sorted_posts: "list[Post]") -> None:
            if self._job is job:
                self._job = None
                self._rows.posts[start : start + len(posts)] = sorted_posts
                self._show()

        job = self._job = self.app.jobs.start(
            "sorting tags", work, done, lambda error: self._failed(job, error), quiet=True
        )

    def _failed(self, job: Job, error: Exception) -> None:
        if self._job is not job:
            return
        self._job = None
        self._show()
        if not isinstance(error, Cancelled):
            self.app.report_error(error)

    # --- choosing and getting ------------------------------------------------------------------------------------

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        if id in ("search.mark", "search.get", "search.pane") and not self._rows.posts:
            return "there are no posts yet: press / to search"
        # Asked for before the screen has its widgets, too.
        in_tags = any(view.has_focus and len(view.rows) for view in self.query("#tags").results(VirtualList))
        if id in ("search.include", "search.exclude") and not in_tags:
            return "press tab to go to the tags of a post"
        return None

    def command_mark(self) -> None:
        """Marks or unmarks the post, and steps on."""
        post = self._post
        if post is not None:
            self._rows.marked ^= {post.id}
            self._posts.update_row(self._posts.cursor)
            if self._search is not None:
                self.set_counts(counts(self._search, self._total, len(self._rows.marked)))
            self._posts.cursor += 1

    def command_pane(self) -> None:
        """To the tags, and back."""
        if self._tags.has_focus:
            self._leave_pane()
        else:
            self._show_post()
            self.add_class("-pane")
            self._tags.focus()

    def _leave_pane(self) -> None:
        self.remove_class("-pane")
        self._posts.focus()

    def step_out(self) -> bool:
        """Panel, then pane, then marks."""
        if super().step_out():
            return True
        if self._tags.has_focus:
            self._leave_pane()
            return True
        if self._rows.marked:
            self._rows.marked.clear()
            self._show()
            return True
        return False

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter in a list."""
        self.app.run_command(self, "search.get")

    async def command_get(self) -> None:
        """Asks where to and how many, then gets."""
        from loratui.core.downloads.get import ASK_ABOVE
        from loratui.core.downloads.manifest import Options
        from loratui.tui.shell.form import Field

        search = self._search
        if search is None:
            return
        marked = len(self._rows.marked)
        project = self.workspace.project
        subsets = [subset.name for subset in project.subsets] if project else []
        into = Field(
            "into", "into", subsets[0] if subsets else "", "this folder", (), lambda text: names(subsets, text)
        )
        captions = Field("captions", "captions", "board's tags", options=("board's tags", "none"))
        few = [
            Field("limit", "at most", "", "all", check=lambda text: _number(text, "at most")),
            Field("side", "smallest side", "", "any, in pixels", check=lambda text: _number(text, "smallest side")),
        ]
        total = "an unknown number of" if self._total is None else f"{self._total:,}"
        title = f"Get the {marked:,} marked posts" if marked else f"Get all of {total} posts"
        answer = await self.fill_in(title, [into, captions] if marked else [into, *few, captions], enter="get")
        if answer is None:
            return
        target = answer["into"].strip() or None
        with_captions = answer["captions"] != "none"
        if marked:
            posts = [post for post in self._rows.posts if post.id in self._rows.marked]
            downloads_runner.get_posts(self, search, posts, target, with_captions)
        else:
            limit, side = _number(answer["limit"], "at most"), _number(answer["side"], "smallest side")
            many = self._total if limit is None else min(limit, self._total or limit)
            if (many is None or many > ASK_ABOVE) and not await self.confirm(
                f"This gets {'an unknown number of' if many is None else f'up to {many:,}'} posts. Go on?"
            ):
                return
            downloads_runner.get_query(self, search, target, Options(limit, side or 0, with_captions))
        self.toast("Getting: see Downloads with gd.")


def _number(text: str, name: str) -> int | None:
    """A count that may be left open.

    Raises:
        UsageError: it is no whole number above zero.
    """
    text = text.strip().replace(",", "")
    if text in ("", "all", "any"):
        return None
    if not text.isdigit() or not int(text):
        raise UsageError(f"{line(text, 40)} is no number for “{name}”.", "Type a whole number, or leave it empty.")
    return int(text)
