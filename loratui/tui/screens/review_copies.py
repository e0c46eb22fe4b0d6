"""Review › copies: the groups at the left, the one under the cursor as a pair at the right."""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer

from loratui.core.words import count
from loratui.tui.screens.review_pair import PairView, side
from loratui.tui.screens.review_rows import GroupRows
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.images.duplicates import Group, Member
    from loratui.core.workspace import Workspace
    from loratui.tui.screens.review_jobs import Looked

PAUSE = 0.12
"""Seconds the cursor rests before the pictures follow: a held key sends the list only."""


class CopiesPane(Container):
    """Groups of copies, and which copy of the group is looked at.

    Args:
        workspace: whose images they are.
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(id="copies", classes="-nothing")
        self.workspace = workspace
        self._groups: list[Group] = []
        self._copy = 0
        self._first = ""
        self._flicker: bool | None = None
        self._follow: Timer | None = None

    def compose(self) -> ComposeResult:
        """The list and the pair."""
        yield VirtualList(empty="Looking at the images …")
        yield PairView()

    @property
    def view(self) -> VirtualList:
        """The list."""
        return self.query_one(VirtualList)

    @property
    def group(self) -> "Group | None":
        """The group under the cursor."""
        cursor = self.view.cursor
        return self._groups[cursor] if cursor < len(self._groups) else None

    @property
    def pair(self) -> "tuple[Member, Member]":
        """A, the one to keep, and B, the copy it is compared with."""
        group = self.group
        assert group is not None
        kept = next((member for member in group.files if member.path == self._first), group.files[0])
        copies = [member for member in group.files if member is not kept]
        self._copy %= len(copies)
        return kept, copies[self._copy]

    @property
    def copies(self) -> "list[Member]":
        """All files of the group but A."""
        group = self.group
        kept, _ = self.pair
        return [member for member in group.files if member is not kept] if group is not None else []

    def take(self, groups: "list[Group]", why_empty: str) -> None:
        """Shows other groups; the cursor stays where it is."""
        self._groups = groups
        self.view.set_source(GroupRows(groups), empty=why_empty)
        self.set_class(not groups, "-nothing")
        self._copy, self._first, self._flicker = 0, "", None
        self.show_pair()

    def counts(self, looked: "Looked") -> str:
        """What the title says."""
        groups = looked.found.groups
        copies = [member for group in groups for member in group.files[1:]]
        identical = sum(member.relation == "identical" for member in copies)
        variants = len({variant.path for group in groups for variant in group.variants})
        if not groups:
            return f"{count(len(looked.images), 'image')}, no copies" if looked.images else "no images"
        place = f"group {self.view.cursor + 1:,} of {len(groups):,}"
        said = f"{place} · {identical:,} identical · {len(copies) - identical:,} same picture"
        return f"{said} · {count(variants, 'variant')} kept"

    def on_virtual_list_moved(self) -> None:
        """Another group; the pictures follow when the cursor rests."""
        self._copy, self._first, self._flicker = 0, "", None
        if self._follow is not None:
            self._follow.stop()
        self._follow = self.set_timer(PAUSE, self.show_pair)

    def show_pair(self) -> None:
        """Paints the pair."""
        group, view = self.group, self.query_one(PairView)
        if group is None:
            view.clear()
            return
        kept, copy = self.pair
        place = f"{self._copy + 1} of {len(group.files) - 1}" if len(group.files) > 2 else ""
        # What is said of the files is said of them as copies of the one that was proposed.
        best = group.files[0]
        if kept is best:
            why = "B is A", copy.why
        elif copy is best:
            why = "A is B", kept.why
        else:
            why = f"to {best.path.rpartition('/')[2]}", f"A {kept.why} · B {copy.why}"
        view.show(side(self.workspace, kept), side(self.workspace, copy), why, place, group, self._flicker)

    def swap(self) -> None:
        """B becomes A."""
        kept, copy = self.pair
        self._first = copy.path
        self._copy = self.copies.index(kept)
        self.show_pair()

    def step(self, copies: int) -> None:
        """Another copy beside A."""
        self._copy += copies
        self.show_pair()

    def flick(self) -> None:
        """A and B in turns."""
        self._flicker = not self._flicker
        self.show_pair()

    def step_out(self) -> bool:
        """Back to both; whether it was not so already."""
        if self._flicker is None:
            return False
        self._flicker = None
        self.show_pair()
        return True
