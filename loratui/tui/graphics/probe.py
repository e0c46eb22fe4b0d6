"""What can this terminal show? Asked once after the start, answered whenever the link lets it.

All queries go out in one write, DA1 last: every terminal answers DA1, and answers come in order, so its answer tells
that nothing more is to come. Nobody waits: the first screen is painted meanwhile, and a picture is drawn once the
answer, or the time in which one could come, has passed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from loratui.tui.graphics import brands
from loratui.tui.graphics.brands import Protocol
from loratui.tui.graphics.replies import Reply

QUERY_ID = 2_147_483_001
"""Image id of the query: none of the ids that pictures get."""
DEADLINE = 3.0
"""Seconds after which pictures go the way every terminal can; a later answer still counts."""

_KITTY = f"\x1b_Gi={QUERY_ID},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_VERSION, _CELL, _DA1 = "\x1b[>0q", "\x1b[16t", "\x1b[c"


@dataclass(frozen=True)
class Terminal:
    """What is known of the terminal.

    Args:
        protocol: how pictures are shown; None while it is not known.
        cell: width and height of a cell in pixels.
        version: its answer to XTVERSION; "" if none.
        multiplexer: sequences have to be passed through tmux.
        complete: it has answered all it is going to.
    """

    protocol: Protocol | None = None
    cell: tuple[int, int] = (10, 20)
    version: str = ""
    multiplexer: bool = False
    complete: bool = False


def passed_through(sequence: str) -> str:
    """`sequence` wrapped so that tmux hands it on to the terminal it runs in (needs `allow-passthrough on`)."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


@dataclass
class Probe:
    """Collects the answers.

    Args:
        wanted: `ui.graphics` of the configuration.
        environ: the environment.
        changed: called with what is known whenever that is more than before; in the thread that calls.
    """

    wanted: str
    environ: Mapping[str, str]
    changed: Callable[[Terminal], None]
    terminal: Terminal = field(default_factory=Terminal)
    _answered: bool = False

    def queries(self) -> str:
        """What to write to the terminal, once."""
        self.terminal = replace(self.terminal, multiplexer=brands.in_multiplexer(self.environ))
        kitty = _KITTY
        poor = self.environ.get("TERM") in ("dumb", "linux", "vt100") or brands.in_screen(self.environ)
        if self.wanted in ("halfcell", "none") or poor:
            self._decide()
            kitty = ""
        elif self.terminal.multiplexer:
            kitty = passed_through(_KITTY)
        return f"{_VERSION}{_CELL}{kitty}{_DA1}" if self.environ.get("TERM") != "dumb" else ""

    def take(self, reply: Reply) -> None:
        """Learns from one answer, early or late."""
        if reply.kind == "apc" and f"i={QUERY_ID}" in reply.body.partition(";")[0].replace("G", "", 1).split(","):
            self._answered = reply.body.endswith(";OK")
            if self.terminal.complete or self.terminal.multiplexer:
                # Through tmux it comes after DA1, which tmux itself answers.
                self._decide()
        elif reply.kind == "dcs" and reply.body.startswith(">|"):
            self.terminal = replace(self.terminal, version=reply.body[2:80])
        elif reply.kind == "cell":
            height, width = (int(number) for number in re.findall(r"\d+", reply.body)[1:])
            if 2 <= width <= 200 and 2 <= height <= 400:
                self._set(cell=(width, height))
        elif reply.kind == "da1":
            self._set(complete=True)
            if self._answered or not self.terminal.multiplexer:
                self._decide()

    def give_up(self) -> None:
        """The time for answers is over: decides with what is known."""
        if self.terminal.protocol is None:
            self._decide()

    def _decide(self) -> None:
        name = brands.brand(self.environ, self.terminal.version if not self.terminal.multiplexer else "")
        self._set(protocol=brands.choose(self.wanted, name, self._answered, self.environ))

    def _set(self, **known: object) -> None:
        terminal = replace(self.terminal, **known)  # type: ignore[arg-type]
        if terminal != self.terminal:
            self.terminal = terminal
            self.changed(terminal)
