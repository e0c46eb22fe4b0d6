"""One picture in a box of cells."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip

from loratui.tui.widgets.pictured import PICTURED_CLASSES, Pictured, stamp_of

if TYPE_CHECKING:
    from loratui.tui.graphics.pictures import Drawn, Ticket
    from loratui.tui.graphics.probe import Terminal
    from loratui.tui.graphics.service import Graphics


class Picture(Pictured):
    """A picture as large as the box allows, centred, at its own proportions.

    The old picture stays until the new one is there. A file that is missing or broken shows why in one line; a terminal
    that shows no pictures gets the label.
    """

    DEFAULT_CSS = """
    Picture {
        width: 1fr; height: 1fr;
        & > .pictured--text { color: $foreground-muted; }
        & > .pictured--error { color: $warning; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {*PICTURED_CLASSES}

    path: reactive[Path | None] = reactive(None, repaint=False)
    """The file shown; set it by `show`."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        label: str = "",
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._crop: tuple[int, int, int, int] | None = None
        self._label = label
        self._stamp = stamp_of(path)
        self._drawn: Drawn | None = None
        self._ticket: Ticket | None = None
        self.set_reactive(Picture.path, path)

    def show(self, path: Path | None, *, crop: tuple[int, int, int, int] | None = None, label: str = "") -> None:
        """Shows another picture; of several calls in a row only the last is drawn.

        Args:
            path: the file; None empties the box.
            crop: the part to show, in pixels of the upright picture: left, top, right, bottom, the last two exclusive.
            label: what stands in the box where there is no picture yet.
        """
        stamp = stamp_of(path)
        if (path, crop, stamp) == (self.path, self._crop, self._stamp):
            if label != self._label:
                self._label = label
                self._repaint_text()
            if self._drawn is None and self._ticket is None:
                self._claim()
            return
        self.path, self._crop, self._label, self._stamp = path, crop, label, stamp
        if path is None and self._drawn is not None and self._drawn.lines:
            self._drawn = None
            self.refresh()
        else:
            self._repaint_text()
        self._claim()

    def _repaint_text(self) -> None:
        """Where there is no picture, the one line of text is all that can have changed."""
        if self._drawn is None or not self._drawn.lines:
            self._drawn = None
            self._refresh_text()

    def _refresh_text(self) -> None:
        self.refresh(Region(0, self.size.height // 2, self.size.width, 1))

    def on_unmount(self) -> None:
        """Gives its claim up."""
        if self._ticket is not None:
            self._ticket.cancel()

    def on_resize(self) -> None:
        """Draws for the new box; what is there does not fit it."""
        if self._drawn is not None:
            self._drawn = None
            self.refresh()
        self._claim()

    def _terminal_changed(self, terminal: "Terminal") -> None:
        self._drawn = None
        self.refresh()
        self._claim()

    def _wake(self, graphics: "Graphics") -> None:
        if self._ticket is not None:
            graphics.pictures.wake()
        elif self._drawn is not None and not graphics.pictures.alive(self._drawn):
            self._claim()

    def _claim(self) -> None:
        """Asks for the picture at the size of the box."""
        from loratui.tui.graphics.encode import Wanted

        if self._ticket is not None:
            self._ticket.cancel()
            self._ticket = None
        graphics = self.graphics if self.is_mounted else None
        columns, rows = self.size
        if graphics is None or self.path is None or not columns or not rows or self.pictureless:
            return
        wanted = Wanted(self.path, columns, rows, self._crop)
        self._ticket = graphics.pictures.want(wanted, self._done, self._visible)

    def _done(self, drawn: "Drawn") -> None:
        before, self._drawn = self._drawn, drawn
        self._ticket = None
        if drawn.lines or (before is not None and before.lines):
            self.refresh()
        else:
            self._refresh_text()

    def render_line(self, y: int) -> Strip:
        """Line `y` of the box."""
        base = self.visual_style.rich_style
        width, height = self.size
        drawn = self._drawn
        if drawn is not None and drawn.lines:
            top = (height - drawn.rows) // 2
            if not top <= y < top + drawn.rows:
                return Strip.blank(width, base)
            return Strip(self._picture_line(drawn, y - top, width), width).apply_style(base)
        if y != height // 2:
            return Strip.blank(width, base)
        return Strip(self._words(drawn, self._label, width)).adjust_cell_length(width, base)
