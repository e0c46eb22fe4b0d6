"""Get all: every post of a query into a subset, with captions and provenance. Safe to repeat, and to kill.

`get` stays until all is there; `order` and `order_posts` only put it into the queue, for the worker.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from loratui.core.boards.board import Board
from loratui.core.boards.choosing.filters import Cost
from loratui.core.boards.listing.listing import Listing
from loratui.core.boards.listing.merged import search_boards
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.downloads import queue
from loratui.core.downloads.manifest import Batch, Manifest, Options
from loratui.core.downloads.target import target
from loratui.core.downloads.words import command
from loratui.core.downloads.work import Boards, listed_pages, present_in, work
from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.jobs import Report, check, silent
from loratui.core.workspace import Workspace

ASK_ABOVE = 1000
"""More posts than this are asked about first."""


@dataclass(slots=True)
class Got:
    """What a get did, or would do.

    Attributes:
        folder: where the pictures went, relative to the root.
        total: how many posts the sites have for what they were sent; None: unknown.
        by_site: terms the site judged.
        by_us: terms judged here.
        found: posts seen: downloaded, existing, filtered and failed.
        existing: were there already, or lie in the trash; nothing was asked.
        filtered: left out from their records alone, by reason.
        costs: what each filter costs, the dearest first; empty where another process listed the posts.
        told: how the work was divided between the sites and us, in one line; "" where another process listed.
        failed: post ids and reasons.
        problems: why boards were left out while others went on, by name.
        cut: why the listing ended early, "" if it did not.
        command: the equivalent command line.
    """

    folder: str
    total: int | None = None
    by_site: tuple[str, ...] = ()
    by_us: tuple[str, ...] = ()
    found: int = 0
    downloaded: int = 0
    existing: int = 0
    filtered: dict[str, int] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    told: str = ""
    failed: list[tuple[int, str]] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    command: str = ""


def get(
    workspace: Workspace,
    board: Board | Sequence[Board],
    query: str,
    *,
    into: str | None = None,
    options: Options | None = None,
    ask: Callable[[int], None] | None = None,
    dry_run: bool = False,
    network: Network | None = None,
    report: Report = silent,
    cancel: Event | None = None,
) -> Got:
    """Gets every post of `query` that passes.

    Where another process fetches for this root, the get joins its queue and waits for it.

    Args:
        workspace: the project, or the folder worked in.
        board: where to search; several are searched as one.
        query: tags and metatags.
        into: see `target`.
        options: limit, wishes, captions.
        ask: called with the number of posts where it is above `ASK_ABOVE`; raises if the answer is no.
        dry_run: lists and judges, but fetches and writes nothing; `downloaded` is what would be.
        network: connections of the caller; None: its own.

    Raises:
        UsageError: the query or the target cannot be understood.
        BoardError: the board could not be asked; what was listed before is fetched and stays.
        Cancelled: what is finished is in the dataset; the same get goes on later.
    """
    options = options or Options()
    boards = [board] if isinstance(board, Board) else list(board)
    target(workspace, into, make=False)  # where nothing can go nobody is asked, neither boards nor the person
    with _connected(network) as connections:
        kinds, learns = workspace.kind_of, not dry_run
        listing = search_boards(
            boards, connections, query, options.wishes, kinds=kinds, learns=learns, remember=False, cancel=cancel
        )
        total = listing.total()
        expected = options.limit if total is None else total if options.limit is None else min(total, options.limit)
        if expected is not None and expected > ASK_ABOVE and ask is not None:
            ask(expected)
        folder = target(workspace, into, make=not dry_run)
        got = Got(folder, total, *_division(listing))
        pages = listed_pages(listing, options.limit, report)
        if expected is None and ask is not None:
            pages = _counted(pages, ask)
        if dry_run:
            present = present_in(workspace, folder)
            for post in (post for page in pages for post in page):
                got.existing += present.has(post)
                got.downloaded += not present.has(post)
        else:
            pages = _first_page_first(pages)
            with Manifest(workspace.root) as manifest:
                names = ",".join(one.name for one in boards)
                batch = manifest.begin(names, query, folder, options, join=lambda: queue.busy(workspace.root))
                known = {one.name: one for one in boards}
                _foreground(
                    workspace, manifest, batch, connections, got, known.__getitem__, listing, pages, report, cancel
                )
        # Where another process listed, `got` was told by the queue.
        got.filtered = dict(listing.filtered) or got.filtered
        got.problems, got.cut = dict(listing.problems), listing.cut
        got.costs, got.told = listing.costs(), listing.told() if listing.scanned else ""
        got.found = got.downloaded + got.existing + len(got.failed) + sum(got.filtered.values())
        return got


def order(
    workspace: Workspace, boards: Sequence[str], query: str, *, into: str | None = None, options: Options | None = None
) -> int:
    """Puts a query into the queue. Returns the batch's number; `queue.start` has a worker see to it.

    Args:
        boards: names in the configuration: the worker finds addresses and keys there.
        query: as it was planned for these boards already.

    Raises:
        UsageError: the target cannot be understood.
    """
    folder = target(workspace, into)
    with Manifest(workspace.root) as manifest:
        return manifest.begin(
            ",".join(boards), query, folder, options or Options(), join=lambda: queue.busy(workspace.root)
        )


def order_posts(
    workspace: Workspace, posts: Sequence[Post], *, into: str | None = None, options: Options | None = None
) -> int:
    """Puts chosen posts into the queue. Returns the batch's number; see `order`.

    Raises:
        UsageError: the target cannot be understood.
    """
    options = options or Options()
    folder = target(workspace, into)
    names = list(dict.fromkeys(post.board for post in posts))
    query = "id:" + ",".join(str(post.id) for post in posts)
    file = options.wishes.file
    with Manifest(workspace.root) as manifest:
        return manifest.begin(
            ",".join(names), query, folder, options, [(post, "queued", file(post).size) for post in posts]
        )


def _foreground(
    workspace: Workspace,
    manifest: Manifest,
    number: int,
    network: Network,
    got: Got,
    boards: Boards,
    listing: Listing | None,
    pages: Iterator[list[Post]] | None,
    report: Report,
    cancel: Event | None,
) -> None:
    """Works on a batch, or waits for the process that does; what came of it is in `got`, however it ends."""
    begun = listing
    batch: Batch | None = None
    try:
        batch = manifest.batch(number)
        while batch is not None and batch.state == "active":
            with queue.alone(workspace.root) as mine:
                if mine:
                    batch = work(
                        workspace,
                        manifest,
                        number,
                        network,
                        boards=boards,
                        listing=begun,
                        pages=pages,
                        report=report,
                        cancel=cancel,
                    )
                    begun = pages = None  # asked for once more meanwhile: that is another search
                    continue
            batch = _wait(manifest, number, report, cancel)
    except Cancelled:
        manifest.settle(number, "paused", manifest.asked(number))
        batch = manifest.batch(number)
        there = f" {batch.total - batch.open - batch.failed} of {batch.total} are there." if batch else ""
        raise Cancelled(f"Interrupted:{there}", "The same get goes on where this one stopped.") from None
    except LoratuiError:
        batch = manifest.batch(number)
        raise
    finally:
        if batch is not None:
            got.folder, got.command, got.filtered = batch.folder, command(batch), batch.filtered
            got.downloaded, got.existing = batch.counts.get("done", 0), batch.counts.get("existing", 0)
            got.failed = [(item.post.id, item.reason) for item in manifest.items(number, ("failed",))]
            got.found = got.downloaded + got.existing + len(got.failed)
    if batch is None or batch.state == "cancelled":
        raise Cancelled("The get was given up from another program.", "Repeat it to begin anew.")
    if batch.state == "paused" and not (listing is not None and listing.problems):
        if batch.problem:
            raise LoratuiError(batch.problem)
        raise Cancelled("The get was stopped from another program.", "The same get goes on where it stopped.")


def _wait(manifest: Manifest, number: int, report: Report, cancel: Event | None) -> Batch | None:
    """The batch once the process that fetches has come to an end, or has done with it."""
    batch = manifest.batch(number)
    while queue.busy(manifest.root) and batch is not None and batch.state == "active":
        check(cancel)
        done, total = queue.progress([batch])
        report(done, total, "" if manifest.next() == number else "waiting for another download")
        queue.rest(cancel)
        batch = manifest.batch(number)
    return batch


def _division(listing: Listing) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The terms the sites judge, and those judged here."""
    plans = list(listing.plans.values())
    by_site = dict.fromkeys(term for plan in plans for term in plan.by_site)
    by_us = dict.fromkeys(term.text for plan in plans for term in plan.by_us)
    return tuple(by_site), tuple(by_us)


def _counted(pages: Iterator[list[Post]], ask: Callable[[int], None]) -> Iterator[list[Post]]:
    """The pages, once as many were listed as need to be asked about, or all of them."""
    held: list[list[Post]] = []
    given = 0
    for page in pages:
        given += len(page)
        held.append(page)
        if given > ASK_ABOVE:
            ask(given)
            break
    yield from held
    yield from pages


def _first_page_first(pages: Iterator[list[Post]]) -> Iterator[list[Post]]:
    """The pages; the first is listed now: a query that fails, or is not wanted after all, never gets into the queue."""
    first = next(pages, None)

    def again() -> Iterator[list[Post]]:
        if first is not None:
            yield first
        yield from pages

    return again()


@contextmanager
def _connected(network: Network | None) -> Iterator[Network]:
    if network is not None:
        yield network
        return
    with Network() as own:
        yield own
