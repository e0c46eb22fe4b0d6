"""Acts beside other programs: what can be made again is made again from what is there; a person's text is not."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from loratui.core.acts import captions, images, tagging
from loratui.core.acts.captions import Where
from loratui.core.changes import Changes, Edit, Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.dataset import Dataset
from loratui.core.errors import Conflict
from loratui.core.images.removal import removal
from loratui.core.workspace import Workspace
from tests import colour_tagger
from tests.drawn_images import figure

_ROUNDS = int(os.environ.get("LORATUI_ROUNDS", "3"))

_HELD = """
import sys, time
from pathlib import Path
from loratui.cli.main import run
from loratui.core.changes import Changes

ready, go = Path(sys.argv[1]), Path(sys.argv[2])
apply = Changes.apply

def held(self, plan, group=""):
    if not ready.exists():  # the first time: everything is read and planned
        ready.touch()
        while not go.exists():
            time.sleep(0.005)
    return apply(self, plan, group)

Changes.apply = held
raise SystemExit(run(sys.argv[3:]))
"""


class Held:
    """The program as a process that stops between planning and applying, until it is let go."""

    def __init__(self, root: Path, beside: Path, *arguments: str) -> None:
        self._ready, self._go = beside / "ready", beside / "go"
        script = [sys.executable, "-c", _HELD, str(self._ready), str(self._go), "-C", str(root), *arguments, "--json"]
        self._process = subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not self._ready.exists():
            assert self._process.poll() is None and time.monotonic() < end, self._process.communicate()
            time.sleep(0.005)

    def let_go(self) -> tuple[int, Any]:
        """Its exit code and document."""
        self._go.touch()
        said, _ = self._process.communicate(timeout=60)
        return self._process.returncode, json.loads(said)


def loratui(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loratui", "-C", str(root), *arguments, "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in "ab":
        Image.new("RGB", (64, 64), "red").save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text("1girl, solo")
    return folder


def texts(root: Path) -> list[str]:
    return [path.read_text() for path in sorted(root.glob("*.txt"))]


def test_an_edit_planned_before_anothers_is_planned_again(root: Path, tmp_path: Path) -> None:
    held = Held(root, tmp_path, "tags", "append", "ours")
    assert loratui(root, "tags", "replace", "solo", "theirs").returncode == 0
    assert held.let_go() == (0, {"changed_files": 2, "changed_tags": 2})
    assert texts(root) == ["1girl, theirs, ours"] * 2
    assert [step.title for step in Changes(root).history()] == [
        'replace "solo" by "theirs" in 2 captions', 'add "ours" to 2 captions',
    ]  # fmt: skip


def test_an_edit_finds_its_scope_again(root: Path, tmp_path: Path) -> None:
    held = Held(root, tmp_path, "tags", "--where", "solo", "append", "alone")
    (root / "a.txt").write_text("2girls")
    assert held.let_go() == (0, {"changed_files": 1, "changed_tags": 1})
    assert texts(root) == ["2girls", "1girl, solo, alone"]


def test_copies_kept_by_one_are_not_taken_away_by_another(root: Path, tmp_path: Path) -> None:
    """Both would drop what the other keeps, and no copy would be left."""
    for name in "ab":
        (root / f"{name}.png").unlink()
        (root / f"{name}.txt").unlink()
    figure(1, (300, 390)).save(root / "big.png")
    figure(1, (300, 390)).resize((200, 260)).save(root / "small.png")
    held = Held(root, tmp_path, "dupes", "--apply")
    (root / "big.png").unlink()
    code, document = held.let_go()
    assert (code, document["moved"], document["images"]) == (0, [], 1)
    assert [path.name for path in root.glob("*.png")] == ["small.png"]


def test_prep_begins_again_where_an_image_was_replaced(root: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (255, 0, 0, 100)).save(root / "a.png")
    held = Held(root, tmp_path, "prep", "--min-side", "64")
    Image.new("RGBA", (80, 80), (0, 0, 255, 100)).save(root / "a.png")
    code, document = held.let_go()
    assert (code, document["flattened"], document["set_aside"]) == (0, 1, 0)
    with Image.open(root / "a.png") as now:
        assert now.size == (80, 80) and now.mode == "RGB"
    staging = root / ".loratui" / "staging"
    assert not list(staging.iterdir())


def test_two_programs_at_the_same_moment_both_do_their_work(root: Path) -> None:
    expected = {"1girl", "solo"}
    for number in range(_ROUNDS):
        tags = [f"{who}{number}" for who in ("x", "y")]
        commands = [[sys.executable, "-m", "loratui", "-C", str(root), "tags", "append", tag] for tag in tags]
        both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands]
        said = [process.communicate(timeout=60)[1] for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        expected |= set(tags)
        assert all(set(text.split(", ")) == expected for text in texts(root))


def test_files_that_never_rest_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply, before = Changes.apply, []

    def meanwhile(self: Changes, plan: Plan, group: str = "") -> object:
        before.append(plan)
        (root / "a.txt").write_text(f"somebody, {len(before)}")
        return apply(self, plan, group)

    monkeypatch.setattr(Changes, "apply", meanwhile)
    with pytest.raises(Conflict) as caught:
        captions.edit(Workspace.open(root), Where(), bulk.append(["ours"]))
    assert caught.value.files == ("a.txt",) and len(before) == 2
    assert texts(root) == ["somebody, 2", "1girl, solo"]


def test_what_a_person_wrote_is_not_made_again(root: Path) -> None:
    dataset = Dataset.load(root, [""])
    plan = bulk.by_hand(dataset, 0, b"mine")
    (root / "a.txt").write_text("theirs")
    with pytest.raises(Conflict, match="changed on disk"):
        Changes(root).apply(plan)
    assert texts(root)[0] == "theirs"


def replaced(path: Path) -> None:
    Image.new("RGB", (70, 70), "blue").save(path)


@pytest.mark.parametrize(("meanwhile", "says"), [(replaced, "changed on disk"), (Path.unlink, "no longer here")])
def test_a_decision_holds_only_for_the_images_it_was_made_on(
    root: Path, meanwhile: Callable[[Path], None], says: str
) -> None:
    seen = Workspace.open(root).scan([""])
    plan = removal(root, ["a.png"], "duplicate", "a.png to the trash", seen)
    meanwhile(root / "b.png")
    with pytest.raises(Conflict, match=says) as caught:
        Changes(root).apply(plan)
    assert caught.value.files == ("b.png",) and (root / "a.png").exists()


def test_no_caption_is_made_for_an_image_that_went(root: Path) -> None:
    for path in root.glob("*.txt"):
        path.unlink()
    dataset = Dataset.load(root, [""])
    plan = bulk.append(["t"]).plan(dataset, [0, 1])
    assert [operation.path for operation in plan.operations if isinstance(operation, Edit)] == ["a.txt", "b.txt"]
    (root / "a.png").unlink()
    with pytest.raises(Conflict, match=r"a\.png is no longer here"):
        Changes(root).apply(plan)
    assert not texts(root)


def test_captions_written_while_the_tagger_ran_stay(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "bcd":
        Image.new("RGB", (64, 64), "blue").save(root / f"{name}.png")
    (tmp_path / "stand-in").mkdir()
    model = colour_tagger.build(tmp_path / "stand-in")
    workspace = Workspace.open(root)
    chosen = tagging.choose(workspace, str(model))
    dataset = workspace.dataset()
    infer = tagging.tagger.infer

    def slow(*arguments: Any, **options: Any) -> object:
        said = infer(*arguments, **options)
        (root / "c.txt").write_text("mine")
        replaced(root / "d.png")
        return said

    monkeypatch.setattr(tagging.tagger, "infer", slow)
    apply, times = Changes.apply, []

    def meanwhile(self: Changes, plan: Plan, group: str = "") -> object:
        times.append(plan.counts["tagged"])
        if len(times) == 1:
            (root / "b.txt").write_text("theirs")
        return apply(self, plan, group)

    monkeypatch.setattr(Changes, "apply", meanwhile)
    done = tagging.tag(workspace, dataset, range(4), chosen, "merge")
    assert times == [3, 3] and done.tagged == 3
    assert done.failed == {"d.png": "it changed while it was tagged; run it again"}
    assert (root / "b.txt").read_text().startswith("theirs, ") and (root / "c.txt").read_text().startswith("mine, ")
    assert not (root / "d.txt").exists()


def test_looking_at_every_subset_by_name_counts_as_the_whole(root: Path) -> None:
    (root / "loratui.toml").write_text('format = 1\nname = "k"\n[[subset]]\nfolder = "."\ntrigger = "k"\n')
    workspace = Workspace.open(root)
    assert workspace.is_whole(workspace.at(".")[1]) and not workspace.is_whole(["other"])
    assert len(images.dupes(workspace, [""]).found.groups) == 1
