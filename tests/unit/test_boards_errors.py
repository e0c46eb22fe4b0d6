"""Every way in which a board gives no data, over real connections: one sentence with its name, and a remedy that helps.

The sentences are written out, to be read as a person would.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loratui.core.boards.board import Board, Cursor
from loratui.core.boards.network import client as client_module
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from loratui.core.errors import LoratuiError
from tests.hostile_server import (
    HostileServer,
    Talk,
    babbles,
    breaks_off,
    by_turns,
    hangs_up,
    is_silent,
    lies_about_gzip,
    never_ends,
    says,
    self_signed,
    stops,
    trickles,
)

SECRET = "s3cr3tk3y"
DATA = b'[{"id":7,"tags":"a","file_url":"https://x.example/a.png"}]'
CHALLENGE = b"<!DOCTYPE html><html><title>Just a moment...</title>"
SLOW = "mine asks us to slow down: too many requests (429)."
AGAIN = "Try again later, or search another board."
LOGIN = "and paste it into: loratui boards login mine."
PROXY = "Use a proxy (HTTPS_PROXY), so that it sees another address, or search another board."
NARROW = "Narrow the query, or leave the sorting out: unsorted results have no end."


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.005, stall=10.0) as made:
        yield made


@pytest.fixture
def impatient() -> Iterator[Network]:
    with Network(backoff=0.005, stall=0.2) as made:
        yield made


def board(engine: str, url: str) -> Board:
    """A board called mine; `+` behind the engine gives it a key."""
    engine, plus, _ = engine.partition("+")
    key = {"api_key": SECRET, "user_id": "4711", "login": "somebody"} if plus else {}
    return ENGINES[engine]("mine", BoardConfig(engine=engine, url=url, **key))


def failure(network: Network, asked: Board) -> LoratuiError:
    with pytest.raises(LoratuiError) as caught:
        Client(asked, network, tries=2).ask(asked.posts_request(["a"], Cursor(), 5), asked.posts)
    error = caught.value
    assert error.message.endswith(".") and error.remedy.endswith(".") and "\n" not in error.message + error.remedy
    assert SECRET not in f"{error.message}{error.remedy}"
    return error


REFUSALS: list[tuple[str, str, Talk, str, str, int]] = [
    (
        "a Cloudflare challenge",
        "danbooru",
        says(403, CHALLENGE, "cf-mitigated: challenge"),
        "mine answers this machine's address with Cloudflare's test for browsers instead of data.",
        PROXY,
        1,
    ),
    (
        "a challenge with 503",
        "moebooru",
        says(503, CHALLENGE),
        "mine answers this machine's address with Cloudflare's test for browsers instead of data.",
        PROXY,
        1,
    ),
    (
        "a challenge of the site's own",
        "zerochan",
        says(503, b"<html>Checking browser... Crawlers are not permitted on this site"),
        "mine answers this machine's address with a test for browsers instead of data.",
        PROXY,
        1,
    ),
    (
        "no key",
        "gelbooru",
        says(401),
        "mine needs user_id (a number) and api_key.",
        f"Copy the line from Account › Options there, {LOGIN}",
        1,
    ),
    (
        "no key, said in JSON with 200",
        "gelbooru02",
        says(200, b'"Missing authentication. Go to api.rule34.xxx for more information"'),
        "mine needs user_id (a number) and api_key.",
        f"Copy the line from Account › Options there, {LOGIN}",
        1,
    ),
    (
        "no key, said in XML with 200",
        "gelbooru02",
        says(200, b"<?xml version='1.0'?><error>Missing authentication. Go to x</error>"),
        "mine needs user_id (a number) and api_key.",
        f"Copy the line from Account › Options there, {LOGIN}",
        1,
    ),
    (
        "a wrong key",
        "danbooru+",
        says(401, b'{"success":false,"error":"SessionLoader::AuthenticationFailure"}'),
        "mine does not accept the key.",
        f"Copy it from My Account › API Key there once more, {LOGIN}",
        1,
    ),
    (
        "a wrong key, said with 200",
        "gelbooru02+",
        says(200, b'"Missing authentication."'),
        "mine does not accept the key.",
        f"Copy it from Account › Options there once more, {LOGIN}",
        1,
    ),
    (
        "too deep",
        "danbooru",
        says(410, b'{"success":false,"message":"You cannot go beyond page 1000."}'),
        "mine does not show results that deep: You cannot go beyond page 1000.",
        NARROW,
        1,
    ),
    (
        "too deep, said in HTML",
        "gelbooru",
        says(200, b"<html>Unable to search this deep in temporary storage."),
        "mine does not show results that deep.",
        NARROW,
        1,
    ),
    (
        "too many tags",
        "danbooru",
        says(422, b'{"success":false,"message":"You cannot search for more than 2 tags at a time."}'),
        "mine refused: You cannot search for more than 2 tags at a time.",
        "Leave a tag out.",
        2,
    ),
    (
        "a query with a mistake",
        "philomena",
        says(400, b'{"error":"Imbalanced parentheses."}'),
        "mine does not understand the query: Imbalanced parentheses.",
        "Check its words.",
        2,
    ),
    ("too fast", "danbooru", says(429), SLOW, "Wait a minute and repeat; what is complete stays.", 1),
    (
        "too fast, for long",
        "danbooru",
        says(429, b"", "Retry-After: 7200"),
        SLOW,
        "Try again in 2 h 00 min; what is complete stays.",
        1,
    ),
    (
        "too fast, for ever",
        "danbooru",
        says(429, b"", "Retry-After: 1000000000"),
        SLOW,
        "Try again another day, or by another account or address; what is complete stays.",
        1,
    ),
    (
        "too fast, nonsense",
        "danbooru",
        says(429, b"", "Retry-After: -5"),
        SLOW,
        "Wait a minute and repeat; what is complete stays.",
        1,
    ),
    (
        "too fast, in its own number",
        "moebooru",
        says(421, b'{"success":false,"reason":"User Throttled"}'),
        SLOW,
        "Wait a minute and repeat; what is complete stays.",
        1,
    ),
    (
        "a day's ration",
        "gelbooru",
        says(200, b'<response success="false" reason="exceeded maximum queries per day for anonymous usage"/>'),
        "mine answers no more questions of anonymous visitors today.",
        "Use an account (loratui boards login mine), or search another board.",
        1,
    ),
    (
        "legal reasons",
        "danbooru",
        says(451, b"{}"),
        "mine may not show this for legal reasons (451).",
        "Search for something else.",
        1,
    ),
    (
        "its database is too slow",
        "danbooru",
        says(500, b'{"success":false,"message":"The database timed out running your query."}'),
        "mine gave up on this query: its database took too long.",
        "Add a rarer tag, or leave the sorting out.",
        1,
    ),
    (
        "maintenance",
        "danbooru",
        says(503, b"<html>Down for maintenance"),
        "mine is closed for maintenance (503).",
        AGAIN,
        1,
    ),
    (
        "a bad gateway",
        "danbooru",
        says(502, b"<html>"),
        "mine is down: its own servers do not answer (502).",
        AGAIN,
        1,
    ),
    ("Cloudflare's 522", "danbooru", says(522), "mine is down: its own servers do not answer (522).", AGAIN, 1),
    ("500 with half of a JSON", "zerochan", says(500, b'{"items": [\r\n}'), "mine is in trouble (500).", AGAIN, 1),
    (
        "forbidden",
        "e621",
        says(403, b'{"success":false,"reason":"Access Denied"}'),
        "mine refused (403): Access Denied.",
        "It may need an account: loratui boards login mine.",
        1,
    ),
    (
        "forbidden where no account helps",
        "moebooru",
        says(403),
        "mine refused (403).",
        "It may be closed to this machine's address: use a proxy (HTTPS_PROXY), or another board.",
        1,
    ),
    (
        "not found",
        "e621",
        says(404, b'{"success":false,"reason":"not found"}'),
        "mine has no such page (404).",
        "Check the board's url and engine (e621).",
        1,
    ),
    ("nothing", "danbooru", says(200), "mine answered with nothing.", "Try again in a minute.", 1),
    (
        "half of a JSON",
        "danbooru",
        says(200, b'[{"id":1,"tag_'),
        "mine broke off its answer in the middle.",
        "Try again; what is complete stays.",
        1,
    ),
    (
        "half of an XML",
        "gelbooru02",
        says(200, b'<posts count="1"><post id="1"'),
        "mine broke off its answer in the middle.",
        "Try again; what is complete stays.",
        1,
    ),
    (
        "redirections in circles",
        "danbooru",
        says(302, b"", "Location: /again"),
        "mine sends us in circles.",
        "",
        1,
    ),
]


@pytest.mark.parametrize(
    ("engine", "talk", "message", "remedy", "code"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_refusals(network: Network, engine: str, talk: Talk, message: str, remedy: str, code: int) -> None:
    with HostileServer(talk) as server:
        error = failure(network, board(engine, server.url))
    assert (error.message, error.exit_code) == (message, code)
    assert error.remedy == remedy or (not remedy and server.url in error.remedy)


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (is_silent, "stopped answering"),
        (stops, "stopped answering"),
        (trickles, "stopped answering"),
        (breaks_off, "broke off its answer"),
        (hangs_up, "broke off its answer"),
        (babbles, "does not answer as web servers do"),
        (lies_about_gzip, "sent a damaged answer"),
    ],
    ids=["silent", "stops", "trickles", "breaks off", "hangs up", "no HTTP", "no gzip"],
)
def test_bad_connections(impatient: Network, talk: Talk, words: str) -> None:
    with HostileServer(talk) as server:
        error = failure(impatient, board("danbooru", server.url))
    assert error.message == f"mine ({server.host}) {words}."


def test_an_answer_without_end_is_cut(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_ANSWER", 1 << 20)
    with HostileServer(never_ends) as server:
        assert failure(network, board("danbooru", server.url)).message == "mine answered with more than 1 MB."
        assert len(server.requests) == 1


def test_an_unknown_host_and_a_closed_port(network: Network) -> None:
    error = failure(network, board("danbooru", "http://nowhere.invalid"))
    assert error.message.startswith("mine (nowhere.invalid) cannot be found: there is no such host")
    with HostileServer(says(200)) as server:
        host = server.host
    assert failure(network, board("danbooru", f"http://{host}")).message.startswith(f"mine ({host}) cannot be reached")


def test_a_certificate_nobody_signed(network: Network, tmp_path: Path) -> None:
    try:
        certificate = self_signed(tmp_path)
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    with HostileServer(says(200, DATA), certificate) as server:
        error = failure(network, board("danbooru", server.url))
        assert error.message == f"mine ({server.host}) shows a certificate that this machine does not trust."
        assert "SSL_CERT_FILE" in error.remedy and not server.requests


def ask(network: Network, asked: Board) -> list[int]:
    page = Client(asked, network, tries=2).ask(asked.posts_request(["a"], Cursor(), 5), asked.posts)
    return [post.id for post in page.posts]


@pytest.mark.parametrize(
    "first",
    [
        says(502),
        says(429),
        says(429, b"", "Retry-After: 0"),
        says(429, b"", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"),
        says(429, b"", "Retry-After: nan"),
        says(200, b'[{"id":1,'),
        hangs_up,
        breaks_off,
    ],
    ids=["502", "429", "Retry-After: 0", "Retry-After: long ago", "Retry-After: nan", "half", "hangs up", "breaks off"],
)
def test_what_passes_is_tried_again(network: Network, first: Talk) -> None:
    with HostileServer(by_turns(first, says(200, DATA))) as server:
        assert ask(network, board("danbooru", server.url)) == [7]
        assert len(server.requests) == 2


@pytest.mark.parametrize("engine", ["gelbooru+", "danbooru+", "philomena+", "e621+"])
@pytest.mark.parametrize("echo", ["", "?api_key={0}&user_id=4711&key={0}"])
def test_a_key_follows_no_redirection_away(network: Network, engine: str, echo: str) -> None:
    with HostileServer(says(200, DATA)) as thief:
        to = says(302, b"", f"Location: {thief.url}/x{echo.format(SECRET)}")
        with HostileServer(to) as server:
            error = failure(network, board(engine, server.url))
        assert not thief.requests
    assert error.message.startswith(f"mine sends us to another address, {thief.url}, where we do not follow")
    assert "boards.mine.url" in error.remedy


def test_a_redirection_within_the_board_is_followed_with_the_question(network: Network) -> None:
    with HostileServer(by_turns(says(302, b"", "Location: /other+name"), says(200, b'{"items":[{"id":7}]}'))) as server:
        assert ask(network, board("zerochan", server.url)) == [7]
    assert "/other+name?json=&p=1" in server.requests[1]


def test_the_last_page_of_zerochan_is_a_404(network: Network) -> None:
    with HostileServer(says(404, b"<html>Not found")) as server:
        assert ask(network, board("zerochan", server.url)) == []


def test_a_key_that_is_missing_costs_no_request(network: Network) -> None:
    with HostileServer(says(200, DATA)) as server:
        config = BoardConfig(engine="zerochan", url=server.url, needs_key=True)
        error = failure(network, ENGINES["zerochan"]("mine", config))
        assert not server.requests
    assert error.message == "mine needs your user name." and "loratui boards login mine" in error.remedy


def test_errors_tell_their_status_and_whether_to_try_again(network: Network) -> None:
    told: dict[int, Callable[[BoardError], bool]] = {429: lambda e: e.again, 451: lambda e: not e.again}
    for status, holds in told.items():
        with HostileServer(says(status)) as server:
            error = failure(network, board("danbooru", server.url))
        assert isinstance(error, BoardError) and error.status == status and holds(error)
