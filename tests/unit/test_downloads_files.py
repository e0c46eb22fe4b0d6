"""Files of a get: four at a time, gone on with, checked; what is not what was due is told and not kept."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loratui.core.boards.network.connections import Network
from loratui.core.downloads import transfer
from loratui.core.downloads.get import get
from loratui.core.workspace import Workspace
from tests.boards_server import BoardServer, Fault, noise
from tests.downloads_kit import board, leftovers, names, samples


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.02, stall=1.0) as made:
        yield made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "project").mkdir()
    return Workspace.open(tmp_path / "project")


def test_four_at_a_time(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(16), latency=0.05) as server:
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 16
        assert 2 <= server.concurrent <= 4


def test_a_broken_off_file_goes_on_where_it_was(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(1, side=200)) as server:
        server.faults.append(Fault("/files/", "truncate", times=1))
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 1
        second = [headers for path, _, headers in server.requests if path.startswith("/files/")][1]
    assert second["range"].startswith("bytes=") and second["range"] != "bytes=0-" and "if-range" in second
    assert (workspace.root / "mine_1.png").read_bytes() == noise(1, 200)


def test_a_file_that_changed_meanwhile_is_fetched_whole(workspace: Workspace, network: Network, tmp_path: Path) -> None:
    folder = workspace.root / ".loratui" / "downloads"
    folder.mkdir(parents=True)
    (folder / "mine_1.part").write_bytes(noise(99, 100)[:9000])  # of another version
    with BoardServer("danbooru", samples(1, side=100)) as server:
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 1
    assert (workspace.root / "mine_1.png").read_bytes() == noise(1, 100)


def test_a_whole_part_needs_no_request(workspace: Workspace, network: Network) -> None:
    folder = workspace.root / ".loratui" / "downloads"
    folder.mkdir(parents=True)
    (folder / "mine_1.part").write_bytes(noise(1, 24))
    with BoardServer("danbooru", samples(1)) as server:
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 1
        assert not server.file_requests()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("/files/", "html"), "no picture, but a web page"),
        (Fault("/files/", "redirect"), "no picture, but a web page"),
        (Fault("/files/", "raw", body=b"nonsense"), "no picture"),
        (Fault("/files/", "raw", body=noise(77, 24)), "not the file the board describes (md5)"),
        (Fault("/files/", "short"), "not the file the board describes (md5)"),
        (Fault("/files/", "status", status=404), "the board no longer has the file"),
        (Fault("/files/", "status", status=403), "the server refused (403)"),
        (Fault("/files/", "status", status=500), "the server is in trouble (500)"),
        (Fault("/files/", "stall", seconds=0.8), "the server stood still"),
    ],
    ids=lambda value: f"{value.kind}{value.status}" if isinstance(value, Fault) else "",
)
def test_bad_files_are_told_and_not_kept(workspace: Workspace, fault: Fault, reason: str) -> None:
    with BoardServer("danbooru", samples(3, side=60)) as server, Network(backoff=0.01, stall=0.2) as network:
        fault.match = f"/files/{server.samples[1].md5}"
        server.faults.append(fault)
        got = get(workspace, board(server), "kafka_(x)", network=network)
        assert got.failed == [(2, reason)] and got.downloaded == 2
        assert names(workspace) == {"mine_1.png", "mine_1.txt", "mine_3.png", "mine_3.txt"}
        server.faults.clear()
        before = len(server.file_requests())
        got = get(workspace, board(server), "kafka_(x)", network=network)  # only the failed one is tried again
        assert (got.downloaded, got.existing, got.failed) == (1, 2, [])
        assert len(server.file_requests()) - before == 1
    assert leftovers(workspace) == []


def test_a_busy_file_server_is_waited_for(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(5)) as server:
        server.faults.append(Fault("/files/", "status", times=2, status=503, headers={"Retry-After": "1"}))
        started = time.monotonic()
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 5
        assert time.monotonic() - started >= 1


def test_an_address_that_is_none_fails_alone(workspace: Workspace, network: Network) -> None:
    body = b'[{"id":%d,"rating":"g","tag_string":"a","file_ext":"png","file_url":"%s","md5":"%032x"}]'
    with BoardServer("danbooru", []) as server:
        for number, url in enumerate((b"http://x:99999/a.png", b"https://exa mple/a.png", b"http://.../a.png"), 1):
            server.faults = [Fault("limit=", "raw", times=1, body=body % (number, url, number))]
            got = get(workspace, board(server), "a", network=network)
            assert [failed for failed, _ in got.failed] == [number]


def test_a_giant_is_refused(workspace: Workspace, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_FILE", 5000)
    with BoardServer("danbooru", samples(1, side=60)) as server:
        got = get(workspace, board(server), "kafka_(x)", network=network)
    assert got.failed[0][1].startswith("larger than") and leftovers(workspace) == []


def test_the_type_is_that_of_the_bytes(workspace: Workspace, network: Network) -> None:
    posts = samples(1)
    posts[0].ext = "jpg"  # and it is a PNG
    with BoardServer("danbooru", posts) as server:
        get(workspace, board(server), "kafka_(x)", network=network)
    assert "mine_1.png" in names(workspace)


def test_a_foreign_file_and_caption_of_that_name_are_left_alone(workspace: Workspace, network: Network) -> None:
    (workspace.root / "mine_1.txt").write_bytes(b"my own words")
    (workspace.root / "mine_2.jpg").write_bytes(noise(50, 24))
    with BoardServer("danbooru", samples(2)) as server:
        got = get(workspace, board(server), "kafka_(x)", network=network)
    assert (got.downloaded, got.existing) == (1, 1)
    assert (workspace.root / "mine_1.txt").read_bytes() == b"my own words"
    assert (workspace.root / "mine_2.jpg").read_bytes() == noise(50, 24)
