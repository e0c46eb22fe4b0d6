"""Tags: the table of tags beside the images that carry them; bulk edits, pruning and the tagger, all undoable."""

import tempfile
from dataclasses import replace
from pathlib import Path
from shlex import quote
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.changes import Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.caption import Caption
from loratui.core.dataset.expression import parse
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.commands import Command
from loratui.tui.screens import tags_tagger
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.tags_detail import Detail, Known, know
from loratui.tui.screens.tags_panels import FilterPanel, PlanPanel, PrunePanel
from loratui.tui.screens.tags_plans import merge, written
from loratui.tui.screens.tags_table import Loaded, Order, TagTable, columns, load
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from loratui.core.dataset.expression import Expression
    from loratui.core.workspace import Workspace

_PAUSE = 0.15
"""Seconds the cursor rests before the image beside it follows: a held key sends the table only."""

_CHANGING = frozenset(
    f"tags.{name}" for name in ["remove", "rename", "add", "trigger", "prune", "caption", "edit", "tagger"]
)


class TagsScreen(LoratuiScreen):
    """Table at the left; image, caption and scores at the right."""

    NAME: ClassVar[str] = "tags"
    TITLE_TEXT: ClassVar[str] = "Tags"
    GO: ClassVar[str] = "t"
    EMPTY: ClassVar[str] = (
        "No images here yet. Press gs to search a board, or gp and i to take in a folder of your own."
    )
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command(
            "tags.remove", ("x",), "remove", "Takes the marked tags, or the one under the cursor, out of the scope."
        ),
        Command("tags.rename", ("r",), "rename", "Renames the tag; several marked ones become one."),
        Command("tags.add", ("a",), "add", "Adds a tag at the end of every caption in scope."),
        Command("tags.trigger", ("t",), "trigger first", "Puts each subset's trigger first; one that is there moves."),
        Command("tags.prune", ("p",), "prune", "Shows what to take out so that the trigger learns it, by slots."),
        Command("tags.filter", ("/",), "filter", "Narrows the scope to images that fit an expression."),
        Command("tags.tagger", ("T",), "tagger", "Runs the tagger over the images in scope."),
        Command("tags.mark", ("space",), "mark", "Marks the tag and steps on.", footer=False),
        Command("tags.range", ("v",), "mark range", "Marks from the last marked tag to the cursor.", footer=False),
        Command("tags.sort", ("s",), "sort", "Sorts by count or by name.", footer=False),
        Command("tags.caption", ("c",), "caption", "Writes the caption of the image shown.", footer=False),
        Command("tags.edit", ("e",), "edit", "Opens the caption of the image shown in $EDITOR.", footer=False),
        Command("tags.next", ("l", "right"), "next image", "Shows the next image with the tag.", footer=False),
        Command("tags.previous", ("h", "left"), "previous image", "Shows the image before.", footer=False),
        Command("tags.untagged", ("n",), "next untagged", "Shows the next image without a caption.", footer=False),
        Command("tags.pane", ("tab",), "other pane", "On a narrow terminal: table or image.", footer=False),
    )

    DEFAULT_CSS = """
    TagsScreen #table { width: 1fr; height: 1fr; }
    TagsScreen #filter, TagsScreen #columns { height: 1; padding: 0 1; color: $dim; }
    TagsScreen #table VirtualList { height: 1fr; }
    TagsScreen Detail { width: 1fr; height: 1fr; border-left: solid $panel; }
    TagsScreen.-wide > #body { layout: horizontal; }
    TagsScreen.-wide #table { width: 58; }
    TagsScreen.-narrow Detail { display: none; border-left: none; }
    TagsScreen.-narrow.-image #table { display: none; }
    TagsScreen.-narrow.-image Detail { display: block; }
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
        self._reading = self._stale = self._saving = False

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

    def _select(self, then: "Callable[[], None] | None" = None) -> None:
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
        self.query_one("#filter", Static).update(shown if self._filter else none)
        self._show_columns()
        empty = len(loaded.dataset.uncaptioned())
        self.set_counts(f"{images:,} images · {empty:,} uncaptioned · {len(table):,} tags · scope: {self.scope}")
        self._show_marks()

    def _show_columns(self) -> None:
        width = self.query_one("#table").size.width
        arrow = "↓" if self._order == "count" else ""
        self.query_one("#columns", Static).update(columns(width, f"count{arrow}", "tag" if arrow else "tag ↓"))

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

    def _show_images(self, images: list[int], of: str) -> None:
        self._images, self._of = images, of
        self._show_image()

    @property
    def _position(self) -> int | None:
        """Where the image shown is in the dataset."""
        loaded = self._loaded
        if loaded is None or not self._images:
            return None
        paths = loaded.dataset.images
        return next((position for position in self._images if paths[position].path == self._image), self._images[0])

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

    # --- changing ------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> list[str]:
        """What a command works on: the marked tags, else the one under the cursor."""
        assert self._table is not None
        return [tag for tag in self._table.tags if tag in self._marked] or [self._tag]

    async def _propose(self, make: "Callable[[Loaded], Plan]", *, ask: bool = True) -> None:
        """Makes a plan on a thread, shows it, and applies it when the person takes it.

        Args:
            make: computes the plan.
            ask: False applies it at once: the person has seen it in another form.
        """
        loaded = self._loaded
        assert loaded is not None
        self._saving = True
        try:
            plan = await self.app.jobs.run("planning", lambda report, cancel: make(loaded))
            if self._filter and plan.command:
                plan = replace(plan, command=f"{plan.command} --where {quote(self._filter)}")
            if not plan:
                left = plan.counts.get("unreadable", 0)
                self.toast("nothing to change" + (f": {left} captions are no text" if left else ""), level="warn")
            elif not ask or await self._agreed(plan):
                await self.app.jobs.run("saving", lambda report, cancel: self._apply(loaded, plan))
                self.app.did(plan.title, plan.command)
                self.toast(f"{plan.title}; u takes it back")
                self._marked.clear()
                self._known.clear()
                self._select()
        finally:
            self._saving = False

    def _apply(self, loaded: Loaded, plan: Plan) -> None:
        """Does the plan, and takes the new captions in: only those are read again."""
        self.workspace.changes.apply(plan)
        loaded.dataset.refresh(operation.path for operation in plan.operations)

    async def _agreed(self, plan: Plan) -> bool:
        """Shows the plan; whether the person takes it."""
        panel = PlanPanel(plan, self.scope)
        self.show_panel(panel)
        wanted = await panel.answer
        self._close(panel)
        return wanted

    async def command_remove(self) -> None:
        """Takes tags out."""
        tags = self._chosen
        await self._propose(lambda loaded: bulk.remove(loaded.dataset, self._scope, tags))

    async def command_rename(self) -> None:
        """Renames or merges."""
        old = self._chosen
        prompt = f"New name of {old[0]}" if len(old) == 1 else f"One name for {len(old)} tags"
        new = (await self.ask(prompt, old[0], self._complete) or "").strip()
        if new:
            await self._propose(lambda loaded: merge(loaded, self._scope, old, new))

    async def command_add(self) -> None:
        """Adds tags."""
        typed = await self.ask(f"Add at the end of each caption (scope: {self.scope})", "", self._complete)
        tags = [tag for tag in (part.strip() for part in (typed or "").split(",")) if tag]
        if tags:
            await self._propose(lambda loaded: bulk.append(loaded.dataset, self._scope, tags))

    async def command_trigger(self) -> None:
        """Puts the triggers first."""
        await self._propose(lambda loaded: bulk.trigger(loaded.dataset, self._scope, loaded.triggers))

    async def command_prune(self) -> None:
        """Shows suggestions, and takes the marked ones out."""
        loaded, table = self._loaded, self._table
        assert loaded is not None and table is not None

        def affected(tags: "Collection[str]") -> int:
            return len(set().union(*(loaded.dataset.carrying(tag) for tag in tags)) & self._scope)

        panel = PrunePanel(table.suggestions, affected)
        self.show_panel(panel)
        tags = await panel.answer
        self._close(panel)
        if tags:
            await self._propose(lambda loaded: bulk.remove(loaded.dataset, self._scope, tags), ask=False)

    async def command_caption(self) -> None:
        """Writes the caption of the image shown."""
        loaded, position = self._loaded, self._position
        assert loaded is not None and position is not None
        before = loaded.dataset.caption(position)
        text = await self.ask(f"Caption of {loaded.dataset.images[position].name}", before.text)
        if text is not None:
            new = Caption.parse((line(text) + before.more_lines).encode(before.encoding))
            await self._propose(lambda loaded: written(loaded, position, new.to_bytes()), ask=False)

    async def command_edit(self) -> None:
        """Opens a copy of the caption in the editor; what comes back is a step like any other."""
        loaded, position = self._loaded, self._position
        assert loaded is not None and position is not None
        with tempfile.TemporaryDirectory(prefix="loratui-") as folder:
            copy = Path(folder) / f"{Path(loaded.dataset.images[position].name).stem}.txt"
            copy.write_bytes(loaded.dataset.raw[position] or b"")
            self.edit_file(copy)
            raw = copy.read_bytes()
        if raw.endswith(b"\n") and not (loaded.dataset.raw[position] or b"").endswith(b"\n"):
            raw = raw[:-1]  # editors end files with a line feed; the caption had none
        Caption.parse(raw)
        await self._propose(lambda loaded: written(loaded, position, raw), ask=False)

    async def command_tagger(self) -> None:
        """Runs the tagger."""
        assert self._loaded is not None
        await tags_tagger.run(self, self._loaded, self._scope)

    def _complete(self, typed: str) -> "Sequence[str]":
        """Tags of the dataset for what was typed last, the frequent first."""
        head, comma, word = typed.rpartition(",")
        word = word.lstrip()
        if not word or self._table is None:
            return []
        start = f"{head}{comma} " if comma else ""
        counts = self._table.counts
        fitting = sorted((tag for tag in counts if tag.startswith(word)), key=lambda tag: -counts[tag])
        return [start + tag for tag in fitting[:3]]

    # --- moving --------------------------------------------------------------------------------------------------

    async def command_filter(self) -> None:
        """Asks for an expression."""
        loaded = self._loaded
        assert loaded is not None
        ratings = self.workspace.ratings(loaded.dataset)

        def count(expression: "Expression", say: "Callable[[int], None]") -> None:
            def work(report: Report, cancel: Event) -> int:
                return len(expression.select(loaded.dataset, ratings))

            self.app.jobs.start("filtering", work, say, quiet=True)

        panel = FilterPanel(self._filter, count)
        self.show_panel(panel)
        text = await panel.answer
        self._close(panel)
        if text is not None:
            self._filter = text
            self._select()

    def command_mark(self) -> None:
        """Marks and steps on."""
        view = self.query_one(VirtualList)
        self._marked ^= {self._tag}
        self._anchor = self._tag
        view.update_row(view.cursor)
        view.action_move(1)
        self._show_marks()

    def command_range(self) -> None:
        """Marks a range."""
        assert self._table is not None
        view = self.query_one(VirtualList)
        start = self._table.index_of(self._anchor)
        first, last = sorted((view.cursor if start is None else start, view.cursor))
        self._marked.update(self._table.tags[first : last + 1])
        view.update_rows()
        self._show_marks()

    def command_sort(self) -> None:
        """Count or name."""
        self._order = "name" if self._order == "count" else "count"
        self._fill()

    def command_next(self) -> None:
        """The next image."""
        self._step_image(1)

    def command_previous(self) -> None:
        """The image before."""
        self._step_image(-1)

    def command_untagged(self) -> None:
        """The next image without a caption."""
        assert self._loaded is not None
        images = sorted(self._scope & set(self._loaded.dataset.uncaptioned()))
        again = self._of == "without a caption"
        self._images, self._of = images, "without a caption"
        if again:
            self._step_image(1)
        else:
            self._show_image()
        self.set_class(True, "-image")

    def command_pane(self) -> None:
        """Table or image."""
        self.toggle_class("-image")

    def step_out(self) -> bool:
        """The panel, then the image on a narrow terminal, then marks, then the filter."""
        if super().step_out():
            return True
        if self.has_class("-narrow") and self.has_class("-image"):
            self.remove_class("-image")
        elif self._marked:
            self._marked.clear()
            self.query_one(VirtualList).update_rows()
            self._show_marks()
        elif self._filter:
            self._filter = ""
            self._select()
        else:
            return False
        return True

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        loaded, table = self._loaded, self._table
        if loaded is None or table is None:
            return "the captions are still being read"
        if not loaded.dataset.images:
            return "there are no images here yet"
        if self._saving and id in _CHANGING:
            return "the last change is not finished"
        if id in ("tags.remove", "tags.rename", "tags.mark", "tags.range") and not self._tag:
            return "there is no tag here"
        if id in ("tags.add", "tags.tagger") and not self._scope:
            return "no image fits the filter"
        if id == "tags.trigger" and not loaded.trigger_tags:
            return "no trigger is set: put one under [[subset]] in loratui.toml"
        if id == "tags.prune" and not table.suggestions:
            return "nothing to prune" if loaded.kind in ("character", "outfit") else f"a {loaded.kind} keeps its tags"
        if id in ("tags.caption", "tags.edit", "tags.next", "tags.previous") and self._position is None:
            return "no image is shown"
        if id == "tags.untagged" and not self._scope & set(loaded.dataset.uncaptioned()):
            return "every image in scope has a caption"
        return None
