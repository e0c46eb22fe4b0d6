"""The list below a line that is typed into: tags with their colours, other names and counts."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from loratui.core.sanitize import line
from loratui.core.vocabulary.offers import Suggestion

COLOURS = {
    "artist": "$tag-artist",
    "copyright": "$tag-copyright",
    "character": "$tag-character",
    "species": "$tag-character",
    "meta": "$tag-meta",
    "general": "$tag-general",
}
_COUNT = 11  # cells


class Suggestions(Widget):
    """Floats over what is below it; sends only the lines that changed. Without suggestions it is not there."""

    DEFAULT_CSS = """
    Suggestions {
        overlay: screen; constrain: inside; display: none;
        width: 54; max-width: 100%; height: auto; background: $panel;
        & > .suggestions--chosen { background: $primary 35%; text-style: bold; }
        &:ansi > .suggestions--chosen { background: ansi_default; text-style: reverse; }
    }
    """
    COMPONENT_CLASSES = {"suggestions--chosen"}  # noqa: RUF012  (Textual declares it so)

    # What gets another size is painted where it is laid out; Textual would paint all of it once more.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=True, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self.suggestions: tuple[Suggestion, ...] = ()
        self.chosen = -1
        self._painted: dict[int, Strip] = {}

    def show(self, suggestions: Sequence[Suggestion], chosen: int = -1) -> None:
        """Shows these, with one of them chosen or none (-1)."""
        before = len(self.suggestions) if self.display else 0
        self.suggestions, self.chosen = tuple(suggestions), chosen
        if len(suggestions) == before:
            self._repaint(range(before))
            return
        # Another height is laid out and painted by Textual: nothing is to be painted twice.
        self.display = bool(suggestions)
        self.styles.height = max(1, len(suggestions))

    def choose(self, index: int) -> None:
        """Another row; -1 for none."""
        old, self.chosen = self.chosen, max(-1, min(index, len(self.suggestions) - 1))
        self._repaint((old, self.chosen))

    def _repaint(self, rows: Iterable[int]) -> None:
        for y in rows:
            if y in self._painted and self._painted[y] != self._strip(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Line `y`, for the compositor."""
        strip = self._painted[y] = self._strip(y)
        return strip

    def notify_style_update(self) -> None:
        """Forgets what was painted when the theme changes."""
        self._painted.clear()
        super().notify_style_update()

    def _strip(self, y: int) -> Strip:
        width = self.size.width
        style = self.visual_style
        if y == self.chosen:
            style += self.get_visual_style("suggestions--chosen", partial=True)
            if self.get_component_styles("suggestions--chosen").text_style.reverse:
                style += Style(reverse=True)  # Textual's visual styles lose it; in 16 colours it is the cursor
        if y >= len(self.suggestions):
            return Strip.blank(width, style.rich_style)
        content = row(self.suggestions[y], width, y == self.chosen)
        return Strip(content.render_segments(style)).simplify().adjust_cell_length(width, style.rich_style)


def row(suggestion: Suggestion, width: int, chosen: bool = False) -> Content:
    """`other name → tag` in the colour of its category, and the count at the right.

    Blanks take the colour of what is beside them: each change of colour costs as many bytes as the tag.
    """
    colour = COLOURS.get(suggestion.category, "")
    mark = "▸" if chosen else " "
    named = Content.styled(line(suggestion.tag, 200), colour)
    if suggestion.alias:
        named = Content.assemble((f"{mark}{line(suggestion.alias, 200)} → ", "$dim"), named)
    else:
        named = Content.assemble((mark, colour), named)
    named = named.truncate(max(1, width - _COUNT - 1), ellipsis=True)
    count = "" if suggestion.count is None else f"{suggestion.count:,}"
    return Content.assemble(named, (f"{count:>{max(0, width - 1 - named.cell_length)}} ", "$dim"))
