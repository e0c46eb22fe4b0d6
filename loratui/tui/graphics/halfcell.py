"""Pictures out of half blocks: two pixels per cell, in any terminal with colours."""

from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from rich.color import Color, ColorSystem, ColorType
from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from PIL.Image import Image

Lines = tuple[tuple[Segment, ...], ...]

# Colours of the picture, from best to least; then cells in pairs, so that half as many colour changes are sent.
_LADDER = ((256, 1), (96, 1), (48, 1), (24, 1), (16, 1), (24, 2), (12, 2), (8, 3), (6, 4))
_TRUECOLOR_COLOUR, _COLOUR, _CHANGE = 15, 8, 4
"""Bytes of one colour, and of a change of colours besides."""


def lines(image: "Image", columns: int, rows: int, budget: int, truecolor: bool) -> Lines:
    """`image` (RGB) as `rows` lines of `columns` cells that take at most `budget` bytes, or as few as there are.

    Fewer colours make longer runs of equal cells, and a run costs one change of colour.
    """
    result: Lines = ()
    for colours, merged in _LADDER:
        result = _lines(image, columns, rows, colours, merged, truecolor)
        if cost(result) <= budget:
            break
    return result


def cost(result: Lines) -> int:
    """Bytes that the terminal gets for `result`, about: colours are sent when they change (`thrift`)."""
    total = 0
    for line in result:
        ink = paper = None
        for text, style, _ in line:
            if style is None or style.color is None or style.bgcolor is None:
                continue
            each = _TRUECOLOR_COLOUR if style.bgcolor.type is ColorType.TRUECOLOR else _COLOUR
            blank = text[0] == " "
            changes = (style.color != ink and not blank) + (style.bgcolor != paper)
            total += _CHANGE * bool(changes) + each * changes + (1 if blank else 3) * len(text)
            ink, paper = ink if blank else style.color, style.bgcolor
    return total + 12 * len(result)


def _lines(image: "Image", columns: int, rows: int, colours: int, merged: int, truecolor: bool) -> Lines:
    from PIL import Image

    across = -(-columns // merged)
    small = image.resize((across, rows * 2), Image.Resampling.LANCZOS, reducing_gap=2.0)
    flat = small.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table = flat.getpalette() or []
    pixels = flat.tobytes()
    result = []
    for row in range(rows):
        upper = pixels[2 * row * across : (2 * row + 1) * across]
        lower = pixels[(2 * row + 1) * across : (2 * row + 2) * across]
        cells = [pair for pair in zip(upper, lower, strict=True) for _ in range(merged)][:columns]
        segments = []
        for (top, bottom), run in groupby(cells):
            style = _style(tuple(table[3 * top : 3 * top + 3]), tuple(table[3 * bottom : 3 * bottom + 3]), truecolor)
            # One colour: a space is a byte where the block has three.
            segments.append(Segment(("▀" if top != bottom else " ") * len(list(run)), style))
        result.append(tuple(segments))
    return tuple(result)


@lru_cache(maxsize=8192)
def _style(top: tuple[int, ...], bottom: tuple[int, ...], truecolor: bool) -> Style:
    return Style.from_color(_colour(top, truecolor), _colour(bottom, truecolor))


@lru_cache(maxsize=4096)
def _colour(rgb: tuple[int, ...], truecolor: bool) -> Color:
    red, green, blue = rgb
    colour = Color.from_rgb(red, green, blue)
    return colour if truecolor else indexed(colour)


def indexed(colour: Color) -> Color:
    """The nearest of xterm's 256 colours, in a form that Textual's filters leave as an index.

    They turn colours without a triplet into 24 bits, which would cost ten bytes more and, in Kitty's placeholders,
    change the number of the picture.
    """
    near = colour.downgrade(ColorSystem.EIGHT_BIT)
    return Color(f"color({near.number})", ColorType.EIGHT_BIT, near.number, near.get_truecolor())
