"""The demo goes the whole way on a machine that has nothing: a red demo stops everything."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from loratui.core import durable
from loratui.core.demo.board import serving
from loratui.core.demo.collection import DemoPost, make
from loratui.core.demo.drawing import Scene, draw
from loratui.core.demo.home import surroundings
from loratui.core.project import Project
from loratui.core.runs import freeze
from loratui.core.training import environment, models
from tests import training_kit as kit
from tests.runs_kit import TRAINER, make_job

STEPS = [
    "board",
    "search",
    "get",
    "check-images",
    "dupes",
    "prep",
    "tag",
    "tags",
    "tags",
    "tags",
    "undo",
    "redo",
    "plan",
    "preflight",
]


def test_the_whole_way(home: Path) -> None:
    environment = {
        **os.environ,
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1",
    }
    command = [sys.executable, "-m", "loratui", "demo", "--headless", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=110)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    steps = document["steps"]
    assert [step["step"] for step in steps[: len(STEPS)]] == STEPS
    assert [step["step"] for step in steps[len(STEPS) :]] == ["watch", "runs"], "the replay of the recorded training"
    told = {step["step"]: step["result"] for step in steps}
    assert "36 downloaded, 0 failed" in told["get"]
    assert "2 to the trash" in told["dupes"] and "broken 1" in told["check-images"]
    assert "blocks" in told["preflight"] and "base model" in told["preflight"]
    assert "replay" in told["watch"] and "done" in told["watch"]
    project = Path(document["path"])
    assert project.is_relative_to(home / ".cache/loratui/demo")
    captions = [path.read_text() for path in (project / "dataset/mira").glob("*.txt")]
    assert captions and all(caption.startswith("mira, ") and "purple hair" not in caption for caption in captions)
    assert not (home / ".config/loratui").exists() and not (home / ".local/state/loratui").exists()


def trainer(folder: Path, **facts: Any) -> tuple[Path, Path]:
    """An interpreter that answers as a trainer's would and runs the stand-in for sd-scripts; and those scripts."""
    python = kit.answering_python(folder / "python", **facts)
    answer = python.read_text().partition("\n")[2]
    python.write_text(f'#!/bin/sh\nif [ "$1" != -c ]; then exec {sys.executable} "$@"; fi\n{answer}')
    scripts = kit.scripts(folder / "sd")
    shutil.copyfile(TRAINER, scripts / "train_network.py")
    return python, scripts


def test_where_a_trainer_is_set_up_it_trains_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.configure(*trainer(tmp_path, cuda=False))
    model = kit.model(tmp_path / "models/some.safetensors", kit.SD15)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    command = [sys.executable, "-m", "loratui", "demo", "--headless", "--json", "--base", "models/some.safetensors"]

    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=110)

    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    steps = document["steps"]
    assert [step["step"] for step in steps[len(STEPS) :]] == ["train", "watch", "runs"]
    told = {step["step"]: step["result"] for step in steps}
    assert "nothing blocks" in told["preflight"]
    assert "a real training of some.safetensors on the processor" in told["train"]
    assert "the real training ended: done" in told["watch"] and "mira-real done step" in told["runs"]
    (run,) = Path(document["path"], "runs").glob("*/")
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["pretrained_model_name_or_path"] == str(model)
    assert "mixed_precision" in config and (config["mixed_precision"], config["optimizer_type"]) == ("no", "AdamW")
    assert "--w 64" in (run / "prompts.txt").read_text()


def test_a_demo_trains_as_the_machine_allows(tmp_path: Path) -> None:
    model = kit.model(tmp_path / "models/some.safetensors", kit.SD15)
    kit.configure(*trainer(tmp_path), tmp_path / "models")
    with surroundings(str(model)) as home:
        project = Project.load(home.project)
        assert home.training == "some.safetensors on Test GPU"
        assert "mixed_precision" not in project.training and "resolution" not in project.training
        run = freeze(make_job(home.project))
        with durable.lock(run.lock):  # it trains
            for _ in range(3):
                with surroundings():
                    pass
            assert home.project.exists()
    with surroundings("nowhere.safetensors") as home:
        assert home.training == "" and "mixed_precision" not in Project.load(home.project).training


def test_the_demo_finds_what_setup_and_models_made(tmp_path: Path) -> None:
    places = environment.places()
    kit.scripts(places.scripts)
    kit.answering_python(places.venv / "bin/python", cuda=False)
    kit.model(models.home() / "fetched.safetensors", {"model.diffusion_model.input_blocks.0.0.weight": (2, 4, 1, 1)})
    with surroundings("fetched") as home:
        assert home.training.startswith("fetched.safetensors on the processor")
        project = Project.load(home.project)
        assert project.model["family"] == "sd15"  # its header does not say
        assert [subset.repeats for subset in project.subsets] == [1]


def test_without_a_terminal_the_screens_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    from loratui.cli.main import run

    assert run(["demo"]) == 1
    assert "--headless" in capsys.readouterr().err


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DemoPost]]:
    """The demo's board: the folder of its files, and its posts."""
    folder = tmp_path_factory.mktemp("drawn")
    return folder, make(folder)


def test_the_pictures_are_the_same_every_time(drawn: tuple[Path, list[DemoPost]], tmp_path: Path) -> None:
    assert make(tmp_path) == drawn[1]
    assert draw(Scene(seed=1, place="none")).mode == "RGBA"


def test_the_board_speaks_as_danbooru_does(drawn: tuple[Path, list[DemoPost]]) -> None:
    import httpx

    with serving(*drawn) as url, httpx.Client(base_url=url, trust_env=False) as client:
        posts = client.get("/posts.json", params={"tags": "solo black_dress rating:g", "limit": 200}).json()
        assert posts and all("black_dress" in post["tag_string_general"].split() for post in posts)
        older = client.get("/posts.json", params={"tags": "", "page": f"b{posts[-1]['id']}"}).json()
        assert all(post["id"] < posts[-1]["id"] for post in older)
        refused = client.get("/posts.json", params={"tags": "a b c"})
        assert refused.status_code == 422 and refused.json()["error"] == "PostQuery::TagLimitError"
        whole = client.get(posts[0]["file_url"]).content
        part = client.get(posts[0]["file_url"], headers={"Range": "bytes=100-"})
        assert part.status_code == 206 and part.content == whole[100:]
        assert client.get("/data/../../etc/passwd").status_code == 404
