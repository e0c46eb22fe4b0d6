"""A run from its freezing to its verdict, with a trainer that is a real process."""

import json
import os
import sys
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from loratui.core.errors import LoratuiError, Refused, UsageError
from loratui.core.runs import Run, control, find, freeze, launch, queue
from tests.runs_kit import ended_at_last, make_job, wait_over
from tests.waiting import wait_for


def test_a_frozen_run_holds_all_it_needs(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    run = freeze(job)
    names = {path.name for path in run.folder.iterdir()}
    assert names >= {
        "recipe.toml",
        "command.json",
        "dataset.toml",
        "config.toml",
        "prompts.txt",
        "supervisor.py",
        "data",
        "state.json",
    }
    image = job.subsets[0].images[0]
    assert os.path.samefile(image, run.folder / "data/kafka/0.png")
    caption = run.folder / "data/kafka/0.txt"
    assert caption.read_bytes() == image.with_suffix(".txt").read_bytes()
    assert not os.path.samefile(caption, image.with_suffix(".txt"))
    config = tomllib.loads((run.folder / "config.toml").read_text())
    assert config["output_dir"] == str(run.folder / "checkpoints")
    assert config["output_name"] == "kafka"
    assert config["sample_prompts"] == str(run.folder / "prompts.txt")
    dataset = tomllib.loads((run.folder / "dataset.toml").read_text())
    assert dataset["datasets"][0]["subsets"] == [
        {"image_dir": str(run.folder / "data/kafka"), "num_repeats": 1, "keep_tokens": 1}
    ]
    assert dataset["general"] == {"caption_extension": ".txt"}
    assert run.command.argv[-2:] == ("--config_file", str(run.folder / "config.toml"))
    assert not list((tmp_path / "runs").glob(".*"))


def test_two_runs_of_one_second_have_two_ids(tmp_path: Path) -> None:
    first, second = freeze(make_job(tmp_path / "a")), freeze(make_job(tmp_path / "b"))
    assert first.id != second.id


def test_a_failed_freeze_leaves_nothing(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    job.subsets[0].images[1].unlink()
    with pytest.raises(LoratuiError):
        freeze(job)
    assert list((tmp_path / "runs").iterdir()) == []
    assert queue.runs() == []


def test_several_gpus_go_through_accelerate(tmp_path: Path) -> None:
    command = freeze(make_job(tmp_path, gpus=(1, 3), mixed_precision="bf16")).command
    text = " ".join(command.argv)
    assert "accelerate.commands.launch --multi_gpu --num_processes 2" in text
    assert "--gpu_ids 1,3 --mixed_precision bf16" in text
    assert command.environment["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert command.devices == ("1", "3")


def test_a_free_port_is_put_in_when_it_starts(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path))
    program = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"
    command = asdict(run.command) | {
        "argv": [sys.executable, "-c", program, str(tmp_path / "seen"), "--port", "{port}"]
    }
    (run.folder / "command.json").write_text(json.dumps(command))
    launch(Run(run.folder))
    assert wait_over(run) == "failed"
    option, port = json.loads((tmp_path / "seen").read_text())
    assert option == "--port" and 1024 < int(port) < 65536


def test_a_training_runs_to_done(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, save_state=True))
    launch(run)
    assert wait_over(run) == "done"
    state = run.state()
    assert (state.exit, state.step, state.reason) == (0, 8, "")
    assert {path.name for path in run.checkpoints.iterdir()} >= {
        "kafka.safetensors",
        "kafka-000001.safetensors",
        "sample",
    }
    assert b"running training" in (run.folder / "train.log").read_bytes()
    assert (run.folder / "supervisor.log").read_bytes() == b""
    assert not (run.folder / ".reserve").exists()
    assert not list((queue.boot_home() / "queue").iterdir())


@pytest.mark.parametrize(
    ("steering", "state", "reason"),
    [
        ({"fake_raise_at": 3}, "failed", "OSError: image file is truncated (6 bytes not processed) (/data/broken.png)"),
        ({"fake_no_final": 1}, "failed", "the last checkpoint, kafka.safetensors, is missing"),
        ({"fake_half_final": 1}, "failed", "the last checkpoint, kafka.safetensors, is not whole"),
        ({"fake_nan_at": 5}, "failed", "the loss was not a number at the end: the LoRA is unusable"),
        ({"fake_nan_once": 5}, "done", ""),
        ({"max_train_epochs": 1}, "failed", "kafka.safetensors is of epoch 1, 2 were planned"),
        ({"fake_exit": 7}, "failed", "the trainer ended with exit code 7 and no message"),
        ({"fake_child": 1}, "done", ""),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_verdict(tmp_path: Path, steering: dict[str, object], state: str, reason: str) -> None:
    run = freeze(make_job(tmp_path, **({"fake_seconds": 0.005} | steering)))
    launch(run)
    assert wait_over(run) == state
    assert run.state().reason == reason


def test_no_images_is_no_success(tmp_path: Path) -> None:
    run = freeze(replace(make_job(tmp_path), subsets=()))
    launch(run)
    assert wait_over(run) == "failed"
    assert run.state().reason.startswith("No data found")
    assert run.state().exit == 0


def test_a_trainer_that_cannot_be_started(tmp_path: Path) -> None:
    run = freeze(replace(make_job(tmp_path), python=tmp_path / "venv/bin/python"))
    launch(run)
    assert wait_over(run) == "failed"
    assert "venv/bin/python cannot be started: No such file or directory" in run.state().reason


def test_stop_and_resume(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, epochs=4, save_state=True, fake_hang_at=11))
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: (run.checkpoints / "kafka-000002-state/random_states_0.pkl").exists())
        control.stop(run)
        assert wait_over(run) == "stopped"
        with pytest.raises(Refused):
            control.stop(run)
        assert control.resume(run, dry_run=True) == (None, 3)
        again, epoch = control.resume(run)
        assert again is not None and epoch == 3
        assert again.command.origin == run.id
        assert again.command.offset == 8
        config = tomllib.loads((again.folder / "config.toml").read_text())
        assert config["initial_epoch"] == 3
        assert config["resume"] == str(again.folder / "origin-state")
    with ended_at_last(again):
        assert wait_over(again) == "done"
    assert again.state().step == 16
    assert (again.checkpoints / "kafka-000003.safetensors").exists()
    assert not (again.checkpoints / "kafka-000001.safetensors").exists()
    with pytest.raises(Refused, match="is done"):
        control.resume(again)


def test_stop_after_save_waits_for_checkpoint_and_state(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=10, epochs=50, save_state=True))
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: run.state().state == "running")
        control.stop(run, after_save=True)
        assert wait_over(run) == "stopped"
    assert "was saved" in run.state().reason
    newest = max(run.checkpoints.glob("*.safetensors"))
    assert (run.checkpoints / f"{newest.stem}-state/random_states_0.pkl").exists()


def test_after_the_last_save_a_training_ends_by_itself(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=10, epochs=1, fake_seconds=0.1))
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: run.state().state == "running")
        control.stop(run, after_save=True)
        assert wait_over(run) == "done"


def test_what_saved_nothing_cannot_be_resumed(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, fake_raise_at=2))
    launch(run)
    wait_over(run)
    with pytest.raises(Refused, match="no state"):
        control.resume(run)


def test_runs_of_one_gpu_queue_in_order_and_others_do_not_wait(tmp_path: Path) -> None:
    jobs = [
        make_job(tmp_path / name, gpus=gpus, images=10, fake_seconds=0.05)
        for name, gpus in (("a", (0,)), ("b", (0,)), ("c", (1,)))
    ]
    first, second, other = runs = [freeze(job) for job in jobs]
    for run in runs:
        launch(run)
    with ended_at_last(*runs):
        wait_for(lambda: first.state().state == "running" and other.state().state == "running")
        wait_for(lambda: second.state().waiting == f"behind {first.id}")
        assert second.state().state == "queued"
        assert [run.id for run, _ in queue.waiting()] == [run.id for run in runs]
        assert wait_over(second) == "done"
        assert wait_over(first) == "done"
    ends = [json.loads((run.folder / "state.json").read_text()) for run in (first, second)]
    assert ends[0]["ended"] <= ends[1]["started"]


def test_a_queued_run_can_be_stopped_and_started_again(tmp_path: Path) -> None:
    first, second = (freeze(make_job(tmp_path / name, gpus=(0,), images=30)) for name in "ab")
    launch(first)
    launch(second)
    with ended_at_last(first, second):
        wait_for(lambda: second.state().waiting)
        control.stop(second)
        assert wait_over(second) == "stopped"
        again, epoch = control.resume(second)
        assert again is not None and (again.id, epoch) == (second.id, 1)
        assert wait_over(again) == "done"


def test_a_run_is_launched_once(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=100))
    launch(run)
    with ended_at_last(run), pytest.raises(Refused, match="under way"):
        launch(run)


def test_finding_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no run yet"):
        find("last")
    one = freeze(make_job(tmp_path / "one"))
    two = freeze(replace(make_job(tmp_path / "two"), name="silver wolf"))
    monkeypatch.chdir(tmp_path)
    assert find("last").folder in (one.folder, two.folder)
    assert find("last", tmp_path / "one").folder == one.folder
    assert find(one.id).folder == one.folder
    assert find(two.id[: len(two.id) - 2]).folder == two.folder
    assert find(str(one.folder)).folder == one.folder
    assert find(f"one/runs/{one.id}").folder == one.folder
    for name in ("nothing", "./nothing", "2"):
        with pytest.raises(UsageError):
            find(name)
    (one.folder / "command.json").write_text("{}")
    with pytest.raises(LoratuiError, match="not the description"):
        _ = find(str(one.folder)).command
