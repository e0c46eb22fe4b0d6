"""What a verb says: the document or the lines on stdout; messages, progress and questions on stderr."""

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from loratui.cli.live import LiveLine
from loratui.cli.verbs import Args
from loratui.core.errors import Cancelled, ConfirmationNeeded, LoratuiError, UsageError, from_os
from loratui.core.sanitize import line
from loratui.core.words import duration

if TYPE_CHECKING:
    from loratui.core.jobs import Report
    from loratui.core.workspace import Workspace


class Output:
    """One verb's voice.

    Attributes:
        json: the result is one JSON document.
        dry_run: nothing is to be changed.
    """

    def __init__(self, args: Args) -> None:
        self.json: bool = args.json
        self.dry_run: bool = getattr(args, "dry_run", False)
        self._yes: bool = args.yes
        self._cancel = Event()
        self._listens = False
        self._workspace: Workspace | None = None

    @staticmethod
    def directory(args: Args) -> Path:
        """Where the program works: `-C`, else the current folder.

        Raises:
            UsageError: the current folder was removed.
        """
        try:
            return Path(args.directory if os.path.isabs(args.directory) else os.path.join(os.getcwd(), args.directory))
        except FileNotFoundError:
            raise UsageError("The current folder is not there any more.", "Go to another one with cd.") from None

    def workspace(self, args: Args) -> "Workspace":
        """The workspace of that folder. Tells of unknown keys in loratui.toml."""
        from loratui.core.workspace import Workspace

        self._workspace = workspace = Workspace.open(self.directory(args), dry=self.dry_run)
        try:
            workspace.settle()
        except LoratuiError as error:  # what is only read can be read; a change will refuse
            self.note(f"loratui: {error.message} {error.remedy}")
        for key in workspace.project.warnings if workspace.project else ():
            self.note(f"loratui.toml has a key that is not known here: {key} (kept as it is).")
        return workspace

    def tell_recovered(self) -> None:
        """Names the files that a recovery left as they are, if this verb met with one."""
        for path in self._workspace.recovered_around() if self._workspace is not None else ():
            self.note(f"{path} was left as it is: another program changed it while a step was interrupted.")

    @property
    def cancel(self) -> Event:
        """Set by the first Ctrl-C, so that work stops at a whole state; a second one ends the program at once."""
        if not self._listens and threading.current_thread() is threading.main_thread():
            self._listens = True
            signal.signal(signal.SIGINT, self._interrupted)
        return self._cancel

    def _interrupted(self, number: int, frame: object) -> None:
        if self._cancel.is_set():
            raise KeyboardInterrupt
        self._cancel.set()
        self.note("stopping…")

    def done(self, document: Mapping[str, object], lines: Iterable[str] = (), code: int = 0) -> int:
        """The verb's result: the document with `--json`, else the lines. Returns `code`."""
        if self.json:
            self.event({**document, "dry_run": True} if self.dry_run else document)
        else:
            with _written():
                for text in lines:
                    print(line(text, 100_000))
                sys.stdout.flush()
        return code

    def event(self, document: Mapping[str, object] | Sequence[object]) -> None:
        """One JSON document on a line of its own: stream verbs write many."""
        with _written():
            print(json.dumps(_plain(document), ensure_ascii=True, separators=(",", ":")), flush=True)

    def note(self, text: str) -> None:
        """A message for the person."""
        with suppress(OSError):  # where nobody can be told, the work goes on
            print(line(text, 10_000), file=sys.stderr, flush=True)

    def confirm(self, question: str, remedy: str = "Give --yes to go on without being asked.") -> None:
        """Asks on a terminal; returns if the answer is yes.

        Raises:
            ConfirmationNeeded: nobody is there to ask.
            Cancelled: the answer is no.
        """
        if self._yes:
            return
        if self.json or not sys.stdin.isatty():
            raise ConfirmationNeeded(question, remedy)
        print(f"{line(question)} [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Cancelled("nothing was done")

    @contextmanager
    def progress(self, title: str) -> "Iterator[Report]":
        """A progress line with ETA on stderr while the block runs; nothing where stderr is no terminal."""
        if not sys.stderr.isatty():
            yield _quiet
            return
        bar = _Bar(title)
        try:
            yield bar
        finally:
            bar.clear()


@contextmanager
def _written() -> Iterator[None]:
    """Around writing to stdout.

    Raises:
        BrokenPipeError: nobody reads it any more.
        LoratuiError: it cannot be written, as where the disk is full.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise from_os(error, "Writing the result") from error


def _quiet(done: int, total: int | None, note: str = "", /) -> None:
    """A report that nobody sees."""


class _Bar:
    """A line of progress, written at most ten times a second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = self._last = time.monotonic()
        self._line = LiveLine()

    def __call__(self, done: int, total: int | None, note: str = "", /) -> None:
        now = time.monotonic()
        if now - self._last < 0.1 and done != total:
            return
        self._last = now
        parts = [self._title]
        if total:
            parts.append(f"{done:,}/{total:,} {done * 100 // total} %")
            if 0 < done < total and now - self._start > 1:
                parts.append(f"{duration((now - self._start) / done * (total - done))} left")
        elif done:
            parts.append(f"{done:,}")
        self._line.show(" · ".join([*parts, *([note] if note else [])]))

    def clear(self) -> None:
        self._line.clear()


def _plain(value: Any) -> Any:
    """The value as JSON has it: NaN and infinities are null, paths and sets are text and lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def failed(error: LoratuiError, as_json: bool) -> int:
    """Says what went wrong; returns the exit code."""
    if as_json:
        document: dict[str, object] = {"message": error.message, "remedy": error.remedy, "exit": error.exit_code}
        if (position := getattr(error, "position", None)) is not None:
            document["position"] = position
        conflicts = getattr(error, "files", ())
        body: dict[str, object] = {"error": document, **({"conflicts": list(conflicts)} if conflicts else {})}
        with suppress(OSError):  # what went wrong may be stdout itself
            print(json.dumps(_plain(body), ensure_ascii=True, separators=(",", ":")), flush=True)
    text = line(f"{error.message} {error.remedy}".strip(), 10_000)
    with suppress(OSError):
        print(f"loratui: {text}", file=sys.stderr, flush=True)
    for part in getattr(error, "picture", ()):  # of an expression: the text, and a caret below its mistake
        print(f"  {part}", file=sys.stderr, flush=True)
    return error.exit_code
