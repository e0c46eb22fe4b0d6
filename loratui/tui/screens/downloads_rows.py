"""What the downloads screen shows: a row for each get, a row for each file that comes or failed, totals."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from loratui.core.sanitize import line
from loratui.core.words import count, duration

if TYPE_CHECKING:
    from loratui.core.downloads.manifest import Batch, Item, State
    from loratui.core.downloads.progress import Pace

_BAR = 12
_THERE: "tuple[State, ...]" = ("done", "existing", "fetched")
_COLOURS = {
    "fetching": "$primary",
    "done": "$success",
    "listing": "$primary",
    "broken off": "$warning",
    "stopped": "$warning",
    "trouble": "$error",
}


def size(number: int) -> str:
    """Bytes in three figures: `277 kB`, `3.1 MB`."""
    from loratui.core.downloads.progress import size as words

    return words(number)


class BatchRows:
    """The gets, newest first."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.words: dict[int, str] = {}
        self.paces: dict[int, Pace] = {}

    def __len__(self) -> int:
        return len(self.batches)

    def row(self, index: int, width: int) -> Content:
        """State, how far, how fast, what and where to."""
        batch = self.batches[index]
        word = self.words.get(batch.id, batch.state)
        colour = _COLOURS.get(word, "$dim")
        there = sum(batch.counts.get(state, 0) for state in _THERE)
        parts: list[Content | tuple[str, str]] = [
            (f"{word:<10} ", colour),
            (bar(there, batch.total), colour),
            (f" {f'{there:,}/{batch.total:,}' if batch.total else '':>11}  ", ""),
        ]
        if width >= 100 or word == "fetching":
            parts.append((f"{self.pace(batch):<20} ", "$accent"))
        parts += [
            (f"{batch.failed:,} failed  " if batch.failed else "", "$error"),
            (line(batch.query, 300), "bold"),
            (f"  on {line(batch.board, 80)}", "$dim"),
            (f"  → {line(batch.folder)}" if width >= 140 and batch.folder else "", "$dim"),
        ]
        return Content.assemble(*parts)

    def pace(self, batch: "Batch") -> str:
        """`3.1 MB/s · 4 min`, as far as it is known; "" for one that nobody works on."""
        pace = self.paces.get(batch.id)
        if pace is None:
            return ""
        parts = [pace.speed] if pace.speed else []
        parts += [duration(pace.left)] if pace.left is not None and batch.open else []
        return " · ".join(parts)


class ItemRows:
    """The files of one batch that are worth a look: those that come, then failed ones, then some of those to come.

    A file that comes keeps its row until it is there; then another takes the row: nothing else moves.

    Args:
        begun: files of which a part is here.
        failed: files that did not come.
        waiting: files of which nothing is here.
        fetching: whether somebody works on the batch.
        more: how many there are beyond those given.
        before: the rows shown last.
    """

    def __init__(
        self,
        begun: "Sequence[Item]" = (),
        failed: "Sequence[Item]" = (),
        waiting: "Sequence[Item]" = (),
        *,
        fetching: bool = False,
        more: int = 0,
        before: "ItemRows | None" = None,
    ) -> None:
        self._fetching = fetching
        self._more = more
        self.coming: list[Item] = _in_place(begun, before.coming if before is not None else [])
        self._rest = [*failed, *waiting]

    def __len__(self) -> int:
        return len(self.coming) + len(self._rest) + (self._more > 0)

    def failed_at(self, index: int) -> "Item | None":
        """The file of a row, if it failed."""
        place = index - len(self.coming)
        return self._rest[place] if 0 <= place < len(self._rest) and self._rest[place].state == "failed" else None

    def row(self, index: int, width: int) -> Content:
        """State, number, how much of it is here, why it failed."""
        if index == len(self.coming) + len(self._rest):
            return Content.styled(f"{'…':<8} {count(self._more, 'more file')} to come", "$dim")
        item = self.coming[index] if index < len(self.coming) else self._rest[index - len(self.coming)]
        what = f"{item.post.width}×{item.post.height} {item.post.ext}" if item.post.width else item.post.ext
        name = f"{item.post.id:>10}  "
        if item.state == "failed":
            return Content.assemble(
                ("failed   ", "$error"), name, (f"{line(item.reason, 200)}  ", "$error"), (what, "$dim")
            )
        whole = item.size or 0
        if not item.bytes:
            return Content.assemble(("queued   ", "$dim"), name, (f"{size(whole) if whole else '':>9}  {what}", "$dim"))
        word, colour = ("coming", "$primary") if self._fetching else ("half", "$warning")
        share = f"{100 * item.bytes // whole:>3} %" if whole else ""
        much = f"{size(item.bytes)} of {size(whole)}" if whole else size(item.bytes)
        return Content.assemble(
            (f"{word:<8} ", colour),
            name,
            (bar(item.bytes, whole) if whole else " " * _BAR, colour),
            f" {share:>5}  {much:>18}  ",
            (what, "$dim"),
        )


def _in_place(begun: "Sequence[Item]", before: "Sequence[Item]") -> "list[Item]":
    """`begun` with every file in the row it had."""
    fresh = {item.id: item for item in begun}
    rows = [fresh.pop(item.id, None) for item in before]
    others = iter(fresh.values())
    return [item for row in rows if (item := row or next(others, None)) is not None] + list(others)


def bar(done: int, total: int) -> str:
    """How far, as a bar."""
    filled = min(_BAR * 8, _BAR * 8 * done // total) if total else 0
    full, part = divmod(filled, 8)
    return ("█" * full + ("▏▎▍▌▋▊▉"[part - 1] if part else "")).ljust(_BAR, "·")


def _help(batch: "Batch", reason: str) -> str:
    """What helps against the commonest reason."""
    from loratui.core.downloads.reasons import REPEAT, remedy

    found = remedy(reason, batch.boards[0])
    return "R tries them again." if found == REPEAT else found


def detail(batch: "Batch", reasons: Mapping[str, int], pace: str) -> list[Content]:
    """Lines on one batch: where to, how much and how fast; what each reason cost, and what helps; why it stopped."""
    counts = batch.counts
    found = batch.total + sum(batch.filtered.values())
    parts = [f"→ {line(batch.folder) or 'this folder'}", f"{found:,} found", f"{counts.get('done', 0):,} downloaded"]
    parts += [f"{counts['existing']:,} were there"] if counts.get("existing") else []
    parts += [size(batch.bytes)] if batch.bytes else []
    due = f" ({size(batch.left)})" if batch.left and not batch.unsized else ""
    parts += [f"{batch.open:,} to come{due}"] if batch.open else []
    parts += [f"{counts['cancelled']:,} given up"] if counts.get("cancelled") else []
    parts += [pace] if pace else []
    parts += [line(" ".join(batch.options.wishes.options()))] if batch.options.wishes.options() else []
    parts += [] if batch.options.captions else ["no captions"]
    costs: list[tuple[str, str]] = []
    for text, number in reasons.items():
        costs.append((f"{number:,} {line(text, 80)}   ", "$error"))
    for text, number in sorted(batch.filtered.items(), key=lambda pair: -pair[1]):
        costs.append((f"{number:,} {line(text, 80)}   ", "$dropped"))
    found_lines = [Content(" · ".join(parts))]
    found_lines += [Content.assemble(("left out or failed: ", "$dim"), *costs)] if costs else []
    found_lines += [Content.styled(line(_help(batch, next(iter(reasons))), 300), "$dim")] if reasons else []
    found_lines += [Content.styled(line(batch.problem, 400), "$error")] if batch.problem else []
    return found_lines
