"""Local files come into the dataset: copied or moved, with their captions, as one undoable step."""

import errno
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from loratui.core.changes import Add, Changes, Plan
from loratui.core.dataset.folder import IMAGE_SUFFIXES, belongings, listing, scan, stem_of
from loratui.core.dataset.records import file_hash
from loratui.core.errors import LoratuiError, UsageError, from_os
from loratui.core.jobs import Report, check, silent
from loratui.core.sanitize import file_name, line, secret
from loratui.core.words import count


@dataclass(slots=True)
class Intake:
    """What was taken in.

    Attributes:
        added: paths relative to the root.
        existing: files whose content the folder has already.
        refused: file and reason.
        originals: the file each of `added` was copied from.
    """

    added: list[str] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    originals: dict[str, Path] = field(default_factory=dict)

    def __add__(self, other: "Intake") -> "Intake":
        return Intake(
            self.added + other.added,
            self.existing + other.existing,
            self.refused + other.refused,
            self.originals | other.originals,
        )


def parted(cwd: Path, texts: Sequence[str]) -> tuple[list[Path], list[str]]:
    """What a person names: paths, and addresses of pages.

    Raises:
        UsageError: an address is none that can be fetched.
    """
    paths: list[Path] = []
    pages: list[str] = []
    for text in texts:
        if not re.match(r"[a-z][a-z0-9+.-]*://|www\.", text, re.IGNORECASE):
            paths.append(cwd / text)
            continue
        page = f"https://{text}" if text.lower().startswith("www.") else text
        if not re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", page, re.IGNORECASE):
            raise UsageError(
                f"{line(secret(text), 120)} is no address of a page.", "Give one that begins with https://."
            )
        pages.append(page)
    return paths, pages


def find(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in folders named (not deeper).

    Raises:
        UsageError: a path is not there, or a device or a pipe.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(child for child in path.iterdir() if child.is_file() and not child.name.startswith("."))
        elif path.is_file():
            found.append(path)
        elif path.exists():
            raise UsageError(f"{path} is neither a file nor a folder.", "Name files or folders.")
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
    """Takes images, each with all that belongs to it, into `folder` (relative to the root).

    A content that is there already is left out; a taken name gets a number. With `move` the originals go only after the
    step is durable and their copies are images of the dataset; what other images still need stays.

    Raises:
        UsageError: a path is not there.
        LoratuiError: the disk refused; nothing was taken in.
    """
    files = find(paths)
    result = Intake()
    folder = "" if folder == "." else folder
    home = changes.root / folder
    stage = None if dry_run else changes.stage()
    try:
        changes.apply(_plan(files, home, folder, result, stage, report, cancel))
        if stage is not None and move:
            _remove_originals(changes.root, folder, result)
    except OSError as error:
        raise from_os(error, "Taking in images") from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
    return result


def _plan(
    files: Sequence[Path],
    home: Path,
    folder: str,
    result: Intake,
    stage: Path | None,
    report: Report,
    cancel: Event | None,
) -> Plan:
    """Copies the files to `stage` (None: nowhere, and the plan is empty) and fills in the result."""
    there = list(home.iterdir()) if home.is_dir() else []
    stems = {stem_of(child.name).lower() for child in there}
    sizes: dict[int, list[Path]] = {}
    for child in there:
        if child.suffix.lower() in IMAGE_SUFFIXES and child.is_file():
            sizes.setdefault(child.stat().st_size, []).append(child)
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    held = {parent: listing(parent, [""]) for parent in dict.fromkeys(image.parent for image in images)}
    sides = {
        image: [image.parent / side for side in held[image.parent].sides.get(stem_of(image.name), [])]
        for image in images
    }
    known = {*images, *(side for beside in sides.values() for side in beside)}
    result.refused += [(str(file), "it is no image") for file in files if file not in known]
    operations: list[Add] = []
    seen: set[str] = set()
    prefix = f"{folder}/" if folder else ""
    for number, image in enumerate(images):
        check(cancel)
        report(number, len(images), image.name)
        try:
            digest = file_hash(image)
            same = digest in seen or any(file_hash(one) == digest for one in sizes.get(image.stat().st_size, ()))
        except OSError as error:
            result.refused.append((str(image), f"{error.strerror}"))
            continue
        if same:
            result.existing.append(str(image))
            continue
        seen.add(digest)
        name = _free_name(image.name, stems)
        for source in (image, *sides[image]):
            target = stem_of(name) + source.name[len(stem_of(source.name)) :]
            if stage is not None:
                _copy(source, stage / target)
                operations.append(Add(prefix + target, stage / target))
        result.added.append(prefix + name)
        result.originals[prefix + name] = image
    title = f"add {count(len(result.added), 'image')} to {folder or 'the folder'}"
    return Plan("add", title, tuple(operations), {"added": len(result.added)})


def _remove_originals(root: Path, folder: str, result: Intake) -> None:
    """Takes away the files whose copies are images of the dataset now, with what belongs to no other image."""
    arrived = {image.path for image in scan(root, [folder])}
    moved = [original for path, original in result.originals.items() if path in arrived]
    for parent in dict.fromkeys(original.parent for original in moved):
        names = [original.name for original in moved if original.parent == parent]
        sides = belongings(listing(parent, [""]), names).along
        for name in (*names, *(side for paths in sides.values() for side in paths)):
            (parent / name).unlink(missing_ok=True)


def _free_name(name: str, stems: set[str]) -> str:
    """A safe name whose stem no other file in the folder has (`stems`, lower case); taken at once. The suffix stays."""
    suffix = name[len(stem_of(name)) :]
    stem = file_name(stem_of(name), 110)
    number, candidate = 1, stem
    while candidate.lower() in stems:
        number += 1
        candidate = f"{stem}_{number}"
    stems.add(candidate.lower())
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
