"""The download's process: asks the Hugging Face hub about files and fetches them (see `core.hub`).

The hub's library finds files, logs in and speaks HTTP. It begins a download anew after every interruption, though, so
the unfinished file is ours: beside its place, under a name that holds the hub's mark of this version of it.
"""

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any

from loratui.core import durable
from loratui.core.errors import LoratuiError, from_os
from loratui.core.workers.child import Exchange, Handler, serve

_TIMEOUT = 15.0  # seconds for what the hub knows of one file
_CHUNK = 1 << 20  # the library takes ten times that: on a slow link the progress would stand for minutes
_OF_THE_NETWORK = (ConnectionError, TimeoutError, socket.gaierror)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One file that is not here yet.

    Attributes:
        target: where it goes.
        part: what is there of it.
        size: of the whole, in bytes.
        etag: the hub's mark; the SHA-256 of files that it keeps apart from the repository's history.
    """

    file: str
    target: Path
    part: Path
    size: int
    etag: str

    @property
    def there(self) -> int:
        """Bytes of it that an interrupted download left."""
        try:
            return min(self.part.stat().st_size, self.size)
        except OSError:
            return 0


def size(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """`{repository, files, folder, elsewhere}` → `{bytes}` still to be fetched. No folder: the hub's cache."""
    return {"bytes": sum(one.size - one.there for one in _missing(params))}


def fetch(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """The same → `{paths}`, with progress in bytes."""
    wanted = _missing(params)
    for one in wanted:
        with _troubles(params, one.file):
            one.part.parent.mkdir(parents=True, exist_ok=True)
    _need_room(params, wanted)
    done, total = 0, sum(one.size for one in wanted)
    for one in wanted:
        with _troubles(params, one.file):
            _fetch(one, params, _Progress(exchange, done, total))
        done += one.size
    return {"paths": [str(_place(params, file)) for file in params["files"]]}


def _missing(params: Mapping[str, Any]) -> list[_Wanted]:
    """What is not here of the files asked for."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name

    found = []
    for file in params["files"]:
        if _place(params, file) is not None:
            continue
        with _troubles(params, file):
            facts = get_hf_file_metadata(hf_hub_url(params["repository"], file), timeout=_TIMEOUT)
        etag = re.sub(r"[^\w-]", "", facts.etag or "")
        if not etag or facts.size is None:
            message = f"What answers for the hub says nothing of {file} in {params['repository']}."
            raise LoratuiError(message, "Look whether a proxy or a login page of the network is in between.")
        if params["folder"]:
            target = Path(params["folder"]) / file
            part = target.with_name(f".{target.name}.{etag[:16]}.part")
        else:
            blobs = repo_folder_name(repo_id=params["repository"], repo_type="model")
            target = Path(constants.HF_HUB_CACHE) / blobs / "blobs" / etag
            part = target.with_name(f"{etag}.part")
        found.append(_Wanted(file, target, part, facts.size, etag))
    return found


def _place(params: Mapping[str, Any], file: str) -> Path | None:
    """Where a file lies that is here; the library looks into its cache without the network."""
    from huggingface_hub import try_to_load_from_cache

    if params["folder"]:
        path = Path(params["folder"]) / file
        return path if path.is_file() else None
    cached = try_to_load_from_cache(params["repository"], file)
    return Path(cached) if isinstance(cached, str) else None


def _need_room(params: Mapping[str, Any], wanted: list[_Wanted]) -> None:
    """Refuses what the disk cannot hold before the first byte comes."""
    if not wanted:
        return
    need, folder = sum(one.size - one.there for one in wanted), wanted[0].part.parent
    if shutil.disk_usage(folder).free < need:
        where = params["folder"] or folder
        other = "name another folder with --to" if params["folder"] else "set HF_HOME to a folder on another disk"
        raise LoratuiError(
            f"{where} has no room for {' and '.join(one.file for one in wanted)} ({need / 1e9:.1f} GB).",
            f"Free some, or {other}.",
        )


class _Progress:
    """Reports how far one file is as part of them all."""

    def __init__(self, exchange: Exchange, before: int, total: int) -> None:
        self._exchange = exchange
        self._before = before
        self._total = total

    def __call__(self, count: int) -> None:
        self._exchange.progress(self._before + count, self._total)


def _fetch(one: _Wanted, params: Mapping[str, Any], report: Callable[[int], None]) -> None:
    """Gets one file, from where an interrupted download left it, and puts it in its place."""
    from huggingface_hub import hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    repository = params["repository"]
    one.part.touch()  # with the rights of any new file, which the lock's own would not have
    with durable.lock(one.part, wait=False) as held:
        if not held:
            raise LoratuiError(f"Another program is fetching {one.file} already.", "Wait until it is done.")
        there = one.there
        report(there)
        with one.part.open("r+b") as file:
            file.truncate(there)
            file.seek(there)
            if there < one.size:
                counted: Any = _Counted(file, report)
                http_get(
                    hf_hub_url(repository, one.file),
                    counted,
                    resume_size=there,
                    headers=build_hf_headers(),
                    expected_size=one.size,
                )
            file.flush()
            os.fsync(file.fileno())
            _check(one, file)
        os.replace(one.part, one.target)
        durable.sync_folder(one.target.parent)
    if not params["folder"]:  # in the cache: the library gives it its name in the snapshot
        hf_hub_download(repository, one.file)


def _check(one: _Wanted, file: BufferedRandom) -> None:
    """Holds a file against its SHA-256 where the hub names it; what does not fit must not be gone on with."""
    if not re.fullmatch(r"[0-9a-f]{64}", one.etag):
        return
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != one.etag:
        one.part.unlink()
        raise LoratuiError(f"{one.file} came damaged.", "Fetch it again: it begins anew.")


class _Counted:
    """A file that tells how far it was written. What else the library asks of it goes to the file."""

    def __init__(self, file: BufferedRandom, report: Callable[[int], None]) -> None:
        self._file = file
        self._report = report

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._report(self._file.tell())
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def _troubles(params: Mapping[str, Any], file: str) -> Iterator[None]:
    """Turns what the hub's library raises into a sentence. Its errors of the network differ from version to version."""
    try:
        yield
    except LoratuiError:
        raise
    except Exception as error:
        raise _refused(error, params["repository"], file, params["elsewhere"]) from error


def _refused(error: Exception, repository: str, file: str, elsewhere: str) -> LoratuiError:
    from huggingface_hub import errors

    if isinstance(error, OSError) and error.errno and not isinstance(error, _OF_THE_NETWORK):
        return from_os(error, f"Storing {file} of {repository}")
    look = "Look up the name on its page."
    if isinstance(error, errors.GatedRepoError):
        message = f"{repository} wants you to log in and accept its terms."
        return LoratuiError(message, "Accept them on its page, then run `hf auth login`.")
    if isinstance(error, errors.RepositoryNotFoundError):
        message = f"The hub has no repository {repository}, or shows it only after a login."
        return LoratuiError(message, f"{look} For a private one run `hf auth login`.")
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return LoratuiError(f"The hub has no {file} in {repository}.", look)
    status = _status(error)
    why = f"the hub answers {status}" if status else "the hub does not answer"
    again = "Mend the network and try again: it goes on where it was"
    message = f"{file} of {repository} is not on this machine and could not be fetched: {why}."
    return LoratuiError(message, f"{again}; or {elsewhere}" if elsewhere else f"{again}.")


def _status(error: Exception) -> int | None:
    """The hub's answer. The library says "not in the cache" for any trouble on the way, which is then its cause."""
    for one in (error, error.__cause__):
        reply = getattr(one, "response", None)
        if reply is not None:
            return int(reply.status_code)
    return None


def prepare() -> dict[str, Handler]:
    """Imports the hub's library."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from huggingface_hub import constants

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    return {"size": size, "fetch": fetch}


if __name__ == "__main__":
    serve("download", prepare)
