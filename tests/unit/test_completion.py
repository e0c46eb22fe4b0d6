"""Completion of a query: what boards answer, the word under the caret, and boards that are slow, offline or hostile."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from loratui.core.boards.board import Board, Completion
from loratui.core.boards.completion import asker as asking
from loratui.core.boards.completion.completer import Completer, word_at
from loratui.core.boards.engines.danbooru import Danbooru
from loratui.core.boards.engines.e621 import E621
from loratui.core.boards.engines.gelbooru import Gelbooru
from loratui.core.boards.engines.gelbooru02 import Gelbooru02
from loratui.core.boards.engines.moebooru import Moebooru
from loratui.core.boards.network.connections import Network
from loratui.core.config import BoardConfig
from loratui.core.demo.board import serving
from loratui.core.demo.collection import CHARACTER, DemoPost
from loratui.core.vocabulary import seen
from loratui.core.vocabulary.loose import Loose
from loratui.core.vocabulary.offers import Offers
from loratui.core.vocabulary.sources import Entry
from loratui.core.vocabulary.vocabulary import Vocabulary
from tests.boards_server import BoardServer, Fault
from tests.waiting import wait_for

CONFIG = BoardConfig(url="http://127.0.0.1:1")


def answered(*tags: tuple[str, int, int] | tuple[str, int, int, str]) -> bytes:
    """Danbooru's completion: tag, category, posts, alias."""
    return json.dumps(
        [
            {"type": "tag", "label": tag, "value": tag, "category": category, "post_count": count}
            | ({"antecedent": alias[0]} if alias else {})
            for tag, category, count, *alias in tags
        ]
    ).encode()


KAFKA = answered(("kafka_(honkai:_star_rail)", 4, 5656), ("kafuu_chino", 4, 9000), ("kafka_hibino", 4, 400))


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.01) as opened:
        yield opened


@contextmanager
def completing(
    network: Network, boards: Sequence[Board], tags: Sequence[Entry] = ()
) -> Iterator[tuple[Completer, "Heard"]]:
    """A completer whose vocabulary knows `tags`, and has been loaded."""
    seen.remember(tags)
    vocabulary = Vocabulary(lambda: [])
    vocabulary.load()
    completer = Completer(boards, lambda: network, vocabulary)
    try:
        yield completer, Heard(completer)
    finally:
        completer.close()


class Heard:
    """Asks, and waits for what comes."""

    def __init__(self, completer: Completer) -> None:
        self.completer = completer
        self.times = 0
        self._news = threading.Event()

    def _hear(self) -> None:
        self.times += 1
        self._news.set()

    def ask(self, text: str, wait: float = 5.0) -> bool:
        self._news.clear()
        self.completer.ask(text, len(text), self._hear)
        return self._news.wait(wait)

    def find(self, text: str, *tags: str) -> bool:
        """Asks, and waits until all of these are offered."""
        self.ask(text)
        wait_for(lambda: set(tags) <= set(self.tags(text)))
        return True

    def tags(self, text: str) -> list[str]:
        return [each.tag for each in self.completer.offers(text, len(text)).suggestions]


def danbooru(server: BoardServer, name: str = "danbooru") -> Danbooru:
    return Danbooru(name, BoardConfig(url=server.url))


@contextmanager
def board(body: bytes, match: str = "/autocomplete.json", **more: Any) -> Iterator[BoardServer]:
    with BoardServer("danbooru", []) as server:
        server.faults.append(Fault(match, "raw", body=body, **more))
        yield server


def asked(server: BoardServer) -> list[str]:
    return [params["search[query]"] for path, params, _ in server.requests if path == "/autocomplete.json"]


# --- what boards answer --------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("kind", "file", "first", "number"),
    [
        (Gelbooru, "gelbooru/autocomplete_2023-06.json", Completion("hat", "general", 978809), 10),
        (Gelbooru, "gelbooru/autocomplete_2026-09-18.json", Completion("blue_eyes", "general", 2817483), 3),
        (Gelbooru02, "safebooru/autocomplete_2023-06.json", Completion("hatsune_miku", "", 72597), 10),
        (Moebooru, "moebooru/konachan_tags_2023-06.json", Completion("book", "general", 5972), 20),
    ],
)
def test_recorded_completions(shared: Path, kind: type[Board], file: str, first: Completion, number: int) -> None:
    found = kind("mine", CONFIG).completions((shared / "recordings/booru" / file).read_bytes())
    assert found[0] == first
    assert len(found) == number


@pytest.mark.shared
def test_a_count_in_brackets_is_no_part_of_a_name_in_brackets(shared: Path) -> None:
    raw = (shared / "recordings/booru/safebooru/autocomplete_2023-06.json").read_bytes()
    assert Completion("hatsune_miku_(append)", "", 1332) in Gelbooru02("mine", CONFIG).completions(raw)


def test_danbooru_tells_aliases_and_other_things_than_tags() -> None:
    raw = json.dumps(
        [
            {"type": "tag-alias", "value": "long_hair", "category": 0, "post_count": 5, "antecedent": "longhair"},
            {"type": "user", "value": "longcat", "label": "longcat"},
            {"type": "tag-word", "value": "very_long_hair", "category": 5, "post_count": 2},
            "nonsense",
            {"type": "tag", "value": "", "category": 0},
        ]
    ).encode()
    assert Danbooru("mine", CONFIG).completions(raw) == [
        Completion("long_hair", "general", 5, "longhair"),
        Completion("very_long_hair", "meta", 2),
    ]


def test_e621_wants_three_letters_and_knows_species() -> None:
    mine = E621("mine", CONFIG)
    assert mine.complete_request("ca") is None
    assert mine.complete_request("can") is not None
    raw = (
        b'[{"id":1,"name":"canine","post_count":9,"category":5,"antecedent_name":"candog"},{"name":"x","category":99}]'
    )
    assert mine.completions(raw) == [Completion("canine", "species", 9, "candog"), Completion("x", "general", None)]


def test_gelbooru_escapes_and_writes_counts_as_text() -> None:
    odd = b'{"value":"d.va &amp; co","label":"d.va","post_count":"12","category":"metadata"}'
    raw = b"[" + odd + b',{"value":" "},{"label":"x"}]'
    assert Gelbooru("mine", CONFIG).completions(raw) == [Completion("d.va_&_co", "meta", 12)]


@pytest.mark.parametrize("kind", [Danbooru, Gelbooru, Gelbooru02, Moebooru, E621])
@pytest.mark.parametrize("raw", [b"[]", b"{}", b'[1,null,"a",[]]', b'{"success":true}', b"null"])
def test_answers_without_tags_complete_nothing(kind: type[Board], raw: bytes) -> None:
    assert kind("mine", CONFIG).completions(raw) == []


# --- the word under the caret --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ka|", "ka"),
        ("solo ka|", "ka"),
        ("solo ka|fk solo", "kafk"),
        ("solo -ka|", "ka"),
        ("~ka|", "ka"),
        ("-|ka", "ka"),
        ("solo |", ""),
        ("|solo", "solo"),
        ("-|", "-"),
        ("a  |  b", ""),
        ("a\u3000ka|", "ka"),
    ],
)
def test_the_word_under_the_caret(text: str, word: str) -> None:
    caret = text.index("|")
    text = text.replace("|", "")
    start, end = word_at(text, caret)
    assert text[start:end] == word
    assert start <= end


def test_only_the_word_is_replaced(network: Network) -> None:
    tags = [Entry("kafka_(honkai:_star_rail)", "character", 5)]
    with completing(network, [Danbooru("mine", CONFIG)], tags) as (completer, _):
        offers = completer.offers("solo -kafk shirt", 8)
        assert (offers.start, offers.end) == (6, 10)
        assert [each.tag for each in offers.suggestions] == ["kafka_(honkai:_star_rail)"]
        assert completer.offers("solo  shirt", 5) == Offers(5, 5)
        assert completer.offers("kaf*", 4).suggestions == ()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ra", ["rating:", "ratio:"]),
        ("rating:", ["rating:general", "rating:sensitive", "rating:questionable", "rating:explicit"]),
        ("RATING:Q", ["rating:questionable"]),
        ("-rating:e", ["rating:explicit"]),
        ("order:sc", ["order:score", "order:score_asc"]),
        ("sort:sc", ["sort:score", "sort:score_asc"]),
        ("ext:p", ["ext:png"]),
        ("rating:general", []),
        ("honkai:", []),
    ],
)
def test_metatags_are_completed_with_their_values(network: Network, typed: str, offered: list[str]) -> None:
    with completing(network, [Danbooru("mine", CONFIG)]) as (_, heard):
        assert heard.tags(typed) == offered


def test_rating_comes_before_tags_that_begin_alike_once_it_is_clear(network: Network) -> None:
    known = [Entry("raccoon", "general", 9), Entry("ratte", "artist", 7), Entry("ordinary", "general", 5)]
    with completing(network, [Danbooru("mine", CONFIG)], known) as (_, heard):
        assert heard.tags("ra") == ["raccoon", "ratte", "rating:", "ratio:"]
        assert heard.tags("-rat")[:2] == ["rating:", "ratte"]
        assert heard.tags("ord")[:2] == ["order:", "ordinary"]


def test_an_address_is_nothing_to_complete(network: Network) -> None:
    with board(KAFKA) as server, completing(network, [danbooru(server)]) as (_, heard):
        assert not heard.ask("https://kaf", wait=0.4)
        assert heard.tags("https://kaf") == [] and asked(server) == []


def test_only_what_all_boards_understand_is_offered(network: Network) -> None:
    both = [Danbooru("one", CONFIG), Gelbooru("two", CONFIG)]
    with completing(network, both) as (_, heard):
        assert heard.tags("favc") == []
        assert "order:favcount" not in heard.tags("order:")
    with completing(network, both[:1]) as (_, heard):
        assert heard.tags("favc") == ["favcount:"]
        assert "order:favcount" in heard.tags("order:")


# --- asking boards -------------------------------------------------------------------------------------------------


def test_what_is_known_here_comes_at_once_and_the_boards_answer_joins_it(network: Network) -> None:
    known = [Entry("kafka_(honkai:_star_rail)", "character", 7), Entry("kaftan", "general", 99_999)]
    with board(KAFKA) as server, completing(network, [danbooru(server)], known) as (completer, heard):
        assert heard.tags("kaf") == ["kaftan", "kafka_(honkai:_star_rail)"]
        assert heard.ask("kaf")
        assert heard.tags("kaf") == ["kafuu_chino", "kafka_(honkai:_star_rail)", "kafka_hibino", "kaftan"]
        counts = {each.tag: each.count for each in completer.offers("kaf", 3).suggestions}
        assert counts["kafka_(honkai:_star_rail)"] == 5656  # the board's number, not ours
        assert heard.tags("kafk") == ["kafka_(honkai:_star_rail)", "kafka_hibino"]  # before it is asked again
        assert heard.tags("x kafka_(h") == ["kafka_(honkai:_star_rail)"]


def test_a_word_is_asked_once_and_remembered_on_disk(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    with board(KAFKA) as server:
        for _ in range(2):
            with completing(network, [danbooru(server)]) as (_, heard):
                assert heard.ask("kaf")
                assert not heard.ask("kaf", wait=0.1)
                assert "kafka_hibino" in heard.tags("kaf")
        assert asked(server) == ["kaf"]
        monkeypatch.setattr(asking, "MAX_AGE", -1)
        with completing(network, [danbooru(server)]) as (_, heard):
            assert heard.ask("kaf")
        assert asked(server) == ["kaf", "kaf"]


def test_the_newest_word_wins(network: Network) -> None:
    with board(KAFKA) as server, completing(network, [danbooru(server)]) as (_, heard):
        server.gate.clear()
        heard.completer.ask("ka", 2, lambda: None)
        wait_for(lambda: asked(server) == ["ka"])
        for word in ("kaf", "kafk", "kafka"):
            heard.completer.ask(word, len(word), lambda: None)
        Timer(0.1, server.gate.set).start()
        assert heard.ask("kafka_")
        assert asked(server) == ["ka", "kafka_"]


def test_asking_never_waits(network: Network) -> None:
    with board(KAFKA) as server, completing(network, [danbooru(server)]) as (completer, _):
        server.gate.clear()  # what waited for the board would wait for as long as a board may stand still
        heard: list[bool] = []
        for length in range(1, 6):
            completer.ask("kafka", length, lambda: heard.append(server.gate.is_set()))
            completer.offers("kafka", length)
        assert not heard
        server.gate.set()


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("status", 503, b""),
        ("status", 429, b"{}"),
        ("status", 403, b"<html>Just a moment...</html>"),
        ("html", 200, b""),
        ("raw", 200, b'"Missing authentication"'),
        ("raw", 200, b'[{"type"'),
        ("redirect", 302, b""),
    ],
)
def test_a_board_in_trouble_is_silent_and_left_alone(network: Network, kind: str, status: int, body: bytes) -> None:
    known = [Entry("kafka", "character", 7)]
    with BoardServer("danbooru", []) as server, completing(network, [danbooru(server)], known) as (_, heard):
        server.faults.append(Fault("/autocomplete.json", kind, status=status, body=body))
        assert not heard.ask("kaf", wait=0.2)
        assert not heard.ask("kafk", wait=0.05)
        assert heard.tags("kaf") == ["kafka"]
        assert asked(server) == ["kaf"]  # once, and not again for a while


def test_a_board_that_is_not_there_is_silent(network: Network) -> None:
    with completing(network, [Danbooru("mine", CONFIG)], [Entry("kafka", "", 7)]) as (_, heard):
        assert not heard.ask("kaf", wait=0.2)
        assert heard.tags("kaf") == ["kafka"]


def test_a_board_that_stands_still_is_given_up(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.2)
    monkeypatch.setattr(asking, "QUIET", 0.1)
    with board(KAFKA) as server, completing(network, [danbooru(server)]) as (_, heard):
        server.latency = 1.0
        assert not heard.ask("kaf", wait=0.6)
        server.latency = 0.0
        assert heard.ask("kafk")


def test_hostile_tags_are_not_offered(network: Network) -> None:
    raw = answered(
        ("kaf two words", 0, 1),
        ("kaf\x1b[2J", 0, 2),
        ("kaf\u202e", 0, 3),
        ("kaf" * 200, 0, 4),
        ("kaf,x", 0, 5),
        ("kafka", 0, 6),
    )
    with board(raw) as server, completing(network, [danbooru(server)]) as (_, heard):
        assert heard.ask("kaf")
        assert heard.tags("kaf") == ["kafka"]


def test_several_boards_are_joined(network: Network) -> None:
    with board(KAFKA) as one, board(answered(("kafka_hibino", 4, 5000), ("kafira", 0, 1))) as two:
        both = [danbooru(one, "one"), danbooru(two, "two")]
        with completing(network, both) as (completer, heard):
            assert heard.find("kaf", "kafira", "kafuu_chino")
            assert heard.tags("kaf") == ["kafuu_chino", "kafka_(honkai:_star_rail)", "kafka_hibino", "kafira"]
            counts = {each.tag: each.count for each in completer.offers("kaf", 3).suggestions}
            assert counts["kafka_hibino"] == 5000


def test_what_a_board_told_is_known_without_it_later(network: Network) -> None:
    with board(KAFKA) as server, completing(network, [danbooru(server)]) as (_, heard):
        assert heard.ask("kaf")
    with completing(network, []) as (completer, _):
        assert [(each.tag, each.category) for each in completer.offers("kafu", 4).suggestions] == [
            ("kafuu_chino", "character")
        ]


def test_a_site_that_wants_a_key_completes_without_one(network: Network) -> None:
    with BoardServer("gelbooru", [], key=("1", "secret")) as server:
        server.faults.append(Fault("autocomplete2", "raw", body=b'[{"value":"kafka","post_count":"7"}]'))
        keyless = Gelbooru("mine", BoardConfig(url=server.url, needs_key=True))
        with completing(network, [keyless]) as (_, heard):
            assert heard.find("kaf", "kafka")


def test_tags_of_the_projects_captions_come_after_what_boards_have(network: Network) -> None:
    known = [Entry("long_hair", "general", 5)]
    with completing(network, [], known) as (completer, heard):
        completer.own = Loose.of({"long hair": 900, "long trigger word": 900, "belong": 1})
        assert heard.tags("lon") == ["long_hair", "long_trigger_word"]
        assert [each.count for each in completer.offers("lon", 3).suggestions] == [5, None]


def test_a_closed_completer_asks_nobody(network: Network) -> None:
    with board(KAFKA) as server, completing(network, [danbooru(server)]) as (completer, heard):
        completer.close()
        assert not heard.ask("kaf", wait=0.2)
        assert asked(server) == []


def test_a_completer_outlives_its_network() -> None:
    with board(KAFKA) as server, Network(backoff=0.01) as opened:
        completer = Completer([danbooru(server)], lambda: opened, Vocabulary(lambda: []))
        server.gate.clear()
        completer.ask("kaf", 3, lambda: None)
        wait_for(lambda: asked(server))
        completer.close()
    server.gate.set()


def test_the_demos_board_completes(tmp_path: Path, network: Network) -> None:
    posts = [DemoPost(n, f"{n}.png", "0" * 32, 1, 1, 1, ("red_hair", "solo"), 1, None, "g") for n in (1, 2)]
    with serving(tmp_path, posts) as url:
        mine = Danbooru("demo", BoardConfig(url=url))
        with completing(network, [mine]) as (completer, heard):
            assert heard.ask("mira")
            assert [(each.tag, each.category, each.count) for each in completer.offers("mira", 4).suggestions] == [
                (CHARACTER, "character", 2)
            ]
            assert heard.find("hair", "red_hair")
