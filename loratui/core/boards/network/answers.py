"""An answer that is no data, as one plain sentence with its remedy. A status of 200 proves nothing with boards."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from loratui.core import sanitize
from loratui.core.boards import decode
from loratui.core.boards.board import Board
from loratui.core.boards.network.connections import LONGEST_WAIT, host_of, proxy_of
from loratui.core.errors import LoratuiError
from loratui.core.words import duration

_CLOUDFLARE = (b"just a moment", b"cf-chl", b"challenge-platform", b"attention required", b"cloudflare")
_CHALLENGES = (*_CLOUDFLARE, b"captcha", b"checking browser", b"checking your browser", b"crawlers are not permitted")
_KEY_WORDS = re.compile(r"authenticat|api[ _]?key|credentials|must be logged in", re.IGNORECASE)
_TOO_FAST = re.compile(r"rate.?limit|too many requests|throttl|slow down", re.IGNORECASE)
_TOO_DEEP = re.compile(r"search this deep|beyond page|page too deep", re.IGNORECASE)
_MAINTENANCE = (b"maintenance", b"down for", b"be right back", b"upgrading")


class BoardError(LoratuiError):
    """A board refused, failed or answered nonsense.

    Attributes:
        status: of HTTP; 0 where no answer came.
        again: whether the same request may succeed a little later.
    """

    def __init__(self, message: str, remedy: str = "", *, status: int = 0, again: bool = False) -> None:
        super().__init__(message, remedy)
        self.status = status
        self.again = again


class KeyRefused(BoardError):
    """The board wants a key, or another one than it was given. Some say so with a status of 200."""


class QueryRefused(BoardError):
    """The board cannot understand the query, or will not answer one like it."""

    exit_code = 2


def failure(
    board: Board, status: int, headers: Mapping[str, str], body: bytes, wait: float | None = None
) -> BoardError | None:
    """What is wrong with the answer; None if it is data.

    Args:
        headers: with lower-case names, or case-insensitive.
        body: decompressed.
        wait: seconds the board wants us to wait; None if it does not say.
    """
    name = board.name
    start = body[:4096].lstrip().lower()
    page = start.startswith((b"<!doctype html", b"<html"))
    if headers.get("cf-mitigated") or ((status in (403, 503) or page) and any(word in start for word in _CHALLENGES)):
        return _challenged(board, status, headers, start)
    told = _told(body)
    if status == 401 or _KEY_WORDS.search(told):
        return key_refused(board, status) if board.has_key else key_missing(board, status)
    if _TOO_DEEP.search(told) or (page and b"unable to search this deep" in body.lower()) or status == 410:
        return _too_deep(board, status, told)
    if status == 429 or _TOO_FAST.search(told):
        return _too_fast(board, wait)
    if not 200 <= status < 300:
        return _refused(board, status, told, start)
    if page:
        return BoardError(
            f"{name} answered with a web page where data was due.",
            f"Open {board.url} in a browser: it may be down, or want something from its visitors.",
            status=status,
        )
    if "exceeded maximum queries" in told.lower():
        return BoardError(
            f"{name} answers no more questions of anonymous visitors today.",
            f"Use an account (loratui boards login {name}), or search another board.",
        )
    if told:
        return BoardError(f"{name} refused: {told}.", f"Open {board.url} in a browser to see more.", status=status)
    if not body.strip() and not board.NOTHING_IS_EMPTY:
        return BoardError(f"{name} answered with nothing.", "Try again in a minute.", status=status, again=True)
    return None


def key_missing(board: Board, status: int = 0) -> KeyRefused:
    """The board answers nobody without a key, and there is none, or only half of one."""
    return KeyRefused(f"{board.name} needs {key_words(board)}.", _login(board), status=status)


def key_refused(board: Board, status: int) -> KeyRefused:
    """The board does not know the key."""
    if "user_id" in board.KEY_FIELDS and not board.config.user_id.isdigit():
        return KeyRefused(
            f"The user_id stored for {board.name} is no number, so that the key cannot be right.",
            _login(board),
            status=status,
        )
    return KeyRefused(
        f"{board.name} does not accept the key.",
        f"Copy it from {board.KEY_PLACE} there once more, and paste it into: loratui boards login {board.name}.",
        status=status,
    )


def key_words(board: Board) -> str:
    """What a key of the board consists of, in words."""
    words = {"user_id": "user_id (a number)", "login": "your user name", "api_key": "api_key"}
    return " and ".join(words[field] for field in board.KEY_FIELDS) or "an account"


def cut_short(detail: str) -> bool:
    """Whether a decoder's words mean that the end is missing."""
    return any(words in detail for words in ("truncated", "no element found", "unclosed token"))


def unreadable(board: Board, detail: str) -> BoardError:
    """For an answer that should be data and cannot be decoded."""
    if cut_short(detail):
        return BoardError(f"{board.name} broke off its answer in the middle.", "Try again; what is complete stays.")
    return BoardError(
        f"{board.name} answered with something that is not its usual data ({sanitize.line(detail, 80)}).",
        f"Check that the engine {board.ENGINE!r} is right for {sanitize.line(board.url, 80)}, or try again later.",
    )


def endless(board: Board, most: int) -> BoardError:
    """For an answer that does not end."""
    return BoardError(f"{board.name} answered with more than {most >> 20} MB.", "Check its url and engine.")


def circles(board: Board) -> BoardError:
    """For redirections without end."""
    return BoardError(
        f"{board.name} sends us in circles.",
        f"Open {board.url} in a browser: it may want something from its visitors, or have moved.",
    )


def elsewhere(board: Board, url: str) -> BoardError:
    """For a redirection away from the board: neither the question nor a key goes there."""
    parts = urlsplit(url)
    there = sanitize.line(f"{parts.scheme}://{host_of(url)}", 80)
    return BoardError(
        f"{board.name} sends us to another address, {there}, where we do not follow with a key.",
        f"If that is where it has moved, set boards.{board.name}.url to it in config.toml.",
    )


def _challenged(board: Board, status: int, headers: Mapping[str, str], start: bytes) -> BoardError:
    cloudflare = headers.get("cf-mitigated") or "cloudflare" in headers.get("server", "").lower()
    whose = "Cloudflare's" if cloudflare or any(word in start for word in _CLOUDFLARE) else "a"
    proxy = proxy_of(board.url)
    way = f"another proxy than {proxy}" if proxy else "a proxy (HTTPS_PROXY)"
    return BoardError(
        f"{board.name} answers this machine's address with {whose} test for browsers instead of data.",
        f"Use {way}, so that it sees another address, or search another board.",
        status=status,
    )


def _too_deep(board: Board, status: int, told: str) -> BoardError:
    reason = f": {told}" if told and "deep" not in told.lower() else ""
    return BoardError(
        f"{board.name} does not show results that deep{reason}.",
        "Narrow the query, or leave the sorting out: unsorted results have no end.",
        status=status,
    )


def _too_fast(board: Board, wait: float | None) -> BoardError:
    remedy = "Wait a minute and repeat; what is complete stays."
    if wait is not None and wait > LONGEST_WAIT:
        until = f"in {duration(wait)}" if wait < 48 * 3600 else "another day, or by another account or address"
        remedy = f"Try again {until}; what is complete stays."
    return BoardError(f"{board.name} asks us to slow down: too many requests (429).", remedy, status=429, again=True)


def _login(board: Board) -> str:
    if board.KEY_FIELDS == ("login",):
        return (
            f"Give it by: loratui boards login {board.name}. An account is free, and visitors without one are banned."
        )
    return f"Copy the line from {board.KEY_PLACE} there, and paste it into: loratui boards login {board.name}."


def _refused(board: Board, status: int, told: str, start: bytes) -> BoardError:
    name = board.name
    reason = f": {told}" if told else ""
    if status in (400, 422):
        if "tags at a time" in told or "tag limit" in told.lower():
            return QueryRefused(f"{name} refused: {told}.", "Leave a tag out.", status=status)
        return QueryRefused(f"{name} does not understand the query{reason}.", "Check its words.", status=status)
    if status == 403:
        remedy = f"It may need an account: loratui boards login {name}."
        if board.has_key or not board.KEY_FIELDS:
            remedy = "It may be closed to this machine's address: use a proxy (HTTPS_PROXY), or another board."
        return BoardError(f"{name} refused (403){reason}.", remedy, status=status)
    if status == 404:
        return BoardError(
            f"{name} has no such page (404).", f"Check the board's url and engine ({board.ENGINE}).", status=status
        )
    if status == 407:
        return BoardError(
            f"The proxy {proxy_of(board.url)} does not let us through to {name}.",
            "Check HTTPS_PROXY, and the name and password in it.",
            status=status,
        )
    if status in (405, 406, 424):
        return BoardError(
            f"{name} does not answer this kind of question ({status}).",
            f"Check the board's engine ({board.ENGINE}).",
            status=status,
        )
    if status == 451:
        return BoardError(
            f"{name} may not show this for legal reasons (451).", "Search for something else.", status=status
        )
    if status == 500 and "timed out" in told:
        return BoardError(
            f"{name} gave up on this query: its database took too long.",
            "Add a rarer tag, or leave the sorting out.",
            status=status,
        )
    if status >= 500:
        return _troubled(board, status, reason, start)
    if 300 <= status < 400:
        return BoardError(f"{name} sends us elsewhere ({status}).", "Check the board's url.", status=status)
    return BoardError(
        f"{name} refused ({status}){reason}.", f"Open {board.url} in a browser to see more.", status=status
    )


def _troubled(board: Board, status: int, reason: str, start: bytes) -> BoardError:
    if status == 503 and (any(word in start for word in _MAINTENANCE) or "maintenance" in reason.lower()):
        text = f"{board.name} is closed for maintenance (503)."
    elif status in (502, 504) or 520 <= status <= 527:
        text = f"{board.name} is down: its own servers do not answer ({status})."
    else:
        text = f"{board.name} is in trouble ({status}){reason}."
    return BoardError(text, "Try again later, or search another board.", status=status, again=True)


def _told(body: bytes) -> str:
    """The reason an answer gives for being none, in one safe line without secrets and full stop; "" if none."""
    text = body[:20_000].lstrip()
    if text.startswith(b"<"):
        told = _told_by_xml(body)
    elif text[:1] in (b'"', b"{"):
        told = _told_by_json(body)
    else:
        told = ""
    return sanitize.line(sanitize.secret(told), 200).strip().rstrip(".")


def _told_by_xml(body: bytes) -> str:
    try:
        root = decode.xml_root(body)
    except ValueError:
        return ""
    if root.tag == "error":
        return " ".join((root.text or "").split()) or "it gives no reason"
    if root.get("success") == "false":
        return root.get("reason") or " ".join((root.text or "").split()) or "it gives no reason"
    return ""


def _told_by_json(body: bytes) -> str:
    try:
        document: Any = decode.json_document(body)
    except ValueError:
        return ""
    if isinstance(document, str):
        return document
    if not isinstance(document, dict) or not (document.get("success") is False or "error" in document):
        return ""
    return str(document.get("message") or document.get("reason") or document.get("error") or "it gives no reason")
