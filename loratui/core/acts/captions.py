"""Acts on captions: bulk edits of those an expression selects, and pruning."""

from collections.abc import Sequence
from dataclasses import dataclass

from loratui.core.changes import Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.bulk import Bulk
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.expression import parse
from loratui.core.jobs import Report, silent
from loratui.core.project import Kind
from loratui.core.tagging.prune import Suggestion, suggest
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Where:
    """Which captions an act works on.

    Attributes:
        folders: relative to the root; None: the whole dataset.
        expression: which of their images; "": all.
        words: the same as options of the command line.
    """

    folders: Sequence[str] | None = None
    expression: str = ""
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What an act works on, as it is on the disk.

    Attributes:
        dataset: the images of the folders.
        positions: those that fit the expression.
    """

    dataset: Dataset
    positions: set[int]


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did, or would do.

    Attributes:
        scope: what it was made on.
        plan: what was done.
    """

    scope: Scope
    plan: Plan


@dataclass(frozen=True, slots=True)
class Pruned:
    """What to take out of captions.

    Attributes:
        scope: what it was thought out on.
        kind: of LoRA it was thought out for.
        images: how many of the scope have a tag.
        suggestions: the tags with their reasons.
        plan: takes out the selected ones; without operations where there are none.
    """

    scope: Scope
    kind: Kind
    images: int
    suggestions: list[Suggestion]
    plan: Plan


def select(workspace: Workspace, dataset: Dataset, expression: str) -> set[int]:
    """Positions of the images that fit an expression, "" all; `width<768` opens every one.

    Raises:
        ExpressionError: it has a mistake.
    """
    return parse(expression).select(dataset, workspace.ratings(dataset))


def scope(workspace: Workspace, where: Where, *, report: Report = silent) -> Scope:
    """Reads the captions, and finds the images that fit.

    Args:
        workspace: whose captions they are.
        where: which.
        report: called with captions.

    Raises:
        ExpressionError: the expression has a mistake; nothing was read.
    """
    parse(where.expression)
    dataset = workspace.dataset(where.folders, report=report)
    with workspace.records:
        return Scope(dataset, select(workspace, dataset, where.expression))


def edit(workspace: Workspace, where: Where, edit: Bulk, *, dry_run: bool = False, report: Report = silent) -> Edited:
    """Edits captions, as one step.

    Args:
        workspace, where, report: see `scope`.
        edit: what is done to each.
        dry_run: only makes the plan.
    """

    def make() -> Edited:
        found = scope(workspace, where, report=report)
        return Edited(found, edit.plan(found.dataset, found.positions, where.words))

    return make() if dry_run else workspace.changes.apply_made(make)


def prune(
    workspace: Workspace,
    where: Where,
    *,
    kind: Kind | None = None,
    apply: bool = False,
    dry_run: bool = False,
    report: Report = silent,
) -> Pruned:
    """Suggests what to take out so that the trigger learns it.

    Args:
        workspace, where, report: see `scope`.
        kind: of LoRA; None: the project's.
        apply: takes the selected tags out, as one step.
        dry_run: takes nothing out.
    """
    learned = kind or (workspace.project.kind if workspace.project else "character")
    triggers = [tag for tags in workspace.triggers().values() for tag in tags]

    def make() -> Pruned:
        found = scope(workspace, where, report=report)
        captioned = sum(1 for position in found.positions if found.dataset.tags[position])
        with workspace.records as records:
            categories = records.categories()
        counts = found.dataset.counts(found.positions)
        suggestions = suggest(counts, captioned, learned, keep=triggers, categories=categories)
        chosen = bulk.remove([one.tag for one in suggestions if one.selected])
        plan = chosen.plan(found.dataset, found.positions, where.words)
        return Pruned(found, learned, captioned, suggestions, plan)

    return workspace.changes.apply_made(make) if apply and not dry_run else make()
