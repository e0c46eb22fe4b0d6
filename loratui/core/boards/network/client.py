"""Requests to a board's API: in its rhythm, repeated where that helps, and only data comes back."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from threading import Event
from typing import TypeVar, cast
from urllib.parse import urljoin, urlsplit

import httpx

from loratui.core import sanitize
from loratui.core.boards.board import Board, Request
from loratui.core.boards.network import answers, pace
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.connections import (
    LONGEST_WAIT,
    MAX_REDIRECTS,
    Network,
    host_of,
    passing,
    plainly,
    retry_after,
    user_agent,
)
from loratui.core.errors import LoratuiError, UsageError

T = TypeVar("T")

Kinds = Callable[[str], str]
"""Tells the category of a tag, "" if unknown."""

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes an answer of an API may have, decompressed."""
TRIES = 4
PATIENCE = 45.0
"""Seconds after which a failing request is not made again: somebody waits for it."""
_MOST_STALLS = 4
"""An answer that trickles may take so many times as long as one may stand still."""


class _Keyed(httpx.Auth):
    """Puts the board's key into a request where it is sent, and nowhere else that could be printed."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds what the board wants."""
        config = self._board.config
        if params := self._board.key_params():
            request.url = request.url.copy_merge_params(dict(params))
        elif config.api_key and config.login and not self._board.KEYS_IN_QUERY:
            yield from httpx.BasicAuth(config.login, config.api_key).auth_flow(request)
            return
        yield request


class Client:
    """One board over one network.

    Args:
        board: whom to ask.
        network: its connections; belongs to the caller.
        tries: how often a request is made before its failure counts.
        kinds: what this machine knows: asked where a board tells no categories, or only of one tag a call.

    Attributes:
        single_calls: how many such calls are still made: a person waits a second for each.
    """

    def __init__(self, board: Board, network: Network, tries: int = TRIES, kinds: Kinds | None = None) -> None:
        self.board = board
        self.network = network
        self.tries = tries
        self.kinds = kinds
        self.single_calls = 30

    def ask(self, request: Request, decode: Callable[[bytes], T], cancel: Event | None = None) -> T:
        """Sends `request` and decodes the answer.

        Raises:
            BoardError: the board refused, failed, could not be reached, sent nonsense, or needs a key.
            Cancelled: `cancel` was set.
        """
        if self.board.needs_key and not self.board.has_key and not request.for_all:
            raise answers.key_missing(self.board)
        for last in (self.tries == 1, True):
            raw = self.network.run(self._ask(request), cancel)
            try:
                return decode(raw)
            except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
                detail = type(error).__name__ if isinstance(error, KeyError) else str(error)
            # An answer may break off in the middle and still be called whole by its server.
            if last or not answers.cut_short(detail):
                raise answers.unreadable(self.board, detail)
        raise AssertionError("unreachable")

    async def _ask(self, request: Request) -> bytes:
        try:
            return await self._insist(request)
        finally:
            self.network.retrying.pop(self.board.name, None)

    async def _insist(self, request: Request) -> bytes:
        host = host_of(self.board.url)
        started = time.monotonic()
        for attempt in range(1, self.tries + 1):
            await asyncio.sleep(pace.reserve(host, self.board.INTERVAL))
            found, wait = await self._try(request)
            if isinstance(found, bytes):
                return found
            seconds = self.network.backoff * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
            if wait is not None:
                seconds = max(seconds, wait)  # 0 is no invitation to hammer
            elif found.status == 429:
                seconds *= 5  # limits are by the minute or so: a moment is never enough
            late = time.monotonic() - started > PATIENCE
            if not found.again or attempt == self.tries or seconds > LONGEST_WAIT or late:
                raise found
            if wait is not None or found.status == 429:
                pace.hold(host, seconds)
            self.network.retrying[self.board.name] = found.message
            await asyncio.sleep(seconds)
        raise AssertionError("unreachable")

    async def _try(self, request: Request) -> tuple[bytes | BoardError, float | None]:
        """The answer, or what is wrong with it and how long the board wants us to wait."""
        board = self.board
        there = f"{board.name} ({sanitize.line(host_of(board.url), 60)})"
        try:
            async with asyncio.timeout(self.network.stall * _MOST_STALLS):
                status, headers, body = await self._send(request)
        except TimeoutError:
            return BoardError(*plainly(httpx.ReadTimeout(""), there), again=True), None
        except httpx.HTTPError as error:
            return BoardError(*plainly(error, there, board.url), again=passing(error)), None
        except (httpx.InvalidURL, ValueError):
            raise UsageError(
                f"The url of {board.name} is no web address.", f"Mend boards.{board.name}.url in config.toml."
            ) from None
        except LoratuiError:
            raise
        except Exception as error:
            # The frames below hold the request, whose address may hold the key, and some tracebacks show variables.
            raise error.with_traceback(None) from None
        if board.ended(request, status):
            return b"", None
        wait = retry_after(headers)
        return answers.failure(board, status, headers, body, wait) or body, wait

    async def _send(self, request: Request) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and body, at most `MAX_ANSWER`, after redirections within the board's own host."""
        board = self.board
        headers = {
            "Accept": "application/json, text/xml;q=0.8",
            "User-Agent": agent_of(board),
        }
        target = httpx.URL(board.url + request.path)
        for _ in range(MAX_REDIRECTS + 1):
            # A place that leaves the question out is asked the same question: Zerochan's for a tag's other names.
            url = target if target.query else target.copy_merge_params(dict(request.params))
            async with (
                self.network.http.stream(
                    "GET", url, headers=headers, auth=_Keyed(board), follow_redirects=False
                ) as response,
                # Closed here: left to the collector, an answer broken off outlives the loop, which complains on stderr.
                aclosing(cast(AsyncGenerator[bytes, None], response.aiter_bytes())) as chunks,
            ):
                body = bytearray()
                async for chunk in chunks:
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise answers.endless(board, MAX_ANSWER)
                place = response.headers.get("location", "")
                if not (300 <= response.status_code < 400 and place):
                    return response.status_code, response.headers, bytes(body)
            following = urljoin(str(url), place)
            if not _same_host(board.url, following):
                raise answers.elsewhere(board, following)
            target = httpx.URL(following)
        raise answers.circles(board)


def agent_of(board: Board) -> str:
    """How we introduce ourselves to a board and its file servers: with the person's name where there is one."""
    return user_agent(board.config.login, board.AGENT)


def _same_host(url: str, other: str) -> bool:
    """Whether a key for `url` may be sent to `other`: the same host and port, and not in the open where it was not."""
    one, two = urlsplit(url), urlsplit(other)
    if (one.scheme, one.netloc.lower()) == (two.scheme, two.netloc.lower()):
        return True
    return (one.scheme, two.scheme) == ("http", "https") and one.hostname == two.hostname and not two.port
