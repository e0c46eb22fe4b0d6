"""A list of any length: only the rows in sight are made, only the lines that changed are painted."""

from typing import Protocol

from rich.text import Text
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip

from loratui.tui.widgets.cursor_view import GUTTER, CursorView
from loratui.tui.widgets.inert import inert


class Rows(Protocol):
    """What a list shows.

    A source may also have `is_marked(index: int) -> bool`, and `first(index: int) -> int`: of things that take several
    rows each, the first row of the one that row `index` belongs to. The cursor then stands on whole things.
    """

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


class VirtualList(CursorView):
    """Rows of a source, a cursor, and marks that the source keeps.

    Filling costs nothing at any length: nothing is measured or copied. When the cursor leaves the view, the view
    jumps most of a page instead of a line, so that a held key repaints two lines and not the whole view each time.

    Args:
        rows: the source; `set_source` changes it later.
        empty: what the list says while it has no rows.
    """

    class Moved(CursorView.Moved):
        """The cursor is on another row. Only the newest of a burst is delivered."""

        view: "VirtualList"

    class Chosen(CursorView.Chosen):
        """Enter was pressed on a row."""

        view: "VirtualList"

    def __init__(
        self,
        rows: Rows | None = None,
        *,
        empty: str = "",
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(empty, name=name, id=id, classes=classes)
        self._rows: Rows = rows if rows is not None else _NoRows()

    # --- the source ----------------------------------------------------------------------------------------------

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
        self.update_rows()

    def update_rows(self) -> None:
        """Call after the source changed: repaints the lines in sight that differ, and follows a changed length."""
        self._measure()
        self._clamp()
        self._repaint_all()

    def update_row(self, index: int) -> None:
        """Call after one row changed."""
        self._repaint([index - self.scroll_offset.y])

    def _count(self) -> int:
        return len(self._rows)

    def _measure(self) -> None:
        self.virtual_size = Size(0, len(self._rows))

    # --- the cursor ----------------------------------------------------------------------------------------------

    def _first(self, index: int) -> int:
        """The row at which the cursor stands for row `index`."""
        first = getattr(self._rows, "first", None)
        return first(index) if first is not None and 0 <= index < len(self._rows) else index

    def _end(self, index: int) -> int:
        """One past the last row of what begins at row `index`."""
        end = index + 1
        while end < len(self._rows) and self._first(end) == index:
            end += 1
        return end

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on a row, of several for one thing on the first."""
        return self._first(super().validate_cursor(cursor))

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaints the two rows, moves the view when the cursor left it, and says so."""
        if not self.is_mounted or old == new:
            return
        top = self.scroll_offset.y
        self._follow()
        if self.scroll_offset.y == top:
            self._repaint(y - top for index in (old, new) for y in range(index, self._end(index)))
        self.post_message(self.Moved(self, new))

    def _follow(self) -> None:
        """Brings the cursor into view: a step over the edge turns most of a page, a far jump centres it."""
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        last = min(self._end(self.cursor), self.cursor + max(height, 1)) - 1
        if not height or top <= self.cursor <= last < top + height:
            return
        context = max(1, height // 5)
        if self.cursor <= top + height <= last or self.cursor == top + height:
            goal = max(self.cursor - context, last - height + 1)
        elif self.cursor == top - 1:
            goal = self.cursor - height + 1 + context
        else:
            goal = self.cursor - height // 2
        self.scroll_to(0, max(0, min(goal, len(self._rows) - height)), animate=False)

    def on_resize(self) -> None:
        """Keeps the cursor in view when the view shrinks."""
        self.call_after_refresh(self._follow)

    def action_move(self, steps: int) -> None:
        """Moves the cursor by `steps` rows, or past the rows of what it is on."""
        goal = max(self.cursor + steps, self._end(self.cursor)) if steps > 0 else self.cursor + steps
        if goal < len(self._rows) or self._end(self.cursor) < len(self._rows):
            self.cursor = goal

    def action_page(self, pages: int) -> None:
        """Moves view and cursor by almost a page."""
        height = self.scrollable_content_region.height
        step = pages * max(1, height - 1)
        top = max(0, min(self.scroll_offset.y + step, len(self._rows) - height))
        cursor = self.validate_cursor(self.cursor + step)
        with self.prevent(self.Moved):
            self.scroll_to(0, top, animate=False)
        self.cursor = cursor

    # --- painting ------------------------------------------------------------------------------------------------

    def _cursor_region(self) -> Region:
        rows = self._end(self.cursor) - self.cursor
        return Region(0, self.cursor - self.scroll_offset.y, self.scrollable_content_region.width, rows)

    def _line(self, y: int, width: int) -> Strip:
        index = self.scroll_offset.y + y
        if index >= len(self._rows):
            return self._empty_line(y, width)
        base = self._cursor_style() if self._first(index) == self.cursor else self.get_visual_style()
        row = self._rows.row(index, max(0, width - GUTTER))
        content = row if isinstance(row, Content) else Content.from_rich_text(row, console=self.app.console)
        content = inert(content.first_line).truncate(max(0, width - GUTTER), ellipsis=True, pad=True)
        parts = [*self._gutter(index, base, self._rows), *content.render_segments(base)]
        return Strip(parts).simplify().adjust_cell_length(width, base.rich_style)
