"""Train: the recipe at the left, how long it takes and what the checks say at the right; enter starts it."""

import shlex
from collections.abc import Sequence
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from loratui.core.checks import Check, blocked
from loratui.core.errors import Cancelled
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.core.training.presets import presets
from loratui.core.training.recipe import Entry, Recipe
from loratui.core.training.settings import Setting, Value, setting
from loratui.core.training.situation import Situation, survey
from loratui.tui.commands import Command
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.train_ask import ask_base, ask_value, model_names
from loratui.tui.screens.train_view import FindingRows, RecipeRows, hint, length_lines, tally
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.acts.training import Started
    from loratui.core.workspace import Workspace
    from loratui.tui.jobs import Job

# The screen on which the command of a finding's remedy is taken.
_SCREENS = {"add": "projects", "get": "search", "prep": "review", "dupes": "review", "tag": "tags", "tags": "tags"}


class TrainScreen(LoratuiScreen):
    """The recipe, the plan, the checks, and the start."""

    NAME: ClassVar[str] = "train"
    TITLE_TEXT: ClassVar[str] = "Train"
    GO: ClassVar[str] = "n"
    EMPTY: ClassVar[str] = "No project here. Press gp, then a, to begin one."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("train.start", ("enter",), "start", "Starts the training if no check blocks, and goes to the monitor."),
        Command("train.edit", ("e",), "edit", "Changes the setting under the cursor, in loratui.toml."),
        Command("train.pane", ("tab",), "checks", "Goes to the checks, and back to the recipe."),
        Command("train.fix", ("f",), "fix", "Does what the finding under the cursor proposes."),
        Command("train.table", ("m",), "quick/full", "Switches between the guide's two tables for epochs."),
        Command("train.reset", ("x",), "as preset", "Takes the setting out of loratui.toml: the preset's is back."),
        Command("train.all", ("A",), "all settings", "Shows settings at their defaults, too, or hides them again."),
        Command("train.base", ("b",), "base model", "Chooses the base model among those found in model_dirs."),
        Command("train.preset", ("p",), "preset", "Takes the next preset.", footer=False),
        Command("train.filter", ("slash",), "filter", "Shows settings whose name or help holds a word.", footer=False),
        Command("train.check", ("C",), "check", "Runs all checks again.", footer=False),
        Command("train.gpu", ("d",), "GPU", "Takes the next GPU, then all of them together.", footer=False),
        Command("train.file", ("E",), "loratui.toml", "Opens loratui.toml in $EDITOR.", footer=False),
    )

    DEFAULT_CSS = """
    TrainScreen > #body { layout: horizontal; }
    TrainScreen #left { width: 58%; }
    TrainScreen #right { width: 42%; border-left: solid $panel; padding: 0 1; }
    TrainScreen VirtualList { height: 1fr; }
    TrainScreen #hint { height: 2; padding: 0 2; }
    TrainScreen #length { height: auto; max-height: 50%; }
    TrainScreen #tally { height: 2; padding: 1 0 0 0; }
    TrainScreen.-narrow #left { width: 100%; }
    TrainScreen.-narrow #right { width: 100%; display: none; border-left: none; }
    TrainScreen.-narrow.-checks #left { display: none; }
    TrainScreen.-narrow.-checks #right { display: block; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._situation: Situation | None = None
        self._checks: Sequence[Check] | None = None
        """Findings on what is shown; None while they are looked for, with the last ones still in sight."""
        self._last: Sequence[Check] = ()
        self._round = 0
        self._job: Job | None = None
        self._everything = False
        self._words = ""
        self._gpus: tuple[int, ...] = ()
        self._starting = False

    def compose_body(self) -> ComposeResult:
        """Recipe with a hint; plan and findings."""
        with Vertical(id="left"):
            yield VirtualList(id="recipe", empty=self.EMPTY)
            yield Static(id="hint")
        with Vertical(id="right"):
            yield Static(id="length")
            yield Static(id="tally")
            yield VirtualList(id="findings")

    @property
    def _recipe_list(self) -> VirtualList:
        return self.query_one("#recipe", VirtualList)

    @property
    def _finding_list(self) -> VirtualList:
        return self.query_one("#findings", VirtualList)

    @property
    def _recipe(self) -> Recipe | None:
        return self._situation.recipe if self._situation else None

    # --- reading ---------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Looks at recipe, images and base, then runs the checks; both on a thread."""
        if self._job is not None:
            self._job.cancel.set()
        self._checks = None
        self._round += 1
        if self.workspace.project is None:
            self.set_counts("no project here")
            return
        root, gpus = self.workspace.root, self._gpus

        def look(report: Report, cancel: Event) -> Situation:
            from loratui.core.workspace import Workspace

            # Opened anew: loratui.toml and the configuration may have been edited meanwhile, here or elsewhere.
            situation = survey(Workspace.open(root), gpus=gpus, report=report, cancel=cancel)
            _ = situation.gpus
            return situation

        looked = partial(self._looked, self._round)
        self._job = self.app.jobs.start("looking", look, looked, self._failed, quiet=True)

    def _looked(self, number: int, situation: Situation) -> None:
        from loratui.core.training.preflight import preflight

        if number != self._round:
            return  # read again meanwhile
        self._situation = situation
        self._show()

        def check(report: Report, cancel: Event) -> list[Check]:
            return preflight(situation, report=report, cancel=cancel)

        def done(found: list[Check]) -> None:
            if number == self._round:
                self._checks = self._last = found
                self._show()

        self._job = self.app.jobs.start("checking", check, done, self._failed, quiet=True)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            self.app.report_error(error)
            self.set_counts("the recipe cannot be read")

    def _show(self) -> None:
        """Paints what is known."""
        situation = self._situation
        if situation is None:
            return
        self._recipe_list.set_source(RecipeRows(situation.recipe, everything=self._everything, words=self._words))
        self._show_hint()
        self.query_one("#length", Static).update(Content("\n").join(length_lines(situation, self._key("table"))))
        self.query_one("#tally", Static).update(tally(self._last))
        self._show_findings()
        blocks = sum(check.level == "block" for check in self._checks or ())
        stops = "1 check stops it" if blocks == 1 else f"{blocks} checks stop it"
        state = "checking" if self._checks is None else stops if blocks else "ready"
        gpu = f" · GPU {' and '.join(map(str, self._gpus))}" if self._gpus else ""
        self.set_counts(f"{situation.recipe.preset.name} · {situation.plan.steps_exact:,} steps{gpu} · {state}")
        self.refresh_status()

    def _show_findings(self) -> None:
        width = self._finding_list.size.width or self.size.width * 2 // 5
        self._finding_list.set_source(FindingRows(self._last, width - 2, "checking …"))

    def _key(self, name: str) -> str:
        """The key of a command as the person has it."""
        return next(self.app.keymap.shown(command) for command in self.COMMANDS if command.id == f"train.{name}")

    def _show_hint(self) -> None:
        if self._recipe is not None:
            self.query_one("#hint", Static).update(hint(self._recipe, self._entry(), self._key("preset")))

    def on_resize(self, event: events.Resize) -> None:
        """Findings are wrapped to the width."""
        super().on_resize(event)
        if self._situation is not None:
            self.call_after_refresh(self._show_findings)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """The hint follows the cursor."""
        if event.view.id == "recipe":
            self._show_hint()

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter, in either list."""
        self.app.run_command(self, "train.start")

    # --- what can be done --------------------------------------------------------------------------------------------

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        if self.workspace.project is None:
            return "no project is open: gp, then a, begins one"
        if self._situation is None and id not in ("train.file", "train.check"):
            return "the recipe is still being read"
        if id == "train.start":
            return self._why_not()
        if id in ("train.edit", "train.reset") and self.focused is self._finding_list:
            return "the keys are in the checks: tab goes back to the recipe"
        if id == "train.reset" and not self._resettable():
            return "this value is not loratui.toml's own"
        if id == "train.fix" and (check := self._finding()) is not None and not check.fix:
            return f"nothing to do by key: {check.remedy or 'it is fine'}"
        if id == "train.fix" and self._finding() is None:
            return "no finding is under the cursor"
        if id == "train.gpu" and self._situation is not None and len(self._situation.gpus.found) < 2:
            return "this machine has no second GPU"
        return None

    def _why_not(self) -> str | None:
        if self._starting:
            return "the run is being made"
        if self._checks is None:
            return "the checks are still running"
        first = next((check for check in self._checks if check.level == "block"), None)
        return None if first is None else f"{first.message} {first.remedy}"

    def _entry(self) -> Entry | None:
        rows = self._recipe_list.rows
        return rows.entry(self._recipe_list.cursor) if isinstance(rows, RecipeRows) else None

    def _resettable(self) -> bool:
        rows = self._recipe_list.rows
        return isinstance(rows, RecipeRows) and rows.is_marked(self._recipe_list.cursor)

    def _finding(self) -> Check | None:
        rows = self._finding_list.rows
        return rows.check(self._finding_list.cursor) if isinstance(rows, FindingRows) else None

    def step_out(self) -> bool:
        """Closes the panel, then leaves the checks, then drops the filter."""
        if super().step_out():
            return True
        if self._finding_list.has_focus:
            self.command_pane()
            return True
        if self._words:
            self._words = ""
            self._show()
            return True
        return False

    # --- commands ----------------------------------------------------------------------------------------------------

    async def command_edit(self) -> None:
        """Asks for a value until it fits; true and false change places at once."""
        entry = self._entry()
        if entry is None:
            self.command_preset()
            return
        if entry.setting.kind == "bool" and not entry.setting.choices:
            self._set(entry.setting.key, not entry.value)
        elif (answer := await ask_value(self, entry)) is not None:
            self._set(entry.setting.key, answer[0])

    def _set(self, key: str, value: Value) -> None:
        """Writes one value into loratui.toml and reads again."""
        self.workspace.need_project().set(f"training.{key}", Setting.stored(value))
        shown = setting(key).show(value) if key != "preset" else value
        self.app.did(f"{key} = {shown}", f"loratui recipe --set {shlex.quote(f'{key}={shown}')} --save")
        self.enter()  # what is read now was changed by nobody else

    def command_reset(self) -> None:
        """The preset's value again."""
        entry = self._entry()
        assert self._situation is not None
        project = self._situation.project
        key = entry.setting.key if entry else "preset"
        for name in (key, *(entry.setting.aliases if entry else ())):
            if name in project.training:
                project.set(f"training.{name}", None)
        self.app.did(f"{key} is the preset's again")
        self.enter()

    def command_preset(self) -> None:
        """The next preset."""
        names = [found.name for found in presets()]
        assert self._recipe is not None
        self._set("preset", names[(names.index(self._recipe.preset.name) + 1) % len(names)])

    def command_table(self) -> None:
        """Quick or full."""
        assert self._situation is not None
        self._set("epochs", "quick" if self._situation.plan.table == "full" else "full")

    def command_all(self) -> None:
        """All settings, or those that somebody chose."""
        self._everything = not self._everything
        self._show()

    async def command_filter(self) -> None:
        """Asks for a word."""
        typed = await self.ask("Settings that hold", self._words)
        if typed is not None:
            self._words = typed.strip()
            self._show()

    def command_pane(self) -> None:
        """The other pane."""
        to_checks = not self._finding_list.has_focus
        self.set_class(to_checks, "-checks")
        self.set_focus(self._finding_list if to_checks else self._recipe_list, scroll_visible=False)
        self.call_after_refresh(self._show_findings)

    async def command_fix(self) -> None:
        """A setting is set; for other remedies the screen is shown on which they are taken."""
        check = self._finding()
        if check is None:
            return
        words = check.fix.split()
        if "--set" in words:
            key, _, text = words[words.index("--set") + 1].partition("=")
            self._set(key, text if key == "preset" else setting(key).parse(text))
        elif words[1:] == ["models"]:
            self.command_base()
        elif len(words) > 1 and words[1] in _SCREENS:
            await self.app.go(_SCREENS[words[1]])
        else:
            self.toast(f"In a shell: {check.fix}")

    def command_base(self) -> None:
        """Looks for model files, then asks for one."""
        workspace = self.workspace

        def look(report: Report, cancel: Event) -> list[str]:
            return model_names(workspace)

        self.app.jobs.start("looking for models", look, self._choose_base, quiet=True)

    async def _choose_base(self, names: list[str]) -> None:
        project = self.workspace.need_project()
        chosen = await ask_base(self, names, project.model.get("base", ""))
        if chosen is not None:
            project.set("model.base", chosen)
            self.app.did(f"the base model is {line(chosen)}")
            self.enter()

    def command_check(self) -> None:
        """All checks again."""
        self.reload()

    def command_gpu(self) -> None:
        """The next GPU; behind the last one all together."""
        assert self._situation is not None
        indexes = [found.index for found in self._situation.gpus.found]
        choices = [(), *((index,) for index in indexes), tuple(indexes)]
        self._gpus = choices[(choices.index(self._gpus) + 1) % len(choices)]
        self.reload()

    def command_file(self) -> None:
        """loratui.toml in the editor."""
        self.edit_file(self.workspace.root / "loratui.toml")

    async def command_start(self) -> None:
        """Starts, after a last question; what was shown is looked up and checked anew."""
        situation = self._situation
        if situation is None or blocked(list(self._checks or ())):
            return
        plan = situation.plan
        if not await self.confirm(f"Start training {plan.steps_exact:,} steps in {plan.epochs} epochs?"):
            return

        root, gpus = self.workspace.root, self._gpus

        def work(report: Report, cancel: Event) -> "Started":
            from loratui.core.acts import training
            from loratui.core.workspace import Workspace

            return training.start(
                Workspace.open(root), gpus=gpus, agreed=plan.steps_exact, report=report, cancel=cancel
            )

        self._starting = True
        self.app.jobs.start("starting", work, self._started, self._not_started)

    async def _started(self, started: "Started") -> None:
        self._starting = False
        assert started.run is not None
        gpu = f" --gpu {','.join(map(str, self._gpus))}" if self._gpus else ""
        self.app.did(f"started {started.run.id}", f"loratui train{gpu}")
        await self.app.go("monitor")

    def _not_started(self, error: Exception) -> None:
        self._starting = False
        self.app.report_error(error)
        self.reload()
