"""The picture in a file as it is meant: upright, in sRGB, eight bits, bounded in memory.

What comes out is RGB, or RGBA where a pixel really is transparent. `core.pictures` guards the opening.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy
from PIL import Image, ImageCms, JpegImagePlugin

from loratui.core.pictures import opened, orientation, turned

# Above this, one picture at a time is decoded: two threads must not double the peak.
_LARGE_PIXELS = 12_000_000
_LARGE = threading.RLock()

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
    with opened(data, name) as image:
        turn = orientation(image)
        if at_least is not None:
            image.draft("RGB", (at_least, at_least))
        with alone(image.width * image.height):
            return _decoded(image, turn)


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


def _decoded(image: Image.Image, turn: int) -> Image.Image:
    image.load()
    profile = image.info.get("icc_profile") or b""
    plain = _eight_bits(image)
    if profile and not is_srgb(profile):
        plain = _to_srgb(plain, profile)
    if plain.mode not in ("RGB", "RGBA"):
        plain = plain.convert("RGB")
    if plain.mode == "RGBA" and plain.getchannel("A").getextrema()[0] == 255:
        plain = plain.convert("RGB")
    plain = turned(plain, turn)
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
