"""Opening the pictures of strangers: bounded in memory, upright, in sRGB, and every failure one sentence.

Pillow is told to open a few formats only, from bytes that were read once from a regular file; the size in the header
is checked before a pixel is decoded. What comes out is RGB, or RGBA where a pixel really is transparent.
"""

import os
import stat
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line

# Pillow's names of what is opened; an MPO comes through the JPEG reader. No format that starts another program (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "TIFF", "JPEG2000")
# Pillow warns above 89 and fails above 179 million pixels, and 169 million already take 1.3 GB.
MAX_PIXELS = 50_000_000
MAX_BYTES = 256_000_000
# Above this, one picture at a time is decoded: two threads must not double the peak.
_LARGE_PIXELS = 12_000_000
_LARGE = threading.RLock()

Problem = Literal["missing", "unreadable", "special", "empty", "too-large", "not-an-image", "broken"]

# What Pillow raises on bad files, as measured; anything else is our own mistake and must be seen.
_FAILURES = (
    OSError,
    ValueError,
    SyntaxError,
    struct.error,
    MemoryError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_METADATA = frozenset(("exif", "xmp", "comment", "photoshop"))
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


class PictureError(LoratuiError):
    """A file that cannot be used as a picture.

    Args:
        problem: the class of it, for scripts.
    """

    def __init__(self, problem: Problem, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.problem: Problem = problem


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture before a pixel is decoded.

    Attributes:
        format: Pillow's name, whatever the file is called: `JPEG`, `PNG`, `WEBP` …
        mode: Pillow's mode: `RGB`, `CMYK`, `I;16` …
        width, height: in pixels, upright (EXIF applied).
        orientation: the EXIF orientation, 1–8; 1 where there is none or nonsense.
        frames: pictures in the file, more than 1 for an animation.
        alpha: whether pixels may be transparent.
        bits: bits per channel, 1, 8, 16 or 32.
        profile: the raw ICC profile, empty where there is none.
        quality: the JPEG quality, 1–100, as its quantisation tables suggest; None for other formats.
        metadata: whether EXIF, XMP or text lies beside the pixels.
    """

    format: str
    mode: str
    width: int
    height: int
    orientation: int
    frames: int
    alpha: bool
    bits: int
    profile: bytes
    quality: int | None
    metadata: bool


def read(path: Path) -> bytes:
    """The bytes of the regular file at `path`, links followed; never waits on a FIFO and never touches a device.

    Raises:
        PictureError: missing, unreadable, special, empty or too large.
    """
    name = line(path.name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise PictureError("special", f"{name} is not a regular file.", "Take it out of the folder.")
            if status.st_size > MAX_BYTES:
                message = f"{name} has {status.st_size // 1_000_000:,} MB, more than {MAX_BYTES // 1_000_000}."
                raise PictureError("too-large", message, _SMALLER)
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                data = file.read(MAX_BYTES)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise PictureError("missing", f"{name} is not there.", "Read the folder again.") from None
    except OSError as error:
        message = f"{name} cannot be read: {os.strerror(error.errno or 0)}."
        raise PictureError("unreadable", message, "Check its permissions and links.") from None
    if not data:
        raise PictureError("empty", f"{name} is empty.", _AGAIN)
    return data


def header(data: bytes, name: str) -> Header:
    """What the file of these bytes says of itself.

    Args:
        data: the whole file.
        name: what to call it in an error.

    Raises:
        PictureError: no picture, or larger than `MAX_PIXELS`.
    """
    with _opened(data, name) as image:
        return _header(image, data)


def decode(data: bytes, name: str, at_least: int | None = None) -> Image.Image:
    """The picture of these bytes: first frame, upright, sRGB, 8 bits, without metadata.

    Args:
        data: the whole file.
        name: what to call it in an error.
        at_least: the caller needs no more than this many pixels on either side; a JPEG is then decoded at 1/2, 1/4
            or 1/8 of its size, which is several times faster.

    Returns:
        mode `RGBA` where at least one pixel is transparent, else `RGB`.

    Raises:
        PictureError: no picture, truncated, or larger than `MAX_PIXELS`.
    """
    with _opened(data, name) as image:
        orientation = _orientation(image)
        if at_least is not None:
            image.draft("RGB", (at_least, at_least))
        with alone(image.width * image.height):
            return _decoded(image, orientation)


@contextmanager
def alone(pixels: int) -> Iterator[None]:
    """Holds a turn for work on a large picture: threads must not multiply the peak. Small ones do not wait."""
    if pixels <= _LARGE_PIXELS:
        yield
        return
    with _LARGE:
        yield


def flatten(image: Image.Image, background: str = "white") -> Image.Image:
    """`image` (RGB or RGBA, as `decode` gives it) without transparency, laid on `background` (a Pillow colour)."""
    if image.mode == "RGB":
        return image
    ground = Image.new("RGBA", image.size, background)
    ground.alpha_composite(image)
    return ground.convert("RGB")


_AGAIN = "Get it again, or set it aside with prep."
_SMALLER = "Make it smaller with another program, or set it aside with prep."


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """The file as Pillow sees it, pixels not decoded yet; Pillow's failures in the block become a `PictureError`."""
    name = line(name)
    _quiet()
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except UnidentifiedImageError:
        remedy = "It is something else under the name of a picture: get it again, or set it aside with prep."
        raise PictureError("not-an-image", f"{name} is not a picture this program can read.", remedy) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        millions = MAX_PIXELS // 1_000_000
        message = f"{name} has more than {millions} million pixels and was not decoded."
        raise PictureError("too-large", message, _SMALLER) from None
    except _FAILURES as error:
        raise PictureError("broken", f"{name} is broken: {line(str(error), 120).rstrip('.')}.", _AGAIN) from None


def _quiet() -> None:
    """Has Pillow raise at once on oversized headers, and not write about odd metadata to a screen that is in use.

    Looked at on every opening, as test runners and other libraries set the filters back. (`catch_warnings` is no way:
    it is not safe with threads.)
    """
    if _FILTER not in warnings.filters:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)


_FILTER = ("error", None, Image.DecompressionBombWarning, None, 0)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _FAILURES:  # the picture is good, what is written about it is not
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _header(image: Image.Image, data: bytes) -> Header:
    orientation = _orientation(image)
    width, height = image.size if orientation < 5 else image.size[::-1]
    quality = _jpeg_quality(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else None
    bits = 32 if image.mode in ("F", "I") else 16 if image.mode.startswith("I;16") else 1 if image.mode == "1" else 8
    if image.format == "PNG":
        # Pillow says 8 of a 16-bit colour PNG, which it reduces while it decodes; the depth is byte 24 of the file.
        bits = max(bits, data[24])
    return Header(
        format="JPEG" if image.format == "MPO" else image.format or "",
        mode=image.mode,
        width=width,
        height=height,
        orientation=orientation,
        frames=1 if image.format == "MPO" else int(getattr(image, "n_frames", 1)),
        alpha=_may_be_transparent(image),
        bits=bits,
        profile=image.info.get("icc_profile") or b"",
        quality=quality,
        metadata=not _METADATA.isdisjoint(image.info) or bool(getattr(image, "text", {})),
    )


def _may_be_transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def _decoded(image: Image.Image, orientation: int) -> Image.Image:
    image.load()
    profile = image.info.get("icc_profile") or b""
    plain = _eight_bits(image)
    if profile and not is_srgb(profile):
        plain = _to_srgb(plain, profile)
    if plain.mode not in ("RGB", "RGBA"):
        plain = plain.convert("RGB")
    if plain.mode == "RGBA" and plain.getchannel("A").getextrema()[0] == 255:
        plain = plain.convert("RGB")
    if orientation in _UPRIGHT:
        plain = plain.transpose(_UPRIGHT[orientation])
    # The pixels outlive the file they were read from, so that no copy is needed where nothing was changed.
    plain.info = {}
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """`image` as L, RGB, RGBA or CMYK of 8 bits: `convert` alone clips 16 bits, and drops a transparent colour."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = numpy.asarray(image).astype(numpy.float64)
        return Image.fromarray(numpy.clip(values / 257 + 0.5, 0, 255).astype(numpy.uint8))
    if image.mode == "F":
        values = numpy.nan_to_num(numpy.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        # Float pictures have no set range: 0–1 is usual, 0–255 and 0–65535 are met.
        top = float(values.max(initial=0.0))
        scale = 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 1 / 257
        return Image.fromarray(numpy.clip(values * scale + 0.5, 0, 255).astype(numpy.uint8))
    if _may_be_transparent(image):
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("RGB")


@lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Whether an ICC profile changes nothing: it is sRGB by its description, or it is nonsense."""
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        return "srgb" in ImageCms.getProfileDescription(opened).lower()
    except (ImageCms.PyCMSError, OSError):
        return True  # nonsense: the pixels are all there is


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """`image` through its profile; as it is where the profile does not fit it (a grey picture with an RGB profile)."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted if converted is not None else image


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


# The luminance table of the JPEG standard (Annex K.1), in zigzag order: what quality 50 means.
_K1 = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip


def _jpeg_quality(image: JpegImagePlugin.JpegImageFile) -> int | None:
    table = image.quantization.get(0)
    if not table:
        return None
    # Sums do not depend on the order in which Pillow keeps the table.
    percent = 100 * sum(table) / sum(_K1)
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return max(1, min(100, round(quality)))
