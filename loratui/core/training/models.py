"""Model files on this machine: found by name or hash in the folders the configuration names."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from loratui.core import durable, jobs, paths
from loratui.core.errors import Refused, from_os
from loratui.core.training.model_file import is_model_name

if TYPE_CHECKING:
    from loratui.core.config import Config
    from loratui.core.project import Project

_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{10,64})")


def folders(config: "Config", project: "Project | None" = None) -> list[Path]:
    """Where model files are looked for: the project and its `models`, the configured folders, loratui's own."""
    named = [Path(os.path.expandvars(folder)).expanduser() for folder in config.model_dirs]
    own = [project.root / "models", project.root] if project else []
    return [*own, *named, home()]


def home() -> Path:
    """Where fetched models go when no folder is configured."""
    return paths.state_dir() / "models"


def files(where: Sequence[Path], project: Path | None = None) -> Iterator[Path]:
    """All model files in `where`, folders first searched first; links are followed once.

    Args:
        where: folders; those that are not there are passed over.
        project: a project's root, in which only the top is looked at: its runs and images are no place for models.
    """
    seen: set[str] = set()
    for top in where:
        for folder, inner, names in os.walk(top, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen or (project is not None and Path(folder) == project):
                inner.clear()
            if real in seen:
                continue
            seen.add(real)
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            yield from (
                Path(folder) / name for name in sorted(names) if is_model_name(name) and not name.startswith(".")
            )


def find(name: str, config: "Config", project: "Project | None" = None, sha256: str = "") -> Path:
    """The model file that a project calls `name`.

    Args:
        name: a path, absolute or from the project; a file's name with or without its suffix; or a hash of ten digits
            or more, with or without `sha256:`.
        config: `model_dirs`.
        project: looked into first.
        sha256: hash of the file, by which it is found under another name.

    Raises:
        Refused: it is nowhere; the remedy says where to put it.
    """
    given = Path(name).expanduser()
    for path in (given,) if given.is_absolute() else ((project.root / given,) if project else ()):
        if path.is_file() or path.is_dir():
            return path
    where = folders(config, project)
    there = list(files(where, project.root if project else None))
    wanted = name.rpartition("/")[2].lower()
    named_so = [path for path in there if wanted in (path.name.lower(), path.stem.lower())]
    if named_so:
        # The whole name before the stem, and what can be trained on before what is only named alike.
        return min(named_so, key=lambda path: (path.name.lower() != wanted, path.suffix != ".safetensors"))
    by_hash = sha256.lower() or ((_HASH.fullmatch(name.lower()) or ["", ""])[1])
    if by_hash:
        for path in there:
            if file_hash(path).startswith(by_hash.removeprefix("sha256:")):
                return path
    named = ", ".join(str(folder) for folder in config.model_dirs) or "no folder is configured yet"
    raise Refused(
        f'The model "{name}" was not found ({named}).',
        "Put its folder into model_dirs of config.toml, or fetch one: `loratui models` lists what can be had.",
    )


def file_hash(path: Path, *, report: jobs.Report = jobs.silent, cancel: Event | None = None) -> str:
    """SHA-256 of a file in hex; remembered by path, size and time, for models are gigabytes long.

    Raises:
        LoratuiError: the file cannot be read.
    """
    try:
        facts = path.stat()
        key = f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"
        known = _known_hashes()
        if key in known:
            return known[key]
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                jobs.check(cancel)
                digest.update(block)
                report(file.tell(), facts.st_size, path.name)
    except OSError as error:
        raise from_os(error, f"Reading {path.name}") from error
    _remember(key, digest.hexdigest())
    return digest.hexdigest()


def known_hash(path: Path) -> str:
    """Its SHA-256 if it was worked out before, else ""."""
    facts = path.stat()
    return _known_hashes().get(f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}", "")


def _known_hashes() -> dict[str, str]:
    try:
        found = json.loads((paths.cache_dir() / "model_hashes.json").read_bytes())
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _remember(key: str, digest: str) -> None:
    """Keeps a hash. A cache that cannot be written only costs time."""
    try:
        folder = paths.cache_dir()
        folder.mkdir(parents=True, exist_ok=True)
        with durable.lock(folder / "model_hashes.lock"):
            known = {**_known_hashes(), key: digest}
            durable.write_file(folder / "model_hashes.json", json.dumps(known, indent=0))
    except OSError:
        return
