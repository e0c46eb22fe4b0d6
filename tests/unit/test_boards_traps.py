"""What boards get wrong, or mean otherwise than it looks; paging, keys and errors have tests of their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from loratui.core import paths
from loratui.core.boards.board import Cursor
from loratui.core.boards.listing.categories import categorise
from loratui.core.boards.listing.search import Search
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES, find
from loratui.core.config import BoardConfig, load
from loratui.core.downloads.captions import caption
from loratui.core.downloads.get import get
from loratui.core.workspace import Workspace
from tests.boards_server import BoardServer, Fault, Sample
from tests.unit.test_boards_decode import RECORDED, board, read


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.01, stall=10.0) as made:
        yield made


def decoded(engine: str, **record: object) -> Post:
    """A post out of one JSON record."""
    whole = {"id": 7, "tags": "a", "file_url": "https://x.example/a.png", **record}
    (post,) = board(engine).posts(json.dumps([whole]).encode()).posts
    return post


@pytest.mark.shared
@pytest.mark.parametrize(("engine", "file", "count"), RECORDED, ids=[file for _, file, _ in RECORDED])
def test_sums_are_of_the_original_only(shared: Path, engine: str, file: str, count: int) -> None:
    for post in read(shared, engine, file):
        assert post.original.md5 == post.md5 and post.original.sha512 == post.sha512
        for variant in post.variants:
            assert (variant.md5, variant.sha512, variant.elsewhere) == ("", "", ())
            assert variant.url != post.file_url


@pytest.mark.parametrize(
    ("image", "file_url", "ext"),
    [
        ("abc.webm", "https://x.example/abc.mp4", "mp4"),  # Gelbooru's name of a film is not that of the file
        ("abc.png", "https://x.example/abc.jpeg", "jpg"),
        ("abc.png", "https://x.example/abc.JPG?123", "jpg"),
        ("abc.jpg", "https://x.example/abc.webp", "webp"),
        ("abc.jpg", "https://x.example/abc.avif", "avif"),
        ("abc.jpeg", "https://x.example/view/7", "jpg"),
    ],
)
def test_the_type_is_that_of_the_address(image: str, file_url: str, ext: str) -> None:
    assert decoded("gelbooru", image=image, file_url=file_url).ext == ext


@pytest.mark.parametrize("tag", ["kafka_(honkai:_star_rail)", "fate/stay_night", ":3", "it's", "!!", "a\\b", "../../x"])
def test_odd_tags_name_no_file_and_keep_their_signs(tag: str) -> None:
    post = decoded("danbooru", tag_string=tag, tag_string_general=tag)
    assert post.tags == {"general": (tag,)} and post.name == "danbooru_7"


def test_captions_keep_the_signs_of_tags_and_the_lines_of_faces() -> None:
    tags = ("kafka_(honkai:_star_rail)", "^_^", ">_<", "long_hair", "fate/stay_night", ":3")
    text = caption(Post("b", 1, tags={"general": tags})).decode()
    assert sorted(text.split(", ")) == sorted(
        ["kafka (honkai: star rail)", "^_^", ">_<", "long hair", "fate/stay night", ":3"]
    )


@pytest.mark.parametrize("engine", list(ENGINES))
def test_artists_copyrights_and_housekeeping_stay_out_of_captions(engine: str) -> None:
    tags = {
        "artist": ("artist:a",),
        "copyright": ("c",),
        "character": ("k",),
        "species": ("cat",),
        "general": ("solo",),
        "meta": ("highres", "safe"),
    }
    assert caption(Post(engine, 1, tags=tags)) == b"k, cat, solo"


def test_sources_may_be_escaped_lists_of_dead_links() -> None:
    escaped = decoded("gelbooru", source="https://a.example/?x=1&amp;y=2&#039;").source
    assert escaped == "https://a.example/?x=1&y=2'"
    assert decoded("gelbooru", source="&amp;amp;").source == "&amp;"  # once, and not again
    assert decoded("danbooru", source="https://a.example\nhttps://b.example").source.count("\n") == 1
    assert decoded("moebooru", source=None).source == ""
    assert decoded("e621", tags=[], sources=["https://a.example", "-https://gone.example"]).source.count("\n") == 1


@pytest.mark.parametrize(
    "word", ["&#0;", "&#x1f;", "&#27;", "\x1b", "\x00", "\x0b"], ids=["0", "x1f", "27", "raw ESC", "raw NUL", "raw VT"]
)
def test_a_character_no_xml_may_have_does_not_cost_the_page(word: str) -> None:
    raw = f'<posts count="1"><post id="7" tags="a b{word}" file_url="https://x.example/a.png"/></posts>'.encode()
    (post,) = board("gelbooru02").posts(raw).posts
    assert post.id == 7 and "a" in post.all_tags()


@pytest.mark.parametrize(
    ("engine", "field"),
    [
        ("danbooru", {"score": ""}),
        ("danbooru", {"media_asset": {"variants": [{"type": "180x180", "width": "?"}]}}),
        ("danbooru", {"tag_string": {"odd": 1}, "source": 7}),
        ("gelbooru", {"score": "", "width": -1}),
        ("gelbooru02", {"score": "", "tag_info": {"a": 1}}),
        ("moebooru", {"score": "many", "is_held": "perhaps"}),
        ("e621", {"score": {"total": "x"}, "flags": 3, "relationships": {"parent_id": "none"}}),
        ("philomena", {"score": [], "source_urls": None}),
        ("zerochan", {"size": "1 MB", "tags": "one"}),
    ],
)
def test_a_field_out_of_shape_costs_no_post(engine: str, field: dict[str, object]) -> None:
    made = ENGINES[engine]("mine", BoardConfig(engine=engine, url="https://board.example"))
    page = made.posts(json.dumps([{"id": 5, **field}, {"id": 4}, {"id": "?"}]).encode())
    assert [post.id for post in page.posts] == [5, 4] and page.size == 3


def test_bytes_that_are_no_text_cost_no_page() -> None:
    made = ENGINES["danbooru"]("mine", BoardConfig(engine="danbooru", url="https://board.example"))
    (post,) = made.posts(b'[{"id":5,"tag_string":"solo","source":"\xff\xfe"}]').posts
    assert post.tags == {"general": ("solo",)}


def test_tbib_is_asked_for_xml_because_its_json_has_no_addresses() -> None:
    tbib, safebooru = find(load(), "tbib"), find(load(), "safebooru")
    params = dict(tbib.posts_request(["a"], Cursor(2, 50), 10).params)
    assert "json" not in params and "fields" not in params and params["tags"] == "a id:<50"
    assert tbib.count_request(["a"]) is None
    page = tbib.posts(
        b'<posts count="12" offset="0"><post id="7" tags=" a " file_url="//tbib.org/images/1/a.jpg"/></posts>'
    )
    assert page.total == 12 and page.posts[0].file_url == "https://tbib.org/images/1/a.jpg"
    assert dict(safebooru.posts_request(["a"], Cursor(), 10).params)["json"] == "1"


def test_e621_is_asked_for_a_form_and_read_in_either() -> None:
    assert {"v2", "mode"} <= dict(board("e621").posts_request(["a"], Cursor(), 5).params).keys()
    flat = b'[{"id":7,"files":{"original":{"url":"https://x.example/a.png"}},"tags":["a","b"]}]'  # v2, mode=basic
    (post,) = board("e621").posts(flat).posts
    assert post.tags == {"general": ("a", "b")} and not post.categorised


# --- categories where the records tell none -------------------------------------------------------------------------


def pictures(count: int = 12) -> list[Sample]:
    return [
        Sample(
            number,
            b"\x89PNG\r\n\x1a\n%d" % number,
            tags={
                "general": ["1girl", f"rare{number}"],
                "artist": ["somebody"],
                "character": ["kafka_(game)"],
                "copyright": ["game"],
                "meta": ["highres"],
            },
        )
        for number in range(1, count + 1)
    ]


def asked(server: BoardServer) -> list[str]:
    return [params["name"] for _, params, _ in server.requests if params.get("s") == "tag"]


def old(server: BoardServer, network: Network, kinds: object = None) -> Client:
    made = ENGINES["gelbooru02"]("mine", BoardConfig(engine="gelbooru02", url=server.url))
    return Client(made, network, kinds=kinds)  # type: ignore[arg-type]


def test_one_tag_a_call_is_asked_sparingly_and_never_for_each_picture(network: Network) -> None:
    with BoardServer("gelbooru02", pictures()) as server:
        client = old(server, network)
        posts = categorise(client, Search(client, "1girl").next_page())
        names = asked(server)
        # The commonest first; what the tags themselves tell (x_(y) beside y, highres) is not asked.
        assert set(names[:2]) == {"1girl", "somebody"} and len(names) == 10
        assert all(post.tags["artist"] == ("somebody",) for post in posts)
        assert all(
            post.tags["character"] == ("kafka_(game)",) and post.tags["copyright"] == ("game",) for post in posts
        )
        categorise(client, Search(client, "1girl").next_page())
        assert len(asked(server)) == 14  # the ones told are remembered; four rare ones were left
        categorise(old(server, network), Search(client, "1girl").next_page())
        assert len(asked(server)) == 14


def test_what_this_machine_knows_is_not_asked(network: Network) -> None:
    known = {"somebody": "artist", **{f"rare{number}": "general" for number in range(1, 13)}}
    with BoardServer("gelbooru02", pictures()) as server:
        client = old(server, network, lambda tag: known.get(tag, ""))
        posts = categorise(client, Search(client, "1girl").next_page(), ["1girl"])
        assert asked(server) == ["1girl"]
    assert all(post.tags["artist"] == ("somebody",) for post in posts)
    assert all(b"somebody" not in caption(post) and b"game," not in caption(post) for post in posts)


def test_a_get_uses_what_this_machine_knows(network: Network, tmp_path: Path) -> None:
    lists = paths.config_dir() / "vocabulary"
    lists.mkdir(parents=True)
    lists.joinpath("mine.csv").write_text(
        "somebody,1,900,\n1girl,0,9000,\n" + "".join(f"rare{n},0,5,\n" for n in range(1, 13))
    )
    with BoardServer("gelbooru02", pictures()) as server:
        workspace = Workspace.open(tmp_path)
        got = get(workspace, old(server, network).board, "1girl", network=network)
        assert got.downloaded == 12 and asked(server) == []
    texts = {path.read_text() for path in tmp_path.glob("*.txt")}
    assert len(texts) == 12 and all(text.startswith("kafka (game), 1girl, rare") for text in texts)


def test_calls_for_tags_are_limited_for_a_whole_get(network: Network) -> None:
    with BoardServer("gelbooru02", pictures(60)) as server:
        client = old(server, network)
        for start in range(0, 60, 10):
            posts = [
                Post("mine", n, tags={"general": (f"rare{n}", f"other{n}")}, categorised=False)
                for n in range(start, start + 10)
            ]
            categorise(client, posts)
        assert len(asked(server)) == 30


def test_a_board_that_does_not_tell_tags_one_by_one_stops_nothing(network: Network) -> None:
    with BoardServer("gelbooru02", pictures()) as server:
        server.faults.append(Fault("s=tag&", "status", status=403))
        client = old(server, network)
        posts = categorise(client, Search(client, "1girl").next_page())
        assert len(posts) == 12 and all(post.tags["character"] == ("kafka_(game)",) for post in posts)
        assert len(asked(server)) == 1  # and it is not tried again and again
        categorise(client, posts)
        assert len(asked(server)) == 1


def test_tags_told_with_the_posts_are_not_asked(network: Network) -> None:
    """rule34 tells them by `fields=tag_info`."""
    record = {"id": 7, "tags": "a k", "file_url": "https://x.example/a.png", "rating": "safe"}
    record["tag_info"] = [{"tag": "a", "type": "artist", "count": 1}, {"tag": "k", "type": "character", "count": 2}]  # type: ignore[assignment]
    with BoardServer("gelbooru02", []) as server:
        server.faults.append(Fault("s=post", "raw", body=json.dumps([record]).encode()))
        client = old(server, network)
        (post,) = categorise(client, Search(client, "a").next_page())
        assert post.tags == {"artist": ("a",), "character": ("k",)} and not asked(server)
        assert ("fields", "tag_info") in client.board.posts_request(["a"], Cursor(), 1).params


def test_a_damaged_memory_of_tags_costs_only_requests(network: Network) -> None:
    folder = paths.cache_dir() / "tags"
    with BoardServer("gelbooru02", pictures()) as server:
        client = old(server, network)
        categorise(client, Search(client, "1girl").next_page())
        (file,) = folder.glob("*.db")
        file.write_bytes(b"no database at all" * 100)
        posts = categorise(client, Search(client, "1girl").next_page())
        assert len(asked(server)) == 20 and all(post.tags["artist"] == ("somebody",) for post in posts)
