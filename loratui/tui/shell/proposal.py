"""What a step would do, with its counts and some examples, before it is done."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import QuestionPanel


class ProposalPanel(QuestionPanel):
    """A step to take or to leave; `answer` becomes which.

    Args:
        title: the question.
        counts: what a person decides by, one line.
        examples: some of what would be changed, one line each.
        more: how many there are besides.
    """

    DEFAULT_CSS = """
    ProposalPanel > #examples { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter y", "do it", last=True), Key("esc n", "leave it", last=True))

    def __init__(self, title: str, counts: Content, examples: Sequence[Content], more: int = 0) -> None:
        super().__init__(title)
        self._counts = counts
        self._examples = examples
        self._more = more

    def compose_content(self) -> ComposeResult:
        """The counts, then examples."""
        rest = [Content.styled(f"… and {self._more:,} more", "$dim")] if self._more > 0 else []
        yield Static(Content("\n").join([self._counts, *self._examples, *rest]), id="examples")
