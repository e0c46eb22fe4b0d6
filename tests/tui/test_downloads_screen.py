"""The downloads by keys: queued from the search, done by a worker of its own, against a board on loopback."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from loratui.core.boards.post import Post
from loratui.core.boards.registry import find
from loratui.core.config import load, set_value
from loratui.core.downloads import queue
from loratui.core.downloads.get import get
from loratui.core.downloads.manifest import Item, Manifest, Options
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.downloads import DownloadsScreen
from loratui.tui.screens.downloads_rows import ItemRows, bar
from loratui.tui.widgets.virtual_list import VirtualList
from tests.boards_server import BoardServer, Fault, Sample, noise
from tests.tui.app_kit import status, title, until

WIDE = (120, 40)
QUERY = "kafka_(x)"


def samples(count: int) -> list[Sample]:
    tags = {"general": ["1girl", "long_hair"], "character": ["kafka_(x)"]}
    return [Sample(number, noise(number, 24), tags=tags) for number in range(1, count + 1)]


@pytest.fixture
def server() -> Iterator[BoardServer]:
    with BoardServer("danbooru", samples(30), latency=0.15) as made:
        set_value("default_board", "mine")
        set_value("boards.mine.engine", made.engine)
        set_value("boards.mine.url", made.url)
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    Project.create(tmp_path / "kafka", trigger="kafka")
    yield tmp_path / "kafka"
    stop_worker(tmp_path / "kafka")


def stop_worker(root: Path) -> None:
    """No process outlives its test."""
    if (root / ".loratui" / "downloads.db").exists():
        with Manifest(root) as manifest:
            for batch in manifest.batches():
                manifest.set_state(batch.id, "paused")
        deadline = time.monotonic() + 10
        while queue.busy(root) and time.monotonic() < deadline:
            time.sleep(0.05)


def pictures(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "dataset/kafka").glob("*.png"))


def rows(view: VirtualList, width: int = 200) -> list[str]:
    return [str(view.rows.row(index, width)) for index in range(len(view.rows))]


def batches(app: LoratuiApp) -> VirtualList:
    return app.screen.query_one("#batches", VirtualList)


def items(app: LoratuiApp) -> VirtualList:
    return app.screen.query_one("#items", VirtualList)


def order(root: Path, query: str = QUERY, board: str = "mine") -> int:
    with Manifest(root) as manifest:
        return manifest.begin(board, query, "dataset/kafka", Options())


async def open_screen(pilot: Pilot[None], app: LoratuiApp) -> None:
    await pilot.press("g", "d")
    await until(pilot, lambda: isinstance(app.screen, DownloadsScreen))


async def test_stop_go_on_try_again_and_give_up(server: BoardServer, root: Path) -> None:
    server.faults.append(Fault(f"/files/{server.samples[0].md5}", "status", status=404))
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=WIDE) as pilot:
        await open_screen(pilot, app)
        await pilot.press("s")
        await until(pilot, lambda: "no get yet" in status(app))
    order(root)
    app = LoratuiApp(Workspace.open(root))  # what was ordered before goes on with the next start
    async with app.run_test(size=WIDE) as pilot:
        await open_screen(pilot, app)
        await until(pilot, lambda: len(batches(app).rows) and "fetching" in rows(batches(app))[0])
        await until(pilot, lambda: "⏵ downloading" in status(app))
        await pilot.press("x")
        await until(pilot, lambda: "stop it first" in status(app))
        await pilot.press("s")
        await until(pilot, lambda: not queue.busy(root))
        await until(pilot, lambda: "stopped" in rows(batches(app))[0])
        before = len(pictures(root))
        assert before < 29
        await pilot.press("enter")
        await until(pilot, lambda: "1 failed" in rows(batches(app))[0] and "done" in rows(batches(app))[0])
        assert len(pictures(root)) == 29
        await until(pilot, lambda: len(items(app).rows) == 1)
        assert "no longer has the file" in rows(items(app))[0] and "1 failed" in title(app)
        server.faults.clear()
        asked = len(server.file_requests())
        await pilot.press("R")
        await until(pilot, lambda: len(pictures(root)) == 30)
        assert len(server.file_requests()) == asked + 1  # nothing but what had failed
        await until(pilot, lambda: "failed" not in rows(batches(app))[0] and "done" in rows(batches(app))[0])
        await until(pilot, lambda: not app.jobs.running)
        await pilot.press("R")
        await until(pilot, lambda: "no file of it failed" in status(app))
        await pilot.press("tab")  # no file is left there to go to
        assert batches(app).has_focus and "no file of it is open or failed" in status(app)
        await pilot.press("x")
        await until(pilot, lambda: not len(batches(app).rows))
        assert len(pictures(root)) == 30


async def test_one_failed_file_alone_is_tried_again(server: BoardServer, root: Path) -> None:
    number = order(root)
    with Manifest(root) as manifest:
        posts = [
            Post("mine", each, file_url=f"{server.url}/files/{server.samples[each - 1].md5}.png") for each in (1, 2)
        ]
        manifest.note(
            [
                (each.id, "failed", "no picture")
                for each in manifest.put(number, [(post, "queued", None) for post in posts])
            ]
        )
        manifest.listed(number, {})
        manifest.set_state(number, "done")
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=WIDE) as pilot:
        await open_screen(pilot, app)
        await until(pilot, lambda: len(items(app).rows) == 2)
        assert "no picture" in rows(items(app))[1]
        assert "The board's own file is damaged" in str(app.screen.query_one("#detail").render())
        await pilot.press("tab", "j", "R")
        await until(pilot, lambda: len(pictures(root)) == 1)
        await until(pilot, lambda: len(items(app).rows) == 1 and "1 failed" in rows(batches(app))[0])
    assert len(server.file_requests()) == 1


async def test_leaving_does_not_stop_it(server: BoardServer, root: Path) -> None:
    number = order(root)
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: queue.busy(root))
    with Manifest(root) as manifest:
        deadline = time.monotonic() + 20
        while (batch := manifest.batch(number)) and batch.state == "active" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert batch and batch.state == "done" and batch.counts == {"done": 30}
    assert len(pictures(root)) == 30


async def test_a_killed_worker_is_followed_by_another(server: BoardServer, root: Path) -> None:
    order(root)
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(server.file_requests()) > 8)
        os.kill(worker_of(root), signal.SIGKILL)
        await until(pilot, lambda: len(pictures(root)) == 30)
        await until(pilot, lambda: "30" in status(app) and "downloaded" in status(app))
    assert len(server.file_requests()) <= 30 + 4


def worker_of(root: Path) -> int:
    """The process that holds the lock."""
    inode = (root / ".loratui" / "downloads.lock").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if "->" not in words and words[5].rpartition(":")[2] == str(inode):
            return int(words[4])
    raise AssertionError("nobody holds it")


async def test_the_first_goes_first_and_trouble_is_told(server: BoardServer, root: Path) -> None:
    order(root)
    order(root, "long_hair", board="nobody")
    server.faults.append(Fault("/files/", "latency", seconds=3))
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=WIDE) as pilot:
        await open_screen(pilot, app)
        await until(pilot, lambda: len(batches(app).rows) == 2 and "fetching" in rows(batches(app))[1])
        assert "waiting" in rows(batches(app))[0]
        batches(app).cursor = 0  # it is on the one that is worked on, where that has begun by then
        await pilot.pause()
        await pilot.press("P")  # it goes first, and has no board of that name
        await until(pilot, lambda: "trouble" in rows(batches(app))[0])
        assert len(pictures(root)) < 30
        server.faults.clear()
        detail = app.screen.query_one("#detail")
        assert "There is no board called 'nobody'" in str(detail.render())
        await until(pilot, lambda: len(pictures(root)) == 30)


async def test_captions_are_written_anew(server: BoardServer, root: Path) -> None:
    get(Workspace.open(root), find(load(), "mine"), QUERY, into="kafka", options=Options(limit=3))
    caption = root / "dataset/kafka/mine_30.txt"
    assert caption.read_text() == "kafka (x), 1girl, long hair"
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_screen(pilot, app)
        await pilot.press("c")
        await until(pilot, lambda: app.active.panel is not None)
        await pilot.press("ctrl+u", *"gener", "enter")
        await until(pilot, lambda: "no category of tags called 'gener'" in panel_text(app))
        await pilot.press("a", "l", "enter")
        await until(pilot, lambda: "3 captions written" in status(app))
        assert caption.read_text() == "1girl, long hair"
        await pilot.press("u")
        await until(pilot, lambda: caption.read_text() == "kafka (x), 1girl, long hair")


def panel_text(app: LoratuiApp) -> str:
    return " ".join(str(each.render()) for each in app.screen.query("FormPanel Static").results(Static))


async def test_no_downloads_no_lower_half(root: Path) -> None:
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_screen(pilot, app)
        assert not app.screen.query_one("#below").display
        assert not (root / ".loratui" / "downloads.db").exists()


async def test_a_queue_that_may_only_be_read_is_shown(root: Path) -> None:
    number = order(root)
    with Manifest(root) as manifest:
        manifest.put(number, [(Post("mine", 1), "failed", None)])
        manifest.set_state(number, "paused", "mine needs login and api_key.")
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=WIDE) as pilot:
        await open_screen(pilot, app)
        await until(pilot, lambda: len(batches(app).rows) == 1)
        assert "trouble" in rows(batches(app))[0] and "failed" in rows(items(app))[0]


def item(key: int, received: int, size: int | None = 1000) -> Item:
    return Item(key, 1, Post("mine", key, width=10, height=20, ext="png"), "queued", "", received, size)


def test_a_file_that_comes_keeps_its_row() -> None:
    first = ItemRows([item(1, 100), item(2, 200)], fetching=True, more=3)
    second = ItemRows([item(2, 300), item(3, 5), item(4, 6)], fetching=True, more=1, before=first)
    assert [each.id for each in second.coming] == [3, 2, 4]
    assert "30 %" in str(second.row(1, 80)) and "300 B of 1 kB" in str(second.row(1, 80))
    assert str(second.row(3, 80)).split() == ["…", "1", "more", "file", "to", "come"]
    assert "half" in str(ItemRows([item(1, 5, None)]).row(0, 80))


def test_bars() -> None:
    assert bar(0, 10) == "·" * 12 and bar(10, 10) == "█" * 12 and len(bar(3, 10)) == 12
    assert bar(20, 10) == "█" * 12 and bar(1, 0) == "·" * 12
