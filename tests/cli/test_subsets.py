"""`subset move` and `subset split`: names, undo, and a project whose new subset is empty again."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from loratui.cli.main import run

CAPTIONS = {"a": "1girl, hat", "b": "1girl, dress", "c": "solo, hat", "d": "solo"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "p" / "dataset" / "kafka"
    folder.mkdir(parents=True)
    for number, (stem, text) in enumerate(CAPTIONS.items()):
        Pillow.new("RGB", (64 + number, 64), (number, 0, 0)).save(folder / f"{stem}.png")
        (folder / f"{stem}.txt").write_text(text)
    (tmp_path / "p" / "loratui.toml").write_text('format = 1\nname = "p"\nsubset = [{folder = "dataset/kafka"}]\n')
    return tmp_path / "p"


def said(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run(["-C", str(root), *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["", "..", "../../evil", "a/b"])
def test_a_subset_is_never_given_an_invented_name(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    before = (root / "loratui.toml").read_text()
    code, document = said(capsys, root, "subset", "move", "hat", name)
    assert code == 2 and "plain name" in document["error"]["remedy"]
    assert (root / "loratui.toml").read_text() == before and sorted(path.name for path in root.iterdir()) == [
        "dataset",
        "loratui.toml",
    ]


def test_an_undone_move_leaves_a_project_that_works(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(root), "subset", "move", "hat", "red hat"]) == 0
    told = capsys.readouterr().out
    assert "2 images moved to dataset/red hat" in told and "added to loratui.toml" in told
    assert (root / "dataset/red hat/a.txt").is_file()
    _, document = said(capsys, root, "subset", "move", "dress", "red hat")
    assert document == {"moved": 1, "subset": "dataset/red hat", "new": False}
    assert said(capsys, root, "undo", "2")[0] == 0
    assert not list((root / "dataset/red hat").iterdir())
    assert len(said(capsys, root, "subset", "list")[1]["subsets"]) == 1  # loratui.toml is as it was, too
    assert said(capsys, root, "status")[1]["images"] == 4
    code, plan = said(capsys, root, "plan")
    assert code == 0 and [subset["images"] for subset in plan["subsets"]] == [4]
    assert said(capsys, root, "redo", "2")[0] == 0
    code, plan = said(capsys, root, "plan")
    assert [subset["images"] for subset in plan["subsets"]] == [1, 3]
    assert said(capsys, root, "undo", "2")[0] == 0
    assert said(capsys, root, "tags", "append", "x")[1]["changed_files"] == 4


def test_a_dry_run_adds_no_subset(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (root / "loratui.toml").read_text()
    assert said(capsys, root, "subset", "move", "hat", "new", "--dry-run")[1]["new"]
    assert said(capsys, root, "subset", "split", "hat", "--dry-run")[1]["applied"] is False
    assert (root / "loratui.toml").read_text() == before and not (root / ".loratui").exists()


def test_equal_splits_are_undone_one_by_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, root, "subset", "split", "hat", "dress")[1]["applied"]
    for stem in "ab":
        Pillow.new("RGB", (80, 80), (9, 9, 9)).save(root / f"dataset/kafka/new_{stem}.png")
        (root / f"dataset/kafka/new_{stem}.txt").write_text(CAPTIONS[stem])
    assert said(capsys, root, "subset", "split", "hat", "dress")[1]["applied"]
    assert (root / "dataset/hat/new_a.png").exists() and (root / "dataset/dress/new_b.png").exists()
    assert said(capsys, root, "undo")[0] == 0
    assert (root / "dataset/kafka/new_a.png").exists() and (root / "dataset/kafka/new_b.png").exists()
    assert (root / "dataset/hat/a.png").exists() and (root / "dataset/dress/b.png").exists()
    assert said(capsys, root, "undo")[1]["left"] == 0


def test_splitting_by_a_tag_that_no_image_carries_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["new", str(tmp_path / "p")]) == 0
    capsys.readouterr()
    assert run(["-C", str(tmp_path / "p"), "subset", "split", "nowhere"]) == 0
    assert capsys.readouterr().out == "No image carries such a tag; nothing was done.\n"
    assert run(["-C", str(tmp_path / "p"), "subset", "split", "nowhere", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["applied"] is False


def test_the_words_of_an_expression_need_no_quotes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(root), "subset", "move", "1girl", "and", "hat", "other", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["moved"] == 1
