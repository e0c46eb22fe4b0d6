"""How the Search screen asks its boards: the query, page after page, other wishes, what is here already."""

from dataclasses import replace
from threading import Event, Lock
from typing import TYPE_CHECKING, ClassVar

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.errors import UsageError
from loratui.core.jobs import Report
from loratui.tui.commands import Command
from loratui.tui.jobs import Job
from loratui.tui.screens.search_here import look
from loratui.tui.screens.search_page import is_address, take_in
from loratui.tui.screens.search_saying import SearchSaying
from loratui.tui.screens.search_shown import Here, Key, Shown, key_of
from loratui.tui.shell.query_line import QueryLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loratui.core.boards.completion.completer import Completer
    from loratui.core.boards.listing.listing import Listing
    from loratui.core.boards.memory.since import Marks
    from loratui.core.boards.network.connections import Network
    from loratui.core.boards.post import Post
    from loratui.core.project import Project
    from loratui.core.workspace import Workspace

_AHEAD = 60
"""Posts left after the cursor at which the next page is fetched."""


class SearchAsking(SearchSaying):
    """One job at a time asks; what a newer query makes of no use is given up."""

    COMMANDS: ClassVar[tuple[Command, ...]] = ()

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._wishes = Wishes()
        self._ratios: tuple[float, ...] = ()
        self._looking: Job | None = None
        self._completer: Completer | None = None
        self._marks: Marks | None = None
        self._turn = Lock()
        """Held while a thread uses the listing: what was given up may take a moment to notice."""

    def on_mount(self) -> None:
        """Says how to begin."""
        self._show()
        self._get_ready()

    def on_unmount(self) -> None:
        """Asks no more."""
        for job in (self._job, self._looking):
            if job is not None:
                job.cancel.set()
        if self._completer is not None:
            self._completer.close()

    def reload(self) -> None:
        """What is here may have changed: pictures came, went into the trash, or are queued."""
        self._look_what_is_here(self._listed.posts)
        self._show()

    # --- the query line ------------------------------------------------------------------------------------------

    def _get_ready(self) -> None:
        """Has the query line complete for the boards chosen, and know what was asked before. Slow to load."""
        names, workspace = tuple(self._boards), self.workspace

        def work(report: Report, cancel: Event) -> "tuple[Completer, list[str], tuple[float, ...]]":
            from loratui.core.boards.completion.completer import Completer
            from loratui.core.boards.memory import past
            from loratui.core.boards.registry import find
            from loratui.core.config import load
            from loratui.core.vocabulary.machine import vocabulary

            config, project = load(), workspace.project
            known = vocabulary(workspace.root, config.model_dirs, project.tagger.model if project else "")
            completer = Completer([find(config, name) for name in names], self._connected, known)
            return completer, past.recent(), bucket_ratios(project)

        def done(ready: "tuple[Completer, list[str], tuple[float, ...]]") -> None:
            if self._completer is not None:
                self._completer.close()
            self._completer, self._line.history, self._ratios = ready
            self._line.completer = self._completer

        self.app.jobs.start("reading the vocabulary", work, done, quiet=True)

    # --- asking --------------------------------------------------------------------------------------------------

    def on_query_line_submitted(self, event: QueryLine.Submitted) -> None:
        """Enter in the query line."""
        event.stop()
        if is_address(event.value):
            self._line.value = self._query
            self._back_to_posts()
            self.app.guarded(take_in, self, event.value)
        elif event.value.strip():
            self._begin(event.value.strip())
        else:
            self._back_to_posts()

    def on_query_line_changed(self, event: QueryLine.Changed) -> None:
        """What enter does depends on what stands there."""
        event.stop()
        self.refresh_status()

    def on_query_line_closed(self, event: QueryLine.Closed) -> None:
        """Esc in the query line."""
        event.stop()
        self._back_to_posts()

    def _begin(self, query: str, *, only_new: bool = False, same_look: bool = False) -> None:
        """Searches.

        Args:
            query: what for.
            only_new: what was there when the person last looked is passed over.
            same_look: the search before was of the same; what was new then still is.
        """
        if not query:
            self.toast("that was the last tag: press / to type others", level="warn")
            return
        if self._job is not None:
            self._job.cancel.set()
        if not same_look:
            self._marks = None
        self._query, self._listing, self._total, self._only_new, self._failure = query, None, None, only_new, ""
        order, self._listed = self._listed.order, Shown()
        self._listed.order = order
        self._several = len(self._boards) > 1
        self._line.value = query
        self._line.history = [*(text for text in self._line.history if text != query), query]
        names, before = tuple(self._boards), self._marks
        wishes = replace(self._wishes, ratios=self._ratios)
        kinds = self.workspace.kind_of

        def work(report: Report, cancel: Event) -> "tuple[Listing, Marks]":
            from loratui.core.boards.listing.merged import search_boards
            from loratui.core.boards.memory import past, since
            from loratui.core.boards.registry import find
            from loratui.core.config import load

            config = load()
            boards = [find(config, name) for name in names]
            marks = before or since.marks(query)
            past.asked(query)
            known = marks.seen if only_new else None
            listing = search_boards(boards, self._connected(), query, wishes, known=known, kinds=kinds, cancel=cancel)
            listing.total()
            return listing, marks

        def done(begun: "tuple[Listing, Marks]") -> None:
            self._listing, self._marks = begun
            self._total = self._listing.total()
            if self._network is not None:
                self._previews.use(self._network, {board.name: board for board in self._listing.boards})
            self._more()
            self._show()  # how many there are, while the first of them come

        self._ask_boards("searching", work, done)
        self._show(keep=False)
        if self.panel is None:
            self._back_to_posts()

    def _ask_boards(self, title: str, work: "Callable[[Report, Event], object]", done: "Callable[..., object]") -> None:
        """Runs `work` on a thread; what comes of it is of no interest once something newer was asked."""

        def came(result: object) -> None:
            if self._job is job:
                self._job, self._trouble = None, ""
                done(result)

        def failed(error: Exception) -> None:
            if self._job is job:
                self._job = None
                self._failed(error)

        job = self._job = self.app.jobs.start(title, work, came, failed, quiet=True)
        self._watch_for_trouble()

    def _connected(self) -> "Network":
        """The connections, made when they are first needed, beside the screen."""
        with self._turn:
            if self._network is None:
                from loratui.core.boards.network.connections import Network
                from loratui.core.downloads.previews import prune

                prune()
                self._network = Network()
            return self._network

    def _moved(self) -> None:
        super()._moved()
        self._more()

    def _more(self) -> None:
        """The next page, when the cursor comes near the end of what is listed."""
        listing = self._listing
        if listing is None or self._job is not None or listing.finished:
            return
        if self._index + _AHEAD < len(self._listed):
            return
        query = self._query

        def work(report: Report, cancel: Event) -> "list[Post]":
            from loratui.core.boards.memory import since

            with self._turn:
                listing.cancel = cancel
                posts = listing.some(report=report)
                since.looked(query, posts)
                return posts

        self._ask_boards("listing", work, self._take)

    def _take(self, posts: "Sequence[Post]") -> None:
        """Adds posts to the list."""
        if self._marks is not None:
            self._listed.new.update(key_of(post) for post in posts if self._marks.new(post))
        self._listed.add(posts)
        self._taken(posts)

    def _taken(self, posts: "Sequence[Post]") -> None:
        """Shows posts that came; where their records tell no categories, those are asked for beside it."""
        self._show()
        self._warn()
        self._look_what_is_here(posts)
        self._sort_tags([post for post in posts if not post.categorised])
        self._more()

    def _sort_tags(self, posts: "Sequence[Post]") -> None:
        listing = self._listing
        if listing is None or not posts:
            return

        def work(report: Report, cancel: Event) -> "list[Post]":
            with self._turn:
                listing.cancel = cancel
                return listing.categorised(posts, report=report)

        def done(sorted_posts: "list[Post]") -> None:
            self._listed.replace(sorted_posts)
            self._showing = None
            self._show()

        self._ask_boards("sorting tags", work, done)

    def _wish(self, wishes: Wishes) -> None:
        """Judges what is listed anew by other wishes; the boards are not asked.

        Raises:
            UsageError: a wish cannot be meant.
        """
        wishes = replace(wishes, ratios=self._ratios)
        if wishes == replace(self._wishes, ratios=self._ratios):
            return
        self._wishes = wishes.checked()
        listing, before = self._listing, self._job
        if listing is None:
            if self._query:
                self._begin(self._query)
            return
        if before is not None:
            before.cancel.set()

        def work(report: Report, cancel: Event) -> "list[Post]":
            with self._turn:
                listing.cancel = cancel
                return listing.judge(wishes)

        def done(posts: "list[Post]") -> None:
            self._listed.renew(posts)
            self._showing = None
            self._taken(self._listed.posts)

        self._ask_boards("filtering", work, done)

    # --- what is here --------------------------------------------------------------------------------------------

    def _look_what_is_here(self, posts: "Sequence[Post]") -> None:
        """Looks beside the screen which posts are in the project, its trash or the queue already."""
        if not posts:
            return
        workspace = self.workspace
        if self._looking is not None:
            self._looking.cancel.set()
            posts = self._listed.posts

        def work(report: Report, cancel: Event) -> "Mapping[Key, Here]":
            return look(workspace, posts, cancel)

        def done(here: "Mapping[Key, Here]") -> None:
            if self._looking is job:
                self._looking = None
                self._listed.know(here, posts)
                self._show_marks()
                self._say()

        def failed(error: Exception) -> None:
            if self._looking is job:
                self._looking = None
                self.app.report_error(error)

        job = self._looking = self.app.jobs.start("looking what is here", work, done, failed, quiet=True)


def bucket_ratios(project: "Project | None") -> tuple[float, ...]:
    """Width by height of the buckets that the project's recipe sorts pictures into; () where it has no whole one."""
    from loratui.core.training.recipe import build
    from loratui.core.training.steps import bucket_rules

    if project is None:
        return ()
    try:
        recipe = build(project.training, family=project.model.get("family", ""), kind=project.kind)
    except UsageError:
        return ()  # Train says what is wrong with it
    return tuple(sorted({width / height for width, height in bucket_rules(recipe).sizes() if height}))
