"""The line to the terminal: answers kept from the keys, a writer that survives the terminal, a clean end on hang-up."""

import os
import selectors
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

from textual import events
from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from loratui.tui.graphics.replies import Reply, ReplyFilter
from loratui.tui.graphics.thrift import Thrift

if TYPE_CHECKING:
    from textual.app import App

_FOCUS_REPORTS = "\x1b[?1004h"


class Writer(WriterThread):
    """Textual's writer thread, which also outlives a terminal that went away.

    The original dies with the first failed write, and the full queue then stops the program for good.
    """

    def __init__(self, file: IO[str], gone: Callable[[], None]) -> None:
        super().__init__(file)
        self._gone = gone

    def run(self) -> None:
        """Writes what is queued; once writing fails, takes and drops it."""
        alive = True
        while (text := self._queue.get()) is not None:
            if alive:
                try:
                    self._file.write(text)
                    if self._queue.empty():
                        self._file.flush()
                except (OSError, ValueError):
                    alive = False
                    self._gone()
        if alive:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._gone()


class _Parser(XTermParser):
    """Textual's key parser behind the filter."""

    def __init__(self, replies: ReplyFilter, deliver: Callable[[Reply], None], debug: bool) -> None:
        super().__init__(debug)
        self._replies = replies
        self._deliver = deliver

    def feed(self, data: str) -> Iterable[Message]:
        if not data:  # the end
            yield from super().feed(data)
            return
        typed, replies = self._replies.feed(data, get_time())
        for reply in replies:
            self._deliver(reply)
        for number, part in enumerate(typed):
            if number:
                yield from self._end_sequence()
            yield from super().feed(part)

    def tick(self) -> Iterable[Message]:
        if held := self._replies.release(get_time()):
            yield from super().feed(held)
            yield from self._end_sequence()
        else:
            yield from super().tick()

    def _end_sequence(self) -> Iterable[Message]:
        """The filter has waited already: the parser must not wait for the same rest again."""
        if self._timeout_time is not None:
            self._timeout_time = 0.0
        yield from super().tick()


class LoratuiDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with the terminal's answers taken out of the keys.

    Attributes:
        on_reply: called in the input thread with each answer of the terminal.
        wrote: called with the number of bytes after each write.
        before_stop: gives what is to be written before the terminal is handed back.
        last_key: when the person last pressed a key, by `time.monotonic`.
    """

    def __init__(
        self, app: "App[Any]", *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.on_reply: Callable[[Reply], None] = lambda reply: None
        self.wrote: Callable[[int], None] = lambda size: None
        self.before_stop: Callable[[], str] = lambda: ""
        self._replies = ReplyFilter()
        self._thrift = Thrift()
        self.last_key = 0.0
        self._ended = False

    def expect_replies(self, seconds: float) -> None:
        """For so long answers are awaited, and a lone ESC may be the beginning of one."""
        self._replies.expecting_until = get_time() + seconds

    def write(self, data: str) -> None:
        """Queues `data` for the terminal; without a terminal it goes nowhere.

        Reports of the focus are not asked for: each change of the window would cost 15–30 kB of repaints.
        """
        if data != _FOCUS_REPORTS and self._writer_thread is not None:
            data = self._thrift.rewrite(data)
            self._writer_thread.write(data)
            self.wrote(len(data.encode()))

    def write_uncounted(self, data: str) -> None:
        """Queues `data` for the terminal without telling `wrote`."""
        if self._writer_thread is not None:
            self._writer_thread.write(data)

    def start_application_mode(self) -> None:
        """As Textual does, with our writer in the place of its own."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None and self._file is not None:
            self._writer_thread.stop()
            self._writer_thread = Writer(self._file, self.hang_up)
            self._writer_thread.start()

    def stop_application_mode(self) -> None:
        """Hands the terminal back."""
        if last := self.before_stop():
            self.write(last)
        super().stop_application_mode()

    def process_message(self, message: Message) -> None:
        """Remembers when a key was pressed."""
        if isinstance(message, events.Key):
            self.last_key = time.monotonic()
        super().process_message(message)

    def hang_up(self) -> None:
        """Ends the program as if asked to: the terminal is gone. From any thread, as often as one likes."""
        if not self._ended:
            self._ended = True
            self._loop.call_soon_threadsafe(self._app.exit)

    def run_input_thread(self) -> None:
        """Reads the terminal until told to stop, or until it is gone."""
        parser = _Parser(self._replies, lambda reply: self.on_reply(reply), self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                # While something is held a shorter wait keeps the Escape key quick.
                if selector.select(0.02 if self._replies.holding else 0.1):
                    try:
                        data = os.read(self.fileno, 4096)
                    except InterruptedError:
                        continue
                    except OSError:
                        data = b""
                    if not data:
                        self.hang_up()
                        return
                    for message in parser.feed(decode(data)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
        for message in parser.feed(""):
            self.process_message(message)
