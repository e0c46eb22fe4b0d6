"""Other wishes for what is listed already: judged again without asking."""

from collections.abc import Iterator

import pytest

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.engines.danbooru import Danbooru
from loratui.core.boards.listing.merged import search_boards
from loratui.core.boards.network.connections import Network
from loratui.core.config import BoardConfig
from loratui.core.errors import UsageError
from tests.boards_server import BoardServer, Sample


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def board(name: str, samples: list[Sample]) -> Iterator[tuple[BoardServer, Danbooru]]:
    with BoardServer("danbooru", samples) as server:
        yield server, Danbooru(name, BoardConfig(engine="danbooru", url=server.url))


def sample(number: int, width: int, data: bytes = b"") -> Sample:
    return Sample(number, data or b"%d" % number, width=width, height=1000, score=number)


def test_other_wishes_ask_nothing_and_count_anew(network: Network) -> None:
    for server, one in board("one", [sample(1, 500), sample(2, 800), sample(3, 1200)]):
        listing = search_boards([one], network, "1girl", Wishes(min_side=700))
        assert [post.id for post in listing.some()] == [3, 2]
        asked = len(server.requests)
        assert [post.id for post in listing.judge(Wishes())] == [3, 2, 1]
        assert (listing.kept, dict(listing.filtered)) == (3, {})
        assert [post.id for post in listing.judge(Wishes(min_side=900, min_score=3))] == [3]
        assert listing.wishes.min_side == 900 and [cost.hits for cost in listing.costs()] == [2, 2]
        assert len(server.requests) == asked
        with pytest.raises(UsageError):
            listing.judge(Wishes(newer="yesterweek"))
        assert listing.wishes.min_side == 900


def test_on_several_boards_each_picture_stays_once(network: Network) -> None:
    here, there = [sample(1, 900, b"same"), sample(2, 600)], [sample(7, 900, b"same"), sample(8, 900)]
    for _, one in board("one", here):
        for _, two in board("two", there):
            listing = search_boards([one, two], network, "1girl", Wishes(min_side=700))
            before = {post.md5 for post in listing.some()}
            again = listing.judge(Wishes())
            assert len(before) == 2 and len(again) == listing.kept == 3
            assert listing.filtered["on another board too"] == 1
