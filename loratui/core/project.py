"""What a LoRA project is: loratui.toml and the folders beside it."""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from loratui.core import durable, machine, tomls
from loratui.core.errors import Refused, UsageError, from_os
from loratui.core.sanitize import file_name

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from loratui.core.changes import Edit

FILE = "loratui.toml"
Kind = Literal["character", "style", "concept", "pose", "outfit"]
KINDS: tuple[Kind, ...] = ("character", "style", "concept", "pose", "outfit")


class Subset(msgspec.Struct, kw_only=True):
    """One folder of images that is trained with a trigger of its own.

    Attributes:
        folder: relative to the project.
        trigger: the tags put first in its captions, separated by commas; "" for none.
        repeats: times each image is seen per epoch; "auto" balances the subsets.
    """

    folder: str
    trigger: str = ""
    repeats: int | Literal["auto"] = "auto"

    @property
    def name(self) -> str:
        """The last part of the folder: what people type."""
        return self.folder.rstrip("/").rpartition("/")[2]

    @property
    def triggers(self) -> list[str]:
        """The trigger's tags."""
        return [tag for tag in (part.strip() for part in self.trigger.split(",")) if tag]


class TaggerSettings(msgspec.Struct, kw_only=True):
    """How images are auto-tagged: model name or folder, thresholds 0–1 by category."""

    model: str = "wd-swinv2-tagger-v3"
    general: float = 0.35
    character: float = 0.85


class ProjectFile(msgspec.Struct, kw_only=True):
    """loratui.toml as it is written."""

    format: int = 1
    name: str
    kind: Kind = "character"
    model: dict[str, str] = {}
    subset: list[Subset] = []
    tagger: TaggerSettings = msgspec.field(default_factory=TaggerSettings)
    training: dict[str, Any] = {}
    filters: dict[str, str] = {}


class Project:
    """A project on disk.

    Attributes:
        root: absolute path of its folder.
        warnings: unknown keys of the file, kept as they are.
    """

    def __init__(self, root: Path, file: ProjectFile, warnings: list[str], seen: tuple[int, int]) -> None:
        self.root = root
        self.warnings = warnings
        self._file = file
        self._seen = seen

    @property
    def name(self) -> str:
        """The LoRA's name, also of its files."""
        return self._file.name

    @property
    def kind(self) -> Kind:
        """What is learned; decides what is pruned and which preset fits."""
        return self._file.kind

    @property
    def subsets(self) -> list[Subset]:
        """In the file's order."""
        return self._file.subset

    @property
    def model(self) -> dict[str, str]:
        """Files by role: `family`, `base`, `vae` …"""
        return self._file.model

    @property
    def tagger(self) -> TaggerSettings:
        """How images are auto-tagged."""
        return self._file.tagger

    @property
    def training(self) -> dict[str, Any]:
        """`preset` and what differs from it. Which keys there may be, the recipe knows."""
        return self._file.training

    @property
    def filters(self) -> dict[str, str]:
        """Expressions kept under a name, for `filter:NAME`."""
        return self._file.filters

    def subset(self, name: str) -> Subset | None:
        """The subset of that name or folder."""
        return next((subset for subset in self.subsets if name.rstrip("/") in (subset.name, subset.folder)), None)

    @classmethod
    def load(cls, root: Path) -> "Project":
        """Reads the project at `root`.

        Raises:
            UsageError: loratui.toml is missing, broken or misspelt; the message names the key.
        """
        path = root / FILE
        if not path.is_file():
            raise UsageError(f"{root.name} is not a loratui project.", f"Make one with `loratui new {root.name}`.")
        seen = _stamp(root)  # before the reading: a change in between is seen as one
        return cls(root.resolve(), *_decode(tomls.read(path)), seen)

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        name: str = "",
        trigger: str = "",
        kind: Kind = "character",
        base: str = "",
        dry_run: bool = False,
    ) -> "Project":
        """Makes a project in `root`, a new folder or one that holds images (or folders of images) already.

        Args:
            root: its parent must exist.
            name: the LoRA's name; "": the folder's.
            trigger: of the first subset.
            kind: what is learned.
            base: the base model's file name; "" for none yet.
            dry_run: gives the project as it would be, and writes nothing.

        Raises:
            Refused: there is a project already.
        """
        name = file_name(name or root.resolve().name)
        if root.exists() and not root.is_dir():
            raise UsageError(f"{root} is a file.", "Give another name: a project is a folder.")
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is no kind of LoRA.", f"Choose one of {', '.join(KINDS)}.")
        if (root / FILE).exists():
            raise Refused(f"{root} is a loratui project already.", "Open it with `loratui -C` and its folder.")
        folders = _image_folders(root) if root.is_dir() else []
        if not folders:
            folders = [f"dataset/{re.sub(r'[^A-Za-z0-9_-]+', '_', name).strip('_') or 'images'}"]
        text = _new_file(name, kind, folders, trigger, base)
        if dry_run:
            return cls(root.resolve(), *_decode(tomllib.loads(text)), _stamp(root))
        made: list[Path] = []
        try:
            for folder in folders:
                place = root / folder
                made += [path for path in (place, *place.parents) if not path.exists()]
                place.mkdir(parents=True, exist_ok=True)
            durable.write_file(root / FILE, text)
        except OSError as error:
            for path in sorted(made, reverse=True):  # the innermost first; nothing half made is left
                with suppress(OSError):
                    path.rmdir()
            raise from_os(error, f"Making the project {name}") from error
        machine.remember_project(root.resolve())
        return cls.load(root)

    def set(self, dotted: str, value: object) -> None:
        """Sets one value, such as `training.network_dim`, in loratui.toml; comments stay, None removes it."""
        lock = self.root / ".loratui" / "lock"
        tomls.set_value(self.root / FILE, tuple(dotted.split(".")), value, lock=lock)
        self._reload()

    def save_filter(self, name: str, expression: str | None) -> None:
        """Keeps an expression under a name in loratui.toml; None forgets it."""
        tomls.set_value(self.root / FILE, ("filters", name), expression, lock=self.root / ".loratui" / "lock")
        self._reload()

    def add_subset(self, folder: str, trigger: str = "") -> Subset:
        """Adds a subset at the end of loratui.toml, with its folder; one that is there already stays as it is."""

        def valid(table: dict[str, Any]) -> None:
            _decode(table)
            (self.root / folder).mkdir(parents=True, exist_ok=True)  # first: a named folder that is missing is an error

        change = _adding([folder], trigger)
        tomls.edit(self.root / FILE, change, lock=self.root / ".loratui" / "lock", valid=valid)
        self._reload()
        return next(subset for subset in self.subsets if subset.folder == folder)

    def with_subsets(self, folders: Sequence[str]) -> "Edit":
        """The edit of loratui.toml that adds subsets: a part of the plan that fills them, and undone with it.

        Raises:
            LoratuiError: the file cannot be changed, or a folder lies outside.
        """
        from loratui.core.changes import Edit

        path = self.root / FILE
        old = path.read_bytes()
        new = tomls.changed(path, old.decode("utf-8-sig"), _adding(folders, ""), _decode)
        return Edit(FILE, old, new.encode())

    def stale(self) -> bool:
        """Whether loratui.toml was changed since it was read: by a person, by an undo, by another loratui."""
        return _stamp(self.root) != self._seen

    def _reload(self) -> None:
        fresh = Project.load(self.root)
        self._file, self._seen = fresh._file, fresh._seen


def _adding(folders: Sequence[str], trigger: str) -> "Callable[[TOMLDocument], None]":
    """Adds the subsets that are not there yet, in the form in which the file lists its subsets."""

    def change(document: "TOMLDocument") -> None:
        import tomlkit

        known: Any = document.get("subset")
        inline = isinstance(known, tomlkit.items.Array)
        for folder in folders:
            if any(entry.get("folder") == folder for entry in known or ()):
                continue
            table: Any = tomlkit.inline_table() if inline else tomlkit.table()
            table["folder"], table["trigger"], table["repeats"] = folder, trigger, "auto"
            if known is None:
                known = document["subset"] = tomlkit.aot()
            known.append(table)

    return change


def _stamp(root: Path) -> tuple[int, int]:
    """What tells one writing of loratui.toml from another."""
    try:
        found = (root / FILE).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def subset_folder(name: str) -> str:
    """The folder of a new subset of that name.

    Raises:
        UsageError: it is no plain name.
    """
    name = unicodedata.normalize("NFC", name)
    if name != file_name(name):
        meant = file_name(name.replace("/", " "))
        hint = f", such as {meant!r}" if name.strip(" ./") else ""
        raise UsageError(f"{name!r} is no name for a subset.", f"Give the plain name of a folder{hint}.")
    return f"dataset/{name}"


def _decode(table: dict[str, Any]) -> tuple[ProjectFile, list[str]]:
    """The file, and its unknown keys."""
    version = table.get("format", 1)
    if version != 1:
        raise UsageError(f"{FILE} has format {version!r}; this loratui reads format 1.", "Update loratui.")
    file, unknown = tomls.decode(table, ProjectFile, FILE)
    for subset in file.subset:
        parts = subset.folder.rstrip("/").split("/")
        if subset.folder.startswith("/") or ".." in parts or "\0" in subset.folder:
            raise UsageError(
                f"{FILE}: the subset folder {subset.folder!r} is outside the project.", "Name a folder inside it."
            )
    file.subset = [msgspec.structs.replace(subset, folder=subset.folder.rstrip("/") or ".") for subset in file.subset]
    return file, unknown


def find_root(start: Path) -> Path | None:
    """The nearest folder upward from `start` that holds loratui.toml."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    return None


def _image_folders(root: Path) -> list[str]:
    """Where the images are in a folder that is adopted: itself, its folders, or `dataset/*`."""
    from loratui.core.dataset.folder import has_images

    if has_images(root):
        return ["."]
    for top in (root / "dataset", root):
        if top.is_dir():
            inner = sorted(child for child in top.iterdir() if child.is_dir() and not child.name.startswith("."))
            found = [child.relative_to(root).as_posix() for child in inner if has_images(child)]
            if found:
                return found
    return []


def _new_file(name: str, kind: str, folders: list[str], trigger: str, base: str) -> str:
    import tomlkit

    document = tomlkit.document()
    document["format"] = 1
    document["name"] = name
    kind_item = tomlkit.item(kind)
    kind_item.comment(", ".join(KINDS))
    document["kind"] = kind_item
    model = tomlkit.table()
    if base:
        model["base"] = base
    else:
        model.add(tomlkit.comment('base = "model.safetensors"   # found by name in model_dirs'))
    document["model"] = model
    subsets = tomlkit.aot()
    for folder in folders:
        table = tomlkit.table()
        # A folder named like kohya's `3_kafka` says its repeats.
        kohya = re.match(r"(\d+)_", folder.rpartition("/")[2])
        table["folder"], table["trigger"] = folder, trigger
        table["repeats"] = int(kohya[1]) if kohya and int(kohya[1]) else "auto"
        subsets.append(table)
    document["subset"] = subsets
    tagger = tomlkit.table()
    tagger["model"], tagger["general"] = TaggerSettings().model, TaggerSettings().general
    document["tagger"] = tagger
    document["training"] = tomlkit.table()
    return tomlkit.dumps(document)
