"""What a search of boards takes from the project."""

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.project import Project
from loratui.core.training.recipe import build
from loratui.core.training.steps import bucket_rules


def bucket_ratios(project: Project | None) -> tuple[float, ...]:
    """Width by height of the buckets that the project trains in, for `Wishes.ratios`; none outside a project."""
    if project is None:
        return Wishes().ratios
    rules = bucket_rules(build(project.training, family=project.model.get("family", ""), kind=project.kind))
    sizes = rules.sizes() if rules.enabled else [rules.resolution]
    return tuple(sorted({round(width / height, 4) for width, height in sizes}))
