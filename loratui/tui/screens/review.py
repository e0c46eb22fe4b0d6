"""Review: copies of one picture are decided, then the images are looked through one by one."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from loratui.core.changes import Plan
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.commands import Command
from loratui.tui.screens.review_panels import FindingsPanel, propose_best, propose_prep
from loratui.tui.screens.review_view import ReviewView
from loratui.tui.shell.proposal import ProposalPanel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.images.prepare import Preparation
    from loratui.core.images.problems import Findings
    from loratui.core.workspace import Workspace
    from loratui.tui.shell.lines import Key

_OF_COPIES = ("swap", "keep-all", "not-duplicates", "best", "flicker", "next", "previous")
_OF_IMAGES = ("aside", "mark", "range")


class ReviewScreen(ReviewView):
    """What the keys of the screen do."""

    NAME: ClassVar[str] = "review"
    TITLE_TEXT: ClassVar[str] = "Review"
    GO: ClassVar[str] = "r"
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("review.keep", ("enter",), "keep this", "Keeps A, its copies go to the trash; or keeps the image."),
        Command("review.drop", ("x",), "trash", "Moves B, or the marked images, to the trash with their captions."),
        Command("review.mark", ("space",), "mark", "Marks the image and steps on."),
        Command("review.keep-all", ("a",), "keep all", "Keeps all of the group: they are no duplicates."),
        Command("review.not-duplicates", ("n",), "not duplicates", "B is no duplicate of the others; remembered."),
        Command("review.best", ("b",), "best everywhere", "Keeps the best of every group, as one step."),
        Command("review.flicker", ("f",), "flicker", "Shows A and B in turns in one place."),
        Command("review.mode", ("m",), "copies / images", "Goes to the other list: groups of copies, or all images."),
        Command("review.aside", ("o",), "set aside", "Takes the marked images out of the set, not to be deleted."),
        Command("review.prepare", ("p",), "prepare", "Counts what prep would mend, then does it as one step."),
        Command("review.check", ("C",), "check", "Lists what is wrong with the images."),
        Command("review.swap", ("w",), "swap", "Makes B the one to keep.", footer=False),
        Command("review.next", ("l", "right"), "next copy", "Compares A with the next copy.", footer=False),
        Command("review.previous", ("h", "left"), "copy before", "Compares A with the copy before.", footer=False),
        Command("review.range", ("v",), "mark range", "Marks from the last marked image to the cursor.", footer=False),
        Command("review.harder", ("+",), "harder", "Copies must be more alike.", footer=False),
        Command("review.softer", ("-",), "softer", "Copies may be less alike.", footer=False),
        Command("review.after-all", ("N",), "duplicates after all", "Forgets the last n or a.", footer=False),
        *(
            Command(
                f"review.rate-{stars}", (str(stars),), f"rate {stars}", f"Rates the image {stars} of 5.", footer=False
            )
            for stars in range(1, 6)
        ),
        Command("review.rate-0", ("0",), "no rating", "Takes the rating back.", footer=False),
    )

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._apart: list[list[tuple[str, str]]] = []

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter on a row; on a finding it goes to the image."""
        if self.panel is None:
            self.action_command("review.keep")
        elif isinstance(self.panel, FindingsPanel):
            path = self.panel.file(event.index)
            self.close_panel()
            if not self._on_images:
                self.command_mode()
            self._images.go_to(path)

    def _command_keys(self, commands: "Iterable[Command]", why: "Callable[[str], str | None]") -> "Iterable[Key]":
        """Without those of the other list, and without those of copies where there are none."""
        others = {*_OF_COPIES} if self._on_images else {*_OF_IMAGES}
        if not self._on_images and self._looked is not None and not self._looked.found.groups:
            others.update(("keep", "drop", *_OF_COPIES))
        return super()._command_keys((each for each in commands if each.id.partition(".")[2] not in others), why)

    # --- what can be done now ------------------------------------------------------------------------------------

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run."""
        name = id.partition(".")[2]
        if name == "mode":
            return None
        if name in ("harder", "softer", "prepare", "check"):
            return "there are no images" if self._looked is not None and not self._looked.images else None
        if name == "after-all":
            return None if self._apart else "nothing was called different yet"
        looked = self._looked
        if looked is None:
            return "the images are still being looked at"
        if not looked.images:
            return "there are no images"
        if self._on_images:
            return "m goes to the copies" if name in _OF_COPIES else None
        if name in _OF_IMAGES or name.startswith("rate-"):
            return "m goes to the images one by one"
        return None if looked.found.groups else "there are no copies"

    def step_out(self) -> bool:
        """Closes the panel; out of flicker; drops the marks."""
        stepped = super().step_out() or self._copies.step_out() or self._images.unmark()
        self._say()
        return stepped

    # --- changing ------------------------------------------------------------------------------------------------

    async def _apply(self, plan: Plan) -> None:
        """Does a plan at once: it can be taken back."""
        await self.app.jobs.run("moving", lambda report, cancel: self.workspace.changes.apply(plan))
        self._did(plan)

    def _did(self, plan: Plan) -> None:
        """Says what was done, and has every screen read it."""
        self.app.did(plan.title, plan.command)
        self.toast(f"{plan.title}; u takes it back")
        self.app.changed()

    async def _agreed(self, panel: ProposalPanel) -> bool:
        """Shows what would be done; whether the person takes it."""
        self.show_panel(panel)
        wanted = await panel.answer
        self._close(panel)
        return wanted

    def _removal(self, paths: Sequence[str], reason: str, title: str, kept: Sequence[str] = ()) -> Plan:
        """A plan that takes images away with their captions, as long as they are those that were looked at.

        Args:
            paths: of the images.
            reason: why.
            title: for the history.
            kept: the images in whose favour they go.
        """
        from loratui.core.images.removal import removal

        assert self._looked is not None
        resting = {*paths, *kept}
        seen = [image for image in self._looked.images if image.path in resting]
        return removal(self.workspace.root, paths, reason, title, seen)

    async def command_keep(self) -> None:
        """Keeps A of a pair, or the image."""
        if self._on_images:
            self._images.keep()
            self._say()
        else:
            kept, _ = self._copies.pair
            paths = [member.path for member in self._copies.copies]
            title = f"{count(len(paths), 'copy', 'copies')} of {line(kept.path)} to the trash"
            await self._apply(self._removal(paths, "duplicate", title, [kept.path]))

    async def command_drop(self) -> None:
        """B, or the marked images, to the trash."""
        if self._on_images:
            await self._take_away("deleted", "to the trash")
        else:
            kept, copy = self._copies.pair
            title = f"{line(copy.path)} to the trash"
            await self._apply(self._removal([copy.path], "duplicate", title, [kept.path]))

    async def command_aside(self) -> None:
        """Out of the set, seen under its reason in the trash."""
        await self._take_away("aside", "set aside")

    async def _take_away(self, reason: str, words: str) -> None:
        paths = self._images.chosen
        what = line(paths[0]) if len(paths) == 1 else count(len(paths), "image")
        self._images.marked.clear()
        await self._apply(self._removal(paths, reason, f"{what} {words}"))

    async def command_best(self) -> None:
        """The best of every group."""
        from loratui.core.images.curation import removal_plan

        looked = self._looked
        assert looked is not None
        groups = looked.found.groups
        plan = removal_plan(self.workspace.root, looked.images, groups)
        if await self._agreed(propose_best(groups, plan)):
            await self._apply(plan)

    def command_swap(self) -> None:
        """B becomes A."""
        self._copies.swap()

    def command_next(self) -> None:
        """The next copy."""
        self._copies.step(1)

    def command_previous(self) -> None:
        """The copy before."""
        self._copies.step(-1)

    def command_flicker(self) -> None:
        """A and B in turns."""
        self._copies.flick()

    def command_keep_all(self) -> None:
        """All of the group are different."""
        contents = [member.facts.content for member in (self._copies.pair[0], *self._copies.copies)]
        self._call_different(list(combinations(contents, 2)), f"all {len(contents)} are kept")

    def command_not_duplicates(self) -> None:
        """B is different from all others of the group."""
        kept, copy = self._copies.pair
        others = [kept, *(member for member in self._copies.copies if member is not copy)]
        pairs = [(copy.facts.content, other.facts.content) for other in others]
        self._call_different(pairs, f"{line(copy.path)} is no duplicate")

    def _call_different(self, pairs: list[tuple[str, str]], words: str) -> None:
        pairs = [(one, other) for one, other in pairs if one != other]
        if not pairs:
            self.toast("they are the same file twice", "x moves one to the trash.", "warn")
            return
        for one, other in pairs:
            self.workspace.records.mark_not_duplicates(one, other)
        self._apart.append(pairs)
        self.app.did(words)
        self.toast(f"{words}; remembered, N forgets it")
        self.reload()

    def command_after_all(self) -> None:
        """Forgets the last decision that pictures are different."""
        for one, other in self._apart.pop():
            self.workspace.records.mark_not_duplicates(one, other, different=False)
        self.toast("forgotten: they may be duplicates again")
        self.reload()

    # --- lists ---------------------------------------------------------------------------------------------------

    def command_mode(self) -> None:
        """The other list."""
        self.toggle_class("-images")
        pane = self._images if self._on_images else self._copies
        self.set_focus(pane.view, scroll_visible=False)
        self._say()

    def command_harder(self) -> None:
        """More alike."""
        self._harden(min(100, self._hardness + 1))

    def command_softer(self) -> None:
        """Less alike."""
        self._harden(max(0, self._hardness - 1))

    def _harden(self, hardness: int) -> None:
        self._hardness = hardness
        self.toast(f"hardness {hardness}")
        self.reload()

    def command_mark(self) -> None:
        """Marks and steps on."""
        self._images.mark()
        self._say()

    def command_range(self) -> None:
        """Marks everything from the last mark to the cursor."""
        self._images.mark_range()
        self._say()

    def _rate(self, stars: int) -> None:
        self._images.rate(stars)
        self._say()

    def command_rate_0(self) -> None:
        """No rating."""
        self._rate(0)

    def command_rate_1(self) -> None:
        """One star."""
        self._rate(1)

    def command_rate_2(self) -> None:
        """Two stars."""
        self._rate(2)

    def command_rate_3(self) -> None:
        """Three stars."""
        self._rate(3)

    def command_rate_4(self) -> None:
        """Four stars."""
        self._rate(4)

    def command_rate_5(self) -> None:
        """Five stars."""
        self._rate(5)

    # --- preparing and checking ----------------------------------------------------------------------------------

    async def command_prepare(self) -> None:
        """Counts, asks, does."""
        workspace = self.workspace

        def prepare(report: Report, cancel: Event, dry_run: bool = False) -> "Preparation":
            from loratui.core.acts import images  # on the thread: it brings all that reads pictures

            return images.prep(workspace, dry_run=dry_run, report=report, cancel=cancel)

        planned = await self.app.jobs.run("counting", lambda report, cancel: prepare(report, cancel, dry_run=True))
        if not planned.works and not planned.aside:
            left = f"; {count(len(planned.skipped), 'image')} left as they are" if planned.skipped else ""
            self.toast(f"nothing to prepare{left}")
            return
        if not await self._agreed(propose_prep(planned)):
            return
        done = await self.app.jobs.run("preparing", prepare)
        if done.plan:
            self._did(done.plan)

    async def command_check(self) -> None:
        """Lists what is wrong."""
        workspace = self.workspace

        def check(report: Report, cancel: Event) -> "Findings":
            from loratui.core.acts import images

            return images.check(workspace, report=report, cancel=cancel)

        found = await self.app.jobs.run("checking", check)
        if found.findings:
            self.show_panel(FindingsPanel(found))
        else:
            self.toast(f"nothing to mend: {count(found.files, 'image')} looked at")
