"""A grid of small pictures: only those in sight are asked for and read."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from loratui.tui.widgets.cursor_view import GUTTER, CursorView
from loratui.tui.widgets.inert import inert
from loratui.tui.widgets.pictured import PICTURED_CLASSES, Pictured, stamp_of

if TYPE_CHECKING:
    from loratui.tui.graphics.pictures import Drawn, Ticket
    from loratui.tui.graphics.probe import Terminal
    from loratui.tui.graphics.service import Graphics

STILL = 0.15
"""Seconds the view stands still before the pictures that have no file yet are asked for."""


class Thumbnails(Protocol):
    """What a grid shows.

    A source may also have `is_marked(index: int) -> bool`, and `error(index: int) -> str`: why there will be no file,
    as a few words; "" while there may be one.
    """

    def __len__(self) -> int: ...

    def path(self, index: int) -> Path | None:
        """The file of picture `index`; None while there is none (yet). Asked for pictures in sight only."""
        ...

    def label(self, index: int) -> str:
        """What stands under it, one short line."""
        ...


_Shown = tuple[Path, tuple[int, int]]
"""A file, and its time and size."""


class _Nothing:
    def __len__(self) -> int:
        return 0

    def path(self, index: int) -> Path | None:
        return None

    def label(self, index: int) -> str:
        return ""


class ThumbnailGrid(CursorView, Pictured):
    """Pictures of a source in rows, with a cursor, and marks that the source keeps.

    Moving the cursor repaints two labels; when it leaves the view, the view turns a whole page, as every row that
    scrolls costs its pictures. Where the terminal shows no pictures, the labels alone stand in columns.

    The source is asked for what is in sight only. When it changed, call (in the event loop):

    - `set_source(source, keep=False)` for another source, such as a new search;
    - `update_all()` when it became longer or shorter, or many changed: what looks the same is not painted again;
    - `update_cell(index)` when one changed: its file arrived, its `error`, its label, its mark. Only that cell is
      painted, and nothing at all while it is out of sight.

    Pictures that are still to be fetched: `path` gives None for them, and the grid posts `Missing` with those in sight
    once the view has stood still. Fetch them in this order, give up what is not named any more, and call `update_cell`
    for each that came or failed. Nothing is missing where the terminal shows no pictures.

    Messages: `Moved` and `Chosen` (each with `view` and `index`), `Missing` (`view`, `indexes`).

    Args:
        source: what to show; `set_source` changes it.
        cell: columns and rows of one picture without its label; the rows are made to fit the view.
        empty: what the grid says while it is empty.
    """

    DEFAULT_CSS = """
    ThumbnailGrid {
        & > .pictured--text { color: $foreground-muted; }
        & > .pictured--error { color: $warning; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {*PICTURED_CLASSES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(0, -1)", "left", show=False),
        Binding("right,l", "move(0, 1)", "right", show=False),
    ]

    class Moved(CursorView.Moved):
        """The cursor is on another picture. Only the newest of a burst is delivered."""

        view: "ThumbnailGrid"

    class Chosen(CursorView.Chosen):
        """Enter was pressed on a picture."""

        view: "ThumbnailGrid"

    class Missing(Message):
        """These pictures are in sight and have no file yet; the newest message alone counts."""

        def __init__(self, view: "ThumbnailGrid", indexes: tuple[int, ...]) -> None:
            super().__init__()
            self.view = view
            self.indexes = indexes

        @property
        def control(self) -> "ThumbnailGrid":
            return self.view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ThumbnailGrid.Missing) and message.view is self.view

    def __init__(
        self,
        source: Thumbnails | None = None,
        *,
        cell: tuple[int, int] = (16, 7),
        empty: str = "",
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(empty, name=name, id=id, classes=classes)
        self._source: Thumbnails = source if source is not None else _Nothing()
        self._cell = cell
        self._drawn: dict[int, tuple[_Shown, Drawn]] = {}
        self._tickets: dict[int, tuple[_Shown, Ticket]] = {}
        self._missing: tuple[int, ...] | None = None
        """What was last said to be missing; None: say it anew."""
        self._still: Timer | None = None
        self._drawn_height = 0

    # --- the source ----------------------------------------------------------------------------------------------

    @property
    def source(self) -> Thumbnails:
        """The source."""
        return self._source

    def set_source(self, source: Thumbnails, *, keep: bool = True, empty: str | None = None) -> None:
        """Shows another source.

        Args:
            source: the new source.
            keep: the cursor stays at its index (or the last picture); else it goes to the first one.
            empty: a new text for no pictures; None leaves it.
        """
        self._source = source
        if empty is not None:
            self._empty = empty
        if not keep:
            self.cursor = 0
            self.scroll_to(0, 0, animate=False)
        self.update_all()

    def update_all(self) -> None:
        """Call after the source changed. Pictures whose file is the same are neither read nor painted again."""
        self._missing = None
        self._measure()
        self._clamp()
        self._claim()
        self._repaint_all()

    def update_cell(self, index: int) -> None:
        """Call after one picture of the source changed: its file is there, it failed, its label or mark is another."""
        if index not in self._in_sight():
            return
        if self._missing is not None:
            self._missing = tuple(missing for missing in self._missing if missing != index)
        self._claim()
        self._repaint_cell(index)

    def _count(self) -> int:
        return len(self._source)

    # --- geometry ------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        """Pictures per row."""
        return max(1, self.scrollable_content_region.width // (self._cell[0] + 1))

    @property
    def _picture_height(self) -> int:
        """As many rows of pictures as suit the view best, each whole."""
        if self.pictureless:
            return 0
        height = self.scrollable_content_region.height
        rows = max(1, round(height / (self._cell[1] + 1)))
        return max(1, height // rows - 1) if height else self._cell[1]

    @property
    def _tile_height(self) -> int:
        return self._picture_height + 1

    @property
    def _page_rows(self) -> int:
        """Whole rows of pictures in sight."""
        return max(1, self.scrollable_content_region.height // self._tile_height)

    def _measure(self) -> None:
        # A last page may be only partly filled, as the view always begins with a whole page.
        pages = -(-len(self._source) // (self.columns * self._page_rows))
        height = self.scrollable_content_region.height
        rows = -(-len(self._source) // self.columns) * self._tile_height
        self.virtual_size = Size(
            0, max(rows, (pages - 1) * self._page_rows * self._tile_height + height if pages else 0)
        )

    def _in_sight(self) -> range:
        first = self.scroll_offset.y // self._tile_height * self.columns
        return range(min(first, len(self._source)), min(first + self._page_rows * self.columns, len(self._source)))

    def _cell_region(self, index: int) -> Region:
        """The cells of the view that picture `index` and its label take."""
        row, column = divmod(index, self.columns)
        width = self._cell[0] + 1
        return Region(column * width, row * self._tile_height - self.scroll_offset.y, width, self._tile_height)

    # --- pictures ------------------------------------------------------------------------------------------------

    def on_unmount(self) -> None:
        """Gives its claims up."""
        for _, ticket in self._tickets.values():
            ticket.cancel()

    def on_resize(self) -> None:
        """More or fewer pictures per row, as high as suits the view; of the same size they stay as they are."""
        if self._drawn_height != self._picture_height:
            self._forget()
        self._measure()
        self._follow()
        self.call_after_refresh(self._claim)

    def _forget(self) -> None:
        """Draws all anew."""
        for _, ticket in self._tickets.values():
            ticket.cancel()
        self._tickets.clear()
        self._drawn.clear()
        self._missing = None
        self._drawn_height = self._picture_height

    def _terminal_changed(self, terminal: "Terminal") -> None:
        self._forget()
        self._measure()
        self._follow()
        self._claim()
        self.refresh()

    def _wake(self, graphics: "Graphics") -> None:
        if self._drawn or self._tickets:
            alive = graphics.pictures.alive
            self._drawn = {index: shown for index, shown in self._drawn.items() if alive(shown[1])}
            graphics.pictures.wake()
        self._claim()

    def _claim(self) -> None:
        """Asks for the pictures in sight that are not there, and gives up all others."""
        from loratui.tui.graphics.encode import Wanted

        graphics = self.graphics if self.is_mounted else None
        if graphics is None or self.pictureless:
            return
        paths = {index: self._source.path(index) for index in self._in_sight()}
        wanted = {index: (path, stamp_of(path)) for index, path in paths.items() if path is not None}
        for index, (shown, ticket) in list(self._tickets.items()):
            if wanted.get(index) != shown:
                ticket.cancel()
                del self._tickets[index]
        self._drawn = {index: drawn for index, drawn in self._drawn.items() if wanted.get(index) == drawn[0]}
        for index, shown in wanted.items():
            if index not in self._drawn and index not in self._tickets:
                wish = Wanted(shown[0], self._cell[0], self._picture_height)
                self._tickets[index] = (
                    shown,
                    graphics.pictures.want(wish, partial(self._done, index), self._visible),
                )
        if len(wanted) < len(paths) or self._missing:
            self._ask_soon()

    def _done(self, index: int, drawn: "Drawn") -> None:
        shown, _ = self._tickets.pop(index)
        self._drawn[index] = shown, drawn
        self._repaint_cell(index)

    def _ask_soon(self) -> None:
        """Says what is missing in a moment, if no page is turned till then."""
        if self._still is None:
            self._still = self.set_timer(STILL, self._ask)

    def _ask(self) -> None:
        self._still = None
        graphics = self.graphics
        if graphics is None or graphics.terminal.protocol is None or self.pictureless or not self._visible():
            return  # asked again when the terminal is known or the screen is in front
        missing = tuple(
            index for index in self._in_sight() if self._source.path(index) is None and not self._error(index)
        )
        if missing != self._missing:
            self._missing = missing
            self.post_message(self.Missing(self, missing))

    def _error(self, index: int) -> str:
        error = getattr(self._source, "error", None)
        return str(error(index)) if error is not None else ""

    # --- painting ------------------------------------------------------------------------------------------------

    def _repaint_cell(self, index: int) -> None:
        """Marks those lines of a cell as dirty that differ from what was painted last."""
        cell = self._cell_region(index)
        changed = [Region(cell.x, y, cell.width, 1) for y in range(cell.y, cell.bottom) if self._differs(y)]
        if changed:
            self.refresh(*changed)

    def _line(self, y: int, width: int) -> Strip:
        """Line `y` of the view: the same line of each picture in its row, or their labels."""
        if not len(self._source):
            return self._empty_line(y, width)
        base = self.visual_style.rich_style
        if y >= self._page_rows * self._tile_height:
            return Strip.blank(width, base)  # what is left over below the last whole row
        row, line = divmod(self.scroll_offset.y + y, self._tile_height)
        first = row * self.columns
        segments: list[Segment] = []
        for index in range(min(first, len(self._source)), min(first + self.columns, len(self._source))):
            is_label = line == self._picture_height
            segments += self._label_line(index) if is_label else self._cell_line(index, line, base)
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(width, base)

    def _cell_line(self, index: int, line: int, base: Style) -> list[Segment]:
        width, height = self._cell[0], self._picture_height
        _, drawn = self._drawn.get(index, (None, None))
        if drawn is not None and drawn.lines:
            top = height - drawn.rows
            parts = self._picture_line(drawn, line - top, width) if line >= top else [Segment(" " * width)]
            return list(Segment.apply_style(parts, base))
        if line != height // 2:
            return [Segment(" " * width, base)]
        return self._words(drawn, self._error(index) or "·", width)

    def _label_line(self, index: int) -> list[Segment]:
        style = self._cursor_style() if index == self.cursor else self.get_visual_style("cursor-view--dim")
        label = inert(Content(self._source.label(index)).first_line)
        text = label.truncate(self._cell[0] - GUTTER, ellipsis=True, pad=True)
        return [*self._gutter(index, style, self._source), *text.render_segments(style)]

    # --- the cursor ----------------------------------------------------------------------------------------------

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaints two labels, turns the page when the cursor left the view, and says so."""
        if not self.is_mounted or old == new:
            return
        self._follow()
        self.refresh(self._label_region(old), self._label_region(new))
        self.post_message(self.Moved(self, new))

    def _cursor_region(self) -> Region:
        return self._label_region(self.cursor)

    def _label_region(self, index: int) -> Region:
        cell = self._cell_region(index)
        return Region(cell.x, cell.bottom - 1, cell.width, 1)

    def _follow(self) -> None:
        """Turns to the page of the cursor."""
        page = self.cursor // self.columns // self._page_rows
        goal = page * self._page_rows * self._tile_height
        if goal != self.scroll_offset.y:
            self.scroll_to(0, goal, animate=False)
            if self._still is not None:
                self._still.stop()
                self._still = None
            self._claim()

    def action_move(self, steps: int, across: int = 0) -> None:
        """Moves the cursor by rows down and pictures across; it stays where there is no picture."""
        goal = self.cursor + across + steps * self.columns
        if 0 <= goal < len(self._source):
            self.cursor = goal
        elif steps > 0 and self.cursor // self.columns < (len(self._source) - 1) // self.columns:
            self.cursor = len(self._source) - 1

    def action_page(self, pages: int) -> None:
        """Moves the cursor by pages."""
        self.cursor += pages * self.columns * self._page_rows
