"""The child protocol, with real child processes: answers, failures, crashes, cancels, deaths."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psutil
import pytest

from loratui.core.errors import Cancelled, LoratuiError, Refused
from loratui.core.workers.child import MAX_LINE
from loratui.core.workers.parent import Worker
from tests.waiting import wait_for

ODD = Path(__file__).with_name("odd_worker.py")


def odd(mode: str = "", **options: object) -> Worker:
    return Worker("odd_worker", "odd one", environment={"ODD": mode, "PYTHONPATH": str(ODD.parent)}, **options)  # type: ignore[arg-type]


@pytest.fixture
def worker() -> Iterator[Worker]:
    with odd() as worker:
        yield worker


def gone(pid: int) -> bool:
    """Whether no process, not even a zombie, has this id."""
    return not psutil.pid_exists(pid)


def test_answers_and_prints_of_libraries_stay_out(worker: Worker) -> None:
    awkward = {"path": "\udcff名前 \n", "n": 3, "deep": [{"a": None}]}
    assert worker.call("echo", awkward) == awkward
    wait_for(lambda: "a library prints on stdout" in worker.stderr)


def test_items_progress_and_result(worker: Worker) -> None:
    reports: list[tuple[int, int | None, str]] = []
    stream = worker.stream("count", {"to": 3}, report=lambda *report: reports.append(report))  # type: ignore[misc]
    items = []
    while True:
        try:
            items.append(next(stream)["number"])
        except StopIteration as end:
            assert end.value == {"counted": 3}
            break
    assert items == [0, 1, 2]
    assert reports == [(1, 3, "counting"), (2, 3, "counting"), (3, 3, "counting")]


def test_a_stream_left_early_does_not_answer_the_next_request(worker: Worker) -> None:
    stream = worker.stream("count", {"to": 100})
    next(stream)
    stream.close()
    assert worker.call("echo", {"a": 1}) == {"a": 1}


def test_refusal_keeps_its_kind_and_is_printable(worker: Worker) -> None:
    with pytest.raises(Refused) as caught:
        worker.call("refuse", {})
    assert (caught.value.message, caught.value.remedy) == ("It is not so.", "Do it otherwise.")


@pytest.mark.parametrize(("request_", "says"), [("fail", "first line"), ("not_finite", "JSON"), ("no_such", "no_such")])
def test_failure_leaves_the_worker_usable(worker: Worker, request_: str, says: str) -> None:
    if request_ == "not_finite":
        with pytest.raises(LoratuiError):
            worker.call(request_, {})
        return
    with pytest.raises(LoratuiError, match=says):
        worker.call(request_, {})
    assert worker.call("echo", {}) == {}


def test_crash_is_one_sentence_with_the_last_words(worker: Worker) -> None:
    with pytest.raises(LoratuiError) as caught:
        worker.call("die", {"signal": int(signal.SIGSEGV)})
    assert caught.value.message == "The odd one was ended by the system (SIGSEGV): cuda error: out of things."
    assert gone(worker.pid)
    with pytest.raises(LoratuiError):  # and it says so again, instead of hanging
        worker.call("echo", {})


def test_killed_names_memory(worker: Worker) -> None:
    with pytest.raises(LoratuiError) as caught:
        worker.call("die", {"signal": int(signal.SIGKILL)})
    assert "out of memory" in caught.value.remedy


def test_exit_in_the_middle(worker: Worker) -> None:
    with pytest.raises(LoratuiError, match=r"stopped by itself \(exit 7\)"):
        worker.call("leave", {})


@pytest.mark.parametrize(("request_", "says"), [("too_long", "more than 4 MiB"), ("nonsense", "no message")])
def test_what_breaks_the_protocol_ends_the_worker(worker: Worker, request_: str, says: str) -> None:
    # The channel is the descriptor that `serve` made of stdout: the lowest one above the standard three.
    pipe = Path(f"/proc/{worker.pid}/fd")
    descriptor = next(
        int(entry.name) for entry in sorted(pipe.iterdir()) if int(entry.name) > 2 and "pipe" in os.readlink(entry)
    )
    with pytest.raises(LoratuiError, match=says):
        worker.call(request_, {"descriptor": descriptor})
    assert gone(worker.pid)


def test_too_long_a_request_is_our_own_mistake(worker: Worker) -> None:
    with pytest.raises(ValueError, match="over the limit"):
        worker.call("echo", {"text": "x" * MAX_LINE})
    assert worker.call("echo", {}) == {}


@pytest.mark.parametrize("stubborn", [False, True])
def test_cancel_ends_it_whatever_it_does(worker: Worker, stubborn: bool) -> None:
    """It sleeps for as long as a test may take."""
    cancel = Event()
    with pytest.raises(Cancelled):
        worker.call("sleep", {"stubborn": stubborn}, report=lambda *_: cancel.set(), cancel=cancel)
    assert gone(worker.pid)


def test_cancel_ends_what_the_child_started(worker: Worker) -> None:
    cancel = Event()
    stream = worker.stream("grandchild", {}, cancel=cancel)
    pid = next(stream)["pid"]
    cancel.set()
    with pytest.raises(Cancelled):
        next(stream)
    wait_for(lambda: gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_cancel_during_the_start() -> None:
    cancel = Event()
    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(Cancelled):
        odd("slow", cancel=cancel)


def test_leaving_ends_the_child() -> None:
    with odd() as worker:
        pid = worker.pid
    assert gone(pid)
    with odd() as worker:  # also in the middle of work
        next(worker.stream("count", {"to": 100_000}))
        pid = worker.pid
    assert gone(pid)


def test_missing_package_names_the_remedy() -> None:
    with pytest.raises(LoratuiError) as caught:
        odd("missing")
    assert "needs the Python package a_package_nobody_has" in caught.value.message
    assert caught.value.remedy.endswith("-m pip install a_package_nobody_has")


def test_broken_package() -> None:
    with pytest.raises(LoratuiError, match="cannot start: ImportError: libsomething"):
        odd("broken")


def test_silent_death_at_the_start() -> None:
    with pytest.raises(LoratuiError, match=r"stopped by itself \(exit 3\)"):
        odd("silent")


def test_late_start() -> None:
    with pytest.raises(LoratuiError, match="did not get ready in time"):
        odd("slow", start_seconds=0.3)


def test_no_interpreter(tmp_path: Path) -> None:
    with pytest.raises(LoratuiError, match=r"/python: No such file") as caught:
        odd(python=tmp_path / "python")
    assert caught.value.remedy


def test_an_interpreter_without_our_packages(tmp_path: Path) -> None:
    """The trainer's interpreter: it finds `loratui` and nothing else of ours."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    with odd(python=python) as worker:
        assert worker.call("echo", {"a": 1}) == {"a": 1}
    with pytest.raises(LoratuiError, match=r"needs the Python package (numpy|onnxruntime|PIL), which") as caught:
        Worker("loratui.core.tagging.worker", "tagger", python=python)
    assert str(python) in caught.value.remedy


def test_a_worker_does_not_outlive_a_killed_parent() -> None:
    program = textwrap.dedent(
        """
        import json, sys
        from loratui.core.workers.parent import Worker
        worker = Worker("odd_worker", "odd one")
        print(json.dumps(worker.pid), flush=True)
        worker.call("sleep", {})
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ODD.parent)}
    )
    assert parent.stdout
    pid = json.loads(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
