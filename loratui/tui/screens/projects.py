"""Projects: where the current one stands, and the others of this machine."""

from typing import ClassVar

from textual.app import ComposeResult

from loratui.tui.screens.base import LoratuiScreen
from loratui.tui.widgets.virtual_list import VirtualList


class ProjectsScreen(LoratuiScreen):
    """Known projects, and the status of the current one."""

    NAME: ClassVar[str] = "projects"
    TITLE_TEXT: ClassVar[str] = "Projects"
    GO: ClassVar[str] = "p"
    EMPTY: ClassVar[str] = "No project yet. Press n to begin one."

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield VirtualList(empty=self.EMPTY)
