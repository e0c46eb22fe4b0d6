"""What Review does on threads: looking for duplicates, checking, preparing. All imports of pictures happen there."""

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.jobs import Report

if TYPE_CHECKING:
    from loratui.core.changes import Step
    from loratui.core.dataset.folder import Image
    from loratui.core.images.duplicates import Duplicates
    from loratui.core.images.prepare import Preparation
    from loratui.core.images.problems import Findings
    from loratui.core.workspace import Workspace

    Prepared = tuple[Preparation, Step | None]


@dataclass(frozen=True, slots=True)
class Looked:
    """The images of the dataset and what was found among them.

    Attributes:
        folders: relative to the root.
        images: all of them.
        found: groups, failures, facts.
        stars: the person's ratings by path.
    """

    folders: list[str]
    images: "list[Image]"
    found: "Duplicates"
    stars: dict[str, int]


def look(workspace: "Workspace", hardness: int, report: Report, cancel: Event) -> Looked:
    """Looks at every image and groups the copies."""
    from loratui.core.images import outcome
    from loratui.core.images.curation import duplicates_of
    from loratui.core.images.survey import Cache

    folders = workspace.at()[1]
    images = workspace.scan(folders)
    with Cache(workspace.root) as cache:
        found = duplicates_of(
            workspace.root, images, cache, workspace.records, hardness=hardness, report=report, cancel=cancel
        )
    if workspace.project is not None:
        outcome.remember(workspace.root, images, len(found.groups))
    stars = {path: workspace.records.stars(facts.content) or 0 for path, facts in found.facts.items()}
    return Looked(folders, images, found, stars)


def check(workspace: "Workspace", report: Report, cancel: Event) -> "Findings":
    """What is wrong with the images."""
    from loratui.core.images.problems import check_images
    from loratui.core.images.survey import Cache
    from loratui.core.training.recipe import shorter_side

    with Cache(workspace.root) as cache:
        return check_images(
            workspace.root,
            workspace.at()[1],
            cache,
            min_side=shorter_side(workspace.project),
            report=report,
            cancel=cancel,
        )


def prepare(workspace: "Workspace", dry: bool, report: Report, cancel: Event) -> "Prepared":
    """Prepares the images; a dry run only counts."""
    from loratui.core.images import prepare as preparing
    from loratui.core.images.survey import Cache
    from loratui.core.training.recipe import shorter_side

    wishes = preparing.Wishes(min_side=shorter_side(workspace.project))
    images = workspace.scan(workspace.at()[1])
    stage = None if dry else workspace.changes.stage
    with Cache(workspace.root, keep=not dry) as cache:
        done = preparing.prepare(workspace.root, images, cache, wishes, stage, report=report, cancel=cancel)
    return done, None if dry else workspace.changes.apply(done.plan)
