"""Where loratui keeps things on this machine, and where its own files are."""

import os
from pathlib import Path

from loratui.core.errors import UsageError

PACKAGE = Path(__file__).resolve().parent.parent


def _base(variable: str, default: str) -> Path:
    """An XDG base folder: the variable where it is absolute, as the standard asks, else the default under home."""
    value = os.environ.get(variable, "")
    if value.startswith("/"):
        return Path(value, "loratui")
    try:
        return Path.home() / default / "loratui"
    except RuntimeError as error:  # a user id without a name, as in containers
        raise UsageError("It is not known where your home is.", f"Set HOME, or {variable}.") from error


def config_dir() -> Path:
    """config.toml, keys.toml, themes/, vocabulary/: what the person writes."""
    return _base("XDG_CONFIG_HOME", ".config")


def state_dir() -> Path:
    """The machine's home: known projects, runs by project, queue and locks per GPU."""
    return _base("XDG_STATE_HOME", ".local/state")


def cache_dir() -> Path:
    """What may be deleted at any time."""
    return _base("XDG_CACHE_HOME", ".cache")


def packaged_themes() -> Path:
    """The folder of the themes that come with the program: in the wheel, or at the top of a checkout."""
    inside = PACKAGE / "themes"
    return inside if inside.is_dir() else PACKAGE.parent / "themes"
