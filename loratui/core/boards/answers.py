"""An answer that is no data, as one plain sentence with its remedy. A status of 200 proves nothing with boards."""

from collections.abc import Mapping
from typing import Any

from loratui.core import sanitize
from loratui.core.boards import decode
from loratui.core.boards.board import Board
from loratui.core.errors import LoratuiError

_CHALLENGES = (b"just a moment", b"cf-chl", b"challenge-platform", b"captcha", b"attention required")


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


def failure(board: Board, status: int, headers: Mapping[str, str], body: bytes) -> BoardError | None:
    """What is wrong with the answer; None if it is data.

    Args:
        headers: with lower-case names, or case-insensitive.
        body: decompressed.
    """
    start = body[:4096].lstrip().lower()
    page = start.startswith((b"<!doctype html", b"<html"))
    if headers.get("cf-mitigated") or ((status == 403 or page) and any(word in start for word in _CHALLENGES)):
        return BoardError(
            f"{board.name} answered with a test for browsers instead of data: it distrusts this machine's address.",
            "Search another board, or reach it from another address by setting HTTPS_PROXY.",
            status=status,
        )
    told = _told(body)
    if status == 401 or "missing authentication" in told.lower():
        return _unauthorised(board, status)
    if "unable to search this deep" in told.lower() or (page and b"unable to search this deep" in body.lower()):
        return BoardError(
            f"{board.name} does not show results that deep.",
            "Narrow the query, or leave the sorting out: unsorted results have no end.",
            status=status,
        )
    if status != 200 and not 200 <= status < 300:
        return _refused(board, status, told)
    if page:
        return BoardError(
            f"{board.name} answered with a web page where data was due.",
            f"Open {board.url} in a browser: it may be down, or want something from its visitors.",
            status=status,
        )
    if told:
        return BoardError(f"{board.name} refused: {told.rstrip('.')}.", "", status=status)
    if not body.strip() and not board.NOTHING_IS_EMPTY:
        return BoardError(f"{board.name} answered with nothing.", "Try again in a minute.", status=status, again=True)
    return None


def unreadable(board: Board, detail: str) -> BoardError:
    """For an answer that should be data and cannot be decoded."""
    return BoardError(
        f"{board.name} answered with something that is not its usual data ({sanitize.line(detail, 80)}).",
        f"Check that the engine {board.ENGINE!r} is right for {sanitize.line(board.url, 80)}, or try again later.",
    )


def _unauthorised(board: Board, status: int) -> BoardError:
    wanted = "login and api_key" if board.ENGINE in ("danbooru", "e621") else "user_id (a number) and api_key"
    login = f"loratui boards login {board.name}"
    if board.has_key:
        return BoardError(
            f"{board.name} does not accept the configured key.",
            f"Copy the whole line with {wanted} from your account's page again and paste it into: {login}.",
            status=status,
        )
    return BoardError(
        f"{board.name} needs {wanted}.",
        f"Copy the whole line from your account's options page and paste it into: {login}.",
        status=status,
    )


def _refused(board: Board, status: int, told: str) -> BoardError:
    name = board.name
    reason = f": {told.rstrip('.')}" if told else ""
    if status == 429:
        return BoardError(
            f"{name} asks to slow down (429).",
            "Wait a minute and repeat; what is complete stays.",
            status=status,
            again=True,
        )
    if status == 422:
        if "tags at a time" in told or "tag limit" in told.lower():
            return BoardError(
                f"{name} refused: {told.rstrip('.')}.",
                "Leave a tag out: with fewer tags sent, the rest of the query can be judged here.",
                status=status,
            )
        return BoardError(f"{name} does not understand the query{reason}.", "Check its words.", status=status)
    if status == 410:
        return BoardError(
            f"{name} does not show results that deep{reason}.",
            "Narrow the query, or leave the sorting out: unsorted results have no end.",
            status=status,
        )
    if status == 403:
        return BoardError(
            f"{name} refused (403){reason}.",
            f"It may need an account: loratui boards login {name}.",
            status=status,
        )
    if status == 404:
        return BoardError(
            f"{name} has no such page (404).", f"Check the board's url and engine ({board.ENGINE}).", status=status
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
        return BoardError(f"{name} is in trouble ({status}){reason}.", "Try again later.", status=status, again=True)
    if 300 <= status < 400:
        return BoardError(f"{name} sends us elsewhere ({status}).", "Check the board's url.", status=status)
    return BoardError(f"{name} refused ({status}){reason}.", "", status=status)


def _told(body: bytes) -> str:
    """The reason an answer gives for being none, in one safe line without secrets; "" if it gives none."""
    text = body[:20_000].lstrip()
    if text.startswith(b"<"):
        told = _told_by_xml(body)
    elif text[:1] in (b'"', b"{"):
        told = _told_by_json(body)
    else:
        told = ""
    return sanitize.line(sanitize.secret(told), 200).strip()


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
