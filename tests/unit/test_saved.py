"""Queries under names, and what is new since the last look."""

import multiprocessing
from collections.abc import Iterator

import pytest

from loratui.core import paths
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.engines.danbooru import Danbooru
from loratui.core.boards.listing.merged import search_boards
from loratui.core.boards.memory import past, saved, since
from loratui.core.boards.memory.saved import SavedQuery
from loratui.core.boards.memory.since import Mark, News
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.config import BoardConfig
from loratui.core.errors import LoratuiError, UsageError
from tests.boards_server import BoardServer, Sample

QUERY = "kafka_(x) solo"


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.01) as opened:
        yield opened


def samples(*numbers: int) -> list[Sample]:
    return [Sample(n, f"picture {n}".encode(), tags={"general": ["kafka_(x)", "solo"]}) for n in numbers]


def mine(server: BoardServer, name: str = "mine") -> Danbooru:
    return Danbooru(name, BoardConfig(url=server.url))


def post(number: int, board: str = "mine", created: str = "") -> Post:
    return Post(board, number, created=created)


# --- under names ---------------------------------------------------------------------------------------------------


def test_a_query_is_kept_and_found() -> None:
    kept = SavedQuery(
        query=QUERY,
        boards=("danbooru", "gelbooru"),
        wishes=Wishes(min_side=768, without=("comic",), max_crop=0.1, one_of_family=True),
    )
    saved.save(" Kafka, alone ", kept)
    saved.save("other", SavedQuery(query="1girl"))
    assert saved.load() == {"Kafka, alone": kept, "other": SavedQuery(query="1girl")}
    assert saved.find("Kafka, alone") == kept


def test_what_a_person_wrote_into_the_file_stays() -> None:
    saved.path().parent.mkdir(parents=True)
    saved.path().write_text(
        '# mine\n[queries.kafka]\nquery = "kafka"  # her\nmood = "blue"\nboards = ["danbooru"]\n'
        "[queries.kafka.wishes]\nmin_side = 512\n# below\n"
    )
    assert saved.find("kafka").wishes.min_side == 512
    saved.save("kafka", SavedQuery(query="kafka solo"))
    text = saved.path().read_text()
    assert all(part in text for part in ("# mine", "# her", 'mood = "blue"'))
    assert "min_side" not in text and "boards" not in text
    assert saved.find("kafka") == SavedQuery(query="kafka solo")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[queries.a]\nquery = 5\n", "queries"),
        ("[queries.a]\nqeury = 'x'\n", "query"),
        ("[queries.a]\nquery = 'x'\n[queries.a.wishes]\nmin_sied = 5\n", "min_side"),
        ("[queries.a]\nquery = 'x'\n[queries.a.wishes]\nmin_side = 'x'\n", "min_side"),
        ("[queries\n", "TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_and_nothing_is_written_over_it(text: str, told: str) -> None:
    saved.path().parent.mkdir(parents=True)
    saved.path().write_text(text)
    for act in (saved.load, lambda: saved.save("b", SavedQuery(query="x"))):
        with pytest.raises(UsageError) as caught:
            act()
        assert told in caught.value.message + caught.value.remedy
    assert saved.path().read_text() == text


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "esc\x1b[2J", "line\nbreak"])
def test_a_name_can_be_read(name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        saved.save(name, SavedQuery(query="x"))
    assert not saved.path().exists()


def test_wishes_that_make_no_sense_and_no_query_are_not_kept() -> None:
    with pytest.raises(UsageError):
        saved.save("a", SavedQuery(query="x", wishes=Wishes(newer="yesterdayish")))
    with pytest.raises(UsageError):
        saved.save("a", SavedQuery(query="  "))
    assert saved.load() == {}


def test_queries_are_renamed_and_forgotten() -> None:
    saved.save("one", SavedQuery(query="a"))
    saved.save("two", SavedQuery(query="b"))
    with pytest.raises(UsageError, match="already"):
        saved.rename("one", "two")
    saved.rename("one", "three")
    saved.remove("two")
    assert saved.load() == {"three": SavedQuery(query="a")}
    with pytest.raises(UsageError) as caught:
        saved.find("thre")
    assert "three" in caught.value.remedy


def _save_many(start: int) -> None:
    for number in range(start, start + 8):
        saved.save(f"q{number}", SavedQuery(query="x"))
        since.looked("x", [post(number)])


def test_two_programs_save_at_once() -> None:
    context = multiprocessing.get_context("fork")
    programs = [context.Process(target=_save_many, args=(start,)) for start in (0, 100)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert len(saved.load()) == 16
    assert since.marks("x").by_board["mine"].id == 107


# --- since the last look -------------------------------------------------------------------------------------------


def test_nothing_is_new_before_the_first_look() -> None:
    assert not since.marks(QUERY).new(post(5)) and not since.marks(QUERY).seen(post(5))


def test_what_came_after_the_look_is_new() -> None:
    since.looked(QUERY, [post(9), post(7), post(3, "other")])
    marks = since.marks("SOLO   kafka_(x)")  # the same query
    assert [marks.new(post(n)) for n in (7, 9, 10)] == [False, False, True]
    assert marks.new(post(4, "other")) and not marks.new(post(99, "third"))
    assert since.marks("kafka_(x)").by_board == {}  # another one


def test_a_look_at_older_posts_takes_nothing_back() -> None:
    since.looked(QUERY, [post(9, created="2026-01-02T00:00:00Z")])
    since.looked(QUERY, [post(4, created="2026-01-01T00:00:00Z")])
    assert since.marks(QUERY).by_board == {"mine": Mark(9, "2026-01-02T00:00:00Z")}
    since.looked(QUERY, [])
    assert len(since.marks(QUERY).by_board) == 1


def test_of_a_sorted_search_the_time_of_the_look_counts() -> None:
    query = f"{QUERY} order:score"
    since.looked(query, [post(900, created="2020-01-01T00:00:00Z")])
    marks = since.marks(query)
    assert not marks.new(post(950, created="2021-01-01T00:00:00Z"))  # was there, if not on the screen
    assert marks.new(post(951, created="2999-01-01T00:00:00Z"))
    assert not marks.seen(post(952))  # no time told: never passed over


def test_news_are_counted_with_one_small_question(network: Network) -> None:
    with BoardServer("danbooru", samples(*range(1, 301))) as server:
        since.looked(QUERY, [post(295), post(290)])
        assert since.news([mine(server)], network, QUERY) == News(5)
        assert len(server.api_requests()) == 1
        assert since.news([mine(server)], network, QUERY, Wishes(min_side=5000)) == News(0)
        assert since.news([mine(server)], network, f"{QUERY} order:score") == News(0, first=("mine",))
        assert since.marks(QUERY).by_board["mine"].id == 295  # counting is no look


def test_news_without_end_are_counted_up_to_a_bound(network: Network) -> None:
    with BoardServer("danbooru", samples(*range(1, 700))) as server:
        since.looked(QUERY, [post(1)])
        assert since.news([mine(server)], network, QUERY, most=100) == News(100, more=True)
        assert len(server.api_requests()) == 1


def test_news_of_several_boards_and_of_one_that_is_silent(network: Network) -> None:
    gone = Danbooru("gone", BoardConfig(url="http://127.0.0.1:1"))
    with BoardServer("danbooru", samples(1, 2, 3)) as server:
        boards = [mine(server), gone, mine(server, "never")]
        since.looked(QUERY, [post(2), post(2, "gone")])
        found = since.news(boards, network, QUERY)
        assert (found.count, found.more, found.first, list(found.problems)) == (1, False, ("never",), ["gone"])


def test_a_search_ends_at_the_last_post_seen(network: Network) -> None:
    with BoardServer("danbooru", samples(*range(1, 601))) as server:
        since.looked(QUERY, [post(598)])
        search = search_boards([mine(server)], network, QUERY, known=since.marks(QUERY).seen)
        assert [each.id for each in search.posts()] == [600, 599]
        assert search.finished and search.scanned == 2
        assert len(server.api_requests()) == 1


def test_a_sorted_search_goes_on_behind_what_was_seen(network: Network) -> None:
    with BoardServer("danbooru", samples(1, 2, 3, 4)) as server:
        query = f"{QUERY} order:score"
        search = search_boards([mine(server)], network, query, known=lambda each: each.id in (4, 2))
        assert [each.id for each in search.posts()] == [3, 1]


# --- asked before --------------------------------------------------------------------------------------------------


def test_queries_asked_are_remembered_once_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "MOST", 3)
    assert past.recent() == []
    for query in ("a", "b", "  a  ", "c", "", "d \x1b[2J"):
        past.asked(query)
    assert past.recent() == ["a", "c", "d "]


def test_a_damaged_memory_is_said() -> None:
    folder = paths.state_dir()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "queries.db").write_bytes(b"nonsense " * 2000)
    with pytest.raises(LoratuiError, match="damaged"):
        since.marks(QUERY)
