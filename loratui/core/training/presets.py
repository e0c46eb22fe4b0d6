"""Presets: TOML files in the package, each value with where it comes from."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loratui.core.errors import UsageError
from loratui.core.nearest import nearest
from loratui.core.training.settings import SETTINGS, Value

_FOLDER = Path(__file__).resolve().parent / "presets"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of values.

    Attributes:
        name: the file's stem, such as `sd15-character`.
        title: what it is for, in a few words.
        family: of the base model: `sd15`, `sdxl`.
        kind: `character` or `style`; the other kinds of project take the character's.
        values: settings by key.
        sources: for each of them where the value comes from: the guide, its notebook, a reason.
    """

    name: str
    title: str
    family: str
    kind: str
    values: Mapping[str, Value]
    sources: Mapping[str, str]


@cache
def presets() -> tuple[Preset, ...]:
    """All presets, by name."""
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.toml")))


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UsageError: there is none; the remedy names the nearest, or all.
    """
    for found in presets():
        if found.name == name:
            return found
    names = [found.name for found in presets()]
    near = nearest(name, names, within=3)
    raise UsageError(f'Unknown preset "{name}".', f"Did you mean {near}?" if near else f"There are {', '.join(names)}.")


def preset_for(family: str, kind: str) -> Preset:
    """The preset a project starts from.

    Args:
        family: of its base model; an unknown one is taken for SD1.5.
        kind: the project's.
    """
    family = family if any(found.family == family for found in presets()) else "sd15"
    return preset(f"{family}-{'style' if kind == 'style' else 'character'}")


def _read(path: Path) -> Preset:
    content = tomllib.loads(path.read_text("utf-8"))
    rows = content["settings"]
    return Preset(
        name=path.stem,
        title=content["title"],
        family=content["family"],
        kind=content["kind"],
        values={key: SETTINGS[key].check(row["value"]) for key, row in rows.items()},
        sources={key: row["from"] for key, row in rows.items()},
    )
