"""What a list and a grid have in common: a cursor and its keys, and lines that are painted only where they differ."""

from collections.abc import Iterable
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from loratui.tui.widgets.inert import inert

GUTTER = 2
"""Cells at the left of each row: the cursor and the mark."""


@lru_cache(maxsize=16)
def _wrapped(text: str, width: int) -> list[Content]:
    return inert(Content(text)).wrap(width)


class CursorView(ScrollView, can_focus=True):
    """A view of numbered things with one under the cursor.

    A source of either may have `is_marked(index: int) -> bool`. A subclass says how many there are (`_count`), how a
    line of the view looks (`_line`), where the cursor is in it (`_cursor_region`), how the view follows the cursor
    (`_follow`), and what a step and a page are (`action_move`, `action_page`); it has messages `Moved` and `Chosen` of
    its own, so that handlers are named after it.
    """

    DEFAULT_CSS = """
    CursorView {
        scrollbar-size: 0 0;
        & > .cursor-view--cursor { background: $primary 25%; text-style: bold; }
        & > .cursor-view--mark { color: $accent; }
        & > .cursor-view--dim { color: $foreground-muted; }
        &:blur > .cursor-view--cursor { background: $foreground 10%; text-style: none; }
        &:ansi > .cursor-view--cursor { background: ansi_default; text-style: reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"cursor-view--cursor", "cursor-view--mark", "cursor-view--dim"}
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
    """Index of what is under the cursor; 0 while there is nothing."""

    class Moved(Message):
        """The cursor is on another one. Only the newest of a burst is delivered."""

        def __init__(self, view: "CursorView", index: int) -> None:
            super().__init__()
            self.view = view
            self.index = index

        @property
        def control(self) -> "CursorView":
            return self.view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CursorView.Moved) and message.view is self.view

    class Chosen(Message):
        """Enter was pressed on one."""

        def __init__(self, view: "CursorView", index: int) -> None:
            super().__init__()
            self.view = view
            self.index = index

        @property
        def control(self) -> "CursorView":
            return self.view

    def __init__(self, empty: str, *, name: str | None, id: str | None, classes: str | None) -> None:  # noqa: A002
        super().__init__(name=name, id=id, classes=classes)
        self._empty = empty
        self._painted: dict[int, Strip] = {}
        """By line of the view: what was last handed to the compositor."""

    # --- what a subclass says ------------------------------------------------------------------------------------

    def _count(self) -> int:
        """How many there are."""
        raise NotImplementedError

    def _line(self, y: int, width: int) -> Strip:
        """Line `y` of the view."""
        raise NotImplementedError

    def _cursor_region(self) -> Region:
        """The cells of the view that show where the cursor is."""
        raise NotImplementedError

    def _follow(self) -> None:
        """Brings the cursor into view."""
        raise NotImplementedError

    def action_move(self, steps: int) -> None:
        """Moves the cursor down by `steps`."""
        raise NotImplementedError

    def action_page(self, pages: int) -> None:
        """Moves the cursor by pages."""
        raise NotImplementedError

    # --- the cursor ----------------------------------------------------------------------------------------------

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on what there is."""
        return max(0, min(cursor, self._count() - 1))

    def _clamp(self) -> None:
        """A shorter source pulls the cursor and the view back to what is left."""
        self.cursor = self.validate_cursor(self.cursor)
        self._follow()

    def action_first(self) -> None:
        """Moves the cursor to the first."""
        self.cursor = 0

    def action_last(self) -> None:
        """Moves the cursor to the last."""
        self.cursor = self._count() - 1

    def action_choose(self) -> None:
        """Posts `Chosen` for what is under the cursor."""
        if self._count():
            self.post_message(self.Chosen(self, self.cursor))

    # --- painting ------------------------------------------------------------------------------------------------

    def _repaint(self, lines: Iterable[int]) -> None:
        """Marks those of `lines` (of the view) as dirty whose content is not what was painted last."""
        region = self.scrollable_content_region
        changed = [Region(0, y, region.width, 1) for y in lines if self._differs(y)]
        if changed:
            self.refresh(*changed)

    def _differs(self, y: int) -> bool:
        """Whether line `y` is in view and would not look as it was painted last."""
        region = self.scrollable_content_region
        return 0 <= y < region.height and self._painted.get(y) != self._line(y, region.width)

    def _repaint_all(self) -> None:
        """Marks every line in view as dirty that differs from what was painted last."""
        self._repaint(range(self.scrollable_content_region.height))

    def render_line(self, y: int) -> Strip:
        """Line `y` of the view."""
        strip = self._line(y, self.scrollable_content_region.width)
        self._painted[y] = strip
        return strip

    def _cursor_style(self) -> Style:
        """The style of the text under the cursor."""
        style = self.get_visual_style("cursor-view--cursor")
        if self.get_component_styles("cursor-view--cursor").text_style.reverse:
            style += Style(reverse=True)  # Textual's visual styles lose it; in 16 colours it is the cursor
        return style

    def _gutter(self, index: int, style: Style, source: object) -> list[Segment]:
        """The cursor and the mark of one, in the colours of its text."""
        is_marked = getattr(source, "is_marked", None)
        marked = is_marked is not None and is_marked(index)
        mark = (style + Style(foreground=self.get_visual_style("cursor-view--mark").foreground)) if marked else style
        return [
            Segment("▸" if index == self.cursor else " ", style.rich_style),
            Segment("●" if marked else " ", mark.rich_style),
        ]

    def _empty_line(self, y: int, width: int) -> Strip:
        """Line `y` of the view where there is nothing to show."""
        base = self.get_visual_style().rich_style
        if self._count() or not self._empty:
            return Strip.blank(width, base)
        lines = _wrapped(self._empty, max(1, width - 2 * GUTTER))
        # A third of the way down, where the eye looks first.
        number = y - max(0, (self.scrollable_content_region.height - len(lines)) // 3)
        if not 0 <= number < len(lines):
            return Strip.blank(width, base)
        style = self.get_visual_style("cursor-view--dim")
        text = lines[number].pad_left(GUTTER)
        return Strip(text.render_segments(style)).adjust_cell_length(width, style.rich_style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaints the lines that differ after a scroll, instead of all."""
        if round(old_value) != round(new_value):
            self._repaint_all()

    def on_focus(self, event: events.Focus) -> None:
        """Repaints the cursor only, where Textual would repaint the view."""
        self._focus_moved(event, True)

    def on_blur(self, event: events.Blur) -> None:
        """Repaints the cursor only, where Textual would repaint the view."""
        self._focus_moved(event, False)

    def _focus_moved(self, event: events.Focus | events.Blur, focused: bool) -> None:
        event.prevent_default()
        self.has_focus = focused
        self.refresh(self._cursor_region())
        if self.parent is not None:
            moved = events.DescendantFocus(self) if focused else events.DescendantBlur(self)
            self.parent.post_message(moved)
