"""The right pane of the Tags screen: one image with its caption and what the tagger said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from loratui.core.dataset.caption import key
from loratui.core.sanitize import line
from loratui.tui.widgets.picture import Picture

if TYPE_CHECKING:
    from loratui.core.workspace import Workspace
    from loratui.tui.screens.tags_snapshot import Loaded
    from loratui.tui.screens.tags_table import TagTable

_SCORES = 8
_SURE = 0.95
"""From this score on a tag need not be looked at twice."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is read of one image, on a thread.

    Attributes:
        size: width and height; None where the header cannot be read.
        scores: category and probability by tag; empty where the tagger was not asked.
        origins: board, tagger or person, by tag.
    """

    size: tuple[int, int] | None = None
    scores: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


def know(workspace: "Workspace", loaded: "Loaded", position: int) -> Known:
    """Reads the header of an image, and what the records hold of its content."""
    from loratui.core.dataset.sizes import size
    from loratui.core.tagging.tagger import origins

    image = loaded.dataset.images[position]
    found = size(workspace.root / image.path)
    try:
        digest = workspace.records.content_hash(image)
    except OSError:
        return Known(found)
    scores = workspace.records.scores(digest, loaded.tagger) or {}
    return Known(found, scores, origins(workspace.records, digest, loaded.tagger, loaded.dataset.tags[position]))


class Detail(Vertical):
    """Name and place in the row of images, the picture, the caption, the scores."""

    DEFAULT_CSS = """
    Detail { padding: 0 1; }
    Detail > Horizontal { height: 1; }
    Detail .detail--head { width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    Detail .detail--facts { width: 24; color: $dim; text-align: right; }
    Detail > Picture { height: 1fr; min-height: 4; }
    Detail > .detail--caption { height: 7; }
    Detail > .detail--scores { height: 2; color: $dim; }
    """

    def compose(self) -> ComposeResult:
        """The four parts."""
        with Horizontal():
            yield Static(classes="detail--head")
            yield Static(classes="detail--facts")
        yield Picture()
        yield Static(classes="detail--caption")
        yield Static(classes="detail--scores")

    def show_nothing(self, why: str) -> None:
        """Says why there is no image."""
        self._set("head", Content(""))
        self._set("facts", Content(""))
        self.query_one(Picture).show(None)
        self._set("caption", Content.styled(why, "$dim"))
        self._set("scores", Content(""))

    def show(
        self, root: Path, loaded: "Loaded", table: "TagTable", position: int, place: str, tag: str, known: Known | None
    ) -> None:
        """Shows an image.

        Args:
            root: of the workspace.
            loaded: its dataset.
            table: gives the tags their colours.
            position: of the image in the dataset.
            place: such as `3 of 57 with purple hair`.
            tag: stands out in the caption.
            known: what was read of the image; None: not yet.
        """
        dataset = loaded.dataset
        image = dataset.images[position]
        tokens = loaded.tokens.shown(loaded.tokens.tags(dataset.tags[position]))
        size = f"{known.size[0]}×{known.size[1]} · " if known and known.size else ""
        self._set("head", Content.assemble((line(image.name), "bold"), (f"  {place}", "$dim")))
        self._set("facts", Content(f"{size}{tokens} tokens"))
        self.query_one(Picture).show(root / image.path, label=line(image.name))
        self._set("caption", self._caption(loaded, table, position, tag, known))
        self._set("scores", _scores(known))

    def _caption(self, loaded: "Loaded", table: "TagTable", position: int, tag: str, known: Known | None) -> Content:
        dataset = loaded.dataset
        if position in dataset.problems:
            return Content.styled(line(dataset.problems[position]), "$warning")
        tags = dataset.tags[position]
        if not tags:
            return Content.styled("No caption yet: T runs the tagger, c writes one.", "$dim")
        # Most tags are general: they take the text's own colour here, which costs no bytes.
        styles = {"$tag-general": ""}
        parts = []
        for name in tags:
            style = styles.get(table.style(name), table.style(name))
            parts.append(Content.styled(line(name), f"reverse {style}".strip() if key(name) == key(tag) else style))
        return Content(", ").join(parts)

    def _set(self, part: str, content: Content) -> None:
        # No layout: the parts keep their size, and only what changed is painted.
        self.query_one(f".detail--{part}", Static).update(content, layout=False)


def _scores(known: Known | None) -> Content:
    """The least certain tags of the caption first: those are looked at twice."""
    if known is None or not known.scores:
        return Content("")
    values = {key(tag): value for tag, (category, value) in known.scores.items() if category != "rating"}
    found = [(values[key(tag)], tag) for tag in known.origins if key(tag) in values]
    shown = sorted(pair for pair in found if pair[0] < _SURE)[:_SCORES]
    typed = [tag for tag, origin in known.origins.items() if origin == "person"]
    parts = [f"{line(tag)} {value:.2f}".replace("0.", ".") for value, tag in shown]
    sure = f"every tag scored {_SURE:.2f} or more".replace("0.", ".") if found else ""
    text = "least certain: " + " · ".join(parts) if parts else sure
    own = f"yours: {', '.join(line(tag) for tag in typed[:4])}" if typed else ""
    return Content("   ".join(part for part in (text, own) if part))
