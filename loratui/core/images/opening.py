"""The picture in a file as it is meant: upright, in sRGB, eight bits, bounded in memory.

What comes out is RGB, or RGBA where a pixel really is transparent. `core.pictures` guards the opening.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin

from loratui.core.pictures import guarded, opened, orientation, turned

# Above this, one picture at a time is decoded: two threads must not double the peak.
_LARGE_PIXELS = 12_000_000
_LARGE = threading.RLock()
_ROWS = 256

_METADATA = frozenset(("exif", "xmp", "comment", "photoshop"))


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


def header(data: bytes, name: str) -> Header:
    """What the file of these bytes says of itself.

    Args:
        data: the whole file.
        name: what to call it in an error.

    Raises:
        PictureError: no picture, or larger than `MAX_PIXELS`.
    """
    with opened(data, name) as image:
        return _header(image, data)


def decode(source: Path | bytes, name: str = "", at_least: int | None = None) -> Image.Image:
    """The picture of a file: first frame, upright, sRGB, 8 bits, without metadata.

    In memory there are at most two pictures of its size at a time, four while Pillow reads a WebP.

    Args:
        source: the file, or all its bytes.
        name: what to call it in an error; the file's own where it is not given.
        at_least: the caller needs no more than this many pixels on either side; a JPEG is then decoded at 1/2, 1/4
            or 1/8 of its size, which is several times faster.

    Returns:
        mode `RGBA` where at least one pixel is transparent, else `RGB`.

    Raises:
        PictureError: no picture, truncated, or larger than `MAX_PIXELS`.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    with ExitStack() as turns:
        with opened(source, name) as image:
            pixels, turn = _loaded(image, at_least, turns)
        del image
        with guarded(name):
            return _plain(pixels, turn)


def examine(data: bytes, name: str, at_least: int) -> tuple[Header, Image.Image]:
    """`header` and `decode` at once: what is written behind a PNG's pixels is known only once they are read."""
    with ExitStack() as turns:
        with opened(data, name) as image:
            found = _header(image, data)
            pixels, turn = _loaded(image, at_least, turns)
        del image
        with guarded(name):
            return found, _plain(pixels, turn)


def _loaded(image: Image.Image, at_least: int | None, turns: ExitStack) -> tuple[Image.Image, int]:
    """The pixels of an open picture and its orientation; it has its turn in `turns` from then on."""
    turn = orientation(image)
    if at_least is not None:
        image.draft("RGB", (at_least, at_least))
    turns.enter_context(alone(image.width * image.height))
    image.load()
    # Without their file, whose reader may hold as much memory again.
    return image._new(image.im), turn


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
    flat = Image.new("RGB", image.size)
    for strip, top in strips(image):
        ground = Image.new("RGBA", strip.size, background)
        ground.alpha_composite(strip)
        flat.paste(ground.convert("RGB"), (0, top))
    return flat


def strips(image: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    """`image` in strips from the top, each with its first row: work on them needs little memory besides."""
    for top in range(0, image.height, _ROWS):
        yield image.crop((0, top, image.width, min(top + _ROWS, image.height))), top


def digest(image: Image.Image) -> bytes:
    """Says whether two pictures have the same pixels, so that they need not be in memory at once."""
    found = hashlib.blake2b(f"{image.mode} {image.size}".encode())
    for strip, _ in strips(image):
        found.update(strip.tobytes())
    return found.digest()


def _header(image: Image.Image, data: bytes) -> Header:
    turn = orientation(image)
    width, height = image.size if turn < 5 else image.size[::-1]
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
        orientation=turn,
        frames=1 if image.format == "MPO" else int(getattr(image, "n_frames", 1)),
        alpha=_may_be_transparent(image),
        bits=bits,
        profile=image.info.get("icc_profile") or b"",
        quality=quality,
        metadata=not _METADATA.isdisjoint(image.info) or bool(getattr(image, "text", {})),
    )


def _may_be_transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def _plain(image: Image.Image, turn: int) -> Image.Image:
    """The loaded picture as `decode` gives it. One step replaces the other, so that each one's memory is freed."""
    profile = image.info.get("icc_profile") or b""
    image = _eight_bits(image)
    if profile and not is_srgb(profile):
        image = _to_srgb(image, profile)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == 255:
        image = image.convert("RGB")
    image = turned(image, turn)
    image.info = {}
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """`image` as L, RGB, RGBA or CMYK of 8 bits: `convert` alone clips 16 bits, and drops a transparent colour."""
    if image.mode.startswith("I;16") or image.mode == "I":
        return _scaled(image, 1 / 257)
    if image.mode == "F":
        # Float pictures have no set range: 0–1 is usual, 0–255 and 0–65535 are met.
        top = max(float(_values(strip).max(initial=0.0)) for strip, _ in strips(image))
        return _scaled(image, 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 1 / 257)
    if image.mode == "RGBA" or (image.mode in ("L", "RGB", "CMYK") and not _may_be_transparent(image)):
        return image
    return image.convert("RGBA" if _may_be_transparent(image) else "RGB")


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    """Grey values of more than 8 bits as 8."""
    grey = Image.new("L", image.size)
    for strip, top in strips(image):
        levels = numpy.clip(_values(strip) * factor + 0.5, 0, 255).astype(numpy.uint8)
        grey.paste(Image.fromarray(levels), (0, top))
    return grey


def _values(image: Image.Image) -> NDArray[numpy.float64]:
    return numpy.nan_to_num(numpy.asarray(image).astype(numpy.float64), nan=0.0, posinf=0.0, neginf=0.0)


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
