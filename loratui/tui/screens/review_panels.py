"""The panels of Review: what would be done, counted before it is, and what is wrong with the images."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.images.problems import Finding, Findings

_EXAMPLES = 8


class ProposalPanel(Panel, can_focus=True):
    """What a step would do; enter does it.

    Args:
        title: the question.
        counts: what a person decides by, one line.
        examples: some of the files, one line each.
    """

    DEFAULT_CSS = """
    ProposalPanel > #examples { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("enter", "do it", last=True), Key("esc", "leave it", last=True))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take")]

    def __init__(self, title: str, counts: str, examples: Sequence[str]) -> None:
        super().__init__(title)
        self._counts = counts
        self._examples = examples
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """The counts, then examples."""
        lines = [
            Content(line(self._counts)),
            *(Content.styled(line(text), "$dim") for text in self._examples[:_EXAMPLES]),
        ]
        if len(self._examples) > _EXAMPLES:
            lines.append(Content.styled(f"… and {len(self._examples) - _EXAMPLES:,} more", "$dim"))
        yield Static(Content("\n").join(lines), id="examples")

    def action_take(self) -> None:
        """Does it."""
        if not self.answer.done():
            self.answer.set_result(True)

    def closed(self) -> None:
        """Nothing is done."""
        if not self.answer.done():
            self.answer.set_result(False)


class _FindingRows:
    def __init__(self, findings: "Sequence[Finding]") -> None:
        self._findings = findings

    def __len__(self) -> int:
        return len(self._findings)

    def row(self, index: int, width: int) -> Content:
        finding = self._findings[index]
        style = "$error" if finding.level == "block" else "$warning"
        return Content.assemble((f"{finding.problem:15} ", style), finding.message, (f" {finding.remedy}", "$dim"))


class FindingsPanel(Panel):
    """What is wrong with the images, worst first.

    Args:
        found: the findings.
    """

    DEFAULT_CSS = """
    FindingsPanel VirtualList { height: 14; background: $surface; }
    """

    def __init__(self, found: "Findings") -> None:
        files = len({finding.file for finding in found.findings})
        super().__init__(f"{count(found.files, 'image')}, {files:,} with something to look at; p prepares them")
        self._findings = sorted(found.findings, key=lambda finding: finding.level != "block")

    def compose_content(self) -> ComposeResult:
        """The list."""
        yield VirtualList(_FindingRows(self._findings), empty="Nothing to mend: all images are good.")
