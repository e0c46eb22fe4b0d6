"""Philomena and Zerochan: their recorded answers decoded, and queries written in their languages."""

from pathlib import Path

import pytest

from loratui.core.boards.board import Completion, Cursor
from loratui.core.boards.engines.philomena_query import written
from loratui.core.boards.listing.categories import categorise
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.planning.plan import plan
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig, load
from loratui.core.downloads.captions import training_form
from loratui.core.downloads.get import get
from loratui.core.errors import UsageError
from loratui.core.workspace import Workspace
from tests.boards_server import BoardServer, Fault, Sample, noise
from tests.unit.test_boards_decode import board, read


def test_every_engine_has_a_board_that_comes_with_the_program() -> None:
    boards = load().boards
    assert {config.engine for config in boards.values()} == set(ENGINES)
    assert (boards["derpibooru"].filter_id, boards["furbooru"].filter_id, boards["ponybooru"].filter_id) == (
        56027,
        2,
        3,
    )
    assert boards["tbib"].xml and boards["zerochan"].needs_key


@pytest.mark.shared
@pytest.mark.parametrize("file", ["derpibooru_search_2021.json", "derpibooru_search_2023-06.json"])
def test_recorded_images_of_philomena(shared: Path, file: str) -> None:
    posts = read(shared, "philomena", f"philomena/{file}")
    assert len(posts) == 4
    for post in posts:
        assert post.rating == "g" and post.md5 == "" and post.ext in ("png", "jpg")
        assert post.file_url.startswith("https://derpicdn.net/img/view/") and not post.elsewhere
        # One record lacks the thumbnail: the next larger picture stands in.
        assert post.preview_url.endswith((f"/thumb.{post.ext}", f"/3144724/small.{post.ext}"))
        assert post.sample_url.endswith(f"/large.{post.ext}")
        assert post.width > 0 and post.height > 0 and post.created.endswith("Z")
        assert all(" " not in tag for tag in post.all_tags()) and not post.categorised
        assert not post.hidden and not post.deleted
        for variant in post.variants:
            assert 0 < variant.width <= post.width and 0 < variant.height <= post.height


@pytest.mark.shared
def test_the_sums_of_philomena_are_those_of_the_stored_file(shared: Path) -> None:
    unprocessed, whole, *_ = read(shared, "philomena", "philomena/derpibooru_search_2023-06.json")
    # The site had not yet made the file smaller: its sum and size are those of another one than it will serve.
    assert (unprocessed.id, unprocessed.sha512, unprocessed.size) == (3144731, "", None)
    assert whole.sha512.startswith("143b542c4e28e86678c803fd15868525") and len(whole.sha512) == 128
    assert (whole.size, whole.original.sha512) == (7590811, whole.sha512)
    assert whole.source == "https://howxu.deviantart.com/art/What-s-so-precious-Chinese-378329857"
    (old, *_) = read(shared, "philomena", "philomena/derpibooru_search_2021.json")
    assert old.sha512.startswith("c68573d4")  # not orig_sha512_hash, which is what was uploaded
    assert old.created == "2020-04-07T17:06:38Z"


@pytest.mark.shared
def test_totals_and_categories_of_philomena(shared: Path) -> None:
    folder = shared / "recordings/booru/philomena"
    philomena = board("philomena")
    assert philomena.count((folder / "derpibooru_search_2023-06.json").read_bytes()) == 2199585
    tags = philomena.tags((folder / "derpibooru_tags_2023-06.json").read_bytes())
    assert tags["bookworm_(g4)"] == ("character", 27) and tags["book_cover"] == ("general", 395)
    (post, *_) = read(shared, "philomena", "philomena/derpibooru_search_2021.json")
    sorted_post = post.with_categories(philomena.guess_categories(post))
    assert sorted_post.tags["artist"] == ("artist:angelinarichter",)
    assert sorted_post.tags["meta"] == ("high_res", "safe")  # a rating is no word of a caption
    assert training_form("princess_luna") == "princess luna"


@pytest.mark.shared
def test_completion_of_philomena(shared: Path) -> None:
    raw = (shared / "recordings/booru/philomena/derpibooru_tags_2023-06.json").read_bytes()
    offered = board("philomena").completions(raw)
    assert offered[0] == Completion("book", "general", 40593)
    assert Completion("bookworm_(g4)", "character", 27) in offered
    alias = b'{"tags":[{"name":"starlight","images":0,"aliased_tag":"starlight+glimmer-colon-x+%28a%29"}]}'
    assert board("philomena").completions(alias) == [
        Completion("starlight_glimmer:x_(a)", "general", None, "starlight")
    ]
    request = board("philomena").complete_request("long_ha")
    assert request is not None and dict(request.params)["q"] == '"long ha*" || name_in_namespace:"long ha*"'


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"tags": ["suggestive", "semi-grimdark"]}, {"rating": "q"}),
        ({"tags": ["safe", "grimdark"]}, {"rating": "e"}),
        ({"tags": ["pony"]}, {"rating": ""}),
        ({"hidden_from_users": True, "duplicate_of": 3}, {"deleted": True, "hidden": True, "parent": 3}),
        ({"thumbnails_generated": False}, {"preview_url": "", "variants": ()}),
        ({"format": "webm"}, {"video": True}),
        ({"format": "svg"}, {"ext": "svg"}),
        ({"format": "jpeg"}, {"ext": "jpg"}),
        ({"representations": {"full": "//cdn.example/a.png"}}, {"file_url": "https://cdn.example/a.png"}),
        (
            {"source_urls": ["https://a.example", "https://b.example"]},
            {"source": "https://a.example\nhttps://b.example"},
        ),
    ],
)
def test_odd_images_of_philomena(record: dict[str, object], expected: dict[str, object]) -> None:
    import json

    whole = {
        "id": 5,
        "width": 3000,
        "height": 2000,
        "format": "png",
        "representations": {"full": "https://x.example/v/5.png", "thumb": "https://x.example/t.png", "large": "/l.png"},
    }
    (post,) = board("philomena").posts(json.dumps({"images": [{**whole, **record}], "total": 1}).encode()).posts
    assert {name: getattr(post, name) for name in expected} == expected


def test_smaller_pictures_of_philomena_have_the_size_of_their_box() -> None:
    raw = b'{"images":[{"id":5,"width":3000,"height":2000,"representations":{"large":"https://x.example/l.png"}}]}'
    (post,) = board("philomena").posts(raw).posts
    assert [(variant.width, variant.height) for variant in post.variants] == [(1280, 853)]


@pytest.mark.parametrize(
    ("terms", "query"),
    [
        ([], "*"),
        (["princess_luna", "-solo"], "princess luna, -solo"),
        (["score:>=100", "width:<800", "id:5"], "score.gte:100, width.lt:800, id:5"),
        (["-score:10..20"], "-(score.gte:10, score.lte:20)"),
        (["artist:some_body"], "(artist:some_body || artist:some body)"),
        (["-oc:some_body"], "-(oc:some_body || oc:some body)"),
        (["( a_b || c )", "d"], "(a b || c), d"),
        (["(", "a_b", "or", "c", ")", "-(", "d", "e", ")"], "(a b || c), -(d, e)"),
        (["what?", "a*b"], '"what\\\\?", "a*b"'),
        (['say_"hi"'], '"say \\"hi\\""'),
        (["^_^"], '"^ ^"'),
        (["this_OR_that"], '"this OR that"'),
        (["twilight_sparkle_(g4)"], '"twilight sparkle (g4)"'),
        (["uploader:some_body"], "uploader:some_body"),
        (["created_at:2020..2021"], "(created_at.gte:2020, created_at.lte:2021)"),
        (["book:holiday_talent_show"], "book:holiday talent show"),
    ],
)
def test_queries_in_philomenas_language(terms: list[str], query: str) -> None:
    assert written(terms) == query


def sent(engine: str, query: str, cursor: Cursor | None = None, **config: object) -> dict[str, str]:
    made = ENGINES[engine]("mine", BoardConfig(engine=engine, url="https://x.example", **config))  # type: ignore[arg-type]
    planned = plan(made, query)
    request = made.posts_request(planned.by_site, cursor or Cursor(), 50)
    return {"path": request.path, **dict(request.params)}


def test_a_search_of_philomena() -> None:
    asked = sent("philomena", "solo princess_luna -score:<5", filter_id=2)
    assert asked["path"] == "/api/v1/json/search/images" and asked["filter_id"] == "2"
    assert asked["q"].startswith("solo, princess luna, ")
    assert asked["q"].endswith(", -questionable, -explicit, -semi-grimdark, -grimdark, -grotesque")
    assert (asked["sf"], asked["sd"], asked["page"], asked["per_page"]) == ("id", "desc", "1", "50")
    below = sent("philomena", "solo rating:g", Cursor(3, 4711))
    assert below["q"] == "solo, safe, id.lt:4711" and below["page"] == "1" and "filter_id" not in below
    assert sent("philomena", "solo rating:e")["q"] == "solo, (explicit || grimdark || grotesque)"
    assert sent("philomena", "solo rating:q")["q"] == (
        "solo, (questionable || semi-grimdark), -explicit, -grimdark, -grotesque"
    )
    assert sent("philomena", "solo rating:g,s,q,e")["q"] == "solo"


@pytest.mark.parametrize(
    ("order", "field", "direction"),
    [
        ("score", "score", "desc"),
        ("score_asc", "score", "asc"),
        ("favcount", "faves", "desc"),
        ("id", "id", "asc"),
        ("portrait", "aspect_ratio", "asc"),
        ("random:5", "random:5", "desc"),
    ],
)
def test_orders_of_philomena(order: str, field: str, direction: str) -> None:
    asked = sent("philomena", f"solo order:{order}", Cursor(2))
    assert (asked["sf"], asked["sd"], asked["page"]) == (field, direction, "2") and "order" not in asked["q"]


def test_a_random_order_can_be_paged() -> None:
    made = board("philomena")
    terms = plan(made, "solo order:random").by_site
    first, second = (dict(made.posts_request(terms, Cursor(page), 50).params)["sf"] for page in (1, 2))
    assert first == second and first.startswith("random:")
    with pytest.raises(UsageError, match="knows no order:beauty"):
        plan(made, "solo order:beauty")


@pytest.mark.shared
def test_recorded_entry_of_zerochan(shared: Path) -> None:
    (post,) = read(shared, "zerochan", "zerochan/list_2026-09-18_excerpt.json")
    assert (post.id, post.md5, post.width, post.height) == (4725815, "00602349a494ad03942f1148208ca34a", 1153, 1684)
    assert post.preview_url == "https://s3.zerochan.net/240/15/16/4725815.avif"
    assert (post.rating, post.score, post.size) == ("", None, None)
    assert post.tags == {"general": ("sin_mal",)}


def test_files_of_zerochan_are_guessed_by_type() -> None:
    made = ENGINES["zerochan"]("z", BoardConfig(engine="zerochan", url="https://www.zerochan.net"))
    (post,) = made.posts(b'{"items":[{"id":7,"tags":["Long Hair"]}]}').posts
    assert post.file_url == "https://static.zerochan.net/.full.7.jpg"
    assert [url.rpartition(".")[2] for url in post.elsewhere] == ["png", "webp", "gif"]
    assert post.original.elsewhere == post.elsewhere
    raw = (
        b'{"id":3793685,"primary":"Yukihana Lamy","width":2976,"height":4055,"size":5706752,'
        b'"hash":"5ba73b33f6f045f62f938f63158704e0","large":"https://s1.zerochan.net/Yukihana.Lamy.1024.3793685.jpg",'
        b'"full":"https://static.zerochan.net/Yukihana.Lamy.full.3793685.jpg","tags":["Hololive"]}'
    )
    (entry,) = made.posts(raw).posts
    assert entry.file_url.endswith("Yukihana.Lamy.full.3793685.jpg") and entry.elsewhere == ()
    assert (entry.md5, entry.size) == ("5ba73b33f6f045f62f938f63158704e0", 5706752)
    assert entry.all_tags() == {"hololive", "yukihana_lamy"}
    assert [(variant.width, variant.height) for variant in entry.variants] == [(752, 1024)]


def test_control_characters_in_zerochans_strings_do_not_cost_the_page() -> None:
    raw = b'{"items":[\r\n{"id":7,"source":"https://x.example/\r\n\ta\x00b","tags":["A\x0bB"]}]}'
    (post,) = board("zerochan").posts(raw).posts
    assert post.id == 7 and post.all_tags() == {"a_b"}


def test_guesses_at_zerochans_tags() -> None:
    post = Post(
        "z",
        1,
        tags={"general": ("kafka_(honkai:_star_rail)", "honkai:_star_rail", "pixiv_id_7411932", "fanart", "long_hair")},
        categorised=False,
    )
    sorted_post = post.with_categories(board("zerochan").guess_categories(post))
    assert sorted_post.tags == {
        "artist": ("pixiv_id_7411932",),
        "copyright": ("honkai:_star_rail",),
        "character": ("kafka_(honkai:_star_rail)",),
        "general": ("long_hair",),
        "meta": ("fanart",),
    }


def test_a_search_of_zerochan() -> None:
    asked = sent("zerochan", "kafka_(honkai:_star_rail) long_hair -solo")
    assert asked["path"] == "/Kafka+(Honkai:+Star+Rail),Long+Hair"
    assert asked == {"path": asked["path"], "json": "", "p": "1", "l": "50", "s": "id"}
    assert sent("zerochan", "Fate/stay_night")["path"] == "/Fate%2Fstay+night"
    assert sent("zerochan", "初音ミク")["path"].startswith("/%E5%88%9D")
    assert sent("zerochan", "-solo")["path"] == "/" and sent("zerochan", "2013")["path"] == "/"  # a number is an entry
    assert sent("zerochan", "a is:strict")["strict"] == ""
    favourites = sent("zerochan", "a order:score")
    assert (favourites["s"], favourites["t"], favourites["path"]) == ("fav", "2", "/A")
    deep = sent("zerochan", "a", Cursor(101, 4711))
    assert deep["o"] == "4711" and "p" not in deep
    assert sent("zerochan", "a", Cursor(100, 4711))["p"] == "100"
    with pytest.raises(UsageError, match="knows no user:x"):
        plan(board("zerochan"), "a user:x")
    with pytest.raises(UsageError, match="knows no order:mpixels"):
        plan(board("zerochan"), "a order:mpixels")
    planned = plan(board("zerochan"), "~a ~b c")
    assert planned.by_site == ("c",) and [term.text for term in planned.by_us] == ["~a", "~b"]


def test_zerochan_says_what_it_lacks() -> None:
    zerochan = board("zerochan")
    assert zerochan.count_request(["a"]) is None and zerochan.rating_terms(frozenset("g")) == []
    assert "ratings" in zerochan.NOTE and "totals" in zerochan.NOTE and zerochan.NOTE.endswith(".")


def test_a_file_of_philomena_is_what_its_sha512_says(tmp_path: Path) -> None:
    lying = Sample(2, noise(2, 16), listed_md5="0" * 32)
    with BoardServer("philomena", [Sample(1, noise(1, 16)), lying]) as server, Network(backoff=0.005) as network:
        made = ENGINES["philomena"]("mine", BoardConfig(engine="philomena", url=server.url))
        got = get(Workspace.open(tmp_path), made, "1girl", network=network)
    assert got.downloaded == 1 and [number for number, _ in got.failed] == [2]
    assert (tmp_path / "mine_1.png").read_bytes() == noise(1, 16)


def test_a_file_of_zerochan_is_looked_for_under_each_type(tmp_path: Path) -> None:
    with BoardServer("zerochan", [Sample(7, noise(7, 16))]) as server, Network(backoff=0.005) as network:
        made = ENGINES["zerochan"]("mine", BoardConfig(engine="zerochan", url=server.url, login="Some Body"))
        got = get(Workspace.open(tmp_path), made, "1girl", network=network)
        assert server.file_requests() == ["/.full.7.jpg", "/.full.7.png"]
        assert all(head["user-agent"].endswith(" - Some Body") for _, _, head in server.requests)
    assert got.downloaded == 1 and (tmp_path / "mine_7.png").read_bytes() == noise(7, 16)


def test_a_site_that_does_not_know_the_question_for_categories_is_guessed_at() -> None:
    with BoardServer("philomena", [Sample(1, b"x", tags={"artist": ["artist:a"], "general": ["pony"]})]) as server:
        server.faults.append(Fault("search/tags", "status", status=404))
        made = ENGINES["philomena"]("mine", BoardConfig(engine="philomena", url=server.url))
        with Network(backoff=0.005) as network:
            client = Client(made, network, kinds={"pony": "species"}.get)  # type: ignore[arg-type]
            page = client.ask(made.posts_request([], Cursor(), 5), made.posts)
            (post,) = categorise(client, page.posts)
            assert post.tags == {"artist": ("artist:a",), "species": ("pony",), "meta": ("safe",)}
            server.faults = [Fault("search/tags", "status", status=403)]
            with pytest.raises(BoardError):
                categorise(client, page.posts)
