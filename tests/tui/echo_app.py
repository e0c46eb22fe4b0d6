"""An app for the terminal's tests: writes each key it gets into a file, and shows how pictures would be drawn.

`python -m tests.tui.echo_app KEYS_FILE [PICTURE]`
"""

import os
import sys
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from loratui.tui.graphics.driver import LoratuiDriver
from loratui.tui.graphics.probe import Terminal
from loratui.tui.graphics.service import Graphics
from loratui.tui.widgets.picture import Picture


class EchoApp(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+z", "suspend_process", priority=True)]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, keys: Path, picture: Path | None) -> None:
        super().__init__(driver_class=LoratuiDriver)
        self.graphics = Graphics(self, os.environ.get("WANTED", "auto"), lambda: "SLOW" in os.environ)
        self._keys = keys
        self._picture = picture

    def compose(self) -> ComposeResult:
        yield Static("ready", id="state")
        if self._picture is not None:
            yield Picture(self._picture)

    def on_mount(self) -> None:
        self.graphics.changed.subscribe(self, self._known)
        self.graphics.start()

    def _known(self, terminal: Terminal) -> None:
        cell = "x".join(map(str, terminal.cell))
        self.query_one("#state", Static).update(f"protocol={terminal.protocol} cell={cell}")

    def on_key(self, event: events.Key) -> None:
        self._note(event.key)
        if event.key == "q":
            self.exit()

    def on_unmount(self) -> None:
        self.graphics.stop()
        self._note("end")

    def _note(self, word: str) -> None:
        with self._keys.open("a") as file:
            file.write(f"{word}\n")


if __name__ == "__main__":
    EchoApp(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None).run(mouse=False)
