"""Working on the queue, with the lock held: batch after batch, each as far as it is wanted."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Event

from loratui.core.boards.board import Board
from loratui.core.boards.listing.categories import categorise
from loratui.core.boards.listing.listing import Listing
from loratui.core.boards.listing.merged import search_boards
from loratui.core.boards.network.client import Client, Kinds
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.boards.registry import find
from loratui.core.config import load
from loratui.core.downloads import queue
from loratui.core.downloads.fetching import Fetching
from loratui.core.downloads.manifest import Batch, BatchState, Manifest
from loratui.core.downloads.present import Present
from loratui.core.downloads.words import command
from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.jobs import Report, silent
from loratui.core.workspace import Workspace

_RESERVE = 128 * 1024
"""Bytes kept back so that on a full disk the queue can still say why it stopped."""

Boards = Callable[[str], Board]


class Left(Exception):
    """The batch is not to be worked on now: it was paused or given up, or another goes first."""


class Gone(LoratuiError):
    """The root was moved or taken away; its queue goes on where it is now."""


def drain(workspace: Workspace, network: Network, cancel: Event) -> None:
    """Works on active batches until there are none, or `cancel` is set. Call it with the lock held."""
    with Manifest(workspace.root) as manifest:
        stuck: int | None = None
        while (number := manifest.next()) is not None and number != stuck and not cancel.is_set():
            stuck = None
            with suppress(LoratuiError):
                workspace.refresh()
            try:
                work(workspace, manifest, number, network, in_turn=True, cancel=cancel)
            except (Cancelled, Gone):
                return
            except LoratuiError:
                stuck = number  # it is paused with the reason; if not even that could be written, it is left alone


def work(
    workspace: Workspace,
    manifest: Manifest,
    number: int,
    network: Network,
    *,
    boards: Boards | None = None,
    listing: Listing | None = None,
    pages: Iterator[list[Post]] | None = None,
    in_turn: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Batch | None:
    """Works on one batch until it is done, or is not wanted any more. Call it with the lock held.

    Args:
        boards: the board of that name; None: out of the configuration.
        listing: the batch's search under way; None: a new one.
        pages: what of it is taken, page by page; None: all, up to the batch's limit.
        in_turn: leaves it when another batch comes to go first.
        report: told how many of the files to fetch are done.
        cancel: ends it; what is whole is taken in.

    Returns:
        the batch as it is at the end of the work; None: it was taken off the list.

    Raises:
        Cancelled: `cancel` was set.
        Gone: the root was moved.
        LoratuiError: something stopped it; the batch is paused and says so.
    """
    batch = manifest.batch(number)
    if batch is None:
        return None
    asked = manifest.asked(number)
    try:
        config = cache(lambda name: find(load(), name))
        with _reserve(workspace.root), _Watch(workspace.root, manifest, number, in_turn, cancel) as watch:
            try:
                problem = _fetch(
                    workspace, manifest, batch, network, boards or config, listing, pages, report, watch.stop
                )
            except (Cancelled, LoratuiError) as error:
                watch.judge()  # a disk that fails under a project that was moved, and a cancel that was a pause
                raise error
        state: BatchState = "paused" if problem else "done"
        done = manifest.batch(number)
        if manifest.settle(number, state, asked, problem) and done is not None:
            return replace(done, state=state, problem=problem)  # as it was, though it be asked for again at once
    except Left:
        pass
    except (Cancelled, Gone):
        raise
    except LoratuiError as error:  # the reserve is free again: there is room to say so
        manifest.settle(number, "paused", asked, f"{error.message} {error.remedy}".strip())
        raise
    after = manifest.batch(number)
    if after is not None and after.state == "cancelled":
        queue.clear(workspace.root, manifest, number)
    return after


def _fetch(
    workspace: Workspace,
    manifest: Manifest,
    batch: Batch,
    network: Network,
    boards: Boards,
    listing: Listing | None,
    pages: Iterator[list[Post]] | None,
    report: Report,
    cancel: Event,
) -> str:
    """Lists where that is still due, and fetches. Returns what was wrong with boards while others went on."""
    told = command(batch)
    run = Fetching(workspace, manifest, batch, told, network, boards, report, cancel)
    present = present_in(workspace, batch.folder)
    failure: LoratuiError | None = None
    if batch.listed:
        report(0, None, "beginning")
        try:
            items = manifest.items(batch.id, ("queued", "fetched"))
            told_of = _categorised([item.post for item in items], boards, network, workspace.kind_of, report, cancel)
            if told_of is not None:
                items = manifest.put(batch.id, [(post, "queued", None) for post in told_of])
            run.go_on(items, present)
        except LoratuiError as error:
            failure = error
        run.finish(failure)
        return ""
    problem = ""
    try:
        if listing is None:
            found = [boards(name) for name in batch.boards]
            listing = search_boards(
                found,
                network,
                batch.query,
                batch.options.wishes,
                kinds=workspace.kind_of,
                remember=False,
                cancel=cancel,
            )
        listing.cancel = cancel
        seen: set[tuple[str, int]] = set()
        for page in pages or listed_pages(listing, batch.options.limit, report):
            seen.update((post.board, post.id) for post in page)
            run.add(page, present, listing.categorised)
            run.turn(wait=0)
        problem = " ".join(listing.problems.values())
        if not problem:
            manifest.listed(batch.id, listing.filtered, seen)
    except LoratuiError as error:
        failure = error
    run.finish(failure)
    return problem


def listed_pages(listing: Listing, limit: int | None, report: Report = silent) -> Iterator[list[Post]]:
    """Pages of passing posts, at most `limit` in all."""
    given = 0
    while not listing.finished and (limit is None or given < limit):
        report(given, limit, "listing posts")
        page = listing.next_page(None if limit is None else limit - given)
        page = page[: None if limit is None else limit - given]
        given += len(page)
        yield page


def present_in(workspace: Workspace, folder: str) -> Present:
    """What the dataset and `folder` hold already."""
    folders = [subset.folder for subset in workspace.project.subsets] if workspace.project else []
    folders = list(dict.fromkeys("" if name == "." else name.rstrip("/") for name in (*folders, folder)))
    return Present(workspace.root, folders, workspace.records, workspace.changes)


def _categorised(
    posts: Sequence[Post], boards: Boards, network: Network, kinds: Kinds, report: Report, cancel: Event
) -> list[Post] | None:
    """The posts with their tags by category, board by board; None where all had them."""
    if all(post.categorised for post in posts):
        return None
    found: list[Post] = []
    for name in dict.fromkeys(post.board for post in posts):
        own = [post for post in posts if post.board == name]
        found += categorise(Client(boards(name), network, kinds=kinds), own, report=report, cancel=cancel)
    return found


class _Watch:
    """Looks, beside the work, whether it is still wanted; sets `stop` when it is not."""

    def __init__(self, root: Path, manifest: Manifest, number: int, in_turn: bool, cancel: Event | None) -> None:
        self.stop = Event()
        self._root = root
        self._manifest = manifest
        self._number = number
        self._in_turn = in_turn
        self._cancel = cancel
        self._inode = os.stat(queue.lock_path(root)).st_ino
        self._over = Event()
        self._thread = threading.Thread(target=self._look, name="downloads watch", daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def judge(self) -> None:
        """Raises `Gone` or `Left` where one of them is why the work ended."""
        if queue.moved(self._root, self._inode):
            raise Gone(f"{self._root} is not there any more.", "The download goes on where it is now.")
        if (self._cancel is None or not self._cancel.is_set()) and not self._wanted():
            raise Left

    def _wanted(self) -> bool:
        batch = self._manifest.batch(self._number)
        if batch is None or batch.state != "active":
            return False
        return not self._in_turn or self._manifest.next() == self._number

    def _look(self) -> None:
        version = self._manifest.version()
        while not self._over.wait(queue.POLL):
            try:
                if (self._cancel is not None and self._cancel.is_set()) or queue.moved(self._root, self._inode):
                    break
                now = self._manifest.version()
                if now != version:
                    version = now
                    if not self._wanted():
                        break
            except LoratuiError:  # the queue cannot be read just now: the work itself will meet with it
                continue
        else:
            return
        self.stop.set()


def _spare(root: Path) -> Path:
    return queue.home(root) / "downloads" / "reserve"


@contextmanager
def _reserve(root: Path) -> Iterator[None]:
    """Room that is given back when the disk is full, so that the queue can be written once more."""
    with suppress(OSError):
        _spare(root).parent.mkdir(exist_ok=True)
        with _spare(root).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVE)
    try:
        yield
    finally:
        _spare(root).unlink(missing_ok=True)
