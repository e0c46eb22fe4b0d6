"""The download's process: fetches files from the Hugging Face hub. A child, since a download must stop at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loratui.core.errors import LoratuiError
from loratui.core.tagging.models import offline
from loratui.core.workers.child import Exchange, Handler, serve


def size(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """`{repository, files}` → `{bytes}` still to be fetched."""
    return {"bytes": sum(_missing(params["repository"], file) for file in params["files"])}


def fetch(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """`{repository, files}` → `{folder}` in the hub's cache, with progress in bytes."""
    repository = params["repository"]
    sizes = {file: _missing(repository, file) for file in params["files"]}
    done, total, path = 0, sum(sizes.values()), ""
    for file, expected in sizes.items():
        path = _download(repository, file, tqdm_class=_bar(exchange, done, total, f"{repository}/{file}"))
        done += expected
        exchange.progress(done, total, repository)
    return {"folder": str(Path(path).parent)}


def _missing(repository: str, file: str) -> int:
    found = _download(repository, file, dry_run=True)
    return int(found.file_size) if found.will_download else 0


def _download(repository: str, file: str, **options: Any) -> Any:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return hf_hub_download(repository, file, **options)
    except LocalEntryNotFoundError as error:  # before its parent class: this one means no network
        raise offline(repository, "the hub does not answer") from error
    except HfHubHTTPError as error:
        raise offline(repository, f"the hub answers {error.response.status_code}") from error
    except OSError as error:
        raise LoratuiError(
            f"{repository} cannot be stored: {error.strerror or error}.", "Check the disk, or set HF_HOME elsewhere."
        ) from error


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
