"""TOML files a person edits: read into typed structures, errors that name the key, written back with comments kept."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from loratui.core import durable
from loratui.core.errors import LoratuiError, UsageError, from_os
from loratui.core.nearest import nearest

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

T = TypeVar("T", bound=msgspec.Struct)


def read(path: Path) -> dict[str, Any]:
    """The file's table.

    Raises:
        UsageError: it is not TOML, or not UTF-8; the message names file and line.
    """
    return _table(path, _text(path))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8 text.", f"Save {path} as UTF-8.") from error
    except OSError as error:
        raise from_os(error, f"Reading {path.name}") from error


def _table(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}.", f"Mend {path}.") from error


def decode(table: Mapping[str, Any], kind: type[T], file: str) -> tuple[T, list[str]]:
    """`table` as `kind`.

    Returns:
        the structure, and the unknown keys in it (dotted): they are kept in the file and worth a warning.

    Raises:
        UsageError: a value of the wrong type, or an unknown key within two edits of a known one.
    """
    unknown: list[str] = []
    for key, known in _unknown_keys(table, kind, ""):
        meant = nearest(key.rpartition(".")[2], known)
        if meant is not None:
            raise UsageError(f"{file} has an unknown key {key!r}.", f"Did you mean {meant!r}?")
        unknown.append(key)
    try:
        return msgspec.convert(table, kind, strict=True), unknown
    except msgspec.ValidationError as error:
        raise _mistake(str(error), kind, file) from error


_KINDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "a table",
    "str": "a text",
}
_LIMITS = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}


def _mistake(said: str, kind: type[msgspec.Struct], file: str) -> UsageError:
    """What msgspec says of a value, in words of the file."""
    message, _, where = said.partition(" - at `$.")
    where = where.rstrip("`").replace("[...]", ".*")
    place = f"{file}: {where}" if where else file
    if found := re.fullmatch(r"Object missing required field `(.+)`", message):
        return UsageError(f"{place} has no {found[1]!r}.", "Add it.")
    if found := re.fullmatch(r"Invalid enum value '?(.*?)'?", message):
        choices = _choices(kind, where)
        meant = nearest(found[1], choices)
        remedy = f"Did you mean {meant!r}?" if meant else f"There is: {', '.join(choices)}."
        return UsageError(f"{place} cannot be {found[1]!r}.", remedy)
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", message):
        wanted, given = (" or ".join(_KINDS.get(name, name) for name in names.split(" | ")) for names in found.groups())
        return UsageError(f"{place} must be {wanted}, and is {given}.", "Mend the value.")
    if found := re.fullmatch(r"Expected `\w+` ([<>]=?) (.+)", message):
        return UsageError(f"{place} must be {_LIMITS[found[1]]} {found[2]}.", "Mend the value.")
    return UsageError(f"{place}: {message}.", "Mend the value.")


def _choices(kind: type[msgspec.Struct], where: str) -> list[str]:
    """The words allowed at a place such as `subset[0].repeats`."""
    annotation: Any = kind
    for name in re.findall(r"[^.\[\]*]+", where):
        inner = None if name.isdigit() else _struct_in(annotation)
        if inner is not None:
            annotation = next(field.type for field in msgspec.structs.fields(inner[1]) if field.encode_name == name)
    parts = [annotation, *get_args(annotation)]
    return [word for part in parts if get_origin(part) is Literal for word in get_args(part)]


def _unknown_keys(table: Mapping[str, Any], kind: type[msgspec.Struct], path: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in fields:
            found.append((f"{path}{key}", list(fields)))
            continue
        inner = _struct_in(fields[key])
        if inner is None:
            continue
        shape, struct = inner
        if shape == "one" and isinstance(value, dict):
            found += _unknown_keys(value, struct, f"{path}{key}.")
        elif shape == "list" and isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    found += _unknown_keys(item, struct, f"{path}{key}.")
        elif shape == "table" and isinstance(value, dict):
            for name, item in value.items():
                if isinstance(item, dict):
                    found += _unknown_keys(item, struct, f"{path}{key}.{name}.")
    return found


def _struct_in(annotation: Any) -> tuple[str, type[msgspec.Struct]] | None:
    """How a field holds structures: one, a list of them, a table of them."""
    origin: Any = getattr(annotation, "__origin__", None)
    arguments: tuple[Any, ...] = tuple(getattr(annotation, "__args__", ()))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return "one", annotation
    if origin in (list, tuple) and arguments and _is_struct(arguments[0]):
        return "list", arguments[0]
    if origin is dict and _is_struct(arguments[1]):
        return "table", arguments[1]
    return None


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def set_value(
    path: Path, keys: tuple[str, ...], value: object, mode: int | None = None, lock: Path | None = None
) -> None:
    """Sets one value of the file at `path`, made if missing; comments and unknown keys stay, None removes the key.

    Raises:
        UsageError: the file is not TOML, or there is a value where a table would have to be.
        LoratuiError: see `edit`.
    """

    def change(document: "TOMLDocument") -> None:
        import tomlkit

        table: Any = document
        for key in keys[:-1]:
            if key not in table:
                if value is None:
                    return
                table[key] = tomlkit.inline_table() if isinstance(table, tomlkit.items.InlineTable) else tomlkit.table()
            table = table[key]
            if not isinstance(table, MutableMapping):
                raise UsageError(f"{path.name} has a value at {key!r}, not a table.", f"Mend {path}.")
        if value is None:
            table.pop(keys[-1], None)
        else:
            table[keys[-1]] = value

    edit(path, change, mode=mode, lock=lock)


def edit(
    path: Path,
    change: "Callable[[TOMLDocument], None]",
    *,
    mode: int | None = None,
    lock: Path | None = None,
    valid: Callable[[dict[str, Any]], object] = dict,
) -> None:
    """Changes the file at `path` (made if missing) durably; others who change it the same way wait.

    Args:
        path: the file. Comments and unknown keys stay.
        change: changes the document in place.
        mode: permission bits; None: see `durable.write_file`.
        lock: the lock file; None: a hidden one beside the file.
        valid: raises where the new table may not be written.

    Raises:
        UsageError: the file is not TOML.
        LoratuiError: the disk refused, or the new text would not read back as what was meant; nothing was written.
    """
    lock = lock or path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.parent.mkdir(exist_ok=True)
        with durable.lock(lock):
            old = _text(path) if path.exists() else ""
            text = changed(path, old, change, valid)
            if text != old:
                durable.write_file(path, text, mode)
    except OSError as error:
        raise from_os(error, f"Saving {path.name}") from error


def changed(
    path: Path,
    old: str,
    change: "Callable[[TOMLDocument], None]",
    valid: Callable[[dict[str, Any]], object] = dict,
) -> str:
    """The text `old` of the file at `path` after `change`; nothing is written. See `edit`."""
    import tomlkit

    _table(path, old)
    try:
        document = tomlkit.parse(old)
        change(document)
        text = tomlkit.dumps(document)
    except tomlkit.exceptions.TOMLKitError as error:
        raise _unwritable(path) from error
    valid(_read_back(path, document, text))
    return text


def _read_back(path: Path, document: "TOMLDocument", text: str) -> dict[str, Any]:
    """The table `text` is read as. The editor of documents can write what is no TOML, or is another table."""
    try:
        table = tomllib.loads(text)
        same = json.dumps(table, sort_keys=True, default=str) == json.dumps(
            document.unwrap(), sort_keys=True, default=str
        )
    except (ValueError, TypeError):
        same = False
    if not same:
        raise _unwritable(path)
    return table


def _unwritable(path: Path) -> LoratuiError:
    return LoratuiError(f"{path.name} is written in a way that cannot be changed here.", f"Change {path} by hand.")
