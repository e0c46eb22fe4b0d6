"""A run recorded and played again shows the same figures."""

from pathlib import Path
from threading import Event

import pytest

from loratui.core.errors import Cancelled, LoratuiError, Refused
from loratui.core.runs import freeze, launch
from loratui.core.runs.metrics import Metrics
from loratui.core.runs.replay import play, prepare, record
from tests.runs_kit import make_job, wait_over


def test_what_was_recorded_is_played(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path / "real", images=6, epochs=3, save_last_n_epochs=1))
    with pytest.raises(Refused):
        record(run, tmp_path / "too-early")
    launch(run)
    assert wait_over(run) == "done"
    recording = tmp_path / "recording"
    record(run, recording, places={str(tmp_path): "/home/user"})
    assert str(tmp_path).encode() not in b"".join(path.read_bytes() for path in recording.glob("*.toml"))

    copy = prepare(recording, tmp_path / "demo", 1000)
    assert copy.state().state == "queued" and copy.state().replay == 1000
    seen: list[int] = []
    play(recording, copy, 50, report=lambda done, total, note="": seen.append(done))
    assert seen == sorted(seen) and seen[-1] == 18
    assert copy.state().state == "done"
    figures = []
    for one in (run, copy):
        metrics = Metrics(one)
        events = []
        while new := metrics.update():
            events += new
        figures.append(
            (
                [event for event in events if event["type"] in ("step", "epoch")],
                {
                    number: (row.loss, row.checkpoint and row.checkpoint.path.name, len(row.samples))
                    for number, row in metrics.rows.items()
                },
                list(metrics.log)[1:],
            )
        )
    real, played = figures
    assert played[0] == real[0]
    assert played[1] == real[1]
    assert played[2] == real[2]


def test_a_replay_can_be_stopped(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path / "real"))
    launch(run)
    wait_over(run)
    record(run, tmp_path / "recording")
    copy = prepare(tmp_path / "recording", tmp_path / "demo", 1)
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled):
        play(tmp_path / "recording", copy, 1, cancel=cancel)
    assert copy.state().state == "stopped"


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(LoratuiError, match="not a recording"):
        prepare(tmp_path, tmp_path, 1)
