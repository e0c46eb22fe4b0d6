"""A picture as a WD tagger sees it. Runs in the tagger's process only (Pillow, numpy).

The reference is SmilingWolf's own: transparent parts on white, padded to a centred white square, bicubic to the
network's size, float32 0..255, blue-green-red. Besides, what most tools forget: the EXIF orientation, the transparency
of palette and grey pictures, and all 16 bits of a 16-bit one.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loratui.core import pictures

# A larger side is first shrunk by whole pixels to no less than this many times the network's: the padded square of a
# panorama would not fit into memory, and the result differs by less than a level on average.
_ENOUGH = 3


def load(path: Path, size: int) -> NDArray[np.float32]:
    """The picture at `path` as [size, size, 3], 0..255, BGR.

    Raises:
        PictureError: it is no picture, broken, or too large.
    """
    with pictures.opened(path) as image:
        if image.format == "JPEG":
            # Decoding at 1/2, 1/4 or 1/8 saves half the time; twice the final size keeps the bicubic step honest.
            scale = 2 * size / max(image.size)
            image.draft(None, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        turn = pictures.orientation(image)
        image.load()
        return square(pictures.turned(image, turn), size)


def square(image: Image.Image, size: int) -> NDArray[np.float32]:
    """An upright picture of any mode as [size, size, 3], 0..255, BGR."""
    image = on_white(image)
    factor = max(image.size) // (_ENOUGH * size)
    if factor > 1:
        image = image.reduce(factor)
    side = max(image.size)
    canvas = Image.new("RGB", (side, side), (255, 255, 255))
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    if side != size:
        canvas = canvas.resize((size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(canvas, np.float32)[:, :, ::-1])


def on_white(image: Image.Image) -> Image.Image:
    """The picture as RGB, its transparent parts white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 or more bits as 8-bit grey: Pillow's own conversion clips everything above 255."""
    values: NDArray[Any] = np.asarray(image).astype(np.float64)
    top = 65535.0 if image.mode.startswith("I;16") or values.max() > 255 else 255.0 if values.max() > 1 else 1.0
    return Image.fromarray((np.clip(values / top, 0, 1) * 255 + 0.5).astype(np.uint8))
