"""One file from a server: gone on with where it broke off, and not believed until it has been checked."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from loratui.core.boards.network import header, plainly, retry_after, user_agent

MAX_FILE = 256 * 1024 * 1024
"""Bytes a picture may have."""
_HEAD = 32
_TELL = 1 << 17
"""Bytes between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to fetch.

    Attributes:
        key: the item's id.
        url: of the file.
        referer: the page we come from: file servers of some boards want it.
        part: where it grows. What lies there already is gone on with.
        md5: what it must have; "" if unknown.
        size: bytes it must have; None if unknown.
        validator: the server's mark of the version that lies in `part`, "" if unknown.
    """

    key: int
    url: str
    referer: str
    part: Path
    md5: str = ""
    size: int | None = None
    validator: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole, checked file at the job's `part`.

    Attributes:
        bytes: its size.
        ext: its type by its first bytes.
    """

    bytes: int
    ext: str


class TransferError(Exception):
    """A file did not come.

    Attributes:
        reason: in a few words, for the count of reasons.
        again: the same request may succeed later.
        wait: seconds the server asks us to wait.
    """

    def __init__(self, reason: str, *, again: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.wait = wait


def image_type(head: bytes) -> str:
    """The type of a picture by its first bytes, as a file ending; "" if it is none."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "avif"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "jxl"
    return "bmp" if head.startswith(b"BM") else ""


async def fetch(
    http: httpx.AsyncClient,
    job: Job,
    received: Callable[[int], None],
    marked: Callable[[str], None],
) -> Fetched:
    """Fetches `job` into its part file.

    Args:
        received: told how many bytes lie there, as they come.
        marked: told the server's mark of this version, so that it can be gone on with after a restart.

    Raises:
        TransferError: it did not come, or is not what was due. A part that can be gone on with stays.
        OSError: the disk refused.
    """
    have = job.part.stat().st_size if job.part.exists() else 0
    digest = hashlib.md5(usedforsecurity=False)
    # A part can be gone on with if the server can say that the file is the same, or the md5 will tell in the end.
    if have and not (job.validator or job.md5):
        have = 0
    if have:
        await asyncio.to_thread(_feed, digest, job.part)
        if digest.hexdigest() == job.md5:  # whole; the program ended before it could say so
            return _checked(job, have, job.md5)
    headers = {"User-Agent": user_agent(), "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
    if job.referer:
        headers["Referer"] = header(job.referer)
    if have:
        headers["Range"] = f"bytes={have}-"
        if job.validator:
            headers["If-Range"] = job.validator
    try:
        async with http.stream("GET", job.url, headers=headers) as response:
            if response.status_code == 416:
                job.part.unlink(missing_ok=True)
                raise TransferError("the server's file is shorter than what we have", again=True)
            _refuse(response)
            going_on = response.status_code == 206 and _starts_at(response) == have
            if response.status_code == 206 and not going_on:
                job.part.unlink(missing_ok=True)
                raise TransferError("the server sent another part than asked for", again=True)
            if not going_on:
                have, digest = 0, hashlib.md5(usedforsecurity=False)
            length = response.headers.get("content-length", "")
            if have + int(length if length.isdigit() else 0) > MAX_FILE:
                raise TransferError(f"larger than {MAX_FILE >> 20} MB")
            mark = response.headers.get("etag", "") or response.headers.get("last-modified", "")
            marked(mark if mark.isascii() and not mark.startswith("W/") else "")
            with job.part.open("ab" if going_on else "wb") as file:
                head, told = b"" if have == 0 else None, have
                async for chunk in response.aiter_raw():
                    file.write(chunk)
                    digest.update(chunk)
                    have += len(chunk)
                    if head is not None:
                        head = _judged(head + chunk[:_HEAD])
                    if have - told >= _TELL:
                        told = have
                        received(have)
                    if have > MAX_FILE:
                        raise TransferError(f"larger than {MAX_FILE >> 20} MB")
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
    except httpx.TimeoutException as error:
        raise TransferError("the server stood still", again=True) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = plainly(error, "the server")[0].rstrip(".") if isinstance(error, httpx.HTTPError) else "no web address"
        raise TransferError(reason, again=isinstance(error, httpx.TransportError)) from error
    except TransferError as error:
        if not error.again:
            job.part.unlink(missing_ok=True)
        raise
    return _checked(job, have, digest.hexdigest())


def _refuse(response: httpx.Response) -> None:
    """Raises for any answer that is not the beginning of a file."""
    status = response.status_code
    if status in (429, 503):
        raise TransferError(f"the server asks to slow down ({status})", again=True, wait=retry_after(response.headers))
    if status >= 500:
        raise TransferError(f"the server is in trouble ({status})", again=True, wait=retry_after(response.headers))
    if status in (404, 410):
        raise TransferError("the board no longer has the file")
    if status not in (200, 206):
        raise TransferError(f"the server refused ({status})")
    if response.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml")):
        raise TransferError("no picture, but a web page")


def _judged(head: bytes) -> bytes | None:
    """None once enough of the beginning has come and it is that of a picture; else what is there so far."""
    if len(head) < _HEAD:
        return head
    if not image_type(head):
        raise TransferError("no picture, but a web page" if b"<" in head else "no picture")
    return None


def _starts_at(response: httpx.Response) -> int:
    span = response.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    return int(span) if span.isdigit() else -1


def _checked(job: Job, have: int, md5: str) -> Fetched:
    with job.part.open("rb") as file:
        ext = image_type(file.read(_HEAD))
    wrong = ""
    if not ext:
        wrong = "no picture"
    elif job.md5 and md5 != job.md5:
        wrong = "not the file the board describes (md5)"
    elif not job.md5 and job.size is not None and have != job.size:
        wrong = "not the file the board describes (size)"
    if wrong:
        job.part.unlink(missing_ok=True)
        raise TransferError(wrong, again=bool(ext))
    return Fetched(have, ext)


def _feed(digest: "hashlib._Hash", path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
