"""The panel of saved searches: opened, saved, renamed, taken off, each with how many posts are new since last time."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line
from loratui.tui.screens.search_panels import BoxPanel
from loratui.tui.shell.lines import Key
from loratui.tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from loratui.core.boards.memory.saved import SavedQuery
    from loratui.core.boards.memory.since import News


class _Rows:
    def __init__(self, saved: "dict[str, SavedQuery]") -> None:
        self.saved = saved
        self.names = list(saved)
        self.news: dict[str, News | LoratuiError] = {}

    def __len__(self) -> int:
        return len(self.names)

    def row(self, index: int, width: int) -> Content:
        """What is new, name, query, boards, filters."""
        name = self.names[index]
        saved = self.saved[name]
        where = ", ".join(saved.boards) or "the default board"
        wishes = " ".join(saved.wishes.options())
        return Content.assemble(
            self._new(name),
            (f"{line(name, 60):<20} ", "bold"),
            line(saved.query, 200),
            (f"  on {line(where, 80)}", "$dim"),
            (f"  {line(wishes, 120)}" if wishes else "", "$dim"),
        )

    def _new(self, name: str) -> Content:
        if name not in self.news:
            return Content.styled(f"{'…':>9}  ", "$dim")
        found = self.news[name]
        if isinstance(found, LoratuiError):
            return Content.styled(f"{'no answer':>9}  ", "$warning")
        if found.first and not found.count:
            return Content.styled(f"{'not seen':>9}  ", "$dim")
        if not found.count:
            return Content.styled(f"{'–':>9}  ", "$dim")
        number = f"{found.count:,}{'+' if found.more else ''} new"
        return Content.styled(f"{number:>9}  ", "bold $accent")


class SavedPanel(BoxPanel):
    """`answer` becomes the saved search to open and whether only what is new in it, None when the person steps out.

    Args:
        here: the search on the screen, to be saved; None: there is none.
        ask: asks the boards what is new in one saved search, and calls back on the UI's thread.
    """

    DEFAULT_CSS = """
    SavedPanel VirtualList { height: 9; }
    """
    LIST_KEYS = (
        Key("enter", "open", last=True),
        Key("n", "only new"),
        Key("a", "save this one"),
        Key("r", "rename"),
        Key("x", "take off"),
        Key("u", "put back"),
        Key("esc", "leave it", last=True),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "open(True)"),
        Binding("a", "name('save')"),
        Binding("r", "name('rename')"),
        Binding("x", "remove"),
        Binding("u", "put_back"),
    ]

    def __init__(
        self,
        here: "SavedQuery | None",
        ask: "Callable[[SavedQuery, Callable[[News | LoratuiError], object]], object]",
    ) -> None:
        from loratui.core.boards.memory import saved

        self._here = here
        self._ask = ask
        self._rows = _Rows(saved.load())
        how = "a saves the search on the screen." if here else "Search with /, then o and a save it."
        super().__init__("Saved searches", self._rows, f"None is saved yet. {how}")
        self._naming: Literal["save", "rename"] = "save"
        self._removed: tuple[str, SavedQuery] | None = None
        self.answer: asyncio.Future[tuple[SavedQuery, bool] | None] = asyncio.get_running_loop().create_future()

    def on_mount(self) -> None:
        """Asks for what is new, one search after the other."""
        self._ask_next()

    def _ask_next(self) -> None:
        name = next((name for name in self._rows.names if name not in self._rows.news), None)
        if name is None or not self.is_attached:
            return

        def told(found: "News | LoratuiError") -> None:
            self._rows.news[name] = found
            if self.is_attached:
                self.view.update_rows()
                self._ask_next()

        self._ask(self._rows.saved[name], told)

    @property
    def _current(self) -> str | None:
        """Of the one under the cursor."""
        names = self._rows.names
        return names[self.view.cursor] if names else None

    # --- what the keys do ----------------------------------------------------------------------------------------

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        """Opens it."""
        event.stop()
        self.action_open(False)

    def action_open(self, only_new: bool) -> None:
        """Opens the one under the cursor."""
        if (name := self._current) is not None and not self.answer.done():
            self.answer.set_result((self._rows.saved[name], only_new))

    def action_name(self, what: Literal["save", "rename"]) -> None:
        """Opens the box for a name."""
        if what == "save" and self._here is None:
            self.say("There is no search on the screen to save: press esc, then /.")
            return
        if what == "rename" and self._current is None:
            return
        self._naming = what
        self.say("Save it as:" if what == "save" else "Its new name:", "")
        self.open_box(self._current or "" if what == "rename" else self._here.query[:60] if self._here else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the name."""
        from loratui.core.boards.memory import saved

        event.stop()
        old, name = self._current, event.value.strip()
        try:
            if self._naming == "rename" and old is not None:
                saved.rename(old, name)
            elif self._here is not None:
                saved.save(name, self._here)
        except LoratuiError as error:
            self.say(f"{error.message} {error.remedy}")
            return
        self.step_out()
        self._reread(name)
        self.say(f"Saved as {line(name)}.", "$success")

    def action_remove(self) -> None:
        """Takes the one under the cursor off; `u` puts it back."""
        from loratui.core.boards.memory import saved

        if (name := self._current) is None:
            return
        self._removed = (name, self._rows.saved[name])
        saved.remove(name)
        self._reread()
        self.say(f"{line(name)} is taken off; u puts it back.", "$success")

    def action_put_back(self) -> None:
        """Saves again what was taken off last."""
        from loratui.core.boards.memory import saved

        if self._removed is not None:
            saved.save(*self._removed)
            self._reread(self._removed[0])
            self._removed = None
            self.say("", "")

    def _reread(self, name: str = "") -> None:
        """Shows the file as it is now, with the cursor on `name`."""
        from loratui.core.boards.memory import saved

        news = self._rows.news
        view = self.view
        self._rows = _Rows(saved.load())
        self._rows.news = {known: found for known, found in news.items() if known in self._rows.saved}
        view.set_source(self._rows)
        if name in self._rows.names:
            view.cursor = self._rows.names.index(name)
        self._ask_next()

    def closed(self) -> None:
        """None is opened."""
        if not self.answer.done():
            self.answer.set_result(None)
