"""Tags: the table of tags beside the images that carry them; bulk edits, pruning and the tagger, all undoable."""

import tempfile
from dataclasses import replace
from pathlib import Path
from shlex import quote
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from loratui.core.changes import Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.caption import Caption
from loratui.core.errors import Conflict
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.commands import Command
from loratui.tui.screens import tags_tagger
from loratui.tui.screens.tags_panels import FilterPanel, PlanPanel, PrunePanel
from loratui.tui.screens.tags_plans import merge, written
from loratui.tui.screens.tags_table import Loaded
from loratui.tui.screens.tags_view import UNTAGGED, TagsView
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from loratui.core.dataset.expression import Expression
    from loratui.core.workspace import Workspace

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
                where = f" --where {quote(self._filter)}"
                plan = replace(plan, command=" && ".join(part + where for part in plan.command.split(" && ")))
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
        except Conflict:  # another program wrote captions since we read them: look again, then say so
            self.reload()
            raise
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
        if id in ("tags.add", "tags.trigger", "tags.tagger") and not self._scope:
            return "no image fits the filter"
        if id == "tags.trigger" and not loaded.trigger_tags:
            return "no trigger is set: put one under [[subset]] in loratui.toml"
        if id == "tags.prune" and not table.suggestions:
            return "nothing to prune" if loaded.kind in ("character", "outfit") else f"a {loaded.kind} keeps its tags"
        if id in ("tags.caption", "tags.edit", "tags.next", "tags.previous") and self._position is None:
            return "no image is shown"
        if id == "tags.pane" and not self.has_class("-narrow"):
            return "table and image are both in sight"
        if id == "tags.untagged" and not self._untagged():
            return "every image in scope has a caption"
        return None
