"""Every engine over loopback, with its own limits, words and silent misreadings: the same posts come out of each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Any

import pytest

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.listing.search import Search
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from loratui.core.errors import UsageError
from tests.boards_server import BoardServer, Fault, Sample

GUIDE = "solo -rating:explicit -rating:questionable kafka_(honkai:_star_rail) shirt"
KAFKA = "kafka_(honkai:_star_rail)"
ALL = list(ENGINES)
Listed = Callable[[str, str], list[int]]
ANONYMOUS_LIMIT = 2
"""Of danbooru; the servers of the other engines have their own."""


def board(engine: str, url: str) -> Board:
    return ENGINES[engine]("mine", BoardConfig(engine=engine, url=url))


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network(backoff=0.01, stall=5.0) as made:
        yield made


def samples(count: int = 60) -> list[Sample]:
    """Posts of every mixture of what the queries ask for."""
    return [
        Sample(
            number,
            b"\x89PNG\r\n\x1a\n%d" % number,
            ext="png" if number % 7 else "jpg",
            width=600 + 20 * number,
            height=1500 - 10 * number,
            rating="gsqe"[number // 8 % 4],
            score=number * 37 % 101,
            tags={
                "general": [
                    *(["solo"] if number % 2 else ["2girls"]),
                    *(["shirt"] if number % 5 else ["dress"]),
                    "black_hair" if number % 6 else "purple_hair",
                ],
                "character": [KAFKA] if number % 3 else ["himeko_(honkai:_star_rail)"],
            },
            deleted=number in (13, 38),
            created=1_700_000_000 + 86_400 * number,
            parent=number - 1 if number % 10 == 0 else None,
        )
        for number in range(1, count + 1)
    ]


def serving(engine: str, posts: list[Sample] | None = None, **options: Any) -> BoardServer:
    limit = ANONYMOUS_LIMIT if engine == "danbooru" else None
    return BoardServer(engine, posts or samples(), tag_limit=limit, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, BoardServer]]:
    with ExitStack() as stack:
        yield {engine: stack.enter_context(serving(engine)) for engine in ALL}


@pytest.fixture
def listed(servers: dict[str, BoardServer], network: Network) -> Listed:
    return lambda engine, query: [
        post.id for post in Search(Client(board(engine, servers[engine].url), network), query).posts()
    ]


def expected(*words: str, ratings: str = "gs") -> list[int]:
    """What a person means, newest first: every word holds, `a|b` means either, and nothing is deleted."""

    def holds(sample: Sample, word: str) -> bool:
        if word.startswith("-"):
            return not holds(sample, word[1:])
        return any(fnmatchcase(tag, part) for part in word.split("|") for tag in sample.words)

    return [
        sample.id
        for sample in reversed(samples())
        if not sample.deleted and sample.rating in ratings and all(holds(sample, word) for word in words)
    ]


@pytest.mark.parametrize("engine", ALL)
def test_the_guide_s_query(network: Network, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES[engine], "PAGE_SIZE", 7)
    ratings = "gsqe" if engine == "zerochan" else "gs"  # it has none
    with serving(engine) as server:
        search = Search(Client(board(engine, server.url), network), GUIDE)
        total = search.total()
        assert [post.id for post in search.posts()] == expected("solo", "shirt", KAFKA, ratings=ratings)
    assert search.finished and search.kept + sum(search.filtered.values()) == search.scanned
    if engine == "danbooru":
        assert total == len(expected("solo", KAFKA)) and [term.text for term in search.plan.by_us] == ["shirt"]
        assert search.told() == f"3 terms by the site, 1 here: {total} → {search.kept}"
    elif engine == "zerochan":
        assert total is None and search.told().startswith("3 terms by the site: ")
    else:
        assert total == search.kept and not search.plan.by_us


@pytest.mark.parametrize("engine", ALL)
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("solo -shirt", ("solo", "-shirt")),
        ("~shirt ~himeko_(honkai:_star_rail) solo", ("shirt|himeko_(honkai:_star_rail)", "solo")),
        ("*_hair solo -*_rail)", ("*_hair", "solo", "-*_rail)")),
        ("kafka* *_hair shirt", ("kafka*", "*_hair", "shirt")),
        ("~shirt ~dress purple*", ("shirt|dress", "purple*")),
        ("SOLO", ("solo",)),
        ("order:id_desc solo", ("solo",)),
    ],
)
def test_words(listed: Listed, engine: str, query: str, words: tuple[str, ...]) -> None:
    ratings = "gsqe" if engine == "zerochan" else "gs"
    assert listed(engine, query) == expected(*words, ratings=ratings)


RANGES: dict[str, Callable[[Sample], bool]] = {
    "width:>=900": lambda s: s.width >= 900,
    "-width:>=900": lambda s: s.width < 900,
    "width:700..900": lambda s: 700 <= s.width <= 900,
    "-width:700..900": lambda s: not 700 <= s.width <= 900,
    "width:>=700 width:<900": lambda s: 700 <= s.width < 900,
    "id:10,20,30": lambda s: s.id in (10, 20, 30),
    "id:>20 height:<1200": lambda s: s.id > 20 and s.height < 1200,
    "filetype:jpg": lambda s: s.ext == "jpg",
    "filetype:jpg,png": lambda s: True,
    "-filetype:jpg": lambda s: s.ext != "jpg",
    "mpixels:>1.2": lambda s: s.width * s.height > 1.2e6,
    "ratio:<1": lambda s: round(s.width / s.height, 2) < 1,
}
TIMES: dict[str, Callable[[Sample], bool]] = {
    "date:2023-12-01": lambda s: s.id == 17,
    "date:2023-12": lambda s: 17 <= s.id <= 47,
    "date:<2023-12": lambda s: s.id < 17,
    "date:2023-11-20..2023-11-25": lambda s: 6 <= s.id <= 11,
    "-date:>=2023-12-01": lambda s: s.id < 17,
    "age:>1mo": lambda s: True,
    "age:<6m": lambda s: False,
    "parent:none": lambda s: s.parent is None,
    "parent:any": lambda s: s.parent is not None,
    "score:>=50": lambda s: s.score >= 50,
}


@pytest.mark.parametrize("engine", ALL)
@pytest.mark.parametrize("query", [*RANGES, *TIMES])
def test_metatags(listed: Listed, engine: str, query: str) -> None:
    holds = {**RANGES, **TIMES}[query]
    if query.lstrip("-").partition(":")[0] in ENGINES[engine].UNTOLD:
        with pytest.raises(UsageError, match="does not tell"):
            listed(engine, query)
        return
    if (engine, query) in (("gelbooru02", "score:>=50"), ("philomena", "parent:any"), ("philomena", "parent:none")):
        pytest.skip("the records of the server have none")
    found = [sample.id for sample in reversed(samples()) if holds(sample) and not sample.deleted]
    assert listed(engine, f"{query} rating:g,s,q,e") == found


@pytest.mark.parametrize("engine", [engine for engine in ALL if engine != "zerochan"])
@pytest.mark.parametrize(
    ("query", "ratings"),
    [
        ("rating:explicit", "e"),
        ("-rating:explicit", "gsq"),
        ("rating:q,e", "qe"),
        ("-rating:q", "gse"),
        ("rating:general", "g"),
        ("", "gs"),
    ],
)
def test_ratings(listed: Listed, engine: str, query: str, ratings: str) -> None:
    only_safe = engine in ("gelbooru02", "moebooru", "e621")  # general and sensitive are one
    if only_safe and "g" in ratings:
        ratings += "s"
    assert listed(engine, f"solo {query}") == expected("solo", ratings=ratings)


@pytest.mark.parametrize("engine", [engine for engine in ALL if engine not in ("zerochan", "gelbooru02")])
def test_sorted(listed: Listed, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES[engine], "PAGE_SIZE", 7)
    by_score = sorted((s for s in reversed(samples()) if s.id in expected("solo")), key=lambda s: -s.score)
    for query in ("solo order:score", "solo sort:score:desc"):
        assert listed(engine, query) == [sample.id for sample in by_score]
    assert listed(engine, "order:score_asc solo") == [s.id for s in reversed(by_score)]
    assert listed(engine, "solo order:id") == expected("solo")[::-1]


@pytest.mark.parametrize("engine", ALL)
def test_what_a_site_does_not_know_is_refused_rather_than_ignored(engine: str) -> None:
    for query in ("solo order:loudness", "solo embedded:true commenter:me pixiv:5 hidden:yes"):
        with pytest.raises(UsageError, match="knows no"):
            Search(Client(board(engine, "http://127.0.0.1:1"), None), query)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ALL)
def test_short_pages_are_not_the_last(network: Network, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES[engine], "PAGE_SIZE", 10)
    posts = samples(40)
    for sample in posts:
        sample.rating, sample.deleted = "g", False
    with serving(engine, posts) as server:
        server.cut_out = {number for number in range(41) if number % 10 in (3, 4, 5, 6, 7, 8)}
        found = [post.id for post in Search(Client(board(engine, server.url), network), "*").posts()]
    assert found == [number for number in range(40, 0, -1) if number not in server.cut_out]


@pytest.mark.parametrize("engine", [engine for engine in ALL if engine != "zerochan"])
def test_posts_that_come_in_meanwhile_are_neither_seen_twice_nor_push_others_out(
    network: Network, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ENGINES[engine], "PAGE_SIZE", 8)
    posts = samples(30)
    for sample in posts:
        sample.rating, sample.deleted = "g", False
    with serving(engine, posts) as server:
        search = Search(Client(board(engine, server.url), network), "*_hair")
        seen = []
        for number in range(100, 110):
            seen += [post.id for post in search.next_page()]
            new = [Sample(number * 10 + k, b"%d" % (number * 10 + k), tags={"general": ["red_hair"]}) for k in range(5)]
            server.samples = [*sorted(new, key=lambda s: -s.id), *server.samples]
    assert seen == list(range(30, 0, -1)) and search.finished


@pytest.mark.parametrize("engine", ALL)
def test_a_server_that_gives_less_than_asked_loses_nothing(network: Network, engine: str) -> None:
    with serving(engine, most=9) as server:
        if engine == "zerochan":
            pytest.skip("its pages go by number")
        found = [post.id for post in Search(Client(board(engine, server.url), network), "solo").posts()]
    assert found == expected("solo")


@pytest.mark.parametrize("engine", ["danbooru", "gelbooru", "gelbooru02", "moebooru", "e621"])
def test_no_depth_without_an_order_and_a_plain_word_with_one(
    network: Network, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ENGINES[engine], "PAGE_SIZE", 5)
    monkeypatch.setattr(ENGINES[engine], "MAX_PAGE", 3)
    with serving(engine, deepest=3) as server:
        client = Client(board(engine, server.url), network)
        assert len(list(Search(client, "solo").posts())) == len(expected("solo"))
        search = Search(client, "solo order:score")
        assert len(list(search.posts())) == 15
    assert search.cut == "mine shows no more than 15 posts of a sorted search."


def test_where_only_the_last_id_counts_a_range_of_the_person_s_is_kept(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ENGINES["moebooru"], "PAGE_SIZE", 4)
    with serving("moebooru") as server:
        search = Search(Client(board("moebooru", server.url), network), "id:>=20 rating:g,s")
        assert [post.id for post in search.posts()] == [n for n in expected() if n >= 20]
    assert all(
        int(params["tags"].split("id:")[1].split()[0].partition("..")[0].strip(">=")) == 20
        for _, params, _ in server.requests
    )
    assert len(server.requests) < 12


@pytest.mark.parametrize("engine", ALL)
def test_a_small_search_needs_two_requests_at_most_three(network: Network, engine: str) -> None:
    with serving(engine) as server:
        search = Search(
            Client(board(engine, server.url), network), "himeko_(honkai:_star_rail) solo rating:g", Wishes()
        )
        search.total()
        list(search.posts())
        # count and one page; where the first page tells the count, that one; zerochan tells none and is asked on
        assert len(server.requests) <= 2


def test_a_wish_costs_no_request_for_each_picture(network: Network) -> None:
    wishes = Wishes(min_side=900, max_crop=0.1, min_score=5, without=("comic", "dress"), one_of_family=True)
    for engine in ALL:
        with serving(engine) as server:
            search = Search(Client(board(engine, server.url), network), "solo", wishes)
            list(search.posts())
            assert len(server.requests) <= 3 and search.filtered["small"]


@pytest.mark.parametrize("engine", ALL)
def test_a_limit_that_is_no_whole_page_skips_nothing(network: Network, engine: str) -> None:
    """What is asked for shrinks with what is still wanted: pages by number must not."""
    posts = [
        Sample(number, b"\x89PNG\r\n\x1a\n%d" % number, tags={"general": ["solo"]}, created=86_400 * number)
        for number in range(1, 341)
    ]
    with serving(engine, posts) as server:
        found = Search(Client(board(engine, server.url), network), "solo")
        some = [post.id for post in found.next_page(30)]
        assert some + [post.id for post in found.posts(230)] == list(range(340, 340 - 230 - len(some), -1))


def member(server: BoardServer, login: str = "me") -> Board:
    return ENGINES["danbooru"]("mine", BoardConfig(engine="danbooru", url=server.url, login=login, api_key="k"))


@pytest.mark.parametrize(("limit", "here"), [(2, 2), (6, 0), (None, 0)])
def test_danbooru_is_asked_once_what_an_account_may(network: Network, limit: int | None, here: int) -> None:
    with BoardServer("danbooru", samples(), tag_limit=limit) as server:
        for query in (GUIDE + " black_hair", f"solo shirt {KAFKA} black_hair"):
            search = Search(Client(member(server), network), query)
            assert len(search.plan.by_us) == here
            assert [post.id for post in search.posts()] == expected("solo", "shirt", KAFKA, "black_hair")
        assert server.api_requests().count("/profile.json") == 1


def test_danbooru_without_a_key_is_not_asked_for_an_account(network: Network) -> None:
    with serving("danbooru") as server:
        Search(Client(board("danbooru", server.url), network), GUIDE)
        assert "/profile.json" not in server.api_requests()


def test_an_older_danbooru_that_tells_no_account_keeps_the_limit_of_visitors(network: Network) -> None:
    with serving("danbooru") as server:
        server.faults.append(Fault("/profile.json", "status", status=404, body=b"{}"))
        assert len(Search(Client(member(server, "other"), network), GUIDE).plan.by_us) == 1


def test_another_name_of_a_tag_is_judged_by_its_true_one(network: Network) -> None:
    with serving("danbooru") as server:
        server.aliases = {"tee": "shirt", "kafka": KAFKA, "alone": "solo"}
        for query in ("kafka alone -tee", "kafka alone tee"):
            search = Search(Client(board("danbooru", server.url), network), query)
            assert [term.text for term in search.plan.by_us] == [query.split()[-1]]
            word = query.split()[-1].replace("tee", "shirt")
            assert [post.id for post in search.posts()] == expected(KAFKA, "solo", word)
        assert server.api_requests().count("/tag_aliases.json") == 1  # the second time it is known


def test_a_count_that_ends_early_is_told_as_what_it_is(network: Network) -> None:
    with serving("e621") as server:
        server.faults.append(Fault("count", "raw", body=b'{"count":240001,"capped":true}'))
        search = Search(Client(board("e621", server.url), network), "solo")
        assert search.total() is None and search.more_than == {"mine": 240_000}
        assert search.told() == "2 terms by the site: 240,000+ posts"


def test_records_that_cannot_be_read_are_counted(network: Network) -> None:
    with serving("danbooru") as server:
        body = b'[{"id":3,"rating":"g","file_url":"/a.png"},{"id":"?"},7,{"id":1,"rating":"g","file_url":"/b.png"}]'
        server.faults.append(Fault("/posts.json", "raw", body=body, times=1))
        search = Search(Client(board("danbooru", server.url), network), "solo")
        assert [post.id for post in search.next_page()] == [3, 1]
        assert search.filtered == {"unreadable": 2} and search.scanned == 4
        assert [str(cost) for cost in search.costs()] == ["records that cannot be read: −2"]
        search.judge(Wishes())
        assert search.filtered == {"unreadable": 2}
