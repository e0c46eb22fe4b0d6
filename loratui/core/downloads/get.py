"""Get all: every post of a query into a subset, with captions and provenance. Safe to repeat, and to kill."""

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from loratui.core import durable
from loratui.core.boards.board import Board
from loratui.core.boards.categories import categorise
from loratui.core.boards.client import Client
from loratui.core.boards.network import Network
from loratui.core.boards.post import Post
from loratui.core.boards.registry import find
from loratui.core.boards.search import Search
from loratui.core.boards.wishes import Wishes
from loratui.core.config import load
from loratui.core.downloads.fetching import Fetching
from loratui.core.downloads.manifest import Batch, Manifest, Options
from loratui.core.downloads.present import Present
from loratui.core.downloads.target import target
from loratui.core.errors import LoratuiError, from_os
from loratui.core.jobs import Report, check, silent
from loratui.core.workspace import Workspace

ASK_ABOVE = 1000
"""More posts than this are asked about first."""


@dataclass(slots=True)
class Got:
    """What a get did, or would do.

    Attributes:
        folder: where the pictures went, relative to the root.
        total: how many posts the site has for what it was sent; None: unknown.
        by_site: terms the site judged.
        by_us: terms judged here.
        found: posts seen: downloaded, existing, filtered and failed.
        existing: were there already, or lie in the trash; nothing was asked.
        filtered: left out from their records alone, by reason.
        failed: post ids and reasons.
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
    failed: list[tuple[int, str]] = field(default_factory=list)
    cut: str = ""
    command: str = ""


def get(
    workspace: Workspace,
    board: Board,
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

    Args:
        workspace: the project, or the folder worked in.
        board: where to search.
        query: tags and metatags.
        into: see `target`.
        options: limit, smallest side, captions.
        ask: called with the number of posts where it is above `ASK_ABOVE`; raises if the answer is no.
        dry_run: lists and judges, but fetches and writes nothing; `downloaded` is what would be.
        network: connections of the caller; None: its own.

    Raises:
        UsageError: the query or the target cannot be understood.
        BoardError: the board could not be asked; what was listed before is fetched and stays.
        Cancelled: what is finished is in the dataset; the same get goes on later.
    """
    options = options or Options()
    with _connected(network) as connections:
        search = Search(Client(board, connections), query, Wishes(min_side=options.min_side), cancel=cancel)
        total = search.total()
        expected = options.limit if total is None else total if options.limit is None else min(total, options.limit)
        if expected is not None and expected > ASK_ABOVE and ask is not None:
            ask(expected)
        folder = target(workspace, into, make=not dry_run)
        pages = _pages(search, options.limit, ask if expected is None else None, report)
        got = Got(folder, total, search.plan.by_site, tuple(term.text for term in search.plan.by_us))
        if dry_run:
            present = _present(workspace, folder)
            for post in (post for page in pages for post in page):
                got.existing += present.has(post)
                got.downloaded += not present.has(post)
        else:
            _list_and_fetch(workspace, search, pages, got, options, connections, report, cancel)
        got.filtered, got.cut = dict(search.filtered), search.cut
        got.found = got.downloaded + got.existing + len(got.failed) + sum(got.filtered.values())
        return got


def get_posts(
    workspace: Workspace,
    client: Client,
    posts: Sequence[Post],
    *,
    into: str | None = None,
    captions: bool = True,
    report: Report = silent,
    cancel: Event | None = None,
) -> Got:
    """Gets posts that were chosen one by one.

    Raises:
        as `get`.
    """
    folder = target(workspace, into)
    got = Got(folder)
    with _alone(workspace, report, cancel), Manifest(workspace.root) as manifest:
        query = "id:" + ",".join(str(post.id) for post in posts)
        options = Options(captions=captions)
        batch = manifest.begin(client.board.name, query, folder, options)
        run = _fetching(workspace, manifest, batch, client.board, query, got, options, client.network, report, cancel)

        def categorised(new: Sequence[Post]) -> list[Post]:
            return categorise(client, new, report=report, cancel=cancel)

        run.add(posts, _present(workspace, folder), client.board, categorised)
        manifest.keep_only(batch, [post.id for post in posts])
        manifest.listed(batch, {})
        _finish(run, got)
    return got


def resume(
    workspace: Workspace,
    batch: Batch,
    *,
    network: Network | None = None,
    report: Report = silent,
    cancel: Event | None = None,
) -> Got:
    """Goes on with a batch: fetches what is queued, failed or was broken off. Lists again only what was cut short.

    Raises:
        as `get`.
    """
    board = find(load(), batch.board)
    got = Got(batch.folder, filtered=batch.filtered)
    with _connected(network) as connections:
        if not batch.listed:
            wishes = Wishes(min_side=batch.options.min_side)
            search = Search(Client(board, connections), batch.query, wishes, cancel=cancel)
            pages = _pages(search, batch.options.limit, None, report)
            _list_and_fetch(workspace, search, pages, got, batch.options, connections, report, cancel)
            got.filtered, got.cut = dict(search.filtered), search.cut
            return got
        with _alone(workspace, report, cancel), Manifest(workspace.root) as manifest:
            manifest.set_state(batch.id, "active")
            run = _fetching(
                workspace, manifest, batch.id, board, batch.query, got, batch.options, connections, report, cancel
            )
            items = manifest.items(batch.id, ("queued", "fetched", "failed"))
            run.add([item.post for item in items], _present(workspace, batch.folder), board)
            _finish(run, got)
    return got


def _fetching(
    workspace: Workspace,
    manifest: Manifest,
    batch: int,
    board: Board,
    query: str,
    got: Got,
    options: Options,
    network: Network,
    report: Report,
    cancel: Event | None,
) -> Fetching:
    got.command = _command(board, query, got.folder, options)
    return Fetching(workspace, manifest, batch, got.folder, options, got.command, network, report, cancel)


def _finish(run: Fetching, got: Got, failure: LoratuiError | None = None) -> None:
    """Waits for the transfers; what they did is in `got`, however they end."""
    try:
        run.finish(failure)
    finally:
        got.downloaded, got.existing, got.failed = run.downloaded, run.existing, run.failed
        got.found = got.downloaded + got.existing + len(got.failed)


def _list_and_fetch(
    workspace: Workspace,
    search: Search,
    pages: Iterator[list[Post]],
    got: Got,
    options: Options,
    network: Network,
    report: Report,
    cancel: Event | None,
) -> None:
    """Fetches while the listing goes on; a board that fails half-way does not stop what it has listed."""
    board, query = search.board, search.plan.query
    with _alone(workspace, report, cancel), Manifest(workspace.root) as manifest:
        batch = manifest.begin(board.name, query, got.folder, options)
        run = _fetching(workspace, manifest, batch, board, query, got, options, network, report, cancel)
        present = _present(workspace, got.folder)
        listed: list[int] = []
        failure: LoratuiError | None = None
        try:
            for page in pages:
                listed += [post.id for post in page]
                run.add(page, present, board, search.categorised)
                run.turn(wait=0)
            manifest.keep_only(batch, listed)
            manifest.listed(batch, search.filtered)
        except LoratuiError as error:
            failure = error
        _finish(run, got, failure)


def _pages(
    search: Search, limit: int | None, ask: Callable[[int], None] | None, report: Report
) -> Iterator[list[Post]]:
    """Pages of passing posts, at most `limit` in all.

    Args:
        ask: where the board does not tell the total, so that the posts must be counted as they are listed.
    """
    held: list[list[Post]] = []
    given = 0
    while not search.finished and (limit is None or given < limit):
        report(given, limit, "listing posts")
        size = None if limit is None or search.plan.by_us else limit - given
        page = search.next_page(size)[: None if limit is None else limit - given]
        given += len(page)
        if ask is None:
            yield page
            continue
        held.append(page)
        if given > ASK_ABOVE:
            ask(given)
            ask = None
            yield from held
            held = []
    yield from held


@contextmanager
def _connected(network: Network | None) -> Iterator[Network]:
    if network is not None:
        yield network
        return
    with Network() as own:
        yield own


@contextmanager
def _alone(workspace: Workspace, report: Report, cancel: Event | None) -> Iterator[None]:
    """One get at a time for each root: a second one, of any program, waits."""
    home = workspace.root / ".loratui"
    try:
        (home / "downloads").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, f"Keeping downloads in {workspace.root.name}") from error
    while True:
        with durable.lock(home / "downloads.lock", wait=False) as held:
            if held:
                yield
                return
        report(0, None, "waiting for another download")
        check(cancel)
        time.sleep(0.2)


def busy(workspace: Workspace) -> bool:
    """Whether some program is fetching for this root now."""
    path = workspace.root / ".loratui" / "downloads.lock"
    if not path.exists():
        return False
    with durable.lock(path, wait=False) as held:
        return not held


def give_up(workspace: Workspace, manifest: Manifest, batch: Batch) -> None:
    """Gives up what is not fetched yet, with the parts that lie there; pictures that are in stay."""
    for item in manifest.cancel(batch.id):
        (workspace.root / ".loratui" / "downloads" / f"{item.post.name}.part").unlink(missing_ok=True)


def _present(workspace: Workspace, folder: str) -> Present:
    folders = [subset.folder for subset in workspace.project.subsets] if workspace.project else []
    folders = list(dict.fromkeys("" if name == "." else name.rstrip("/") for name in (*folders, folder)))
    return Present(workspace.root, folders, workspace.records, workspace.changes)


def _command(board: Board, query: str, folder: str, options: Options) -> str:
    words = ["loratui", "get", *query.split(), "--board", board.name]
    words += ["--into", folder] if folder else []
    words += ["--limit", str(options.limit)] if options.limit is not None else []
    words += ["--min-side", str(options.min_side)] if options.min_side else []
    words += [] if options.captions else ["--captions", "none"]
    return shlex.join(words)
