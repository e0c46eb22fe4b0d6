"""What Review proposes, counted before it is done, and what is wrong with the images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.screens.review_pair import size
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.shell.proposal import ProposalPanel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.changes import Plan
    from loratui.core.images.duplicates import Group
    from loratui.core.images.prepare import Preparation
    from loratui.core.images.problems import Finding, Findings

_EXAMPLES = 8
_LINES = 9


def _proposal(title: str, counts: str, examples: Sequence[str]) -> ProposalPanel:
    shown = [Content.styled(line(text), "$dim") for text in examples[:_EXAMPLES]]
    return ProposalPanel(title, Content(line(counts)), shown, len(examples) - _EXAMPLES)


def propose_best(groups: "Sequence[Group]", plan: "Plan") -> ProposalPanel:
    """Whether the best of every group is kept, and the others go."""
    copies = count(plan.counts["moved"], "copy", "copies")
    freed = size(sum(group.freed for group in groups))
    counts = f"{copies} to the trash with their captions, {freed} freed; variants stay."
    examples = [f"keep {group.keep}: {group.files[0].why}" for group in groups]
    return _proposal(f"Keep the best of {count(len(groups), 'group')}?", counts, examples)


def propose_prep(planned: "Preparation") -> ProposalPanel:
    """Whether the images are prepared."""
    counts = [f"{number:,} {name.replace('_', ' ')}" for name, number in planned.counts.items() if number]
    # What leaves the set comes first: it must not be under those that are counted only.
    examples = [f"{path}: set aside, {reason}" for path, reason in planned.aside.items()]
    examples += [f"{work.image.path}: {', '.join(work.done)}, becomes {work.target}" for work in planned.works]
    examples += [f"{path}: left. {reason}" for path, reason in planned.skipped.items()]
    unchanged = f"{planned.unchanged:,} need nothing."
    return _proposal("Prepare the images?", f"{', '.join(counts)}; {unchanged}", examples)


class _FindingRows:
    def __init__(self, findings: "Sequence[Finding]") -> None:
        self.findings = findings

    def __len__(self) -> int:
        return len(self.findings)

    def row(self, index: int, width: int) -> Content:
        finding = self.findings[index]
        style = "$error" if finding.level == "block" else "$warning"
        return Content.assemble((f"{finding.problem:15} ", style), line(finding.file))


class FindingsPanel(Panel):
    """What is wrong with the images, worst first; below the list what the finding under the cursor is, and its remedy.

    Args:
        found: the findings, at least one.
    """

    DEFAULT_CSS = """
    FindingsPanel VirtualList { background: $surface; }
    FindingsPanel #finding { height: 3; margin: 1 0 0 0; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (
        Key("enter", "look at it"),
        Key("p", "prepare all"),
        Key("esc", "close", last=True),
    )

    def __init__(self, found: "Findings") -> None:
        files = len({finding.file for finding in found.findings})
        super().__init__(f"{count(found.files, 'image')}, {files:,} with something to look at")
        self._findings = sorted(found.findings, key=lambda finding: finding.level != "block")

    def file(self, index: int) -> str:
        """The file of a finding, relative to the root."""
        return self._findings[index].file

    def compose_content(self) -> ComposeResult:
        """The list, and the finding under the cursor in full."""
        listed = VirtualList(_FindingRows(self._findings))
        listed.styles.height = min(_LINES, len(self._findings))
        yield listed
        yield Static(id="finding")

    def on_mount(self) -> None:
        """Tells the first."""
        self._tell(0)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """Another finding."""
        event.stop()
        self._tell(event.index)

    def _tell(self, index: int) -> None:
        finding = self._findings[index]
        remedy = (f" {line(finding.remedy)}", "$secondary")
        self.query_one("#finding", Static).update(Content.assemble(line(finding.message), remedy))
