"""Duplicates with what the dataset knows of its images: captions, sources and the person's decisions."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

from loratui.core.changes import Plan
from loratui.core.dataset.caption import Caption, CaptionError
from loratui.core.dataset.folder import Image, beside
from loratui.core.dataset.records import Records
from loratui.core.images.duplicates import Duplicates, Group, find
from loratui.core.images.gathering import Notes
from loratui.core.images.relations import DEFAULT_HARDNESS
from loratui.core.images.removal import removal
from loratui.core.images.survey import Cache, Facts
from loratui.core.jobs import Report, silent
from loratui.core.words import count


def duplicates_of(
    root: Path,
    images: Sequence[Image],
    cache: Cache,
    records: Records,
    *,
    hardness: int = DEFAULT_HARDNESS,
    report: Report = silent,
    cancel: Event | None = None,
) -> Duplicates:
    """`duplicates.find` with captions, sources and what was marked "not duplicates" of the images' own root."""

    captions = beside(root, (image.path for image in images)).captions

    def notes(image: Image, facts: Facts) -> Notes:
        source = records.provenance(facts.content) is not None
        return Notes(_tags(root, captions.get(image.stem)), source, (root / image.path).is_symlink())

    return find(
        root,
        images,
        cache,
        hardness=hardness,
        notes=notes,
        different=records.not_duplicates(),
        report=report,
        cancel=cancel,
    )


def removal_plan(root: Path, images: Sequence[Image], groups: Sequence[Group]) -> Plan:
    """All but the kept file of each group go to the trash, with their captions.

    Args:
        root: what the paths are relative to.
        images: as they were looked at.
        groups: as found.
    """
    members = {member.path for group in groups for member in group.files}
    dropped = sorted(members - {group.keep for group in groups})
    title = f"{count(len(dropped), 'duplicate')} to the trash"
    seen = [image for image in images if image.path in members]
    return removal(root, dropped, "duplicate", title, seen, verb="dupes", command="loratui dupes --apply")


def _tags(root: Path, caption: str | None) -> int | None:
    """How many tags a caption has; None without one, 0 for one that cannot be read."""
    if caption is None:
        return None
    try:
        return len(Caption.parse((root / caption).read_bytes()).tags)
    except (CaptionError, OSError):
        return 0
