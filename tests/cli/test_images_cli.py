"""check-images, prep and dupes as a script meets them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from loratui.cli.main import run
from tests.drawn_images import figure


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = run([*arguments, "--json"])
    out = capsys.readouterr().out
    assert out.isascii() and out.count("\n") == 1
    return code, json.loads(out)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    figure(1, (600, 780)).save(folder / "a.png")
    figure(1, (600, 780)).resize((540, 702)).save(folder / "b.jpg", quality=75)
    (folder / "b.txt").write_text("1girl")
    figure(1, (600, 780), smile=False).save(folder / "c.png")
    figure(2, (600, 600)).save(folder / "d.webp", lossless=True)
    figure(3, (100, 100)).save(folder / "e.png")
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_dupes_gives_what_the_contract_says(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = said(capsys, "dupes", "-C", str(pictures))
    assert code == 0 and document["images"] == 5 and isinstance(document["seconds"], float)
    (group,) = document["groups"]  # type: ignore[misc]
    assert group["keep"] == "a.png"
    assert [sorted(file) for file in group["files"]] == [["bytes", "file", "height", "relation", "why", "width"]] * 2
    assert group["files"][1] == {
        "file": "b.jpg", "width": 540, "height": 702, "bytes": (pictures / "b.jpg").stat().st_size,
        "relation": "same", "why": "90 %, JPEG q75",
    }  # fmt: skip
    assert group["variants"][0]["file"] == "c.png" and "differs" in group["variants"][0]
    assert {"a": "a.png", "b": "b.jpg", "relation": "same"} in document["pairs"]
    assert "moved" not in document and not (pictures / ".loratui").exists()


def test_apply_moves_all_but_the_kept_and_undo_brings_them_back(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(pictures)
    code, document = said(capsys, "dupes", "-C", str(pictures), "--apply", "--dry-run")
    assert code == 0 and document["moved"] == ["b.jpg"] and document["dry_run"] is True and names(pictures) == before
    assert not (pictures / ".loratui").exists()
    code, document = said(capsys, "dupes", "-C", str(pictures), "--apply")
    assert code == 0 and document["moved"] == ["b.jpg"] and names(pictures) == before - {"b.jpg", "b.txt"}
    code, document = said(capsys, "undo", "-C", str(pictures))
    assert code == 0 and names(pictures) == before


@pytest.mark.parametrize("value", ["101", "-1", "hard", ""])
def test_a_hardness_that_is_none_is_exit_2(pictures: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    code, document = said(capsys, "dupes", str(pictures), f"--hardness={value}")
    assert code == 2 and document["error"]["exit"] == 2  # type: ignore[index]


def test_prep_counts_and_its_dry_run_agree(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = names(pictures)
    code, dry = said(capsys, "prep", "-C", str(pictures), "--dry-run", "--min-side", "200")
    assert code == 0 and dry.pop("dry_run") is True and names(pictures) == before
    code, document = said(capsys, "prep", "-C", str(pictures), "--min-side", "200")
    assert code == 0 and document == dry
    assert {key: document[key] for key in ("converted", "flattened", "set_aside", "rotated", "skipped")} == {
        "converted": 1, "flattened": 0, "set_aside": 1, "rotated": 0, "skipped": 0,
    }  # fmt: skip
    assert names(pictures) == before - {"d.webp", "e.png"} | {"d.png"}
    code, document = said(capsys, "prep", "-C", str(pictures), "--min-side", "200")
    assert document["converted"] == document["set_aside"] == 0


def test_prep_refuses_what_it_does_not_know(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--to=gif", "--small=upscale", "--background=blurple", "--min-side=big"):
        code, document = said(capsys, "prep", "-C", str(pictures), option)
        assert code == 2 and document["error"]["remedy"]  # type: ignore[index]


def test_the_side_of_the_recipe_is_what_small_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "new", str(tmp_path / "kafka"), "--trigger", "kafka")[0] == 0
    folder = next((tmp_path / "kafka" / "dataset").iterdir())
    figure(1, (600, 780)).save(folder / "a.png")
    code, document = said(capsys, "check-images", "-C", str(tmp_path / "kafka"))
    assert code == 0 and document["problems"] == []
    text = (tmp_path / "kafka" / "loratui.toml").read_text()
    (tmp_path / "kafka" / "loratui.toml").write_text(
        text + "\n[training]\nresolution = 1024\n"
        if "[training]" not in text
        else text.replace("[training]", "[training]\nresolution = 1024")
    )
    code, document = said(capsys, "check-images", "-C", str(tmp_path / "kafka"))
    (problem,) = document["problems"]  # type: ignore[misc]
    assert problem["problem"] == "small" and "1024" in problem["message"]
    assert problem["file"] == f"dataset/{folder.name}/a.png"
    code, document = said(capsys, "check-images", folder.name, "-C", str(tmp_path / "kafka"))
    assert document["problems"][0]["file"] == "a.png"  # type: ignore[index]


def test_check_images_lists_and_ends_well(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "f.png").write_bytes(b"nothing")
    code, document = said(capsys, "check-images", str(pictures))
    assert code == 0 and document["files"] == 6
    found = {(row["file"], row["problem"]): row for row in document["problems"]}  # type: ignore[attr-defined, index]
    assert {("f.png", "not-an-image"), ("e.png", "small"), ("d.webp", "webp")} == set(found)
    assert sorted(found["f.png", "not-an-image"]) == ["file", "level", "message", "problem", "remedy"]
    assert run(["check-images", str(pictures)]) == 0
    assert "6 images, 3 with something to look at." in capsys.readouterr().out


def test_a_folder_of_folders_and_one_without_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (tmp_path / "set" / name).mkdir(parents=True)
        figure(5, (300, 300)).save(tmp_path / "set" / name / "a.png")
    code, document = said(capsys, "dupes", str(tmp_path / "set"))
    assert code == 0 and sorted(file["file"] for file in document["groups"][0]["files"]) == ["one/a.png", "two/a.png"]  # type: ignore[index]
    (tmp_path / "empty").mkdir()
    code, document = said(capsys, "dupes", str(tmp_path / "empty"))
    assert code == 0 and document["images"] == 0 and document["groups"] == []
    code, document = said(capsys, "dupes", str(tmp_path / "nowhere"))
    assert code == 2


def test_a_link_to_a_folder_elsewhere_works(tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "link").symlink_to(pictures)
    code, document = said(capsys, "dupes", str(tmp_path / "link"))
    assert code == 0 and document["groups"][0]["keep"] == "a.png"  # type: ignore[index]
    Image.open(pictures / "a.png").close()
