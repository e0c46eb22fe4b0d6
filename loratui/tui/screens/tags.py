"""Tags: the table of tags beside the images that carry them; bulk edits, pruning and the tagger, all undoable."""

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, TypeVar

from loratui.core.changes import Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.arguments import tag_argument
from loratui.core.errors import Cancelled, Conflict, LoratuiError
from loratui.core.jobs import Report
from loratui.tui.commands import Command
from loratui.tui.screens import tags_captions, tags_tagger
from loratui.tui.screens.tags_panels import FilterPanel, PlanPanel, PrunePanel
from loratui.tui.screens.tags_snapshot import Loaded, Snapshot, renewed
from loratui.tui.screens.tags_view import UNTAGGED, TagsView
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from loratui.core.dataset.expression import Expression
    from loratui.core.workspace import Workspace

Answer = TypeVar("Answer")

_CHANGING = frozenset(
    f"tags.{name}" for name in ("remove", "rename", "add", "trigger", "prune", "caption", "edit", "tagger")
)


class TagsScreen(TagsView):
    """What the keys of the screen do."""

    NAME: ClassVar[str] = "tags"
    TITLE_TEXT: ClassVar[str] = "Tags"
    GO: ClassVar[str] = "t"
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

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._saving = False
        self.drafts: dict[str, Path] = {}
        """By the image's path: what the person wrote in the editor and could not be saved."""

    # --- changing ------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> list[str]:
        """What a command works on: the marked tags, else the one under the cursor."""
        assert self._table is not None
        return [tag for tag in self._table.tags if tag in self._marked] or [self._tag]

    @property
    def snapshot(self) -> Snapshot:
        """What is shown now; a question keeps the one it is asked on."""
        assert self._snapshot is not None
        return self._snapshot

    @property
    def position(self) -> int:
        """Of the image shown, in the snapshot shown."""
        position = self._position
        assert position is not None
        return position

    async def propose(self, snapshot: Snapshot, make: "Callable[[], Plan]", *, ask: bool = True) -> None:
        """Makes a plan on a thread, shows it, and applies it when the person takes it.

        Args:
            snapshot: what the plan is made from; its captions must be on the disk still, byte for byte.
            make: computes the plan.
            ask: False applies it at once: the person has seen it in another form.

        Raises:
            Conflict: captions are not as they were in the snapshot; the newest ones are shown now.
        """
        self._saving = True
        try:
            plan = await self.app.jobs.run("planning", lambda report, cancel: make())
            if not plan:
                left = plan.counts.get("unreadable", 0)
                self.toast("nothing to change" + (f": {left} captions are no text" if left else ""), level="warn")
            elif not ask or await self._agreed(plan, snapshot):
                after = await self.app.jobs.run("saving", lambda report, cancel: self._apply(snapshot, plan))
                self.app.did(plan.title, plan.command)
                self.toast(f"{plan.title}; u takes it back")
                self._marked.clear()
                await self.renew(snapshot.loaded, after)
        except Conflict:
            await self.reread()
            raise
        finally:
            self._saving = False

    def _apply(self, snapshot: Snapshot, plan: Plan) -> Loaded:
        """Does the plan; gives the dataset as it is then."""
        self.workspace.changes.apply(plan)
        return renewed(snapshot.loaded, (operation.path for operation in plan.operations))

    async def _agreed(self, plan: Plan, snapshot: Snapshot) -> bool:
        """Shows the plan; whether the person takes it."""
        panel = PlanPanel(plan, snapshot.words)
        self.show_panel(panel)
        wanted = await panel.answer
        self._close(panel)
        return wanted

    async def until_done(
        self,
        ask: "Callable[[Snapshot, Answer | None], Awaitable[Answer | None]]",
        act: "Callable[[Snapshot, Answer], Awaitable[None]]",
    ) -> None:
        """Asks, and does what was answered; when that is refused, asks again with the same answer in place.

        Args:
            ask: asks on a snapshot; given what was answered before. None: the person stepped out.
            act: does it, on the snapshot that was asked on.
        """
        answer: Answer | None = None
        refused: LoratuiError | None = None
        while True:
            snapshot = self.snapshot
            if refused is not None:  # later: a panel that opens drops what is being said
                self.call_later(self._say_again, refused)
            answer = await ask(snapshot, answer)
            if not answer and answer != "":
                return
            try:
                await act(snapshot, answer)
                return
            except Cancelled:
                raise
            except LoratuiError as error:
                refused = error

    def _say_again(self, refused: LoratuiError) -> None:
        """Says why the same is asked again, if it is."""
        if self.panel is not None:
            self.app.report_error(refused)

    async def _edit(self, snapshot: Snapshot, edit: bulk.Bulk, *, ask: bool = True) -> None:
        """Edits the captions in scope: see `propose`."""
        await self.propose(snapshot, lambda: snapshot.plan(edit), ask=ask)

    async def command_remove(self) -> None:
        """Takes tags out."""
        snapshot, tags = self.snapshot, self._chosen
        await self._edit(snapshot, bulk.remove(tags))

    async def command_rename(self) -> None:
        """Renames or merges."""
        old = self._chosen
        prompt = f"New name of {old[0]}" if len(old) == 1 else f"One name for {len(old)} tags"

        async def ask(snapshot: Snapshot, typed: str | None) -> str | None:
            return (await self.ask(prompt, typed or old[0], self._complete) or "").strip() or None

        await self.until_done(ask, lambda snapshot, new: self._edit(snapshot, bulk.merge(old, tag_argument(new))))

    async def command_add(self) -> None:
        """Adds tags."""

        async def ask(snapshot: Snapshot, tags: list[str] | None) -> list[str] | None:
            prompt = f"Add at the end of each caption (scope: {snapshot.words})"
            typed = await self.ask(prompt, ", ".join(tags or ()), self._complete)
            return [tag for tag in (part.strip() for part in (typed or "").split(",")) if tag]

        await self.until_done(
            ask, lambda snapshot, tags: self._edit(snapshot, bulk.append([tag_argument(tag) for tag in tags]))
        )

    async def command_trigger(self) -> None:
        """Puts the triggers first."""
        snapshot = self.snapshot
        await self._edit(snapshot, bulk.trigger(snapshot.loaded.triggers))

    async def command_prune(self) -> None:
        """Shows suggestions, and takes the marked ones out."""

        async def ask(snapshot: Snapshot, chosen: list[str] | None) -> list[str]:
            assert self._table is not None

            def affected(tags: "Collection[str]") -> int:
                return len(set().union(*(snapshot.dataset.carrying(tag) for tag in tags)) & snapshot.scope)

            panel = PrunePanel(self._table.suggestions, affected, chosen)
            self.show_panel(panel)
            tags = await panel.answer
            self._close(panel)
            return tags

        await self.until_done(ask, lambda snapshot, tags: self._edit(snapshot, bulk.remove(tags), ask=False))

    async def command_caption(self) -> None:
        """Writes the caption of the image shown."""
        await tags_captions.write(self)

    async def command_edit(self) -> None:
        """Opens the caption of the image shown in the editor."""
        await tags_captions.edit(self)

    async def command_tagger(self) -> None:
        """Runs the tagger."""
        await tags_tagger.run(self, self.snapshot)

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
        from loratui.core.acts import captions

        dataset = self.snapshot.dataset
        facts, names = captions.facts(self.workspace, dataset), captions.names(self.workspace)

        def count(expression: "Expression", say: "Callable[[tuple[int, str]], None]") -> None:
            def work(report: Report, cancel: Event) -> tuple[int, str]:
                from loratui.core.dataset.expression_unknown import unknown

                return expression.count(facts), unknown(expression, facts)

            self.app.jobs.start("filtering", work, say, quiet=True)

        panel = FilterPanel(self._filter, names, count)
        self.show_panel(panel)
        text = await panel.answer
        self._close(panel)
        if text is not None:
            self._filter = text
            self._find_scope()

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
        again = self._of == UNTAGGED
        self._show_images(self._untagged(), UNTAGGED)
        if again:
            self._step_image(1)
        self._show_pane(True)

    def command_pane(self) -> None:
        """Table or image."""
        self._show_pane(not self.has_class("-image"))

    def _show_pane(self, image: bool) -> None:
        """On a narrow terminal: the image, or the table with the focus on it."""
        self.set_class(image, "-image")
        if not image:
            self.call_after_refresh(self.query_one(VirtualList).focus)

    def step_out(self) -> bool:
        """The panel, then the image on a narrow terminal, then marks, then the filter."""
        if super().step_out():
            return True
        if self.has_class("-narrow") and self.has_class("-image"):
            self._show_pane(False)
        elif self._marked:
            self._marked.clear()
            self.query_one(VirtualList).update_rows()
            self._show_marks()
        elif self._filter:
            self._filter = ""
            self._find_scope()
        else:
            return False
        return True

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        snapshot, table = self._snapshot, self._table
        if snapshot is None or table is None:
            return "the captions are still being read"
        if not snapshot.dataset.images:
            return "there are no images here yet"
        if self._saving and id in _CHANGING:
            return (
                "this comes first: enter takes it, esc leaves it" if self.panel else "the last change is not finished"
            )
        if id in ("tags.remove", "tags.rename", "tags.mark", "tags.range") and not self._tag:
            return "there is no tag here"
        if id in ("tags.add", "tags.trigger", "tags.tagger") and not snapshot.scope:
            return "no image fits the filter"
        if id == "tags.trigger" and not snapshot.loaded.trigger_tags:
            return "no trigger is set: put one under [[subset]] in loratui.toml"
        if id == "tags.prune" and not table.suggestions:
            kind = snapshot.loaded.kind
            return "nothing to prune" if kind in ("character", "outfit") else f"a {kind} keeps its tags"
        if id in ("tags.caption", "tags.edit", "tags.next", "tags.previous") and self._position is None:
            return "no image is shown"
        if id == "tags.pane" and not self.has_class("-narrow"):
            return "table and image are both in sight"
        if id == "tags.untagged" and not self._untagged():
            return "every image in scope has a caption"
        return None
