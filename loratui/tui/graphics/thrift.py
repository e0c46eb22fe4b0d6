"""Fewer bytes for the same screen: colours are sent when they change, not with every piece of text.

Rich ends each piece of text with a reset and begins the next with all its colours again: about 40 bytes where the
difference has 15, or none. What is sent here leaves every cell as it would have been, but for the colour of the ink on
blanks, which nobody sees.
"""

import re
from dataclasses import dataclass

_PART = re.compile(
    r"\x1b\[([\d;]*)m"  # colours and attributes
    r"|(\x1b(?:\[[0-?]*[ -/]*[@-~]|[_P\]X^][^\x1b\x07]*(?:\x1b\\|\x07)?|[ -/]*[0-~])|[\r\n]+)"
)
# Moving the cursor, and the marks of a synchronised frame, do not depend on the colours.
_INDIFFERENT = re.compile(r"[\r\n]+|\x1b\[(?:\d*;?\d*H|\?2026[hl])")
_ATTRIBUTES = {1: 22, 2: 22, 3: 23, 4: 24, 5: 25, 7: 27, 9: 29}
"""By the code that sets an attribute: the one that takes it away."""
_PLACEHOLDER = "\U0010eeee"
_INKED = frozenset({4, 7, 9})
"""Attributes that show on blanks: underline, reverse, strike."""


@dataclass(frozen=True)
class _Pen:
    """How text is drawn: colours as their SGR codes ("" for the default) and attributes as theirs."""

    ink: str = ""
    paper: str = ""
    attributes: frozenset[int] = frozenset()

    def codes(self) -> list[str]:
        """The SGR codes that set this pen from the default one."""
        return [*map(str, sorted(self.attributes)), *filter(None, (self.ink, self.paper))]


class Thrift:
    """Rewrites a stream of terminal output. One per stream; a stream begins in an unknown state."""

    def __init__(self) -> None:
        self._pen = _Pen()
        """As the stream asks."""
        self._real: _Pen | None = None
        """As the terminal has it; None: unknown."""

    def rewrite(self, text: str) -> str:
        """`text` with its changes of colour rewritten. Escape sequences must be whole within one call."""
        parts: list[str] = []
        at = 0
        for match in _PART.finditer(text):
            if match.start() > at:
                self._ink(text[at : match.start()], parts)
            at = match.end()
            if match[1] is not None:
                self._pen = _changed(self._pen, match[1])
                continue
            if not _INDIFFERENT.fullmatch(match[2]):
                self._settle(parts, self._pen)
                if match[2].startswith("\x1b[?1049"):
                    self._real = None  # another screen: trust nothing
            parts.append(match[2])
        if at < len(text):
            self._ink(text[at:], parts)
        return "".join(parts)

    def _ink(self, text: str, parts: list[str]) -> None:
        """Draws `text`."""
        pen = self._pen
        if self._real is not None and not text.strip(" ") and not pen.attributes & _INKED:
            # Blanks show the paper only; underline, reverse and strike must not be left over.
            real = self._real
            pen = _Pen(real.ink, pen.paper, real.attributes - _INKED)
        self._settle(parts, pen)
        if _PLACEHOLDER in text:
            from loratui.tui.graphics.kitty import compact

            text = compact(text)
        parts.append(text)

    def _settle(self, parts: list[str], pen: _Pen) -> None:
        """Makes the terminal's pen `pen`, the shorter way."""
        real = self._real
        if real == pen:
            return
        whole = ["0", *pen.codes()]
        if real is not None:
            codes = _difference(real, pen)
            if len(";".join(codes)) > len(";".join(whole)):
                codes = whole
        else:
            codes = whole
        parts.append("\x1b[m" if codes == ["0"] else f"\x1b[{';'.join(codes)}m")
        self._real = pen


def _difference(real: _Pen, pen: _Pen) -> list[str]:
    """The SGR codes from one pen to another without a reset."""
    gone = {_ATTRIBUTES[code] for code in real.attributes - pen.attributes}
    # 22 takes both bold and dim away.
    new = {code for code in pen.attributes if code not in real.attributes or _ATTRIBUTES[code] in gone}
    codes = [str(code) for code in (*sorted(gone), *sorted(new))]
    if real.ink != pen.ink:
        codes.append(pen.ink or "39")
    if real.paper != pen.paper:
        codes.append(pen.paper or "49")
    return codes


def _changed(pen: _Pen, text: str) -> _Pen:
    """`pen` after the SGR sequence with the parameters `text`."""
    ink, paper, attributes = pen.ink, pen.paper, set(pen.attributes)
    codes = text.split(";")
    at = 0
    while at < len(codes):
        code = int(codes[at] or 0)
        if code in (38, 48) and at + 1 < len(codes):
            length = 5 if codes[at + 1] == "2" else 3
            colour = ";".join(codes[at : at + length])
            ink, paper = (colour, paper) if code == 38 else (ink, colour)
            at += length
            continue
        if code == 0:
            ink, paper, attributes = "", "", set()
        elif code in _ATTRIBUTES:
            attributes.add(code)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            ink = codes[at]
        elif 40 <= code <= 47 or 100 <= code <= 107:
            paper = codes[at]
        elif code == 39:
            ink = ""
        elif code == 49:
            paper = ""
        else:
            attributes -= {set_by for set_by, off in _ATTRIBUTES.items() if off == code}
        at += 1
    return _Pen(ink, paper, frozenset(attributes))
