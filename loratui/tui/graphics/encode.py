"""From a file to what a terminal can show, within a number of bytes. Pure, and slow enough to need a thread.

textual-image's own encoders are not used for this: its Kitty encoder writes to the terminal itself, in the middle of
a paint, always as a full-colour PNG (493 KiB at 512 px where a slow link has 20 kB); its half cells have one colour
pair per cell and ask the terminal for the size of a cell while the keys are read. The tables of the protocol are its.
"""

import math
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.segment import Segment

from loratui.tui.graphics import halfcell, kitty

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the upright picture; right and bottom exclusive."""

FULL_SIDE = 512
"""Pixels per side of the picture that a budget is named for; smaller ones get their share."""
_LEAST = 2_000
_SAMPLE = 128
_TRIES = 8


@dataclass(frozen=True)
class Wanted:
    """A picture to be drawn.

    Args:
        path: the file.
        columns: cells there are across.
        rows: cells there are down.
        crop: the part to show; None: all.
    """

    path: Path
    columns: int
    rows: int
    crop: Box | None = None


@dataclass(frozen=True)
class How:
    """What the terminal and the link take.

    Args:
        protocol: how it is drawn.
        cell: width and height of a cell in pixels.
        budget: bytes for a picture of 512 × 512 pixels and more; smaller ones get their share.
        truecolor: 24-bit colours; else the 256 of xterm.
    """

    protocol: Literal["kitty", "halfcell"]
    cell: tuple[int, int]
    budget: int
    truecolor: bool = True


@dataclass(frozen=True)
class Encoded:
    """A picture ready for the terminal.

    Args:
        columns: cells across that it really takes.
        rows: cells down.
        png: for Kitty; else empty.
        lines: for half cells, one list of segments per row; else empty.
        error: why there is no picture, as one line; else "".
    """

    columns: int
    rows: int
    png: bytes = b""
    lines: tuple[tuple[Segment, ...], ...] = ()
    error: str = ""

    @property
    def size(self) -> int:
        """Bytes that the terminal gets, about."""
        return len(self.png) * 4 // 3 + kitty.cost(self.columns, self.rows) if self.png else halfcell.cost(self.lines)


def encode(wanted: Wanted, how: How) -> Encoded:
    """Reads, shrinks and encodes a picture; never raises: a bad file gives an `Encoded` with its error."""
    from loratui.core.errors import LoratuiError
    from loratui.core.sanitize import line

    try:
        return _encode(wanted, how)
    except LoratuiError as error:
        return Encoded(0, 0, error=line(error.message))
    except Exception as error:  # whatever a stranger's file does to a decoder, the program goes on
        return Encoded(0, 0, error=line(f"{wanted.path.name} cannot be shown: {type(error).__name__}: {error}", 200))


def fit(width: int, height: int, columns: int, rows: int, cell: tuple[int, int]) -> tuple[int, int]:
    """Cells (columns, rows) that a picture of `width` × `height` pixels takes in a box, at its own proportions."""
    scale = min(columns * cell[0] / width, rows * cell[1] / height)
    return (
        max(1, min(columns, round(width * scale / cell[0]))),
        max(1, min(rows, round(height * scale / cell[1]))),
    )


def share(budget: int, width: int, height: int) -> int:
    """The bytes of `budget` that a picture of `width` × `height` pixels may take."""
    return min(budget, max(_LEAST, round(budget * width * height / FULL_SIDE**2)))


def _encode(wanted: Wanted, how: How) -> Encoded:
    image = _open(wanted, max(wanted.columns * how.cell[0], wanted.rows * how.cell[1]))
    columns, rows = fit(image.width, image.height, wanted.columns, wanted.rows, how.cell)
    width, height = columns * how.cell[0], rows * how.cell[1]
    budget = share(how.budget, width, height)
    if how.protocol == "halfcell":
        lines = halfcell.lines(image, columns, rows, budget, how.truecolor)
        return Encoded(columns, rows, lines=lines)
    # More pixels than the file has are the terminal's work.
    enlarged = max(width / image.width, height / image.height, 1.0)
    budget = max(_LEAST, budget - kitty.cost(columns, rows))
    return Encoded(columns, rows, png=_png(image, round(width / enlarged), round(height / enlarged), budget))


def _open(wanted: Wanted, side: int) -> "Image":
    """The wanted part, upright and without transparency, not much larger than `side` pixels."""
    from loratui.core import pictures
    from loratui.core.images import opening

    data = pictures.read(wanted.path)
    name = wanted.path.name
    if wanted.crop is None:
        image = opening.flatten(opening.decode(data, name, at_least=side))
    else:
        header = opening.header(data, name)
        left, top, right, bottom = wanted.crop
        part = max(right - left, bottom - top, 1)
        needed = math.ceil(side * max(header.width, header.height) / part)
        image = opening.flatten(opening.decode(data, name, at_least=needed))
        x, y = image.width / header.width, image.height / header.height
        image = image.crop((round(left * x), round(top * y), round(right * x), round(bottom * y)))
    image.thumbnail((side, side))
    return image


def _png(image: "Image", width: int, height: int, budget: int) -> bytes:
    """`image` as a PNG with a palette, whose base64 form is at most `budget` bytes, or as small as there is."""
    from PIL import Image

    full = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    # A median cut of a sample: as good to the eye as one of all pixels, at a twentieth of its time.
    sample = full.resize((min(width, _SAMPLE), min(height, _SAMPLE)), Image.Resampling.BOX)
    palette = sample.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    data = _packed(full.quantize(palette=palette, dither=Image.Dither.NONE))
    if len(data) <= budget * 3 // 4:
        return data
    # The octree's colours are coarser and pack far better; then fewer pixels, which the terminal enlarges.
    small, side = full, 1.0
    for _ in range(_TRIES):
        data = _packed(small.quantize(256 if side > 0.6 else 128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE))
        if len(data) <= budget * 3 // 4 or max(small.size) <= 8:
            break
        side *= min(0.95, math.sqrt(budget * 3 / 4 / len(data)) * 0.97)
        small = full.resize((max(1, round(width * side)), max(1, round(height * side))), Image.Resampling.LANCZOS)
    return data


def _packed(image: "Image") -> bytes:
    buffer = BytesIO()
    # Level 9 takes four times as long for two percent.
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
