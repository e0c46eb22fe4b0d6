"""What Review shows: the groups of copies or all images, read on a thread, and their counts. Its commands: `review`."""

from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from loratui.core.errors import Cancelled
from loratui.core.jobs import Report
from loratui.core.words import count
from loratui.tui.commands import Command
from loratui.tui.screens import review_jobs
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.review_copies import CopiesPane
from loratui.tui.screens.review_images import ImagesPane
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.workspace import Workspace
    from loratui.tui.screens.review_jobs import Looked

_HARDNESS = 97


class ReviewView(LoratuiScreen):
    """A list at the left: groups of copies, or all images. At the right what the cursor is on."""

    COMMANDS: ClassVar[tuple[Command, ...]] = ()
    EMPTY: ClassVar[str] = (
        "No images here yet. Press gs to search a board, or gp and i to take in a folder of your own."
    )
    DEFAULT_CSS = """
    ReviewView #images, ReviewView.-images #copies { display: none; }
    ReviewView.-images #images { display: block; }
    ReviewView #body > Container > VirtualList { height: 1fr; }
    ReviewView.-wide #body > Container { layout: horizontal; }
    ReviewView.-wide #body > Container > VirtualList { width: 46; border-right: solid $panel; }
    ReviewView.-narrow #body > Container > VirtualList { height: 6; border-bottom: solid $panel; }
    ReviewView.-narrow .pair--variants { text-wrap: nowrap; text-overflow: ellipsis; }
    ReviewView #body > Container.-nothing > VirtualList { width: 1fr; height: 1fr; border: none; }
    ReviewView #body > Container.-nothing > .review--detail { display: none; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._looked: Looked | None = None
        self._hardness = _HARDNESS
        self._reading = self._stale = False

    def compose_body(self) -> ComposeResult:
        """Both lists; one is seen."""
        yield CopiesPane(self.workspace)
        yield ImagesPane(self.workspace, self.EMPTY)

    # --- reading -------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Looks at the images on a thread; what has not changed since the last time costs a moment."""
        if self._reading:
            self._stale = True
            return
        self._reading, workspace, hardness = True, self.workspace, self._hardness

        def done(looked: "Looked") -> None:
            self._reading = False
            if workspace is self.workspace and hardness == self._hardness:
                self._take(looked)
            if self._stale or workspace is not self.workspace:
                self._stale = False
                self.reload()

        def failed(error: Exception) -> None:
            self._reading = self._stale = False
            self._copies.take([], "The images could not be looked at. Press gp and gr to try again.")
            if isinstance(error, Cancelled):
                self.toast("looking: stopped")
            else:
                self.app.report_error(error)

        def work(report: Report, cancel: Event) -> "Looked":
            return review_jobs.look(workspace, hardness, report, cancel)

        self.app.jobs.start("comparing", work, done, failed, quiet=True)

    def _take(self, looked: "Looked") -> None:
        self._looked = looked
        self._copies.workspace = self._images.workspace = self.workspace
        self._copies.take(looked.found.groups, self._why_empty(looked))
        self._images.take(looked)
        self._say()

    def _why_empty(self, looked: "Looked") -> str:
        if not looked.images:
            return self.EMPTY
        unread = len(looked.found.failures)
        broken = f" {count(unread, 'file')} could not be read: C shows them." if unread else ""
        images = count(len(looked.images), "image")
        return f"No copies among {images}.{broken} Press m to look through them, - to be softer."

    def _say(self) -> None:
        """The counts of the list in front, and the marks."""
        looked = self._looked
        if looked is None:
            return
        if self._on_images:
            self.set_counts(self._images.counts(looked))
        else:
            harder = f" · hardness {self._hardness}" if self._hardness != _HARDNESS else ""
            self.set_counts(self._copies.counts(looked) + harder)
        marked = len(self._images.marked)
        self.set_note(f"● {marked:,} marked" if marked else "")
        self.refresh_status()

    @property
    def _copies(self) -> CopiesPane:
        return self.query_one(CopiesPane)

    @property
    def _images(self) -> ImagesPane:
        return self.query_one(ImagesPane)

    @property
    def _on_images(self) -> bool:
        return self.has_class("-images")

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """The counts name the row."""
        self._say()
