"""Writing prepared pictures: finished files in a staging folder, read back, two at a time."""

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO

from PIL import Image as Pillow

from loratui.core.dataset.folder import Image
from loratui.core.errors import from_os
from loratui.core.images import opening
from loratui.core.jobs import Report, check
from loratui.core.pictures import PictureError
from loratui.core.sanitize import line

_JPEG_QUALITY = 95
_THREADS = 2
_OPTIMISED_PIXELS = 12_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done with one image.

    Attributes:
        image: the file.
        target: path of the result.
        done: what is done to it, in words.
        rewrite: whether its pixels are written anew (else the file is only renamed).
        format: of the result, `PNG` or `JPEG` or what it was.
        pixels: how many it has.
    """

    image: Image
    target: str
    done: tuple[str, ...]
    rewrite: bool
    format: str
    pixels: int


def staged(
    root: Path,
    works: Sequence[Work],
    background: str,
    stage: Callable[[], Path],
    report: Report,
    cancel: Event | None,
) -> dict[str, Path | PictureError]:
    """Writes the finished files of the works that rewrite pixels. All or none: after a failure the folder is gone.

    Args:
        root: what the images' paths are relative to.
        works: what is to be done.
        background: the colour under transparent pixels.
        stage: makes the staging folder; called when there is something to write.
        report: called with files.
        cancel: stops between two files.

    Returns:
        by the image's path, where its finished file lies, or why there is none: it turned out to be unreadable.

    Raises:
        LoratuiError: the disk refused.
    """
    todo = [work for work in works if work.rewrite]
    if not todo:
        return {}
    folder = stage()

    def write(entry: tuple[int, Work]) -> Path | PictureError:
        number, work = entry
        try:
            check(cancel)
            path = folder / f"{number:06d}{Path(work.target).suffix}"
            _convert(root / work.image.path, path, work, background)
            return path
        except PictureError as error:
            return error

    written: dict[str, Path | PictureError] = {}
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for work, outcome in zip(todo, pool.map(write, enumerate(todo)), strict=True):
            written[work.image.path] = outcome
            report(len(written), len(todo), work.image.name)
            check(cancel)
    except BaseException as error:
        pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise from_os(error, "Writing prepared images") from error
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return written


def _convert(source: Path, path: Path, work: Work, background: str) -> None:
    """Writes one finished picture durably and reads it back.

    Raises:
        PictureError: the source is broken, or what was written cannot be read.
        OSError: the disk refused.
    """
    with opening.alone(work.pixels):
        picture = opening.flatten(opening.decode(source), background)
        with path.open("wb") as file:
            save(picture, file, work.format)
            file.flush()
            os.fsync(file.fileno())
        expected = picture.size, None if work.format == "JPEG" else opening.digest(picture)
        del picture
        again = opening.decode(path, source.name)
        if expected != (again.size, None if work.format == "JPEG" else opening.digest(again)):
            path.unlink()
            message = f"{line(source.name)} could not be written as {work.format} without loss."
            raise PictureError("broken", message, "Convert it with another program.")


def save(picture: Pillow.Image, file: IO[bytes], format_: str) -> None:
    """Writes an RGB picture without metadata: lossless, or JPEG at quality 95 without colour subsampling."""
    options: dict[str, object] = {}
    if format_ == "JPEG":
        # To optimise, the encoder keeps the whole picture at twice its size in memory.
        small = picture.width * picture.height <= _OPTIMISED_PIXELS
        options = {"quality": _JPEG_QUALITY, "subsampling": 0, "optimize": small}
    elif format_ == "WEBP":
        options = {"lossless": True, "exact": True}
    picture.save(file, format_, **options)
