"""Separating what the terminal answers from what the person types.

A terminal answers queries on the same line on which keys arrive, as late as the link is slow, and in pieces. The filter
sits between the line and the key parser for the whole life of the program: an answer it knows is taken out, an escape
sequence is handed on only when it is whole, so that its pieces never turn into letters.
"""

import re
from dataclasses import dataclass

_ESC = "\x1b"
# By introducer: the kind, and what an answer goes on with: anything else is alt and a key. These are Kitty's graphics,
# colours and titles, XTVERSION, DA3, DECRQSS and XTGETTCAP; no terminal answers with PM or SOS.
_STRINGS = {"_": ("apc", "G"), "]": ("osc", "0123456789"), "P": ("dcs", ">!01")}
_STRING_END = re.compile("\x07|\x1b\\\\|\x9c")
_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CSI_START = re.compile(r"\x1b\[[0-?]*[ -/]*\Z")
# DA1, DA2, the size of a cell, of the window in pixels and in cells, the state of Kitty's keyboard, and DSR's "OK".
# Not `CSI 48 ; … t`, `CSI ? … $ y` and `CSI … R`: the key parser itself asked for those.
_ANSWERS = {
    "da1": re.compile(r"\x1b\[\?[\d;]*c"),
    "da2": re.compile(r"\x1b\[>[\d;]*c"),
    "cell": re.compile(r"\x1b\[6;(\d+);(\d+)t"),
    "window": re.compile(r"\x1b\[[4589];\d+;\d+t"),
    "keyboard": re.compile(r"\x1b\[\?\d+u"),
    "status": re.compile(r"\x1b\[[03]n"),
}
# The rest of an answer whose ESC came so long before that it had to be taken for the Escape key.
_TAIL = re.compile(
    r"\[[?>][\d;]+[cu]|\[[4-9];\d+;\d+t|\[[03]n|\[\?\d+;\d\$y"
    r"|_G[^\x1b]*\x1b\\|\]1[01];[^\x07\x1b]*(?:\x07|\x1b\\)|P[>!01][^\x1b]*\x1b\\"
)
_INTRODUCERS = "[]P_"
_PASTE, _PASTE_END = "\x1b[200~", "\x1b[201~"
_LONGEST = 65_536

ESCAPE_DELAY = 0.1
"""Seconds after which an ESC that nothing followed is the Escape key."""
EXPECTING_DELAY = 2.0
"""The same while an answer is awaited: a lost packet may part an answer after its first byte."""
STRING_DELAY = 5.0
"""Seconds after which the beginning of a sequence is given up, and dropped."""
_TAIL_TIME = 5.0


@dataclass(frozen=True)
class Reply:
    """An answer of the terminal.

    Args:
        kind: da1 da2 cell window keyboard status apc osc dcs.
        body: the whole sequence for the first six, what stands between its introducer and its end for the others.
    """

    kind: str
    body: str


class ReplyFilter:
    """Takes the terminal's answers out of what it sends. Not thread-safe: one thread reads a terminal."""

    def __init__(self) -> None:
        self.expecting_until = 0.0
        """Time until which an answer is awaited."""
        self._held = ""
        self._held_at = 0.0
        self._pasting = False
        self._released = ""
        self._released_at = -_TAIL_TIME

    @property
    def holding(self) -> bool:
        """Whether the beginning of a sequence waits for its rest."""
        return bool(self._held)

    def feed(self, text: str, now: float) -> tuple[list[str], list[Reply]]:
        """Takes what was read.

        Args:
            text: any piece of the stream.
            now: time in seconds on a clock that does not go back.

        Returns:
            what the person typed, in whole sequences, and the answers. Where it comes in several parts, a parser must
            not take the end of one and the beginning of the next for one sequence.
        """
        before: list[str] = []
        if self._released and text:
            begun, self._released = self._released[1:], ""
            if now - self._released_at < _TAIL_TIME and (tail := _TAIL.match(begun + text)):
                text = text[tail.end() - len(begun) :]
        elif self._held == _ESC and now - self._held_at >= ESCAPE_DELAY and text and text[0] not in _INTRODUCERS:
            before, self._held = [_ESC], ""  # it was the Escape key after all
        data, self._held = self._held + text, ""
        typed: list[str] = []
        replies: list[Reply] = []
        at = 0
        while at < len(data):
            if self._pasting:
                at = self._paste(data, at, now, typed)
                continue
            start = data.find(_ESC, at)
            if start < 0:
                typed.append(data[at:])
                break
            typed.append(data[at:start])
            end = self._sequence(data, start, typed, replies)
            if end == start:  # not whole yet
                self._held, self._held_at = data[start:], now
                break
            at = end
        whole = "".join(typed)
        return [*before, whole] if whole else before, replies

    def _paste(self, data: str, at: int, now: float, typed: list[str]) -> int:
        """Hands pasted text on as it is, up to the end of the paste."""
        end = data.find(_PASTE_END, at)
        if end >= 0:
            self._pasting = False
            end += len(_PASTE_END)
        else:
            # The end of the paste may have begun.
            begun = next((n for n in range(len(_PASTE_END) - 1, 0, -1) if data.endswith(_PASTE_END[:n], at)), 0)
            end = len(data) - begun
            if begun:
                self._held, self._held_at = data[end:], now
        typed.append(data[at:end])
        return end if not self._held else len(data)

    def _sequence(self, data: str, start: int, typed: list[str], replies: list[Reply]) -> int:
        """Deals with the sequence at `start`; returns its end, or `start` while it is not whole."""
        introducer = data[start + 1 : start + 2]
        if not introducer:
            return start
        if introducer == "[":
            return self._control(data, start, typed, replies)
        if introducer in _STRINGS:
            kind, going_on = _STRINGS[introducer]
            if len(data) == start + 2:
                return start
            if data[start + 2] not in going_on:
                typed.append(data[start : start + 2])
                return start + 2
            end = _STRING_END.search(data, start + 2)
            # A new sequence begins within: a terminal does not do that, so this was alt and a key.
            other = data.find(_ESC, start + 2)
            if other >= 0 and (end is None or other < end.start()) and other + 1 < len(data):
                typed.append(data[start:other])
                return other
            if end is not None:
                replies.append(Reply(kind, data[start + 2 : end.start()]))
                return end.end()
            if len(data) - start <= _LONGEST:
                return start
            return len(data)
        if introducer == _ESC:
            typed.append(_ESC)
            return start + 1
        # SS3 (`ESC O A`) and alt with a key.
        end_of_key = start + (3 if introducer == "O" and len(data) > start + 2 else 2)
        typed.append(data[start:end_of_key])
        return end_of_key

    def _control(self, data: str, start: int, typed: list[str], replies: list[Reply]) -> int:
        found = _CSI.match(data, start)
        if found is None:
            if _CSI_START.match(data, start):
                return start
            typed.append(data[start : start + 2])  # broken off by something that cannot stand in one
            return start + 2
        sequence = found.group()
        for kind, pattern in _ANSWERS.items():
            if pattern.fullmatch(sequence):
                replies.append(Reply(kind, sequence))
                return found.end()
        self._pasting = sequence == _PASTE
        typed.append(sequence)
        return found.end()

    def release(self, now: float) -> str:
        """What is handed on because its rest did not come in time; "" while there is still time, or nothing is held."""
        held = self._held
        if not held:
            return ""
        waited = now - self._held_at
        if len(held) <= 2:  # Escape, or alt and one of [ ] P _
            if waited < (EXPECTING_DELAY if now < self.expecting_until else ESCAPE_DELAY):
                return ""
            self._held = ""
            self._released, self._released_at = held, now
            return held
        if waited >= STRING_DELAY:
            self._held = ""
            self._pasting = False
        return ""
