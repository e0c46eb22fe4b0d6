"""One run over a batch: classify, transfer, check, take in. Lives in the thread of its caller."""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from uuid import uuid4

from loratui.core.boards.answers import BoardError
from loratui.core.boards.board import Board
from loratui.core.boards.network import Network
from loratui.core.boards.post import Post
from loratui.core.downloads.intake import Intake
from loratui.core.downloads.manifest import Item, Manifest, Options, State
from loratui.core.downloads.present import Present
from loratui.core.downloads.transfer import Job
from loratui.core.downloads.transfers import Transfers
from loratui.core.errors import Cancelled, LoratuiError, from_os
from loratui.core.jobs import Report
from loratui.core.workspace import Workspace

_CHUNK = 32
"""Pictures taken in by one step."""
_CHUNK_SECONDS = 5.0
"""… or all that are ready after so long: what an interrupted get has, it keeps."""


class Fetching:
    """Posts go in by `add`, events are dealt with by `turn`, and `finish` waits for the rest.

    Args:
        batch: the batch's id in `manifest`.
        folder: where pictures go, relative to the root.
        command: the equivalent command line, for the history.

    Attributes:
        downloaded: pictures taken in by this run.
        existing: pictures that were here already.
        failed: post ids and reasons.
    """

    def __init__(
        self,
        workspace: Workspace,
        manifest: Manifest,
        batch: int,
        folder: str,
        options: Options,
        command: str,
        network: Network,
        report: Report,
        cancel: Event | None,
    ) -> None:
        self.downloaded = 0
        self.existing = 0
        self.failed: list[tuple[int, str]] = []
        self._root = workspace.root
        self._manifest = manifest
        self._batch = batch
        self._report = report
        self._cancel = cancel
        self._transfers = Transfers(network)
        self._intake = Intake(
            workspace.root,
            workspace.changes,
            workspace.records,
            folder,
            command,
            f"get-{uuid4().hex}",
            options.captions,
        )
        self._items: dict[int, Item] = {}
        self._ready: list[tuple[Item, str]] = []
        self._bytes: dict[int, int] = {}
        self._unsaved: dict[int, int] = {}
        self._marks: dict[int, str] = {}
        self._last_save = self._last_intake = time.monotonic()
        self._received = 0
        self._speeds: deque[tuple[float, int]] = deque(maxlen=25)

    def add(
        self,
        posts: Sequence[Post],
        present: Present,
        board: Board,
        categorised: Callable[[Sequence[Post]], list[Post]] | None = None,
    ) -> None:
        """Puts posts into the queue; those that are here already are only counted."""
        new = [post for post in posts if not present.has(post)]
        here = {post.id for post in posts} - {post.id for post in new}
        if categorised is not None and new:
            new = categorised(new)
        states: list[tuple[Post, State]] = [(post, "existing") for post in posts if post.id in here]
        states += [(post, "queued") for post in new]
        known = {item.post.id: item for item in self._manifest.put(self._batch, states)} if states else {}
        self.existing += len(here)
        for post in posts:
            if post.id in here:
                self._part(post).unlink(missing_ok=True)
        jobs = []
        for post in new:
            item = known[post.id]
            self._items[item.id] = item
            undone = present.undone(post)
            if undone is not None and not self._part(post).exists():
                self._from_trash(undone, post)
            jobs.append(
                Job(item.id, post.file_url, board.referer, self._part(post), post.md5, post.size, item.validator)
            )
        self._transfers.submit(jobs)

    def turn(self, wait: float = 0.2) -> None:
        """Deals with what has happened since the last turn.

        Raises:
            Cancelled: the person asked to stop.
            LoratuiError: the disk refused.
        """
        marks: list[tuple[int, State, str]] = []
        for event in self._transfers.events(wait):
            item = self._items[event.key]
            if event.broken is not None:
                raise from_os(event.broken, f"Downloading {item.post.name}")
            if event.validator is not None:
                self._marks[event.key] = event.validator
            if event.bytes is not None:
                self._received += max(0, event.bytes - self._bytes.get(event.key, 0))
                self._bytes[event.key] = self._unsaved[event.key] = event.bytes
            if event.error:
                self.failed.append((item.post.id, event.error))
                marks.append((item.id, "failed", event.error))
            if event.fetched is not None:
                self._unsaved[event.key] = event.fetched.bytes
                self._ready.append((item, event.fetched.ext))
                marks.append((item.id, "fetched", ""))
        if marks:
            self._manifest.mark(marks)
        now = time.monotonic()
        if now - self._last_save > 1.0:
            self._save(now)
        if len(self._ready) >= _CHUNK or (self._ready and now - self._last_intake > _CHUNK_SECONDS):
            self._take_in()
        done = self.downloaded + self.existing + len(self.failed) + len(self._ready)
        self._report(done, len(self._items) + self.existing, self._speed(now))
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled

    def finish(self, failure: LoratuiError | None = None) -> None:
        """Waits for all transfers, and takes in what came.

        Args:
            failure: of the listing: a board's is raised at the end, any other ends the transfers at once.

        Raises:
            Cancelled: whole files are in, the others go on later.
        """
        try:
            if failure is not None and not isinstance(failure, BoardError):
                raise failure
            while self._transfers.pending:
                self.turn()
        except LoratuiError as error:
            failure = error
        finally:
            self._transfers.stop()
        try:
            for event in self._transfers.events(0):
                if event.fetched is not None:
                    self._ready.append((self._items[event.key], event.fetched.ext))
            self._take_in()
        except LoratuiError as error:
            failure = failure or error
        self._save(time.monotonic())
        if failure is not None:
            self._manifest.set_state(self._batch, "paused")
            if isinstance(failure, Cancelled):
                raise Cancelled(
                    f"Interrupted: {self.downloaded + self.existing} of {len(self._items) + self.existing} are there.",
                    "The same get goes on where this one stopped.",
                )
            raise failure
        self._manifest.set_state(self._batch, "done")

    def _take_in(self) -> None:
        self._last_intake = time.monotonic()
        if not self._ready:
            return
        chunk, self._ready = self._ready, []
        files = [(item.post, self._part(item.post), ext) for item, ext in chunk]
        taken = {post.id for post in self._intake.take(files)}
        self._manifest.mark((item.id, "existing" if item.post.id in taken else "done", "") for item, _ in chunk)
        for item, _ in chunk:
            self._part(item.post).unlink(missing_ok=True)
        self.downloaded += len(chunk) - len(taken)
        self.existing += len(taken)

    def _save(self, now: float) -> None:
        self._last_save = now
        if self._unsaved or self._marks:
            self._manifest.progress(self._unsaved, self._marks)
            self._unsaved, self._marks = {}, {}

    def _speed(self, now: float) -> str:
        self._speeds.append((now, self._received))
        since, before = self._speeds[0]
        rate = (self._received - before) / (now - since) if now > since else 0.0
        return f"{rate / 1e6:.1f} MB/s" if rate else ""

    def _part(self, post: Post) -> Path:
        return self._root / ".loratui" / "downloads" / f"{post.name}.part"

    def _from_trash(self, undone: Path, post: Post) -> None:
        """A get that was undone left its files in the trash: they are copied rather than fetched."""
        try:
            raw = undone.read_bytes()
            if hashlib.md5(raw, usedforsecurity=False).hexdigest() == post.md5:
                self._part(post).write_bytes(raw)
        except OSError:  # then it is fetched; a full disk will say so there
            self._part(post).unlink(missing_ok=True)
