"""What the downloads screen shows: a row for each get, a row for each file that is open or failed, totals."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from loratui.core.sanitize import line
from loratui.core.words import duration
from loratui.tui.screens.search_rows import size

if TYPE_CHECKING:
    from loratui.core.downloads.manifest import Batch, Item

_BAR = 12
_WINDOW = 15.0
"""Seconds over which speed is taken."""


class Pace:
    """Speed and time left of one batch, from what its counts were at the last looks."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int, int]] = deque()

    def look(self, batch: "Batch") -> None:
        """Takes in how far the batch is now."""
        now = time.monotonic()
        self._looks.append((now, batch.bytes, batch.total - batch.open))
        while self._looks[0][0] < now - _WINDOW:
            self._looks.popleft()

    def text(self, batch: "Batch") -> str:
        """`3.1 MB/s · 4 min`, as far as it is known."""
        if len(self._looks) < 2:
            return ""
        (start, bytes_then, done_then), (now, bytes_now, done_now) = self._looks[0], self._looks[-1]
        seconds = now - start
        parts = []
        if bytes_now > bytes_then:
            parts.append(f"{size(round((bytes_now - bytes_then) / seconds))}/s")
        if done_now > done_then and batch.listed:
            parts.append(duration(batch.open * seconds / (done_now - done_then)))
        return " · ".join(parts)


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
        colour = {"fetching": "$primary", "done": "$success", "broken off": "$warning", "paused": "$warning"}.get(
            word, "$dim"
        )
        done = batch.total - batch.counts.get("queued", 0)
        failed = batch.counts.get("failed", 0)
        parts: list[Content | tuple[str, str]] = [
            (f"{word:<10} ", colour),
            (bar(done, batch.total), colour),
            (f" {f'{done:,}/{batch.total:,}':>11}  ", ""),
            (f"{failed:,} failed  " if failed else "", "$error"),
            (line(batch.query, 300), "bold"),
            (f"  on {line(batch.board, 40)}", "$dim"),
        ]
        return Content.assemble(*parts)


class ItemRows:
    """The files of one batch that are worth a look: failed ones first, then those to come."""

    def __init__(self, items: "Sequence[Item]" = ()) -> None:
        self.items = sorted(items, key=lambda item: (item.state != "failed", item.bytes == 0, item.id))

    def __len__(self) -> int:
        return len(self.items)

    def row(self, index: int, width: int) -> Content:
        """Number, state, how much of it is here, why it failed."""
        item = self.items[index]
        word: str = item.state
        colour = {"failed": "$error", "fetched": "$success"}.get(item.state, "$dim")
        if item.state == "queued" and item.bytes:
            word, colour = "coming", "$primary"
        whole = f" of {size(item.post.size)}" if item.post.size else ""
        much = f"{size(item.bytes)}{whole}" if item.bytes else whole.removeprefix(" of ")
        reason = f"{line(item.reason, 200):<44} " if item.reason else ""
        return Content.assemble(
            (f"{word:<8} ", colour),
            f"{item.post.id:>10}  ",
            (reason, "$error"),
            (f"{much:>18}  {item.post.width}×{item.post.height} {item.post.ext}", "$dim"),
        )


def bar(done: int, total: int) -> str:
    """How far, as a bar."""
    filled = _BAR * 8 * done // total if total else 0
    full, part = divmod(filled, 8)
    return ("█" * full + ("▏▎▍▌▋▊▉"[part - 1] if part else "")).ljust(_BAR, "·")


def detail(batch: "Batch", failed: "Sequence[Item]", pace: str) -> Content:
    """Two lines on one batch: where to, how much and how fast; what each reason cost."""
    counts = batch.counts
    parts = [f"→ {line(batch.folder) or 'this folder'}", f"{counts.get('done', 0):,} downloaded"]
    parts += [f"{counts['existing']:,} were there"] if counts.get("existing") else []
    parts += [f"{batch.open:,} to come"] if batch.open else []
    parts += [f"{counts['cancelled']:,} given up"] if counts.get("cancelled") else []
    parts += [size(batch.bytes)] if batch.bytes else []
    parts += [pace] if pace else []
    parts += [f"smallest side {batch.options.min_side}"] if batch.options.min_side else []
    parts += [] if batch.options.captions else ["no captions"]
    reasons: list[tuple[str, str]] = []
    for text, count in Counter(item.reason for item in failed).most_common():
        reasons.append((f"{count:,} {line(text, 80)}   ", "$error"))
    for text, count in sorted(batch.filtered.items(), key=lambda pair: -pair[1]):
        reasons.append((f"{count:,} {line(text, 80)}   ", "$dropped"))
    head = Content(" · ".join(parts))
    return Content("\n").join(
        [head, Content.assemble(("left out or failed: ", "$dim"), *reasons) if reasons else Content()]
    )
