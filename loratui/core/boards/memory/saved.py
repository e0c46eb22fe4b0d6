"""Queries a person keeps under a name, in a file of the configuration folder that may be edited by hand."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from loratui.core import paths, tomls
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.errors import UsageError
from loratui.core.nearest import nearest
from loratui.core.sanitize import line

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_LONGEST_NAME = 60


class SavedQuery(msgspec.Struct, kw_only=True, frozen=True):
    """One query.

    Attributes:
        query: as it is typed.
        boards: the names of those it goes to; none: the default board.
        wishes: what is wanted of the pictures besides. `ratios` are the project's and are not kept.
    """

    query: str
    boards: tuple[str, ...] = ()
    wishes: Wishes = msgspec.field(default_factory=Wishes)


class _File(msgspec.Struct, kw_only=True):
    queries: dict[str, SavedQuery] = {}


def path() -> Path:
    """The file."""
    return paths.config_dir() / "queries.toml"


def load() -> dict[str, SavedQuery]:
    """All of them by name, in the file's order. A missing file is an empty one.

    Raises:
        UsageError: the file is not TOML, a value has the wrong type, or a key is misspelt.
    """
    table = tomls.read(path()) if path().exists() else {}
    return _decoded(table).queries


def find(name: str) -> SavedQuery:
    """The query called `name`.

    Raises:
        UsageError: there is none, or the file is broken.
    """
    known = load()
    if name not in known:
        meant = nearest(name, known)
        told = f"The saved ones are: {', '.join(map(line, known))}." if known else "None is saved yet."
        raise UsageError(f"No query is saved as {line(name)!r}.", f"Did you mean {line(meant)!r}?" if meant else told)
    return known[name]


def save(name: str, saved: SavedQuery) -> None:
    """Keeps `saved` under `name`, in the place of what was kept there; what else stands in the file stays.

    Raises:
        UsageError: the name or the query cannot be kept, or the file is broken.
        LoratuiError: the disk refused.
    """
    name = _proper(name)
    if not saved.query.strip():
        raise UsageError("There is no query to save.", "Search for something first.")
    saved.wishes.checked()

    def change(document: "TOMLDocument") -> None:
        import tomlkit

        queries: Any = document.setdefault("queries", tomlkit.table(is_super_table=True))
        entry: Any = queries.setdefault(name, tomlkit.table())
        entry["query"] = line(saved.query.strip())
        _set(entry, "boards", list(saved.boards))
        wishes = _told(saved.wishes)
        if wishes:
            own: Any = entry.setdefault("wishes", tomlkit.table())
            for key in _WISHES:
                _set(own, key, wishes.get(key))
        else:
            entry.pop("wishes", None)

    _edit(change)


def remove(name: str) -> None:
    """Forgets the query called `name`.

    Raises:
        UsageError: there is none, or the file is broken.
        LoratuiError: the disk refused.
    """
    find(name)

    def change(document: "TOMLDocument") -> None:
        queries: Any = document["queries"]
        queries.pop(name, None)
        if not queries:  # an empty table of tables is written as nothing
            document.pop("queries")

    _edit(change)


def rename(old: str, new: str) -> None:
    """Gives a query another name.

    Raises:
        UsageError: there is none called `old`, `new` is taken or no name, or the file is broken.
        LoratuiError: the disk refused.
    """
    find(old)
    new = _proper(new)

    def change(document: "TOMLDocument") -> None:
        queries: Any = document["queries"]
        if new in queries:
            raise UsageError(f"A query is saved as {new!r} already.", "Take another name.")
        queries[new] = queries.pop(old)

    if new != old:
        _edit(change)


def _edit(change: "Any") -> None:
    tomls.edit(path(), change, valid=_decoded)


def _decoded(table: Mapping[str, Any]) -> _File:
    found, _ = tomls.decode(table, _File, path().name)
    for name, entry in (table.get("queries") or {}).items():
        for key in entry.get("wishes") or {}:
            if key not in _WISHES and (meant := nearest(key, _WISHES)):
                raise UsageError(
                    f"{path().name} has an unknown key 'queries.{line(name)}.wishes.{line(key)}'.",
                    f"Did you mean {meant!r}?",
                )
    return found


def _proper(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or line(name) != name:
        raise UsageError(f"{line(name, 80)!r} is no name.", f"Give some words, at most {_LONGEST_NAME} characters.")
    return name


_WISHES = tuple(field.name for field in fields(Wishes) if field.name != "ratios")
_NONE_WISHED = asdict(Wishes())


def _told(wishes: Wishes) -> dict[str, Any]:
    """The wishes that are none by default, as TOML has them."""
    values = {key: value for key, value in asdict(wishes).items() if key in _WISHES and value != _NONE_WISHED[key]}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _set(table: Any, key: str, value: object) -> None:
    """Sets a key, or takes it out where there is nothing to say."""
    if value in (None, []):
        table.pop(key, None)
    else:
        table[key] = value
