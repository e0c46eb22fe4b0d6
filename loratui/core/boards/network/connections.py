"""The connections: an event loop on a thread of its own, so that whatever hangs can be left at once.

A proxy is taken from the environment, as other programs take it: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY for
hosts that need none; `socks5h://` is one too, such as that of `ssh -D`.
"""

import asyncio
import concurrent.futures
import logging
import math
import ssl
import threading
from collections.abc import Coroutine
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from loratui import __version__
from loratui.core import sanitize
from loratui.core.errors import Cancelled, UsageError

T = TypeVar("T")

CONNECT_SECONDS = 15.0
STALL_SECONDS = 30.0
"""How long an answer may stand still."""
MAX_REDIRECTS = 5
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
LONGEST_WAIT = 180.0
"""A longer Retry-After is not waited for: the person is told instead."""


ANONYMOUS = "{program} (training data sets; anonymous)"


def user_agent(login: str = "", form: str = ANONYMOUS) -> str:
    """Who we are, honestly: boards challenge the names of libraries and of browsers alike.

    Args:
        login: the person's name on the board.
        form: with places for `program` and `login`; without a name it is `ANONYMOUS`.
    """
    return (form if login else ANONYMOUS).format(program=f"loratui/{__version__}", login=header(login))


def header(text: str) -> str:
    """`text` as a header can carry it: what is not printable ASCII, as in a name or an address, is escaped."""
    return quote(text, safe=_PRINTABLE)


class Network:
    """Use it as a context manager; `run` may be called from any thread.

    Args:
        backoff: seconds before the first repeat of a failed request; doubles each time.
        stall: seconds an answer may stand still.

    Attributes:
        retrying: by the names of boards, what is wrong while a request is made once more.
    """

    def __init__(self, backoff: float = 1.0, stall: float = STALL_SECONDS) -> None:
        self.backoff = backoff
        self.stall = stall
        self.retrying: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        try:
            self.http: httpx.AsyncClient = self.run(self._open())
        except BaseException:
            self._stop()
            raise

    async def _open(self) -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                headers={"User-Agent": user_agent()},
                timeout=httpx.Timeout(self.stall, connect=min(CONNECT_SECONDS, self.stall), pool=None),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
                follow_redirects=True,
                max_redirects=MAX_REDIRECTS,
                # A proxy of the environment cannot reach this machine's own boards.
                mounts=dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]")),
            )
        except (ValueError, httpx.InvalidURL):
            raise UsageError(
                "The proxy of ALL_PROXY, HTTPS_PROXY or HTTP_PROXY is no address of one.",
                "Write it as http://host:port.",
            ) from None

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what still runs and closes the connections. Safe to call twice."""
        if self._loop.is_closed():
            return
        self.run(self._close())
        self._stop()

    def _stop(self) -> None:
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


def proxy_of(url: str) -> str:
    """Host and port of the proxy that requests to `url` go through, without its password; "" for none."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    host = parts.hostname or ""
    if not proxy or host in ("127.0.0.1", "localhost", "::1") or proxy_bypass(host):
        return ""
    return sanitize.line(host_of(proxy if "://" in proxy else f"http://{proxy}"), 80)


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds a host asks us to wait, in either of the header's forms; None if it does not say anything sensible."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = max(0.0, parsedate_to_datetime(value).timestamp() - time())
        except (ValueError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def passing(error: httpx.HTTPError) -> bool:
    """Whether the same request may succeed a moment later."""
    return (
        isinstance(error, httpx.TransportError)
        and not isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError | httpx.DecodingError)
        and not _untrusted(error)
    )


def plainly(error: httpx.HTTPError, host: str, url: str = "") -> tuple[str, str]:
    """A failure of the network as a sentence and its remedy. Nothing of the request is in it: that may hold a key.

    Args:
        host: how to call the other end.
        url: what was asked for, to know whether there is a proxy between.
    """
    proxy = proxy_of(url) if url else ""
    if isinstance(error, httpx.ProxyError):
        return (
            f"The proxy {proxy or 'of the environment'} does not let us through to {host}.",
            "Check HTTPS_PROXY, and the name and password in it.",
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError) and proxy and not _untrusted(error):
        return f"The proxy {proxy} cannot be reached.", "Check HTTPS_PROXY (or ALL_PROXY), or unset it."
    if isinstance(error, httpx.TimeoutException):
        waits = "cannot be reached in time" if isinstance(error, httpx.ConnectTimeout) else "stopped answering"
        return f"{host} {waits}.", "Try again in some minutes; if it stays so, the board or this network has trouble."
    if isinstance(error, httpx.ConnectError):
        text = str(error).lower()
        if _untrusted(error):
            return (
                f"{host} shows a certificate that this machine does not trust.",
                "Check this machine's clock; behind a company's proxy, set SSL_CERT_FILE to its certificate.",
            )
        if "ssl" in text or "tls" in text:
            return (
                f"{host} does not speak a TLS that we understand.",
                "Check whether its url begins rightly (http, https).",
            )
        if any(word in text for word in _NO_NAME):
            return (
                f"{host} cannot be found: there is no such host, or this machine has no network.",
                "Check the url in config.toml, and the network.",
            )
        if "refused" in text or "attempts failed" in text:
            return f"{host} cannot be reached: nothing answers there.", "Check the url in config.toml, and the network."
        return f"{host} cannot be reached.", "Check the network, and the url in config.toml."
    if isinstance(error, httpx.TooManyRedirects):
        return f"{host} sends us in circles.", "Open it in a browser: it may want something from its visitors."
    if isinstance(error, httpx.RemoteProtocolError) and "illegal" in str(error):
        return f"{host} does not answer as web servers do.", "Check the url in config.toml."
    if isinstance(error, httpx.DecodingError):
        return f"{host} sent a damaged answer.", "Try again later."
    return f"{host} broke off its answer.", "Try again; what is complete stays."


_NO_NAME = ("name or service", "nodename", "name resolution", "no address", "getaddrinfo", "not known")


def _untrusted(error: BaseException) -> bool:
    """Whether a certificate is the reason, however deep it lies."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "certificate" in str(cause).lower():
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class _Blanked(logging.Filter):
    """The library logs whole addresses, and those of some boards hold keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = sanitize.secret(record.getMessage()), ()
        return True


logging.getLogger("httpx").addFilter(_Blanked())
