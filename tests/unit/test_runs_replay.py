"""A run recorded and played again shows the same figures."""

import json
from pathlib import Path
from threading import Event

import pytest

from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.runs import Run, control, freeze, launch
from loratui.core.runs.metrics import Metrics
from loratui.core.runs.replay import play, prepare
from tests.recorded_runs import record
from tests.runs_kit import make_job, wait_over


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A run that was done, and its recording."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        run = freeze(make_job(folder / "real", images=6, epochs=3))
        launch(run)
        assert wait_over(run) == "done"
    record(run, folder / "recording")
    return run, folder / "recording"


def figures(run: Run) -> list[object]:
    metrics = Metrics(run)
    events = []
    while new := metrics.update():
        events += new
    return [
        [event for event in events if event["type"] in ("step", "epoch")],
        {
            row.number: (row.loss, row.checkpoint and row.checkpoint.path.name, len(row.samples))
            for row in metrics.rows.values()
        },
        list(metrics.log),
        (metrics.state.state, metrics.step, metrics.total),
    ]


def test_what_was_recorded_is_played(recording: tuple[Run, Path], tmp_path: Path) -> None:
    run, folder = recording
    copy = prepare(folder, tmp_path, 1000)
    assert copy.state().state == "queued" and copy.state().replay == 1000
    assert copy.command.argv == () and copy.command.project == str(tmp_path)
    seen: list[int] = []
    play(folder, copy, 50, report=lambda done, total, note="": seen.append(done))
    assert seen == sorted(seen) and seen[-1] == 2
    assert figures(copy) == figures(run)


def test_it_is_seen_to_grow(recording: tuple[Run, Path], tmp_path: Path) -> None:
    copy = prepare(recording[1], tmp_path, 20)
    steps: list[tuple[str, int]] = []
    metrics = Metrics(copy)

    def look(done: int, total: int | None, note: str = "", /) -> None:
        metrics.update()
        steps.append((metrics.state.state, metrics.step))

    play(recording[1], copy, 20, report=look)
    assert steps == sorted(steps, key=lambda one: one[1])
    assert {state for state, _ in steps} == {"starting", "running"}
    assert len({step for _, step in steps}) > 5


@pytest.mark.parametrize("by_file", [True, False])
def test_a_replay_can_be_stopped(recording: tuple[Run, Path], tmp_path: Path, by_file: bool) -> None:
    copy = prepare(recording[1], tmp_path, 1)
    cancel = Event()
    if by_file:

        def look(done: int, total: int | None, note: str = "", /) -> None:
            if not (copy.folder / "stop").exists():
                control.stop(copy)

        play(recording[1], copy, 10, report=look)
    else:
        cancel.set()
        with pytest.raises(Cancelled):
            play(recording[1], copy, 1, cancel=cancel)
    assert (copy.state().state, copy.state().reason) == ("stopped", "The replay was stopped.")


def test_a_replay_that_was_broken_off(recording: tuple[Run, Path], tmp_path: Path) -> None:
    copy = prepare(recording[1], tmp_path, 1)
    (copy.folder / "state.json").write_text(json.dumps({"state": "running", "replay": 1, "started": "x"}))
    assert (copy.state().state, copy.state().reason) == ("interrupted", "The replay was broken off.")


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(LoratuiError, match="not a recording"):
        prepare(tmp_path, tmp_path, 1)


def test_a_damaged_recording(recording: tuple[Run, Path], tmp_path: Path) -> None:
    copy = prepare(recording[1], tmp_path, 1)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "timing.jsonl").write_text('[1, "log"]\n')
    with pytest.raises(LoratuiError, match="damaged"):
        play(damaged, copy, 1)
