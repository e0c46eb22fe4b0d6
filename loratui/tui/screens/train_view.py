"""What the train screen shows: the recipe's rows, the length of the training, the findings of the checks."""

from collections.abc import Sequence

from textual.content import Content

from loratui.core.checks import Check
from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line
from loratui.core.training.recipe import Entry, Recipe
from loratui.core.training.situation import Situation

_SIGNS = {"block": ("✖ ", "$error"), "warn": ("⚠ ", "$warning"), "ok": ("✔ ", "$success")}
_ORIGIN = 20
"""Cells that are left for where a value comes from, where there is little room."""
_ORIGINS = {"project": "loratui.toml", "default": "default", "preset": "preset"}


class RecipeRows:
    """The settings: key, value, where it comes from. The preset is the first row.

    Args:
        recipe: what is shown.
        everything: also those at their defaults.
        words: only settings whose name or help holds this text.
    """

    def __init__(self, recipe: Recipe, *, everything: bool = False, words: str = "") -> None:
        self._recipe = recipe
        self.entries: list[Entry] = [
            entry
            for entry in recipe
            if (everything or words or entry.origin != "default")
            and words.lower() in f"{entry.setting.key} {entry.setting.help}".lower()
        ]
        self._keys = max((len(entry.setting.key) for entry in self.entries), default=0)
        shown = [recipe.preset.name, *(_shown(entry) for entry in self.entries)]
        self._values = max(len(text) for text in shown)

    def __len__(self) -> int:
        return len(self.entries) + 1

    def entry(self, index: int) -> Entry | None:
        """The setting of a row, None for the preset's."""
        return self.entries[index - 1] if 0 < index < len(self) else None

    def is_marked(self, index: int) -> bool:
        """Whether the value is the project's own."""
        entry = self.entry(index)
        return (entry.origin if entry else self._recipe.preset_origin) == "project"

    def row(self, index: int, width: int) -> Content:
        """One setting."""
        entry = self.entry(index)
        names = min(self._keys, width // 2)
        values = max(8, min(self._values, width - names - _ORIGIN - 4))
        if entry is None:
            origin = _ORIGINS.get(self._recipe.preset_origin, self._recipe.preset_origin)
            return _columns("preset", names, self._recipe.preset.name, values, "bold $primary", origin)
        style = {"project": "bold $accent", "default": "$dim"}.get(entry.origin, "")
        origin = entry.source or _ORIGINS.get(entry.origin, entry.origin)
        return _columns(entry.setting.key, names, _shown(entry), values, style, origin)


def _shown(entry: Entry) -> str:
    return line(entry.setting.show(entry.value)) or "–"


def _columns(key: str, names: int, value: str, values: int, style: str, origin: str) -> Content:
    """Key, value and origin of a setting, each under those of the others; a long value is cut, e shows all of it."""
    cell = Content.styled(value, style).truncate(values, ellipsis=True, pad=True)
    return Content.assemble(f"{key:<{names}}  ", cell, "  ", (origin, "$dim"))


def hint(recipe: Recipe, entry: Entry | None, next_preset: str) -> Content:
    """What the setting under the cursor does and takes; `next_preset` is the key for another preset."""
    if entry is None:
        return Content.assemble(recipe.preset.title, (f" · {next_preset} takes another", "$dim"))
    more = ""
    if entry.setting.key in ("network_dim", "network_alpha"):
        more = f" · alpha ÷ dim = {recipe.number('network_alpha') / recipe.integer('network_dim'):.3g}"
    if entry.setting.key in ("conv_dim", "conv_alpha") and recipe.integer("conv_dim"):
        more = f" · alpha ÷ dim = {recipe.number('conv_alpha') / recipe.integer('conv_dim'):.3g}"
    return Content.assemble(entry.setting.help, (f" · {entry.setting.takes()}", "$dim"), (more, "$accent"))


def length_lines(situation: Situation, switch: str) -> list[Content]:
    """The plan: every subset's part, the product, the guide's two tables, the base model.

    Args:
        situation: what would be trained.
        switch: the key that takes the other of the two tables.
    """
    plan = situation.plan
    rows = []
    for part in plan.subsets:
        held = f" ({part.held_out} held out)" if part.held_out else ""
        rows.append(
            Content.assemble(
                f"{line(part.name, 18):<18} {part.images:>6,} × {part.repeats:<3} = {part.images * part.repeats:>7,}",
                (f"  {'auto' if part.auto else 'set'}{held}", "$dim"),
            )
        )
    divisor = plan.batch * plan.accumulation * plan.processes
    rows.append(
        Content.assemble(
            f"{plan.images_per_epoch:,} images × {plan.epochs} epochs ÷ {divisor} = ", (f"{plan.steps:,} steps", "bold")
        )
    )
    if plan.buckets:
        shapes = f"{len(plan.buckets)} shape{'' if len(plan.buckets) == 1 else 's'}"
        rows.append(
            Content.styled(f"exactly {plan.steps_exact:,} by {shapes} · {plan.steps_per_epoch:,} an epoch", "$dim")
        )
    tables = Content("   ").join(
        Content.styled(
            f"{'◉' if plan.table == name else '○'} {name} {epochs} epochs", "" if plan.table == name else "$dim"
        )
        for name, epochs in plan.other_epochs.items()
    )
    rows.append(Content.assemble(tables, (f"  {switch} switches", "$dim")))
    model = situation.model
    if isinstance(model, LoratuiError):
        rows.append(Content.assemble("base  ", (line(model.message), "$error")))
    else:
        rows.append(Content.assemble("base  ", line(model.path.name), (f"  {model.describe()}", "$dim")))
    return rows


def tally(checks: Sequence[Check]) -> Content:
    """How many findings there are of each level."""
    counts = {level: sum(check.level == level for check in checks) for level in _SIGNS}
    words = {"block": "stop it", "warn": "to look at", "ok": "fine"}
    parts = [
        Content.styled(f"{_SIGNS[level][0]}{count} {words[level]}", _SIGNS[level][1])
        for level, count in counts.items()
        if count
    ]
    return Content("   ").join(parts)


class FindingRows:
    """The findings, each on as many lines as it takes; remedies behind an arrow.

    Args:
        checks: the findings, those that block first.
        width: cells of a line.
        waiting: what is said while there are none yet.
    """

    def __init__(self, checks: Sequence[Check], width: int, waiting: str = "") -> None:
        self._checks = checks
        self._lines: list[tuple[int, Content]] = []
        self._firsts: list[int] = []
        width = max(20, width - 2)
        for number, check in enumerate(checks):
            sign, style = _SIGNS[check.level]
            self._firsts.append(len(self._lines))
            message = Content.styled(line(check.message), "$dim" if check.level == "ok" else "")
            for row, text in enumerate(message.wrap(width)):
                first = Content.styled(sign, style) if row == 0 else Content("  ")
                self._lines.append((number, Content.assemble(first, text)))
            if check.remedy and check.level != "ok":
                for row, text in enumerate(Content.styled(line(check.remedy), "$secondary").wrap(width - 2)):
                    self._lines.append((number, Content.assemble("  → " if row == 0 else "    ", text)))
        if waiting and not checks:
            self._firsts.append(0)
            self._lines.append((0, Content.styled(waiting, "$dim")))

    def __len__(self) -> int:
        return len(self._lines)

    def row(self, index: int, width: int) -> Content:
        """One line."""
        return self._lines[index][1]

    def first(self, index: int) -> int:
        """The first line of the finding that the line belongs to."""
        return self._firsts[self._lines[index][0]]

    def check(self, index: int) -> Check | None:
        """The finding that the line belongs to."""
        if not self._checks or not 0 <= index < len(self._lines):
            return None
        return self._checks[self._lines[index][0]]
