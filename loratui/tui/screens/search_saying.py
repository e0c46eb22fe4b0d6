"""What the Search screen says of a search: its counts, its cost, what is wrong with a board and what helps."""

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.commands import Command
from loratui.tui.jobs import Job
from loratui.tui.screens.search_filters import FiltersPanel
from loratui.tui.screens.search_rows import size
from loratui.tui.screens.search_view import SearchView

if TYPE_CHECKING:
    from loratui.core.boards.listing.listing import Listing
    from loratui.core.workspace import Workspace

_LOOK = 0.3
"""Seconds between two looks whether a board that is asked has trouble."""


class SearchSaying(SearchView):
    """Title, plan line and what stands in place of posts; `search_asking` sets what they are made of."""

    COMMANDS: ClassVar[tuple[Command, ...]] = ()

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._boards = [workspace.config.default_board]
        self._listing: Listing | None = None
        self._total: int | None = None
        self._only_new = False
        self._job: Job | None = None
        """What is asked of the boards now."""
        self._failure = ""
        """Why there are no posts."""
        self._trouble = ""
        """What is wrong while a board is asked once more."""
        self._trouble_watch: Timer | None = None
        self._said: set[str] = set()

    @property
    def _on(self) -> str:
        """The boards in words."""
        return ", ".join(self._boards)

    # --- what is said --------------------------------------------------------------------------------------------

    def _show(self, *, keep: bool = True) -> None:
        """Paints what is known of the search.

        Args:
            keep: the cursor stays on its row.
        """
        self.query_one("#on", Static).update(Content.assemble((" on ", "$dim"), line(self._on)))
        self.query_one("#how", Static).update(self._how())
        self._say()
        self._show_posts(self._empty(), keep=keep)
        if isinstance(self.panel, FiltersPanel):
            self.panel.show(self._listing, self._total)
        self.refresh_status()

    def _empty(self) -> str:
        listing = self._listing
        if self._job is not None:
            return f"{self._trouble} Asking again …" if self._trouble else f"Searching {self._on} …"
        if self._failure:
            return f"{self._failure} Then / and enter ask again."
        if listing is None:
            return f"{self.EMPTY.format(board=self._on)} {self.app.greeting}".rstrip()
        left_out = sum(listing.filtered.values())
        if not left_out and self._only_new:
            return "Nothing is new since you last looked. Press n to see all of it."
        if not left_out:
            return f"{self._on} has nothing for this query. Press / to change it."
        left = (
            f"{count(left_out, 'post')} that {self._on} has {'was' if left_out == 1 else 'were'} left out, see above."
        )
        return f"{left} Press f to change the filters, / to change the query."

    def _how(self) -> Content:
        """How the work is divided, and what each filter costs."""
        listing = self._listing
        if self._trouble:
            return Content.styled(f"{self._trouble} Asking again …", "$warning")
        if self._failure:
            return Content.styled(f"! {line(self._failure, 200)}", "$error")
        if listing is None or (self._job is not None and not listing.scanned):
            return Content()
        problems = [(line(problem, 100), "$warning") for problem in _problems(listing)]
        costs = [(" · ".join(line(str(cost), 80) for cost in costs), "$dropped")] if (costs := listing.costs()) else []
        told = [(line(listing.told()), "")]
        # On several boards the division is long: what a person can do something about comes before it.
        parts = [*problems, *costs, *told] if self._several else [*told, *costs]
        return Content("   ").join([Content.styled(text, style) for text, style in parts])

    def _say(self) -> None:
        """The counts of the title."""
        listing = self._listing
        if listing is None:
            self.set_counts(self._on)
            return
        parts = [self._on if len(self._boards) < 3 else count(len(self._boards), "board")]
        known = sum(number or 0 for number in listing.known_totals.values())
        if self._total is not None:
            parts.append(count(self._total, "post"))
        else:
            parts.append(f"≥ {count(known, 'post')}" if known else "total unknown")
        parts += [f"{listing.kept:,} listed"] if listing.scanned and listing.kept != self._total else []
        parts += [f"{'≥ ' if listing.unsized else ''}{size(listing.bytes)}"] if listing.bytes else []
        parts += [f"{len(self._listed.new):,} new"] if self._listed.new else []
        parts += [f"{present:,} here"] if (present := self._listed.present) else []
        parts += [f"{len(self._listed.marked):,} marked"] if self._listed.marked else []
        self.set_counts(" · ".join(parts))

    # --- what goes wrong -----------------------------------------------------------------------------------------

    def _watch_for_trouble(self) -> None:
        """Says at once when a board has to be asked again: the last try may be a minute away."""
        if self._trouble_watch is None:
            self._trouble_watch = self.set_interval(_LOOK, self._look_for_trouble)

    def _look_for_trouble(self) -> None:
        retrying = dict(self._network.retrying) if self._network is not None and self._job is not None else {}
        trouble = " ".join(line(retrying[name], 120) for name in self._boards if name in retrying)
        if self._job is None and self._trouble_watch is not None:
            self._trouble_watch.stop()
            self._trouble_watch = None
        if trouble != self._trouble:
            self._trouble = trouble
            self._show()

    def _failed(self, error: Exception) -> None:
        """A question to the boards came to nothing; without any posts the reason stays on the screen."""
        self._trouble = ""
        if isinstance(error, LoratuiError) and not isinstance(error, Cancelled):
            error = self._on_this_screen(error)
            if not self._listed.posts:
                self._failure = f"{error.message} {error.remedy}".rstrip()
                self.app.did(self._failure, level="error")
        self._show()
        if not self._failure and not isinstance(error, Cancelled):
            self.app.report_error(error)

    def _on_this_screen(self, error: LoratuiError) -> LoratuiError:
        """`error`, with the remedy that this screen has for a key that is missing."""
        from loratui.core.boards.network.answers import KeyRefused

        if not isinstance(error, KeyRefused) or len(self._boards) > 1:
            return error
        from loratui.core.boards.registry import find
        from loratui.core.config import load

        board = find(load(), self._boards[0])
        if board.has_key or not board.KEY_FIELDS:
            return error
        place = f"copy the line from {board.KEY_PLACE} there" if board.KEY_PLACE else "copy it from your account"
        return LoratuiError(error.message, f"Press b, then e, and paste its key: {place}.")

    def _warn(self) -> None:
        """Says once of each board what is wrong with it, and why a search ended early."""
        listing = self._listing
        if listing is None:
            return
        found = _problems(listing)
        found += [listing.cut] if listing.cut else []
        fresh = [text for text in found if text not in self._said]
        self._said.update(fresh)
        self.app.complain(fresh)


def _problems(listing: "Listing") -> list[str]:
    """What is wrong with boards, each with its name once."""
    return [text if text.startswith(name) else f"{name}: {text}" for name, text in listing.problems.items()]
