"""The download's process: fetches files from the Hugging Face hub. A child, since a download must stop at once."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loratui.core.errors import from_os
from loratui.core.tagging.models import offline
from loratui.core.workers.child import Exchange, Handler, serve


def size(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """`{repository, files}` → `{bytes}` still to be fetched."""
    return {"bytes": sum(_missing(params["repository"], file) for file in params["files"])}


def fetch(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """`{repository, files}` → `{folder}` in the hub's cache, with progress in bytes."""
    from huggingface_hub import hf_hub_download

    repository = params["repository"]
    sizes = {file: _missing(repository, file) for file in params["files"]}
    done, total, path = 0, sum(sizes.values()), ""
    for file, expected in sizes.items():
        with _troubles(repository):
            bar = _bar(exchange, done, total, f"{repository}/{file}")
            path = hf_hub_download(repository, file, tqdm_class=bar)
        done += expected
        exchange.progress(done, total, repository)
    return {"folder": str(Path(path).parent)}


def _missing(repository: str, file: str) -> int:
    """Bytes to be fetched. Asked by itself: the library's download would try an unreachable hub for half a minute."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(repository, file), str):
        return 0
    with _troubles(repository):
        return get_hf_file_metadata(hf_hub_url(repository, file)).size or 0


@contextmanager
def _troubles(repository: str) -> Iterator[None]:
    """Turns what the hub's library raises into a sentence. Its errors of the network differ from version to version."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise from_os(error, f"Storing {repository}") from error
        raise offline(repository, _why(error)) from error
    except Exception as error:
        raise offline(repository, _why(error)) from error


def _why(error: Exception) -> str:
    """The library says "not in the cache" for any trouble on the way; what the trouble was is its cause."""
    for one in (error, error.__cause__):
        reply = getattr(one, "response", None)
        if reply is not None:
            return f"the hub answers {reply.status_code}"
    return "the hub does not answer"


def _bar(exchange: Exchange, before: int, total: int, note: str) -> type[Any]:
    """A progress bar for the hub's library that draws nothing and reports."""
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": False, "file": _Nowhere()})  # type: ignore[no-untyped-call]

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            exchange.progress(before + int(self.n), total, note)

    return Bar


class _Nowhere:
    """A file that takes everything."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


def prepare() -> dict[str, Handler]:
    """Imports the hub's library."""
    import huggingface_hub  # noqa: F401

    return {"size": size, "fetch": fetch}


if __name__ == "__main__":
    serve("download", prepare)
