"""The queue on disk, and the pace told of it."""

from pathlib import Path

import pytest

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.post import Post
from loratui.core.downloads.manifest import Batch, Manifest, Options, State
from loratui.core.downloads.progress import Pace
from loratui.core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "project").mkdir()
    return Workspace.open(tmp_path / "project")


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
