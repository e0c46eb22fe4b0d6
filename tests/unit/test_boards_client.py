"""Answers that are no data, over real HTTP: each one plain sentence with its remedy, and no secret in it."""

import gc
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer

import httpx
import pytest
from msgspec import structs

from loratui.core.boards.board import Board, Cursor
from loratui.core.boards.listing.search import Search
from loratui.core.boards.network.answers import BoardError, failure
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network, retry_after
from loratui.core.boards.network.pace import is_loopback
from loratui.core.boards.registry import ENGINES, find
from loratui.core.config import BoardConfig, Config, load
from loratui.core.errors import Cancelled, UsageError
from tests.boards_server import BoardServer, Fault, Sample

SECRET = "s3cr3tkey"


def board(engine: str, url: str, key: bool = False) -> Board:
    config = BoardConfig(engine=engine, url=url)
    if key:
        config = BoardConfig(engine=engine, url=url, api_key=SECRET, user_id="77", login="somebody")
    return ENGINES[engine]("mine", config)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.02, stall=2.0) as made:
        yield made


def samples(count: int = 30) -> list[Sample]:
    return [
        Sample(
            number,
            b"\x89PNG\r\n\x1a\n%d" % number,
            tags={
                "general": ["1girl", *(["solo"] if number % 2 else [])],
                "character": ["kafka_(x)"],
                "meta": ["highres"],
            },
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("engine", "status", "file", "words", "remedy"),
    [
        ("gelbooru", 401, "gelbooru/error_401_body.txt", "needs user_id (a number) and api_key", "boards login mine"),
        ("gelbooru02", 200, "rule34/error_no_auth.json", "needs user_id (a number) and api_key", "boards login mine"),
        ("gelbooru02", 200, "rule34/error_no_auth.xml", "needs user_id (a number) and api_key", "boards login mine"),
        ("danbooru", 422, "danbooru/error_422_tag_limit.json", "more than 2 tags at a time", "Leave a tag out"),
        ("danbooru", 500, "danbooru/error_500_timeout.json", "gave up on this query", "rarer tag"),
        ("e621", 403, "e621/error_403.json", "refused (403): Access Denied", "account"),
        ("e621", 404, "e621/error_404.json", "no such page (404)", "url and engine"),
        ("moebooru", 404, "moebooru/konachan_error_404.json", "no such page (404)", "url and engine"),
        ("danbooru", 500, "zerochan/error_500_broken.json", "in trouble (500)", "later"),
    ],
)
def test_recorded_errors(
    shared: Path, network: Network, engine: str, status: int, file: str, words: str, remedy: str
) -> None:
    body = (shared / "recordings" / "booru" / file).read_bytes()
    with BoardServer(engine, []) as server:  # type: ignore[arg-type]
        server.faults.append(Fault("", "status", status=status, body=body))
        with pytest.raises(BoardError) as caught:
            Search(Client(board(engine, server.url), network), "a").next_page()
    assert words in caught.value.message and remedy in caught.value.remedy
    assert caught.value.message.endswith(".") and "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (403, {"cf-mitigated": "challenge"}, b"<!DOCTYPE html><title>Just a moment...</title>", "test for browsers"),
        (200, {}, b"<!DOCTYPE html><title>Just a moment...</title>", "test for browsers"),
        (200, {}, b"<html><body>Welcome, visitor from a region</body></html>", "web page where data was due"),
        (200, {}, b"", "answered with nothing"),
        (
            200,
            {},
            b'<response success="false" reason="exceeded maximum queries per day"/>',
            "no more questions of anonymous",
        ),
        (200, {}, b'{"success":false,"reason":"login needed"}', "login needed"),
        (410, {}, b'{"success":false,"message":"You cannot go beyond page 1000."}', "beyond page 1000"),
        (429, {}, b'{"success":false,"error":"RateLimiter::RateLimitError"}', "slow down"),
        (451, {}, b"{}", "legal reasons"),
        (503, {}, b"<html>maintenance</html>", "closed for maintenance (503)"),
        (502, {}, b"<html>bad gateway</html>", "is down"),
        (500, {}, b"", "in trouble (500)"),
        (200, {}, b"Unable to search this deep", None),
        (200, {}, b"<html>Unable to search this deep in temporary storage.</html>", "that deep"),
    ],
)
def test_what_is_no_data(status: int, headers: dict[str, str], body: bytes, words: str | None) -> None:
    found = failure(board("danbooru", "https://x.example"), status, headers, body)
    assert (found is None) if words is None else (found is not None and words in found.message)


def test_hostile_messages_are_harmless_and_keep_no_secret() -> None:
    body = b'{"success":false,"message":"\\u001b[2J[red]api_key=hunter2 \\u202e' + b"x" * 5000 + b'"}'
    found = failure(board("danbooru", "https://x.example"), 400, {}, body)
    assert found is not None
    assert "\x1b" not in found.message and "hunter2" not in found.message and len(found.message) < 300


def test_a_secret_reaches_no_message(network: Network) -> None:
    with BoardServer("gelbooru", samples()) as server:
        server.faults.append(
            Fault("", "status", status=403, body=b'{"success":false,"message":"bad api_key=s3cr3tkey"}')
        )
        with pytest.raises(BoardError) as caught:
            Search(Client(board("gelbooru", server.url, key=True), network), "a").next_page()
    assert SECRET not in f"{caught.value.message}{caught.value.remedy}{caught.value.args}"
    assert server.requests[0][1]["api_key"] == SECRET


def test_keys_travel_in_a_header_where_they_can(network: Network) -> None:
    with BoardServer("danbooru", samples(), key=("somebody", SECRET)) as server:
        posts = Search(Client(board("danbooru", server.url, key=True), network), "1girl").next_page()
        assert len(posts) == 30
        _, params, headers = server.requests[0]
    assert SECRET not in str(params) and headers["authorization"].startswith("Basic ")
    assert headers["user-agent"].startswith("loratui/") and "json" in headers["accept"]


def test_429_is_waited_for_as_long_as_asked(network: Network) -> None:
    with BoardServer("danbooru", samples()) as server:
        server.faults.append(Fault("posts.json", "status", times=1, status=429, headers={"Retry-After": "1"}))
        started = time.monotonic()
        assert Search(Client(board("danbooru", server.url), network), "1girl").next_page()
    assert time.monotonic() - started >= 1.0
    assert len(server.requests) == 2


def test_a_very_long_wait_is_told_instead(network: Network) -> None:
    with BoardServer("danbooru", samples()) as server:
        server.faults.append(Fault("", "status", status=429, headers={"Retry-After": "7200"}))
        with pytest.raises(BoardError, match="slow down"):
            Search(Client(board("danbooru", server.url), network), "a").next_page()
    assert len(server.requests) == 1


def test_troubles_pass_and_refusals_are_not_repeated(network: Network) -> None:
    with BoardServer("danbooru", samples()) as server:
        server.faults.append(Fault("", "status", times=2, status=502))
        assert Search(Client(board("danbooru", server.url), network), "1girl").next_page()
        assert len(server.requests) == 3
        server.faults = [Fault("", "status", status=422, body=b'{"success":false,"message":"no"}')]
        with pytest.raises(BoardError, match="does not understand"):
            Search(Client(board("danbooru", server.url), network), "1girl").next_page()
        assert len(server.requests) == 4


def test_no_network(network: Network) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BoardError, match="cannot be reached") as caught:
        Search(Client(board("danbooru", f"http://127.0.0.1:{port}"), network), "a").next_page()
    assert "network" in caught.value.remedy


def test_json_of_another_world(network: Network) -> None:
    with BoardServer("danbooru", []) as server:
        server.faults.append(Fault("", "raw", body=b"not json at all"))
        with pytest.raises(BoardError, match="not its usual data"):
            Search(Client(board("danbooru", server.url), network), "a").next_page()


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'"\xff"',
        b'[{"id":NaN}]',
        b'{"@attributes":7,"post":3}',
        b"<?xml version='1.0' encoding='nobody-knows-it'?><posts/>",
    ],
    ids=["lists in lists", "objects in objects", "no UTF-8", "NaN", "wrong types", "unknown encoding"],
)
def test_hostile_answers_are_one_sentence_or_nothing(network: Network, engine: str, body: bytes) -> None:
    with BoardServer(engine, []) as server:  # type: ignore[arg-type]
        server.faults.append(Fault("", "raw", body=body))
        try:
            search = Search(Client(board(engine, server.url), network), "a")
            assert (search.total(), search.next_page()) == (None, [])
        except BoardError as error:
            assert error.message.endswith(".") and "\n" not in error.message and len(error.message) < 300


def test_an_account_may_have_any_name(network: Network) -> None:
    config = BoardConfig(engine="danbooru", url="", login="カフカ\né", api_key=SECRET)
    with BoardServer("danbooru", samples(3)) as server:
        named = ENGINES["danbooru"]("mine", structs.replace(config, url=server.url))
        assert len(Search(Client(named, network), "1girl").next_page()) == 3
        assert "by %E3%82%AB" in server.requests[-1][2]["user-agent"]


@pytest.mark.parametrize("told", ["\xb2", "1 Jan 99999999999999999999 00:00:00 GMT", "soon", ""])
def test_a_wait_that_is_none_is_not_waited_for(told: str) -> None:
    assert retry_after(httpx.Headers([(b"retry-after", told.encode("latin-1"))])) is None


def test_an_endless_answer_is_cut_off_in_silence(
    network: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("loratui.core.boards.network.client.MAX_ANSWER", 1000)
    with BoardServer("danbooru", []) as server:
        server.faults.append(Fault("", "raw", body=b"[" + b" " * 5_000_000))
        with pytest.raises(BoardError, match="answered with more than"):
            Search(Client(board("danbooru", server.url), network), "a").next_page()
    network.close()
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_cancel_does_not_wait_for_the_board(network: Network) -> None:
    with BoardServer(
        "danbooru",
        samples(),
    ) as server:
        server.gate.clear()
        cancel = Event()
        Timer(0.1, cancel.set).start()
        with pytest.raises(Cancelled):
            Search(Client(board("danbooru", server.url), network), "a", cancel=cancel).next_page()
        server.gate.set()


@pytest.mark.parametrize("engine", ["danbooru", "gelbooru", "gelbooru02", "moebooru", "e621"])
def test_paging_sees_every_post_once(network: Network, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES[engine], "PAGE_SIZE", 7)
    with BoardServer(engine, samples()) as server:  # type: ignore[arg-type]
        search = Search(Client(board(engine, server.url), network), "kafka_(x) solo")
        assert search.total() == 15
        posts = search.categorised(list(search.posts()))
    assert [post.id for post in posts] == list(range(29, 0, -2))
    assert search.finished and search.scanned == 15
    assert all(post.tags["character"] == ("kafka_(x)",) for post in posts)
    assert all("highres" not in post.tags["general"] for post in posts)


def test_a_site_that_cannot_count_can_still_be_searched(network: Network) -> None:
    with BoardServer("e621", samples()) as server:
        server.faults.append(Fault("/posts/count.json", "status", status=404))
        search = Search(Client(board("e621", server.url), network), "kafka_(x)")
        assert search.total() is None and len(search.next_page()) == 30
        assert server.api_requests().count("/posts/count.json") == 1
        server.faults = [Fault("/posts/count.json", "status", status=403)]
        with pytest.raises(BoardError, match="refused"):
            Search(Client(board("e621", server.url), network), "kafka_(x)").total()


def test_a_sorted_search_goes_by_page_numbers(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES["danbooru"], "PAGE_SIZE", 7)
    monkeypatch.setattr(ENGINES["danbooru"], "MAX_PAGE", 3)
    with BoardServer("danbooru", samples()) as server:
        search = Search(Client(board("danbooru", server.url), network), "kafka_(x) order:score")
        assert len(list(search.posts())) == 21
    assert [params["page"] for path, params, _ in server.requests if path == "/posts.json"] == ["1", "2", "3"]
    assert "no more than 21 posts" in search.cut


def test_the_same_page_again_ends_the_search(network: Network) -> None:
    body = b'[{"id":5,"rating":"g","tag_string":"a","file_ext":"png","file_url":"https://x.example/a.png"}]'
    with BoardServer("danbooru", []) as server:
        server.faults.append(Fault("", "raw", body=body))
        assert len(list(Search(Client(board("danbooru", server.url), network), "a").posts())) == 1
    assert len(server.requests) == 2


def test_a_search_over_the_limit_asks_for_counts_once(network: Network) -> None:
    with BoardServer("danbooru", samples(), tag_limit=2) as server:
        search = Search(Client(board("danbooru", server.url), network), "1girl kafka_(x) solo")
        posts = list(search.posts(5))
    assert len(posts) == 5 and all("solo" in post.all_tags() for post in posts)
    assert server.api_requests().count("/tags.json") == 1
    assert search.plan.by_site[:2] != ("1girl", "kafka_(x)")


def test_categories_are_asked_in_batches_and_remembered(network: Network) -> None:
    many = [
        Sample(n, b"\x89PNG\r\n\x1a\n%d" % n, tags={"general": [f"tag{n}_{k}" for k in range(10)], "artist": [f"a{n}"]})
        for n in range(1, 41)
    ]
    with BoardServer("gelbooru", many) as server:
        search = Search(Client(board("gelbooru", server.url), network), "rating:g")
        posts = search.categorised(search.next_page())
        assert all(post.tags["artist"] for post in posts)
        calls = sum(params.get("s") == "tag" for _, params, _ in server.requests)
        assert calls == 5  # 440 tags by the hundred, not one for each of 40 posts
        search.categorised(Search(Client(board("gelbooru", server.url), network), "rating:g").next_page())
        assert sum(params.get("s") == "tag" for _, params, _ in server.requests) == calls


def test_unknown_boards_and_engines() -> None:
    with pytest.raises(UsageError) as caught:
        find(load(), "danboru")
    assert "danbooru" in caught.value.remedy
    with pytest.raises(UsageError, match="unknown engine"):
        find(Config(boards={"x": BoardConfig(engine="phpbb", url="https://x.example")}), "x")
    with pytest.raises(UsageError, match="no web address"):
        find(Config(boards={"x": BoardConfig(engine="danbooru", url="x.example")}), "x")


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with BoardServer("danbooru", samples(2)) as server, Network(backoff=0.01) as network:
        assert len(Search(Client(board("danbooru", server.url), network), "1girl").next_page()) == 2


def test_loopback_needs_no_manners() -> None:
    assert is_loopback("127.0.0.1:8080") and is_loopback("[::1]:80") and is_loopback("localhost")
    assert not is_loopback("danbooru.donmai.us") and not is_loopback("127.0.0.1.example.com:80")


def test_requests_may_be_shown() -> None:
    request = board("gelbooru", "https://x.example", key=True).posts_request(["a"], Cursor(), 5)
    assert SECRET not in str(request)
