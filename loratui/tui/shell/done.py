"""The log of what was done: each entry with the command line that does the same."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from loratui.core.sanitize import line, secret
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Panel
from loratui.tui.widgets.virtual_list import VirtualList


@dataclass(frozen=True, slots=True)
class Done:
    """One entry.

    Attributes:
        text: what happened, as one sentence.
        command: the equivalent `loratui …` command; "" where there is none.
        level: info, warn or error.
        time: when.
    """

    text: str
    command: str = ""
    level: str = "info"
    time: datetime = field(default_factory=datetime.now)


class _Rows:
    """Entries, newest first; a command stands on a row of its own below its entry."""

    def __init__(self, entries: list[Done]) -> None:
        self._rows: list[Content] = []
        styles = {"info": "", "warn": "$warning", "error": "$error"}
        for entry in reversed(entries):
            stamp = (f"{entry.time:%H:%M:%S} ", "$dim")
            self._rows.append(Content.assemble(stamp, (line(secret(entry.text)), styles.get(entry.level, ""))))
            if entry.command:
                self._rows.append(Content.assemble("         ", (line(secret(f"$ {entry.command}")), "$dim")))

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int, width: int) -> Content:
        """Row `index`."""
        return self._rows[index]


class DonePanel(Panel):
    """The log as a panel."""

    DEFAULT_CSS = """
    DonePanel VirtualList { height: 14; background: $surface; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (Key("j k", "move"), Key("esc", "close", last=True))

    def __init__(self, entries: list[Done]) -> None:
        super().__init__("What was done")
        self._entries = entries

    def compose_content(self) -> ComposeResult:
        """The entries."""
        yield VirtualList(_Rows(self._entries), empty="Nothing yet. What you do shows here with its command.")
