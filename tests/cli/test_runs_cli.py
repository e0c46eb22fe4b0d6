"""The verbs `runs`, `watch`, `stop`, `resume`, `logs`, `queue`, as a person and a script use them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loratui.core.runs import freeze, launch
from tests.runs_kit import ended_at_last, make_job, wait_over
from tests.waiting import wait_for


def loratui(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loratui", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def test_before_the_first_run(tmp_path: Path) -> None:
    listed = loratui("runs", "--json", cwd=tmp_path)
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"runs": []})
    assert json.loads(loratui("queue", "--json", cwd=tmp_path).stdout) == {"queue": []}
    watched = loratui("watch", "--json", cwd=tmp_path)
    assert watched.returncode == 2
    assert json.loads(watched.stdout)["error"]["exit"] == 2
    assert "loratui train" in watched.stderr


def test_watching_a_run_to_its_end_from_any_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = freeze(make_job(tmp_path / "kafka", save_state=True))
    launch(run)
    watched = loratui("watch", "--json", cwd=elsewhere)
    assert watched.returncode == 0, watched.stderr
    events = [json.loads(text) for text in watched.stdout.splitlines()]
    assert {event["type"] for event in events} == {"state", "step", "epoch", "save", "sample"}
    steps = [event for event in events if event["type"] == "step"]
    assert [event["step"] for event in steps] == list(range(1, 9))
    assert steps[-1]["total_steps"] == 8 and steps[-1]["epoch"] == 2
    assert set(steps[-1]["lr"]) == {"textencoder", "unet", "group1"}
    assert {event["file"] for event in events if event["type"] == "save"} == {
        "kafka-000001.safetensors",
        "kafka.safetensors",
    }
    assert events[-1]["type"] == "state" and events[-1]["state"] == "done" and events[-1]["exit"] == 0
    assert all(event["t"].endswith("Z") for event in events)

    (listed,) = json.loads(loratui("runs", "--json", cwd=elsewhere).stdout)["runs"]
    assert listed.items() >= {"id": run.id, "state": "done", "step": 8, "total_steps": 8, "epoch": 2, "exit": 0}.items()
    assert listed["eta_seconds"] is None and isinstance(listed["loss"], float)
    assert run.id in loratui("runs", cwd=elsewhere).stdout

    text = loratui("watch", run.id[:16], cwd=elsewhere)
    assert text.returncode == 0 and "epoch 2/2 done" in text.stdout and "\x1b" not in text.stdout

    said = loratui("logs", run.id, cwd=elsewhere).stdout
    assert "epoch 1/2" in said and "steps 8/8" in said and "\r" not in said
    assert json.loads(loratui("logs", "--json", cwd=elsewhere).stdout)["run"] == run.id
    followed = loratui("logs", "-f", cwd=elsewhere)
    assert (followed.returncode, followed.stdout) == (0, said)


def test_a_failed_run(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, fake_raise_at=2))
    launch(run)
    watched = loratui("watch", str(run.folder), cwd=tmp_path)
    assert watched.returncode == 1
    assert "failed: OSError: image file is truncated" in watched.stdout
    assert loratui("stop", run.id, cwd=tmp_path).returncode == 3
    assert loratui("resume", run.id, cwd=tmp_path).returncode == 3


def test_stopping_and_resuming(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, epochs=50, save_state=True))
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: (run.checkpoints / "kafka-000001-state/random_states_0.pkl").exists())
        queued = json.loads(loratui("queue", "--json", cwd=tmp_path).stdout)["queue"]
        assert [(one["id"], one["position"]) for one in queued] == [(run.id, 0)]
        tried = json.loads(loratui("stop", "last", "--dry-run", "--json", cwd=tmp_path).stdout)
        assert tried["dry_run"] and not run.state().over
        stopped = json.loads(loratui("stop", "last", "--json", cwd=tmp_path).stdout)
        assert stopped == {"run": run.id, "state": "stopped"}
    tried = json.loads(loratui("resume", "last", "--dry-run", "--json", cwd=tmp_path).stdout)
    assert tried["origin"] == run.id and len(list((tmp_path / "runs").iterdir())) == 1
    resumed = json.loads(loratui("resume", run.id, "--json", cwd=tmp_path).stdout)
    assert Path(resumed["path"]).name == resumed["run"] != run.id
    assert resumed["epoch"] == tried["epoch"] > 1
    assert loratui("stop", resumed["run"], cwd=tmp_path).returncode == 0


def test_ctrl_c_leaves_the_run(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=60, fake_seconds=0.05))
    launch(run)
    with ended_at_last(run):
        with subprocess.Popen(
            [sys.executable, "-m", "loratui", "watch", "--json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as watching:
            assert watching.stdout is not None and watching.stderr is not None
            watching.stdout.readline()
            time.sleep(0.2)
            os.kill(watching.pid, signal.SIGINT)
            _, said = watching.communicate(timeout=10)
        assert watching.returncode == 130
        assert b"goes on" in said
        assert not run.state().over


@pytest.mark.parametrize("verb", ["watch", "stop", "resume", "logs"])
def test_an_unknown_run(tmp_path: Path, verb: str) -> None:
    result = loratui(verb, "nowhere", cwd=tmp_path)
    assert result.returncode == 2
    assert "no run 'nowhere'" in result.stderr and "loratui runs" in result.stderr


def test_a_run_can_be_watched_while_it_waits(tmp_path: Path) -> None:
    first, second = (freeze(make_job(tmp_path / name, gpus=(0,), images=20)) for name in "ab")
    launch(first)
    launch(second)
    with ended_at_last(first, second):
        watched = loratui("watch", second.id, "--json", cwd=tmp_path)
        assert watched.returncode == 0
        assert json.loads(watched.stdout.splitlines()[0])["state"] == "queued"
        assert wait_over(first) == "done"
