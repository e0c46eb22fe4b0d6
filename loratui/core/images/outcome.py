"""How the last search for duplicates of these very files ended, so that a status need not search again."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from loratui.core import durable
from loratui.core.dataset.folder import Image

_FILE = Path(".loratui", "cache", "duplicates.json")


def remember(root: Path, images: Sequence[Image], undecided: int) -> None:
    """Notes that a search of `images` left `undecided` groups. A cache that cannot be written is no reason to stop."""
    path = root / _FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_file(path, json.dumps({"files": _identity(images), "undecided": undecided}))
    except OSError:
        return


def undecided(root: Path, images: Sequence[Image]) -> int | None:
    """Groups the last search left; None where these files were not searched as they are now."""
    try:
        noted = json.loads((root / _FILE).read_bytes())
        return int(noted["undecided"]) if noted["files"] == _identity(images) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _identity(images: Sequence[Image]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for image in images:
        row = f"{image.path}\0{image.size}\0{image.mtime_ns}\0{image.inode}\n"
        digest.update(row.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
