"""What a picture looks like, in few bytes: perceptual hashes, from one cheap decode.

A picture has up to four *views*: laid on white, laid on black where it is transparent, and each of these without its
uniform border. Every view has a 256-bit hash, the one of `imagehash.phash(…, hash_size=16)`, and the hash of its mirror
image, which costs no second decode: mirroring a picture turns the sign of every odd column of its cosine transform.
"""

from functools import lru_cache
from typing import Any

import imagehash
import msgspec
import numpy
from numpy.typing import NDArray
from PIL import Image, ImageChops

from loratui.core.images.opening import flatten

SIDE = 64
# Views whose grey levels spread less than this are blank pages: all of them would look alike.
FLAT = 4.0
_GREY = 2.5
_BORDER_LEVELS = 14
_DIFFERS = [0 if level <= _BORDER_LEVELS else 255 for level in range(256)]
_BORDER_LEAST = 0.02
_BORDER_MOST = 0.40

Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class View(msgspec.Struct, frozen=True):
    """One way of looking at a picture.

    Attributes:
        background: `white` or `black`: what shows through.
        box: the part inside the uniform border: left, top, right, bottom as shares of the picture, `WHOLE` without one.
        hash: 32 bytes, most significant bit first.
        mirrored: the hash of the mirror image.
    """

    background: str
    box: Box
    hash: bytes
    mirrored: bytes


class Look(msgspec.Struct, frozen=True):
    """What a picture looks like.

    Attributes:
        views: empty for a flat picture, such as a blank page.
        transparent: whether a pixel is.
        grey: whether it has no colour to speak of.
    """

    views: tuple[View, ...]
    transparent: bool
    grey: bool


def look(image: Image.Image) -> Look:
    """The look of a picture as `opening.decode(…, at_least=SIDE)` gives it."""
    small = reduced(image, 2 * SIDE)
    views: list[View] = []
    on_white = flatten(small)
    grounds = [("white", on_white)]
    if small.mode == "RGBA":
        grounds.append(("black", flatten(small, "black")))
    for background, ground in grounds:
        boxes = [WHOLE]
        trimmed = border(ground)
        if trimmed != WHOLE:
            boxes.append(trimmed)
        for box in boxes:
            grey = numpy.asarray(square(ground, SIDE, box).convert("L"))
            if grey.std() >= FLAT:
                views.append(View(background, box, _packed(perceptual_hash(grey)), _packed(mirrored_hash(grey))))
    return Look(tuple(views), image.mode == "RGBA", _is_grey(square(on_white, SIDE)))


def perceptual_hash(grey: NDArray[numpy.uint8]) -> imagehash.ImageHash:
    """The hash of a 64 × 64 grey picture, bit for bit that of `imagehash.phash(…, hash_size=16)`, without scipy."""
    return imagehash.ImageHash(_bits(_transform(grey)))


def mirrored_hash(grey: NDArray[numpy.uint8]) -> imagehash.ImageHash:
    """`perceptual_hash` of the mirror image (left and right changed)."""
    return imagehash.ImageHash(_bits(_transform(grey) * _MIRROR))


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = image.split()
    lowest = ImageChops.darker(ImageChops.darker(red, green), blue)
    return float(numpy.asarray(ImageChops.subtract(_strongest(image), lowest)).mean()) < _GREY


def _strongest(image: Image.Image) -> Image.Image:
    """The highest of the three channels, pixel by pixel."""
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def reduced(image: Image.Image, side: int) -> Image.Image:
    """`image` shrunk by about a whole factor, so that its shorter side keeps at least `side` pixels.

    (`Image.reduce` is quicker, but gives the rest of a division a whole pixel, which shifts a picture and its mirror
    image apart.)
    """
    factor = min(image.size) // side
    if factor < 2:
        return image
    return image.resize((image.width // factor, image.height // factor), Image.Resampling.BOX)


def square(image: Image.Image, side: int, box: Box = WHOLE) -> Image.Image:
    """The part of `image` in `box` squeezed to a square of `side` pixels, by the mean of the pixels below each."""
    width, height = image.size
    part = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    # BOX never mixes more than it must; where it would repeat pixels, a smooth curve has no steps to be seen as edges.
    enlarged = part[2] - part[0] < side or part[3] - part[1] < side
    return image.resize((side, side), Image.Resampling.BICUBIC if enlarged else Image.Resampling.BOX, box=part)


def border(image: Image.Image) -> Box:
    """The part of `image` (RGB) inside its uniform border; `WHOLE` where it has none, or little else."""
    pixels = numpy.asarray(image)
    edge = numpy.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = numpy.median(edge, axis=0).astype(int).tolist()
    apart = ImageChops.difference(image, Image.new("RGB", image.size, (red, green, blue)))
    inner = _strongest(apart).point(_DIFFERS).getbbox()
    if inner is None:
        return WHOLE
    width, height = image.size
    box = (inner[0] / width, inner[1] / height, inner[2] / width, inner[3] / height)
    taken = (box[0], box[1], 1 - box[2], 1 - box[3])
    if max(taken) < _BORDER_LEAST or max(taken[0] + taken[2], taken[1] + taken[3]) > 2 * _BORDER_MOST:
        return WHOLE
    return box


@lru_cache(maxsize=1)
def _cosines() -> NDArray[numpy.float64]:
    """The first 16 rows of the type-2 cosine transform of 64 values, scaled as scipy.fftpack does."""
    rows, columns = numpy.arange(16)[:, None], numpy.arange(SIDE)[None, :]
    table: NDArray[numpy.float64] = 2 * numpy.cos(numpy.pi * rows * (2 * columns + 1) / (2 * SIDE))
    return table


_MIRROR = numpy.where(numpy.arange(16) % 2, -1.0, 1.0)[None, :]


def _transform(grey: NDArray[numpy.uint8]) -> NDArray[numpy.float64]:
    table = _cosines()
    low: NDArray[numpy.float64] = table @ grey.astype(numpy.float64) @ table.T
    # A symmetric picture has columns of zeros; without rounding their signs, and half the bits, would be noise.
    return low.round(6)


def _bits(low: NDArray[Any]) -> NDArray[numpy.bool_]:
    result: NDArray[numpy.bool_] = low > numpy.median(low)
    return result


def _packed(found: imagehash.ImageHash) -> bytes:
    return numpy.packbits(found.hash).tobytes()
