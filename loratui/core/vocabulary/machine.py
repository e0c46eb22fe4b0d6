"""The vocabulary of this machine: the person's lists, and the label files of the installed taggers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from loratui.core import paths
from loratui.core.vocabulary.vocabulary import Vocabulary


def folder() -> Path:
    """Where a person puts lists: `name,category,count,"alias,alias"`, as for the completion of web UIs."""
    return paths.config_dir() / "vocabulary"


def vocabulary(base: Path, model_dirs: Sequence[str] = (), tagger: str = "") -> Vocabulary:
    """All of it; see `Vocabulary.load`.

    Args:
        base: where relative folders start.
        model_dirs: folders searched for taggers.
        tagger: the project's tagger, which may be a folder of the person's own.
    """

    def files() -> Iterator[Path]:
        yield from sorted(path for path in folder().glob("*.csv") if path.is_file())
        from loratui.core.tagging import models

        yield from models.label_files(base, model_dirs, tagger)

    return Vocabulary(files)
