"""The trainer's log as lines a person reads: bars only as they stood when something else was said."""

from collections.abc import Iterable, Iterator
from threading import Event

from loratui.core.jobs import check
from loratui.core.runs.state import Run
from loratui.core.runs.train_log import Bar, Entry, Epoch, Fact, LogParser, Saved, Text

PIECE = 4 << 20


class _Lines:
    """Entries as lines; a bar waits until it is known to be the last of its kind."""

    def __init__(self) -> None:
        self._bar: Bar | None = None

    def of(self, entries: Iterable[Entry]) -> Iterator[str]:
        """The lines of these entries."""
        for entry in entries:
            if isinstance(entry, Bar):
                if self._bar and self._bar.name != entry.name:
                    yield _bar(self._bar)
                self._bar = entry
                continue
            yield from self.close()
            match entry:
                case Epoch(number, total):
                    yield f"epoch {number}/{total}"
                case Saved(path, removed):
                    yield f"{'removing old' if removed else 'saving'} checkpoint: {path}"
                case Fact(name, value):
                    yield f"{name.replace('_', ' ')}: {value}"
                case Text(text):
                    yield text

    def close(self) -> Iterator[str]:
        """The bar that still waits."""
        if self._bar:
            yield _bar(self._bar)
            self._bar = None


def _bar(bar: Bar) -> str:
    loss = "" if bar.average is None else f", average loss {bar.average:g}"
    return f"{bar.name or 'progress'} {bar.done}/{bar.total}{loss}"


def lines(run: Run) -> Iterator[str]:
    """All that is in the log now, from its oldest part on."""
    shown = _Lines()
    for name in ("train.log.1", "train.log"):
        parser = LogParser()
        path = run.folder / name
        if not path.exists():
            continue
        with path.open("rb") as stream:
            while data := stream.read(PIECE):
                yield from shown.of(parser.feed(data))
        yield from shown.of(parser.close())
    yield from shown.close()


def follow_lines(run: Run, *, cancel: Event) -> Iterator[str]:
    """The log, and what comes, until the run ends.

    Raises:
        Cancelled: `cancel` was set.
    """
    shown, parser, offset = _Lines(), LogParser(), 0
    path = run.folder / "train.log"
    while True:
        check(cancel)
        over, data = run.state().over, b""
        if path.exists():
            with path.open("rb") as stream:
                if stream.seek(0, 2) < offset:
                    offset, parser = 0, LogParser()
                stream.seek(offset)
                data = stream.read(PIECE)
        offset += len(data)
        yield from shown.of(parser.feed(data))
        if not data and over:
            yield from shown.of(parser.close())
            yield from shown.close()
            return
        if not data:
            cancel.wait(0.3)
