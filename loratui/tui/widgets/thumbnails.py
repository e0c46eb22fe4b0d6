"""A grid of small pictures: only those in sight are read."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from loratui.tui.widgets.picture import graphics_of, stamp_of
from loratui.tui.widgets.virtual_list import inert

if TYPE_CHECKING:
    from loratui.tui.graphics.pictures import Drawn, Ticket
    from loratui.tui.graphics.probe import Terminal


class Thumbnails(Protocol):
    """What a grid shows. A source may also have `is_marked(index: int) -> bool`."""

    def __len__(self) -> int: ...

    def path(self, index: int) -> Path | None:
        """The file of picture `index`; None while there is none (yet)."""
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


class ThumbnailGrid(ScrollView, can_focus=True):
    """Pictures of a source in rows, with a cursor, and marks that the source keeps.

    Moving the cursor repaints two labels; when it leaves the view, the view turns a whole page, as every row that
    scrolls costs its pictures.

    Args:
        source: what to show; `set_source` changes it.
        cell: columns and rows of one picture without its label.
        empty: what the grid says while it is empty.
    """

    DEFAULT_CSS = """
    ThumbnailGrid {
        scrollbar-size: 0 0;
        & > .thumbnails--cursor { background: $primary 25%; text-style: bold; }
        & > .thumbnails--mark { color: $accent; }
        & > .thumbnails--text { color: $foreground-muted; }
        & > .thumbnails--error { color: $warning; }
        &:blur > .thumbnails--cursor { background: $foreground 10%; text-style: none; }
        &:ansi > .thumbnails--cursor { background: ansi_default; text-style: reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "thumbnails--cursor",
        "thumbnails--mark",
        "thumbnails--text",
        "thumbnails--error",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", "left", show=False),
        Binding("right,l", "move(1, 0)", "right", show=False),
        Binding("up,k", "move(0, -1)", "up", show=False),
        Binding("down,j", "move(0, 1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "first", "first", show=False),
        Binding("end,G,shift+g", "last", "last", show=False),
        Binding("enter", "choose", "open", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the picture under the cursor; 0 while there are none."""

    class Moved(Message):
        """The cursor is on another picture. Only the newest of a burst is delivered."""

        def __init__(self, grid: "ThumbnailGrid", index: int) -> None:
            super().__init__()
            self.grid = grid
            self.index = index

        @property
        def control(self) -> "ThumbnailGrid":
            return self.grid

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ThumbnailGrid.Moved) and message.grid is self.grid

    class Chosen(Message):
        """Enter was pressed on a picture."""

        def __init__(self, grid: "ThumbnailGrid", index: int) -> None:
            super().__init__()
            self.grid = grid
            self.index = index

        @property
        def control(self) -> "ThumbnailGrid":
            return self.grid

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
        super().__init__(name=name, id=id, classes=classes)
        self._source: Thumbnails = source if source is not None else _Nothing()
        self._cell = cell
        self._empty = empty
        self._drawn: dict[int, tuple[_Shown, Drawn]] = {}
        self._tickets: dict[int, tuple[_Shown, Ticket]] = {}

    # --- the source ----------------------------------------------------------------------------------------------

    @property
    def source(self) -> Thumbnails:
        """The source."""
        return self._source

    def set_source(self, source: Thumbnails, *, keep: bool = True) -> None:
        """Shows another source; with `keep` the cursor stays at its index (or the last picture)."""
        self._source = source
        self._measure()
        if not keep:
            self.cursor = 0
            self.scroll_to(0, 0, animate=False)
        self.update_all()

    def update_all(self) -> None:
        """Call after the source changed. Pictures whose file is the same are not read again."""
        self._measure()
        self.cursor = self.validate_cursor(self.cursor)
        self._follow()
        self._claim()
        self.refresh()

    # --- geometry ------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        """Pictures per row."""
        return max(1, self.scrollable_content_region.width // (self._cell[0] + 1))

    @property
    def _tile_height(self) -> int:
        return self._cell[1] + 1

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
        rows = -(-self.scrollable_content_region.height // self._tile_height)
        return range(min(first, len(self._source)), min(first + rows * self.columns, len(self._source)))

    # --- pictures ------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Learns of the terminal when it answers."""
        if (graphics := graphics_of(self.app)) is not None:
            graphics.changed.subscribe(self, self._terminal_changed)
        self.screen.screen_layout_refresh_signal.subscribe(self, lambda _: self._wake())

    def on_unmount(self) -> None:
        """Gives its claims up."""
        for _, ticket in self._tickets.values():
            ticket.cancel()

    def on_resize(self) -> None:
        """More or fewer pictures per row; those that are drawn stay as they are."""
        self._measure()
        self._follow()
        self.call_after_refresh(self._claim)

    def _terminal_changed(self, terminal: "Terminal") -> None:
        self._drawn.clear()
        self.refresh()
        self._claim()

    def _visible(self) -> bool:
        return self.is_attached and self.screen is self.app.screen and self.is_on_screen

    def _wake(self) -> None:
        """The screen is in front again: goes on, and sends anew what the terminal had to forget meanwhile."""
        graphics = graphics_of(self.app)
        if graphics is None or not self._visible():
            return
        pictures = graphics.pictures
        dead = [index for index, (_, drawn) in self._drawn.items() if not pictures.alive(drawn)]
        for index in dead:
            del self._drawn[index]
        if dead:
            self._claim()
        pictures.wake()

    def _claim(self) -> None:
        """Asks for the pictures in sight that are not there, and gives up all others."""
        from loratui.tui.graphics.encode import Wanted

        graphics = graphics_of(self.app) if self.is_mounted else None
        if graphics is None or graphics.terminal.protocol == "none":
            return
        paths = {index: path for index in self._in_sight() if (path := self._source.path(index)) is not None}
        wanted = {index: (path, stamp_of(path)) for index, path in paths.items()}
        for index, (shown, ticket) in list(self._tickets.items()):
            if wanted.get(index) != shown:
                ticket.cancel()
                del self._tickets[index]
        self._drawn = {index: drawn for index, drawn in self._drawn.items() if wanted.get(index) == drawn[0]}
        for index, shown in wanted.items():
            if index not in self._drawn and index not in self._tickets:
                self._tickets[index] = (
                    shown,
                    graphics.pictures.want(Wanted(shown[0], *self._cell), partial(self._done, index), self._visible),
                )

    def _done(self, index: int, drawn: "Drawn") -> None:
        shown, _ = self._tickets.pop(index)
        self._drawn[index] = shown, drawn
        self._refresh_tile(index)

    # --- painting ------------------------------------------------------------------------------------------------

    def _refresh_tile(self, index: int, label_only: bool = False) -> None:
        row, column = divmod(index, self.columns)
        width = self._cell[0] + 1
        top = row * self._tile_height - self.scroll_offset.y
        if label_only:
            self.refresh(Region(column * width, top + self._cell[1], width, 1))
        else:
            self.refresh(Region(column * width, top, width, self._tile_height))

    def render_line(self, y: int) -> Strip:
        """Line `y` of the view: the same line of each picture in its row, or their labels."""
        base = self.visual_style.rich_style
        width = self.scrollable_content_region.width
        row, line = divmod(self.scroll_offset.y + y, self._tile_height)
        if not len(self._source):
            shown = Content(self._empty).truncate(width, ellipsis=True) if y == 1 else Content("")
            text = shown.render_segments(self.get_visual_style("thumbnails--text"))
            return Strip(text).adjust_cell_length(width, base)
        first = row * self.columns
        tiles = range(min(first, len(self._source)), min(first + self.columns, len(self._source)))
        segments: list[Segment] = []
        for index in tiles:
            segments += self._label_line(index) if line == self._cell[1] else self._picture_line(index, line, base)
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(width, base)

    def _picture_line(self, index: int, line: int, base: Style) -> list[Segment]:
        width, height = self._cell
        _, drawn = self._drawn.get(index, (None, None))
        if drawn is not None and drawn.lines:
            top, left = height - drawn.rows, (width - drawn.columns) // 2
            if line < top:
                return [Segment(" " * width, base)]
            parts = [Segment(" " * left), *drawn.lines[line - top], Segment(" " * (width - drawn.columns - left))]
            return [segment for segment in Segment.apply_style(parts, base) if segment.text]
        if line != height // 2:
            return [Segment(" " * width, base)]
        error = drawn.error if drawn is not None else ""
        style = self.get_visual_style("thumbnails--error" if error else "thumbnails--text")
        content = inert(Content(error or "·").first_line).truncate(width, ellipsis=True).center(width)
        return content.truncate(width, pad=True).render_segments(style)

    def _label_line(self, index: int) -> list[Segment]:
        names = ("thumbnails--cursor",) if index == self.cursor else ("thumbnails--text",)
        style = self.get_visual_style(*names)
        is_marked = getattr(self._source, "is_marked", None)
        marked = is_marked is not None and is_marked(index)
        mark = self.get_visual_style(*names, "thumbnails--mark").rich_style if marked else style.rich_style
        label = inert(Content(self._source.label(index)).first_line).truncate(
            self._cell[0] - 2, ellipsis=True, pad=True
        )
        return [
            Segment("▸" if index == self.cursor else " ", style.rich_style),
            Segment("●" if marked else " ", mark),
            *label.render_segments(style),
        ]

    # --- the cursor ----------------------------------------------------------------------------------------------

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on a picture."""
        return max(0, min(cursor, len(self._source) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaints two labels, turns the page when the cursor left the view, and says so."""
        if not self.is_mounted or old == new:
            return
        self._follow()
        self._refresh_tile(old, label_only=True)
        self._refresh_tile(new, label_only=True)
        self.post_message(self.Moved(self, new))

    def _follow(self) -> None:
        """Turns to the page of the cursor."""
        page = self.cursor // self.columns // self._page_rows
        goal = page * self._page_rows * self._tile_height
        if goal != self.scroll_offset.y:
            self.scroll_to(0, goal, animate=False)
            self._claim()

    def action_move(self, across: int, down: int) -> None:
        """Moves the cursor by pictures across and rows down; it stays where there is no picture."""
        goal = self.cursor + across + down * self.columns
        if 0 <= goal < len(self._source):
            self.cursor = goal
        elif down > 0 and self.cursor // self.columns < (len(self._source) - 1) // self.columns:
            self.cursor = len(self._source) - 1

    def action_page(self, pages: int) -> None:
        """Moves the cursor by pages."""
        self.cursor += pages * self.columns * self._page_rows

    def action_first(self) -> None:
        """Moves the cursor to the first picture."""
        self.cursor = 0

    def action_last(self) -> None:
        """Moves the cursor to the last picture."""
        self.cursor = len(self._source) - 1

    def action_choose(self) -> None:
        """Posts `Chosen` for the picture under the cursor."""
        if len(self._source):
            self.post_message(self.Chosen(self, self.cursor))
