"""The images of a folder, and the caption files beside them."""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif", ".jxl", ".tif", ".tiff", ".jp2"))
CAPTION_SUFFIXES = (".txt", ".caption", ".cap")


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
        return self.path[: len(self.path) - len(self.suffix)] if self.suffix else self.path

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
        others: paths of other regular files that are not hidden.
    """

    images: list[Image]
    captions: dict[str, str]
    others: list[str]


def listing(root: Path, folders: Sequence[str]) -> Listing:
    """Lists folders, not what lies deeper. Hidden files, folders, pipes and devices are left out; links to files count.

    Args:
        root: absolute.
        folders: relative to it; "" or "." for itself.

    Raises:
        OSError: a folder cannot be read.
    """
    images: list[Image] = []
    captions: dict[str, str] = {}
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
                        if suffix in CAPTION_SUFFIXES and entry.is_file():
                            _keep_caption(captions, prefix + name[:dot], prefix + name, suffix)
                        elif entry.is_file():
                            others.append(prefix + name)
                        continue
                    found = entry.stat()
                except OSError:  # a dangling link, or gone meanwhile
                    continue
                if stat.S_ISREG(found.st_mode):
                    images.append(Image(prefix + name, found.st_size, found.st_mtime_ns, found.st_ino))
    images.sort(key=lambda image: image.path)
    return Listing(images, captions, sorted(others))


def _keep_caption(captions: dict[str, str], stem: str, path: str, suffix: str) -> None:
    known = captions.get(stem)
    if known is None or CAPTION_SUFFIXES.index(suffix) < CAPTION_SUFFIXES.index(known[known.rfind(".") :].lower()):
        captions[stem] = path


def scan(root: Path, folders: Sequence[str]) -> list[Image]:
    """The images of folders: see `listing`."""
    return listing(root, folders).images


def sidecar(root: Path, image: Image) -> str | None:
    """The caption file of an image that is there, relative to the root; None where it has none."""
    for suffix in CAPTION_SUFFIXES:
        if (root / (image.stem + suffix)).is_file():
            return image.stem + suffix
    return None


def caption_path(root: Path, image: Image) -> str:
    """Where the caption of an image is, or would be written."""
    return sidecar(root, image) or image.stem + CAPTION_SUFFIXES[0]


def sidecars(root: Path, image: Image) -> list[str]:
    """Every file that belongs to the image and moves with it: captions and side files of the same stem."""
    suffixes = (*CAPTION_SUFFIXES, ".json", ".npz")
    return [image.stem + suffix for suffix in suffixes if (root / (image.stem + suffix)).is_file()]


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
