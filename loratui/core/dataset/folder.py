"""The images of a folder, and the files that belong to them.

A file belongs to the images of its folder whose name is the same up to the suffix; the case of suffixes does not count.
So `a.png` and `a.jpg` share `a.txt`, and `B.png` has `B.TXT` but not `b.txt`.
"""

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loratui.core.changes import Stamp

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif", ".jxl", ".tif", ".tiff", ".jp2"))
CAPTION_SUFFIXES = (".txt", ".caption", ".cap")
SIDE_SUFFIXES = (*CAPTION_SUFFIXES, ".json", ".npz")
"""Of files that go where their image goes: captions, metadata, the trainer's latents."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image file, as the folder lists it; it was not opened.

    Attributes:
        path: relative to the root, with `/`. May hold lone surrogates where the name is not UTF-8.
        size: bytes.
        mtime_ns: time of the last change.
        inode: with path, size and time it says whether the file is still the same.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int

    @property
    def stamp(self) -> "Stamp":
        """What says whether the file is still the same."""
        return self.size, self.mtime_ns, self.inode

    @property
    def folder(self) -> str:
        """Its folder relative to the root; "" for the root itself."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """Path without the suffix: caption and image share it."""
        return stem_of(self.path)

    @property
    def suffix(self) -> str:
        """The suffix as it is written, with its dot."""
        name = self.name
        dot = name.rfind(".")
        return name[dot:] if dot > 0 else ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What folders hold.

    Attributes:
        images: sorted by path.
        captions: caption path by stem; the first suffix of `CAPTION_SUFFIXES` where there are several.
        sides: every file with one of `SIDE_SUFFIXES` by stem, sorted.
        blocked: names of captions at which there is no file: a folder, a pipe, a link to nothing.
        others: paths of regular files that are neither image nor caption and not hidden.
    """

    images: list[Image]
    captions: dict[str, str]
    sides: dict[str, list[str]]
    blocked: set[str]
    others: list[str]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What lies beside images that leave their place or their name, by their stem.

    Attributes:
        along: files that no other image needs: they go with the images.
        shared: files that an image which remains needs too: they stay.
    """

    along: dict[str, list[str]]
    shared: dict[str, list[str]]


def listing(root: Path, folders: Sequence[str]) -> Listing:
    """Lists folders, not what lies deeper. Hidden files, folders, pipes and devices are left out; links to files count.

    Args:
        root: absolute.
        folders: relative to it; "" or "." for itself.

    Raises:
        OSError: a folder cannot be read.
    """
    images: list[Image] = []
    sides: dict[str, list[str]] = {}
    blocked: set[str] = set()
    others: list[str] = []
    for folder in folders:
        prefix = "" if folder in ("", ".") else folder.rstrip("/") + "/"
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                dot = name.rfind(".")
                suffix = name[dot:].lower() if dot > 0 else ""
                try:
                    if suffix not in IMAGE_SUFFIXES:
                        if entry.is_file():
                            if suffix in SIDE_SUFFIXES:
                                sides.setdefault(prefix + name[:dot], []).append(prefix + name)
                            if suffix not in CAPTION_SUFFIXES:
                                others.append(prefix + name)
                        elif suffix in CAPTION_SUFFIXES:
                            blocked.add(prefix + name)
                        continue
                    found = entry.stat()
                except OSError:  # a dangling link, or gone meanwhile
                    continue
                if stat.S_ISREG(found.st_mode):
                    images.append(Image(prefix + name, found.st_size, found.st_mtime_ns, found.st_ino))
    images.sort(key=lambda image: image.path)
    captions: dict[str, str] = {}
    for stem, paths in sides.items():
        paths.sort()
        caption = min(paths, key=_rank)
        if _rank(caption)[0] < len(CAPTION_SUFFIXES):
            captions[stem] = caption
    return Listing(images, captions, sides, blocked, sorted(others))


def _rank(path: str) -> tuple[int, bool]:
    """Sorts the file that is an image's caption to the front: `.txt` first, then `.TXT`, then `.caption` …"""
    suffix = path[path.rfind(".") :]
    return SIDE_SUFFIXES.index(suffix.lower()), suffix != suffix.lower()


def scan(root: Path, folders: Sequence[str]) -> list[Image]:
    """The images of folders: see `listing`."""
    return listing(root, folders).images


def stem_of(path: str) -> str:
    """A path without the suffix of its file name."""
    start = path.rfind("/") + 1
    dot = path.rfind(".")
    return path[:dot] if dot > start else path


def beside(root: Path, paths: Iterable[str]) -> Listing:
    """The listing of the folders in which files lie: see `listing`."""
    return listing(root, list(dict.fromkeys(path.rpartition("/")[0] for path in paths)))


def belongings(held: Listing, leaving: Collection[str]) -> Belongings:
    """What belongs to images that are moved, renamed or taken away.

    Args:
        held: their folders, as they are.
        leaving: the paths of these images.
    """
    gone = set(leaving)
    remaining = {image.stem for image in held.images if image.path not in gone}
    result = Belongings({}, {})
    for stem in dict.fromkeys(map(stem_of, leaving)):
        if stem in held.sides:
            (result.shared if stem in remaining else result.along)[stem] = held.sides[stem]
    return result


def caption_of(path: Path) -> Path | None:
    """The caption file of one image. For many images of a folder list it once: `Listing.captions`."""
    usual = path.with_suffix(CAPTION_SUFFIXES[0])
    if usual.is_file():
        return usual
    stem = stem_of(path.name)
    try:
        names = [name for name in os.listdir(path.parent) if stem_of(name) == stem]
    except OSError:
        return None
    found = [
        name
        for name in names
        if name[len(stem) :].lower() in CAPTION_SUFFIXES and (path.parent / name).is_file() and not name.startswith(".")
    ]
    return path.parent / min(sorted(found), key=_rank) if found else None


def shared_stems(images: Iterable[Image]) -> dict[str, list[Image]]:
    """Images that share a stem, and so one caption: `a.png` and `a.jpg`."""
    stems: dict[str, list[Image]] = {}
    for image in images:
        stems.setdefault(image.stem, []).append(image)
    return {stem: members for stem, members in stems.items() if len(members) > 1}


def has_images(folder: Path) -> bool:
    """Whether the folder itself holds an image."""
    try:
        with os.scandir(folder) as entries:
            return any(
                Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
                for entry in entries
            )
    except OSError:
        return False
