"""Gets that end early, by a person, a board, a disk, a host or a kill: what is whole stays, the rest goes on later."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES
from loratui.core.downloads import queue
from loratui.core.downloads.get import Got, get
from loratui.core.downloads.manifest import Manifest, Options
from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.workspace import Workspace
from tests.boards_server import BoardServer, Fault, noise
from tests.downloads_kit import board, leftovers, names, samples, work_on


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.02, stall=1.0) as made:
        yield made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "project").mkdir()
    return Workspace.open(tmp_path / "project")


def test_cancel_keeps_what_is_whole_and_goes_on_later(workspace: Workspace, network: Network) -> None:
    cancel = threading.Event()

    def report(done: int, total: int | None, note: str = "", /) -> None:
        if note != "listing posts" and done >= 3:
            cancel.set()

    with BoardServer("danbooru", samples(20), latency=0.05) as server:
        with pytest.raises(Cancelled):
            get(workspace, board(server), "kafka_(x)", network=network, report=report, cancel=cancel)
        have = len([name for name in names(workspace) if name.endswith(".png")])
        assert 3 <= have < 20
        with Manifest(workspace.root) as manifest:
            (batch,) = manifest.batches()
            assert batch.state == "paused" and batch.open
            asked = len(server.file_requests())
            queue.go_on(manifest, batch)
            work_on(workspace, network)
            (batch,) = manifest.batches()
            assert batch.counts == {"done": 20}
            assert batch.state == "done" and not batch.open
        assert len(server.file_requests()) - asked <= 20 - have
    assert len(names(workspace)) == 40 and leftovers(workspace) == []


def test_a_board_that_fails_half_way_does_not_lose_what_it_listed(
    workspace: Workspace, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ENGINES["danbooru"], "PAGE_SIZE", 4)
    with BoardServer("danbooru", samples(10)) as server:
        server.faults.append(Fault("page=b7", "status", status=500, body=b'{"message":"x","success":false}'))
        with pytest.raises(LoratuiError, match="in trouble"):
            get(workspace, board(server), "kafka_(x)", network=network)
        assert len([name for name in names(workspace) if name.endswith(".png")]) == 4
        server.faults.clear()
        with Manifest(workspace.root) as manifest:
            (batch,) = manifest.batches()
            assert not batch.listed and "mine is in trouble (500)" in batch.problem
            queue.go_on(manifest, batch)
            work_on(workspace, network)
            (batch,) = manifest.batches()
            assert batch.counts == {"done": 6, "existing": 4} and not batch.problem


def test_a_full_disk_stops_with_one_sentence(workspace: Workspace, network: Network) -> None:
    (workspace.root / ".loratui" / "downloads").mkdir(parents=True)
    (workspace.root / ".loratui" / "downloads" / "mine_2.part").symlink_to("/dev/full")
    with BoardServer("danbooru", samples(3)) as server:
        with pytest.raises(LoratuiError, match="disk is full") as caught:
            get(workspace, board(server), "kafka_(x)", network=network)
        assert "mine_2" in caught.value.message
        (workspace.root / ".loratui" / "downloads" / "mine_2.part").unlink()
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded > 0
    assert len(names(workspace)) == 6


def test_the_worker_pauses_on_a_full_disk_and_says_so(workspace: Workspace, network: Network) -> None:
    folder = workspace.root / ".loratui" / "downloads"
    folder.mkdir(parents=True)
    (folder / "mine_2.part").symlink_to("/dev/full")
    with BoardServer("danbooru", samples(3)) as server, Manifest(workspace.root) as manifest:
        board(server)
        number = manifest.begin("mine", "kafka_(x)", "", Options())
        work_on(workspace, network)
        batch = manifest.batch(number)
        assert batch is not None and batch.state == "paused" and "the disk is full" in batch.problem
        assert "Free some space" in batch.problem and not (folder / "reserve").exists()
        (folder / "mine_2.part").unlink()
        queue.go_on(manifest, batch)
        work_on(workspace, network)
        batch = manifest.batch(number)
        assert batch is not None and batch.state == "done" and not batch.problem
    assert len(names(workspace)) == 6


def test_a_host_that_is_down_does_not_fail_every_file(workspace: Workspace) -> None:
    with (
        BoardServer("danbooru", samples(40)) as server,
        Network(backoff=0.001) as network,
        Manifest(workspace.root) as manifest,
    ):
        server.faults.append(Fault("/files/", "status", status=500))
        board(server)
        number = manifest.begin("mine", "kafka_(x)", "", Options())
        work_on(workspace, network)
        batch = manifest.batch(number)
        assert batch is not None and batch.state == "paused" and "files in a row" in batch.problem
        assert batch.counts["queued"] >= 28, "they are tried another time"
        server.faults.clear()
        queue.go_on(manifest, batch)
        work_on(workspace, network)
        if (batch := manifest.batch(number)) is not None and batch.failed:
            queue.go_on(manifest, batch)
            work_on(workspace, network)
        assert len(names(workspace)) == 80


def test_a_second_get_waits_for_the_first(workspace: Workspace) -> None:
    results: list[Got] = []
    with BoardServer("danbooru", samples(12), latency=0.25) as server:
        mine = board(server)

        def one() -> None:
            results.append(get(Workspace.open(workspace.root), mine, "kafka_(x)"))

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while not queue.busy(workspace.root):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert len(server.file_requests()) == 12
    # One that came while it was worked on has its result; one that came later finds all there.
    assert {12} <= {got.downloaded for got in results} <= {0, 12} and not queue.busy(workspace.root)


_GET = """
import sys
from pathlib import Path
from loratui.core.boards.registry import ENGINES, find
from loratui.core.config import BoardConfig, load, set_value
from loratui.core.downloads.get import get
from loratui.core.workspace import Workspace
board = ENGINES["danbooru"]("mine", BoardConfig(engine="danbooru", url=sys.argv[2]))
get(Workspace.open(Path(sys.argv[1])), board, "kafka_(x)")
"""


def test_kill_9_loses_nothing(workspace: Workspace, network: Network) -> None:
    count, after = 28, 23
    with BoardServer("danbooru", samples(count, side=40), latency=0.03) as server:
        process = subprocess.Popen([sys.executable, "-c", _GET, str(workspace.root), server.url])
        try:
            deadline = time.monotonic() + 30
            while len(server.file_requests()) < after and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.005)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        asked = len(server.file_requests())
        got = get(Workspace.open(workspace.root), board(server), "kafka_(x)", network=network)
        assert got.downloaded + got.existing == count and not got.failed
        # Of what was asked for before the kill, only the four in flight may be asked for again.
        assert len(server.file_requests()) <= count + 4
        assert asked >= after
    for number in range(1, count + 1):
        assert (workspace.root / f"mine_{number}.png").read_bytes() == noise(number, 40)
        assert (workspace.root / f"mine_{number}.txt").read_bytes() == b"kafka (x), 1girl, long hair, ^_^"
    assert leftovers(workspace) == []
