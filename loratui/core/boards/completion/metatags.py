"""The words of a query that are no tags, completed: `ra` to `rating:`, `rating:g` to `rating:general`."""

from collections.abc import Sequence

from loratui.core.boards.board import Board
from loratui.core.boards.language.terms import JUDGED, KNOWN
from loratui.core.errors import UsageError
from loratui.core.vocabulary.offers import Suggestion

_FIRST = ("rating", "order", "score", "width", "height", "filetype", "age", "parent", "ratio", "mpixels", "status")
"""Those most asked for; the others follow in alphabetical order."""
_ALIASES = {"sort": "order", "ext": "filetype", "type": "filetype", "size": "filesize"}

_VALUES = {
    "rating": ("general", "sensitive", "questionable", "explicit"),
    "filetype": ("jpg", "png", "webp", "gif", "mp4"),
    "score": (">=10", ">=50", ">=100"),
    "width": (">=768", ">=1024", ">=1536"),
    "height": (">=768", ">=1024", ">=1536"),
    "mpixels": (">=1", ">=2"),
    "ratio": ("1:1", "2:3", "3:4", ">=1", "<1"),
    "age": ("<1d", "<1w", "<1mo", "<1y"),
    "parent": ("none", "any"),
    "child": ("none", "any"),
    "status": ("any", "deleted"),
}
_ORDERS = (
    "score",
    "score_asc",
    "favcount",
    "id",
    "id_desc",
    "random",
    "rank",
    "updated",
    "mpixels",
    "filesize",
    "landscape",
    "portrait",
)
"""Those worth offering, the most asked for first; a board may know more."""


def complete(boards: Sequence[Board], typed: str) -> list[Suggestion]:
    """What `typed` (lower case, no sign before it) may be the beginning of on all of `boards`."""
    key, colon, value = typed.partition(":")
    if not colon:
        return [Suggestion(f"{name}:") for name in _keys(boards) if name.startswith(key)]
    key = _ALIASES.get(key, key)
    if key not in KNOWN:
        return []
    values = _orders(boards) if key == "order" else _VALUES.get(key, ())
    written = typed[: len(typed) - len(value)]
    return [Suggestion(written + each) for each in values if each.startswith(value) and each != value]


def _keys(boards: Sequence[Board]) -> list[str]:
    """The metatags that all of the boards, or we, understand."""
    common = frozenset.intersection(*(board.METATAGS for board in boards)) if boards else frozenset()
    known = (common & KNOWN) | JUDGED | {"order"}
    return [name for name in _FIRST if name in known] + sorted(known.difference(_FIRST))


def _orders(boards: Sequence[Board]) -> list[str]:
    """The orders that all of the boards know."""
    return [word for word in _ORDERS if boards and all(_knows(board, word) for board in boards)]


def _knows(board: Board, order: str) -> bool:
    try:
        return bool(board.order_term(order))
    except UsageError:
        return False
