"""The two lines of every screen: the title above, the status below. Each repaints only the cells that changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, get_character_cell_size
from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget

from loratui.core.sanitize import line


class Line(Widget):
    """One line of text that sends only the cells between the first and the last difference."""

    DEFAULT_CSS = """
    Line { height: 1; width: 100%; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._content = Content()
        self._painted: Strip | None = None

    @property
    def plain(self) -> str:
        """What the line says, without its styles."""
        return self._content.plain

    def show(self, content: Content) -> None:
        """Shows `content`, cut to the width."""
        self._content = content
        if self._painted is None:
            self.refresh()
            return
        old, new = self._painted, self._strip()
        if old.cell_length != new.cell_length:
            self.refresh()
        elif (span := _difference(old, new)) is not None:
            self.refresh(Region(span[0], 0, span[1] - span[0], 1))

    def _strip(self) -> Strip:
        style = self.visual_style
        width = self.size.width
        content = self._content.truncate(width, ellipsis=True)
        return Strip(content.render_segments(style)).adjust_cell_length(width, style.rich_style)

    def render_line(self, y: int) -> Strip:
        """The line, for the compositor."""
        self._painted = self._strip()
        return self._painted

    def notify_style_update(self) -> None:
        """Forgets what was painted when the theme changes."""
        self._painted = None
        super().notify_style_update()


def _difference(old: Strip, new: Strip) -> tuple[int, int] | None:
    """The cells in which two strips of the same length differ, as (first, one past the last); None if none do."""

    def cells(strip: Strip) -> list[tuple[str, object]]:
        found: list[tuple[str, object]] = []
        for text, style, _ in strip:
            for character in text:
                found.extend([(character, style)] * get_character_cell_size(character))
        return found

    before, after = cells(old), cells(new)
    differing = [index for index, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]]
    if not differing:
        return None if len(before) == len(after) else (0, len(before))
    return differing[0], differing[-1] + 1


class TitleLine(Line):
    """Where one is at the left, the counts of the screen at the right."""

    DEFAULT_CSS = """
    TitleLine { dock: top; background: $panel; color: $foreground; }
    """

    def compose_line(self, project: str, screen: str, counts: str) -> None:
        """Shows the parts; on a narrow terminal the counts are cut first."""
        left = Content.assemble(" ", (line(project, 60), "bold $primary"), (" › ", "$dim"), (line(screen), "bold"))
        room = self.app.size.width - left.cell_length - 3
        right = Content(line(counts)).truncate(max(room, 0), ellipsis=True) if room > 0 else Content()
        gap = max(self.app.size.width - left.cell_length - right.cell_length - 1, 1)
        self.show(Content.assemble(left, " " * gap, right))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the status line.

    Attributes:
        key: as a person writes it.
        title: what it does.
        enabled: False shows it dim.
        last: shown even where others that can be used have no room (help, undo).
    """

    key: str
    title: str
    enabled: bool = True
    last: bool = False


_LEVELS = {"info": ("", "$success"), "warn": ("! ", "$warning"), "error": ("! ", "bold $error")}


class StatusLine(Line):
    """Note, keys and jobs; a toast takes the place of note and keys for a while."""

    DEFAULT_CSS = """
    StatusLine { dock: bottom; background: $panel; color: $foreground; }
    """

    def compose_line(self, note: str, keys: Sequence[Key], jobs: str, toast: tuple[str, str] | None) -> None:
        """Shows the parts. Where there is no room for all keys, those that cannot be used now are left out first, then
        the others from the right, those marked `last` at the end.
        """
        width = self.app.size.width
        right = Content.assemble((line(jobs), "$accent"), " ") if jobs else Content()
        room = width - right.cell_length - 1
        if toast is not None:
            mark, style = _LEVELS[toast[1]]
            left = Content.assemble(" ", (mark + line(toast[0]), style))
        else:
            left = Content.assemble(" ", (line(note), "bold"), "   " if note else "")
            left = Content.assemble(left, _keys(keys, room - left.cell_length))
        left = left.truncate(max(room, 0), ellipsis=True)
        self.show(Content.assemble(left, " " * max(width - left.cell_length - right.cell_length, 0), right))


class Notice(Widget):
    """A toast too long for the status line: some lines above it, over the body. Without one it takes no room."""

    DEFAULT_CSS = """
    Notice { layer: panels; dock: bottom; margin-bottom: 1; height: 0; width: 100%; background: $panel; }
    """
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=True, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Content] = []

    @property
    def plain(self) -> str:
        """What it says."""
        return " ".join(each.plain.strip() for each in self._lines)

    def take(self, toast: tuple[str, str] | None) -> bool:
        """Shows `toast` if one line is too short for it, else nothing; whether it did."""
        width = self.app.size.width - 2
        lines: list[Content] = []
        if toast is not None and cell_len(toast[0]) + 3 > width:
            mark, style = _LEVELS[toast[1]]
            lines = Content.styled(mark + line(toast[0]), style).wrap(max(width, 10))[:5]
        if [each.plain for each in lines] != [each.plain for each in self._lines]:
            self._lines = lines
            self.styles.height = len(lines)
            self.refresh()
        return bool(lines)

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join([each.pad_left(1) for each in self._lines])


def _keys(keys: Sequence[Key], room: int) -> Content:
    def piece(key: Key) -> Content:
        style = "" if key.enabled else "$dim"
        return Content.assemble((key.key, "bold $primary" if key.enabled else "$dim"), (f" {key.title}", style))

    def joined(chosen: Sequence[Key]) -> Content:
        return Content.assemble(*[part for key in chosen for part in ((" · ", "$dim"), piece(key))][1:])

    chosen = list(keys)
    while chosen and joined(chosen).cell_length > room:
        chosen.pop(min(range(len(chosen)), key=lambda index: (chosen[index].enabled, chosen[index].last, -index)))
    return joined(chosen)
