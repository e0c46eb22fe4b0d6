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
    """Entries, newest first, whole; a command stands below its entry, so that it can be copied."""

    def __init__(self, entries: list[Done], width: int) -> None:
        self._rows: list[Content] = []
        styles = {"info": "", "warn": "$warning", "error": "$error"}
        for entry in reversed(entries):
            said = Content.styled(line(secret(entry.text)), styles.get(entry.level, ""))
            room = max(width - 9, 20)
            first, *more = said.wrap(room)
            if entry.command:
                more.extend(Content.styled(line(secret(f"$ {entry.command}")), "$dim").wrap(room))
            self._rows.append(Content.assemble((f"{entry.time:%H:%M:%S} ", "$dim"), first))
            self._rows.extend(each.pad_left(9) for each in more)

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

    def __init__(self, entries: list[Done], width: int) -> None:
        super().__init__("What was done")
        self._rows = _Rows(entries, width)

    def compose_content(self) -> ComposeResult:
        """The entries."""
        yield VirtualList(self._rows, empty="Nothing yet. What you do shows here with its command.")
