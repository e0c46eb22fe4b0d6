"""The panels of the Tags screen: the filter with its live count, a plan before it is done, and pruning by slots."""

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from loratui.core.changes import Edit, Plan
from loratui.core.dataset.caption import Caption, CaptionError
from loratui.core.dataset.expression import ExpressionError, parse
from loratui.core.sanitize import line
from loratui.core.tagging.prune import Suggestion
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.shell.proposal import ProposalPanel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.dataset.expression import Expression, Names

_PAUSE = 0.12  # seconds without a key before an expression is tried: `width<768` opens every image
_EXAMPLES = 5


class FilterPanel(Panel):
    """An expression to type, with the number of images that fit, or the place of the mistake.

    Args:
        text: the expression so far.
        names: saved filters and slots it may name.
        count: tries an expression beside the screens and calls back with the number of images, and what is to be said
            of its tags.
    """

    DEFAULT_CSS = """
    FilterPanel Input, FilterPanel Input:focus { border: none; height: 1; padding: 0; background: $surface; }
    FilterPanel Static { height: auto; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter", "filter", last=True), Key("esc", "leave it", last=True))

    def __init__(
        self, text: str, names: "Names", count: "Callable[[Expression, Callable[[tuple[int, str]], None]], None]"
    ) -> None:
        super().__init__("Filter: tag · not · or · *hair · /regex/ · tokens>75 · slot:eyes · no:caption · subset:name")
        self._text = text
        self._names = names
        self._count = count
        self._newest = text
        self.answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """The input and the line below it."""
        field = Input(self._text, select_on_focus=False)
        field.cursor_blink = False
        yield field
        yield Static(id="says")

    def on_mount(self) -> None:
        """Counts what stands there."""
        self._try(self._text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tries the expression after a moment."""
        event.stop()
        text = self._newest = event.value
        self.set_timer(_PAUSE, lambda: self._try(text) if text == self._newest else None)

    def _try(self, text: str) -> None:
        try:
            expression = parse(text, self._names)
        except ExpressionError as error:
            caret = Content.assemble(" " * error.column, ("▲", "bold $error"))
            said = f"{line(error.message)} {line(error.remedy)}"
            self._say(Content.assemble(caret, "\n", (said, "$error")))
            return
        self._count(expression, lambda found: self._counted(text, *found))

    def _counted(self, text: str, number: int, unknown: str) -> None:
        if text == self._newest and self.is_attached:
            fits = f"{number:,} {'image fits' if number == 1 else 'images fit'}"
            self._say(Content.assemble((fits, "$success"), (f"   {unknown}" if unknown else "", "$warning")))

    def _say(self, content: Content) -> None:
        if self.is_attached:
            self.query_one("#says", Static).update(content)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the expression, unless it has a mistake."""
        event.stop()
        try:
            parse(event.value, self._names)
        except ExpressionError:
            self._try(event.value)
            return
        if not self.answer.done():
            self.answer.set_result(event.value.strip())

    def closed(self) -> None:
        """The filter stays as it was."""
        if not self.answer.done():
            self.answer.set_result(None)


class PlanPanel(ProposalPanel):
    """What a plan would change; enter applies it.

    Args:
        plan: of caption edits.
        scope: on which images, in words.
    """

    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter y", "apply", last=True), Key("esc n", "leave it", last=True))

    def __init__(self, plan: Plan, scope: str) -> None:
        counts = plan.counts
        text = f"{counts['changed_files']:,} captions, {counts['changed_tags']:,} tags · scope: {line(scope)}"
        if counts.get("unreadable"):
            text += f" · {counts['unreadable']} unreadable captions are left"
        edits = [operation for operation in plan.operations if isinstance(operation, Edit)]
        super().__init__(
            f"{plan.title[:1].upper()}{plan.title[1:]}?",
            Content.styled(text, "$dim"),
            [_example(edit) for edit in edits[:_EXAMPLES]],
            len(edits) - _EXAMPLES,
        )


def _example(edit: Edit) -> Content:
    """One caption: the tags that go and come, or that only the order changes."""
    before, after = _tags(edit.old), _tags(edit.new)
    gone = [f"−{line(tag)}" for tag in before if tag not in after]
    came = [f"+{line(tag)}" for tag in after if tag not in before]
    name = Content.styled(f"{line(edit.path.rpartition('/')[2], 60)}  ", "")
    if not gone and not came:
        return Content.assemble(name, (", ".join(line(tag) for tag in after[:6]) + " …", "$dim"))
    return Content.assemble(
        name, (", ".join(gone), "$dropped"), "  " if gone and came else "", (", ".join(came), "$kept")
    )


def _tags(raw: bytes | None) -> list[str]:
    try:
        return Caption.parse(raw or b"").tags
    except CaptionError:
        return []


class _Suggested:
    """Suggestions as rows, each slot under its name."""

    def __init__(self, suggestions: list[Suggestion], chosen: Collection[str] | None) -> None:
        self.rows: list[Suggestion | str] = []
        for one in suggestions:
            heading = one.slot.name
            if heading not in self.rows:
                self.rows.append(heading)
            self.rows.append(one)
        self.chosen = {one.tag for one in suggestions if (one.selected if chosen is None else one.tag in chosen)}

    def __len__(self) -> int:
        return len(self.rows)

    def is_marked(self, index: int) -> bool:
        """Whether the tag goes; of a slot, whether all of it goes."""
        tags = self.tags(index)
        return bool(tags) and self.chosen.issuperset(tags)

    def tags(self, index: int) -> list[str]:
        """The tag of a row, or all tags of a slot's row."""
        row = self.rows[index]
        if isinstance(row, Suggestion):
            return [row.tag]
        return [one.tag for one in self.rows if isinstance(one, Suggestion) and one.slot.name == row]

    def row(self, index: int, width: int) -> Content:
        """One row."""
        row = self.rows[index]
        if isinstance(row, str):
            return Content.styled(row, "bold $secondary")
        style = "$warning" if row.error else ""
        column = 18 if width < 90 else 28
        parts = Content.assemble(f"{row.count:>6,}  ", (f"{line(row.tag, 60):{column}} ", style), (row.why, "$dim"))
        return parts.truncate(width, ellipsis=True)


class PrunePanel(Panel):
    """What to take out, by slots: space changes a row or a whole slot, enter takes out what is marked.

    Args:
        suggestions: the rows.
        affected: how many captions hold some of these tags.
        chosen: the tags marked at first; None: those that are suggested.
    """

    DEFAULT_CSS = """
    PrunePanel { height: 60vh; }
    PrunePanel VirtualList { height: 1fr; background: $surface; }
    PrunePanel Static { height: 1; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (
        Key("space", "mark or not"),
        Key("enter", "take out the marked", last=True),
        Key("esc", "leave it", last=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark")]

    def __init__(
        self,
        suggestions: list[Suggestion],
        affected: Callable[[Collection[str]], int],
        chosen: Collection[str] | None = None,
    ) -> None:
        super().__init__("What the trigger should learn, and so leaves the captions")
        self._rows = _Suggested(suggestions, chosen)
        self._affected = affected
        self.answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """The rows and the sum."""
        yield VirtualList(self._rows)
        yield Static(id="sum")

    def on_mount(self) -> None:
        """Says the sum."""
        self._sum()

    def _sum(self) -> None:
        chosen = self._rows.chosen
        text = f"{len(chosen)} tags marked, in {self._affected(chosen):,} captions"
        self.query_one("#sum", Static).update(Content.styled(text, "$dim"))

    def action_mark(self) -> None:
        """Marks the row or takes its mark, and steps on."""
        view = self.query_one(VirtualList)
        tags = set(self._rows.tags(view.cursor))
        self._rows.chosen = self._rows.chosen - tags if self._rows.is_marked(view.cursor) else self._rows.chosen | tags
        view.update_rows()
        self._sum()
        view.action_move(1)

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter."""
        event.stop()
        if not self.answer.done():
            self.answer.set_result(sorted(self._rows.chosen))

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """Moves inside the panel are its own."""
        event.stop()

    def closed(self) -> None:
        """Nothing is taken out."""
        if not self.answer.done():
            self.answer.set_result([])
