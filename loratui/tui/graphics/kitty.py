"""Kitty's graphics protocol: pictures sent once, then shown by cells that Textual owns (Unicode placeholders).

https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders
"""

import sys
from base64 import b64encode
from functools import lru_cache
from types import ModuleType
from typing import IO

from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style

from loratui.tui.graphics.probe import passed_through

_CHUNK = 4096
_PLACEHOLDER = "\U0010eeee"
IDS = range(16, 256)
"""Low bytes of the ids in use: the placeholder's colour carries it, as one of xterm's 256 colours above the 16 that
themes change, so that it survives tmux and terminals with 256 colours. The high byte is the program's own."""


def transmission(number: int, png: bytes, columns: int, rows: int, multiplexer: bool) -> list[str]:
    """The sequences that send a picture and lay it out on `columns` × `rows` cells, to be written in their order.

    The terminal answers only what it does not take; through a multiplexer nothing, as its answer would not come back.
    """
    data = b64encode(png).decode("ascii")
    quiet = 2 if multiplexer else 1
    first = f"a=T,U=1,f=100,t=d,i={number},c={columns},r={rows},q={quiet}"
    sequences = []
    for at in range(0, len(data), _CHUNK):
        more = int(at + _CHUNK < len(data))
        head = f"{first},m={more}" if at == 0 else f"q={quiet},m={more}"
        sequence = f"\x1b_G{head};{data[at : at + _CHUNK]}\x1b\\"
        sequences.append(passed_through(sequence) if multiplexer else sequence)
    return sequences


def abortion(multiplexer: bool) -> str:
    """The sequence that ends a transmission before its last part."""
    sequence = "\x1b_Gq=2,m=0;\x1b\\"
    return passed_through(sequence) if multiplexer else sequence


def deletion(number: int, multiplexer: bool) -> str:
    """The sequence that frees a picture in the terminal."""
    sequence = f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"
    return passed_through(sequence) if multiplexer else sequence


def answer(body: str) -> tuple[int, bool] | None:
    """The picture that an answer is about and whether the terminal took it; None where it names no picture."""
    control, _, message = body.removeprefix("G").partition(";")
    for pair in control.split(","):
        key, _, value = pair.partition("=")
        if key == "i" and value.isdecimal():
            return int(value), message == "OK"
    return None


def cost(columns: int, rows: int) -> int:
    """Bytes of the cells of a picture: the first of a row names its place, the others follow it (`compact`)."""
    return rows * (4 * columns + 30)


def compact(text: str) -> str:
    """`text` of placeholders in which those that only go on from the one at their left do not say so.

    For output only. What is painted over the left part of such a row, and not over its end, would unsettle the end:
    panels here open at the right or at the bottom.
    """
    numbers = _numbers()
    parts: list[str] = []
    before: tuple[str, int, str] | None = None
    at = 0
    while at < len(text):
        if text[at] != _PLACEHOLDER or at + 3 >= len(text):
            parts.append(text[at])
            before, at = None, at + 1
            continue
        row, column, high = text[at + 1], numbers.get(text[at + 2], -1), text[at + 3]
        parts.append(_PLACEHOLDER if before == (row, column - 1, high) else text[at : at + 4])
        before, at = (row, column, high), at + 4
    return "".join(parts)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {mark: number for number, mark in enumerate(diacritics())}


def cells(number: int, columns: int, rows: int) -> tuple[tuple[Segment, ...], ...]:
    """The cells of picture `number`, one segment per row. Each cell names its row and column, so that any part of them
    may be covered and painted again."""
    marks = diacritics()
    low, high = number & 0xFF, marks[number >> 24]
    style = Style(color=Color(f"color({low})", ColorType.EIGHT_BIT, low, ColorTriplet(0, 0, low)))
    return tuple(
        (Segment("".join(f"{_PLACEHOLDER}{marks[row]}{marks[column]}{high}" for column in range(columns)), style),)
        for row in range(rows)
    )


@lru_cache(maxsize=1)
def diacritics() -> tuple[str, ...]:
    """The marks that stand for the numbers 0–296, as textual-image has them.

    Importing its package asks the terminal questions and reads the answers, in competition with the keys, when standard
    output is a terminal; while it is imported, standard output says it is none.
    """
    module = _import_quietly()
    return tuple(chr(code) for code in module._NUMBER_TO_DIACRITIC)


def _import_quietly() -> ModuleType:
    import importlib

    real = sys.__stdout__
    sys.__stdout__ = _NoTerminal(real)  # type: ignore[misc,assignment]
    try:
        return importlib.import_module("textual_image.renderable.tgp")
    finally:
        sys.__stdout__ = real  # type: ignore[misc]


class _NoTerminal:
    """A file that differs from the real one only in not being a terminal."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)
