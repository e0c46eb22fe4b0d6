"""The demo goes the whole way on a machine that has nothing: a red demo stops everything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loratui.core.demo.board import serving
from loratui.core.demo.collection import make
from loratui.core.demo.drawing import Scene, draw

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


def test_without_a_terminal_the_screens_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    from loratui.cli.main import run

    assert run(["demo"]) == 1
    assert "--headless" in capsys.readouterr().err


def test_the_pictures_are_the_same_every_time(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert make(one) == make(other)
    assert draw(Scene(seed=1, place="none")).mode == "RGBA"


def test_the_board_speaks_as_danbooru_does(tmp_path: Path) -> None:
    import httpx

    with serving(tmp_path, make(tmp_path)) as url, httpx.Client(base_url=url, trust_env=False) as client:
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
