"""What the lists of Review show: groups of copies, and the images one by one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from loratui.core.sanitize import line
from loratui.tui.screens.review_pair import size

if TYPE_CHECKING:
    from loratui.core.dataset.folder import Image
    from loratui.core.images.duplicates import Group
    from loratui.core.images.survey import Facts


class GroupRows:
    """One row per group: how many copies, what they take, the picture kept.

    Args:
        groups: as found.
    """

    def __init__(self, groups: "Sequence[Group]") -> None:
        self._groups = groups

    def __len__(self) -> int:
        return len(self._groups)

    def row(self, index: int, width: int) -> Content:
        """Row `index`."""
        group = self._groups[index]
        same = sum(member.relation == "same" for member in group.files)
        kind = "≈" if same else "="
        name = line(group.keep.rpartition("/")[2])
        right = f" {kind}{len(group.files) - 1:>2}  {size(group.freed):>7}"
        left = Content(name).truncate(max(4, width - len(right)), ellipsis=True, pad=True)
        return Content.assemble(left, (right, "$dim"))


class ImageRows:
    """One row per image: rating, name, size.

    Args:
        images: of the folders.
        facts: what is known of them, by path; empty until they were looked at.
        stars: ratings by path.
        kept: paths the person decided to keep in this session.
        marked: paths that are marked.
    """

    def __init__(
        self,
        images: "Sequence[Image]",
        facts: "Mapping[str, Facts]",
        stars: Mapping[str, int],
        kept: set[str],
        marked: set[str],
    ) -> None:
        self._images = images
        self._facts = facts
        self._stars = stars
        self._kept = kept
        self._marked = marked

    def __len__(self) -> int:
        return len(self._images)

    def row(self, index: int, width: int) -> Content:
        """Row `index`."""
        image = self._images[index]
        facts = self._facts.get(image.path)
        stars = self._stars.get(image.path, 0)
        pixels = f"{facts.width}×{facts.height}" if facts else size(image.size)
        tail = f" {'★' * stars:5} {pixels:>9}"
        kept = image.path in self._kept
        name = Content.styled(f"{'✓ ' if kept else ''}{line(image.name)}", "$kept" if kept else "")
        return Content.assemble(name.truncate(max(4, width - len(tail)), ellipsis=True, pad=True), (tail, "$dim"))

    def is_marked(self, index: int) -> bool:
        """Whether row `index` is marked."""
        return self._images[index].path in self._marked
