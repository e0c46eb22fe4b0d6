"""Local files come into the dataset: copied or moved, with their captions, as one undoable step."""

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from loratui.core.changes import Add, Changes, Plan
from loratui.core.dataset.folder import CAPTION_SUFFIXES, IMAGE_SUFFIXES
from loratui.core.dataset.records import file_hash
from loratui.core.errors import LoratuiError, UsageError, from_os
from loratui.core.jobs import Report, check, silent
from loratui.core.sanitize import file_name
from loratui.core.words import count


@dataclass(slots=True)
class Intake:
    """What was taken in.

    Attributes:
        added: paths relative to the root.
        existing: files whose content the folder has already.
        refused: file and reason.
        originals: files to be removed where they were, when moved.
    """

    added: list[str] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    originals: list[Path] = field(default_factory=list)


def find(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in folders named (not deeper).

    Raises:
        UsageError: a path is not there.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(child for child in path.iterdir() if child.is_file() and not child.name.startswith("."))
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"{path} is not there.", "Name files or folders that exist.")
    return found


def take_in(
    changes: Changes,
    folder: str,
    paths: Sequence[Path],
    *,
    move: bool = False,
    dry_run: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Intake:
    """Takes images, each with its caption, into `folder` (relative to the root).

    A content that is there already is left out; a taken name gets a number. With `move` the originals go only after the
    step is durable.

    Raises:
        UsageError: a path is not there.
        LoratuiError: the disk refused; nothing was taken in.
    """
    files = find(paths)
    result = Intake()
    home = changes.root / folder
    names = {child.name.lower() for child in home.iterdir()} if home.is_dir() else set()
    sizes: dict[int, set[str]] = {}
    for child in home.iterdir() if home.is_dir() else ():
        if child.suffix.lower() in IMAGE_SUFFIXES and child.is_file():
            sizes.setdefault(child.stat().st_size, set()).add(child.name)
    stage = None if dry_run else changes.stage()
    operations: list[Add] = []
    seen: dict[str, str] = {}
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    stems = {image.with_suffix("") for image in images}
    for file in files:
        if file not in images and not (file.suffix.lower() in CAPTION_SUFFIXES and file.with_suffix("") in stems):
            result.refused.append((str(file), "it is no image"))
    try:
        for number, image in enumerate(images):
            check(cancel)
            report(number, len(images), image.name)
            try:
                digest = file_hash(image)
                same = any(file_hash(home / name) == digest for name in sizes.get(image.stat().st_size, ()))
            except OSError as error:
                result.refused.append((str(image), f"{error.strerror}"))
                continue
            if same or digest in seen:
                result.existing.append(str(image))
                continue
            name = _free_name(image.name, names)
            prefix = f"{folder}/" if folder else ""
            seen[digest] = name
            captions = [image.with_suffix(suffix) for suffix in CAPTION_SUFFIXES if image.with_suffix(suffix).is_file()]
            targets = [(image, name), *((caption, Path(name).stem + caption.suffix) for caption in captions[:1])]
            for source, target in targets:
                if stage is not None:
                    _copy(source, stage / target)
                    operations.append(Add(prefix + target, stage / target))
                result.originals.append(source)
            result.added.append(prefix + name)
        if stage is not None and operations:
            changes.apply(
                Plan(
                    "add",
                    f"add {count(len(result.added), 'image')} to {folder or 'the folder'}",
                    tuple(operations),
                    {"added": len(result.added)},
                )
            )
            if move:
                for source in result.originals:
                    source.unlink(missing_ok=True)
    except OSError as error:
        raise from_os(error, "Taking in images") from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
    return result


def _free_name(name: str, names: set[str]) -> str:
    """A safe name whose stem no other file in the folder has; taken at once."""
    stem, suffix = os.path.splitext(file_name(name))
    number, candidate = 1, stem
    stems = {os.path.splitext(taken)[0] for taken in names}
    while candidate.lower() in stems:
        number += 1
        candidate = f"{stem}_{number}"
    names.add(f"{candidate}{suffix}".lower())
    return candidate + suffix


def _copy(source: Path, target: Path) -> None:
    """A whole, synced copy; shares the blocks where the file system can."""
    try:
        shutil.copy2(source, target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LoratuiError(
                "The disk is full; nothing was taken in.", "Free some space and run it again."
            ) from error
        raise
    with target.open("rb") as file:
        os.fsync(file.fileno())
