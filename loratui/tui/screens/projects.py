"""Projects: where the current one stands and what comes next, the others of this machine, and the guided start."""

import os
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from loratui.core import machine
from loratui.core.errors import Refused, UsageError
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.commands import Command
from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.screens.projects_view import KnownProjects, screen_of, status_lines
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.dataset.intake import Intake
    from loratui.core.status import Status
    from loratui.core.workspace import Workspace

_FIRST_WIDTH = 64
"""Cells to wrap to before the pane is laid out for the first time."""


class ProjectsScreen(LoratuiScreen):
    """The first screen: status of the current project, and the known projects."""

    NAME: ClassVar[str] = "projects"
    TITLE_TEXT: ClassVar[str] = "Projects"
    GO: ClassVar[str] = "p"
    EMPTY: ClassVar[str] = "No project on this machine yet. Press a to begin one."
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("projects.open", ("enter",), "open", "Opens the project under the cursor."),
        Command("projects.next", ("n",), "next step", "Goes to the screen of the next step."),
        Command("projects.new", ("a",), "new project", "Begins a project: name, kind, trigger, base model, images."),
        Command("projects.images", ("i",), "own images", "Takes a folder of your images into the project."),
        Command("projects.edit", ("e",), "edit", "Opens loratui.toml in $EDITOR.", footer=False),
    )

    DEFAULT_CSS = """
    ProjectsScreen #status { height: auto; max-height: 75%; padding: 1 2 0 2; }
    ProjectsScreen #known { height: 1fr; padding: 1 0 0 0; }
    ProjectsScreen #known Static { color: $dim; padding: 0 2; height: 1; }
    ProjectsScreen #known VirtualList { height: 1fr; }
    ProjectsScreen.-wide > #body { layout: horizontal; }
    ProjectsScreen.-wide #status { width: 58%; max-height: 100%; height: 1fr; }
    ProjectsScreen.-wide #known { width: 42%; padding: 1 0; }
    """

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._status: Status | None = None
        self._projects: list[Path] = []
        self._begun = False

    def compose_body(self) -> ComposeResult:
        """Status, then the known projects."""
        yield Static(id="status")
        with Vertical(id="known"):
            yield Static(Content("Projects of this machine"))
            yield VirtualList(empty=self.EMPTY)

    def reload(self) -> None:
        """Reads the list of projects; once that is painted the status, on a thread: it looks at all images."""
        self._projects = machine.known_projects()
        self.query_one(VirtualList).set_source(KnownProjects(self._projects, self.workspace.root))
        project = self.workspace.project
        self.set_counts(project.kind if project is not None else "no project here")
        self._show()
        self.call_after_paint(self._look)
        # The very first time the guided start opens by itself.
        if not self._begun and project is None and not self._projects:
            self.call_after_paint(partial(self.app.run_command, self, "projects.new"))
        self._begun = True

    def _look(self) -> None:
        workspace = self.workspace

        def look(report: Report, cancel: Event) -> "Status":
            from loratui.core.status import status

            return status(workspace)

        def done(found: "Status") -> None:
            if workspace is self.workspace:
                self._status = found
                self._show()
                self.refresh_status()

        self.app.jobs.start("looking", look, done, quiet=True)

    def _show(self) -> None:
        pane = self.query_one("#status", Static)
        keymap = self.app.keymap
        onward = next(keymap.shown(command) for command in self.COMMANDS if command.id == "projects.next")
        width = pane.content_size.width or _FIRST_WIDTH
        lines = status_lines(self.workspace, self._status, keymap, width, onward, bool(self._projects))
        pane.update(Content("\n").join(lines))

    def on_resize(self, event: Resize) -> None:
        """Another width wraps in other places; the pane has it once it is laid out."""
        super().on_resize(event)
        self.call_after_refresh(self._show)

    def unavailable(self, id: str) -> str | None:  # noqa: A002
        """Why a command cannot run now."""
        if id == "projects.open" and not self._projects:
            return "no project is known yet"
        if id in ("projects.images", "projects.edit", "projects.next") and self.workspace.project is None:
            return "no project is open"
        if id == "projects.next" and self._status is None:
            return "the project is still being looked at"
        return None

    async def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Enter on a project."""
        self.app.run_command(self, "projects.open")

    async def command_open(self) -> None:
        """Opens the project under the cursor."""
        await self._open(self._projects[self.query_one(VirtualList).cursor])

    async def _open(self, root: Path) -> None:
        from loratui.core.workspace import Workspace

        busy = [job.title for job in self.app.jobs.running if not job.quiet]
        if busy:
            raise Refused(f"{', '.join(busy)} in {self.workspace.root.name} is not finished.", "Wait, or stop it: J.")
        workspace = Workspace.open(root)
        self._status = None
        await self.app.open(workspace)
        self.query_one(VirtualList).cursor = 0
        if workspace.project is not None:
            self.app.complain([f"loratui.toml: {key} is unknown" for key in workspace.project.warnings])

    async def command_next(self) -> None:
        """Goes on."""
        if self._status is not None:
            await self.app.go(screen_of(self._status.next))

    def command_edit(self) -> None:
        """Opens loratui.toml in the editor."""
        self.edit_file(self.workspace.root / "loratui.toml")

    async def command_new(self) -> None:
        """The guided start."""
        from loratui.tui.screens.projects_start import begin

        begun = await begin(self)
        if begun is None:
            return
        await self._open(begun.root)
        self.app.did(f"made the project {begun.root.name}", begun.command)
        self.toast(f"made {begun.root}")
        if begun.images:
            self._take_in(Path(begun.images))
        elif begun.search:
            await self.app.go("search")

    async def command_images(self) -> None:
        """Asks for a folder and takes its images in."""
        from loratui.tui.shell.editor import complete_path

        typed = await self.ask("Folder of images to copy into the project", complete=complete_path)
        if typed and typed.strip():
            self._take_in(Path(os.path.expanduser(typed.strip())))

    def _take_in(self, source: Path) -> None:
        project = self.workspace.need_project()
        if not project.subsets:
            raise UsageError("The project has no subset.", "Add a [[subset]] to loratui.toml: press e.")
        folder = project.subsets[0].folder
        changes = self.workspace.changes

        def work(report: Report, cancel: Event) -> "Intake":
            from loratui.core.dataset.intake import take_in

            return take_in(changes, "" if folder == "." else folder, [source], report=report, cancel=cancel)

        def done(result: "Intake") -> None:
            left = f", {len(result.existing)} there already" if result.existing else ""
            refused = f", {len(result.refused)} refused" if result.refused else ""
            text = f"{len(result.added)} images added{left}{refused}"
            self.app.did(text, f"loratui add {line(str(source))}")
            self.toast(text)
            self.app.changed()

        self.app.jobs.start("copying", work, done)
