"""The table of the Tags screen: what it shows of a dataset, without widgets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from loratui.core.dataset.caption import key
from loratui.core.sanitize import line
from loratui.core.tagging.prune import Suggestion, suggest
from loratui.core.tagging.slots import slot

if TYPE_CHECKING:
    from loratui.tui.screens.tags_snapshot import Snapshot

Order = Literal["count", "name"]
_SLOT_WIDTH = 15


def columns(width: int, count: str, tag: str) -> str:
    """The heads of the columns, over the rows of a list as wide as that (with its gutter) and a blank before it."""
    left = f"{count:>7} {'share':>6}  {tag}"
    return f"{left}{' ' * max(1, width - _SLOT_WIDTH - 9 - len(left))}slot"


class TagTable:
    """The tags of some images as rows: count, share, tag, slot, and what pruning thinks of it.

    Args:
        snapshot: the dataset and its scope.
        order: by count (most first) or by name.
        marked: the marked tags; shared with the screen, which changes it.
    """

    def __init__(self, snapshot: "Snapshot", order: Order, marked: set[str]) -> None:
        loaded, dataset, positions = snapshot.loaded, snapshot.dataset, snapshot.scope
        everything = len(positions) == len(dataset.images)
        self.counts = dataset.counts(None if everything else set(positions))
        by_name: Callable[[str], object] = str.casefold
        by_count: Callable[[str], object] = lambda tag: (-self.counts[tag], tag)  # noqa: E731
        self.tags = sorted(self.counts, key=by_name if order == "name" else by_count)  # type: ignore[arg-type]
        self.images = len(positions)
        captioned = sum(1 for position in positions if dataset.tags[position])
        self.suggestions: list[Suggestion] = suggest(
            self.counts, captioned, loaded.kind, keep=loaded.trigger_tags, categories=loaded.categories
        )
        self._suggested = {key(one.tag): one for one in self.suggestions if one.selected}
        self._triggers = {key(tag) for tag in loaded.trigger_tags}
        self._categories = loaded.categories
        self._marked = marked

    def __len__(self) -> int:
        return len(self.tags)

    def is_marked(self, index: int) -> bool:
        """Whether the row is marked."""
        return self.tags[index] in self._marked

    def index_of(self, tag: str) -> int | None:
        """The row of a tag."""
        try:
            return self.tags.index(tag)
        except ValueError:
            return None

    def row(self, index: int, width: int) -> Content:
        """One row. Narrow lists drop the slot's name, never the count or the tag."""
        tag = self.tags[index]
        count = self.counts[tag]
        left = Content.assemble(
            f"{count:>6,} {count * 100 / max(1, self.images):>4.0f} % ", (line(tag, 80), self.style(tag))
        )
        verdict = self._verdict(tag)
        room = width - left.cell_length - verdict.cell_length - 2
        filled = slot(tag)
        name = Content("")
        if filled is not None and room >= 4:
            name = Content.styled(filled.name, "$dim").truncate(min(room, _SLOT_WIDTH), ellipsis=True)
        # Slots stand below each other: their column begins at the same cell whatever the tag's length.
        column = width - _SLOT_WIDTH - 8
        gap = max(1, column - left.cell_length)
        right = Content.assemble(name, " " * max(1, _SLOT_WIDTH + 1 - name.cell_length), verdict)
        return Content.assemble(left, " " * gap, right)

    def style(self, tag: str) -> str:
        """The colour of the tag's category."""
        category = self._categories.get(key(tag), "general")
        known = category if category in ("general", "character", "copyright", "artist", "meta") else "general"
        return f"$tag-{known}"

    def _verdict(self, tag: str) -> Content:
        if key(tag) in self._triggers:
            return Content.styled("trigger", "bold $primary")
        one = self._suggested.get(key(tag))
        if one is None:
            return Content("")
        return Content.styled("?error", "$warning") if one.error else Content.styled("trait", "$dropped")
