"""Files of the Hugging Face hub: how large they are, and fetching them into its cache or into a folder.

The hub's library runs in a child process (`workers.hub`), since a download must stop at once.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from loratui.core.jobs import Report, silent
from loratui.core.workers.parent import Worker


def cache() -> Path:
    """The folder in which the hub's programs keep what they fetched."""
    above = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(os.environ.get("HF_HOME") or Path(above) / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def size(
    repository: str,
    files: Sequence[str],
    *,
    folder: Path | None = None,
    elsewhere: str = "",
    cancel: Event | None = None,
) -> int:
    """Bytes that `fetch` would still have to get; asks the hub about what is not here.

    Args:
        repository: owner and name.
        files: paths in it.
        folder: where they are to go; None: the hub's cache, where its other programs find them too.
        elsewhere: how the person can do without the hub, as the second half of a sentence.

    Raises:
        LoratuiError: the hub does not answer, wants a login or has no such file.
    """
    with Worker("loratui.core.workers.hub", "download", cancel=cancel) as worker:
        return int(worker.call("size", _request(repository, files, folder, elsewhere), cancel=cancel)["bytes"])


def fetch(
    repository: str,
    files: Sequence[str],
    *,
    folder: Path | None = None,
    elsewhere: str = "",
    report: Report = silent,
    cancel: Event | None = None,
) -> list[Path]:
    """Downloads the files that are not here; an interrupted download goes on where it was. See `size`.

    Args:
        report: called with bytes.

    Returns:
        where each file lies.

    Raises:
        LoratuiError: as `size`; or the disk has no room, or refuses.
        Cancelled: what was fetched stays.
    """
    with Worker("loratui.core.workers.hub", "download", cancel=cancel) as worker:
        request = _request(repository, files, folder, elsewhere)
        return [Path(path) for path in worker.call("fetch", request, report=report, cancel=cancel)["paths"]]


def _request(repository: str, files: Sequence[str], folder: Path | None, elsewhere: str) -> dict[str, object]:
    place = "" if folder is None else str(folder.absolute())
    return {"repository": repository, "files": list(files), "folder": place, "elsewhere": elsewhere}
