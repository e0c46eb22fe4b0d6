"""What must not end a training, and what must be noticed when it does: real processes, really killed."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from loratui.core.errors import Refused
from loratui.core.runs import Run, control, freeze, launch, list_runs, supervisor
from loratui.core.runs.tfevents import EventFile
from tests.runs_kit import ended_at_last, make_job, wait_over
from tests.waiting import wait_for


def raw(run: Run) -> dict[str, object]:
    return run.raw_state()


def supervisor_pid(run: Run) -> int:
    return int(raw(run)["supervisor"]["pid"])  # type: ignore[index]


def trainer_pid(run: Run) -> int:
    return int(str(raw(run)["pid"]))


def started(project: Path, **options: object) -> Run:
    """A run whose trainer is at work."""
    run = freeze(make_job(project, **options))  # type: ignore[arg-type]
    launch(run)
    wait_for(lambda: run.state().state == "running")
    return run


def adjust(run: Run, old: str, new: str) -> None:
    """Changes a limit in the run's own copy of the supervisor."""
    path = run.folder / "supervisor.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def kill_supervisor(run: Run) -> None:
    os.kill(supervisor_pid(run), signal.SIGKILL)
    wait_for(lambda: not supervisor.held(run.lock))


def test_the_terminal_closes_under_it(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=20))
    program = (
        "import sys, pathlib; from loratui.core.runs import Run, launch, follow; "
        "run = Run(pathlib.Path(sys.argv[1])); launch(run); [print(event, flush=True) for event in follow(run)]"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", program, str(run.folder)])
    with ended_at_last(run):
        seen = b""
        while b"'step'" not in seen:
            seen += os.read(terminal, 4096)
        os.close(terminal)
        os.waitpid(pid, 0)
        assert not run.state().over
        assert wait_over(run) == "done"


def test_hangup_is_ignored_by_the_supervisor(tmp_path: Path) -> None:
    run = started(tmp_path, images=20)
    with ended_at_last(run):
        os.kill(supervisor_pid(run), signal.SIGHUP)
        assert wait_over(run) == "done"


def test_the_supervisor_is_killed_and_another_takes_over(tmp_path: Path) -> None:
    run = started(tmp_path, images=20, fake_seconds=0.04, gpus=(0,))
    after = freeze(make_job(tmp_path / "after", gpus=(0,)))
    with ended_at_last(run, after):
        kill_supervisor(run)
        state = run.state()
        assert (state.state, state.supervised) == ("running", False)
        assert "supervisor is gone" in state.reason
        launch(after)
        wait_for(lambda: after.state().waiting)
        assert "its GPU" in after.state().waiting  # the orphan holds it
        assert control.tend(run).supervised
        assert supervisor_pid(run) != 0 and run.state().state == "running"
        assert control.tend(run).supervised  # nothing more to do
        assert wait_over(run) == "done"
        assert run.state().exit is None
        assert wait_over(after) == "done"


def test_a_training_without_supervisor_can_be_stopped(tmp_path: Path) -> None:
    run = started(tmp_path, images=200)
    with ended_at_last(run):
        pid = trainer_pid(run)
        kill_supervisor(run)
        control.stop(run)
        assert wait_over(run) == "stopped"
    assert supervisor.start_time(pid) is None


def test_it_ended_while_it_had_no_supervisor(tmp_path: Path) -> None:
    run = started(tmp_path, images=20)
    with ended_at_last(run):
        kill_supervisor(run)
        wait_for(lambda: supervisor.start_time(trainer_pid(run)) is None)
        assert run.state().state == "interrupted"
        control.tend(run)
        assert wait_over(run) == "done"


def test_a_group_that_is_another_s_by_now_is_left_alone(tmp_path: Path) -> None:
    run = started(tmp_path, images=20)
    with ended_at_last(run), subprocess.Popen(["sleep", "60"], process_group=0) as stranger:
        kill_supervisor(run)
        wait_for(lambda: supervisor.start_time(trainer_pid(run)) is None)
        state = raw(run)
        assert supervisor.group_lives(stranger.pid, os.getsid(0))
        assert not supervisor.group_lives(stranger.pid, int(str(state["session"])))
        (run.folder / "state.json").write_text(json.dumps(state | {"pid": stranger.pid, "pgid": stranger.pid}))
        control.tend(run)
        assert wait_over(run) == "done"
        assert stranger.poll() is None
        stranger.kill()


def test_a_training_outlives_mistakes_of_its_supervisor(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=20))
    adjust(run, '        log = self.folder / "train.log"\n        if', "        raise ValueError('odd')\n        if")
    launch(run)
    with ended_at_last(run):
        assert wait_over(run) == "done"
    assert (run.folder / "supervisor.log").read_text().count("ValueError: odd") == 1


def test_a_supervisor_that_falls_leaves_the_training_to_another(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=60))
    path = run.folder / "supervisor.py"
    whole = path.read_text()
    adjust(
        run,
        "            self._reap()\n            if self.child is None:",
        "            raise ValueError('odd')\n            if 1:",
    )
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: not supervisor.held(run.lock))
        assert (run.state().state, run.state().supervised) == ("starting", False)
        path.write_text(whole)
        assert control.tend(run).supervised
        assert wait_over(run) == "done"


def test_both_are_killed(tmp_path: Path) -> None:
    run = started(tmp_path, images=200, save_state=True)
    kill_supervisor(run)
    os.kill(trainer_pid(run), signal.SIGKILL)
    wait_for(lambda: run.state().state == "interrupted")
    assert run.state().reason == "It and its supervisor were killed."
    (listed,) = list_runs(tmp_path)
    assert listed.state.state == "interrupted" and listed.step
    with pytest.raises(Refused):  # no epoch was finished
        control.resume(run)
    assert wait_over(run) == "interrupted"


def test_the_trainer_is_killed(tmp_path: Path) -> None:
    run = started(tmp_path, images=200)
    os.kill(trainer_pid(run), signal.SIGKILL)
    assert wait_over(run) == "failed"
    assert (run.state().exit, run.state().reason) == (-9, "the trainer was killed (SIGKILL)")


def test_the_machine_shuts_down(tmp_path: Path) -> None:
    run = started(tmp_path, images=200)
    os.kill(supervisor_pid(run), signal.SIGTERM)
    assert wait_over(run) == "interrupted"
    assert supervisor.start_time(trainer_pid(run)) is None


def test_a_restart_and_a_pid_that_came_back(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path))
    me = {"pid": os.getpid(), "starttime": supervisor.start_time(os.getpid())}
    state = {"state": "running", "boot_id": supervisor.boot_id(), **me}
    write = (run.folder / "state.json").write_text
    write(json.dumps(state))
    assert (run.state().state, run.state().supervised) == ("running", False)
    write(json.dumps(state | {"starttime": 1}))
    assert run.state().state == "interrupted"
    write(json.dumps(state | {"boot_id": "another"}))
    assert (run.state().state, run.state().reason) == ("interrupted", "The machine was restarted while it ran.")
    write(json.dumps(state | {"boot_id": "another", "host": "gpu-7"}))
    assert "gpu-7" in run.state().reason and not run.state().over
    for damaged in ('{"state": "run', "[]", ""):
        write(damaged)
        assert run.state().state == "interrupted"


def test_one_run_launched_by_many_at_once(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=100))
    refused: list[Refused] = []

    def attempt() -> None:
        try:
            launch(run)
        except Refused as error:
            refused.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    with ended_at_last(run):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 3


def test_many_runs_at_once_share_one_gpu_in_turn(tmp_path: Path) -> None:
    runs = [freeze(make_job(tmp_path / str(index), gpus=(0,), fake_seconds=0.01)) for index in range(4)]
    threads = [threading.Thread(target=launch, args=(run,)) for run in runs]
    with ended_at_last(*runs):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [wait_over(run) for run in runs] == ["done"] * 4
    spans = []
    for run in runs:
        times = [scalar.time for path in (run.folder / "logs").glob("*/*/*") for scalar in EventFile(path).read()]
        spans.append((times[0], times[-1]))
    for before, after in pairwise(sorted(spans)):
        assert before[1] < after[0]


def test_a_trainer_that_ignores_term_is_killed(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=400, fake_ignore_term=1))
    adjust(run, "GRACE = 30.0", "GRACE = 0.3")
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: run.state().state == "running")
        control.stop(run)
        wait_for(lambda: run.state().state == "stopping")
        assert wait_over(run) == "stopped"
    assert "was killed" in run.state().reason
    assert run.state().exit == -9


def test_a_hanging_trainer_is_told_apart_and_stopped(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, fake_hang_at=3))
    launch(run)
    with ended_at_last(run):
        wait_for(lambda: run.state().state == "running")
        control.stop(run)
        assert wait_over(run) == "stopped"


def test_a_chattering_log_is_capped(tmp_path: Path) -> None:
    run = freeze(make_job(tmp_path, images=40, fake_log=2000))
    adjust(run, "LOG_LIMIT = 50 << 20", "LOG_LIMIT = 20_000")
    launch(run)
    with ended_at_last(run):
        assert wait_over(run) == "done"
    assert (run.folder / "train.log.1").stat().st_size > 20_000
    assert (run.folder / "train.log").stat().st_size < 120_000


def test_files_may_not_grow(tmp_path: Path) -> None:
    """As with a quota: the trainer fails, and the supervisor can still say so."""
    run = freeze(make_job(tmp_path, images=40, fake_log=2000))
    program = (
        "import sys, resource, pathlib; from loratui.core.runs import Run, launch; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000)); launch(Run(pathlib.Path(sys.argv[1])))"
    )
    adjust(run, "RESERVE = 64 << 10", "RESERVE = 1")
    subprocess.run([sys.executable, "-c", program, str(run.folder)], check=True)
    with ended_at_last(run):
        assert wait_over(run) == "failed"
    assert run.state().exit not in (0, None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    run = freeze(make_job(small_disk, epochs=200, fake_log=20_000))
    launch(run)
    with ended_at_last(run):
        assert wait_over(run) == "failed"
    assert "No space left" in run.state().reason
    assert json.loads((run.folder / "state.json").read_bytes())["ended"]


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    run = freeze(make_job(small_disk, images=4))
    with (small_disk / "filler").open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))
    launch(run)
    with ended_at_last(run):
        assert wait_over(run) == "failed"
    assert "No space left" in run.state().reason


def test_the_folder_of_a_run_is_deleted(tmp_path: Path) -> None:
    run = started(tmp_path, images=10)
    pids = supervisor_pid(run), trainer_pid(run)
    shutil.rmtree(run.folder)
    wait_for(lambda: not any(supervisor.start_time(pid) for pid in pids))
    assert list_runs() == []
