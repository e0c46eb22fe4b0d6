"""The connections: an event loop on a thread of its own, so that whatever hangs can be left at once."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from loratui import __version__
from loratui.core.errors import Cancelled

T = TypeVar("T")

CONNECT_SECONDS = 15.0
STALL_SECONDS = 30.0
"""How long an answer may stand still."""
MAX_REDIRECTS = 5
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
LONGEST_WAIT = 180.0
"""A longer Retry-After is not waited for: the person is told instead."""


def user_agent(login: str = "") -> str:
    """Who we are, honestly: boards challenge the names of libraries and of browsers alike."""
    return f"loratui/{__version__} (training data sets; {f'by {header(login)}' if login else 'anonymous'})"


def header(text: str) -> str:
    """`text` as a header can carry it: what is not printable ASCII, as in a name or an address, is escaped."""
    return quote(text, safe=_PRINTABLE)


class Network:
    """Use it as a context manager; `run` may be called from any thread.

    Args:
        backoff: seconds before the first repeat of a failed request; doubles each time.
        stall: seconds an answer may stand still.
    """

    def __init__(self, backoff: float = 1.0, stall: float = STALL_SECONDS) -> None:
        self.backoff = backoff
        self.stall = stall
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self.http: httpx.AsyncClient = self.run(self._open())

    async def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"User-Agent": user_agent()},
            timeout=httpx.Timeout(self.stall, connect=min(CONNECT_SECONDS, self.stall), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            # A proxy of the environment cannot reach this machine's own boards.
            mounts=dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]")),
        )

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what still runs and closes the connections. Safe to call twice."""
        if self._loop.is_closed():
            return
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self.http.aclose()

    def start(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Starts `work` on the loop and returns at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T], cancel: threading.Event | None = None) -> T:
        """Waits for `work`.

        Raises:
            Cancelled: `cancel` was set; the work has been stopped where it stood.
        """
        future = self.start(work)
        while True:
            try:
                return future.result(timeout=None if cancel is None else 0.1)
            except concurrent.futures.TimeoutError:
                if future.done():  # the work itself timed out
                    raise
                if cancel is not None and cancel.is_set():
                    future.cancel()
                    raise Cancelled from None
            except KeyboardInterrupt:
                future.cancel()
                raise


def host_of(url: str) -> str:
    """Host and port, lower case."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds a host asks us to wait, in either of the header's forms; None if it does not say."""
    value = headers.get("retry-after", "").strip()
    try:
        return float(value) if value.isdigit() else max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None


def plainly(error: httpx.HTTPError, host: str) -> tuple[str, str]:
    """A failure of the network as a sentence and its remedy."""
    if isinstance(error, httpx.ConnectTimeout | httpx.ReadTimeout | httpx.WriteTimeout | httpx.PoolTimeout):
        return f"{host} did not answer in time.", "Check the network, or try again later."
    if isinstance(error, httpx.ConnectError):
        text = str(error).lower()
        if "certificate" in text:
            return f"{host} shows a certificate that cannot be trusted.", "Check this machine's clock and certificates."
        if any(word in text for word in ("name", "nodename", "address", "resolution")) and "refused" not in text:
            return (
                f"{host} cannot be found: there is no network, or no such host.",
                "Check the network and the board's url.",
            )
        return f"{host} cannot be reached.", "Check the network and the board's url."
    if isinstance(error, httpx.TooManyRedirects):
        return f"{host} sends us in circles.", "Check the board's url."
    return f"{host} broke off its answer.", "Try again; what is complete stays."
