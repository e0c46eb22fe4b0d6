"""The panel of boards: which one is searched, or which ones together, and a box to paste the key of one into."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line
from loratui.tui.screens.search_panels import BoxPanel
from loratui.tui.shell.lines import Key
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.boards.board import Board

Paste = Callable[[str, str, "Callable[[LoratuiError | None], object]"], object]
"""Tries and stores a key: the board's name, the pasted line, what to call with the error or None."""

_WIDE = 84
"""From this many cells on, a row has room for the engine."""


class _Rows:
    def __init__(self, boards: "Sequence[Board]", marked: set[str]) -> None:
        self.boards = boards
        self.marked = marked

    def __len__(self) -> int:
        return len(self.boards)

    def is_marked(self, index: int) -> bool:
        """Whether it is among those to be searched."""
        return self.boards[index].name in self.marked

    def row(self, index: int, width: int) -> Content:
        """Name, address, and how it stands with its key."""
        board = self.boards[index]
        if board.has_key:
            key = ("key stored", "$success")
        elif board.needs_key:
            key = ("needs a key: press e", "$warning")
        else:
            key = ("no key needed" if board.KEY_FIELDS else "takes no key", "$dim")
        address = line(board.url.partition("://")[2], 40)
        engine = f"{board.ENGINE:<11} " if width >= _WIDE else ""
        return Content.assemble(f"{line(board.name, 20):<16} ", (f"{address:<26} {engine}", "$dim"), key)


class BoardsPanel(BoxPanel):
    """The configured boards; `answer` becomes the names of those to search, None when the person steps out.

    Args:
        boards: all there are.
        chosen: the names of those searched now.
        paste: tries and stores a key.
    """

    DEFAULT_CSS = """
    BoardsPanel VirtualList { height: 14; }
    """
    LIST_KEYS = (
        Key("enter", "search", last=True),
        Key("space", "mark several"),
        Key("e", "paste its key"),
        Key("esc", "leave it", last=True),
    )
    BOX_KEYS = (Key("enter", "try and store it", last=True), Key("esc", "leave it", last=True))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark"), Binding("e", "key")]

    def __init__(self, boards: "Sequence[Board]", chosen: Sequence[str], paste: Paste) -> None:
        boards = sorted(boards, key=lambda board: board.name not in chosen)
        self._rows = _Rows(boards, set(chosen) if len(chosen) > 1 else set())
        self._paste = paste
        self._trying = False
        self.answer: asyncio.Future[list[str] | None] = asyncio.get_running_loop().create_future()
        super().__init__("Boards: one, or several as one search", self._rows, masked=True)

    @property
    def _board(self) -> "Board":
        return self._rows.boards[self.view.cursor]

    def action_mark(self) -> None:
        """Marks the board, or takes its mark away, and steps on."""
        self._rows.marked ^= {self._board.name}
        self.view.update_row(self.view.cursor)
        self.view.cursor += 1

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Those marked, else the one under the cursor."""
        event.stop()
        names = [board.name for board in self._rows.boards if board.name in self._rows.marked]
        if not self.answer.done():
            self.answer.set_result(names or [self._board.name])

    # --- a key ---------------------------------------------------------------------------------------------------

    def action_key(self) -> None:
        """Opens the box."""
        from loratui.core.boards.login import example

        board = self._board
        if not board.KEY_FIELDS:
            self.say(f"{line(board.name)} takes no key: search it as you are.", "$dim")
            return
        place = f" from {board.KEY_PLACE}" if board.KEY_PLACE else ""
        self.say(f"Paste {example(board)}{place} and press enter. It is shown as dots, and stored for you alone.", "")
        self.open_box()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tries the key, and stores it."""
        event.stop()
        name, pasted = self._board.name, event.value
        self.step_out()
        if pasted.strip() and not self._trying:
            self._trying = True
            self.say(f"Asking {line(name)} whether the key is right …", "$dim")
            self._paste(name, pasted, lambda error: self._tried(name, error))

    def _tried(self, name: str, error: LoratuiError | None) -> None:
        """What came of it."""
        from loratui.core.boards.registry import find
        from loratui.core.config import load

        self._trying = False
        if not self.is_attached:
            return
        config = load()
        self._rows.boards = [find(config, board.name) for board in self._rows.boards]
        self.view.update_rows()
        if error is None:
            self.say(f"{line(name)} takes the key; it is stored.", "$success")
        else:
            self.say(f"{error.message} {error.remedy}")

    def closed(self) -> None:
        """The boards stay as they were."""
        if not self.answer.done():
            self.answer.set_result(None)
