"""Review › images: all images at the left, the one under the cursor at the right; kept, rated, taken away."""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.tui.screens.review_copies import PAUSE
from loratui.tui.screens.review_pair import size
from loratui.tui.screens.review_rows import ImageRows
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.dataset.folder import Image
    from loratui.core.workspace import Workspace
    from loratui.tui.screens.review_jobs import Looked


class ImagesPane(Container):
    """The images, with what was decided of them here.

    Args:
        workspace: whose images they are.
        empty: what is said where there are none.
    """

    DEFAULT_CSS = """
    ImagesPane > #one { width: 1fr; height: 1fr; padding: 0 1; }
    ImagesPane #head { height: 1; }
    """

    def __init__(self, workspace: "Workspace", empty: str) -> None:
        super().__init__(id="images", classes="-nothing")
        self.workspace = workspace
        self._empty = empty
        self._looked: Looked | None = None
        self._kept: set[str] = set()
        self._anchor = ""
        self._follow: Timer | None = None
        self.marked: set[str] = set()

    def compose(self) -> ComposeResult:
        """The list and one image."""
        yield VirtualList(empty="Looking at the images …")
        with Vertical(id="one", classes="review--detail"):
            yield Static(id="head")
            yield Picture()

    @property
    def view(self) -> VirtualList:
        """The list."""
        return self.query_one(VirtualList)

    @property
    def image(self) -> "Image | None":
        """The image under the cursor."""
        cursor = self.view.cursor
        images = self._looked.images if self._looked is not None else []
        return images[cursor] if cursor < len(images) else None

    @property
    def chosen(self) -> list[str]:
        """What a command works on: the marked images, else the one under the cursor."""
        images = self._looked.images if self._looked is not None else []
        marked = [image.path for image in images if image.path in self.marked]
        return marked or ([self.image.path] if self.image is not None else [])

    def take(self, looked: "Looked") -> None:
        """Shows other images; the cursor stays where it is."""
        self._looked = looked
        paths = {image.path for image in looked.images}
        self.marked &= paths
        self._kept &= paths
        rows = ImageRows(looked.images, looked.found.facts, looked.stars, self._kept, self.marked)
        self.view.set_source(rows, empty=self._empty)
        self.set_class(not looked.images, "-nothing")
        self.show_image()

    def counts(self, looked: "Looked") -> str:
        """What the title says."""
        rated = sum(stars > 0 for stars in looked.stars.values())
        place = f"image {self.view.cursor + 1:,} of {len(looked.images):,}" if looked.images else "no images"
        return f"{place} · {len(self._kept):,} kept · {rated:,} rated"

    def on_virtual_list_moved(self) -> None:
        """The picture follows when the cursor rests."""
        if self._follow is not None:
            self._follow.stop()
        self._follow = self.set_timer(PAUSE, self.show_image)

    def go_to(self, path: str) -> None:
        """Puts the cursor on an image, if it is still there."""
        images = self._looked.images if self._looked is not None else []
        where = next((index for index, image in enumerate(images) if image.path == path), None)
        if where is not None:
            self.view.cursor = where

    def show_image(self) -> None:
        """Paints the image under the cursor."""
        looked, image = self._looked, self.image
        picture, head = self.query_one(Picture), self.query_one("#head", Static)
        if looked is None or image is None:
            picture.show(None)
            head.update("")
            return
        failure, facts = looked.found.failures.get(image.path), looked.found.facts.get(image.path)
        told = f"broken · {size(image.size)}" if failure else ""
        if facts is not None:
            stars = looked.stars.get(image.path, 0)
            told = f"{facts.width}×{facts.height} · {facts.format} · {size(facts.bytes)}"
            told += f" · {'★' * stars}" if stars else ""
        head.update(Content.assemble((line(image.name), "bold"), (f"  {told}", "$dim")))
        picture.show(self.workspace.root / image.path, label=line(failure.message if failure else image.name))

    def keep(self) -> None:
        """Decides that the image stays, or takes that back."""
        assert self.image is not None
        self._kept ^= {self.image.path}
        self._step()

    def mark(self) -> None:
        """Marks the image and steps on."""
        assert self.image is not None
        self._anchor = self.image.path
        self.marked ^= {self._anchor}
        self._step()

    def mark_range(self) -> None:
        """Marks everything from the last mark to the cursor."""
        assert self._looked is not None
        paths = [image.path for image in self._looked.images]
        cursor = self.view.cursor
        anchor = paths.index(self._anchor) if self._anchor in paths else cursor
        self.marked.update(paths[min(anchor, cursor) : max(anchor, cursor) + 1])
        self.view.update_rows()

    def unmark(self) -> bool:
        """Drops the marks; whether there were any."""
        had = bool(self.marked)
        self.marked.clear()
        self.view.update_rows()
        return had

    def rate(self, stars: int) -> None:
        """Rates the image 1–5, or takes the rating back with 0; steps on."""
        looked, image = self._looked, self.image
        assert looked is not None and image is not None
        facts = looked.found.facts.get(image.path)
        content = facts.content if facts is not None else self.workspace.records.content_hash(image)
        self.workspace.records.set_stars(content, stars or None)
        looked.stars[image.path] = stars
        # Files with the same bytes are one content: they are rated together.
        for path, other in looked.found.facts.items():
            if other.content == content:
                looked.stars[path] = stars
        self._step()

    def _step(self) -> None:
        view = self.view
        view.update_row(view.cursor)
        if view.cursor + 1 < len(view.rows):
            view.cursor += 1
        else:
            self.show_image()
