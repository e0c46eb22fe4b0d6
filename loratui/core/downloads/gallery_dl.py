"""The person's own gallery-dl: a separate program, found on PATH, spoken to by files and pipes.

It downloads what a page holds into a folder, with a JSON file of what it knows of each picture. Its own configuration
(accounts, cookies, pace) stays in force; only where files go and how they are called is said here. Its options, events
and exit codes: facts of gallery-dl 1.32.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import IO

from loratui.core.errors import Cancelled, LoratuiError, UsageError, from_os
from loratui.core.jobs import Report, silent
from loratui.core.sanitize import line, secret

META = "meta"
"""The folder of the JSON files, inside the one of the pictures."""

_NAME = "{category}_{id|filename}{num:?_//}"
_STILLS = "extension.lower() in ('jpg','jpeg','png','webp','avif','bmp','jxl','tif','tiff','jp2')"
_MESSAGE = re.compile(r"\[(?P<site>[^\]]*)\]\[(?P<level>error|warning)\] (?P<text>.*)")
_FAILED = re.compile(r"Failed to download (?P<name>.+)")
_SILENT = 20.0  # seconds without a word: most often the site asked it to wait
_GRACE = 3.0
_LONGEST = 4000  # of a line it prints, in bytes


@dataclass(slots=True)
class Fetched:
    """What a run of it did.

    Attributes:
        pictures: whole files, in the page's order.
        existing: names (without ending) it left out because they were in `known`.
        failed: name and reason.
        trouble: why the page could not be read to its end, "" if it was.
    """

    pictures: list[Path] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    trouble: str = ""


def executable() -> str:
    """Where it lies.

    Raises:
        LoratuiError: it is not installed.
    """
    found = shutil.which("gallery-dl")
    if found is None:
        raise LoratuiError(
            "Pages of other sites are fetched by gallery-dl, which is not on PATH.",
            "Install it (pipx install gallery-dl), then repeat.",
        )
    return found


def fetch(
    url: str,
    stage: Path,
    known: Iterable[str] = (),
    *,
    simulate: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Fetched:
    """Downloads the still pictures of a page into `stage`; half files there are gone on with.

    Args:
        url: of the page; may hold keys: it reaches the program in a file, not in its arguments.
        stage: an own folder.
        known: names (without ending) that need not be fetched.
        simulate: lists only; `pictures` are the files that would come.

    Raises:
        Cancelled: whole files and halves stay in `stage`.
        UsageError: it knows no such site.
        LoratuiError: it is not installed, or got nothing at all; the sentence says its reason.
    """
    program = executable()
    known = frozenset(known)
    try:
        stage.mkdir(parents=True, exist_ok=True)
        (stage / "archive.sqlite3").unlink(missing_ok=True)  # what is here decides, not what was here once
        _write_archive(stage / "archive.sqlite3", known)
        _write_private(stage / "gallery-dl.json", json.dumps(_options(stage)))
        _write_private(stage / "page.txt", f"{url}\n")
    except OSError as error:
        raise from_os(error, "Preparing the download of a page") from error
    command = [program, "--config", str(stage / "gallery-dl.json"), "--no-colors"]
    command += [*(["--simulate"] if simulate else []), "--input-file", str(stage / "page.txt")]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=stage,
            env={**os.environ, "NO_COLOR": "1", "PYTHONSAFEPATH": "1"},
            start_new_session=True,  # Ctrl-C is ours to handle
        )
    except OSError as error:
        raise from_os(error, "Starting gallery-dl") from error
    try:
        found = _listen(process, stage, known, report, cancel)
        code = process.wait()
    finally:
        _end(process)
        (stage / "page.txt").unlink(missing_ok=True)
    _judge(found, code, url)
    return found


def _options(stage: Path) -> dict[str, object]:
    """Options at the root of its configuration: there they win over those of a site."""
    return {
        "base-directory": f"{stage}/",
        "directory": [],
        "filename": f"{_NAME}.{{extension}}",
        "image-filter": _STILLS,
        "archive": str(stage / "archive.sqlite3"),
        "archive-prefix": "",
        "archive-format": _NAME,
        "skip": True,
        "part": True,
        "postprocessors": [
            {"name": "metadata", "mode": "json", "event": "prepare", "directory": META, "filename": f"{_NAME}.json"}
        ],
        "output": {"mode": "pipe", "progress": False, "shorten": False, "colors": {}},
    }


def _write_archive(path: Path, known: Iterable[str]) -> None:
    database = sqlite3.connect(path)
    try:
        with database:
            database.execute("create table archive (entry text primary key) without rowid")
            database.executemany("insert or ignore into archive values (?)", ((name,) for name in known))
    finally:
        database.close()


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _listen(
    process: "subprocess.Popen[bytes]", stage: Path, known: frozenset[str], report: Report, cancel: Event | None
) -> Fetched:
    """What it prints, until it ends."""
    words: SimpleQueue[tuple[bool, str] | None] = SimpleQueue()
    pipes: list[tuple[IO[bytes] | None, bool]] = [(process.stdout, False), (process.stderr, True)]
    for pipe, wrong in pipes:
        threading.Thread(target=_read, args=(pipe, wrong, words), daemon=True).start()
    found = Fetched()
    last_warning, open_pipes, heard = "", len(pipes), time.monotonic()
    while open_pipes:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        try:
            word = words.get(timeout=0.1)
        except Empty:
            if time.monotonic() - heard > _SILENT:
                report(len(found.pictures), None, "waiting for the site")
            continue
        heard = time.monotonic()
        if word is None:
            open_pipes -= 1
        elif word[0]:
            last_warning = _trouble(word[1], last_warning, found)
        else:
            _told(word[1], stage, known, found)
            report(len(found.pictures), None, line(Path(word[1]).name, 60))
    return found


def _read(pipe: IO[bytes] | None, wrong: bool, words: "SimpleQueue[tuple[bool, str] | None]") -> None:
    assert pipe is not None
    with pipe:
        while raw := pipe.readline(_LONGEST):
            words.put((wrong, raw.decode(errors="replace").rstrip("\r\n")))
    words.put(None)


def _told(text: str, stage: Path, known: frozenset[str], found: Fetched) -> None:
    """A line of its output: a path, or `# path` of one it need not fetch (a simulation has only such lines)."""
    path = Path(text.removeprefix("# "))
    if path.parent not in (stage, Path()):
        return
    if path.stem in known:
        found.existing.append(path.stem)
    else:
        found.pictures.append(stage / path.name)


def _trouble(text: str, warning: str, found: Fetched) -> str:
    """A line of its complaints; the reason of a failure stands in the warning before it. Returns the last warning."""
    match = _MESSAGE.match(text)
    if match is None:
        return warning
    said = line(secret(match["text"]), 300)
    if match["level"] == "warning":
        return said
    failed = _FAILED.fullmatch(match["text"])
    if failed is not None:
        found.failed.append((line(failed["name"], 120), warning or "the file could not be had"))
    else:
        found.trouble = said
    return ""


def _judge(found: Fetched, code: int, url: str) -> None:
    """Turns an exit with nothing to show into its sentence. The code is a set of bits."""
    shown = line(secret(url), 120)
    if code & 64 and not found.pictures:
        raise UsageError(
            f"gallery-dl knows no site or page like {shown}.",
            "Check the address; gallery-dl --list-extractors shows what it knows.",
        )
    if code and not (found.pictures or found.existing or found.failed):
        said = found.trouble or f"it ended with {code}"
        remedy = "Open the page in a browser to see whether it is there; then repeat."
        if code & 16:
            remedy = "The site wants an account: put it into gallery-dl's own configuration, then repeat."
        raise LoratuiError(f"gallery-dl got nothing from {shown}: {said.rstrip('.')}.", remedy)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Nothing of it is left behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(_GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
