"""Every class of bad input has one answer: an exit code, a sentence with the thing in it, a remedy; nothing changed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image as Pillow

from loratui.cli.main import run
from loratui.core.boards.network.connections import Network


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["new", str(tmp_path / "kafka"), "--trigger", "kafka"]) == 0
    capsys.readouterr()
    return tmp_path / "kafka"


def snapshot(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "code", "message", "remedy"),
    [
        (["search", ""], 2, "empty", "at least one tag"),
        (["search", "cat", "--board", "dambooru"], 2, "dambooru", "danbooru"),
        (["get", "cat", "--board", "closed"], 1, "127.0.0.1", "url"),
        (["boards", "login", "nope"], 2, "nope", "danbooru"),
        (["dupes", "nowhere"], 2, "nowhere", "folder"),
        (["dupes", "--hardness", "400"], 2, "400", "help"),
        (["tag", "--model", "no-such-tagger"], 2, "no-such-tagger", ""),
        (["tags", "--where", "(a"], 2, "parenthesis", "Put a )"),
        (["tags", "--where", "widht<3"], 2, "width", "quoted"),
        (["tags", "remove"], 2, "TAG", "help"),
        (["tags", "append", "two\nlines"], 2, "line", ""),
        (["subset", "move", "solo", "../out"], 2, "../out", ""),
        (["add", "gone.png"], 2, "gone.png", ""),
        (["add", "/dev/null"], 2, "neither a file nor a folder", "files"),
        (["demo", "--headless", "--speed", "nan"], 2, "nan", "help"),
        (["trash", "restore", "gone.png"], 2, "gone.png", "trash list"),
        (["plan", "--set", "network_dimm=3"], 2, "network_dimm", "network_dim"),
        (["train"], 3, "trainer", "setup"),
        (["setup"], 2, "trainer", "--yes"),
        (["watch"], 2, "no run", "train"),
        (["logs", "nope"], 2, "nope", "runs"),
        (["models", "--get", "ilustrious"], 2, "ilustrious", "illustrious"),
        (["new", ""], 2, "empty", "current folder"),
        (["histroy"], 2, "histroy", "history"),
        (["undo", "--what"], 2, "--what", "undo --help"),
    ],
)
def test_one_sentence_a_remedy_and_nothing_changed(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
    remedy: str,
) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"], "loratui", "config.toml")
    config.parent.mkdir()
    config.write_text('[boards.closed]\nengine = "danbooru"\nurl = "http://127.0.0.1:9"\n')
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(Network.__init__, "__defaults__", (0.01, 1.0))  # a second between tries else
    monkeypatch.chdir(project)
    before = snapshot(project)
    assert run([*arguments, "--json"]) == code
    captured = capsys.readouterr()
    error = json.loads(captured.out.splitlines()[-1])["error"]
    assert error["exit"] == code and message in error["message"] and remedy in error["remedy"] + error["message"]
    assert error["message"][-1] in ".!?)" and "Traceback" not in captured.err and "\x1b" not in captured.err
    assert snapshot(project) == before


@pytest.mark.parametrize("verb", ["dupes", "prep", "check-images", "tag", "tags", "status", "undo", "history"])
def test_a_folder_without_images_is_no_error(project: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert run(["-C", str(project), verb, "--json"]) == 0
    json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("verb", ["status", "plan", "preflight", "tags", "dupes"])
def test_a_typo_in_loratui_toml_names_the_right_key(
    project: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    file = project / "loratui.toml"
    file.write_text(file.read_text().replace("trigger", "triger"))
    assert run(["-C", str(project), verb]) == 2
    err = capsys.readouterr().err
    assert "triger" in err and "'trigger'" in err


def test_captions_that_are_no_text_are_named_and_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project / "dataset/kafka"
    for name in ("a", "b"):
        Pillow.new("RGB", (8, 8)).save(folder / f"{name}.png")
    (folder / "a.txt").write_bytes(b"caf\xe9, solo")
    (folder / "b.txt").write_bytes(b"solo")
    assert run(["-C", str(project), "tags", "prepend", "kafka"]) == 0
    assert "a.txt" in capsys.readouterr().err
    assert (folder / "a.txt").read_bytes() == b"caf\xe9, solo" and (folder / "b.txt").read_bytes() == b"kafka, solo"


@pytest.mark.shared
@pytest.mark.parametrize("verb", ["check-images", "dupes", "prep"])
def test_every_bad_image_comes_through_every_image_verb(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    for file in (shared / "images/bad").iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    assert run([verb, str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_ctrl_c_leaves_all_or_nothing(project: Path) -> None:
    folder = project / "dataset/kafka"
    for number in range(1500):
        (folder / f"{number}.png").write_bytes(b"x")
        (folder / f"{number}.txt").write_bytes(b"solo, hat")
    for delay in (0.05, 0.2, 0.35):
        command = [sys.executable, "-m", "loratui", "-C", str(project), "tags", "prepend", f"t{delay}"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(delay)
        child.send_signal(signal.SIGINT)
        assert child.stderr is not None
        child.stderr.read()
        child.stderr.close()
        assert child.wait() in (0, 130, -2)
        assert len({(folder / f"{number}.txt").read_bytes() for number in range(1500)}) == 1
