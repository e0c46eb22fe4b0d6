"""Get, over real HTTP: everything arrives once, with caption and provenance; what need not come is not asked for."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig, set_value
from loratui.core.downloads.captions import caption, training_form
from loratui.core.downloads.get import get
from loratui.core.downloads.manifest import Manifest, Options
from loratui.core.errors import Cancelled
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
