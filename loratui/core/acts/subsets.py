"""Acts on subsets: images move to one, or part by their tags; a new one is part of the step that fills it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loratui.core.acts.captions import names, select
from loratui.core.changes import Operation, Plan
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.expression import parse
from loratui.core.dataset.subsets import Part, move_plan, propose, split
from loratui.core.project import subset_folder
from loratui.core.tagging.slots import CLOTHING, slot
from loratui.core.words import count
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Moved:
    """Images that moved to a subset.

    Attributes:
        folder: the subset's.
        new: it was made by this step.
        plan: what was done.
    """

    folder: str
    new: bool
    plan: Plan


@dataclass(frozen=True, slots=True)
class Parted:
    """The dataset in parts.

    Attributes:
        parts: those with images.
        rest: how many images belong to none.
        new: folders of subsets that the step makes.
        plan: what was done; without operations for a proposal.
    """

    parts: list[Part]
    rest: int
    new: list[str]
    plan: Plan


def move(workspace: Workspace, expression: str, to: str, *, dry_run: bool = False) -> Moved:
    """Moves the images an expression selects to a subset, a new one where there is none of that name.

    Raises:
        UsageError: outside a project, or a mistake in the expression or the name.
        Refused: a file of that name is there already.
    """
    project = workspace.need_project()
    known = project.subset(to)
    folder = known.folder if known else subset_folder(to)
    parse(expression, names(workspace))
    dataset = workspace.dataset()
    plan = move_plan(dataset, select(workspace, dataset, expression), folder)
    new = bool(plan) and known is None
    if new:
        plan = replace(plan, operations=(*plan.operations, project.with_subsets([folder])))
    if not dry_run:
        workspace.changes.apply(plan)
    return Moved(folder, new, plan)


def part(workspace: Workspace, tags: Sequence[str], *, dry_run: bool = False) -> Parted:
    """Splits the dataset by tags, as one step; without tags some are proposed, and nothing is done.

    Raises:
        UsageError: outside a project.
        Refused: two files would meet.
    """
    project = workspace.need_project()
    dataset = workspace.dataset()
    chosen = tags or propose(dataset, [tag for tag in dataset.postings if slot(tag) is CLOTHING])
    parts = [one for one in split(dataset, chosen) if one.positions]
    rest = len(dataset.images) - sum(len(one.positions) for one in parts)
    if not tags or not parts:
        return Parted(parts, rest, [], Plan("subset split", ""))
    known = {one.folder: project.subset(one.folder) for one in parts}
    folders = [subset.folder if subset else f"dataset/{name}" for name, subset in known.items()]
    new = [folder for folder in folders if project.subset(folder) is None]
    operations = _moves(dataset, parts, folders)
    operations += [project.with_subsets(new)] if new else []
    title = f"split {count(len(parts), 'subset')} off by {', '.join(chosen[:3])}"
    plan = Plan("subset split", title, tuple(operations))
    if not dry_run:
        workspace.changes.apply(plan)
    return Parted(parts, rest, new, plan)


def _moves(dataset: Dataset, parts: Sequence[Part], folders: Sequence[str]) -> list[Operation]:
    plans = [move_plan(dataset, one.positions, to) for one, to in zip(parts, folders, strict=True)]
    return [operation for plan in plans for operation in plan.operations]
