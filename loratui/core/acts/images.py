"""Acts on images: check them, prepare them, look for copies and take these away."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from loratui.core.changes import Plan
from loratui.core.dataset.folder import Image
from loratui.core.images import outcome
from loratui.core.images.curation import duplicates_of, removal_plan
from loratui.core.images.duplicates import Duplicates
from loratui.core.images.prepare import Preparation, Small, To, Wishes, prepare
from loratui.core.images.problems import Findings, check_images
from loratui.core.images.relations import DEFAULT_HARDNESS
from loratui.core.images.survey import Cache
from loratui.core.jobs import Report, silent
from loratui.core.training.recipe import shorter_side
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Copies:
    """What looking for copies gave.

    Attributes:
        images: all that were looked at.
        found: groups, variants, failures.
        plan: takes all but the kept file of each group away.
    """

    images: list[Image]
    found: Duplicates
    plan: Plan


def check(
    workspace: Workspace,
    folders: Sequence[str] | None = None,
    *,
    report: Report = silent,
    cancel: Event | None = None,
) -> Findings:
    """What is wrong with the images.

    Args:
        workspace: whose images they are.
        folders: relative to its root; None: the whole dataset.
        report: called with images.
    """
    with Cache(workspace.root) as cache:
        return check_images(
            workspace.root,
            workspace.folders(folders),
            cache,
            min_side=shorter_side(workspace.project),
            report=report,
            cancel=cancel,
        )


def prep(
    workspace: Workspace,
    folders: Sequence[str] | None = None,
    *,
    to: To = "auto",
    background: str = "white",
    min_side: int | None = None,
    small: Small = "aside",
    dry_run: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Preparation:
    """Mends the images for training, as one step.

    Args:
        workspace: whose images they are.
        folders: relative to its root; None: the whole dataset.
        to, background, small: see `Wishes`.
        min_side: pixels of the shorter side; None: the recipe's resolution.
        dry_run: only counts.
        report: called with images.

    Raises:
        UsageError: an unknown colour.
        LoratuiError: the disk refused; nothing was changed.
    """
    side = shorter_side(workspace.project) if min_side is None else min_side
    wishes = Wishes(to, background, side, small)

    def make() -> Preparation:
        images = workspace.scan(workspace.folders(folders))
        stage = None if dry_run else workspace.changes.stage
        with Cache(workspace.root, keep=not dry_run) as cache:
            return prepare(workspace.root, images, cache, wishes, stage, report=report, cancel=cancel)

    return make() if dry_run else workspace.changes.apply_made(make)


def dupes(
    workspace: Workspace,
    folders: Sequence[str] | None = None,
    *,
    hardness: int = DEFAULT_HARDNESS,
    apply: bool = False,
    dry_run: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Copies:
    """Looks for copies; how it ended for the whole dataset of a project is remembered for `status`.

    Args:
        workspace: whose images they are.
        folders: relative to its root; None: the whole dataset.
        hardness: 0–100, how alike copies must be.
        apply: takes all but the kept files away, as one step.
        dry_run: writes nothing, and takes nothing away.
        report: called with images.
    """
    where = workspace.folders(folders)

    def make() -> Copies:
        images = workspace.scan(where)
        with Cache(workspace.root, keep=not dry_run) as cache:
            found = duplicates_of(
                workspace.root, images, cache, workspace.records, hardness=hardness, report=report, cancel=cancel
            )
        return Copies(images, found, removal_plan(workspace.root, images, found.groups))

    copies = workspace.changes.apply_made(make) if apply and not dry_run else make()
    if workspace.is_whole(where) and not dry_run:
        images = workspace.scan(where) if apply else copies.images
        outcome.remember(workspace.root, images, 0 if apply else len(copies.found.groups))
    return copies
