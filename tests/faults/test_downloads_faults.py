"""What must not cost a file: a worker killed at any moment, a project moved under it, a terminal that goes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loratui.core.config import set_value
from loratui.core.downloads import queue
from loratui.core.downloads.manifest import Batch, Manifest, Options
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from tests.file_server import TAG, FileServer, file_server, picture
from tests.waiting import wait_for

ROUNDS = int(os.environ.get("LORATUI_ROUNDS", "1"))
"""Of three kills each."""
FILES, SIZE = 40, 40_000


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server(FILES, SIZE, 0.03) as made:
        use(made)
        yield made


def use(server: FileServer) -> None:
    set_value("boards.mine.engine", "danbooru")
    set_value("boards.mine.url", server.url)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    Project.create(tmp_path / "kafka")
    yield tmp_path / "kafka"
    for place in tmp_path.iterdir():
        if (place / ".loratui" / "downloads.db").exists():
            with Manifest(place) as manifest:
                for batch in manifest.batches():
                    manifest.set_state(batch.id, "paused")
            wait_for(lambda place=place: not queue.busy(place))


def begin(root: Path) -> int:
    with Manifest(root) as manifest:
        return manifest.begin("mine", TAG, "dataset/kafka", Options())


def batch_of(root: Path, number: int) -> Batch:
    with Manifest(root) as manifest:
        batch = manifest.batch(number)
    assert batch is not None
    return batch


def worker_of(root: Path) -> int | None:
    """The process that holds the lock; None: nobody does."""
    inode = str(queue.lock_path(root).stat().st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if "->" not in words and words[5].rpartition(":")[2] == inode:
            return int(words[4])
    return None


def kill(root: Path, number: int) -> None:
    """Signals the worker."""
    pid = worker_of(root)
    assert pid is not None
    os.kill(pid, number)


def whole_and_captioned(root: Path) -> None:
    folder = root / "dataset/kafka"
    for number in range(1, FILES + 1):
        assert (folder / f"mine_{number}.jpg").read_bytes() == picture(number, SIZE)
        assert (folder / f"mine_{number}.txt").read_text() == f"{TAG}, 1girl, solo"
    assert len(list(folder.iterdir())) == 2 * FILES
    assert [path.name for path in (root / ".loratui/downloads").iterdir()] == []
    assert len(Workspace.open(root).images()) == FILES


@pytest.mark.timeout(60 + 15 * ROUNDS)
def test_killed_at_random_moments(server: FileServer, root: Path) -> None:
    chance = random.Random(ROUNDS)
    for _ in range(ROUNDS):
        killed_three_times(server, root, chance)
        shutil.rmtree(root)
        Project.create(root)


def killed_three_times(server: FileServer, root: Path, chance: random.Random) -> None:
    """What was whole when the worker was killed is never asked for again, and in the end all is there."""
    number = begin(root)
    server.requests()
    whole: set[int] = set()
    for last in (False, False, False, True):
        queue.start(root)
        wait_for(lambda: queue.busy(root) or batch_of(root, number).state == "done")
        if last:
            wait_for(lambda: batch_of(root, number).state == "done")
        else:
            time.sleep(chance.uniform(0.1, 1.0))
            if worker_of(root) is not None:
                kill(root, signal.SIGKILL)
        wait_for(lambda: not queue.busy(root))
        assert not whole & set(server.requests()), "a whole file was asked for again"
        whole = held(root)
    whole_and_captioned(root)
    assert begin(root) == number
    queue.start(root)
    wait_for(lambda: batch_of(root, number).state == "done")
    wait_for(lambda: not queue.busy(root))
    assert server.requests() == {}, "a repeat asks for no file"


def held(root: Path) -> set[int]:
    """Numbers of the files that are whole: in the dataset, or waiting to be taken in."""
    names = [path.stem for path in (root / "dataset/kafka").glob("*.jpg")]
    names += [path.stem for path in (root / ".loratui/downloads").glob("*.whole")]
    return {int(name.rpartition("_")[2]) for name in names}


def test_a_pause_is_obeyed_at_once(server: FileServer, root: Path) -> None:
    number = begin(root)
    queue.start(root)
    wait_for(lambda: batch_of(root, number).counts.get("done") or held(root))
    with Manifest(root) as manifest:
        manifest.set_state(number, "paused")
        wait_for(lambda: not queue.busy(root))
        batch = batch_of(root, number)
        assert batch.state == "paused" and batch.open
        wait_for(lambda: not server.requests())  # the server may hear late of what was asked before
        time.sleep(0.3)
        assert server.requests() == {}
        queue.go_on(manifest, batch)
    queue.start(root)
    wait_for(lambda: batch_of(root, number).state == "done")
    wait_for(lambda: not queue.busy(root))
    whole_and_captioned(root)


def test_given_up_while_it_comes_leaves_no_halves(server: FileServer, root: Path) -> None:
    number = begin(root)
    queue.start(root)
    wait_for(lambda: held(root))
    with Manifest(root) as manifest:
        queue.give_up(root, manifest, number)
    wait_for(lambda: not queue.busy(root))
    batch = batch_of(root, number)
    assert batch.state == "cancelled" and batch.counts["cancelled"] and not batch.open
    assert [path.name for path in (root / ".loratui/downloads").iterdir()] == []
    assert len(list((root / "dataset/kafka").glob("*.jpg"))) == batch.counts.get("done", 0)


def test_a_project_that_is_moved_goes_on_where_it_is(server: FileServer, root: Path, tmp_path: Path) -> None:
    number = begin(root)
    queue.start(root)
    wait_for(lambda: held(root))
    moved = tmp_path / "elsewhere"
    root.rename(moved)
    wait_for(lambda: not queue.busy(moved))
    assert not root.exists(), "it was made once more"
    assert batch_of(moved, number).state == "active"
    queue.start(moved)
    wait_for(lambda: batch_of(moved, number).state == "done")
    wait_for(lambda: not queue.busy(moved))
    whole_and_captioned(moved)


def test_a_project_that_is_taken_away_stays_away(server: FileServer, root: Path, tmp_path: Path) -> None:
    begin(root)
    queue.start(root)
    wait_for(lambda: held(root))
    pid = worker_of(root)
    aside = tmp_path / "aside"
    root.rename(aside)
    shutil.rmtree(aside)
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    assert list(tmp_path.iterdir()) == []


def test_many_starts_are_one_worker(server: FileServer, root: Path) -> None:
    number = begin(root)
    for _ in range(4):
        queue.start(root)
    wait_for(lambda: batch_of(root, number).state == "done")
    wait_for(lambda: not queue.busy(root))
    assert set(server.requests().values()) == {1}
    whole_and_captioned(root)


def test_sigterm_ends_it_at_a_whole_state(server: FileServer, root: Path) -> None:
    number = begin(root)
    queue.start(root)
    wait_for(lambda: held(root))
    kill(root, signal.SIGTERM)
    wait_for(lambda: not queue.busy(root))
    batch = batch_of(root, number)
    assert batch.state == "active" and batch.open, "it goes on with the next start"
    assert not list((root / ".loratui/downloads").glob("*.whole")), "what was whole is in"


def command_line(root: Path) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "loratui", "-C", str(root), "get", TAG, "--board", "mine", "--json"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_line_follows_a_worker(root: Path) -> None:
    with file_server(FILES, SIZE, 0.4) as server:
        use(server)
        number = begin(root)
        queue.start(root)
        wait_for(lambda: held(root) or any((root / ".loratui/downloads").glob("*.part")))
        with command_line(root) as process:
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 0 and f'"downloaded":{FILES}' in out
        assert batch_of(root, number).state == "done"
        assert set(server.requests().values()) == {1}


@pytest.mark.parametrize("followed", [False, True])
def test_an_interrupted_command_line_leaves_things_whole(root: Path, followed: bool) -> None:
    with file_server(FILES, SIZE, 0.3) as server:
        use(server)
        if followed:
            begin(root)
            queue.start(root)
            wait_for(lambda: queue.busy(root))
        with command_line(root) as process:
            wait_for(lambda: (root / ".loratui/downloads").is_dir() and held(root))
            wait_for(
                lambda: any(file.path.endswith("/downloads.db") for file in psutil.Process(process.pid).open_files())
            )
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)
        assert process.returncode == 130 and "goes on where this one stopped" in told
        wait_for(lambda: not queue.busy(root))
        assert batch_of(root, 1).state == "paused"
        whole = held(root)
        assert len(whole) < FILES
        server.requests()
        with command_line(root) as process:
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 0 and f'"found":{FILES}' in out
        assert not whole & set(server.requests())
        whole_and_captioned(root)


def test_nothing_secret_and_no_query_in_the_process_list(server: FileServer, root: Path) -> None:
    set_value("boards.mine.api_key", "topsecret")
    begin(root)
    queue.start(root)
    wait_for(lambda: queue.busy(root))
    pid = worker_of(root)
    assert pid is not None
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert words[1:] == [b"-P", b"-m", b"loratui.core.downloads.worker", str(root).encode(), b""]
    assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)} == {"/dev/null"}
    assert os.getsid(pid) not in (pid, os.getsid(0)) and os.readlink(f"/proc/{pid}/cwd") == "/"
    assert b"topsecret" not in (root / ".loratui/downloads.db").read_bytes()
