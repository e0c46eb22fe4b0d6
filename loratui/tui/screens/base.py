"""What every screen is: a title line, a body, a status line, and panels over the body."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.reactive import Reactive
from textual.screen import UPDATE_PERIOD
from textual.timer import Timer
from textual.widget import Widget

from loratui.tui.commands import Command, bindings
from loratui.tui.graphics.pacing import PacedScreen
from loratui.tui.shell.forgiving import Forgiving
from loratui.tui.shell.lines import Key, Notice, StatusLine, TitleLine
from loratui.tui.shell.panels import AskPanel, Panel, PanelHost, QuestionPanel, first_focusable

if TYPE_CHECKING:
    from loratui.core.workspace import Workspace
    from loratui.tui.app import LoratuiApp
    from loratui.tui.shell.form import Field

NARROW = 100
"""Below this many columns the screen has the class `-narrow`: right panes fold, panels open at the bottom."""
SLOW_PERIOD = 0.1
"""Seconds between two paints on a slow link: a held key then costs a third of the bytes."""


class LoratuiScreen(Forgiving, PacedScreen):
    """Base of the screens.

    A subclass declares `NAME`, `TITLE_TEXT`, `GO`, `COMMANDS` and `EMPTY`, yields its body in `compose_body`, reads
    the core in `reload`, and has a method `command_<name>` (sync or async) for each command. Whatever a command or
    `reload` raises becomes a toast; so do LoratuiErrors and OSErrors of message handlers and timers.

    Args:
        workspace: the program's workspace; the app sets another one when a project is opened.
    """

    NAME: ClassVar[str] = ""
    TITLE_TEXT: ClassVar[str] = ""
    GO: ClassVar[str] = ""
    COMMANDS: ClassVar[tuple[Command, ...]] = ()  # type: ignore[assignment]  # Textual's palette is not used
    EMPTY: ClassVar[str] = ""

    DEFAULT_CSS = """
    LoratuiScreen { layers: default panels; }
    LoratuiScreen > #body { height: 1fr; width: 100%; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (Textual declares it so)
    BINDINGS: ClassVar[list[BindingType]] = []
    # Textual repaints the whole screen when the focus moves (30 kB); the widgets concerned repaint themselves anyway.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init_subclass__(cls, **arguments: bool) -> None:
        """Makes the bindings from the commands."""
        cls.BINDINGS = [*cls.__dict__.get("BINDINGS", []), *bindings(cls.__dict__.get("COMMANDS", ()))]
        super().__init_subclass__(**arguments)

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__()
        self.workspace = workspace
        self._counts = ""
        self._note = ""
        self._panel: Widget | None = None
        self._opening = False
        self._focus_before: Widget | None = None
        self._arriving: ExitStack | None = None
        self._painter: tuple[float, Timer] | None = None

    if TYPE_CHECKING:
        app: "LoratuiApp"

    def compose(self) -> ComposeResult:
        """Title line, body, status line."""
        yield TitleLine()
        with Container(id="body"):
            yield from self.compose_body()
        yield StatusLine()
        yield PanelHost()
        yield Notice()

    def compose_body(self) -> ComposeResult:
        """The widgets between title line and status line."""
        return iter(())

    def reload(self) -> None:
        """Reads again from the core what the screen shows: on entering, and after every change of the dataset."""

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why the command `id` cannot run now; None when it can. Called often: look only at what is in memory."""
        return None

    def step_out(self) -> bool:
        """One step out, for `esc`: closes the panel. A subclass first calls this, then drops its filter or marks.

        Returns:
            whether there was a step to take.
        """
        if self.panel is None:
            return False
        self.close_panel()
        return True

    @property
    def _update_timer(self) -> Timer:
        """Textual's timer between two paints, slower on a slow link."""
        period = SLOW_PERIOD if self.app.slow_link else UPDATE_PERIOD
        if self._painter is None or self._painter[0] != period:
            if self._painter is not None:
                self._painter[1].stop()
            self._painter = period, self.set_interval(period, self._on_timer_update, name="paint", pause=True)
        return self._painter[1]

    # --- the two lines -------------------------------------------------------------------------------------------

    def set_counts(self, text: str) -> None:
        """Shows `text` at the right of the title line."""
        if text != self._counts:
            self._counts = text
            self.refresh_title()

    def set_note(self, text: str) -> None:
        """Shows `text` (marks, scope) at the left of the status line."""
        if text != self._note:
            self._note = text
            self.refresh_status()

    def refresh_title(self) -> None:
        """Paints the title line anew where it changed."""
        width, height = self.app.size
        counts = self._counts
        if width < 80 or height < 24:
            counts = f"{width}×{height} is small, made for 80×24"
        project = self.workspace.project
        name = project.name if project is not None else self.workspace.root.name or "/"
        for title in self.query(TitleLine):
            title.compose_line(name, self.TITLE_TEXT, counts)

    def refresh_status(self) -> None:
        """Paints the status line anew where it changed."""
        toast = self.app.current_toast
        for notice in self.query(Notice):
            toast = None if notice.take(toast) else toast
        for status in self.query(StatusLine):
            status.compose_line(self._note, self._keys(), self.app.jobs.text(), toast)

    def _keys(self) -> list[Key]:
        if self.app.chord_keys:
            return self.app.chord_keys
        panel = self.panel
        if panel is not None:
            return list(panel.KEYS) if isinstance(panel, Panel) else [Key("esc", "close", last=True)]
        return [*self._command_keys(self.COMMANDS, self.unavailable), *self.app.status_keys()]

    def _command_keys(self, commands: Iterable[Command], why: Callable[[str], str | None]) -> Iterable[Key]:
        keymap = self.app.keymap
        for command in commands:
            if command.footer and (key := keymap.shown(command)):
                yield Key(key, command.title, why(command.id) is None)

    # --- saying and asking ---------------------------------------------------------------------------------------

    def toast(self, message: str, remedy: str = "", level: Literal["info", "warn", "error"] = "info") -> None:
        """Says something for some seconds in the status line; `L` shows it again."""
        self.app.toast(message, remedy, level)

    @property
    def panel(self) -> Widget | None:
        """The open panel."""
        return self._panel

    @property
    def panel_changing(self) -> bool:
        """Whether a panel is to have the keys in a moment, or has its answer and is about to close."""
        answer = getattr(self._panel, "answer", None)
        return self._opening or (answer is not None and answer.done())

    def show_panel(self, widget: Widget, *, right: bool = False) -> None:
        """Shows `widget` over the body: at the bottom, or at the right where asked for and there is room.

        Another panel that is open is closed first. `esc` closes it; a `Panel` learns of that by `closed()`.
        """
        self.close_panel()
        self._focus_before = self.focused
        self._panel = widget
        self._opening = True
        self.app.drop_toast()
        host = self.query_one(PanelHost)
        host.place(right and self.app.size.width >= NARROW)

        # Mounting, laying out and focusing would each paint the panel: hold the paint until all is in place.
        hold = ExitStack()
        hold.enter_context(self.app.batch_update())

        def focus() -> None:
            if widget.is_attached and (target := first_focusable(widget)) is not None:
                self.set_focus(target, scroll_visible=False)
            if self.panel in (widget, None):
                self._opening = False
            self.refresh_status()
            self.call_after_refresh(hold.close)

        host.mount(widget)
        widget.call_after_refresh(focus)

    def close_panel(self) -> None:
        """Closes the open panel, if any, and gives the focus back."""
        panel, self._panel = self._panel, None
        self._opening = False
        if panel is None:
            return
        if isinstance(panel, Panel):
            panel.closed()
        panel.remove()
        self.query_one(PanelHost).place(False)
        if self._focus_before is not None and self._focus_before.is_attached:
            self.set_focus(self._focus_before, scroll_visible=False)
        self._focus_before = None
        self.app.refresh_status()

    async def ask(
        self, prompt: str, value: str = "", complete: Callable[[str], Sequence[str]] | None = None
    ) -> str | None:
        """Asks for one line.

        Args:
            prompt: what is asked for.
            value: what stands there at first.
            complete: gives whole texts for what was typed; the first is offered behind the cursor (right arrow),
                and tab types what all have in common.

        Returns:
            the text, None when the person stepped out.
        """
        panel = AskPanel(prompt, value, complete)
        self.show_panel(panel)
        answer = await panel.answer
        self._close(panel)
        return answer

    async def confirm(self, question: str) -> bool:
        """Asks yes or no."""
        panel = QuestionPanel(question)
        self.show_panel(panel)
        answer = await panel.answer
        self._close(panel)
        return answer

    def _close(self, panel: Panel) -> None:
        if self.panel is panel:
            self.close_panel()

    async def fill_in(
        self, title: str, fields: Sequence["Field"], note: str = "", enter: str = ""
    ) -> dict[str, str] | None:
        """Asks for several things in a form.

        Args:
            title: what for.
            fields: what.
            note: a line above them.
            enter: what enter does from every field, such as `get`; "" has it go to the next field.

        Returns:
            the texts by the fields' names, None when the person stepped out.
        """
        from loratui.tui.shell.form import FormPanel

        panel = FormPanel(title, fields, note, enter)
        self.show_panel(panel)
        answer = await panel.answer
        self._close(panel)
        return answer

    def edit_file(self, path: Path) -> None:
        """Opens `path` in the person's editor, then reads the core again.

        Raises:
            LoratuiError: there is no such editor, or it failed.
        """
        from loratui.tui.shell.editor import edit

        try:
            edit(self.app, path)
        finally:
            self.app.changed()

    # --- commands ------------------------------------------------------------------------------------------------

    def action_command(self, id: str) -> None:  # noqa: A002
        """Runs the command `id` of this screen, or says why it cannot run now."""
        self.app.run_command(self, id)

    def enter(self) -> None:
        """Reads the core and paints the lines; the app calls it when the screen is entered or the dataset changed."""
        self.app.others.read()
        self.app.guarded(self.workspace.refresh)
        self.app.guarded(self.reload)
        self.refresh_title()
        self.refresh_status()

    def on_screen_resume(self) -> None:
        """The screen is in front; Textual says so twice when it is shown for the first time.

        It is read before it is painted: one frame shows all of it, where there would be an empty one first.
        """
        if self._arriving is None:
            self._arriving = ExitStack()
            self._arriving.enter_context(self.app.batch_update())
            self.call_after_refresh(self._arrive)

    def _arrive(self) -> None:
        arriving, self._arriving = self._arriving, None
        self.enter()
        if arriving is not None:
            arriving.close()

    def on_resize(self, event: events.Resize) -> None:
        """Title and status are composed for the width, a panel at the right is as high as there is room."""
        self.query_one(PanelHost).fit()
        self.refresh_title()
        self.refresh_status()
