"""A list of any length: only the rows in sight are made, only the lines that changed are painted."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

GUTTER = 2
"""Cells at the left of each row: the cursor and the mark."""

# What would move the terminal's cursor, change its state or reorder the line, if it came in a name nobody cleaned.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Rows(Protocol):
    """What a list shows. A source may also have `is_marked(index: int) -> bool`."""

    def __len__(self) -> int: ...

    def row(self, index: int, width: int) -> Text | Content:
        """Row `index` as one line of at most `width` cells (longer ones are cut); called for visible rows only.

        Colours of the theme are had with `Content`: `Content.styled("kafka", "$tag-character")`.
        """
        ...


class _NoRows:
    def __len__(self) -> int:
        return 0

    def row(self, index: int, width: int) -> Text:
        raise IndexError(index)


def inert(content: Content) -> Content:
    """`content` with every control and bidirectional character replaced by a dot, cell for cell."""
    if content.plain.isprintable():
        return content
    return Content(_UNSAFE.sub("·", content.plain), list(content.spans), strip_control_codes=False)


@lru_cache(maxsize=16)
def _wrapped(text: str, width: int) -> list[Content]:
    return inert(Content(text)).wrap(width)


class VirtualList(ScrollView, can_focus=True):
    """Rows of a source, a cursor, and marks that the source keeps.

    Filling costs nothing at any length: nothing is measured or copied. When the cursor leaves the view, the view
    jumps most of a page instead of a line, so that a held key repaints two lines and not the whole view each time.

    Args:
        rows: the source; `set_source` changes it later.
        empty: what the list says while it has no rows.
    """

    DEFAULT_CSS = """
    VirtualList {
        scrollbar-size: 0 0;
        & > .virtual-list--cursor { background: $primary 25%; text-style: bold; }
        & > .virtual-list--mark { color: $accent; }
        & > .virtual-list--empty { color: $foreground-muted; }
        &:blur > .virtual-list--cursor { background: $foreground 10%; text-style: none; }
        &:ansi > .virtual-list--cursor { background: ansi_default; text-style: reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-list--cursor",
        "virtual-list--mark",
        "virtual-list--empty",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "first", "first", show=False),
        Binding("end,G,shift+g", "last", "last", show=False),
        Binding("enter", "choose", "open", show=False),
    ]

    # A changed length lays out anew; what differs then is repainted by `_repaint`.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=True, repaint=False)
    show_vertical_scrollbar: Reactive[bool] = Reactive(False, layout=True, repaint=False)

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the row under the cursor; 0 while there are no rows."""

    class Moved(Message):
        """The cursor is on another row. Only the newest of a burst is delivered."""

        def __init__(self, view: "VirtualList", index: int) -> None:
            super().__init__()
            self.view = view
            self.index = index

        @property
        def control(self) -> "VirtualList":
            return self.view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualList.Moved) and message.view is self.view

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, view: "VirtualList", index: int) -> None:
            super().__init__()
            self.view = view
            self.index = index

        @property
        def control(self) -> "VirtualList":
            return self.view

    def __init__(
        self,
        rows: Rows | None = None,
        *,
        empty: str = "",
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._rows: Rows = rows if rows is not None else _NoRows()
        self._empty = empty
        self._painted: dict[int, Strip] = {}
        """By line of the view: what was last handed to the compositor."""

    @property
    def rows(self) -> Rows:
        """The source."""
        return self._rows

    def on_mount(self) -> None:
        """Learns the length of a source given to the constructor."""
        self._measure()

    def set_source(self, rows: Rows, *, keep: bool = True, empty: str | None = None) -> None:
        """Shows another source.

        Args:
            rows: the new source.
            keep: the cursor stays at its index (or the last row); else it goes to the first row.
            empty: a new text for no rows; None leaves it.
        """
        self._rows = rows
        if empty is not None:
            self._empty = empty
        self._measure()
        if not keep:
            self.cursor = 0
            self.scroll_to(0, 0, animate=False)
        self._clamp()
        self.update_rows()

    def update_rows(self) -> None:
        """Call after the source changed: repaints the lines in sight that differ, and follows a changed length."""
        self._measure()
        self._clamp()
        self._repaint(range(self.scrollable_content_region.height))

    def update_row(self, index: int) -> None:
        """Call after one row changed."""
        self._repaint([index - self.scroll_offset.y])

    def _measure(self) -> None:
        self.virtual_size = Size(0, len(self._rows))

    def _clamp(self) -> None:
        """A shorter source pulls the cursor and the view back to what is left."""
        self.cursor = self.validate_cursor(self.cursor)
        self._follow()

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on a row."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaints the two rows, moves the view when the cursor left it, and says so."""
        if not self.is_mounted or old == new:
            return
        top = self.scroll_offset.y
        self._follow()
        if self.scroll_offset.y == top:
            self._repaint([old - top, new - top])
        self.post_message(self.Moved(self, new))

    def _follow(self) -> None:
        """Brings the cursor into view: a step over the edge turns most of a page, a far jump centres it."""
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if not height or top <= self.cursor < top + height:
            return
        context = max(1, height // 5)
        if self.cursor == top + height:
            goal = self.cursor - context
        elif self.cursor == top - 1:
            goal = self.cursor - height + 1 + context
        else:
            goal = self.cursor - height // 2
        self.scroll_to(0, max(0, min(goal, len(self._rows) - height)), animate=False)

    def on_resize(self) -> None:
        """Keeps the cursor in view when the view shrinks."""
        self.call_after_refresh(self._follow)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaints the lines that differ after a scroll, instead of all."""
        if round(old_value) != round(new_value):
            self._repaint(range(self.scrollable_content_region.height))

    def on_focus(self, event: events.Focus) -> None:
        """Repaints the cursor only, where Textual would repaint the list."""
        self._focus_moved(event, True)

    def on_blur(self, event: events.Blur) -> None:
        """Repaints the cursor only, where Textual would repaint the list."""
        self._focus_moved(event, False)

    def _focus_moved(self, event: events.Focus | events.Blur, focused: bool) -> None:
        event.prevent_default()
        self.has_focus = focused
        self.refresh(Region(0, self.cursor - self.scroll_offset.y, self.scrollable_content_region.width, 1))
        if self.parent is not None:
            moved = events.DescendantFocus(self) if focused else events.DescendantBlur(self)
            self.parent.post_message(moved)

    def _repaint(self, lines: Iterable[int]) -> None:
        """Marks those of `lines` (of the view) as dirty whose content is not what was painted last."""
        region = self.scrollable_content_region
        changed = [
            Region(0, y, region.width, 1)
            for y in lines
            if 0 <= y < region.height and self._painted.get(y) != self._line(y, region.width)
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the view."""
        strip = self._line(y, self.scrollable_content_region.width)
        self._painted[y] = strip
        return strip

    def _line(self, y: int, width: int) -> Strip:
        index = self.scroll_offset.y + y
        if index >= len(self._rows):
            return self._empty_line(y, width)
        names = ("virtual-list--cursor",) if index == self.cursor else ()
        base = self.get_visual_style(*names)
        if names and self.get_component_styles(*names).text_style.reverse:
            base += Style(reverse=True)  # Textual's visual styles lose it; in 16 colours it is the cursor
        row = self._rows.row(index, max(0, width - GUTTER))
        content = row if isinstance(row, Content) else Content.from_rich_text(row, console=self.app.console)
        content = inert(content.first_line).truncate(max(0, width - GUTTER), ellipsis=True, pad=True)
        is_marked = getattr(self._rows, "is_marked", None)
        marked = is_marked is not None and is_marked(index)
        mark_style = self.get_visual_style(*names, "virtual-list--mark").rich_style if marked else base.rich_style
        gutter = [
            Segment("▸" if index == self.cursor else " ", base.rich_style),
            Segment("●" if marked else " ", mark_style),
        ]
        return Strip([*gutter, *content.render_segments(base)]).simplify().adjust_cell_length(width, base.rich_style)

    def _empty_line(self, y: int, width: int) -> Strip:
        base = self.get_visual_style().rich_style
        if len(self._rows) or not self._empty:
            return Strip.blank(width, base)
        lines = _wrapped(self._empty, max(1, width - 2 * GUTTER))
        # A third of the way down, where the eye looks first.
        number = y - max(0, (self.scrollable_content_region.height - len(lines)) // 3)
        if not 0 <= number < len(lines):
            return Strip.blank(width, base)
        style = self.get_visual_style("virtual-list--empty")
        text = lines[number].pad_left(GUTTER)
        return Strip(text.render_segments(style)).adjust_cell_length(width, style.rich_style)

    def action_move(self, rows: int) -> None:
        """Moves the cursor by `rows`."""
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        """Moves view and cursor by almost a page."""
        height = self.scrollable_content_region.height
        step = pages * max(1, height - 1)
        top = max(0, min(self.scroll_offset.y + step, len(self._rows) - height))
        cursor = self.validate_cursor(self.cursor + step)
        with self.prevent(self.Moved):
            self.scroll_to(0, top, animate=False)
        self.cursor = cursor

    def action_first(self) -> None:
        """Moves the cursor to the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """Moves the cursor to the last row."""
        self.cursor = len(self._rows) - 1

    def action_choose(self) -> None:
        """Posts `Chosen` for the row under the cursor."""
        if len(self._rows):
            self.post_message(self.Chosen(self, self.cursor))
