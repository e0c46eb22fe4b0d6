"""Which taggers there are, and where their two files lie: model.onnx and selected_tags.csv."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from loratui.core import hub
from loratui.core.errors import UsageError, from_os
from loratui.core.jobs import Report, silent
from loratui.core.nearest import nearest

OWNER = "SmilingWolf"
KNOWN = (
    "wd-swinv2-tagger-v3",
    "wd-vit-tagger-v3",
    "wd-convnext-tagger-v3",
    "wd-vit-large-tagger-v3",
    "wd-eva02-large-tagger-v3",
    "wd-v1-4-swinv2-tagger-v2",
    "wd-v1-4-convnext-tagger-v2",
    "wd-v1-4-convnextv2-tagger-v2",
    "wd-v1-4-vit-tagger-v2",
    "wd-v1-4-moat-tagger-v2",
)
MODEL, LABELS = "model.onnx", "selected_tags.csv"


@dataclass(frozen=True, slots=True)
class TaggerFiles:
    """A tagger on this machine.

    Attributes:
        name: what people call it.
        folder: absolute; holds both files.
        key: the name its scores are recorded under. For a folder of the person's own it holds a fingerprint of the
            files, so that another model of the same name does not answer for it.
    """

    name: str
    folder: Path
    key: str


def hub_name(model: str) -> str:
    """The name of a known tagger, with or without its owner.

    Raises:
        UsageError: it is neither a known name nor a folder with a tagger.
    """
    name = model.removeprefix(f"{OWNER}/")
    if name in KNOWN:
        return name
    meant = nearest(name, KNOWN)
    raise UsageError(
        f"There is no tagger {model!r}: it is no known name and no folder.",
        f"Did you mean {meant}?"
        if meant
        else f"Name one of {', '.join(KNOWN)}, or a folder with {MODEL} and {LABELS}.",
    )


def find(model: str, base: Path, model_dirs: Sequence[str] = ()) -> TaggerFiles | None:
    """A tagger's files on this machine, without asking the network.

    Args:
        model: a known name, or a folder (or the model file in it), relative to `base`.
        base: where relative folders start.
        model_dirs: folders searched for `<name>/model.onnx`, before the hub's cache.

    Returns:
        the files; None: it is a known tagger that must be downloaded first.

    Raises:
        UsageError: there is no such tagger, or the folder lacks a file.
    """
    path = base / Path(model).expanduser()
    if path.name == MODEL and path.is_file():
        path = path.parent
    if path.is_dir():
        missing = [name for name in (MODEL, LABELS) if not (path / name).is_file()]
        if missing:
            raise UsageError(f"{model} holds no {' and no '.join(missing)}.", f"A tagger is {MODEL} with its {LABELS}.")
        return _own(path.resolve())
    name = hub_name(model)
    for folder in (Path(folder).expanduser() / name for folder in model_dirs):
        if (folder / MODEL).is_file() and (folder / LABELS).is_file():
            return TaggerFiles(name, folder, name)
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(f"{OWNER}/{name}", file) for file in (MODEL, LABELS)]
    if all(isinstance(file, str) for file in found):
        return TaggerFiles(name, Path(str(found[0])).parent, name)
    return None


def score_key(model: str, base: Path) -> str:
    """The key of a tagger's scores in the records, without looking for its files; "" where there is no such tagger."""
    path = base / Path(model).expanduser()
    if (path / MODEL).is_file() and (path / LABELS).is_file():
        return _own(path.resolve()).key
    name = model.removeprefix(f"{OWNER}/")
    return name if name in KNOWN else ""


def download_size(model: str, *, cancel: Event | None = None) -> int:
    """Bytes that a download would fetch; asks the hub.

    Raises:
        LoratuiError: the hub cannot be reached or does not have it; the remedy says how to do without.
    """
    repository = f"{OWNER}/{hub_name(model)}"
    return hub.size(repository, (LABELS, MODEL), elsewhere=_elsewhere(repository), cancel=cancel)


def download(model: str, *, report: Report = silent, cancel: Event | None = None) -> TaggerFiles:
    """Fetches a known tagger into the hub's cache; an interrupted one goes on where it was.

    Args:
        model: a known name.
        report: called with bytes.

    Raises:
        LoratuiError: as `download_size`.
        Cancelled: what was fetched stays.
    """
    name = hub_name(model)
    repository = f"{OWNER}/{name}"
    places = hub.fetch(repository, (LABELS, MODEL), elsewhere=_elsewhere(repository), report=report, cancel=cancel)
    return TaggerFiles(name, places[0].parent, name)


def _elsewhere(repository: str) -> str:
    """How to do without the hub."""
    return (
        f"fetch {MODEL} and {LABELS} of {repository} elsewhere, put both into one folder here, and name that folder "
        "as the model (--model FOLDER)."
    )


def _own(folder: Path) -> TaggerFiles:
    """A folder of the person's own. Its fingerprint: size, both ends of the model, and the labels."""
    digest = hashlib.blake2b(digest_size=6)
    try:
        with (folder / MODEL).open("rb") as file:
            size = file.seek(0, 2)
            digest.update(str(size).encode())
            for start in (0, max(0, size - (1 << 20))):
                file.seek(start)
                digest.update(file.read(1 << 20))
        digest.update((folder / LABELS).read_bytes())
    except OSError as error:
        raise from_os(error, f"Reading the tagger in {folder}") from error
    return TaggerFiles(folder.name, folder, f"{folder.name}@{digest.hexdigest()}")
