"""The app: its screens, theme, keymap and keys, from the first paint to a clean end."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.filter import Monochrome, NoColor
from textual.theme import Theme

from loratui.core import config, paths
from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line
from loratui.tui import keymap, themes
from loratui.tui.commands import GLOBAL, SCREENS, Entry, bindings, shown
from loratui.tui.graphics import brands
from loratui.tui.graphics.driver import LoratuiDriver
from loratui.tui.graphics.service import Graphics
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.shell import diary, everywhere
from loratui.tui.shell.boundary import Boundary
from loratui.tui.shell.following import Downloads
from loratui.tui.shell.keys import KeyQueue
from loratui.tui.shell.lines import Key
from loratui.tui.shell.watch import Watch

if TYPE_CHECKING:
    from loratui.core.workspace import Workspace

_PANEL_SECONDS = 0.3
"""Keys wait so long for the panel of a command that has to look something up first."""
_SCREEN_SECONDS = 2.0
"""And so long for another screen."""


class LoratuiApp(Boundary):
    """The program.

    Args:
        workspace: where it works.
        debug: an unexpected error ends the program with its traceback, instead of a toast and a line in the log.
        greeting: said when the first screen stands, and where a search may begin.
    """

    TITLE = "loratui"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = False
    DEFAULT_MODE = SCREENS[0].name
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(GLOBAL))

    def __init__(self, workspace: "Workspace", *, debug: bool = False, greeting: str = "") -> None:
        super().__init__(debug=debug)
        self.greeting = greeting
        self.driver_class = LoratuiDriver
        self.animation_level = "none"
        self.workspace = workspace
        self.keymap = keymap.Keymap()
        self.history = asyncio.Lock()
        """Held while the dataset's changes go back or forth."""
        self.downloads = Downloads(self)
        self.others = Watch(self)
        self.slow_link = workspace.config.ui.slow_link
        self.graphics = Graphics(self, workspace.config.ui.graphics, lambda: self.slow_link)
        self.own_themes: dict[str, Theme] = {}
        self._screens: dict[str, LoratuiScreen] = {}
        self._chord = False
        self.keys = KeyQueue(self, self._send_key)
        for entry in SCREENS:
            self._add_mode(entry)
        self._problems = self._use_theme()
        # The colours of the first paint; without this it would be painted in Textual's and then once more.
        self._colours = self.get_css_variables()
        self.stylesheet.set_variables(self._colours)

    # --- screens -------------------------------------------------------------------------------------------------

    def _screen(self, entry: Entry) -> LoratuiScreen:
        """The one instance of a screen, made when it is first opened."""
        if entry.name not in self._screens:
            self._screens[entry.name] = entry.load()(self.workspace)
        return self._screens[entry.name]

    async def go(self, name: str) -> None:
        """Shows the screen `name`. One that cannot be made leaves the one in front as it is."""
        self._screen(next(entry for entry in SCREENS if entry.name == name))
        await self.switch_mode(name)

    async def open(self, workspace: "Workspace") -> None:
        """Works in another project from now on; all screens but the one in front begin anew."""
        self.workspace = workspace
        kept = self.active
        for entry in SCREENS:
            if entry.name != kept.NAME and self._screens.pop(entry.name, None) is not None:
                await self.remove_mode(entry.name)
                self._add_mode(entry)
        kept.workspace = workspace
        kept.enter()
        self.downloads.follow()

    def _add_mode(self, entry: Entry) -> None:
        self.add_mode(entry.name, lambda: self._screen(entry))

    def changed(self) -> None:
        """The dataset changed: the screen in front reads it again now, the others when they are entered."""
        self.active.enter()

    # --- start and end -------------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Signals; the keymap after the first paint."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended, 128 + number)
        self.graphics.start()
        self.others.start()
        self.call_after_refresh(_collect_garbage)
        self.call_after_refresh(self.guarded, self._read_keymap)
        self.call_after_refresh(self.guarded, self.downloads.follow)
        if self.greeting:
            self.did(self.greeting)
            self.call_after_refresh(self.say, self.greeting, "info", 60.0)

    def on_unmount(self) -> None:
        """Stops what goes on beside the screens."""
        self.jobs.cancel_all()
        self.graphics.stop()

    def _ended(self, code: int) -> None:
        self.exit(return_code=code)

    def _use_theme(self) -> list[str]:
        """Takes the configured theme, or the one that suits the terminal; gives what was wrong."""
        self.own_themes, problems = themes.available()
        for theme in self.own_themes.values():
            self.register_theme(theme)
        name, problem = themes.choose(self.workspace.config.ui.theme, self.own_themes)
        if name in self.own_themes:
            self.theme = name
        if self.no_color:
            # Textual chose its filter before it knew the theme, and greys leave 16 colours as they are.
            self._filters = [one for one in self._filters if not isinstance(one, Monochrome)] + [NoColor()]
        return [*problems, problem] if problem else problems

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our variables in a theme that is not ours."""
        theme = self.current_theme
        return {name: getattr(theme, base) or theme.primary for name, base in themes.OWN.items()}

    def refresh_css(self, animate: bool = True) -> None:
        """Applies the styles anew. Textual reads them all again for each new screen; only other colours need that."""
        colours = self.get_css_variables()
        if colours != self._colours:
            self._colours = colours
            super().refresh_css(animate)
        elif self.screen_stack and self.screen._css_update_count != self._css_update_count:
            self.stylesheet.update(self.screen, animate=animate)
            self.screen._css_update_count = self._css_update_count

    def _read_keymap(self) -> None:
        """Takes the person's keys, and says in one toast what was wrong in any of the person's files."""
        path = paths.config_dir() / "keys.toml"
        if path.exists():
            self.keymap = keymap.load(path, [GLOBAL, *(entry.load().COMMANDS for entry in SCREENS)])
            self.set_keymap(self.keymap.textual())
        unknown = [f"config.toml: {key} is unknown" for key in config.load_with_warnings()[1]]
        project = self.workspace.project
        mistyped = [f"loratui.toml: {key} is unknown" for key in project.warnings] if project is not None else []
        self.complain([*self._problems, *self.keymap.problems, *unknown, *mistyped])
        self.refresh_status()

    def _foreign(self) -> list[str]:
        """Opens the journal, which finishes what a crash interrupted; gives the files that were left alone."""
        try:
            return self.workspace.changes.foreign
        except LoratuiError as error:
            return [f"{error.message} {error.remedy}"]

    # --- commands ------------------------------------------------------------------------------------------------

    def action_command(self, id: str) -> None:  # noqa: A002
        """Runs a global command."""
        self.run_command(self, id)

    def run_command(self, node: DOMNode, id: str) -> None:  # noqa: A002
        """Runs the command `id` of a screen or of the app, or says why it cannot run now."""
        why = node.unavailable(id) if isinstance(node, LoratuiScreen) else everywhere.unavailable(self, id)
        if why is None and id not in everywhere.BESIDE and hasattr(self.active.panel, "answer"):
            self.active.close_panel()  # a question about what was there before the command is no question any more
        if why is not None:
            self.toast(why, level="warn")
        elif isinstance(node, LoratuiScreen):
            command = next(command for command in node.COMMANDS if command.id == id)
            self.keys.began(self.guarded(lambda: getattr(node, command.method)()), _PANEL_SECONDS)
        else:
            worker = self.guarded(everywhere.run, self, id)
            self.keys.began(worker, _SCREEN_SECONDS if id.startswith("go.") else _PANEL_SECONDS)

    async def on_event(self, event: events.Event) -> None:
        """Deals with keys one after the other; after each the status line is composed anew."""
        if not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif event.is_forwarded:
            await super().on_event(event)
            self.keys.dealt_with(event)
        else:
            await self.keys.take(event)

    async def _send_key(self, event: events.Key | events.Paste) -> None:
        """Takes chords of two keys; any other key goes to what has the focus."""
        if isinstance(event, events.Paste):
            await super().on_event(event)
        elif self._chord:
            self._chord = False
            self.refresh_status()
            active = self.screen.active_bindings.get(f"g {event.key}")
            if active is not None:
                await self.run_action(active.binding.action, active.node)
            elif event.key != "escape":
                self.toast(f"g{shown(event.key)} is no key here", level="warn")
        elif event.key == "g" and not self._consumes(event):
            self._chord = True
            self.refresh_status()
        else:
            await super().on_event(event)
            self.refresh_status_soon()

    def _consumes(self, event: events.Key) -> bool:
        """Whether what has the focus takes the key as text."""
        return self.focused is not None and self.focused.check_consume_key(event.key, event.character)

    @property
    def chord_keys(self) -> list[Key]:
        """The second keys of the chord that was begun; [] when none was."""
        if not self._chord:
            return []
        everything = (*self.active.COMMANDS, *GLOBAL)
        pairs = [(key, command) for command in everything for key in self.keymap.of(command) if key.startswith("g ")]
        return [Key(shown(key[2:]), command.title) for key, command in pairs]

    def status_keys(self) -> list[Key]:
        """The global keys of the status line."""
        return [
            Key(self.keymap.shown(command), command.title, everywhere.unavailable(self, command.id) is None, last=True)
            for command in GLOBAL
            if command.footer and self.keymap.of(command)
        ]

    def remember(self, key: str, value: object) -> None:
        """Writes one value of the configuration; a file that cannot be written is said, not fatal."""
        config.set_value(key, value)

    def set_slow_link(self, on: bool) -> None:
        """Switches the slow link."""
        self.slow_link = on
        self.remember("ui.slow_link", on)

    def on_app_blur(self, event: events.AppBlur) -> None:
        """The terminal lost the focus: nothing to repaint for."""
        event.prevent_default()

    def on_app_focus(self, event: events.AppFocus) -> None:
        """The terminal has the focus again: nothing to repaint for."""
        event.prevent_default()


def _collect_garbage() -> None:
    """Turns the collector on where the command line turned it off; what the start made is not looked at again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def run(workspace: "Workspace", debug: bool = False, greeting: str = "") -> int:
    """Runs the TUI; `greeting` is said when the first screen stands.

    Returns:
        the exit code: 0, 1 after an unexpected error, 128 + the signal that ended it.
    """
    if brands.truecolor(os.environ):
        os.environ["COLORTERM"] = "truecolor"  # SSH carries the terminal's name over, but not this
    app = LoratuiApp(workspace, debug=debug, greeting=greeting)
    with diary.own_terminal():
        app.run(mouse=False)
    if app.failure:
        print(f"loratui: {line(app.failure)}. The details are in {diary.log_path()}.", file=sys.stderr)
    return app.return_code or 0
