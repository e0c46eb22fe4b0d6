"""What the widgets that show pictures have in common: the terminal's news, being in sight, and words for a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.content import Content
from textual.widget import Widget

from loratui.tui.widgets.inert import inert

if TYPE_CHECKING:
    from loratui.tui.graphics.pictures import Drawn
    from loratui.tui.graphics.probe import Terminal
    from loratui.tui.graphics.service import Graphics

PICTURED_CLASSES = frozenset({"pictured--text", "pictured--error"})
"""The component classes of what stands where there is no picture."""


def stamp_of(path: Path | None) -> tuple[int, int]:
    """Time and size of a file, (0, 0) where there is none: when they differ, it is another picture."""
    try:
        status = path.stat() if path is not None else None
    except (OSError, ValueError):
        status = None
    return (status.st_mtime_ns, status.st_size) if status is not None else (0, 0)


class Pictured(Widget):
    """A widget that shows pictures. A subclass says what a new terminal and coming back into sight mean for it.

    Textual takes styles from one base class only, so each subclass declares and styles `PICTURED_CLASSES` itself.
    """

    def on_mount(self) -> None:
        """Learns of the terminal when it answers."""
        if self.graphics is not None:
            self.graphics.changed.subscribe(self, self._terminal_changed)
        self.screen.screen_layout_refresh_signal.subscribe(self, lambda _: self._laid_out())

    @property
    def graphics(self) -> "Graphics | None":
        """The app's graphics; None in an app that has none."""
        graphics: Graphics | None = getattr(self.app, "graphics", None)
        return graphics

    @property
    def pictureless(self) -> bool:
        """Whether there will be no pictures, as the terminal shows none."""
        graphics = self.graphics
        return graphics is not None and graphics.terminal.protocol == "none"

    def _visible(self) -> bool:
        return self.is_attached and self.screen is self.app.screen and self.is_on_screen

    def _laid_out(self) -> None:
        if self.graphics is not None and self._visible():
            self._wake(self.graphics)

    def _terminal_changed(self, terminal: "Terminal") -> None:
        """The terminal's way of showing pictures is another one: what was drawn is void."""
        raise NotImplementedError

    def _wake(self, graphics: "Graphics") -> None:
        """The widget is in sight (again): go on, and send anew what the terminal had to forget meanwhile."""
        raise NotImplementedError

    def _picture_line(self, drawn: "Drawn", line: int, width: int) -> list[Segment]:
        """Line `line` of a picture, centred in `width` cells."""
        left = (width - drawn.columns) // 2
        parts = [Segment(" " * left), *drawn.lines[line], Segment(" " * (width - drawn.columns - left))]
        return [segment for segment in parts if segment.text]

    def _words(self, drawn: "Drawn | None", label: str, width: int) -> list[Segment]:
        """One line of `width` cells that stands where there is no picture: why there is none, or `label`."""
        text, name = (drawn.error, "pictured--error") if drawn is not None else (label, "pictured--text")
        content = inert(Content(text).first_line).truncate(width, ellipsis=True).center(width)
        return content.truncate(width, pad=True).render_segments(self.get_visual_style(name))
