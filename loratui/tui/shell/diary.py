"""The log file of the TUI, and the terminal kept clean: whatever else is written goes into the file."""

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loratui.core import paths
from loratui.core.sanitize import secret

LIMIT = 1_000_000
"""Bytes after which the log begins anew; the one before is kept as `tui.log.1`."""


def log_path() -> Path:
    """Where the log is."""
    return paths.state_dir() / "tui.log"


def write(error: BaseException) -> None:
    """Adds the traceback of `error` to the log; a log that cannot be written is no second error."""
    text = "".join(traceback.format_exception(error))
    try:
        path = log_path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(secret(text))
    except OSError:
        return


@contextmanager
def own_terminal() -> Iterator[None]:
    """Inside, only the app paints: file descriptors 1 and 2 lead into the log, also for libraries and children.

    The app keeps the terminal as `sys.__stdout__` and `sys.__stderr__`, which is what Textual's drivers paint on. A
    child that needs the terminal (an editor) is given `sys.__stdout__` by name.
    """
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size > LIMIT:
            path.replace(path.with_suffix(".log.1"))
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        target = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    streams = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    for stream in streams:
        if stream is not None:
            stream.flush()
    screens = [os.dup(1), os.dup(2)]
    handler = logging.StreamHandler(os.fdopen(os.dup(target), "w", encoding="utf-8", errors="backslashreplace"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    out, err = (os.fdopen(number, "w", encoding="utf-8", errors="replace") for number in screens)
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc]
        sys.stdout, sys.stderr = out, err
        yield
    finally:
        for stream in (out, err):
            with suppress(OSError):  # the terminal may be gone
                stream.flush()
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(handler)
        handler.stream.close()
        os.close(target)
