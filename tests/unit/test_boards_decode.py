"""What boards really answered, decoded."""

from pathlib import Path

import pytest

from loratui.core.boards import decode
from loratui.core.boards.board import Board
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig, load


def board(engine: str, url: str = "https://board.example") -> Board:
    return ENGINES[engine](engine, BoardConfig(engine=engine, url=url))


def read(shared: Path, engine: str, file: str) -> list[Post]:
    return board(engine).posts((shared / "recordings" / "booru" / file).read_bytes()).posts


RECORDED = [
    ("danbooru", "danbooru/posts_2020-07-26.json", 4),
    ("danbooru", "danbooru/posts_2023-06.json", 1),
    ("danbooru", "danbooru/post_9969513_2025-09-15.json", 1),
    ("danbooru", "danbooru/posts_2026-10-01_excerpt.json", 1),
    ("gelbooru", "gelbooru/posts_2015.xml", 9),
    ("gelbooru", "gelbooru/posts_2023-06.json", 3),
    ("gelbooru", "gelbooru/posts_2023-06.xml", 3),
    ("gelbooru", "gelbooru/posts_2026-09-26.json", 1),
    ("gelbooru", "gelbooru/empty_result.json", 0),
    ("gelbooru02", "rule34/empty_body.txt", 0),
    ("gelbooru02", "rule34/post_5823623.json", 1),
    ("gelbooru02", "rule34/post_5823623.xml", 1),
    ("gelbooru02", "safebooru/post_6077620_2025-09.json", 1),
    ("gelbooru02", "safebooru/posts_2023-06.xml", 5),
    ("moebooru", "moebooru/konachan_posts_2023-06.json", 2),
    ("moebooru", "moebooru/yandere_post_1194966_v2_2024-09.json", 1),
    ("e621", "e621/post_8595_2020.json", 1),
    ("e621", "e621/posts_2020_before.json", 20),
    ("e621", "e621/posts_2020_page1.json", 40),
    ("e621", "e621/posts_2023-06.json", 1),
    ("e621", "e621/posts_v2_extended_2026-07.json", 1),
]


@pytest.mark.shared
@pytest.mark.parametrize(("engine", "file", "count"), RECORDED, ids=[file for _, file, _ in RECORDED])
def test_every_recorded_post_is_whole(shared: Path, engine: str, file: str, count: int) -> None:
    posts = read(shared, engine, file)
    assert len(posts) == count
    for post in posts:
        assert post.id > 0
        assert len(post.md5) == 32
        assert post.width > 0 and post.height > 0
        assert post.rating in tuple("gsqe")
        assert post.file_url.startswith("https://")
        assert post.ext in {"jpg", "png", "gif", "mp4", "webp", "webm"}
        assert post.tags and all(tag and " " not in tag for tags in post.tags.values() for tag in tags)
        assert not post.created or post.created.endswith("Z")
        assert not post.hidden


@pytest.mark.shared
def test_danbooru(shared: Path) -> None:
    (post,) = read(shared, "danbooru", "danbooru/post_9969513_2025-09-15.json")
    assert (post.id, post.md5, post.width, post.height) == (9969513, "bd6cde0ec3b896251118d59b4d0e01b4", 2048, 2048)
    assert post.tags["character"] == ("sangonomiya_kokomi",)
    assert post.tags["artist"] == ("mikurumikurumi",)
    assert post.tags["meta"] == ("highres",)
    assert len(post.tags["general"]) == 12
    assert post.created == "2025-09-15T23:27:31Z"
    assert post.size == 277355
    assert post.preview_url.endswith("/180x180/bd/6c/bd6cde0ec3b896251118d59b4d0e01b4.jpg")
    (film,) = read(shared, "danbooru", "danbooru/posts_2026-10-01_excerpt.json")
    assert film.video and "video" in film.tags["general"]


@pytest.mark.shared
def test_gelbooru_unescapes_once_and_json_equals_xml(shared: Path) -> None:
    (post,) = read(shared, "gelbooru", "gelbooru/posts_2026-09-26.json")
    assert "grabbing_another's_arm" in post.tags["general"]
    assert post.rating == "g" and post.parent is None and not post.categorised
    assert post.created == "2026-09-26T08:51:09Z"
    from_json = read(shared, "gelbooru", "gelbooru/posts_2023-06.json")
    from_xml = read(shared, "gelbooru", "gelbooru/posts_2023-06.xml")
    assert from_json == from_xml


@pytest.mark.shared
def test_gelbooru_totals_and_tags(shared: Path) -> None:
    folder = shared / "recordings" / "booru"
    gelbooru, old = board("gelbooru"), board("gelbooru02")
    assert gelbooru.count((folder / "gelbooru/posts_2026-09-26.json").read_bytes()) == 14304678
    assert gelbooru.count((folder / "gelbooru/empty_result.json").read_bytes()) == 0
    assert old.count((folder / "safebooru/posts_2023-06.xml").read_bytes()) == 3781989
    assert gelbooru.tags((folder / "gelbooru/tags_2026-09-26.json").read_bytes())["touhou"] == ("copyright", 1024947)
    in_json = gelbooru.tags((folder / "gelbooru/tags_2023-06.json").read_bytes())
    assert in_json == gelbooru.tags((folder / "gelbooru/tags_2023-06.xml").read_bytes())
    assert in_json["artbook"][0] == "meta" and in_json["bookbag"][0] == "general"  # the last is deprecated
    safebooru = old.tags((folder / "safebooru/tags_2023-06.xml").read_bytes())
    assert safebooru["gray_(sketchbook_full_colors)"][0] == "character"
    assert "sketchbook_full_color's" in safebooru


@pytest.mark.shared
def test_older_gelbooru(shared: Path) -> None:
    (safe,) = read(shared, "gelbooru02", "safebooru/post_6077620_2025-09.json")
    assert safe.md5 == "563c6fbe5761ac4ba720ae0da9a15b8a"  # and not the name of the file
    assert safe.score is None and safe.rating == "g"
    assert safe.file_url == "https://safebooru.org/images/539/6fef5929e6e09703b1493c6e5802fa5e4f189639.jpg"
    (json_form,) = read(shared, "gelbooru02", "rule34/post_5823623.json")
    (xml_form,) = read(shared, "gelbooru02", "rule34/post_5823623.xml")
    assert (json_form.md5, json_form.tags, json_form.rating) == (xml_form.md5, xml_form.tags, xml_form.rating)
    assert json_form.ext == "jpg"  # the address says jpeg
    guessed = board("gelbooru02").guess_categories(json_form)
    assert guessed == {"zoologist_(terraria)": "character", "terraria": "copyright"}
    assert read(shared, "gelbooru02", "safebooru/posts_2023-06.xml")[0].animated


@pytest.mark.shared
def test_moebooru(shared: Path) -> None:
    (post,) = read(shared, "moebooru", "moebooru/yandere_post_1194966_v2_2024-09.json")
    assert post.tags == {"artist": ("fu_u03",)} and post.categorised
    assert post.created == "2024-09-17T10:13:50Z"
    assert "%20" in post.file_url  # percent-encoded names stay as they are
    first, second = read(shared, "moebooru", "moebooru/konachan_posts_2023-06.json")
    assert not first.categorised
    assert second.preview_url  # the record has none: the sample stands in


@pytest.mark.shared
def test_e621_old_and_new_form(shared: Path) -> None:
    (old,) = read(shared, "e621", "e621/post_8595_2020.json")
    assert old.tags["species"][0] == "canid" and old.tags["artist"] == ("jessica_willard",)
    assert old.score == 88 and old.size == 135618
    (new,) = read(shared, "e621", "e621/posts_v2_extended_2026-07.json")
    assert new.tags["character"] == ("dalue_(dalueart)",) and new.score == 34
    assert new.file_url.endswith("077e4bbffe0ea5d5acb0fca479de8fdd.png")
    assert new.preview_url.endswith(".jpg")
    assert new.parent is None  # a post is not its own parent
    count = (shared / "recordings/booru/e621/count_2026-09-15.json").read_bytes()
    assert board("e621").count(count) is None  # capped: a lower bound is no total
    assert board("e621").count(b'{"count":12,"capped":false}') == 12


@pytest.mark.shared
def test_danbooru_counts(shared: Path) -> None:
    assert board("danbooru").count((shared / "recordings/booru/danbooru/counts_1026.json").read_bytes()) == 1026
    assert board("danbooru").count(b'{"counts":{"posts":null}}') is None
    tags = board("danbooru").tags((shared / "recordings/booru/danbooru/tags_2023-06.json").read_bytes())
    assert tags["book"] == ("general", 105190)


def test_a_record_out_of_shape_does_not_cost_the_page() -> None:
    raw = b'[{"id":"nonsense"},{"id":2,"image_width":5,"file_url":"https://x.example/a.png","file_ext":"png"}]'
    page = board("danbooru").posts(raw)
    assert [post.id for post in page.posts] == [2] and page.size == 2


def test_a_post_one_may_not_see_is_hidden() -> None:
    (post,) = board("danbooru").posts(b'[{"id":7,"rating":"g","tag_string":"1girl"}]').posts
    assert post.hidden and post.tags == {"general": ("1girl",)}
    (post,) = board("e621").posts(b'{"posts":[{"id":7,"file":{"url":null,"ext":"png"}}]}').posts
    assert post.hidden


def test_single_post_instead_of_a_list() -> None:
    raw = b'{"@attributes":{"count":1},"post":{"id":3,"file_url":"https://x.example/a.png","tags":"a b"}}'
    assert [post.id for post in board("gelbooru").posts(raw).posts] == [3]


def test_addresses_built_where_the_record_has_none() -> None:
    raw = b'[{"id":3,"directory":"12","image":"abc.jpg","hash":"","tags":"a","rating":"safe"}]'
    (post,) = board("gelbooru02", "https://tbib.org").posts(raw).posts
    assert post.file_url == "https://tbib.org/images/12/abc.jpg"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1726568030, "2024-09-17T10:13:50Z"),
        ("1726568030", "2024-09-17T10:13:50Z"),
        ({"s": 1726568030}, "2024-09-17T10:13:50Z"),
        ("2025-09-15T19:27:31.639-04:00", "2025-09-15T23:27:31Z"),
        ("Sat Sep 26 03:51:09 -0500 2026", "2026-09-26T08:51:09Z"),
        ("nonsense", ""),
        (None, ""),
        (10**30, ""),
    ],
)
def test_times(value: object, expected: str) -> None:
    assert decode.moment(value) == expected


def test_addresses_are_web_addresses() -> None:
    assert decode.address("//cdn.example/a.png", "https://x.example") == "https://cdn.example/a.png"
    assert decode.address("/a.png", "https://x.example/") == "https://x.example/a.png"
    assert decode.address("file:///etc/passwd", "https://x.example") == ""
    assert decode.address("javascript:alert(1)", "https://x.example") == ""
    assert decode.address("http://[::broken/a.png", "https://x.example") == ""


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("wrong", ["1180591620717411303424", "-5", "0", "NaN", "1e400", '"x"', "[]"])
def test_a_post_without_a_usable_number_does_not_cost_the_page(engine: str, wrong: str) -> None:
    """SQLite holds 63 bits, and a number is part of a file's name."""
    good = '{"id":7,"tags":"a","file_url":"https://x.example/a.png"}'.replace(
        '"a"', '["a"]' if engine in ("e621", "philomena", "zerochan") else '"a"'
    )
    raw = f"[{good.replace('7', wrong, 1)},{good}]".encode()
    if wrong in ("NaN", "1e400"):
        with pytest.raises(ValueError, match=r"JSON|range"):
            board(engine).posts(raw)
    else:
        assert [post.id for post in board(engine).posts(raw).posts] == [7]


@pytest.mark.parametrize(
    ("told", "known"), [(5, 5), ("5", 5), (0, 0), (-1, None), (2**70, None), ("\xb2", None), (True, None), ([], None)]
)
def test_a_total_is_a_number_or_unknown(told: object, known: int | None) -> None:
    assert decode.amount(told) == known


def test_entity_bombs_are_refused() -> None:
    with pytest.raises(ValueError, match="document type"):
        decode.xml_root(b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><posts/>')


def test_every_built_in_board_has_a_known_engine() -> None:
    assert {config.engine for config in load().boards.values()} <= set(ENGINES)
