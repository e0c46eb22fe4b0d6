"""The vocabulary of this machine: the person's lists, and the label files of the taggers that are here."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from loratui.core import paths
from loratui.core.vocabulary.vocabulary import Vocabulary

_LABELS = "selected_tags.csv"
_MOST = 50  # files


def folder() -> Path:
    """Where a person puts lists: `name,category,count,"alias,alias"`, as for the completion of web UIs."""
    return paths.config_dir() / "vocabulary"


def vocabulary(base: Path, model_dirs: Sequence[str] = (), tagger: str = "") -> Vocabulary:
    """All of it; see `Vocabulary.load`.

    Args:
        base: where relative folders start.
        model_dirs: folders that hold folders of taggers.
        tagger: the project's tagger: a name, or a folder of the person's own.
    """

    def files() -> Iterator[Path]:
        lists = sorted(path for path in folder().glob("*.csv") if path.is_file())
        yield from lists[:_MOST]
        yield from islice(_label_files(base, model_dirs, tagger), _MOST)

    return Vocabulary(files)


def _label_files(base: Path, model_dirs: Sequence[str], tagger: str) -> Iterator[Path]:
    """Each once, by looking into folders alone: the hub's library is slow to load."""
    from huggingface_hub import constants

    folders = [base / Path(tagger).expanduser()] if tagger else []
    folders += [found for place in model_dirs for found in sorted(Path(place).expanduser().glob("*"))]
    folders += sorted(Path(constants.HF_HUB_CACHE).glob("models--*/snapshots/*"))
    # Revisions of a model share files by links.
    found = {(path / _LABELS).resolve(): path / _LABELS for path in folders if (path / _LABELS).is_file()}
    yield from found.values()
