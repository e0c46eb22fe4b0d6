"""The panel of boards: which one is searched, or which ones together, and a box to paste the key of one into."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line
from loratui.tui.shell.lines import Key
from loratui.tui.shell.panels import Entry, Panel
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.boards.board import Board

Paste = Callable[[str, str, "Callable[[LoratuiError | None], object]"], object]
"""Tries and stores a key: the board's name, the pasted line, what to call with the error or None."""


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
        return Content.assemble(f"{line(board.name, 20):<16} ", (f"{address:<28} {board.ENGINE:<11} ", "$dim"), key)


class BoardsPanel(Panel):
    """The configured boards; `answer` becomes the names of those to search, None when the person steps out.

    Args:
        boards: all there are.
        chosen: the names of those searched now.
        paste: tries and stores a key.
    """

    DEFAULT_CSS = """
    BoardsPanel VirtualList { height: 13; max-height: 40vh; background: $surface; }
    BoardsPanel #keybox { display: none; height: auto; }
    BoardsPanel.-asking #keybox { display: block; }
    BoardsPanel #says { height: auto; }
    """
    KEYS: ClassVar[tuple[Key, ...]] = (
        Key("enter", "search", last=True),
        Key("space", "mark several"),
        Key("e", "paste its key"),
        Key("esc", "leave it", last=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark"), Binding("e", "key")]

    def __init__(self, boards: "Sequence[Board]", chosen: Sequence[str], paste: Paste) -> None:
        super().__init__("Boards: one, or several as one search")
        several = set(chosen) if len(chosen) > 1 else set()
        self._rows = _Rows(list(boards), several)
        self._first = next((index for index, board in enumerate(boards) if board.name in chosen), 0)
        self._paste = paste
        self._trying = False
        self.answer: asyncio.Future[list[str] | None] = asyncio.get_running_loop().create_future()

    def compose_content(self) -> ComposeResult:
        """The list, and the box that opens below it."""
        yield VirtualList(self._rows)
        box = Entry(id="keybox")
        box.password = True
        yield Static(id="says")
        yield box

    def on_mount(self) -> None:
        """The cursor is on the board searched now."""
        self.query_one(VirtualList).cursor = self._first

    @property
    def _board(self) -> "Board":
        return self._rows.boards[self.query_one(VirtualList).cursor]

    def action_mark(self) -> None:
        """Marks the board, or takes its mark away, and steps on."""
        view = self.query_one(VirtualList)
        self._rows.marked ^= {self._board.name}
        view.update_row(view.cursor)
        view.cursor += 1

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
            self._say(f"{line(board.name)} takes no key: search it as you are.", "$dim")
            return
        place = f" from {board.KEY_PLACE}" if board.KEY_PLACE else ""
        self._say(f"Paste {example(board)}{place} and press enter. It is shown as dots, and stored for you alone.", "")
        self.add_class("-asking")
        self.query_one(Entry).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tries the key, and stores it."""
        event.stop()
        name, pasted = self._board.name, event.value
        self._leave_box()
        if pasted.strip() and not self._trying:
            self._trying = True
            self._say(f"Asking {line(name)} whether the key is right …", "$dim")
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
        self.query_one(VirtualList).update_rows()
        if error is None:
            self._say(f"{line(name)} takes the key; it is stored.", "$success")
        else:
            self._say(f"{error.message} {error.remedy}", "$error")

    def step_out(self) -> bool:
        """Closes the box; whether it was open."""
        if not self.has_class("-asking"):
            return False
        self._leave_box()
        self._say("", "")
        return True

    def _leave_box(self) -> None:
        box = self.query_one(Entry)
        box.value = ""
        self.remove_class("-asking")
        self.query_one(VirtualList).focus()

    def _say(self, text: str, style: str) -> None:
        self.query_one("#says", Static).update(Content.styled(line(text, 400), style))

    def closed(self) -> None:
        """The boards stay as they were."""
        if not self.answer.done():
            self.answer.set_result(None)
