"""The one door through which picture files of strangers come: guarded, and every failure one sentence.

Pillow is told to open a few formats only, whatever a file is called: others start programs (an EPS starts Ghostscript)
or hold documents. Only regular files are touched, and a picture that is too large is refused before a pixel of it is
decoded. Light: Pillow and the readers of those formats, nothing else.
"""

import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

from PIL import Image, UnidentifiedImageError, _imaging

from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line

# Pillow's names of what is opened; an MPO comes through the JPEG reader. No format that starts another program (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "TIFF", "JPEG2000")
# Pillow warns above 89 and fails above 179 million pixels, and 169 million already take 1.3 GB.
MAX_PIXELS = 50_000_000
MAX_BYTES = 256_000_000

Problem = Literal["missing", "unreadable", "special", "empty", "too-large", "not-an-image", "broken"]

# What Pillow raises on bad files, as measured (TypeError: a TIFF without its dimensions); anything else is our own
# mistake and must be seen.
FAILURES = (OSError, ValueError, SyntaxError, TypeError, struct.error, MemoryError, Image.DecompressionBombError)

# Large blocks are given back to the system when a picture is let go; of Pillow's own size (16 MB) the C library keeps
# some for each thread, together more than a picture takes.
_imaging.set_block_size(64 << 20)

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_AGAIN = "Get it again, or set it aside with prep."
_SMALLER = "Make it smaller with another program, or set it aside with prep."


class PictureError(LoratuiError):
    """A file that cannot be used as a picture.

    Args:
        problem: the class of it, for scripts.
    """

    def __init__(self, problem: Problem, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.problem: Problem = problem


@contextmanager
def regular(path: Path) -> Iterator[BinaryIO]:
    """The regular file at `path`, links followed; never waits on a FIFO and never touches a device.

    Raises:
        PictureError: missing, unreadable, special, empty or larger than `MAX_BYTES`.
    """
    name = line(path.name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise PictureError("missing", f"{name} is not there.", "Read the folder again.") from None
    except OSError as error:
        raise _unreadable(name, error) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise PictureError("special", f"{name} is not a regular file.", "Take it out of the folder.")
    with open(descriptor, "rb") as file:
        if status.st_size > MAX_BYTES:
            message = f"{name} has {status.st_size // 1_000_000:,} MB, more than {MAX_BYTES // 1_000_000}."
            raise PictureError("too-large", message, _SMALLER)
        if not status.st_size:
            raise PictureError("empty", f"{name} is empty.", _AGAIN)
        yield file


def read(path: Path) -> bytes:
    """The bytes of the regular file at `path`. Raises as `regular` does."""
    with regular(path) as file:
        try:
            return file.read()
        except OSError as error:
            raise _unreadable(line(path.name), error) from None


@contextmanager
def opened(source: Path | bytes, name: str = "", limit: int | None = MAX_PIXELS) -> Iterator[Image.Image]:
    """A picture as Pillow sees it, pixels not decoded yet; Pillow's failures in the block become a `PictureError`.

    Args:
        source: the file, or all its bytes.
        name: what to call it in an error; the file's own where it is not given.
        limit: the most pixels it may have; None where the header alone is looked at.

    Raises:
        PictureError: no picture that may be opened, or broken.
    """
    if isinstance(source, Path):
        with regular(source) as file, _opened(file, name or source.name, limit) as image:
            yield image
    else:
        with _opened(BytesIO(source), name, limit) as image:
            yield image


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1–8; 1 where there is none or nonsense. From 5 on, width and height change places."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except FAILURES:  # the picture is good, what is written about it is not
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """`image` upright: the very same where it is so already."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Pillow's failures in the block become a `PictureError` about the picture of that name."""
    name = line(name)
    try:
        yield
    except UnidentifiedImageError:
        remedy = "It is something else under the name of a picture: get it again, or set it aside with prep."
        raise PictureError("not-an-image", f"{name} is not a picture this program can read.", remedy) from None
    except (Image.DecompressionBombError, MemoryError):
        millions = MAX_PIXELS // 1_000_000
        message = f"{name} has more than {millions} million pixels and was not decoded."
        raise PictureError("too-large", message, _SMALLER) from None
    except FAILURES as error:
        raise PictureError("broken", f"{name} is broken: {line(str(error), 120).rstrip('.')}.", _AGAIN) from None


@contextmanager
def _opened(file: BinaryIO, name: str, limit: int | None) -> Iterator[Image.Image]:
    _prepare()
    with guarded(name), Image.open(file, formats=FORMATS) as image:
        if limit is not None and image.width * image.height > limit:
            raise Image.DecompressionBombError
        yield image


def _prepare() -> None:
    """Has the readers of our formats ready, and Pillow write nothing about odd files to a screen that is in use.

    Without them Pillow would load the readers of all its formats. The filter is looked at on every opening, as test
    runners and other libraries set it back. (`catch_warnings` is no way: it is not safe with threads.)
    """
    from PIL import (  # noqa: F401
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Jpeg2KImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    if _FILTER not in warnings.filters:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we count the pixels ourselves


_FILTER = ("ignore", None, Image.DecompressionBombWarning, None, 0)


def _unreadable(name: str, error: OSError) -> PictureError:
    message = f"{name} cannot be read: {os.strerror(error.errno or 0)}."
    return PictureError("unreadable", message, "Check its permissions and links.")
