"""What Review reads on a thread: the images, the copies among them, the person's ratings."""

from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.jobs import Report

if TYPE_CHECKING:
    from loratui.core.dataset.folder import Image
    from loratui.core.images.duplicates import Duplicates
    from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Looked:
    """The images of the dataset and what was found among them.

    Attributes:
        images: all of them.
        found: groups, failures, facts.
        stars: the person's ratings by path.
    """

    images: "list[Image]"
    found: "Duplicates"
    stars: dict[str, int]


def look(workspace: "Workspace", hardness: int, report: Report, cancel: Event) -> Looked:
    """Looks at every image and groups the copies."""
    from loratui.core.acts.images import dupes

    copies = dupes(workspace, hardness=hardness, report=report, cancel=cancel)
    records = workspace.records
    stars = {path: records.stars(facts.content) or 0 for path, facts in copies.found.facts.items()}
    return Looked(copies.images, copies.found, stars)
