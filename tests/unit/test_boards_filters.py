"""Wishes judged from records: what each leaves out, what each costs, and which file is fetched."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loratui.core.acts.boards import bucket_ratios
from loratui.core.boards.board import Board
from loratui.core.boards.choosing.filters import Filters
from loratui.core.boards.choosing.wishes import RATIOS, Wishes, crop
from loratui.core.boards.choosing.without import SETS
from loratui.core.boards.engines.variants import within
from loratui.core.boards.planning.plan import plan
from loratui.core.boards.post import Post, Variant
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from loratui.core.errors import UsageError
from loratui.core.project import Project

POST = Post(
    "b",
    5,
    md5="0" * 32,
    width=1200,
    height=900,
    ext="jpg",
    size=500_000,
    rating="g",
    score=30,
    file_url="https://x.example/a.jpg",
    created="2024-05-10T12:00:00Z",
    tags={"general": ("1girl", "purple_hair"), "meta": ("highres",)},
)


def board(engine: str = "gelbooru") -> Board:
    return ENGINES[engine](engine, BoardConfig(engine=engine, url="https://board.example"))


def reason(post: Post, query: str = "x", **wishes: Any) -> str:
    return Filters(plan(board(), query), Wishes(**wishes)).reason(post)


def tagged(*tags: str) -> Post:
    return replace(POST, tags={"general": tags})


UNKNOWN = replace(POST, width=0, height=0, size=None, score=None, created="", md5="")


@pytest.mark.parametrize(
    ("wishes", "passes", "refused", "why"),
    [
        ({"min_side": 900}, POST, replace(POST, width=899), "small"),
        ({"min_mpixels": 1.08}, POST, replace(POST, width=1199), "few pixels"),
        ({"max_mpixels": 1.08}, POST, replace(POST, width=1201), "many pixels"),
        ({"max_crop": 0.05}, POST, replace(POST, width=4400, height=900), "crop"),
        ({"max_crop": 0.05, "ratios": (1.0,)}, replace(POST, width=940), POST, "crop"),
        ({"min_score": 30}, POST, replace(POST, score=29), "score"),
        ({"newer": "2024-05"}, POST, replace(POST, created="2024-04-30T23:59:59Z"), "too old"),
        ({"older": "2024-05-11"}, POST, replace(POST, created="2024-05-11T00:00:00Z"), "too new"),
        ({"without": ("comic",)}, POST, tagged("4koma"), "without comic"),
        ({"without": ("text",)}, POST, tagged("english_text"), "without text"),
        ({"without": ("purple hair",)}, tagged("Purple_Eyes"), tagged("Purple Hair"), "without purple hair"),
        ({"without": ("*_hair",)}, tagged("hair_bun"), POST, "without *_hair"),
    ],
)
def test_a_wish(wishes: dict[str, Any], passes: Post, refused: Post, why: str) -> None:
    assert reason(passes, **wishes) == "" and reason(refused, **wishes) == why
    assert reason(UNKNOWN, **wishes) == "" or "without" in why  # what a board does not tell leaves nothing out


def test_ages_count_from_now() -> None:
    def put_up(days: int) -> Post:
        return replace(POST, created=f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}")

    for wish, inside, outside in (("30d", 29, 31), ("2w", 13, 15), ("6mo", 180, 190), ("1y", 364, 367)):
        assert reason(put_up(inside), newer=wish) == "" and reason(put_up(outside), newer=wish) == "too old"
        assert reason(put_up(outside), older=wish) == "" and reason(put_up(inside), older=wish) == "too new"


def test_moving_pictures_by_choice_and_films_never() -> None:
    gif, apng = replace(POST, ext="gif"), tagged("animated")
    assert [reason(gif), reason(apng)] == ["animated", "animated"]
    assert [reason(gif, animated=True), reason(apng, animated=True)] == ["", ""]
    assert reason(replace(POST, ext="webm"), animated=True) == "video"
    assert reason(replace(POST, ext="svg"), animated=True) == "no picture"


def test_one_of_a_family_is_the_one_listed_first() -> None:
    filters = Filters(plan(board(), "x"), Wishes(one_of_family=True))
    family = [(9, 7), (8, 7), (7, None), (6, 5), (5, 4), (3, None), (4, None)]
    posts = [replace(POST, id=number, parent=parent, md5=f"{number:032}") for number, parent in family]
    assert [post.id for post in posts if not filters.reason(post)] == [9, 6, 3]
    assert filters.filtered == {"family": 4}
    assert all(not Filters(plan(board(), "x")).reason(post) for post in posts)


def test_a_relative_that_is_left_out_takes_nobody_s_place() -> None:
    filters = Filters(plan(board(), "x"), Wishes(one_of_family=True, min_side=900))
    assert filters.reason(replace(POST, id=9, parent=7, md5="", width=100)) == "small"
    assert filters.reason(replace(POST, id=7, md5="")) == ""


def test_costs_tell_what_each_filter_takes_and_what_only_it_takes() -> None:
    filters = Filters(plan(board(), "x -purple_eyes mpixels:>0.1"), Wishes(min_side=768, without=("comic",)))
    small = [replace(POST, id=n, md5=f"{n:032}", width=700) for n in range(10)]
    comics = [replace(tagged("comic"), id=n, md5=f"{n:032}") for n in range(10, 14)]
    both = [replace(tagged("comic"), id=n, md5=f"{n:032}", width=20, height=30) for n in range(14, 17)]
    for post in [*small, *comics, *both, POST, POST, replace(POST, rating="e", md5="1" * 32)]:
        filters.reason(post)
    assert [str(cost) for cost in filters.costs()] == [
        "min side 768: −13 (10 only by it)",
        "without comic: −7 (4 only by it)",
        "the same file again: −1",
        "rating: −1",
        "mpixels:>0.1: −3 (0 only by it)",
    ]
    assert filters.filtered.total() == 19
    assert filters.filtered == {"small": 10, "without comic": 4, "query: mpixels:>0.1": 3, "duplicate": 1, "rating": 1}


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"min_side": -1}, "--min-side -1 is too small"),
        ({"variant_side": -5}, "--smallest-variant -5"),
        ({"min_mpixels": 2.0, "max_mpixels": 1.0}, "--max-mpixels 1 is less than --min-mpixels 2"),
        ({"min_mpixels": float("nan")}, "--min-mpixels nan is no size"),
        ({"max_crop": 1.0}, "--max-crop 1.0 is no share"),
        ({"newer": "yesterday"}, "--newer yesterday is neither a date nor an age"),
        ({"older": "2024-13"}, "--older 2024-13"),
        ({"newer": "99999999y"}, "--newer 99999999y"),
        ({"newer": "9999y"}, "--newer 9999y"),
        ({"newer": "2025", "older": "2024"}, "leaves no time between"),
    ],
)
def test_wishes_that_cannot_be_meant(wishes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Filters(plan(board(), "x"), Wishes(**wishes))
    assert words in caught.value.message and caught.value.remedy


def test_wishes_are_stored_and_told_as_options() -> None:
    wishes = Wishes(
        768,
        0.5,
        4.0,
        0.15,
        (1.0, 0.75),
        True,
        5,
        "1y",
        "2w",
        ("comic", "own_tag"),
        one_of_family=True,
        variant_side=900,
    )
    raw = json.dumps(msgspec.to_builtins(wishes))
    assert msgspec.convert(json.loads(raw), Wishes) == wishes
    assert msgspec.convert({}, Wishes) == Wishes() and Wishes().options() == []
    assert " ".join(wishes.options()) == (
        "--min-side 768 --min-mpixels 0.5 --max-mpixels 4.0 --max-crop 0.15 --animated --min-score 5 --newer 1y "
        "--older 2w --without comic,own_tag --one-of-family --smallest-variant 900"
    )


def test_the_sets_are_disjoint_from_each_other_s_names_and_well_written() -> None:
    for name, (what, tags) in SETS.items():
        assert what and tags and all(tag == tag.lower() and " " not in tag for tag in tags), name
        assert len(set(tags)) == len(tags)
        # A set's name typed as a tag would be the set.
        assert reason(tagged(name.replace("-", "_")), without=(name,)) or name not in ("comic", "text", "sketch", "3d")


def test_crop_against_the_buckets_of_the_project(tmp_path: Path) -> None:
    assert crop(1024, 1024) == 0 and crop(0, 5) == 0
    assert 0 < crop(1000, 1024) < 0.03
    assert crop(16384, 1024) == pytest.approx(0.5) and max(RATIOS) == 8  # 2048 × 256
    assert bucket_ratios(None) == ()
    project = Project.create(tmp_path / "p")
    ratios = bucket_ratios(project)
    assert 1.0 in ratios and min(ratios) < 0.7 < 1.4 < max(ratios) and list(ratios) == sorted(ratios)
    project.set("training.enable_bucket", False)
    assert bucket_ratios(Project.load(project.root)) == (1.0,)


LARGE = replace(
    POST,
    width=3000,
    height=2000,
    ext="png",
    size=9_000_000,
    file_url="https://x.example/o.png",
    variants=(
        Variant("https://x.example/s", 540, 360, "webp"),
        Variant("https://x.example/m", 1080, 720, "webp", 90_000),
        Variant("https://x.example/l", 1500, 1000, "jpg"),
        Variant("https://x.example/j", 3000, 2000, "jpg", 2_000_000),
    ),
)


@pytest.mark.parametrize(
    ("side", "url"), [(0, "o.png"), (361, "m"), (720, "m"), (721, "l"), (1000, "l"), (1001, "j"), (2001, "o.png")]
)
def test_the_smallest_file_that_is_large_enough(side: int, url: str) -> None:
    file = Wishes(variant_side=side).file(LARGE)
    assert file.url == f"https://x.example/{url}"
    assert file.md5 == (LARGE.md5 if url == "o.png" else "")  # the md5 of a post is that of its original


def test_a_variant_that_spares_nothing_is_not_fetched() -> None:
    same = replace(LARGE, variants=(Variant("https://x.example/j", 3000, 2000, "jpg"),))
    larger = replace(LARGE, variants=(Variant("https://x.example/j", 6000, 4000, "jpg", 1),))
    assert (
        Wishes(variant_side=900).file(same) == same.original
        and Wishes(variant_side=900).file(larger) == larger.original
    )


@pytest.mark.shared
@pytest.mark.parametrize(
    ("engine", "file", "side", "chosen"),
    [
        ("danbooru", "danbooru/post_9969513_2025-09-15.json", 700, (720, 720, "webp")),
        ("danbooru", "danbooru/post_9969513_2025-09-15.json", 768, (850, 850, "jpg")),
        ("danbooru", "danbooru/post_9969513_2025-09-15.json", 1024, (2048, 2048, "jpg")),
        ("danbooru", "danbooru/posts_2020-07-26.json", 100, (1037, 988, "png")),  # those records name none
        ("e621", "e621/posts_v2_extended_2026-07.json", 512, (874, 850, "jpg")),
        ("e621", "e621/posts_2020_page1.json", 512, (850, 1348, "jpg")),
        ("e621", "e621/posts_2020_page1.json", 851, (1601, 2539, "jpg")),
        ("moebooru", "moebooru/yandere_post_1194966_v2_2024-09.json", 768, (858, 1500, "jpg")),
        ("moebooru", "moebooru/konachan_posts_2023-06.json", 999, (1500, 1000, "png")),  # the JPEG's bytes: untold
        ("gelbooru", "gelbooru/posts_2026-09-26.json", 600, (849, 638, "jpg")),
        ("gelbooru", "gelbooru/posts_2026-09-26.json", 768, (1334, 1002, "png")),
        ("gelbooru02", "safebooru/post_6077620_2025-09.json", 400, (850, 478, "jpg")),
        ("philomena", "philomena/derpibooru_search_2023-06.json", 10_000, None),
    ],
)
def test_smaller_files_of_recorded_posts(
    shared: Path, engine: str, file: str, side: int, chosen: tuple[int, int, str] | None
) -> None:
    posts = board(engine).posts((shared / "recordings" / "booru" / file).read_bytes()).posts
    picked = Wishes(variant_side=side).file(posts[0])
    if chosen is None:
        assert picked == posts[0].original
    else:
        assert (picked.width, picked.height, picked.ext) == chosen
    for post in posts:
        assert all(v.url and v.width and v.height and v.ext not in ("webm", "mp4", "gif") for v in post.variants)


def test_fitting_into_a_box() -> None:
    assert within(3000, 2000, 1280, 1024) == (1280, 853) and within(100, 50, 1280, 1024) == (100, 50)
    assert within(0, 5, 10, 10) == (0, 0) and within(100_000, 10, 100, 100) == (100, 1)


@pytest.mark.shared
def test_recorded_posts_are_judged(shared: Path) -> None:
    found = {}
    for engine, file in (
        ("danbooru", "danbooru/posts_2020-07-26.json"),
        ("danbooru", "danbooru/posts_2026-10-01_excerpt.json"),
        ("e621", "e621/posts_2020_page1.json"),
        ("moebooru", "moebooru/konachan_posts_2023-06.json"),
        ("gelbooru02", "safebooru/posts_2023-06.xml"),
    ):
        made = board(engine)
        filters = Filters(plan(made, "x rating:g,s"), Wishes(min_side=1000, max_crop=0.1, without=("text", "sketch")))
        for post in made.posts((shared / "recordings" / "booru" / file).read_bytes()).posts:
            filters.reason(post)
        found[file] = dict(filters.filtered)
    assert found["danbooru/posts_2026-10-01_excerpt.json"] == {"video": 1}
    assert found["danbooru/posts_2020-07-26.json"]["small"] >= 1
    assert found["safebooru/posts_2023-06.xml"]["animated"] >= 2
    assert found["e621/posts_2020_page1.json"]["small"] > 5
