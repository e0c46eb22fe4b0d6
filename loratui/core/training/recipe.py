"""The recipe: every setting's value and where it comes from. Layers: default → preset → loratui.toml → --set."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from loratui.core.errors import UsageError
from loratui.core.project import FILE, Project
from loratui.core.training.presets import Preset, preset, preset_for
from loratui.core.training.settings import SETTINGS, Setting, Value, find, setting, suggestion


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the recipe.

    Attributes:
        setting: what it is.
        value: its value.
        origin: `default`, `preset`, `project` or `set`: the layer the value comes from.
        source: for a preset's value where the preset has it from; "" elsewhere.
    """

    setting: Setting
    value: Value
    origin: str
    source: str = ""

    def document(self) -> dict[str, object]:
        """As `recipe --json` prints it."""
        document: dict[str, object] = {"key": self.setting.key, "value": self.value, "origin": self.origin}
        if self.source:
            document["source"] = self.source
        return document


@dataclass(frozen=True, slots=True)
class Recipe:
    """What will be trained.

    Attributes:
        preset: the preset it stands on.
        preset_origin: the layer that chose the preset: `default`, `project` or `set`.
        entries: all settings by key, in the order of the table.
        warnings: keys of the project's `[training]` that nobody knows; they are kept there and do nothing.
    """

    preset: Preset
    preset_origin: str
    entries: Mapping[str, Entry]
    warnings: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Value:
        return self.entries[key].value

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def integer(self, key: str) -> int:
        """The value of a whole-number setting that has one."""
        value = self[key]
        assert isinstance(value, int), key
        return value

    def number(self, key: str) -> float:
        """The value of a number setting, 0 for none."""
        value = self[key]
        assert value is None or isinstance(value, (int, float)), key
        return value or 0.0

    def flag(self, key: str) -> bool:
        """The value of a true-or-false setting; `auto` is False."""
        return self[key] is True

    def text(self, key: str) -> str:
        """The value as a word."""
        return str(self[key])

    def size(self) -> tuple[int, int]:
        """The resolution as width and height."""
        value = self["resolution"]
        if isinstance(value, list):
            return int(value[0]), int(value[1])
        return int(str(value)), int(str(value))

    def documents(self) -> list[dict[str, object]]:
        """The list that `recipe --json` prints, the preset first."""
        first: dict[str, object] = {"key": "preset", "value": self.preset.name, "origin": self.preset_origin}
        return [first, *(entry.document() for entry in self)]

    def changed(self) -> dict[str, Value]:
        """The values that differ in origin from the preset's: what a person chose."""
        return {entry.setting.key: entry.value for entry in self if entry.origin in ("project", "set")}


def parse_sets(sets: Sequence[str]) -> dict[str, Value]:
    """`KEY=VALUE` words as values by key; `preset` is allowed among them.

    Raises:
        UsageError: no `=`, an unknown key (the remedy names the nearest), a value that does not fit.
    """
    values: dict[str, Value] = {}
    for word in sets:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f'"{word}" is not KEY=VALUE.', "Write it as --set network_dim=16.")
        if key.strip() == "preset":
            values["preset"] = preset(text.strip()).name
            continue
        found = setting(key)
        values[found.key] = found.parse(text)
    return values


def build(
    training: Mapping[str, object],
    sets: Mapping[str, object] | None = None,
    *,
    family: str = "",
    kind: str = "character",
) -> Recipe:
    """Lays the layers over each other.

    Args:
        training: the project's `[training]` table.
        sets: values of `--set` by key, as `parse_sets` gives them.
        family: the base model's, which chooses the preset where nothing names one.
        kind: the project's.

    Raises:
        UsageError: an unknown preset, a misspelt key, or a value that does not fit.
    """
    sets = sets or {}
    chosen, preset_origin = preset_for(family, kind), "default"
    for layer, origin in ((training, "project"), (sets, "set")):
        if "preset" in layer:
            with _named(origin):
                chosen, preset_origin = preset(str(layer["preset"])), origin
    entries = {key: Entry(found, found.default, "default") for key, found in SETTINGS.items()}
    for key, value in chosen.values.items():
        entries[key] = Entry(SETTINGS[key], value, "preset", chosen.sources[key])
    warnings = []
    for layer, origin in ((training, "project"), (sets, "set")):
        for key, given in layer.items():
            if key == "preset":
                continue
            with _named(origin):
                found = find(key)
                if found is not None:
                    entries[found.key] = Entry(found, found.check(given), origin)
                elif origin == "set" or suggestion(key, within=2):
                    setting(key)
                else:
                    warnings.append(key)
    return Recipe(chosen, preset_origin, entries, tuple(warnings))


@contextmanager
def _named(origin: str) -> Iterator[None]:
    """Says of a mistake in the project's file that it stands there."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{FILE}: {error.message}", error.remedy) if origin == "project" else error from None


def shorter_side(project: Project | None) -> int:
    """The shorter side the project's recipe trains at; outside a project that of the smallest model family."""
    if project is None:
        return min(build({}).size())
    return min(build(project.training, family=project.model.get("family", ""), kind=project.kind).size())
