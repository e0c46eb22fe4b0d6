"""The right side of Review › Duplicates: the picture to keep beside one of its copies, and what parts them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.widgets.picture import Picture

if TYPE_CHECKING:
    from loratui.core.images.duplicates import Group, Member
    from loratui.core.workspace import Workspace

_LABEL = 9
_VARIANTS = 3
_ROOM = 30
"""Rows below which the table is two lines, so that the pictures have the room."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pictures.

    Attributes:
        path: the file.
        name: shown.
        rows: what it is told by: label and value, the same labels on both sides; "" where there is nothing to tell.
    """

    path: Path
    name: str
    rows: tuple[tuple[str, str], ...]


def side(workspace: "Workspace", member: "Member") -> Side:
    """What is told of one file: size, format, caption, source, rating."""
    facts = member.facts
    path = workspace.root / member.path
    source = workspace.records.provenance(facts.content)
    stars = workspace.records.stars(facts.content)
    quality = f" q{facts.quality}" if facts.quality else ""
    return Side(
        path,
        line(path.name),
        (
            ("size", f"{facts.width}×{facts.height}"),
            ("bytes", size(facts.bytes)),
            ("format", f"{facts.format}{quality}"),
            ("caption", _caption(path)),
            ("source", f"{source.board} {source.post}" if source else ""),
            ("rating", "★" * (stars or 0)),
        ),
    )


def _caption(path: Path) -> str:
    """How many tags the caption of an image has; "" without one."""
    from loratui.core.dataset.caption import Caption, CaptionError
    from loratui.core.dataset.folder import caption_of

    caption = caption_of(path)
    if caption is None:
        return ""
    try:
        return count(len(Caption.parse(caption.read_bytes()).tags), "tag")
    except (CaptionError, OSError):
        return "unreadable"


def size(bytes_: int) -> str:
    """A number of bytes: `310 kB`, `4.1 MB`."""
    if bytes_ >= 1e6:
        return f"{bytes_ / 1e6:.1f} MB"
    return f"{bytes_ / 1e3:.0f} kB" if bytes_ >= 1e4 else f"{max(bytes_ / 1e3, 0.1):.1f} kB"


class PairView(Vertical):
    """Two pictures side by side, or in turns in one place; below them how they differ."""

    DEFAULT_CSS = """
    PairView { padding: 0 1; }
    PairView > #pictures { height: 1fr; min-height: 3; }
    PairView .pair--side { width: 1fr; height: 100%; }
    PairView .pair--head { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PairView > .pair--relation { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PairView > .pair--table { height: auto; }
    PairView > .pair--variants { height: auto; max-height: 3; color: $dim; }
    PairView #drop { margin: 0 0 0 1; }
    PairView.-flicker #drop { display: none; }
    """

    def __init__(self) -> None:
        super().__init__(classes="review--detail")
        self._sides: tuple[Side, Side] | None = None

    def compose(self) -> ComposeResult:
        """Pictures, relation, table, variants."""
        with Horizontal(id="pictures"):
            for name in ("keep", "drop"):
                with Vertical(id=name, classes="pair--side"):
                    yield Static(classes="pair--head")
                    yield Picture()
        yield Static(classes="pair--relation")
        yield Static(classes="pair--table")
        yield Static(classes="pair--variants")

    def clear(self) -> None:
        """Shows nothing."""
        self._sides = None
        for picture in self.query(Picture):
            picture.show(None)
        for text in self.query(Static):
            text.update("")

    def show(
        self, keep: Side, drop: Side, why: tuple[str, str], place: str, group: "Group", flicker: bool | None
    ) -> None:
        """Shows a pair.

        Args:
            keep: the picture that stays.
            drop: the copy.
            why: which of the two is what to the other, in words.
            place: which copy of how many; "" for the only one.
            group: both belong to.
            flicker: None shows both; False only the first, True only the second, in the place of the first.
        """
        self.set_class(flicker is not None, "-flicker")
        front = drop if flicker else keep
        second = (f"B drop {place}".rstrip(), "bold $dropped")
        head = second if flicker else ("A keep", "bold $kept")
        self._side("keep", Content.assemble(head, f"  {front.name}"), front)
        self._side("drop", Content.assemble(second, f"  {drop.name}"), drop)
        self._text("relation", Content.assemble((f"{line(why[0])}: ", "$dim"), (line(why[1]), "bold")))
        self._sides = keep, drop
        self._tell()
        self._text("variants", _variants(group))

    def on_resize(self) -> None:
        """The table fits the room."""
        self._tell()

    def _tell(self) -> None:
        if self._sides is not None:
            self._text("table", (_table if self.size.height >= _ROOM else _two_lines)(*self._sides))

    def _side(self, where: str, head: Content, side: Side) -> None:
        box = self.query_one(f"#{where}")
        box.query_one(Static).update(head)
        box.query_one(Picture).show(side.path, label=side.name)

    def _text(self, where: str, content: Content) -> None:
        self.query_one(f".pair--{where}", Static).update(content)


def _table(keep: Side, drop: Side) -> Content:
    """Both sides row by row; what differs stands out."""
    width = max(len(value) for _, value in keep.rows) + 3
    lines = [Content.styled(f"{'':{_LABEL}}{'A':{width}}B", "$dim")]
    for (label, one), (_, other) in zip(keep.rows, drop.rows, strict=True):
        style = "$dim" if one == other else "$foreground"
        lines.append(Content.assemble((f"{label:{_LABEL}}", "$dim"), (f"{one or '–':{width}}{other or '–'}", style)))
    return Content("\n").join(lines)


def _two_lines(keep: Side, drop: Side) -> Content:
    """The same in two lines, without what is nowhere known."""
    pairs = [(one, other) for (_, one), (_, other) in zip(keep.rows, drop.rows, strict=True)]
    told = [(one or "–", other or "–") for one, other in pairs if one or other]
    lines = []
    for name, at in (("A", 0), ("B", 1)):
        cells = [f"{pair[at]:{max(map(len, pair))}}" for pair in told]
        lines.append(Content.assemble((f"{name} ", "$dim"), "  ".join(cells)))
    return Content("\n").join(lines)


def _variants(group: "Group") -> Content:
    if not group.variants:
        return Content("")
    named = [f"{line(v.path.rpartition('/')[2])} ({v.differs})" for v in group.variants[:_VARIANTS]]
    more = f" and {len(group.variants) - _VARIANTS} more" if len(group.variants) > _VARIANTS else ""
    return Content(f"variants, kept: {', '.join(named)}{more}")
