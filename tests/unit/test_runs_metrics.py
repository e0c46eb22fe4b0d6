"""The figures of a run: from recordings of real trainings, and from files that grow under the reader."""

import json
import math
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from loratui.core.runs import Run, freeze, supervisor
from loratui.core.runs.metrics import Metrics, rfc3339
from loratui.core.runs.overview import info
from loratui.core.runs.state import Command
from tests.fake_trainer import event, png, safetensors
from tests.runs_kit import make_job


def make_run(project: Path, **changes: object) -> Run:
    """A frozen run that is said to be running, by this very process."""
    run = freeze(make_job(project))
    command: dict[str, object] = asdict(run.command) | changes
    (run.folder / "command.json").write_text(json.dumps(command))
    say(run, "running")
    return Run(run.folder)


def say(run: Run, state: str, **more: object) -> None:
    me = {"pid": 1, "starttime": supervisor.start_time(1), "boot_id": supervisor.boot_id()}
    (run.folder / "state.json").write_text(json.dumps({"state": state, **me, **more}))


def events_file(run: Run) -> Path:
    path = run.folder / "logs/20261123144934/network_train/events.out.tfevents.1795445375.vm.24372.0"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def step(x: int, loss: float, *, wall: float = 0.0, rate: float = 5e-4, average: float = 0.1) -> bytes:
    when = wall or 1.7e9 + x
    return (
        event(when, x, "loss/current", loss) + event(when, x, "loss/average", average) + event(when, x, "lr/unet", rate)
    )


def drain(metrics: Metrics) -> list[dict[str, object]]:
    found = []
    while events := metrics.update():
        found += events
    return found


def recorded(shared: Path, name: str, project: Path, **changes: object) -> Run:
    """A recording as the folder of a run."""
    source = shared / "recordings/sd-scripts" / name
    run = make_run(project, **changes)
    shutil.copytree(source / "logs", run.folder / "logs", dirs_exist_ok=True)
    parts = [path.read_bytes() for key in ("merged.raw", "stdout.raw", "stderr.raw") if (path := source / key).exists()]
    (run.folder / "train.log").write_bytes(b"\n".join(parts))
    return run


@pytest.mark.shared
def test_a_recorded_training(shared: Path, tmp_path: Path) -> None:
    metrics = Metrics(recorded(shared, "10_lora_split", tmp_path))
    events = drain(metrics)
    assert (metrics.step, metrics.total, metrics.epoch, metrics.epochs, metrics.per_epoch) == (40, 40, 4, 4, 10)
    assert len([one for one in events if one["type"] == "step"]) == 40
    assert [one["epoch"] for one in events if one["type"] == "epoch"] == [1, 2, 3, 4]
    assert sorted(metrics.rows) == [1, 2, 3, 4]
    assert metrics.rows[4].loss == pytest.approx(0.979, abs=0.001)
    assert metrics.speed is not None and 1 < metrics.speed < 4
    assert set(metrics.rates) == {"textencoder", "unet", "group1"}
    assert metrics.log[-1].lstrip().endswith("train_network.py:1729")
    assert metrics.nans == 0 and not [kind for kind in metrics.alarms if kind != "rate"]


@pytest.mark.shared
def test_a_recorded_validation(shared: Path, tmp_path: Path) -> None:
    metrics = Metrics(recorded(shared, "14_validation", tmp_path))
    drain(metrics)
    assert [epoch for epoch, _ in metrics.validations] == [1, 2, 3]
    assert all(metrics.rows[epoch].validation for epoch in (1, 2, 3))
    assert metrics.activity == ""


@pytest.mark.shared
def test_recorded_micro_batches_are_averaged(shared: Path, tmp_path: Path) -> None:
    run = recorded(shared, "13_step_saves_accum", tmp_path)
    say(run, "done", ended="2026-11-23T15:00:00Z", exit=0)
    metrics = Metrics(run)
    steps = [one["step"] for one in drain(metrics) if one["type"] == "step"]
    assert metrics.total == 12 and metrics.step == 12
    assert steps == sorted(steps) and set(steps) == set(range(1, 13))


@pytest.mark.shared
def test_recorded_nan(shared: Path, tmp_path: Path) -> None:
    metrics = Metrics(recorded(shared, "52_nan_loss_RC0", tmp_path))
    alarms = [one for one in drain(metrics) if one["type"] == "alarm" and one["alarm"] == "nan"]
    assert metrics.nans == 18
    assert len(alarms) == 2 and "third in a row" in str(alarms[1]["message"])
    assert math.isnan(metrics.loss)


@pytest.mark.shared
def test_a_recorded_resume_counts_on(shared: Path, tmp_path: Path) -> None:
    metrics = Metrics(
        recorded(shared, "30_resume_epoch_state", tmp_path, offset=20, epochs=4, steps=40, steps_per_epoch=10)
    )
    events = drain(metrics)
    assert [one["step"] for one in events if one["type"] == "step"] == list(range(21, 41))
    assert [one["epoch"] for one in events if one["type"] == "epoch"] == [3, 4]
    assert (metrics.step, metrics.total, metrics.epoch) == (40, 40, 4)


def test_figures_come_as_the_files_grow(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs=2, steps=8, steps_per_epoch=4)
    metrics = Metrics(run)
    first = metrics.update()
    assert [one["state"] for one in first] == ["running"]
    assert metrics.update() == []
    data = b"".join(step(x, 0.2 - x / 100) for x in range(1, 6))
    path = events_file(run)
    path.write_bytes(data[:-30])
    drain(metrics)
    assert metrics.step == 5  # its loss was whole, only the learning rate was not
    path.write_bytes(data + event(1.7e9 + 5, 1, "loss/epoch_average", 0.17))
    assert [one["type"] for one in drain(metrics)] == ["epoch"]
    assert metrics.rows[1].loss == pytest.approx(0.17)
    assert metrics.speed == pytest.approx(1.0)
    assert metrics.ends == pytest.approx(1.7e9 + 5 + 3)
    assert metrics.eta(now=1.7e9 + 6) == pytest.approx(2)
    version = metrics.version
    metrics.update()
    assert metrics.version == version  # nothing new: nothing to paint


def test_saves_and_samples_are_seen_when_whole(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    metrics = Metrics(run)
    metrics.update()
    lora = safetensors({"ss_epoch": "1", "ss_steps": "4"})
    path = run.checkpoints / "kafka-000001.safetensors"
    path.write_bytes(lora[:50])
    sample = run.checkpoints / "sample/kafka_e000001_00_20261123144455_42.png"
    sample.parent.mkdir()
    sample.write_bytes(png(8, 200, 10, 10)[:-4])
    assert drain(metrics) == []
    path.write_bytes(lora)
    sample.write_bytes(png(8, 200, 10, 10))
    save, drawn = sorted(drain(metrics), key=lambda one: str(one["type"]), reverse=False)
    assert save["type"] == "sample" or drawn["type"] == "sample"
    row = metrics.rows[1]
    assert row.checkpoint is not None and row.checkpoint.bytes == len(lora)
    assert row.samples == [sample] == metrics.samples
    path.unlink()
    drain(metrics)
    assert metrics.rows[1].checkpoint is None


def test_alarms(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs=4, steps=400, steps_per_epoch=100)
    data = b"".join(step(x, 0.1) for x in range(1, 101)) + b"".join(step(x, 0.5) for x in range(101, 131))
    events_file(run).write_bytes(data + b"".join(step(x, 0.1, rate=0.0) for x in range(131, 140)))
    black = run.checkpoints / "sample/kafka_e000001_00_20261123144455_42.png"
    black.parent.mkdir()
    black.write_bytes(png(8, 0, 0, 0))
    metrics = Metrics(run)
    kinds = [one["alarm"] for one in drain(metrics) if one["type"] == "alarm"]
    assert sorted(map(str, kinds)) == ["black", "diverged", "rate"]
    metrics.last_change = time.time() - 300
    assert [one["alarm"] for one in metrics.update()] == ["stall"]
    assert metrics.update() == []


def test_validation_that_rises(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs=9, steps=90, steps_per_epoch=10)
    events_file(run).write_bytes(
        b"".join(
            event(1.7e9 + x, x, "loss/validation/epoch_average", value)
            for x, value in enumerate((0.2, 0.1, 0.11, 0.12, 0.13), 1)
        )
    )
    metrics = Metrics(run)
    assert "validation" in [one.get("alarm") for one in drain(metrics)]


def test_what_it_does_before_the_first_step(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    say(run, "starting")
    (run.folder / "train.log").write_bytes(b"\rcaching latents:  25%|##   | 3/12 [00:01<00:03, 3.0it/s]\n")
    metrics = Metrics(run)
    metrics.update()
    assert metrics.activity == "caching latents 3/12"
    assert info(run).step is None


def test_a_log_that_began_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    log = run.folder / "train.log"
    log.write_text("one line that is long\n")
    metrics = Metrics(run)
    metrics.update()
    log.write_text("two\n")
    metrics.update()
    assert list(metrics.log) == ["one line that is long", "two"]


def test_a_finished_run_is_told_to_the_end(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs=1, steps=4, steps_per_epoch=4)
    events_file(run).write_bytes(b"".join(step(x, 0.1) for x in range(1, 5)))
    say(run, "failed", reason="OSError: x", exit=1, ended="2026-11-23T15:00:00Z")
    metrics = Metrics(run)
    events = drain(metrics)
    assert metrics.over
    assert [one["type"] for one in events] == ["step"] * 4 + ["state"]
    assert events[-1] == {
        "t": "2026-11-23T15:00:00Z",
        "type": "state",
        "state": "failed",
        "exit": 1,
        "reason": "OSError: x",
    }


def test_a_long_training_is_read_in_bounded_memory(tmp_path: Path) -> None:
    run = make_run(tmp_path, epochs=10, steps=50_000, steps_per_epoch=5000)
    template = step(1, 0.1)
    data = bytearray()
    for x in range(1, 50_001, 10):
        data += step(x, 0.1) if x % 500 == 1 else template
    events_file(run).write_bytes(data)
    metrics = Metrics(run)
    began = time.perf_counter()
    drain(metrics)
    assert time.perf_counter() - began < 10
    assert len(metrics.losses.xs) <= 4096 and len(metrics._recent) <= 2000 and len(metrics.rows) <= 10


def test_times_out_of_range() -> None:
    assert rfc3339(1795445375.25) == "2026-11-23T14:49:35.250Z"
    assert rfc3339(1e300) == "1970-01-01T00:00:00.000Z"


def test_a_command_of_a_later_version_is_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, colour="red")
    assert isinstance(run.command, Command)
    assert replace(run.command, name="x").name == "x"
