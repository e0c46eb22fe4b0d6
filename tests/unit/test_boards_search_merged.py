"""Several boards as one search: mixed fairly, each picture once, and none that fails stops the others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Timer
from typing import Any

import pytest

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.listing import merged
from loratui.core.boards.listing.merged import ELSEWHERE, Merged, search_boards
from loratui.core.boards.listing.search import Search
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES, find_all
from loratui.core.config import BoardConfig, Config
from loratui.core.errors import Cancelled, UsageError
from tests.boards_server import BoardServer, Fault, Sample
from tests.waiting import wait_for

DAY = 86_400


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network(backoff=0.01, stall=5.0) as made:
        yield made


def samples(first: int, count: int, *, shift: int = 0, **more: Any) -> list[Sample]:
    """Posts whose files have the numbers from `first` on; a file's number is its day, whatever its id is there."""
    return [
        Sample(
            number + shift,
            b"\x89PNG\r\n\x1a\n%d" % number,
            created=1_700_000_000 + DAY * number,
            tags={"general": ["1girl", "solo", *(["shirt"] if number % 2 else [])]},
            **more,
        )
        for number in range(first, first + count)
    ]


def board(name: str, server: BoardServer, **more: Any) -> Board:
    return ENGINES[server.engine](name, BoardConfig(engine=server.engine, url=server.url, **more))


def days(posts: Any) -> list[int]:
    from datetime import datetime

    return [round((datetime.fromisoformat(post.created).timestamp() - 1_700_000_000) / DAY) for post in posts]


def test_newest_first_over_boards_and_each_picture_once(network: Network) -> None:
    with (
        BoardServer("danbooru", samples(1, 30, shift=9000)) as one,
        BoardServer("gelbooru", samples(21, 30)) as two,
        BoardServer("e621", samples(46, 10, shift=500)) as three,
    ):
        boards = [board("one", one), board("two", two), board("three", three)]
        search = search_boards(boards, network, "solo")
        assert isinstance(search, Merged) and search.total() == 70
        posts = list(search.posts())
        assert days(posts) == list(range(55, 0, -1))
        assert search.known_totals == {"one": 30, "two": 30, "three": 10} and search.finished and not search.problems
        assert search.filtered == {ELSEWHERE: 15} and search.scanned == 70 and search.kept == 55
        assert search.told() == (
            "one 2 terms by the site: 30 posts · two 3 terms by the site: 30 posts · "
            "three 2 terms by the site: 10 posts · 70 seen → 55"
        )
        shared = {post.id for post in posts if post.board == "one" and (post.board, post.id) in search.also}
        shared |= {post.id for post in posts if post.board == "two" and (post.board, post.id) in search.also}
        assert len(shared) == 15 and all(len(others) == 1 for others in search.also.values())
        assert search.bytes + search.unsized > 0 and search.unsized == sum(post.size is None for post in posts)


def test_of_the_same_picture_the_larger_and_then_the_better_tagged_is_given(network: Network) -> None:
    small = samples(1, 3)
    tagged = [
        replace(s, id=s.id + 50, tags={"general": ["1girl", "solo"], "character": ["kafka"]}) for s in samples(1, 3)
    ]
    with BoardServer("danbooru", samples(1, 3)) as one, BoardServer("moebooru", tagged) as two:
        posts = list(search_boards([board("one", one), board("two", two)], network, "solo").posts())
        assert {(p.board, p.id) for p in posts} == {("one", 1), ("two", 52), ("one", 3)}  # of equals the first board's
        for sample in small:
            sample.width = 1999
        one.samples = small
        search = search_boards([board("two", two), board("one", one)], network, "solo")
        assert [post.board for post in search.posts()] == ["one"] * 3
        assert [[other.board for other in others] for others in search.also.values()] == [["two"]] * 3


def test_a_sorted_search_goes_by_turns(network: Network) -> None:
    with BoardServer("danbooru", samples(1, 4)) as one, BoardServer("gelbooru", samples(11, 4)) as two:
        search = search_boards([board("one", one), board("two", two)], network, "solo order:score")
        assert [post.board for post in search.posts()] == ["one", "two"] * 4


def test_a_small_limit_asks_little_of_each(network: Network) -> None:
    with BoardServer("danbooru", samples(1, 300)) as one, BoardServer("gelbooru", samples(301, 300)) as two:
        posts = list(search_boards([board("one", one), board("two", two)], network, "solo").posts(10))
        assert len(posts) == 10
        assert [params["limit"] for path, params, _ in one.requests if path == "/posts.json"] == ["25"]
        assert [params["limit"] for _, params, _ in two.requests if params.get("s") == "post"] == ["25"]


def test_a_board_that_fails_is_named_and_the_others_go_on(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES["danbooru"], "PAGE_SIZE", 8)
    with (
        BoardServer("danbooru", samples(1, 20)) as good,
        BoardServer("gelbooru", samples(21, 20), key=("1", "k")) as locked,
        BoardServer("e621", samples(41, 20)) as broken,
    ):
        broken.faults.append(Fault("page=b", "status", status=403, body=b'{"success":false,"reason":"no more"}'))
        monkeypatch.setattr(ENGINES["e621"], "PAGE_SIZE", 5)
        search = search_boards([board("good", good), board("locked", locked), board("broken", broken)], network, "solo")
        assert search.total() == 40  # of those that answer
        posts = list(search.posts())
        assert sorted(days(posts)) == [*range(1, 21), *range(56, 61)] and search.finished
        assert list(search.problems) == ["locked", "broken"]
        assert "boards login locked" in search.problems["locked"] and "refused" in search.problems["broken"]
        assert "locked" not in search.told()


def test_a_query_that_only_some_boards_understand(network: Network) -> None:
    with BoardServer("danbooru", samples(1, 3)) as one, BoardServer("moebooru", samples(4, 3)) as two:
        boards = [board("one", one), board("two", two)]
        search = search_boards(boards, network, "solo order:favcount")
        assert len(list(search.posts())) == 3 and "order:favcount" in search.problems["two"]
        assert list(search.plans) == ["one"] and search.boards == tuple(boards)
        with pytest.raises(UsageError, match="is empty"):
            search_boards(boards, network, "  ")
        with pytest.raises(UsageError, match="--newer"):
            search_boards(boards, network, "solo", Wishes(newer="soon"))


def test_where_all_fail_it_is_an_error(network: Network) -> None:
    with BoardServer("gelbooru", [], key=("1", "k")) as one, BoardServer("gelbooru02", [], key=("1", "k")) as two:
        boards = [board("one", one), board("two", two)]
        for call in (Merged.total, Merged.next_page):
            search = search_boards(boards, network, "solo")
            assert isinstance(search, Merged)
            with pytest.raises(BoardError, match="one needs"):
                call(search)


def test_a_slow_board_comes_a_round_later(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged, "GRACE", 0.1)
    with (
        BoardServer("danbooru", samples(1, 5)) as fast,
        BoardServer(
            "e621",
            samples(6, 5),
        ) as slow,
    ):
        slow.gate.clear()
        search = search_boards([board("fast", fast), board("slow", slow)], network, "solo")
        assert [post.board for post in search.some()] == ["fast"] * 5
        assert not search.finished
        slow.gate.set()
        assert days(search.posts()) == [10, 9, 8, 7, 6] and not search.problems


def test_cancelled_it_can_go_on(network: Network) -> None:
    with (
        BoardServer("danbooru", samples(1, 5)) as fast,
        BoardServer(
            "e621",
            samples(6, 5),
        ) as slow,
    ):
        slow.gate.clear()  # it would be waited for as long as a board may stand still
        cancel = Event()
        search = search_boards([board("fast", fast), board("slow", slow)], network, "solo", cancel=cancel)
        Timer(0.1, cancel.set).start()
        with pytest.raises(Cancelled):
            list(search.posts())
        assert not search.problems
        slow.gate.set()
        search.cancel = Event()
        assert sorted(days(search.posts())) == list(range(1, 11))  # what had come is not lost


def test_what_an_earlier_cancel_ends_only_later_is_asked_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board's thread hears of a cancel some moments after the person, who may have gone on by then."""
    with BoardServer("danbooru", samples(1, 5)) as one, BoardServer("e621", samples(6, 5)) as two:
        cancel, hears = Event(), Event()
        search = search_boards([board("one", one), board("two", two)], network, "solo", cancel=cancel)
        assert isinstance(search, Merged)
        slow = search.searches[1]
        asks = slow.next_page

        def next_page(size: int | None = None) -> Any:
            monkeypatch.setattr(slow, "next_page", asks)
            hears.wait(10)
            raise Cancelled

        monkeypatch.setattr(slow, "next_page", next_page)
        Timer(0.05, cancel.set).start()
        with pytest.raises(Cancelled):
            search.next_page()
        search.cancel = Event()
        Timer(0.05, hears.set).start()
        assert sorted(days(search.posts())) == list(range(1, 11))


def test_totals_that_a_board_does_not_tell_are_unknown(network: Network) -> None:
    with (
        BoardServer("danbooru", samples(1, 5)) as one,
        BoardServer("zerochan", samples(6, 5)) as two,
        BoardServer("e621", samples(11, 5)) as three,
    ):
        search = search_boards([board("one", one), board("two", two, login="me")], network, "solo")
        assert search.total() is None and dict(search.totals()) == {"one": 5, "two": None}
        one.faults.append(Fault("counts", "raw", body=b'{"counts":{"posts":null}}'))
        three.faults.append(Fault("count", "raw", body=b'{"count":240001,"capped":true}'))
        search = search_boards([board("one", one), board("three", three)], network, "solo")
        assert dict(search.totals()) == {"one": None, "three": None} and len(list(search.posts())) == 10
        assert "unknown posts" in search.told()


def test_costs_add_up_over_boards(network: Network) -> None:
    with BoardServer("danbooru", samples(1, 5), tag_limit=2) as one, BoardServer("e621", samples(4, 5)) as two:
        search = search_boards([board("one", one), board("two", two)], network, "solo", Wishes(without=("shirt",)))
        posts = list(search.posts())
        assert days(posts) == [8, 6, 4, 2]
        assert [str(cost) for cost in search.costs()] == ["without shirt: −5", f"{ELSEWHERE}: −1"]
        assert search.filtered == {"without shirt": 5, ELSEWHERE: 1} and search.scanned == 10


@pytest.mark.parametrize("engine", ["danbooru", "gelbooru", "gelbooru02", "moebooru", "e621", "philomena"])
def test_the_total_and_the_first_posts_take_few_requests(network: Network, engine: str) -> None:
    """The tag limit makes danbooru ask for counts first."""
    posts = samples(1, 200)
    with BoardServer(engine, posts, tag_limit=2 if engine == "danbooru" else None) as server:  # type: ignore[arg-type]
        search = search_boards([board("one", server)], network, "solo 1girl shirt rating:g,s -dress")
        assert search.total() == 100 or engine == "danbooru"  # two of its three tags are counted
        assert len(search.some()) > 20
        assert isinstance(search, Search) and len(server.requests) <= 4


def test_several_boards_are_asked_at_the_same_time(network: Network) -> None:
    with (
        BoardServer("danbooru", samples(1, 50)) as one,
        BoardServer("gelbooru", samples(51, 50)) as two,
        BoardServer("moebooru", samples(101, 50)) as three,
        ThreadPoolExecutor(1) as pool,
    ):
        servers = (one, two, three)
        for server in servers:
            server.gate.clear()
        search = search_boards([board("1", one), board("2", two), board("3", three)], network, "solo shirt")
        total = pool.submit(search.total)
        try:
            wait_for(lambda: all(server.requests for server in servers))  # and none was answered
        finally:
            for server in servers:
                server.gate.set()
        assert total.result() == 75


def test_boards_by_their_names() -> None:
    boards = {name: BoardConfig(engine="danbooru", url="https://x.example") for name in ("a", "b", "c")}
    config = Config(boards=boards, default_board="c")
    assert [found.name for found in find_all(config, "b, a,,b")] == ["b", "a"]
    assert [found.name for found in find_all(config)] == ["c"]
    with pytest.raises(UsageError, match="no board called 'd'"):
        find_all(config, "a,d")


def test_what_was_seen_is_kept_only_for_those_who_judge_anew(network: Network) -> None:
    with BoardServer("danbooru", samples(1, 5)) as one, BoardServer("e621", samples(6, 5)) as two:
        boards = [board("one", one), board("two", two)]
        for remember, count in ((True, 10), (False, 0)):
            search = search_boards(boards, network, "solo", remember=remember)
            assert len(list(search.posts())) == 10 and len(search.judge(Wishes())) == count
