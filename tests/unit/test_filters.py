"""What expressions know of a project: records, history, triggers, slots, and filters saved in loratui.toml."""

from pathlib import Path

import pytest
from PIL import Image

from loratui.core.acts import captions
from loratui.core.acts.captions import Where
from loratui.core.dataset import bulk
from loratui.core.dataset.records import Provenance
from loratui.core.dataset.subsets import move_plan
from loratui.core.errors import UsageError
from loratui.core.project import FILE, Project
from loratui.core.tagging.models import score_key
from loratui.core.workspace import Workspace

CAPTIONS = {"a": "kafka, smile, red eyes", "b": "smile, long_hair", "c": "kafka, grin"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "kafka"
    Project.create(root, trigger="kafka")
    for number, (name, text) in enumerate(CAPTIONS.items()):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(root / f"dataset/kafka/{name}.png")
        (root / f"dataset/kafka/{name}.txt").write_text(text)
    workspace = Workspace.open(root)
    dataset = workspace.dataset()
    for image, rating, scores in zip(dataset.images, "gsg", (0.2, 0.7, 0.9), strict=True):
        digest = workspace.records.content_hash(image)
        origin = Provenance("mine", image.name, rating=rating, tags={"character": ["kafka"]})
        workspace.records.put_provenance(digest, origin)
        model = score_key(workspace.tagger.model, workspace.root)
        workspace.records.put_scores(digest, model, {"smile": ("general", scores)})
    return workspace


def found(workspace: Workspace, expression: str) -> str:
    scope = captions.scope(workspace, Where(expression=expression))
    return "".join(sorted(Path(scope.dataset.images[at].path).stem for at in scope.positions))


@pytest.mark.parametrize(
    ("expression", "stems"),
    [
        ("rating:g", "ac"),
        ("cat:character", "ac"),
        ("slot:eyes or slot:hair", "ab"),
        ("has:trigger", "ac"),
        ("no:trigger", "b"),
        ("score<0.5", "a"),
        ("score:smile>0.1", "ab"),
        ("changed:", ""),
    ],
)
def test_what_is_known_of_a_project(workspace: Workspace, expression: str, stems: str) -> None:
    assert found(workspace, expression) == stems


def test_changed_follows_the_history(workspace: Workspace) -> None:
    captions.edit(workspace, Where(expression="a or kafka"), bulk.append(["one"]))
    captions.edit(workspace, Where(expression="grin"), bulk.append(["two"]))
    assert (found(workspace, "changed:"), found(workspace, "changed:1")) == ("ac", "c")
    dataset = workspace.dataset()
    workspace.changes.apply(move_plan(dataset, {0}, "dataset/kafka/inner"))
    workspace.project.add_subset("dataset/kafka/inner")  # type: ignore[union-attr]
    assert found(workspace, "changed:") == "ac"
    workspace.changes.undo(3)
    assert found(workspace, "changed:") == ""


def test_filters_are_kept_in_the_projects_file(workspace: Workspace) -> None:
    captions.save_filter(workspace, "happy ones", "smile or grin")
    captions.save_filter(workspace, "mine", 'filter:"happy ones" has:trigger')
    assert '"happy ones" = "smile or grin"' in (workspace.root / FILE).read_text()
    assert found(Workspace.open(workspace.root), "filter:mine not grin") == "a"
    captions.save_filter(workspace, "happy ones", "")
    with pytest.raises(UsageError, match="happy ones"):
        found(workspace, "filter:mine")
    for name, expression in (("x", "(a"), ("mine", "filter:mine"), ('a"b', "a"), ("", "a"), ("x" * 100, "a")):
        with pytest.raises(UsageError):
            captions.save_filter(workspace, name, expression)
    assert Project.load(workspace.root).filters == {"mine": 'filter:"happy ones" has:trigger'}
