"""What there is to train on: the images of every subset that sd-scripts will take, with their sizes and captions."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from loratui.core import jobs
from loratui.core.training.buckets import Size

if TYPE_CHECKING:
    from loratui.core.project import Project, Subset

# sd-scripts' own list (train_util.IMAGE_EXTENSIONS): all lower or all upper case; AVIF and JXL need further packages.
TRAINABLE = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".PNG", ".JPG", ".JPEG", ".WEBP", ".BMP"})


@dataclass(frozen=True, slots=True)
class Picture:
    """One image that will be trained on.

    Attributes:
        path: relative to the project.
        file: absolute path.
        size: width and height as stored, before EXIF; None where the header cannot be read.
        caption: absolute path of its caption, None where it has none.
    """

    path: str
    file: Path
    size: Size | None
    caption: Path | None


@dataclass(frozen=True, slots=True)
class Material:
    """The images of one subset.

    Attributes:
        subset: what loratui.toml says of it.
        pictures: what will be trained on, by name.
        left_out: images sd-scripts would not take, for their suffix, by path.
        missing: whether the folder is not there at all.
    """

    subset: "Subset"
    pictures: tuple[Picture, ...]
    left_out: tuple[str, ...] = ()
    missing: bool = False


def gather(project: "Project", *, report: jobs.Report = jobs.silent, cancel: Event | None = None) -> list[Material]:
    """Looks at every subset of `project`; reads image headers, nothing more."""
    from loratui.core.dataset.folder import listing

    found = []
    for subset in project.subsets:
        folder = project.root / subset.folder
        if not folder.is_dir():
            found.append(Material(subset, (), missing=True))
            continue
        listed = listing(project.root, [subset.folder])
        pictures, left_out = [], []
        for number, image in enumerate(listed.images):
            if number % 64 == 0:
                jobs.check(cancel)
                report(number, len(listed.images), subset.name)
            if image.suffix not in TRAINABLE:
                left_out.append(image.path)
                continue
            file, caption = project.root / image.path, listed.captions.get(image.stem)
            size = size_of(file, image.size, image.mtime_ns)
            pictures.append(Picture(image.path, file, size, project.root / caption if caption else None))
        found.append(Material(subset, tuple(pictures), tuple(left_out)))
    return found


@lru_cache(maxsize=200_000)
def size_of(file: Path, bytes_: int, mtime_ns: int) -> Size | None:
    """Width and height in the header of `file`, None where there is no readable one.

    Args:
        file: the image.
        bytes_: its size, part of the key under which the answer is remembered.
        mtime_ns: its time of change, likewise.
    """
    from loratui.core import pictures

    try:
        with pictures.opened(file, limit=None) as image:
            return image.size
    except pictures.PictureError:
        return None
