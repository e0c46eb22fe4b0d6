"""What the planner asks a board before it divides a query: the account's limit, counts of tags, their true names."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import TypeVar

from loratui.core.boards.board import Request
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.tag_cache import TagCache

T = TypeVar("T")

CANNOT = (400, 404, 405, 422, 500)
"""A site that answers so to a question beside the search (older versions, too large a query) just does not know."""

_limits: dict[int, int | None] = {}
"""By the account, as a number: some tracebacks show variables. Asked once by a program."""


class AskedSite:
    """A `query.Site` that asks the board itself.

    Args:
        client: the board.
        cancel: ends any call with `Cancelled`.
    """

    def __init__(self, client: Client, cancel: Event | None = None) -> None:
        self._client = client
        self._board = client.board
        self._cancel = cancel

    def limit(self) -> int | None:
        """See `query.Site`.

        Raises:
            BoardError: the board could not be asked.
        """
        board = self._board
        request = board.account_request() if board.has_key else None
        if request is None:
            return board.TAG_LIMIT
        account = hash((board.url, board.config.login, board.config.api_key))
        if account not in _limits:
            _limits[account] = self._ask(request, board.tag_limit, board.TAG_LIMIT)
        return _limits[account]

    def counts(self, tags: Sequence[str]) -> dict[str, int]:
        """See `query.Site`.

        Raises:
            BoardError: the board could not be asked.
        """
        found: dict[str, int] = {}
        for request in self._board.tags_requests(tags):
            nothing: dict[str, tuple[str, int]] = {}
            told = self._ask(request, self._board.tags, nothing)
            found |= {name: count for name, (_, count) in told.items()}
        return found

    def true_names(self, tags: Sequence[str]) -> dict[str, str]:
        """See `query.Site`; remembered on disk.

        Raises:
            BoardError: the board could not be asked.
        """
        if not tags or self._board.aliases_request(tags) is None:
            return {}
        with TagCache(self._board.url) as cache:
            found = cache.true_names(tags)
            missing = [tag for tag in tags if tag not in found]
            request = self._board.aliases_request(missing) if missing else None
            if request is not None:
                aliases = self._ask(request, self._board.aliases, None)
                if aliases is not None:
                    told = {tag: aliases.get(tag, tag) for tag in missing}
                    cache.keep_true_names(told)
                    found |= told
        return found

    def _ask(self, request: Request, decode: Callable[[bytes], T], unknown: T) -> T:
        try:
            return self._client.ask(request, decode, self._cancel)
        except BoardError as error:
            if error.status not in CANNOT:
                raise
            return unknown
