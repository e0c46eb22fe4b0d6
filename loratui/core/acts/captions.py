"""Acts on captions: bulk edits of those an expression selects, and pruning."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cache

from loratui.core.changes import Edit, Move, Plan
from loratui.core.dataset import bulk, expression_unknown, triggers
from loratui.core.dataset.bulk import Bulk
from loratui.core.dataset.caption import key
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.expression import Facts, Names, parse
from loratui.core.dataset.folder import stem_of
from loratui.core.dataset.triggers import Meaning
from loratui.core.errors import UsageError
from loratui.core.jobs import Report, silent
from loratui.core.project import Kind
from loratui.core.sanitize import line
from loratui.core.tagging.models import score_key
from loratui.core.tagging.prune import Suggestion, suggest
from loratui.core.tagging.slots import SLOTS, slot
from loratui.core.workspace import Workspace

_LONGEST_NAME = 60
_LONGEST_TAG = 8  # words; what has more is a sentence


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
        slip: what to say of a tag of the expression that no caption has; "" where all are there.
    """

    dataset: Dataset
    positions: set[int]
    slip: str = ""


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
    return parse(expression, names(workspace)).select(facts(workspace, dataset))


def names(workspace: Workspace) -> Names:
    """What `filter:` and `slot:` may name here."""
    return Names(workspace.project.filters if workspace.project else {}, [slot.name for slot in SLOTS])


def facts(workspace: Workspace, dataset: Dataset) -> Facts:
    """What expressions ask of a dataset, looked up when one first asks it; for as long as nothing changes."""
    model = score_key(workspace.tagger.model, workspace.root)
    categories = cache(workspace.records.categories)

    def slot_of(tag: str) -> str:
        found = slot(tag)
        return found.name if found else ""

    def scores(position: int) -> dict[str, float]:
        try:
            digest = workspace.records.content_hash(dataset.images[position])
        except OSError:
            return {}
        known = workspace.records.scores(digest, model) or {}
        return {key(tag): value for tag, (_, value) in known.items()}

    return Facts(
        dataset,
        rating=workspace.ratings(dataset),
        category=lambda tag: categories().get(tag) or workspace.kind_of(tag),
        slot=slot_of,
        triggers=workspace.triggers(),
        changed=lambda steps: _changed(workspace, steps),
        scores=scores,
        tokens=lambda: workspace.tokens,
    )


def save_filter(workspace: Workspace, name: str, expression: str) -> None:
    """Keeps an expression under a name in loratui.toml, for `filter:NAME`; "" forgets it.

    Raises:
        UsageError: outside a project, or the name or the expression cannot be kept.
    """
    project, wanted, text = workspace.need_project(), name.strip(), expression.strip()
    if not wanted or len(wanted) > _LONGEST_NAME or not wanted.isprintable() or any(char in wanted for char in '\\"()'):
        raise UsageError(f"{line(name)!r} is no name for a filter.", "Give it one without quotes and parentheses.")
    if text:
        known = names(workspace)
        parse(f'filter:"{wanted}"', replace(known, filters={**known.filters, wanted: text}))
    project.save_filter(wanted, text or None)


def unknown(workspace: Workspace, tags: Iterable[str]) -> set[str]:
    """Those of some tags that nobody knows: no board, tagger or list of this machine, and no trigger.

    Sentences are no tags. Without any list that is known nothing can be said of a tag.
    """
    with workspace.records as records:
        named = records.categories()
    workspace.kind_of("")  # reads the vocabulary
    if not named and not len(workspace.vocabulary):
        return set()
    first = {key(tag) for group in workspace.triggers().values() for tag in group}

    def is_known(tag: str) -> bool:
        plain = key(tag.replace("\\(", "(").replace("\\)", ")"))
        return plain in first or plain in named or len(plain.split()) > _LONGEST_TAG or workspace.knows(plain)

    return {tag for tag in tags if not is_known(tag)}


def meanings(workspace: Workspace, dataset: Dataset) -> list[Meaning]:
    """What the triggers mean before any training."""
    subsets: dict[str, list[str]] = {folder: [] for folder in workspace.triggers()}
    for image in dataset.images:
        subsets.setdefault(image.folder, []).append(stem_of(image.name))
    known = workspace.triggers()
    with workspace.records as records:
        provenances = records.provenances()
    pairs = [(known.get(folder, ()), stems) for folder, stems in subsets.items()]
    return triggers.meanings(pairs, workspace.tokens, workspace.knows, provenances)


def _changed(workspace: Workspace, steps: int) -> AbstractSet[str]:
    """The files that the newest steps edited, as they are called now; 0: all steps."""
    done = [step for step in workspace.changes.history() if step.state == "done"]
    files: set[str] = set()
    for step in done[-steps:]:
        for operation in workspace.changes.record(step).operations:
            if isinstance(operation, Edit):
                files.add(operation.path)
            elif isinstance(operation, Move) and operation.path in files:
                files.remove(operation.path)
                files.add(operation.to)
    return files


def scope(workspace: Workspace, where: Where, *, report: Report = silent) -> Scope:
    """Reads the captions, and finds the images that fit.

    Args:
        workspace: whose captions they are.
        where: which.
        report: called with captions.

    Raises:
        ExpressionError: the expression has a mistake; nothing was read.
    """
    expression = parse(where.expression, names(workspace))
    dataset = workspace.dataset(where.folders, report=report)
    with workspace.records:
        known = facts(workspace, dataset)
        return Scope(dataset, expression.select(known), expression_unknown.unknown(expression, known))


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
    kept = [tag for tags in workspace.triggers().values() for tag in tags]

    def make() -> Pruned:
        found = scope(workspace, where, report=report)
        captioned = sum(1 for position in found.positions if found.dataset.tags[position])
        with workspace.records as records:
            categories = records.categories()
        counts = found.dataset.counts(found.positions)
        suggestions = suggest(counts, captioned, learned, keep=kept, categories=categories)
        chosen = bulk.remove([one.tag for one in suggestions if one.selected])
        plan = chosen.plan(found.dataset, found.positions, where.words)
        return Pruned(found, learned, captioned, suggestions, plan)

    return workspace.changes.apply_made(make) if apply and not dry_run else make()
