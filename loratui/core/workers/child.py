"""The child's side of the worker protocol. Standard library only: it also runs in the trainer's interpreter.

One JSON object per line, ASCII-escaped, at most `MAX_LINE` bytes, both ways:

    parent → child   {"id": 1, "do": "tag", "with": {…}}
    child → parent   {"hello": "tagger", "protocol": 1, "with": {…}}   once, when it is ready
                     {"fatal": {"message": …, "remedy": …}}            instead, when it cannot work here
                     {"id": 1, "progress": [done, total, note]}        any number
                     {"id": 1, "item": {…}}                            any number: partial results
                     {"id": 1, "result": {…}}                          once, or
                     {"id": 1, "error": {"message": …, "remedy": …, "exit": 1}}

A worker is done when its stdin ends: also when its parent was killed. It is cancelled by terminating it.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

from loratui.core.errors import LoratuiError

PROTOCOL = 1
MAX_LINE = 4 * 1024 * 1024


class Exchange:
    """Where a handler sends what it has before its result. Safe to use from any thread.

    Args:
        channel: the pipe to the parent.
        ident: the request's id.
    """

    def __init__(self, channel: "Channel", ident: int) -> None:
        self._channel = channel
        self._ident = ident

    def item(self, item: Mapping[str, Any]) -> None:
        """Sends one partial result."""
        self._channel.send({"id": self._ident, "item": item})

    def progress(self, done: int, total: int | None, note: str = "") -> None:
        """Reports `done` of `total` units (None: unknown)."""
        self._channel.send({"id": self._ident, "progress": [done, total, note]})


Handler = Callable[[dict[str, Any], Exchange], Mapping[str, Any]]


class Channel:
    """The pipe to the parent, one whole line at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends one message; waits while the parent is slow.

        Raises:
            ValueError: it is longer than the parent accepts, or no JSON.
        """
        line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise ValueError(f"a message of {len(line)} bytes is over the limit of {MAX_LINE}")
        with self._lock:
            view = memoryview(line)
            while view:
                view = view[os.write(self._descriptor, view) :]


def serve(name: str, prepare: Callable[[], Mapping[str, Handler]]) -> None:
    """Runs a worker until its stdin ends.

    Args:
        name: what the worker is, for messages: `tagger`.
        prepare: imports what the work needs and gives the handlers by the name of the request. A package that is
            missing here becomes one sentence for the person.
    """
    # Libraries print to stdout as they like: that goes to stderr, and the protocol keeps the pipe for itself.
    channel = Channel(os.dup(1))
    os.dup2(2, 1)
    try:
        handlers = prepare()
    except Exception as error:
        traceback.print_exc()
        channel.send({"fatal": _cannot_start(name, error)})
        sys.exit(1)
    channel.send({"hello": name, "protocol": PROTOCOL, "with": {"python": sys.executable}})
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    while True:
        request = requests.get()
        channel.send({"id": request["id"], **_answer(handlers, request, Exchange(channel, request["id"]))})


def _read(requests: "SimpleQueue[dict[str, Any]]") -> None:
    """Feeds the requests; ends the process at once when the parent is gone, even in the middle of native code."""
    with os.fdopen(0, "rb", closefd=False) as stdin:
        while line := stdin.readline(MAX_LINE + 1):
            requests.put(json.loads(line))
    os._exit(0)


def _answer(handlers: Mapping[str, Handler], request: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    try:
        return {"result": handlers[request["do"]](request.get("with", {}), exchange)}
    except LoratuiError as error:
        return {"error": {"message": error.message, "remedy": error.remedy, "exit": error.exit_code}}
    except Exception as error:
        traceback.print_exc()
        return {"error": {"message": _plain(error), "remedy": "", "exit": 1}}


def _cannot_start(name: str, error: Exception) -> dict[str, str]:
    if isinstance(error, LoratuiError):
        return {"message": error.message, "remedy": error.remedy}
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return {
            "message": f"The {name} needs the Python package {package}, which {sys.executable} does not have.",
            "remedy": f"Install it there: {sys.executable} -m pip install {package}",
        }
    return {
        "message": f"The {name} cannot start: {_plain(error)}",
        "remedy": f"Reinstall the packages of {sys.executable}, or use another interpreter.",
    }


def _plain(error: Exception) -> str:
    """The first line of what an exception says, with its kind where it says nothing."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
