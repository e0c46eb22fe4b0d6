"""One file from a server: gone on with where it broke off (`fetch`), and not believed until it was checked (`keep`)."""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from loratui.core.boards.network.connections import header, plainly, retry_after, user_agent
from loratui.core.dataset.records import file_hash
from loratui.core.downloads import magic
from loratui.core.downloads.magic import image_type

MAX_FILE = 256 * 1024 * 1024
"""Bytes a picture may have where its record does not say how large it is."""
SLACK = 1 << 20
"""Bytes a file may have beyond twice what its record says: records err, but not by more."""
SLOWEST = 400.0
"""Bytes a second below which, over `PATIENCE`, a server stands still though it drips."""
PATIENCE = 60.0
_HEAD = 32
_TELL = 0.2
"""Seconds between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to fetch.

    Attributes:
        key: the item's id.
        url: of the file.
        referer: the page we come from: file servers of some boards want it.
        part: where it grows. What lies there already is gone on with.
        digest: hex of the md5 or sha512 it must have; "" if unknown.
        size: bytes it must have; None if unknown.
        validator: the server's mark of the version that lies in `part`, "" if unknown.
        others: further addresses, tried in turn where the server has no file at `url`.
        agent: how we introduce ourselves; some sites ban visitors without a name from their files too.
    """

    key: int
    url: str
    referer: str
    part: Path
    digest: str = ""
    size: int | None = None
    validator: str = ""
    others: tuple[str, ...] = ()
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole, checked file.

    Attributes:
        bytes: its size.
        ext: its type by its first bytes.
        content: the hash by which the records know it.
    """

    bytes: int
    ext: str
    content: str


class TransferError(Exception):
    """A file did not come.

    Attributes:
        reason: in a few words, for the count of reasons.
        again: the same request may succeed later.
        wait: seconds the server asks us to wait.
        gone: the server has no file at this address.
        busy: the server asks to slow down.
    """

    def __init__(
        self, reason: str, *, again: bool = False, wait: float | None = None, gone: bool = False, busy: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.wait = wait
        self.gone = gone
        self.busy = busy


async def fetch(
    http: httpx.AsyncClient,
    job: Job,
    received: Callable[[int], None],
    marked: Callable[[str, int | None], None],
) -> None:
    """Fetches `job` into its part file, to its end; what lies there then is still to be checked.

    Args:
        received: told how many bytes lie there, as they come.
        marked: told the server's mark of this version, so that it can be gone on with after a restart, and the size
            of the whole file where the server tells it.

    Raises:
        TransferError: it did not come. A part that can be gone on with stays.
        OSError: the disk refused.
    """
    have = job.part.stat().st_size if job.part.exists() else 0
    # A part can be gone on with if the server can say that the file is the same, or the digest will tell in the end.
    if have and not (job.validator or job.digest):
        have = 0
    if have and job.digest and await asyncio.to_thread(_digest, job) == job.digest:
        return  # whole; the program ended before it could say so
    try:
        async with http.stream("GET", job.url, headers=_headers(job, have)) as response:
            if response.status_code == 416:
                if _whole_size(response) == have:
                    return
                job.part.unlink(missing_ok=True)
                raise TransferError("the server's file is shorter than what we have", again=True)
            _refuse(response)
            mark = _mark(response)
            going_on = response.status_code == 206 and _starts_at(response) == have
            if response.status_code == 206 and (not going_on or (have and mark and mark != (job.validator or mark))):
                job.part.unlink(missing_ok=True)
                raise TransferError("the server sent another part than asked for", again=True)
            if not going_on:
                have = 0
            told = response.headers.get("content-length", "")
            due = have + int(told) if told.isdigit() and "content-encoding" not in response.headers else None
            most = MAX_FILE if job.size is None else min(2 * job.size + SLACK, MAX_FILE)
            _limit(due or 0, most, job)
            marked(mark, due)
            with job.part.open("ab" if going_on else "wb") as file:
                head = b"" if have == 0 else None
                since, then = time.monotonic(), have
                told_at = since
                async for chunk in response.aiter_raw():
                    file.write(chunk)
                    have += len(chunk)
                    if head is not None:
                        head = _judged(head + chunk[:_HEAD])
                    _limit(have, most, job)
                    if (now := time.monotonic()) - told_at >= _TELL:
                        told_at = now
                        received(have)
                    if now - since > PATIENCE:
                        if have - then < SLOWEST * (now - since):
                            raise TransferError("the server stood still", again=True)
                        since, then = now, have
    except httpx.TimeoutException as error:
        raise TransferError("the server stood still", again=True) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = plainly(error, "the server")[0].rstrip(".") if isinstance(error, httpx.HTTPError) else "no web address"
        raise TransferError(reason, again=isinstance(error, httpx.TransportError)) from error
    except TransferError as error:
        if not error.again:
            job.part.unlink(missing_ok=True)
        raise


def check(job: Job) -> str:
    """Looks whether what lies in the job's part is the file that was due; what is not is dropped.

    Returns:
        its type by its first bytes, as a file ending.

    Raises:
        TransferError: it is not.
        OSError: the disk refused.
    """
    size = job.part.stat().st_size
    with job.part.open("rb") as file:
        ext = image_type(file.read(_HEAD))
    wrong = ""
    if not ext:
        wrong = "no picture"
    elif job.digest:
        kind = "md5" if len(job.digest) == 32 else "sha512"
        wrong = "" if _digest(job) == job.digest else f"not the file the board describes ({kind})"
    elif job.size is not None:
        wrong = "" if size == job.size else "not the file the board describes (size)"
    elif not magic.ended(job.part, ext):
        wrong = "broken off in the middle"
    if wrong:
        job.part.unlink(missing_ok=True)
        raise TransferError(wrong, again=bool(ext))
    return ext


def keep(job: Job) -> Fetched:
    """Checks a file, makes it durable, and only then names it `.whole`: one of that name is never asked for again.

    Raises:
        TransferError: it is not what was due.
        OSError: the disk refused.
    """
    ext = check(job)
    with job.part.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        os.fsync(file.fileno())
    fetched = Fetched(size, ext, file_hash(job.part))
    job.part.rename(job.part.with_suffix(".whole"))
    return fetched


def _headers(job: Job, have: int) -> dict[str, str]:
    headers = {"User-Agent": job.agent or user_agent(), "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
    if job.referer:
        headers["Referer"] = header(job.referer)
    if have:
        headers["Range"] = f"bytes={have}-"
        if job.validator:
            headers["If-Range"] = job.validator
    return headers


def _limit(have: int, most: int, job: Job) -> None:
    if have > most:
        known = job.size is not None and most < MAX_FILE
        told = "much larger than the board says" if known else f"larger than {MAX_FILE >> 20} MB"
        raise TransferError(told)


def _refuse(response: httpx.Response) -> None:
    """Raises for any answer that is not the beginning of a file."""
    status, wait = response.status_code, retry_after(response.headers)
    if response.headers.get("cf-mitigated"):
        raise TransferError("Cloudflare's test for browsers in place of the file")
    if status in (429, 503):
        raise TransferError(f"the server asks to slow down ({status})", again=True, wait=wait, busy=True)
    if status >= 500:
        raise TransferError(f"the server is in trouble ({status})", again=True, wait=wait)
    if status in (404, 410):
        raise TransferError("the board no longer has the file", gone=True)
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


def _mark(response: httpx.Response) -> str:
    """What tells this version of the file from others, in a form that may be asked with; "" for nothing."""
    mark: str = response.headers.get("etag", "") or response.headers.get("last-modified", "")
    return mark if mark.isascii() and not mark.startswith("W/") else ""


def _starts_at(response: httpx.Response) -> int:
    span = response.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    return int(span) if span.isdigit() else -1


def _whole_size(response: httpx.Response) -> int:
    size = response.headers.get("content-range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else -1


def _digest(job: Job) -> str:
    """Hex of what lies in the part, by the kind of the job's digest."""
    with job.part.open("rb") as file:
        return hashlib.file_digest(file, "sha512" if len(job.digest) == 128 else _md5).hexdigest()


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)
