"""Output rewritten for fewer bytes leaves every cell as it was."""

import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loratui.tui.graphics.thrift import Thrift

Cell = tuple[str, str, str, frozenset[int]]
_TOKEN = re.compile(r"\x1b\[([\d;]*)m|\x1b\[(\d+);(\d+)H|(\x1b\[\?\d+[hl])|\r\n|(.)", re.DOTALL)


@dataclass(frozen=True)
class Look:
    ink: str = ""
    paper: str = ""
    attributes: frozenset[int] = frozenset()


def sgr(look: Look, text: str) -> Look:
    """As a terminal understands SGR, written from ECMA-48 and not from the code under test."""
    codes = [int(code or 0) for code in text.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            look = Look()
        elif code in (38, 48):
            kind = codes.pop(0)
            colour = f"{kind}:" + ":".join(str(codes.pop(0)) for _ in range(3 if kind == 2 else 1))
            look = replace(look, ink=colour) if code == 38 else replace(look, paper=colour)
        elif code in (39, 49):
            look = replace(look, ink="") if code == 39 else replace(look, paper="")
        elif 30 <= code <= 37 or 90 <= code <= 97:
            look = replace(look, ink=str(code))
        elif 40 <= code <= 47 or 100 <= code <= 107:
            look = replace(look, paper=str(code))
        elif code in (1, 2, 3, 4, 5, 7, 9):
            look = replace(look, attributes=look.attributes | {code})
        else:
            gone = {22: {1, 2}, 23: {3}, 24: {4}, 25: {5}, 27: {7}, 29: {9}}[code]
            look = replace(look, attributes=look.attributes - gone)
    return look


def screen(output: str) -> dict[tuple[int, int], Cell]:
    """The cells that `output` leaves, without what cannot be seen on a blank."""
    cells: dict[tuple[int, int], Cell] = {}
    look, row, column = Look(), 1, 1
    for match in _TOKEN.finditer(output):
        codes, to_row, to_column, mode, char = match.groups()
        if codes is not None:
            look = sgr(look, codes)
        elif to_row:
            row, column = int(to_row), int(to_column)
        elif char:
            seen = look.attributes
            blank = char == " " and not seen & {4, 7, 9}
            cells[row, column] = (char, "" if blank else look.ink, look.paper, frozenset() if blank else seen)
            column += 1
        elif mode is None:
            row, column = row + 1, 1
    return cells


COLOURS = ["", "38;2;1;2;3", "38;2;200;2;3", "38;5;17", "31", "97", "39"]
PAPERS = ["", "48;2;18;18;18", "48;2;9;9;9", "48;5;20", "41", "49"]
STYLES = ["", "1", "2", "3", "4", "7", "9", "1;3", "2;4"]
SEGMENT = st.builds(
    lambda ink, paper, style, text: f"\x1b[{';'.join(filter(None, (style, ink, paper)))}m{text}\x1b[0m",
    st.sampled_from(COLOURS),
    st.sampled_from(PAPERS),
    st.sampled_from(STYLES),
    st.sampled_from(["a", "  ", " x ", "▀▀", "    "]),
)
OTHER = st.sampled_from(["\r\n", "\x1b[3;4H", "\x1b[1;1H", "\x1b[?2026h", "\x1b[?2026l", "\x1b[?25l", "plain", " "])


@given(st.lists(st.lists(SEGMENT | OTHER, max_size=12), max_size=6))
def test_the_screen_is_the_same_in_fewer_bytes(frames: list[list[str]]) -> None:
    thrift = Thrift()
    before = ["".join(frame) for frame in frames]
    after = [thrift.rewrite(frame) for frame in before]
    assert screen("".join(after)) == screen("".join(before))
    # The first change of a stream is preceded by one reset.
    assert len("".join(after)) <= len("".join(before)) + 5 + 4 * "".join(before).count("\x1b[?25l")


def test_colours_that_stay_are_not_sent_again() -> None:
    thrift = Thrift()
    frame = (
        "\x1b[1;1H\x1b[38;2;1;1;1;48;2;2;2;2mab\x1b[0m\x1b[38;2;3;3;3;48;2;2;2;2mcd\x1b[0m\x1b[48;2;2;2;2m   \x1b[0m"
    )
    assert thrift.rewrite(frame) == "\x1b[1;1H\x1b[0;38;2;1;1;1;48;2;2;2;2mab\x1b[38;2;3;3;3mcd   "
    assert thrift.rewrite("\x1b[2;1H\x1b[38;2;3;3;3;48;2;2;2;2mx\x1b[0m") == "\x1b[2;1Hx"


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b_Ga=T,i=5,m=0;AAAA\x1b\\",
        "\x1bPtmux;\x1b\x1b_Ga=d\x1b\x1b\\\x1b\\",
        "\x1b]11;?\x07",
        "\x1b[16t",
        "\x1b[>0q",
        "\x1b(B",
        "\x1b7",
    ],
)
def test_other_sequences_pass_untouched(sequence: str) -> None:
    assert Thrift().rewrite(sequence).replace("\x1b[m", "") == sequence


def test_leaving_the_screen_leaves_no_colour_behind() -> None:
    thrift = Thrift()
    thrift.rewrite("\x1b[31mred\x1b[0m")
    assert thrift.rewrite("\x1b[?1049l") == "\x1b[m\x1b[?1049l"
    assert thrift.rewrite("x") == "\x1b[mx"
