"""Get, over real HTTP: everything arrives once, whole and with its caption, whatever the server does."""

import hashlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES, find
from loratui.core.config import BoardConfig, load, set_value
from loratui.core.downloads import queue, transfer
from loratui.core.downloads.captions import caption, training_form
from loratui.core.downloads.get import Got, get
from loratui.core.downloads.manifest import Batch, Manifest, Options, State
from loratui.core.downloads.progress import Pace
from loratui.core.downloads.work import drain
from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.workspace import Workspace
from tests.boards_server import BoardServer, Fault, Sample, noise


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.02, stall=1.0) as made:
        yield made


def samples(count: int, side: int = 24) -> list[Sample]:
    return [
        Sample(
            number,
            noise(number, side),
            tags={
                "general": ["1girl", "long_hair", "^_^"],
                "character": ["kafka_(x)"],
                "artist": ["somebody"],
                "copyright": ["x"],
                "meta": ["highres"],
            },
        )
        for number in range(1, count + 1)
    ]


def board(server: BoardServer) -> Board:
    for key, value in (("engine", server.engine), ("url", server.url)):
        set_value(f"boards.mine.{key}", value)
    return find(load(), "mine")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "project").mkdir()
    return Workspace.open(tmp_path / "project")


def names(workspace: Workspace) -> set[str]:
    return {path.name for path in workspace.root.iterdir() if not path.name.startswith(".")}


def work_on(workspace: Workspace, network: Network) -> None:
    """What the worker does."""
    with queue.alone(workspace.root) as mine:
        assert mine
        drain(Workspace.open(workspace.root), network, threading.Event())


def leftovers(workspace: Workspace) -> list[str]:
    home = workspace.root / ".loratui"
    return [
        path.name
        for folder in ("downloads", "staging")
        if (home / folder).exists()
        for path in (home / folder).iterdir()
    ]


def test_files_captions_provenance_and_one_undo(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(40)) as server:
        got = get(workspace, board(server), "kafka_(x)", network=network)
    assert (got.found, got.downloaded, got.existing, got.failed) == (40, 40, 0, [])
    assert names(workspace) == {f"mine_{n}.{ext}" for n in range(1, 41) for ext in ("png", "txt")}
    assert (workspace.root / "mine_7.png").read_bytes() == noise(7, 24)
    assert (workspace.root / "mine_7.txt").read_bytes() == b"kafka (x), 1girl, long hair, ^_^"
    image = next(image for image in workspace.images() if image.name == "mine_7.png")
    known = workspace.records.provenance(workspace.records.content_hash(image))
    assert known is not None and (known.board, known.post, known.rating) == ("mine", "7", "g")
    assert known.md5 == hashlib.md5(noise(7, 24)).hexdigest()
    assert known.tags["artist"] == ["somebody"] and known.captured.endswith("Z")
    assert len(workspace.changes.history()) == 2  # chunks of one act
    assert workspace.changes.undo().left == 0
    assert names(workspace) == set()
    assert leftovers(workspace) == []


def test_a_repeat_asks_for_no_file(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(6)) as server:
        get(workspace, board(server), "kafka_(x)", network=network)
        first = len(server.file_requests())
        got = get(workspace, board(server), "kafka_(x)", network=network)
        assert (got.downloaded, got.existing) == (0, 6)
        workspace.changes.undo()
        again = get(workspace, board(server), "kafka_(x)", network=network)  # out of the trash, not out of the net
        assert again.downloaded == 6 and len(names(workspace)) == 12
        assert len(server.file_requests()) == first == 6


def test_what_was_thrown_away_stays_away_and_renamed_files_are_known(workspace: Workspace, network: Network) -> None:
    from loratui.core.changes import Move, Plan, Remove

    with BoardServer("danbooru", samples(4)) as server:
        get(workspace, board(server), "kafka_(x)", network=network)
        plan = (
            Remove("mine_1.png"),
            Remove("mine_1.txt"),
            Move("mine_2.png", "favourite.png"),
            Move("mine_2.txt", "favourite.txt"),
        )
        workspace.changes.apply(Plan("test", "test", plan))
        before = len(server.file_requests())
        got = get(workspace, board(server), "kafka_(x)", network=network)
        assert (got.downloaded, got.existing) == (0, 4) and len(server.file_requests()) == before
        (workspace.root / "mine_3.png").unlink()  # not through us: so it is missing
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 1


def test_the_same_picture_of_another_board_is_known(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(3)) as one, BoardServer("gelbooru", samples(3)) as other:
        get(workspace, board(one), "kafka_(x)", network=network)
        second = ENGINES["gelbooru"]("other", BoardConfig(engine="gelbooru", url=other.url))
        got = get(workspace, second, "kafka_(x)", network=network)
        assert (got.downloaded, got.existing) == (0, 3) and not other.file_requests()


def test_what_was_thrown_away_is_known_on_another_board_and_under_another_name(
    workspace: Workspace, network: Network
) -> None:
    from loratui.core.changes import Move, Plan, Remove

    with BoardServer("danbooru", samples(3)) as one, BoardServer("gelbooru", samples(3)) as other:
        get(workspace, board(one), "kafka_(x)", network=network)
        workspace.changes.apply(Plan("test", "test", (Move("mine_2.png", "b.png"), Move("mine_2.txt", "b.txt"))))
        workspace.changes.apply(Plan("test", "test", (Remove("mine_1.png"), Remove("b.png"), Remove("b.txt"))))
        second = ENGINES["gelbooru"]("other", BoardConfig(engine="gelbooru", url=other.url))
        got = get(workspace, second, "kafka_(x)", network=network)
        assert (got.downloaded, got.existing) == (0, 3) and not other.file_requests()
        assert get(workspace, board(one), "kafka_(x)", network=network).downloaded == 0


def test_the_queue_tells_its_open_posts_by_key(workspace: Workspace) -> None:
    posts = [Post(board="mine", id=number, tags={}) for number in range(1, 6)]
    with Manifest(workspace.root) as manifest:
        assert manifest.open_posts() == set()
        first = manifest.begin("mine", "1girl", "", Options())
        second = manifest.begin("mine", "solo", "", Options())
        manifest.put(first, [(posts[0], "queued", None), (posts[1], "fetched", 3), (posts[2], "done", 3)])
        manifest.put(second, [(posts[3], "failed", None), (posts[4], "queued", None)])
        assert manifest.open_posts() == {("mine", 1), ("mine", 2), ("mine", 5)}
        manifest.set_state(second, "cancelled")
        assert manifest.open_posts() == {("mine", 1), ("mine", 2)}


@pytest.mark.parametrize("engine", ["danbooru", "gelbooru", "gelbooru02", "moebooru", "e621"])
def test_every_engine(workspace: Workspace, network: Network, engine: str) -> None:
    with BoardServer(engine, samples(5)) as server:  # type: ignore[arg-type]
        assert get(workspace, board(server), "kafka_(x)", network=network).downloaded == 5
        referers = {headers.get("referer") for path, _, headers in server.requests if path.startswith("/files/")}
    text = (workspace.root / "mine_3.txt").read_text()
    assert text.startswith("kafka (x), ") and "highres" not in text and "long hair" in text and "^_^" in text
    assert referers == {f"{server.url}/"}


def test_filtered_from_the_record_without_a_request(workspace: Workspace, network: Network) -> None:
    posts = samples(7)
    posts[0].ext = "mp4"
    posts[1].hidden = True
    posts[2].rating = "s"
    posts[3].width = 100
    posts[4].ext = "gif"
    with BoardServer("danbooru", posts) as server:
        got = get(
            workspace,
            board(server),
            "kafka_(x) -rating:e",
            options=Options(wishes=Wishes(min_side=512)),
            network=network,
        )
    assert got.filtered == {"video": 1, "hidden": 1, "small": 1, "animated": 1}
    assert (got.found, got.downloaded) == (7, 3)
    assert len(server.file_requests()) == 3


def test_dry_run_touches_nothing(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(4)) as server:
        got = get(workspace, board(server), "kafka_(x)", into="new", dry_run=True, network=network)
        assert got.downloaded == 4 and not server.file_requests()
    assert list(workspace.root.iterdir()) == []


def test_limit_and_no_captions(workspace: Workspace, network: Network) -> None:
    with BoardServer("danbooru", samples(9)) as server:
        options = Options(limit=4, captions=False)
        got = get(workspace, board(server), "kafka_(x)", options=options, network=network)
    assert got.downloaded == 4 and names(workspace) == {f"mine_{n}.png" for n in (6, 7, 8, 9)}


def test_a_thousand_is_asked_about(workspace: Workspace, network: Network) -> None:
    asked = []

    def ask(count: int) -> None:
        asked.append(count)
        raise Cancelled

    with BoardServer("danbooru", samples(3)) as server:
        server.faults.append(Fault("counts/posts.json", "raw", body=b'{"counts":{"posts":1001}}'))
        with pytest.raises(Cancelled):
            get(workspace, board(server), "kafka_(x)", ask=ask, network=network)
        get(workspace, board(server), "kafka_(x)", ask=ask, options=Options(limit=3), network=network)
    assert asked == [1001]


def test_an_unknown_total_is_counted_before_anything_is_fetched(
    workspace: Workspace, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loratui.core.downloads.get.ASK_ABOVE", 5)
    monkeypatch.setattr(ENGINES["danbooru"], "PAGE_SIZE", 3)
    asked: list[int] = []

    def ask(count: int) -> None:
        assert not server.file_requests()
        asked.append(count)

    with BoardServer("danbooru", samples(8)) as server:
        server.faults.append(Fault("counts/posts.json", "raw", body=b'{"counts":{"posts":null}}'))
        assert get(workspace, board(server), "kafka_(x)", ask=ask, network=network).downloaded == 8
    assert asked == [6]


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


def test_several_boards_are_one_batch(workspace: Workspace, network: Network) -> None:
    ours, theirs = samples(6), samples(9)[3:]  # three pictures are on both
    with BoardServer("danbooru", ours) as one, BoardServer("gelbooru", theirs) as other:
        for name, server in (("one", one), ("other", other)):
            set_value(f"boards.{name}.engine", server.engine)
            set_value(f"boards.{name}.url", server.url)
        with Manifest(workspace.root) as manifest:
            number = manifest.begin("one,other", "kafka_(x)", "", Options())
            work_on(workspace, network)
            batch = manifest.batch(number)
            assert batch is not None and batch.state == "done" and batch.counts == {"done": 9}
        asked = len(one.file_requests()) + len(other.file_requests())
        referers = {headers.get("referer") for path, _, headers in other.requests if path.startswith("/files/")}
        assert asked == 9 and referers == {f"{other.url}/"}
    for path in workspace.root.glob("*.txt"):  # also of the board whose records tell no categories
        first, *others = path.read_text().split(", ")
        assert first == "kafka (x)" and sorted(others) == ["1girl", "^_^", "long hair"]


def test_a_queue_of_the_first_version_is_read(workspace: Workspace) -> None:
    import sqlite3

    home = workspace.root / ".loratui"
    home.mkdir()
    database = sqlite3.connect(home / "downloads.db")
    database.executescript(_FIRST_VERSION)
    database.close()
    with Manifest(workspace.root) as manifest:
        (batch,) = manifest.batches()
        assert (batch.board, batch.state, batch.counts, batch.problem) == ("mine", "paused", {"queued": 1}, "")
        assert batch.unsized == 1 and batch.options.limit == 5
        (item,) = manifest.items(batch.id)
        assert (item.post.id, item.bytes, item.validator) == (7, 12, "v")
        manifest.put(batch.id, [(Post("other", 7), "queued", 3)])  # the same number on another board
        assert len(manifest.items(batch.id)) == 2


_FIRST_VERSION = """
create table batch(id integer primary key, board text, query text, folder text, options text, created text,
  state text, listed integer default 0, filtered text default '{}');
create table item(id integer primary key, batch integer references batch(id), board text, post integer, record blob,
  state text, reason text default '', bytes integer default 0, validator text default '', unique(batch, post));
create index item_state on item(batch, state);
insert into batch values(1, 'mine', 'a', '', '{"limit": 5, "min_side": 0, "captions": true}', '', 'paused', 1, '{}');
insert into item values(1, 1, 'mine', 7, '{"board": "mine", "id": 7}', 'queued', '', 12, 'v');
pragma user_version=1;
"""


def test_the_pace_is_calm_and_by_what_is_known() -> None:
    def at(done: int, received: int, left: int = 0, unsized: int = 0, queued: int = 100) -> Batch:
        counts: dict[State, int] = {"done": done, "queued": queued, "existing": 1000}
        return Batch(1, "b", "q", "", Options(), "", "active", True, {}, "", 0, counts, received, left, unsized)

    pace = Pace()
    for second in range(10):
        pace.look(at(second, second * 1_000_000, left=100_000_000 - second * 1_000_000), float(second))
    assert pace.speed == "1 MB/s" and pace.left is not None and 85 < pace.left < 95
    before = pace.left
    pace.look(at(10, 40_000_000, left=60_000_000), 10.0)  # a burst: the rate says 15 s
    assert pace.left > before * 0.8, "it is drawn towards the new rate, it does not jump"
    by_files = Pace()
    for second in range(10):
        by_files.look(at(second, 0, unsized=100), float(second))
    assert by_files.left is not None and 95 < by_files.left < 105 and by_files.speed == ""
    assert Pace().left is None


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


def test_into_a_new_subset_of_a_project(tmp_path: Path, network: Network) -> None:
    from loratui.core.project import Project

    Project.create(tmp_path / "kafka", trigger="kafka")
    workspace = Workspace.open(tmp_path / "kafka")
    with BoardServer("danbooru", samples(2)) as server:
        first = get(workspace, board(server), "kafka_(x) id:<2", network=network)
        second = get(workspace, board(server), "kafka_(x)", into="casual", network=network)
    assert (first.folder, first.downloaded) == ("dataset/kafka", 1)
    assert (second.folder, second.downloaded, second.existing) == ("dataset/casual", 1, 1)
    assert [subset.name for subset in Project.load(workspace.root).subsets] == ["kafka", "casual"]


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


@pytest.mark.parametrize("after", [5, 23])
def test_kill_9_loses_nothing(workspace: Workspace, network: Network, after: int) -> None:
    count = 28
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


def test_captions_are_in_training_form() -> None:
    post = Post(
        "b",
        1,
        tags={
            "artist": ("a_b",),
            "general": ("long_hair", "^_^", 'don\'t_say_"lazy"', ":3", "bad,tag\n", "\x1b[2J_x", "|||", "a;;;b", ","),
            "character": ("kafka_(honkai:_star_rail)",),
            "species": ("red_panda",),
            "meta": ("highres",),
        },
    )
    assert caption(post).decode() == (
        'kafka (honkai: star rail), red panda, long hair, ^_^, don\'t say "lazy", :3, bad tag, x, a b'
    )
    assert caption(Post("b", 1, tags={"meta": ("highres",)})) == b""
    assert training_form("o_o") == "o_o" and training_form("hair_over_one_eye") == "hair over one eye"


def test_the_board_s_name_cannot_leave_the_folder() -> None:
    assert Post("../../etc/x", 5).name == "_.._etc_x_5"


def test_the_manifest_gives_up_and_forgets(workspace: Workspace) -> None:
    with Manifest(workspace.root) as manifest:
        assert manifest.batches() == []
        assert not (workspace.root / ".loratui").exists()
        number = manifest.begin("mine", "a", "", Options(limit=5, wishes=Wishes(min_side=9), captions=False))
        manifest.put(number, [(Post("mine", 1), "queued", 5), (Post("mine", 2), "done", None)])
        assert manifest.begin("mine", "a", "", Options()) == number
        (batch,) = manifest.batches()
        assert (batch.left, batch.unsized, batch.open) == (5, 0, 1)
        manifest.cancel(number)
        (batch,) = manifest.batches()
        assert batch.state == "cancelled" and batch.counts == {"cancelled": 1, "done": 1} and not batch.open
        manifest.forget(number)
        assert manifest.batches() == [] and manifest.items(number) == []
