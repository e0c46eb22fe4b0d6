"""Small programs that are measured, and a home folder that is nobody's.

`python -m tests.benchmarks.samples minimal | list N | table N | picture PATH`
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fresh_home() -> Iterator[dict[str, str | None]]:
    """The environment for a program that must not see the person's own files.

    Compiled code is kept as in any installation, whatever the environment says; run a program once before you measure.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
        compiled = {"PYTHONDONTWRITEBYTECODE": None, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
        yield {**dict.fromkeys(names, folder), **compiled}


def minimal() -> None:
    """The least Textual app there is."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Minimal(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("ready")

    Minimal().run(mouse=False)


def rows(kind: str, length: int) -> None:
    """An app with `length` rows of three columns, in our list or in Textual's table; writes `filled in N ms`."""
    from time import process_time

    from textual.app import App, ComposeResult
    from textual.content import Content
    from textual.widgets import DataTable, Static

    from loratui.tui.graphics.driver import LoratuiDriver
    from loratui.tui.widgets.virtual_list import VirtualList

    class Source:
        def __len__(self) -> int:
            return length

        def row(self, index: int, width: int) -> Content:
            count, share, tag = columns(index)
            return Content.assemble((count, "$primary"), (share, "$secondary"), tag)

    def columns(index: int) -> tuple[str, str, str]:
        return f"{length - index:6}", f"{100 - index % 100:5} %  ", f"tag number {index}"

    class Rows(App[None]):
        CSS = "#list { height: 1fr; }"

        def compose(self) -> ComposeResult:
            yield Static("filling", id="state")
            yield VirtualList(id="list") if kind == "list" else DataTable(id="list", cursor_type="row")

        def on_mount(self) -> None:
            self.query_one("#list").focus()
            self.call_after_refresh(self.fill)

        def fill(self) -> None:
            start = process_time()
            if kind == "list":
                self.query_one(VirtualList).set_source(Source())
            else:
                data: DataTable[str] = self.query_one(DataTable)
                data.add_columns("count", "share", "tag")
                data.add_rows(columns(index) for index in range(length))
            self.call_after_refresh(self.call_after_refresh, self.filled, start)

        def filled(self, start: float) -> None:
            self.query_one("#state", Static).update(f"filled in {(process_time() - start) * 1000:.1f} ms")

    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    app = Rows(driver_class=LoratuiDriver)
    app.run(mouse=False)


def picture(path: str) -> None:
    """One picture that fills the screen, on a slow link; without a path an empty box."""
    from textual.app import App, ComposeResult

    from loratui.tui.graphics.driver import LoratuiDriver
    from loratui.tui.graphics.service import Graphics
    from loratui.tui.widgets.picture import Picture

    class Box(App[None]):
        def __init__(self) -> None:
            super().__init__(driver_class=LoratuiDriver)
            self.graphics = Graphics(self, slow=lambda: True)

        def compose(self) -> ComposeResult:
            yield Picture(Path(path) if path else None)

        def on_mount(self) -> None:
            self.graphics.start()

        def on_unmount(self) -> None:
            self.graphics.stop()

    Box().run(mouse=False)


if __name__ == "__main__":
    if sys.argv[1] == "minimal":
        minimal()
    elif sys.argv[1] == "picture":
        picture(sys.argv[2])
    else:
        rows(sys.argv[1], int(sys.argv[2]))
