"""The parent's side of the worker protocol (see `child`): starts a child process, asks it, ends it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from types import TracebackType
from typing import Any, Self

from loratui.core import paths
from loratui.core.errors import Cancelled, LoratuiError, Refused, UsageError
from loratui.core.jobs import Report, silent
from loratui.core.sanitize import line as printable
from loratui.core.workers.child import MAX_LINE, PROTOCOL

# Runs a module of this package in any interpreter, without putting the folder it is installed in (which holds all our
# dependencies, for another Python) on that interpreter's path.
_BOOTSTRAP = """\
import importlib.util as u, runpy, sys
folder, module = sys.argv[1:3]
sys.argv[1:3] = []
spec = u.spec_from_file_location("loratui", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["loratui"] = package = u.module_from_spec(spec)
spec.loader.exec_module(package)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
_POLL = 0.05  # how soon a cancel is seen, in seconds
_GRACE = 0.5  # how long a terminated child may take to end by itself


class Worker:
    """A child process that answers requests, one at a time. Use it as a context manager: leaving ends the child.

    Args:
        module: the worker module, such as `loratui.core.tagging.worker`.
        name: what it is, for messages: `tagger`.
        python: the interpreter; None: our own.
        environment: variables added to ours.
        start_seconds: how long it may take to say that it is ready.
        cancel: set by the person to stop the start.

    Raises:
        LoratuiError: it cannot start; the sentence says why and the remedy what to do.
    """

    def __init__(
        self,
        module: str,
        name: str,
        *,
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
        start_seconds: float = 120.0,
        cancel: Event | None = None,
    ) -> None:
        self.name = name
        self._stderr: deque[str] = deque(maxlen=60)
        self._messages: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._broken = ""
        self._asked = 0
        self._turn = threading.Lock()
        interpreter = str(python or sys.executable)
        try:
            self._process = subprocess.Popen(
                [interpreter, "-c", _BOOTSTRAP, str(paths.PACKAGE), module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",  # a `numpy.py` in somebody's dataset must not be imported
                env={**os.environ, "PYTHONSAFEPATH": "1", **(environment or {})},
                start_new_session=True,  # Ctrl-C is ours to handle, and its children end with it
            )
        except OSError as error:
            raise LoratuiError(
                f"The {name} cannot start: {interpreter}: {error.strerror}.", "Check the path of the interpreter."
            ) from error
        self._threads = [
            threading.Thread(target=self._read_messages, daemon=True, name=f"{name} messages"),
            threading.Thread(target=self._read_stderr, daemon=True, name=f"{name} stderr"),
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._shake_hands(start_seconds, cancel)
        except BaseException:
            self.terminate()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child still lives."""
        return self._process.poll() is None

    @property
    def stderr(self) -> list[str]:
        """The last lines the child printed, safe to show."""
        return list(self._stderr)

    def call(
        self,
        do: str,
        params: Mapping[str, Any],
        *,
        report: Report = silent,
        cancel: Event | None = None,
    ) -> dict[str, Any]:
        """The result of one request; items are dropped. Raises as `stream` does."""
        stream = self.stream(do, params, report=report, cancel=cancel)
        while True:
            try:
                next(stream)
            except StopIteration as end:
                result: dict[str, Any] = end.value
                return result

    def stream(
        self,
        do: str,
        params: Mapping[str, Any],
        *,
        report: Report = silent,
        cancel: Event | None = None,
    ) -> Generator[dict[str, Any], None, dict[str, Any]]:
        """Asks, and gives each item as it comes; the generator's return value is the result.

        Raises:
            Cancelled: `cancel` was set; the child is gone.
            LoratuiError: what the child refused or failed at, or that it died, with its last words.
        """
        with self._turn:
            self._asked += 1
            ident = self._asked
            self._send({"id": ident, "do": do, "with": params})
            while True:
                message = self._next(cancel, None)
                if message.get("id") != ident:  # of a request whose stream was left early
                    continue
                if "item" in message:
                    yield message["item"]
                elif "progress" in message:
                    done, total, note = message["progress"]
                    report(done, total, note)
                elif "error" in message:
                    raise _error(message["error"])
                else:
                    result: dict[str, Any] = message["result"]
                    return result

    def close(self) -> None:
        """Ends the child: politely by the end of its input, then by force. Nothing is left behind."""
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except OSError:  # it is gone, and what was not yet written with it
            pass
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.terminate()
        self._release()

    def terminate(self) -> None:
        """Ends the child and what it started at once: TERM, and KILL if it does not listen."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:  # only ended processes are left of the group (macOS says it so)
                pass
            try:
                self._process.wait(_GRACE)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()
        self._release()

    def _release(self) -> None:
        """Closes the pipes, once nobody reads them any more."""
        for thread in self._threads:
            thread.join(1.0)  # a grandchild could still hold a pipe open: it is not waited for
        for pipe, thread in ((self._process.stdout, self._threads[0]), (self._process.stderr, self._threads[1])):
            if pipe and not thread.is_alive():
                pipe.close()
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except OSError:
            pass

    def _shake_hands(self, seconds: float, cancel: Event | None) -> None:
        message = self._next(cancel, time.monotonic() + seconds)
        if "fatal" in message:
            raise _error(message["fatal"])
        if message.get("protocol") != PROTOCOL:
            raise self._died(f"speaks another protocol ({printable(str(message), 80)})")

    def _send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        if len(data) > MAX_LINE:
            raise ValueError(f"a request of {len(data)} bytes is over the limit of {MAX_LINE}")
        try:
            assert self._process.stdin
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._died() from error

    def _next(self, cancel: Event | None, deadline: float | None) -> dict[str, Any]:
        """The next message. Raises Cancelled or, when the child is dead or late, LoratuiError."""
        while True:
            if cancel is not None and cancel.is_set():
                self.terminate()
                raise Cancelled
            try:
                message = self._messages.get(timeout=_POLL)
            except Empty:
                if deadline is not None and time.monotonic() > deadline:
                    raise self._died("did not get ready in time") from None
                continue
            if message is None:
                self._messages.put(None)  # for whoever asks next
                raise self._died(self._broken)
            return message

    def _died(self, what: str = "") -> LoratuiError:
        """What to tell the person when the child cannot be used any more; it is gone afterwards."""
        if not what:
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                what = "closed its side of the conversation"
        self.terminate()
        code = self._process.returncode
        if not what and code < 0:
            what = f"was ended by the system ({_signal_name(-code)})"
        what = what or f"stopped by itself (exit {code})"
        remedy = "Run it again; if it happens again, report these words."
        if code == -signal.SIGKILL and "ended by the system" in what:
            remedy = "It most likely ran out of memory: close other programs or use a smaller model."
        last = " | ".join([text for text in self._stderr if text.strip()][-3:])
        return LoratuiError(f"The {self.name} {what}{': ' + printable(last, 600) if last else ''}.", remedy)

    def _read_messages(self) -> None:
        pipe = self._process.stdout
        assert pipe
        try:
            while data := pipe.readline(MAX_LINE + 1):
                if len(data) > MAX_LINE:
                    self._broken = f"sent a line of more than {MAX_LINE // 2**20} MiB"
                    break
                if not data.endswith(b"\n"):  # it died in the middle of a word
                    break
                message = json.loads(data)
                if not isinstance(message, dict):
                    raise ValueError(message)
                self._messages.put(message)
        except ValueError:
            self._broken = "sent something that is no message"
        self._messages.put(None)

    def _read_stderr(self) -> None:
        pipe = self._process.stderr
        assert pipe
        while data := pipe.readline(2000):
            self._stderr.append(printable(data.decode(errors="replace").rstrip("\n"), 2000))


def _error(error: Mapping[str, Any]) -> LoratuiError:
    kind = {2: UsageError, 3: Refused}.get(error.get("exit", 1), LoratuiError)
    return kind(printable(str(error["message"])), printable(str(error.get("remedy", ""))))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
