"""What the Tags screen works on: a dataset as it was read, and the images of it in scope, frozen together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loratui.core.tagging.slots import slot

if TYPE_CHECKING:
    from loratui.core.changes import Plan
    from loratui.core.dataset.bulk import Bulk
    from loratui.core.dataset.dataset import Dataset
    from loratui.core.dataset.tokens import Counter
    from loratui.core.jobs import Report
    from loratui.core.project import Kind
    from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is read of a workspace, on a thread. Nobody changes it: after a step there is a new one, see `renewed`.

    Attributes:
        dataset: images and captions, its index made.
        categories: category by the tag's key, as boards and taggers named it.
        kind: of LoRA; decides what is suggested for pruning.
        triggers: tags put first, by folder.
        tagger: the key of the project's tagger in the records.
        tokens: counts CLIP's tokens.
    """

    dataset: "Dataset"
    categories: Mapping[str, str]
    kind: "Kind"
    triggers: Mapping[str, Sequence[str]]
    tagger: str
    tokens: "Counter"

    @property
    def trigger_tags(self) -> list[str]:
        """The tags of all triggers."""
        return [tag for tags in self.triggers.values() for tag in tags]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A dataset and its scope. Positions name images only within the snapshot they were taken from.

    A question asked of the person keeps its snapshot: images may come and go before the answer.

    Attributes:
        loaded: the dataset.
        filter: the expression of the scope; "" for all images.
        scope: positions of the images that fit it.
    """

    loaded: Loaded
    filter: str
    scope: frozenset[int]

    @property
    def dataset(self) -> "Dataset":
        """Images and captions."""
        return self.loaded.dataset

    @property
    def words(self) -> str:
        """The scope in words."""
        return f"{len(self.scope):,} that fit {self.filter}" if self.filter else "all"

    def plan(self, edit: "Bulk") -> "Plan":
        """The plan of an edit of the captions in scope."""
        return edit.plan(self.dataset, self.scope, ["--where", self.filter] if self.filter else [])

    def find(self, path: str) -> int | None:
        """The position of the image at `path`; None where it is not there."""
        return next((place for place, image in enumerate(self.dataset.images) if image.path == path), None)

    def same_caption(self, position: int, other: "Snapshot", place: int) -> bool:
        """Whether the image at `position` has the caption, file and bytes, that it has at `place` of another one."""
        mine, its = self.dataset, other.dataset
        return (mine.caption_paths[position], mine.raw[position]) == (its.caption_paths[place], its.raw[place])


def load(workspace: "Workspace", report: "Report") -> Loaded:
    """Reads the dataset and makes every index the screen asks, so that no key waits for one."""
    from loratui.core.tagging.models import score_key

    dataset = workspace.dataset(report=report)
    for spellings in dataset.keys().values():
        slot(spellings[0])
    project = workspace.project
    return Loaded(
        dataset,
        workspace.records.categories(),
        project.kind if project else "character",
        workspace.triggers(),
        score_key(workspace.tagger.model, workspace.root),
        workspace.tokens,
    )


def renewed(loaded: Loaded, paths: Iterable[str]) -> Loaded:
    """The same images with the captions at `paths` read again; what was read before stays as it is."""
    before = loaded.dataset
    dataset = type(before)(before.root, before.folders)
    dataset.images = before.images
    dataset.caption_paths = before.caption_paths
    dataset.raw, dataset.tags, dataset.problems = list(before.raw), list(before.tags), dict(before.problems)
    dataset.refresh(paths)
    dataset.keys()
    return replace(loaded, dataset=dataset)


def select(workspace: "Workspace", loaded: Loaded, text: str) -> Snapshot:
    """The images that fit an expression. On a thread: `width<768` opens every image."""
    if not text:
        return Snapshot(loaded, "", frozenset(range(len(loaded.dataset.images))))
    from loratui.core.acts import captions

    return Snapshot(loaded, text, frozenset(captions.select(workspace, loaded.dataset, text)))
