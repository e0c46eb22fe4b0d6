"""Search: a query, its posts beside their pictures, and all of them into a subset."""

import os
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual.widgets import Input

from loratui.core.config import load
from loratui.core.errors import LoratuiError
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.commands import Command
from loratui.tui.screens.search_asking import SearchAsking
from loratui.tui.screens.search_boards import BoardsPanel
from loratui.tui.screens.search_filters import FiltersPanel
from loratui.tui.screens.search_get import get
from loratui.tui.screens.search_panels import BoxPanel
from loratui.tui.screens.search_rows import TagRows, with_word
from loratui.tui.screens.search_saved import SavedPanel
from loratui.tui.screens.search_shown import key_of
from loratui.tui.screens.search_sort import SortPanel, current, reordered
from loratui.tui.screens.search_view import Look
from loratui.tui.widgets.thumbnails import ThumbnailGrid
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable

    from loratui.core.boards.memory.saved import SavedQuery
    from loratui.core.boards.memory.since import News


class SearchScreen(SearchAsking):
    """What the keys of the screen do."""

    NAME: ClassVar[str] = "search"
    TITLE_TEXT: ClassVar[str] = "Search"
    GO: ClassVar[str] = "s"
    EMPTY: ClassVar[str] = "Press / and type tags to search {board}. Press b for another board."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("search.query", ("/",), "query", "Searches for tags and metatags; takes the page of an address in."),
        Command("search.get", ("enter",), "get", "Gets the marked posts, or all of the query, into a subset."),
        Command("search.mark", ("space",), "mark", "Marks the post and steps on; marked ones can be got alone."),
        Command("search.filters", ("f",), "filters", "Size, shape, score, age, kinds: each with what it costs."),
        Command("search.pane", ("tab",), "next pane", "Goes from the posts to their pictures, to the tags of one."),
        Command("search.include", ("a",), "with tag", "Adds the tag under the cursor to the query, or takes it out."),
        Command("search.exclude", ("x",), "without", "Excludes the tag under the cursor from the query."),
        Command("search.board", ("b",), "boards", "Chooses one board or several, and takes their keys.", footer=False),
        Command("search.saved", ("o",), "saved", "Opens, saves and renames searches, and tells what is new in each."),
        Command("search.new", ("n",), "only new", "Shows only what came since you last looked, or all.", footer=False),
        Command("search.sort", ("s",), "sort", "Sorts: by the site, or here what is listed.", footer=False),
        Command("search.look", ("m",), "list/pictures", "Shows posts as list, pictures, or both.", footer=False),
        Command("search.range", ("v",), "mark range", "Marks from the post marked last to the cursor.", footer=False),
        Command("search.all", ("A",), "mark all", "Marks every post listed and not here yet, or none.", footer=False),
        Command("search.invert", ("i",), "invert marks", "Marks what is not marked.", footer=False),
        Command("search.address", ("y",), "copy address", "Shows and copies the post's page address.", footer=False),
    )

    # --- searching -----------------------------------------------------------------------------------------------

    def command_query(self) -> None:
        """Gives the keys to the query."""
        self.set_focus(self._line.query_one(Input), scroll_visible=False)

    async def command_board(self) -> None:
        """Asks for the boards."""
        from loratui.core.boards.registry import ENGINES, find

        config = load()
        boards = [find(config, name) for name, board in config.boards.items() if board.engine in ENGINES]
        panel = BoardsPanel(boards, self._boards, self._paste_key)
        self.show_panel(panel)
        chosen = await panel.answer
        self._close(panel)
        if chosen is None:
            return
        self._boards = chosen
        self._get_ready()
        if self._query:
            self._begin(self._query)
        else:
            self._show()

    def _paste_key(self, board: str, pasted: str, tried: "Callable[[LoratuiError | None], object]") -> None:
        """Tries a key beside the screen."""

        def work(report: Report, cancel: Event) -> None:
            from loratui.core.boards.login import login

            login(board, pasted, cancel=cancel)

        def failed(error: Exception) -> None:
            if isinstance(error, LoratuiError):
                tried(error)
            else:
                self.app.report_error(error)

        self.app.jobs.start(f"asking {board}", work, lambda _: tried(None), failed, quiet=True)

    async def command_saved(self) -> None:
        """Asks for a saved search."""
        from loratui.core.boards.memory.saved import SavedQuery

        here = SavedQuery(query=self._query, boards=tuple(self._boards), wishes=self._wishes) if self._query else None
        panel = SavedPanel(here, self._ask_what_is_new)
        self.show_panel(panel)
        chosen = await panel.answer
        self._close(panel)
        if chosen is None:
            return
        saved, only_new = chosen
        self._boards = list(saved.boards) or [load().default_board]
        self._wishes = saved.wishes
        self._get_ready()
        self._begin(saved.query, only_new=only_new)

    def _ask_what_is_new(self, saved: "SavedQuery", told: "Callable[[News | LoratuiError], object]") -> None:
        """Asks the boards of a saved search, beside the screen."""

        def work(report: Report, cancel: Event) -> "News":
            from loratui.core.boards.memory.since import news
            from loratui.core.boards.registry import find

            config = load()
            boards = [find(config, name) for name in saved.boards or (config.default_board,)]
            return news(boards, self._connected(), saved.query, saved.wishes, cancel=cancel)

        def failed(error: Exception) -> None:
            if isinstance(error, LoratuiError):
                told(error)
            else:
                self.app.report_error(error)

        self.app.jobs.start("asking what is new", work, told, failed, quiet=True)

    def command_new(self) -> None:
        """Only what is new, or all."""
        if self._marks is None or not self._marks.by_board:
            self.toast("you have not looked at this query before: all of it is new", level="warn")
        else:
            self._begin(self._query, only_new=not self._only_new, same_look=True)

    def command_filters(self) -> None:
        """Opens the filters, or closes them."""
        if isinstance(self.panel, FiltersPanel):
            self.close_panel()
            return
        panel = FiltersPanel(self._wishes, self._query, self._wish, self._ask_anew)
        self.show_panel(panel, right=True)
        panel.call_after_refresh(panel.show, self._listing, self._total)

    def _ask_anew(self, query: str) -> None:
        """Searches where the query is another one."""
        if query != self._query and self._query:
            self._begin(query, only_new=self._only_new, same_look=True)

    def command_include(self) -> None:
        """Asks for the tag too, or no longer."""
        self._begin(with_word(self._query, self._tag_under_cursor(), True))

    def command_exclude(self) -> None:
        """Asks for posts without the tag."""
        self._begin(with_word(self._query, self._tag_under_cursor(), False))

    def _tag_under_cursor(self) -> str:
        rows = self._tags.rows
        assert isinstance(rows, TagRows)
        return rows.tags[self._tags.cursor][1]

    async def command_sort(self) -> None:
        """Asks in what order."""
        panel = SortPanel(current(self._query, self._listed.order), self._on, len(self._listed))
        self.show_panel(panel)
        choice = await panel.answer
        self._close(panel)
        if choice is None:
            return
        if choice.term is not None:
            self._listed.order = None
            if (query := reordered(self._query, choice.term)) != self._query:
                self._begin(query, only_new=self._only_new, same_look=True)
                return
        self._listed.sort(choice.order)
        self._show(keep=False)

    # --- looking, choosing and getting ---------------------------------------------------------------------------

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        name = id.partition(".")[2]
        if name == "new" and self._query and not self._listed.posts:
            return None
        if name not in ("query", "board", "look", "filters", "saved") and not self._listed.posts:
            return "there are no posts yet: press / to search"
        # Asked for before the screen has its widgets, too.
        in_tags = any(view.has_focus and len(view.rows) for view in self.query("#tags").results(VirtualList))
        if name in ("include", "exclude") and not in_tags:
            return "press tab to go to the tags of a post"
        return None

    def command_pane(self) -> None:
        """To the next pane."""
        panes = self._panes
        self._go_to(panes[(panes.index(self._pane) + 1) % len(panes)] if self._pane in panes else panes[0])

    def command_look(self) -> None:
        """List and pictures, the list, the pictures; on a narrow terminal one or the other."""
        if self._narrow:
            self._go_to("posts" if self._pane == "grid" else "grid")
            return
        following: dict[Look, Look] = {"both": "list", "list": "grid", "grid": "both"}
        self._look_like(following[self._look])
        if not self._listed.posts:
            self._show()

    def command_mark(self) -> None:
        """Marks or unmarks the post, and steps on."""
        view: VirtualList | ThumbnailGrid = self._grid if self._grid.has_focus else self._posts
        self._listed.mark(self._index)
        self._posts.update_row(self._index)
        self._grid.update_cell(self._index)
        self._say()
        view.cursor += 1

    def command_range(self) -> None:
        """Marks everything from the last mark to the cursor."""
        self._listed.mark_range(self._index)
        self._marked()

    def command_all(self) -> None:
        """Marks everything, or nothing."""
        self._listed.mark_all()
        self._marked()

    def command_invert(self) -> None:
        """Marks what is not marked."""
        self._listed.invert()
        self._marked()

    def _marked(self) -> None:
        self._show_marks()
        self._say()

    def command_address(self) -> None:
        """Shows the page's address and hands it to the terminal's clipboard."""
        post = self._post
        if post is not None and post.page_url:
            address = line(post.page_url, 300)
            if os.environ.get("TERM", "") in ("linux", "dumb"):  # no clipboard, and it would write the sequence out
                self.toast(address)
                return
            self.app.copy_to_clipboard(post.page_url)
            self.toast(f"{address} is copied, where the terminal takes it.")

    def step_out(self) -> bool:
        """Panel, then pane, then marks."""
        if isinstance(self.panel, BoxPanel) and self.panel.step_out():
            return True
        if super().step_out():
            return True
        if self._pane == "tags":
            self._back_to_posts()
            return True
        if self._listed.marked:
            self._listed.marked.clear()
            self._marked()
            return True
        return False

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter in a list."""
        self.app.run_command(self, "search.get")

    def on_thumbnail_grid_chosen(self, event: ThumbnailGrid.Chosen) -> None:
        """Enter in the grid."""
        self.app.run_command(self, "search.get")

    async def command_get(self) -> None:
        """Asks where to and how many, then gets."""
        if self._listing is not None:
            marked = self._listed.chosen()
            if await get(self, self._listing, self._total, marked):
                self._listed.marked.difference_update(key_of(post) for post in marked)
                self._marked()
