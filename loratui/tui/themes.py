"""Colour themes as TOML files: those in `themes/` of the program, and the person's in the configuration folder."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.theme import Theme

from loratui.core import paths
from loratui.core.nearest import nearest
from loratui.core.sanitize import line

OWN = {
    "tag-general": "primary",
    "tag-character": "success",
    "tag-copyright": "accent",
    "tag-artist": "warning",
    "tag-meta": "secondary",
    "kept": "success",
    "dropped": "error",
    "dim": "secondary",
}
"""Our variables, each with the base colour it takes in a theme that does not name it."""

_BASE = (
    *("primary", "secondary", "warning", "error", "success", "accent"),
    *("foreground", "background", "surface", "panel"),
)
_ANSI = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "border": "ansi_blue",
    "border-blurred": "ansi_bright_black",
    "block-cursor-foreground": "ansi_black",
    "block-cursor-background": "ansi_white",
    "block-cursor-text-style": "none",
    "input-cursor-background": "ansi_white",
    "input-cursor-foreground": "ansi_black",
    "input-cursor-text-style": "none",
    "input-selection-background": "ansi_blue",
    "input-selection-foreground": "ansi_white",
    "screen-selection-background": "ansi_blue",
    "screen-selection-foreground": "ansi_white",
}
"""What Textual wants of a theme of 16 colours, where the file does not say it."""

DARK, LIGHT, SIXTEEN = "loratui-dark", "loratui-light", "loratui-16"


def load(folders: Iterable[Path]) -> tuple[dict[str, Theme], list[str]]:
    """Reads every `*.toml` in `folders`; a later one replaces an earlier one of the same name.

    Returns:
        the themes by name (the file's stem), and what was wrong, one sentence for each file.
    """
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            try:
                themes[path.stem] = read(path)
            except (OSError, ValueError) as error:
                problems.append(line(f"theme {path.stem}: {error}", 200))
    return themes, problems


def read(path: Path) -> Theme:
    """Reads one theme.

    The file has `dark`, `ansi` (the terminal's own 16 colours, named `ansi_blue` and so on), a table `[colors]` with
    Textual's base colours, `[tags]` and `[marks]` with ours, and `[variables]` with any other of Textual's.

    Raises:
        ValueError: with the key and what is wrong with it (TOML errors are ValueErrors too).
        OSError: it cannot be read.
    """
    document = tomllib.loads(path.read_text("utf-8"))
    _known(document, ("dark", "ansi", "colors", "tags", "marks", "variables"))
    colors = _colors(document, "colors", _BASE)
    tags = _colors(document, "tags", [name.removeprefix("tag-") for name in OWN if name.startswith("tag-")])
    marks = _colors(document, "marks", [name for name in OWN if not name.startswith("tag-")])
    if "primary" not in colors:
        raise ValueError("colors.primary is missing")
    own = {name: colors.get(base, colors["primary"]) for name, base in OWN.items()}
    own |= {f"tag-{name}": color for name, color in tags.items()} | marks
    ansi = bool(document.get("ansi", False))
    variables = {name: str(value) for name, value in _table(document, "variables").items()}
    return Theme(
        name=path.stem,
        dark=bool(document.get("dark", True)),
        ansi=ansi,
        variables=(_ANSI if ansi else {}) | own | variables,
        **colors,  # type: ignore[arg-type]
    )


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name} must be a table")
    return table


def _known(table: Mapping[str, object], names: Iterable[str], prefix: str = "") -> None:
    for key in table:
        if key not in names:
            near = nearest(key, names)
            raise ValueError(f"{prefix}{key} is unknown" + (f", did you mean {near}?" if near else ""))


def _colors(document: Mapping[str, object], name: str, known: Iterable[str]) -> dict[str, str]:
    table = _table(document, name)
    _known(table, list(known), f"{name}.")
    for key, value in table.items():
        try:
            Color.parse(str(value))
        except ColorParseError:
            raise ValueError(f"{name}.{key} = {value!r} is no colour") from None
    return {key: str(value) for key, value in table.items()}


def available() -> tuple[dict[str, Theme], list[str]]:
    """The themes of the program and the person's."""
    return load([paths.packaged_themes(), paths.config_dir() / "themes"])


def choose(wanted: str, known: Iterable[str]) -> tuple[str, str]:
    """The theme to use.

    Args:
        wanted: the name in the configuration; "" for the one that suits the terminal.
        known: the themes there are.

    Returns:
        the name, and what was wrong with the wanted one ("" if nothing).
    """
    names = list(known)
    fitting = SIXTEEN if sixteen_colors() else LIGHT if light_background() else DARK
    if not wanted:
        return fitting, ""
    if wanted in names:
        return wanted, ""
    near = nearest(wanted, names, 4)
    return fitting, f"no theme is called {line(wanted, 60)}" + (f", did you mean {near}?" if near else "")


def light_background() -> bool:
    """Whether the terminal says, as some do by COLORFGBG, that its background is light."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")


def sixteen_colors() -> bool:
    """Whether the terminal shows no more than its own 16 colours."""
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return False
    term = os.environ.get("TERM", "")
    return not any(part in term for part in ("256color", "direct", "kitty", "ghostty", "alacritty", "wezterm", "foot"))
