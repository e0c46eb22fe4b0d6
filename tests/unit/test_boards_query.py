"""What goes to the site and what is judged here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.filters import Filters
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.language.terms import matches, parse, spans
from loratui.core.boards.planning.plan import plan
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from loratui.core.errors import UsageError


def board(engine: str) -> Board:
    return ENGINES[engine](engine, BoardConfig(engine=engine, url="https://board.example"))


class Site:
    """What a site would tell, and what it was asked."""

    def __init__(
        self, counts: Mapping[str, int] | None = None, limit: int | None = 2, names: Mapping[str, str] | None = None
    ) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self._counts, self._limit, self._names = counts or {}, limit, names or {}

    def limit(self) -> int | None:
        self.asked.append(("limit", []))
        return self._limit

    def counts(self, tags: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(("counts", list(tags)))
        return self._counts

    def true_names(self, tags: Sequence[str]) -> Mapping[str, str]:
        self.asked.append(("names", list(tags)))
        return self._names


def split(engine: str, query: str, counts: dict[str, int] | None = None) -> tuple[list[str], list[str]]:
    site = Site(counts, ENGINES[engine].TAG_LIMIT)
    made = plan(board(engine), query, site if counts is not None else None)
    assert len([what for what, _ in site.asked if what == "counts"]) <= 1
    return list(made.by_site), [term.text for term in made.by_us]


def test_the_default_rating_in_each_site_s_words() -> None:
    assert split("danbooru", "solo") == (["solo", "rating:general,sensitive"], [])
    assert split("gelbooru", "solo") == (["solo", "-rating:questionable", "-rating:explicit"], [])
    assert split("gelbooru02", "solo") == (["solo", "-rating:questionable", "-rating:explicit"], [])
    assert split("moebooru", "solo") == (["solo", "rating:s"], [])
    assert split("e621", "solo") == (["solo", "rating:safe"], [])


def test_a_rating_in_the_query_replaces_it() -> None:
    assert split("danbooru", "solo -rating:explicit") == (["solo", "-rating:explicit"], [])
    assert split("danbooru", "rating:g solo")[0] == ["solo", "rating:general"]
    assert split("gelbooru", "solo rating:questionable")[0] == ["solo", "rating:questionable"]
    assert split("moebooru", "solo rating:general")[0] == ["solo", "rating:s"]  # the site would ignore "general"
    assert split("moebooru", "solo -rating:e")[0] == ["solo", "-rating:e"]
    assert plan(board("danbooru"), "x rating:s").ratings == {"s"}
    assert plan(board("e621"), "x rating:s").ratings == {"g"}  # there, s is safe
    assert "g" in plan(board("moebooru"), "x rating:sensitive").ratings
    with pytest.raises(UsageError, match="names no rating"):
        split("danbooru", "rating:spicy")
    with pytest.raises(UsageError, match="leave no rating"):
        split("danbooru", "rating:g rating:e")


def test_free_metatags_do_not_count_and_the_rarest_tags_are_sent() -> None:
    query = "1girl kafka_(honkai:_star_rail) solo sunglasses -shirt filetype:jpg width:>=768"
    counts = {"1girl": 6_000_000, "kafka_(honkai:_star_rail)": 5000, "solo": 5_000_000, "sunglasses": 80_000}
    by_site, by_us = split("danbooru", query, counts)
    assert by_site == [
        "kafka_(honkai:_star_rail)",
        "sunglasses",
        "filetype:jpg",
        "width:>=768",
        "rating:general,sensitive",
    ]
    assert by_us == ["1girl", "solo", "-shirt"]


@pytest.mark.parametrize(
    ("engine", "query", "asked"),
    [
        ("danbooru", "a b rating:g width:>5", []),
        ("gelbooru", "a b c d e", []),
        ("danbooru", "a b -c -d*", [("limit", []), ("names", ["c"])]),
        ("danbooru", "a b c", [("limit", []), ("counts", ["a", "b", "c"]), ("names", ["c"])]),
    ],
)
def test_the_site_is_asked_only_what_changes_the_plan(
    engine: str, query: str, asked: list[tuple[str, list[str]]]
) -> None:
    site = Site({"a": 1, "b": 2, "c": 3})
    plan(board(engine), query, site)
    assert site.asked == asked


@pytest.mark.parametrize(("limit", "here"), [(2, ["shirt"]), (6, []), (None, [])])
def test_an_account_s_own_limit_counts(limit: int | None, here: list[str]) -> None:
    made = plan(board("danbooru"), "kafka_(x) solo shirt", Site({"kafka_(x)": 9, "solo": 90, "shirt": 99}, limit))
    assert [term.text for term in made.by_us] == here


def test_an_alias_is_judged_by_its_true_name_and_told_as_it_was_typed() -> None:
    made = plan(board("danbooru"), "a b -tie", Site({"a": 1, "b": 2}, names={"tie": "necktie"}))
    (term,) = made.by_us
    assert (term.text, term.value) == ("-tie", "necktie")
    post = Post("danbooru", 1, tags={"general": ("a", "b", "necktie")})
    assert not matches(post, term) and matches(replace(post, tags={"general": ("tie",)}), term)


def test_what_only_the_site_can_do_is_sent_first() -> None:
    assert split("danbooru", "a b order:score", {"a": 9, "b": 3}) == (
        ["b", "order:score", "rating:general,sensitive"],
        ["a"],
    )
    assert split("danbooru", "a -b -c", {}) == (["a", "-b", "rating:general,sensitive"], ["-c"])
    with pytest.raises(UsageError, match="takes 2"):
        split("danbooru", "order:score user:a fav:b")


def test_an_unknown_tag_may_be_an_alias_and_goes_to_the_site() -> None:
    assert split("danbooru", "a b c", {"a": 1, "b": 2})[0][:2] == ["a", "c"]
    # With no counts to be had, a tag in brackets is taken for the rarest.
    assert "kafka_(x)" in split("danbooru", "1girl solo kafka_(x)")[0]


def test_either_goes_whole_or_not_at_all() -> None:
    assert split("danbooru", "~a ~b") == (["~a", "~b", "rating:general,sensitive"], [])
    assert split("danbooru", "~a ~b c") == (["c", "rating:general,sensitive"], ["~a", "~b"])
    assert split("gelbooru", "~a ~b c")[0][:2] == ["{a ~ b}", "c"]
    assert split("gelbooru02", "~a ~b")[0][0] == "( a ~ b )"


def test_words_for_sorting() -> None:
    assert split("gelbooru", "a order:score")[0][1] == "sort:score:desc"
    assert split("gelbooru", "a order:id")[0][1] == "sort:id:asc"
    assert split("gelbooru", "a order:score_asc")[0][1] == "sort:score:asc"
    assert split("gelbooru", "a sort:random")[0][1] == "sort:random"
    assert split("danbooru", "a sort:score:desc")[0][1] == "order:score"
    assert split("danbooru", "a sort:score:asc")[0][1] == "order:score_asc"
    assert split("moebooru", "a order:score")[0][1] == "order:score"
    assert plan(board("gelbooru"), "a sort:score").ordered and not plan(board("gelbooru"), "a").ordered


def test_metatags_a_site_does_not_know_are_judged_here() -> None:
    assert split("gelbooru", "a filetype:png mpixels:>1") == (
        ["a", "-rating:questionable", "-rating:explicit"],
        ["filetype:png", "mpixels:>1"],
    )
    assert split("gelbooru", "a width:768..1024 -height:>=5")[0][1:4] == ["width:>=768", "width:<=1024", "height:<5"]
    assert split("gelbooru", "a -height:5")[1] == ["-height:5"]
    assert split("gelbooru", "a width:1,2")[1] == ["width:1,2"]
    assert split("e621", "a filetype:png")[0][1] == "type:png"


def test_tags_with_colons_are_tags() -> None:
    assert split("danbooru", "honkai:_star_rail :d")[0][:2] == ["honkai:_star_rail", ":d"]
    assert not parse(":3")[0].key and not parse("re:zero")[0].key


def test_grouping_goes_out_whole_or_is_refused() -> None:
    made = plan(board("danbooru"), "( a or b ) c")
    assert made.by_site == ("(", "(", "a", "or", "b", ")", "c", ")", "rating:general,sensitive") and not made.by_us
    with pytest.raises(UsageError, match="no parentheses"):
        plan(board("moebooru"), "a or b")


def test_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        parse("   ")
    with pytest.raises(UsageError, match="no part"):
        parse("a limit:5")
    with pytest.raises(UsageError, match="no number"):
        split("gelbooru", "a width:wide")


@pytest.mark.parametrize(
    ("term", "inside", "outside"),
    [
        ("width:>=768", [768, 900], [767]),
        ("width:>768", [769], [768]),
        ("width:..5", [5], [6]),
        ("width:2..4", [2, 3, 4], [1, 5]),
        ("width:1,3", [1, 3], [2]),
        ("ratio:16:9", [1.78], [1.7]),
        ("filesize:>2mb", [3e6], [2e6]),
        ("mpixels:0.5..1.5", [0.5, 1.5], [1.6]),
    ],
)
def test_ranges(term: str, inside: list[float], outside: list[float]) -> None:
    ranges = spans(parse(term)[0])
    assert all(any(number in span for span in ranges) for number in inside)
    assert not any(number in span for span in ranges for number in outside)


POST = Post(
    "b",
    5,
    md5="0" * 32,
    width=800,
    height=600,
    ext="jpg",
    rating="g",
    score=3,
    file_url="https://x.example/a.jpg",
    tags={"general": ("1girl", "purple_hair", ":3"), "character": ("kafka_(honkai:_star_rail)",)},
)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("1girl", True),
        ("-1girl", False),
        ("KAFKA_(honkai:_star_rail)", True),
        ("*hair", True),
        ("-*hair", False),
        ("purple*", True),
        ("width:>=800", True),
        ("-width:>=800", False),
        ("score:<3", False),
        ("filetype:png,jpeg", True),
        ("parent:none", True),
        ("filesize:>1", False),  # unknown is not enough
        (":3", True),
        ("tagcount:4", True),
    ],
)
def test_judged_from_the_record(term: str, expected: bool) -> None:
    assert matches(POST, parse(term)[0]) is expected


def filters(query: str = "x", **wishes: Any) -> Filters:
    return Filters(plan(board("gelbooru"), query), Wishes(**wishes))


def test_reasons_from_the_record() -> None:
    from dataclasses import replace

    assert filters().reason(POST) == ""
    assert filters().reason(replace(POST, deleted=True)) == "deleted"
    assert filters().reason(replace(POST, ext="mp4")) == "video"
    assert filters().reason(replace(POST, ext="gif")) == "animated"
    assert filters().reason(replace(POST, file_url="", hidden=True)) == "hidden"
    assert filters().reason(replace(POST, rating="e")) == "rating"
    assert filters("x mpixels:>1").reason(POST) == "query: mpixels:>1"
    assert filters(min_side=601).reason(POST) == "small"
    assert filters(min_side=600).reason(POST) == ""
    assert filters(min_side=600).reason(replace(POST, width=0)) == ""  # unknown passes
    twice = filters()
    assert (twice.reason(POST), twice.reason(replace(POST, id=6))) == ("", "duplicate")


@pytest.mark.parametrize(
    ("engine", "query", "by_site", "by_us"),
    [
        # one of a name: the site would heed the last, and drop the other in silence
        ("moebooru", "score:>5 score:<10", ["score:>5"], ["score:<10"]),
        ("moebooru", "-width:>=900", ["width:<900"], []),
        ("moebooru", "-width:700..900 -md5:abc", [], ["-width:700..900", "-md5:abc"]),
        ("moebooru", "a* b* -c*", ["a*"], ["b*", "-c*"]),
        ("moebooru", "~a ~b c*", ["~a", "~b"], ["c*"]),
        ("moebooru", "status:any a", ["deleted:all", "a"], []),
        ("moebooru", "a b c d e f g", ["a", "b", "c", "d", "e", "f"], ["g"]),
        ("moebooru", "date:2024-02", ["date:2024-02-01..2024-02-29"], []),
        ("danbooru", "date:2024", ["date:2024-01-01..2024-12-31"], []),
        ("danbooru", "date:>2024-02", ["date:>=2024-03-01"], []),
        ("danbooru", "age:<6m -age:1m..2y", ["age:<6mo", "-age:1mo..2y"], []),
        ("gelbooru", "age:<6m", [], ["age:<6m"]),
        ("gelbooru", "parent:none -score:<=3", ["score:>3"], ["parent:none"]),
        ("e621", "filetype:png,jpg", [], ["filetype:png,jpg"]),
        ("e621", "~width:>5 ~a", [], ["~width:>5", "~a"]),
        ("philomena", "-score:>=5 order:score_asc", ["score:<5", "order:score:asc"], []),
    ],
)
def test_only_words_that_a_site_s_parser_heeds_are_sent(
    engine: str, query: str, by_site: list[str], by_us: list[str]
) -> None:
    sent, here = split(engine, query)
    assert [word for word in sent if "rating" not in word and word not in ("-questionable", "-explicit")][
        : len(by_site)
    ] == by_site
    assert here == by_us


def test_what_sorts_goes_by_page_numbers() -> None:
    assert plan(board("moebooru"), "pool:5").ordered and not plan(board("danbooru"), "pool:5").ordered
    assert plan(board("danbooru"), "a order:score").ordered and not plan(board("danbooru"), "a order:id_desc").ordered
    assert plan(board("gelbooru"), "a sort:id:desc").by_site[0] == "a"


def test_the_division_in_one_line() -> None:
    made = plan(board("danbooru"), "kafka_(x) solo shirt", Site({"kafka_(x)": 9, "solo": 900, "shirt": 99}))
    assert made.told(1026, 1026, 259, finished=True) == "3 terms by the site, 1 here: 1,026 → 259"
    assert made.told(1026, 200, 51) == "3 terms by the site, 1 here: 1,026 posts, of the first 200 51"
    assert made.told(None) == "3 terms by the site, 1 here: unknown posts"
    assert made.told(None, more_than=240_000) == "3 terms by the site, 1 here: 240,000+ posts"
    assert plan(board("zerochan"), "a").told(None, 7, 7, finished=True) == "1 term by the site: 7 → 7"
