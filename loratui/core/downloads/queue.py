"""The queue of a root from outside: whether somebody fetches, who does it when no face stays, what a person may do.

.loratui/downloads.lock      held by the one process that fetches
.loratui/downloads.next      held by the one worker that waits for it
.loratui/downloads.log       what a worker could not put into the queue's own words
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from loratui.core import durable
from loratui.core.downloads.manifest import Batch, Manifest
from loratui.core.downloads.progress import Pace
from loratui.core.errors import LoratuiError, from_os
from loratui.core.jobs import Report, check, silent

POLL = 0.15
"""Seconds between two looks at what is asked of the one that fetches."""
_PATIENCE = 5.0
"""Seconds in which a worker that was started must have taken the lock."""
_STARTS = 3
"""So many workers in a row that take no lock are a failure."""


def home(root: Path) -> Path:
    """The folder of the root's queue."""
    return root / ".loratui"


def lock_path(root: Path) -> Path:
    """What the one process that fetches holds."""
    return home(root) / "downloads.lock"


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Takes the right to fetch for a root, if nobody has it.

    Yields:
        whether it was taken.
    """
    try:
        (home(root) / "downloads").mkdir(parents=True, exist_ok=True)
        with durable.lock(lock_path(root), wait=False) as held:
            yield held
    except OSError as error:
        raise from_os(error, f"Keeping downloads in {root.name}") from error


def busy(root: Path) -> bool:
    """Whether some program is fetching for this root now."""
    try:
        descriptor = os.open(lock_path(root), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # two that only look do not see each other
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def start(root: Path) -> None:
    """Has a worker of its own session see to the queue, whoever of us ends. One that is not needed ends at once.

    Raises:
        LoratuiError: it could not be started.
    """
    # -P: the folder we stand in may hold a `numpy.py`. No key and no query is on the command line.
    command = [sys.executable, "-P", "-m", "loratui.core.downloads.worker", str(root)]
    try:
        # It forks once more and returns at once: no corpse of it is left to us.
        done = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        raise from_os(error, "Starting the downloads") from error
    if done.returncode != 0:
        raise LoratuiError("The downloads could not be started.", f"See {home(root) / 'downloads.log'}.")


def go_on(manifest: Manifest, batch: Batch) -> None:
    """Makes a batch active once more: what is open goes on; where nothing is, what failed or was given up."""
    if batch.state == "cancelled":
        manifest.retry(batch.id, ("cancelled", "failed"))
    elif batch.listed and not batch.open:
        manifest.retry(batch.id)
    else:
        manifest.set_state(batch.id, "active")


def give_up(root: Path, manifest: Manifest, batch: int) -> None:
    """Gives up what is not fetched yet; pictures that are in stay. Who fetches now clears up after itself."""
    manifest.cancel(batch)
    with alone(root) as mine:
        if mine:
            clear(root, manifest, batch)


def clear(root: Path, manifest: Manifest, batch: int) -> None:
    """Drops the halves of files that were given up. Call it with the lock held."""
    for item in manifest.items(batch, ("cancelled",)):
        for suffix in ("part", "whole"):
            (home(root) / "downloads" / f"{item.post.name}.{suffix}").unlink(missing_ok=True)


def follow(
    root: Path,
    manifest: Manifest,
    ended: Callable[[Batch], object],
    expected: set[int] | None = None,
    *,
    paced: Callable[[float | None], object] = lambda _: None,
    report: Report = silent,
    cancel: Event | None = None,
) -> None:
    """Waits while there are active batches; has a worker see to them where no process does.

    Args:
        ended: called with each batch that was active and is no more.
        expected: batches to tell of though they may have ended before they were looked at; may be added to meanwhile.
        paced: told the seconds left, as far as they can be told.
        report: told how many of the files to fetch were done since the first look, and how fast they come.
        cancel: ends the waiting, not the work.

    Raises:
        Cancelled: `cancel` was set.
        LoratuiError: nobody works on them, and no worker stays.
    """
    paces: dict[int, Pace] = {}
    there: dict[int, int] = {}
    waited_since: float | None = None
    started = 0
    while True:
        check(cancel)
        batches = {batch.id: batch for batch in manifest.batches()}
        for number in {*paces, *(expected or ())}:
            if number not in batches or batches[number].state != "active":
                paces.pop(number, None)
                if expected is not None:
                    expected.discard(number)
                if number in batches:
                    ended(batches[number])
        active = [batch for batch in batches.values() if batch.state == "active"]
        if not active:
            return
        if busy(root):
            waited_since, started = None, 0
        elif waited_since is None or time.monotonic() - waited_since > _PATIENCE:
            if started == _STARTS:
                raise LoratuiError("The downloads end as soon as they begin.", f"See {home(root) / 'downloads.log'}.")
            start(root)
            waited_since, started = time.monotonic(), started + 1
        for batch in active:
            paces.setdefault(batch.id, Pace()).look(batch)
            there.setdefault(batch.id, batch.total - batch.open)
        paced(paces[active[0].id].left if len(active) == 1 else None)
        done, total = progress(active)
        before = sum(there[batch.id] - batch.counts.get("existing", 0) for batch in active if batch.total)
        before = max(0, min(before, done))
        report(done - before, None if total is None else total - before, "".join(p.speed for p in paces.values()))
        rest(cancel)


def progress(batches: Iterable[Batch]) -> tuple[int, int | None]:
    """How many of the files to fetch are done, and how many there are; None while they are being listed."""
    begun = [batch for batch in batches if batch.total]
    new = sum(batch.total - batch.counts.get("existing", 0) for batch in begun)
    done = new - sum(batch.open for batch in begun)
    return done, new if begun and all(batch.listed for batch in begun) else None


def rest(cancel: Event | None, seconds: float = 2 * POLL) -> None:
    """Waits between two looks, not longer than until `cancel` is set."""
    if cancel is None:
        time.sleep(seconds)
    else:
        cancel.wait(seconds)


def moved(root: Path, inode: int) -> bool:
    """Whether the lock that was taken as `inode` is no longer this root's: it was moved or taken away."""
    try:
        return os.stat(lock_path(root)).st_ino != inode
    except OSError:
        return True
