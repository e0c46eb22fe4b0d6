"""The keymap of the person: `keys.toml` in the configuration folder, command ids to keys."""

import string
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textual.keys import Keys

from loratui.core.nearest import nearest
from loratui.core.sanitize import line
from loratui.tui.commands import Command, key_name, shown

_NAMES = {key.value for key in Keys} | {key_name(character) for character in string.punctuation}


@dataclass(frozen=True, slots=True)
class Keymap:
    """Which keys run a command.

    Attributes:
        keys: by command id, the keys the person gave in place of the command's own.
        problems: what was wrong with the file, one sentence each.
    """

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of(self, command: Command) -> tuple[str, ...]:
        """The keys of `command`."""
        return self.keys.get(command.id, command.keys)

    def shown(self, command: Command) -> str:
        """The first key of `command` as a person writes it; "" when it has none."""
        keys = self.of(command)
        return shown(keys[0]) if keys else ""

    def textual(self) -> dict[str, str]:
        """The same for `App.set_keymap`."""
        return {name: ",".join(key_name(key) for key in keys) for name, keys in self.keys.items()}


def load(path: Path, scopes: Sequence[Iterable[Command]]) -> Keymap:
    """Reads the keymap at `path`.

    Args:
        path: lines such as `"tags.remove" = "x"`, `"app.undo" = ["u", "ctrl+u"]`; `"gt"` is the chord g, then t.
        scopes: the global commands, then those of each screen.

    Returns:
        what could be understood, and the problems: unknown commands with the nearest name, unknown keys, two commands
        on one key (the person's key wins over a key loratui gave).
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Keymap()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Keymap(problems=(f"keys.toml cannot be read: {error}",))
    groups = [tuple(commands) for commands in scopes]
    known = {command.id for group in groups for command in group}
    keys: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for name, value in _flat(document):
        if name not in known:
            near = nearest(name, known)
            problems.append(f"no command {line(name)}" + (f", did you mean {near}?" if near else ""))
            continue
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not all(isinstance(key, str) for key in given):
            problems.append(f'{name}: a key is text, as in "x"')
            continue
        read = [_key(part) for key in given for part in (key.split(",") if key != "," else [key])]
        bad = [text for text, key in read if key is None]
        problems.extend(f"{name}: no key is called {line(text)!r}" for text in bad)
        if good := tuple(key for _, key in read if key is not None):
            keys[name] = good
    keymap = Keymap(keys)
    return Keymap(keys, (*problems, *_clashes(keymap, groups)))


def _flat(document: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    """`"tags.remove" = …` and `[tags] remove = …` alike."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _key(text: str) -> tuple[str, str | None]:
    """What was written, and the key as commands name it; None for no key."""
    written = text.strip() or text
    if len(written) == 1 and written.isprintable():
        return text, written
    if written.startswith("^") and len(written) == 2:
        return text, f"ctrl+{written[1].lower()}"
    if written[:1] == "g" and len(rest := written[1:].strip()) == 1:
        return text, f"g {rest}"
    *modifiers, name = written.split("+")
    if written in _NAMES or (set(modifiers) <= {"ctrl", "alt", "shift"} and (name in _NAMES or len(name) == 1)):
        return text, written
    return text, {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown"}.get(written)


def _clashes(keymap: Keymap, groups: Sequence[Sequence[Command]]) -> Iterable[str]:
    """Two commands on one key, where the person's file is the reason; each pair once."""
    everywhere, *screens = groups or [()]
    seen: set[tuple[str, str]] = set()
    for group in screens or [()]:
        owners: dict[str, Command] = {}
        for command in (*everywhere, *group):
            for key in map(key_name, keymap.of(command)):
                other = owners.setdefault(key, command)
                pair = (other.id, command.id)
                if other is not command and pair not in seen and not keymap.keys.keys().isdisjoint(pair):
                    seen.add(pair)
                    yield f"{shown(key)} is both {other.id} and {command.id}"
