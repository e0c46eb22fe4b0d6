"""The wishes of a search judged on posts of a board, as many as a get of a large tag meets."""

import time

from loratui.core.boards.choosing.filters import Filters
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.choosing.without import SETS
from loratui.core.boards.planning.plan import plan
from loratui.core.boards.post import Post
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from tests.benchmarks.table import Row

_POSTS = 5000


def rows() -> list[Row]:
    """Posts through every filter there is."""
    board = ENGINES["danbooru"]("danbooru", BoardConfig(engine="danbooru", url="https://board.example"))
    wishes = Wishes(768, 0.5, 8.0, 0.15, (), False, 5, "10y", "1d", tuple(SETS), one_of_family=True, variant_side=768)
    posts = [_post(number) for number in range(_POSTS)]
    filters = Filters(plan(board, "a b c -d e* filetype:jpg,png"), wishes)
    began = time.process_time()
    for post in posts:
        filters.reason(post)
    spent = (time.process_time() - began) / _POSTS
    return [Row("CPU of a post through every filter of a search", spent * 1e6, "µs", 100)]


def _post(number: int) -> Post:
    return Post(
        "b",
        number,
        md5=f"{number:032x}",
        width=500 + number % 2000,
        height=900,
        ext="jpg",
        size=500_000,
        rating="g",
        score=30,
        parent=number // 3 or None,
        file_url="https://board.example/a.jpg",
        created="2024-05-10T12:00:00Z",
        tags={
            "general": tuple(f"tag_{number * k % 5000}" for k in range(1, 40)),
            "character": (f"somebody_{number % 50}",),
        },
    )
