"""One run over a batch: classify, transfer, check, take in. Lives in the thread of its caller."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Event
from uuid import uuid4

from loratui.core.boards.board import Board
from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import agent_of
from loratui.core.boards.network.connections import Network, host_of
from loratui.core.boards.post import Post
from loratui.core.dataset.records import file_hash
from loratui.core.downloads.captions import Style
from loratui.core.downloads.intake import Arrival, Intake
from loratui.core.downloads.magic import image_type
from loratui.core.downloads.manifest import Batch, Item, Manifest, State
from loratui.core.downloads.present import Present
from loratui.core.downloads.progress import Pace
from loratui.core.downloads.ranks import uses_of
from loratui.core.downloads.transfer import Fetched, Job
from loratui.core.downloads.transfers import Transfers
from loratui.core.errors import Cancelled, LoratuiError, from_os
from loratui.core.jobs import Report
from loratui.core.workspace import Workspace

_CHUNK = 32
"""Pictures taken in by one step."""
_CHUNK_SECONDS = 5.0
"""… or all that are ready after so long: what an interrupted get has, it keeps."""
_SAVE_SECONDS = 1.0
_IN_A_ROW = 8
"""So many files failed by their host, with none that came between: the host is in trouble, not the files."""


class Fetching:
    """Posts go in by `add`, events are dealt with by `turn`, and `finish` waits for the rest.

    Args:
        batch: as it is in `manifest`.
        command: the equivalent command line, for the history.
        boards: the board of that name.
        report: told how many of the files to fetch are done; what was there already does not count.
        cancel: ends it with `Cancelled`.
    """

    def __init__(
        self,
        workspace: Workspace,
        manifest: Manifest,
        batch: Batch,
        command: str,
        network: Network,
        boards: Callable[[str], Board],
        report: Report,
        cancel: Event | None,
    ) -> None:
        self._home = workspace.root / ".loratui" / "downloads"
        self._manifest = manifest
        self._batch = batch
        self._boards = boards
        self._report = report
        self._cancel = cancel
        self._transfers = Transfers(network)
        self._intake = Intake(
            workspace.root,
            workspace.changes,
            workspace.records,
            batch.folder,
            command,
            f"get-{uuid4().hex}",
            Style() if batch.options.captions else None,
            uses_of(workspace),
        )
        self._items: dict[int, Item] = {}
        self._hosts: dict[int, str] = {}
        self._ready: list[tuple[Item, Arrival]] = []
        self._done = self._failed = 0
        self._bytes: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        self._validators: dict[int, str] = {}
        self._marks: list[tuple[int, State, str]] = []
        self._last_save = self._last_intake = time.monotonic()
        self._pace = Pace()
        self._troubles: dict[str, list[tuple[int, str]]] = {}

    def add(
        self,
        posts: Sequence[Post],
        present: Present,
        categorised: Callable[[Sequence[Post]], list[Post]] | None = None,
    ) -> None:
        """Puts posts into the queue; those that are here already are only counted."""
        if not posts:
            return
        here = {post.name for post in posts if present.has(post)}
        new = [post for post in posts if post.name not in here]
        if categorised is not None and new:
            new = categorised(new)
        file = self._batch.options.wishes.file
        states: list[tuple[Post, State, int | None]] = [
            (post, "existing", file(post).size) for post in posts if post.name in here
        ]
        states += [(post, "queued", file(post).size) for post in new]
        due = []
        for item in self._manifest.put(self._batch.id, states):
            if item.state == "existing":
                self.part(item.post).unlink(missing_ok=True)
                self.whole(item.post).unlink(missing_ok=True)
            else:
                due.append(item)
        self._start(due, present)

    def go_on(self, items: Iterable[Item], present: Present) -> None:
        """Queues items that are in the manifest already."""
        due = []
        for item in items:
            if present.has(item.post):
                self._marks.append((item.id, "existing", ""))
                self.whole(item.post).unlink(missing_ok=True)
            else:
                due.append(item)
        self._start(due, present)

    def _start(self, items: Sequence[Item], present: Present) -> None:
        """Submits what has to be fetched; what lies here whole already is only to be taken in."""
        jobs: dict[str, list[Job]] = {}
        for item in items:
            self._items[item.id] = item
            post, whole = item.post, self.whole(item.post)
            undone = present.undone(post)
            if undone is not None and not self.part(post).exists() and not whole.exists():
                _from_trash(undone, whole, self._batch.options.wishes.file(post).md5)
            if whole.exists():  # the program ended between fetching it and taking it in
                with whole.open("rb") as head:
                    ext = image_type(head.read(32))
                self._ready.append((item, Arrival(post, whole, ext, file_hash(whole))))
            else:
                jobs.setdefault(post.board, []).append(self._job(item))
        for name, due in jobs.items():
            board = self._boards(name)
            self._transfers.submit(due, board.config.transfers, board.config.file_interval)

    def _job(self, item: Item) -> Job:
        file = self._batch.options.wishes.file(item.post)
        self._hosts[item.id] = host_of(file.url)
        board = self._boards(item.post.board)
        return Job(
            item.id,
            file.url,
            board.referer,
            self.part(item.post),
            file.md5 or file.sha512,
            file.size,
            item.validator,
            file.elsewhere,
            agent_of(board),
        )

    def turn(self, wait: float = 0.1) -> None:
        """Deals with what has happened since the last turn.

        Raises:
            Cancelled: somebody asked to stop.
            LoratuiError: the disk refused, or a host is in trouble.
        """
        for event in self._transfers.events(wait):
            item = self._items[event.key]
            if event.broken is not None:
                raise from_os(event.broken, f"Downloading {item.post.name}")
            if event.validator is not None:
                self._validators[event.key] = event.validator
            if event.size is not None and event.size != item.size:
                self._sizes[event.key] = event.size
            if event.bytes is not None:
                self._bytes[event.key] = event.bytes
            if event.error:
                self._lost(item, event.error, event.trouble)
            if event.fetched is not None:
                self._troubles.pop(self._hosts[item.id], None)
                self._bytes[event.key] = self._sizes[event.key] = event.fetched.bytes
                self._arrived(item, event.fetched)
                self._marks.append((item.id, "fetched", ""))
        now = time.monotonic()
        if len(self._ready) >= _CHUNK or (self._ready and now - self._last_intake > _CHUNK_SECONDS):
            self._take_in()
        if now - self._last_save > _SAVE_SECONDS:
            self._save()
            if (batch := self._manifest.batch(self._batch.id)) is not None:
                self._pace.look(batch)
        self._report(self._done + self._failed + len(self._ready), len(self._items), self._pace.speed)
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled

    def _lost(self, item: Item, reason: str, trouble: bool) -> None:
        self._failed += 1
        self._marks.append((item.id, "failed", reason))
        if not trouble:
            return
        host = self._hosts[item.id]
        row = self._troubles.setdefault(host, [])
        row.append((item.id, reason))
        if len(row) >= _IN_A_ROW and self._transfers.pending:
            # It would be the same with all the others: they wait for another time, and so do these.
            self._marks += [(key, "queued", "") for key, _ in row]
            raise LoratuiError(
                f"{host} failed {len(row)} files in a row: {reason}.",
                "Check the network, or go on later: nothing is lost.",
            )

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
                    self._arrived(self._items[event.key], event.fetched)
            self._take_in()
            self._save()
        except LoratuiError as error:
            failure = failure or error
        if failure is not None:
            raise failure

    def part(self, post: Post) -> Path:
        """Where a file grows."""
        return self._home / f"{post.name}.part"

    def whole(self, post: Post) -> Path:
        """Where it lies when it is whole and checked, until it is taken in."""
        return self._home / f"{post.name}.whole"

    def _arrived(self, item: Item, file: Fetched) -> None:
        self._ready.append((item, Arrival(item.post, self.whole(item.post), file.ext, file.content)))

    def _take_in(self) -> None:
        self._last_intake = time.monotonic()
        if not self._ready:
            return
        taken = {post.name for post in self._intake.take([arrival for _, arrival in self._ready])}
        for item, _ in self._ready:
            state: State = "existing" if item.post.name in taken else "done"
            self._marks.append((item.id, state, ""))
            if state == "existing":
                self.whole(item.post).unlink(missing_ok=True)
        self._done += len(self._ready)
        self._ready = []
        self._save()

    def _save(self) -> None:
        self._last_save = time.monotonic()
        if self._marks or self._bytes or self._sizes or self._validators:
            self._manifest.note(self._marks, self._bytes, self._sizes, self._validators)
            self._marks, self._bytes, self._sizes, self._validators = [], {}, {}, {}


def _from_trash(undone: Path, whole: Path, md5: str) -> None:
    """A get that was undone left its files in the trash: they are copied rather than fetched."""
    half = whole.with_suffix(".copy")
    try:
        raw = undone.read_bytes()
        if hashlib.md5(raw, usedforsecurity=False).hexdigest() == md5:
            half.write_bytes(raw)
            half.rename(whole)
    except OSError:  # then it is fetched; a full disk will say so there
        half.unlink(missing_ok=True)
