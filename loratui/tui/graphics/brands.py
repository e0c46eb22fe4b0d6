"""What a terminal is, and which pictures it can really show: its own word is not enough for some.

Sources: the Kitty graphics protocol's page and textual-image's notes on terminals (Konsole and Warp answer OK but do
not draw Unicode placeholders; WezTerm and iTerm2 neither), yazi's drivers for the names. mosh needs no entry: it answers
DA1 itself and hands Kitty's query to nobody, so that no OK comes.
"""

import re
from collections.abc import Mapping
from typing import Literal

Protocol = Literal["kitty", "halfcell", "none"]

# Name in XTVERSION, TERM_PROGRAM or TERM → whether Kitty's placeholders are drawn. None: believe its answer.
_PLACEHOLDERS: tuple[tuple[str, bool], ...] = (
    ("kitty", True),
    ("ghostty", True),
    ("konsole", False),
    ("warp", False),
    ("wezterm", False),
    ("iterm", False),
    ("vscode", False),
    ("apple_terminal", False),
    ("foot", False),
    ("alacritty", False),
    ("vte", False),
    ("windows terminal", False),
    ("linux", False),
    ("xterm(", False),
)
# Terminals that show 24-bit colours but whose name alone is what SSH carries over (COLORTERM is not sent).
_TRUECOLOR = re.compile(r"xterm-(kitty|ghostty)|ghostty|foot|alacritty|wezterm|contour|.*-direct")


def brand(environ: Mapping[str, str], version: str = "") -> str:
    """The terminal's name in lower case, from its XTVERSION answer or the environment; "" when unknown."""
    if version:
        return version.lower()
    if environ.get("KONSOLE_VERSION"):
        return "konsole"
    if environ.get("VTE_VERSION"):
        return "vte"
    term = environ.get("TERM", "").lower()
    return environ.get("TERM_PROGRAM", "").lower() or (term if not term.startswith(("xterm-256", "xterm-16")) else "")


def placeholders(name: str) -> bool | None:
    """Whether the terminal of that name draws Kitty's Unicode placeholders; None when the name says nothing."""
    return next((yes for part, yes in _PLACEHOLDERS if part in name), None)


def in_multiplexer(environ: Mapping[str, str]) -> bool:
    """Whether tmux or screen stands between, so that Kitty's sequences have to be passed through."""
    return bool(environ.get("TMUX")) or environ.get("TERM", "").startswith(("tmux", "screen"))


def truecolor(environ: Mapping[str, str]) -> bool:
    """Whether the terminal's name tells that it shows 24-bit colours though COLORTERM is not set."""
    return not environ.get("COLORTERM") and _TRUECOLOR.fullmatch(environ.get("TERM", "").lower()) is not None


def choose(wanted: str, name: str, answered: bool, environ: Mapping[str, str]) -> Protocol:
    """The way pictures are shown.

    Args:
        wanted: `ui.graphics` of the configuration: auto, kitty, halfcell or none.
        name: as `brand` gives it.
        answered: the terminal said OK to Kitty's query.
        environ: the environment.
    """
    if wanted in ("kitty", "halfcell", "none"):
        return wanted  # type: ignore[return-value]
    if environ.get("TERM") in ("dumb", "linux", "vt100"):
        return "none"
    if environ.get("NO_COLOR"):
        # Pictures are colour; and the filter that takes colour out would break Kitty's placeholders.
        return "none"
    return "kitty" if answered and placeholders(name) is not False else "halfcell"
