"""Where a project stands, and what to do next."""

from dataclasses import dataclass

from loratui.core.dataset.dataset import Dataset
from loratui.core.words import count
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Status:
    """Where a project stands.

    Attributes:
        images: in all subsets.
        uncaptioned: of them without a caption.
        untriggered: captions that do not begin with their subset's trigger.
        undecided: near-duplicate groups not decided yet; None: not looked for since images changed.
        runs: trainings so far.
        next: the next step as a command.
        why: what it is for, one short sentence.
    """

    images: int
    uncaptioned: int
    untriggered: int
    undecided: int | None
    runs: int
    next: str
    why: str


def status(workspace: Workspace) -> Status:
    """Looks at the files; opens no image and starts nothing."""
    from loratui.core.images.outcome import undecided as known_undecided

    dataset = workspace.dataset()
    uncaptioned = len(dataset.uncaptioned())
    untriggered = _untriggered(workspace, dataset)
    undecided = known_undecided(workspace.root, dataset.images)
    runs_folder = workspace.root / "runs"
    runs = sum(1 for entry in runs_folder.iterdir() if (entry / "state.json").is_file()) if runs_folder.is_dir() else 0
    next_step, why = _next(workspace, len(dataset.images), uncaptioned, untriggered, undecided, runs)
    return Status(len(dataset.images), uncaptioned, untriggered, undecided, runs, next_step, why)


def _untriggered(workspace: Workspace, dataset: Dataset) -> int:
    triggers = workspace.triggers()
    missing = 0
    for image, tags in zip(dataset.images, dataset.tags, strict=True):
        wanted = triggers.get(image.folder, [])
        if tags and wanted and list(tags[: len(wanted)]) != wanted:
            missing += 1
    return missing


def _next(
    workspace: Workspace, images: int, uncaptioned: int, untriggered: int, undecided: int | None, runs: int
) -> tuple[str, str]:
    if not images:
        return "loratui get QUERY", "There are no images yet: search a board, or `loratui add` your own."
    if undecided is None:
        return "loratui dupes", "Images came or changed: look for near-duplicates first."
    if undecided:
        return "loratui dupes --apply", f"{count(undecided, 'group')} of near-duplicates to be decided."
    if uncaptioned:
        return "loratui tag", f"{count(uncaptioned, 'image')} without a caption."
    if untriggered:
        return "loratui tags trigger", f"{count(untriggered, 'caption')} without the trigger first."
    if workspace.project is not None and not workspace.project.model.get("base"):
        return "loratui models", "The project names no base model yet."
    if not runs:
        return "loratui preflight", "Check everything, then `loratui train`."
    return "loratui watch last", "Follow the newest run."
