"""Requests to a board's API: in its rhythm, repeated where that helps, and only data comes back."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from threading import Event
from typing import TypeVar, cast

import httpx

from loratui.core.boards import pace
from loratui.core.boards.answers import BoardError, failure, unreadable
from loratui.core.boards.board import Board, Request
from loratui.core.boards.network import LONGEST_WAIT, Network, host_of, plainly, retry_after, user_agent

T = TypeVar("T")

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes an answer of an API may have, decompressed."""
TRIES = 4


class Client:
    """One board over one network.

    Args:
        board: whom to ask.
        network: its connections; belongs to the caller.
        tries: how often a request is made before its failure counts.
    """

    def __init__(self, board: Board, network: Network, tries: int = TRIES) -> None:
        self.board = board
        self.network = network
        self.tries = tries

    def ask(self, request: Request, decode: Callable[[bytes], T], cancel: Event | None = None) -> T:
        """Sends `request` and decodes the answer.

        Raises:
            BoardError: the board refused, failed, could not be reached or sent nonsense.
            Cancelled: `cancel` was set.
        """
        raw = self.network.run(self._ask(request), cancel)
        try:
            return decode(raw)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise unreadable(self.board, type(error).__name__ if isinstance(error, KeyError) else str(error)) from error

    async def _ask(self, request: Request) -> bytes:
        host = host_of(self.board.url)
        for attempt in range(1, self.tries + 1):
            await asyncio.sleep(pace.reserve(host, self.board.INTERVAL))
            wait: float | None = None
            try:
                status, headers, body = await self._send(request)
            except httpx.HTTPError as error:
                found = BoardError(*plainly(error, host), again=not isinstance(error, httpx.TooManyRedirects))
            except (httpx.InvalidURL, ValueError):
                raise BoardError(
                    f"The url of {self.board.name} is no web address.",
                    f"Mend boards.{self.board.name}.url in config.toml.",
                ) from None
            else:
                told = failure(self.board, status, headers, body)
                if told is None:
                    return body
                found, wait = told, retry_after(headers)
            if not found.again or attempt == self.tries or (wait or 0) > LONGEST_WAIT:
                raise found
            seconds = wait if wait is not None else self.network.backoff * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
            if wait is not None:
                pace.hold(host, seconds)
            await asyncio.sleep(seconds)
        raise AssertionError("unreachable")

    async def _send(self, request: Request) -> tuple[int, httpx.Headers, bytes]:
        board, config = self.board, self.board.config
        params: list[tuple[str, str | int | float | bool | None]] = list(request.params)
        auth: httpx.BasicAuth | None = None
        if config.api_key and board.KEYS_IN_QUERY:
            params += [("api_key", config.api_key), ("user_id", config.user_id)]
        elif config.api_key and config.login:
            auth = httpx.BasicAuth(config.login, config.api_key)
        headers = {"Accept": "application/json, text/xml;q=0.8", "User-Agent": user_agent(config.login)}
        url = board.url + request.path
        async with (
            self.network.http.stream("GET", url, params=params, headers=headers, auth=auth) as response,
            # Closed here: left to the collector, an answer broken off outlives the loop, which complains on stderr.
            aclosing(cast(AsyncGenerator[bytes, None], response.aiter_bytes())) as chunks,
        ):
            body = bytearray()
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise BoardError(
                        f"{board.name} answered with more than {MAX_ANSWER >> 20} MB.",
                        "Check the board's url and engine.",
                    )
            return response.status_code, response.headers, bytes(body)
