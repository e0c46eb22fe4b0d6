"""What one program works on: a project, or any folder of images, with its configuration, changes and records."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core import machine
from loratui.core.config import Config, load
from loratui.core.errors import LoratuiError, UsageError, from_os
from loratui.core.jobs import Report, silent
from loratui.core.nearest import nearest
from loratui.core.project import FILE, Project, TaggerSettings, find_root

if TYPE_CHECKING:
    # The rooms open when first entered: their modules are a tenth of the time to the first screen.
    from loratui.core.changes import Changes
    from loratui.core.dataset.dataset import Dataset
    from loratui.core.dataset.folder import Image
    from loratui.core.dataset.records import Records
    from loratui.core.dataset.tokens import Counter
    from loratui.core.vocabulary.vocabulary import Vocabulary


class Workspace:
    """One root and all that belongs to it. Cheap to make; parts open when first used.

    Attributes:
        root: absolute path of the project's folder, or of the folder worked on.
        project: None outside of a project.
        cwd: where FOLDER arguments are looked up.
        dry: nothing may be written: what a crash interrupted stays as it is.
    """

    def __init__(self, root: Path, project: Project | None, cwd: Path, *, dry: bool = False) -> None:
        self.dry = dry
        self.root = root
        self.project = project
        self.cwd = cwd

    @classmethod
    def open(cls, cwd: Path, *, dry: bool = False) -> "Workspace":
        """The workspace of a folder: the nearest project upward, which is remembered, else the folder itself.

        Args:
            cwd: the folder.
            dry: nothing may be written.

        Raises:
            UsageError: the folder is not there, or loratui.toml is broken.
        """
        cwd = Path(os.path.realpath(cwd))
        if not cwd.is_dir():
            raise UsageError(f"{cwd} is not a folder.", "Check the name.")
        root = find_root(cwd)
        if root is None:
            return cls(cwd, None, cwd, dry=dry)
        project = Project.load(root)
        if not dry:
            machine.remember_project(project.root)
        return cls(project.root, project, cwd, dry=dry)

    def settle(self) -> None:
        """Finishes what a crash interrupted, so that no step is read half done; does nothing where `dry`."""
        if not self.dry and (self.root / ".loratui" / "journal").is_dir():
            _ = self.changes

    def refresh(self) -> None:
        """Reads loratui.toml again where it was changed by somebody else, or by an undo.

        Raises:
            UsageError: it is broken now; the project stays as it was read last.
        """
        if self.project is not None and self.project.stale():
            self.project = Project.load(self.root)

    @cached_property
    def config(self) -> Config:
        """The person's configuration."""
        return load()

    @cached_property
    def changes(self) -> "Changes":
        """The history; opening it finishes what a crash interrupted."""
        from loratui.core.changes import Changes

        return Changes(self.root, recover=not self.dry)

    def stamp(self) -> tuple[int | None, int | None]:
        """What differs when somebody made a step or wrote loratui.toml: two looks at the file system, no more."""

        def changed(path: Path) -> int | None:
            try:
                return path.stat().st_mtime_ns
            except OSError:
                return None

        return changed(self.root / ".loratui" / "journal"), changed(self.root / FILE)

    @property
    def wrote(self) -> int | None:
        """The first part of `stamp` after the newest step made here; None while none was."""
        return self.changes.wrote if "changes" in self.__dict__ else None

    def recovered_around(self) -> list[str]:
        """Files that finishing an interrupted step left alone, as somebody else had changed them."""
        return self.changes.foreign if "changes" in self.__dict__ else []

    @cached_property
    def records(self) -> "Records":
        """What is known of the images."""
        from loratui.core.dataset.records import Records

        return Records(self.root)

    @cached_property
    def vocabulary(self) -> "Vocabulary":
        """The tags this machine knows of; `load` it on a thread."""
        from loratui.core.vocabulary.machine import vocabulary

        return vocabulary(self.root, self.config.model_dirs, self.tagger.model)

    @property
    def tokens(self) -> "Counter":
        """Counts CLIP's tokens, exactly where the trainer's or the hub's tokenizer is here."""
        from loratui.core.dataset.tokens import counter

        named = self.project.training.get("tokenizer_cache_dir") if self.project is not None else None
        return counter(self.root / Path(named).expanduser() if isinstance(named, str) and named else None)

    def knows(self, tag: str) -> bool:
        """Whether the machine's vocabulary has a tag; the first call reads it."""
        self.kind_of(tag)
        return self.vocabulary.knows(tag)

    def kind_of(self, tag: str) -> str:
        """The category of a tag as far as this machine knows, else ""; the first call reads the vocabulary."""
        return self._kinds(tag)

    @cached_property
    def _kinds(self) -> Callable[[str], str]:
        self.vocabulary.load()
        return self.vocabulary.category

    def need_project(self) -> Project:
        """The project.

        Raises:
            UsageError: there is none here.
        """
        if self.project is None:
            raise UsageError(f"{self.cwd} is not inside a loratui project.", "Make one with `loratui new .`.")
        return self.project

    def at(self, folder: str | None = None) -> tuple["Workspace", list[str]]:
        """Where a FOLDER argument leads.

        Args:
            folder: an existing path, else a subset's name; None: the whole dataset, outside of one the current folder.

        Returns:
            the workspace the folder belongs to (a folder outside this root is a root of its own) and the folders to
            work on, relative to its root; a folder that holds only folders means each of them.

        Raises:
            UsageError: there is no such folder or subset.
        """
        if folder is None:
            if self.project is None:
                return self, _spread(self.root, "")
            missing = [subset for subset in self.project.subsets if not (self.root / subset.folder).is_dir()]
            if missing:
                raise UsageError(
                    f"The folder {missing[0].folder} of loratui.toml is not there.",
                    "Make it, or take the subset out of the file.",
                )
            return self, [_relative(subset.folder) for subset in self.project.subsets]
        path = self.cwd / folder
        if not path.exists() and self.project is not None:
            subset = self.project.subset(folder)
            if subset is not None:
                return self, [_relative(subset.folder)]
        if not path.is_dir():
            names = [subset.name for subset in self.project.subsets] if self.project else []
            meant = nearest(folder, names)
            remedy = f"Did you mean {meant!r}?" if meant else "Name an existing folder, or a subset."
            raise UsageError(f"{folder} is not a folder{' or a subset' if names else ''}.", remedy)
        # A subset may be a link to another disk: what lies in the project by name belongs to it.
        named = Path(os.path.normpath(path))
        full = Path(os.path.realpath(path))
        for place in (named, full):
            # Outside of a project each folder is a root of its own: its journal and records lie in it.
            if place == self.root or (self.project is not None and place.is_relative_to(self.root)):
                return self, _spread(self.root, _relative(place.relative_to(self.root).as_posix()))
        home = find_root(full)
        other = Workspace.open(full, dry=self.dry) if home is not None else Workspace(full, None, full, dry=self.dry)
        with suppress(LoratuiError):  # a change will tell
            other.settle()
        return other, _spread(other.root, _relative(full.relative_to(other.root).as_posix()))

    def folders(self, folders: Sequence[str] | None = None) -> list[str]:
        """These folders, relative to the root; for None those of the whole dataset: see `at`."""
        return self.at()[1] if folders is None else list(folders)

    def is_whole(self, folders: Sequence[str]) -> bool:
        """Whether these folders are the whole dataset of a project."""
        project = self.project
        return project is not None and {_relative(subset.folder) for subset in project.subsets} == set(folders)

    def images(self, folder: str | None = None) -> "list[Image]":
        """The images of FOLDER. See `at`; for a folder of another root ask its own workspace."""
        workspace, folders = self.at(folder)
        return workspace.scan(folders)

    def scan(self, folders: Sequence[str]) -> "list[Image]":
        """The images of folders relative to the root."""
        from loratui.core.dataset.folder import scan

        try:
            return scan(self.root, folders)
        except OSError as error:
            raise from_os(error, f"Reading {self.root.name}") from error

    def dataset(self, folders: Sequence[str] | None = None, *, report: Report = silent) -> "Dataset":
        """Images and captions of folders relative to the root; None: the whole dataset."""
        from loratui.core.dataset.dataset import Dataset

        try:
            return Dataset.load(self.root, self.folders(folders), report=report)
        except OSError as error:
            raise from_os(error, f"Reading {self.root.name}") from error

    def ratings(self, dataset: "Dataset") -> Callable[[int], str | None]:
        """What `rating:` in an expression asks: the board's rating of the image at a position."""

        def rating(position: int) -> str | None:
            try:
                found = self.records.provenance(self.records.content_hash(dataset.images[position]))
            except OSError:
                return None
            return found.rating or None if found else None

        return rating

    @property
    def tagger(self) -> TaggerSettings:
        """How images are auto-tagged here."""
        return self.project.tagger if self.project is not None else TaggerSettings()

    def triggers(self) -> dict[str, list[str]]:
        """The tags put first, by folder relative to the root; empty outside a project."""
        subsets = self.project.subsets if self.project else []
        return {_relative(subset.folder): subset.triggers for subset in subsets}


def _relative(folder: str) -> str:
    """A folder relative to its root in one form: "" is the root itself."""
    return "" if folder in ("", ".") else folder.rstrip("/")


def _spread(root: Path, folder: str) -> list[str]:
    """The folder itself; or each folder in it, where it holds no images but folders."""
    from loratui.core.dataset.folder import has_images

    full = root / folder
    if has_images(full):
        return [folder]
    try:
        inner = sorted(child.name for child in full.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError as error:
        raise from_os(error, f"Reading {folder or root.name}") from error
    prefix = f"{folder}/" if folder else ""
    return [prefix + name for name in inner if has_images(full / name)] or [folder]
