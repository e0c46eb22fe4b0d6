"""`tag`: the document, the exits, what asks, what a dry run leaves alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from loratui.cli.main import run
from tests import colour_tagger


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any, str]:
    code = run([*map(str, arguments), "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_tagger.build(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 0, 255))):
        Image.new("RGB", (200, 100), colour).save(folder / f"{name}.png")
    (folder / "b.txt").write_text("kafka")
    monkeypatch.chdir(tmp_path)
    yield folder


def test_tags_a_folder_without_a_project(images: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, err = said(capsys, "tag", "images", "--model", model)
    assert code == 0
    assert {"images": 2, "tagged": 1, "skipped": 1, "provider": "CPUExecutionProvider"}.items() <= document.items()
    assert document["seconds"] > 0
    assert document["failed"] == []
    assert "colour stand-in" in err
    assert (images / "a.txt").read_text().startswith("red theme, white background")
    assert (images / "b.txt").read_text() == "kafka"
    code, document, _ = said(capsys, "tag", "images", "--model", model)
    assert (code, document["tagged"], document["skipped"], document["provider"]) == (0, 0, 2, None)
    code, document, _ = said(capsys, "-C", "images", "undo")
    assert [step["verb"] for step in document["undone"]] == ["tag"]
    assert not (images / "a.txt").exists()


@pytest.mark.parametrize(("when", "tagged", "skipped"), [("empty", 1, 1), ("merge", 2, 0), ("overwrite", 2, 0)])
def test_when(
    images: Path, model: Path, capsys: pytest.CaptureFixture[str], when: str, tagged: int, skipped: int
) -> None:
    code, document, _ = said(capsys, "-C", "images", "tag", "--model", model, "--when", when)
    assert (code, document["tagged"], document["skipped"]) == (0, tagged, skipped)
    tags = (images / "b.txt").read_text().split(", ")
    assert ("kafka" in tags) == (when != "overwrite")
    assert ("blue theme" in tags) == (when != "empty")


def test_thresholds(images: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "tag", "images", "--model", model, "--threshold", "0.995", "--character-threshold", "1")
    assert not (images / "a.txt").exists()
    _, document, _ = said(
        capsys, "tag", "images", "--model", model, "--threshold", "0.99", "--character-threshold", "1"
    )
    assert document["provider"] is None  # another threshold needs no network
    assert "red theme" in (images / "a.txt").read_text()
    assert "char" not in (images / "a.txt").read_text()
    assert run(["tag", "images", "--model", str(model), "--threshold", "7"]) == 2
    assert "makes no sense" in capsys.readouterr().err


def test_nothing_found_is_said_and_no_failure(images: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, err = said(
        capsys, "tag", "images", "--model", model, "--threshold", "1", "--character-threshold", "1"
    )
    assert (code, document["tagged"], document["nothing"]) == (0, 0, 1)
    assert "found nothing" in err


def test_dry_run_starts_and_writes_nothing(
    images: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    before = sorted(images.rglob("*"))
    code, document, _ = said(capsys, "tag", "images", "--model", model, "--dry-run", "--when", "merge")
    assert (code, document["tagged"], document["skipped"], document["dry_run"]) == (0, 2, 0, True)
    assert sorted(images.rglob("*")) == before


def test_a_broken_picture_is_listed_and_exit_one(images: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (images / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    code, document, err = said(capsys, "tag", "images", "--model", model)
    assert code == 1
    assert [failure["file"] for failure in document["failed"]] == ["c.png"]
    assert document["tagged"] == 1
    assert (images / "a.txt").exists()
    assert "c.png: is not a picture" in err


def test_no_images(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = said(capsys, "-C", tmp_path, "tag", "--model", model)
    assert (code, document["images"], document["tagged"]) == (0, 0, 0)


def test_unknown_model_names_the_nearest(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = said(capsys, "tag", "images", "--model", "wd-vit-taggr-v3")
    assert code == 2
    assert document["error"]["remedy"] == "Did you mean wd-vit-tagger-v3?"


def test_offline_says_where_to_put_the_files(
    images: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code, document, _ = said(capsys, "tag", "images", "--yes")
    assert code == 1
    assert "of SmilingWolf/wd-swinv2-tagger-v3 is not on this machine" in document["error"]["message"]
    assert "selected_tags.csv" in document["error"]["remedy"]


def test_the_projects_tagger_is_used(images: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "images"]) == 0
    file = images / "loratui.toml"
    import tomlkit

    table = tomlkit.parse(file.read_text())
    table["tagger"] = {"model": str(model), "general": 0.05, "character": 1.0}
    file.write_text(tomlkit.dumps(table))
    capsys.readouterr()
    code, document, _ = said(capsys, "-C", "images", "tag")
    assert (code, document["tagged"]) == (0, 1)
    assert "char" not in (images / "a.txt").read_text()


def test_wrong_labels_are_refused_before_anything_changes(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    colour_tagger.build(folder, outputs=20)
    code, document, _ = said(capsys, "tag", "images", "--model", folder)
    assert code == 3
    assert "20 values" in document["error"]["message"] and "15 labels" in document["error"]["message"]
    assert not (images / "a.txt").exists()


def test_ctrl_c_stops_soon_and_keeps_the_scores(tmp_path: Path, model: Path) -> None:
    for number in range(150):
        Image.new("RGB", (900, 900), (number, 0, 0)).save(tmp_path / f"{number:03}.png", compress_level=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "loratui", "tag", "--model", str(model), "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ},
    )
    records = tmp_path / ".loratui" / "records.db"
    deadline = time.monotonic() + 20
    while not records.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["error"]["exit"] == 130
    assert not list(tmp_path.glob("*.txt"))
