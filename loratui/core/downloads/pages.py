"""A page of any site into the dataset: fetched by the person's gallery-dl, with captions and provenance."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from loratui.core import durable
from loratui.core.boards.post import Post, by_category
from loratui.core.dataset.folder import IMAGE_SUFFIXES, scan
from loratui.core.dataset.intake import Intake, take_in
from loratui.core.dataset.records import Provenance, file_hash
from loratui.core.downloads import gallery_dl
from loratui.core.downloads.captions import caption
from loratui.core.downloads.magic import image_type
from loratui.core.errors import Cancelled, LoratuiError, from_os
from loratui.core.jobs import Report, silent
from loratui.core.sanitize import line, secret
from loratui.core.workspace import Workspace

_LARGEST_RECORD = 1 << 20
_RATINGS = {"safe": "g", "general": "g", "sensitive": "s", "questionable": "q", "explicit": "e"}


def add_page(
    workspace: Workspace,
    url: str,
    folder: str,
    *,
    dry_run: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Intake:
    """Takes the still pictures of a page into `folder` (relative to the root), as one undoable step.

    Safe to repeat: what is in the dataset or was thrown away is not fetched again, what was broken off goes on.

    Raises:
        Cancelled: whole pictures are in; the same page goes on later.
        UsageError: gallery-dl knows no such site.
        LoratuiError: gallery-dl is not installed or got nothing; the disk refused.
    """
    try:
        with _stage(workspace, url, dry_run) as stage:
            return _add(workspace, url, folder, stage, dry_run, report, cancel)
    except OSError as error:
        raise from_os(error, "Taking in a page") from error


@contextmanager
def _stage(workspace: Workspace, url: str, dry_run: bool) -> Iterator[Path]:
    """The folder a page is fetched into: one for each address, so that the next run finds what this one left."""
    if dry_run:
        with TemporaryDirectory(prefix="loratui-page-") as folder:
            yield Path(folder)
        return
    digest = hashlib.blake2b(url.encode(), digest_size=8).hexdigest()
    stage = workspace.root / ".loratui" / "downloads" / f"page-{digest}"
    stage.mkdir(parents=True, exist_ok=True)
    with durable.lock(stage / "lock", wait=False) as held:
        if not held:
            raise LoratuiError("This page is being fetched by another program.", "Wait for it, or stop it there.")
        yield stage


def _add(
    workspace: Workspace,
    url: str,
    folder: str,
    stage: Path,
    dry_run: bool,
    report: Report,
    cancel: Event | None,
) -> Intake:
    stopped = False
    try:
        found = gallery_dl.fetch(url, stage, _known(workspace, folder), simulate=dry_run, report=report, cancel=cancel)
    except Cancelled:
        found, stopped = gallery_dl.Fetched(), True
    if dry_run:
        result = Intake([f"{folder}/{path.name}" if folder else path.name for path in found.pictures])
    else:
        result = _take(workspace, url, folder, stage, found)
    if stopped:
        raise Cancelled(f"Interrupted: {len(result.added)} pictures came in.", "The same page goes on later.")
    result.existing += found.existing
    result.refused += found.failed
    if found.trouble:
        result.refused.append((line(secret(url), 120), found.trouble))
    elif not found.failed and not dry_run:
        shutil.rmtree(stage, ignore_errors=True)
    return result


def _known(workspace: Workspace, folder: str) -> set[str]:
    """Names of pictures that are here, or were thrown away."""
    folders = [subset.folder for subset in workspace.project.subsets] if workspace.project else []
    there = [name for name in dict.fromkeys((*folders, folder)) if (workspace.root / name).is_dir()]
    names = {image.stem.rpartition("/")[2] for image in scan(workspace.root, there)}
    return names | {Path(entry.path).stem for entry in workspace.changes.trash() if entry.reason != "undone"}


def _take(workspace: Workspace, url: str, folder: str, stage: Path, found: gallery_dl.Fetched) -> Intake:
    """Every whole picture that lies in the stage, also of an earlier run, with its caption and where it comes from."""
    pictures = sorted(path for path in stage.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    good: list[Path] = []
    known: dict[str, Provenance] = {}
    captions: dict[str, bytes] = {}
    for picture in pictures:
        with picture.open("rb") as file:
            if not image_type(file.read(32)):
                found.failed.append((picture.name, "it is no picture"))
                picture.unlink()
                continue
        record = _record(stage / gallery_dl.META / f"{picture.stem}.json")
        tags = _tags(record)
        text = caption(Post(board=str(record.get("category", "")), id=0, tags=tags))
        digest = file_hash(picture)
        if text:
            durable.write_file(picture.with_suffix(".txt"), text)
            captions[digest] = text
        known[digest] = _provenance(record, tags, url, picture.stem)
        good.append(picture)
    # First the records: a crash in between leaves some without a picture, never the reverse.
    with workspace.records.batch():
        for digest, provenance in known.items():
            workspace.records.put_provenance(digest, provenance)
        workspace.records.put_rendered(captions)
    result = take_in(workspace.changes, folder, good) if good else Intake()
    for picture in good:
        for part in (picture, picture.with_suffix(".txt"), stage / gallery_dl.META / f"{picture.stem}.json"):
            part.unlink(missing_ok=True)
    return result


def _record(path: Path) -> dict[str, Any]:
    """What gallery-dl knows of a picture; nothing where that cannot be read."""
    try:
        if path.stat().st_size > _LARGEST_RECORD:
            return {}
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _tags(record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Tags by category: sites differ in how they list them."""
    raw = record.get("tags")
    tags: dict[str, list[str]] = {}
    if isinstance(raw, dict):  # e621: by category in place
        tags = {str(name): _words(names) for name, names in raw.items()}
    else:
        for field, names in record.items():
            if field.startswith("tags_"):
                tags[field.removeprefix("tags_")] = _words(names)
        if not tags:
            tags = {"general": _words(raw)}
    return by_category(tags)


def _words(raw: object) -> list[str]:
    """A list of tags, in whichever form."""
    if isinstance(raw, str):
        return [word.strip() for word in (raw.split(",") if "," in raw else raw.split()) if word.strip()]
    if not isinstance(raw, list):
        return []
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in raw]
    return [name for name in names if isinstance(name, str) and name]


def _provenance(record: Mapping[str, Any], tags: Mapping[str, tuple[str, ...]], url: str, name: str) -> Provenance:
    artist = [*tags.get("artist", ()), *_artist(record)]
    kept = {category: list(names) for category, names in tags.items()}
    if artist:
        kept["artist"] = list(dict.fromkeys(artist))
    score = record.get("score")
    return Provenance(
        board=line(str(record.get("category") or "gallery-dl"), 60),
        post=line(str(record.get("id") or name), 120),
        url=secret(url),
        file_url=secret(_text(record.get("file_url"))),
        md5=_md5(record.get("md5")),
        rating=_rating(record.get("rating")),
        score=score if isinstance(score, int) and not isinstance(score, bool) else None,
        source=_text(record.get("source")),
        tags=kept,
        captured=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _artist(record: Mapping[str, Any]) -> list[str]:
    """Who made it, where the site has people rather than artist tags."""
    for field in ("artist", "author", "user", "creator"):
        raw = record.get(field)
        if isinstance(raw, dict):
            raw = raw.get("name") or raw.get("nick")
        names = [raw] if isinstance(raw, str) else raw if isinstance(raw, list) else []
        found = [name for name in names if isinstance(name, str) and name]
        if found:
            return found
    return []


def _rating(raw: object) -> str:
    word = raw.lower() if isinstance(raw, str) else ""
    return _RATINGS.get(word, word if word in ("g", "s", "q", "e") else "")


def _md5(raw: object) -> str:
    return raw.lower() if isinstance(raw, str) and re.fullmatch(r"[0-9a-fA-F]{32}", raw) else ""


def _text(raw: object) -> str:
    if isinstance(raw, list):
        raw = "\n".join(entry for entry in raw if isinstance(entry, str))
    return raw[:4000] if isinstance(raw, str) else ""
