"""What a terminal is, and which pictures it can really show: its own word is not enough for some.

Sources: the Kitty graphics protocol's page and textual-image's notes on terminals (Konsole and Warp answer OK but do
not draw Unicode placeholders; WezTerm and iTerm2 neither). Terminals that do not answer, and mosh, which hands the
query to nobody, need no entry.
"""

import re
from collections.abc import Mapping
from typing import Literal

Protocol = Literal["kitty", "halfcell", "none"]

# Parts of a name in XTVERSION or TERM_PROGRAM: they say OK to Kitty's query and do not draw its placeholders.
_WITHOUT_PLACEHOLDERS = ("konsole", "warp", "wezterm", "iterm", "vscode")
# Terminals that show 24-bit colours but whose name alone is what SSH carries over (COLORTERM is not sent).
_TRUECOLOR = re.compile(r"xterm-(kitty|ghostty)|ghostty|foot|alacritty|wezterm|contour|.*-direct")


def brand(environ: Mapping[str, str], version: str = "") -> str:
    """The terminal's name in lower case, from its XTVERSION answer or the environment; "" when unknown."""
    if version:
        return version.lower()
    if environ.get("KONSOLE_VERSION"):
        return "konsole"
    return environ.get("TERM_PROGRAM", "").lower()


def in_multiplexer(environ: Mapping[str, str]) -> bool:
    """Whether tmux stands between, so that Kitty's sequences have to be passed through."""
    return bool(environ.get("TMUX")) or environ.get("TERM", "").startswith("tmux")


def in_screen(environ: Mapping[str, str]) -> bool:
    """Whether GNU screen stands between, or something that calls itself so. It hands tmux's passing-through to the
    terminal as text, which then stands on the screen, and shows no Kitty pictures."""
    if environ.get("STY"):
        return True  # within tmux or around it
    return environ.get("TERM", "").startswith("screen") and not environ.get("TMUX")


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
    drawn = answered and not any(part in name for part in _WITHOUT_PLACEHOLDERS)
    return "kitty" if drawn else "halfcell"
