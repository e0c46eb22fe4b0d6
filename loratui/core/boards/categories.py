"""Categories of tags for boards whose records do not tell them: asked by the hundred, remembered on disk."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event

from loratui.core import paths, sanitize
from loratui.core.boards.client import Client
from loratui.core.boards.network import host_of
from loratui.core.boards.post import Post
from loratui.core.jobs import Report, silent

_MOST_SINGLE_CALLS = 6
"""Where one call tells one tag, only the few of a query are worth asking for."""


def categorise(
    client: Client,
    posts: Sequence[Post],
    asked: Sequence[str] = (),
    *,
    report: Report = silent,
    cancel: Event | None = None,
) -> list[Post]:
    """`posts` with their tags by category; those that have categories are left as they are.

    Args:
        client: the board of the posts.
        posts: of one board.
        asked: the plain tags of the query: the ones that matter where the board tells only one tag a call.

    Raises:
        BoardError: the board did not tell.
        Cancelled: `cancel` was set; what was told so far is remembered.
    """
    board = client.board
    open_posts = [post for post in posts if not post.categorised]
    if not open_posts:
        return list(posts)
    if board.TAGS_PER_CALL > 1:
        wanted = sorted({tag for post in open_posts for tag in post.all_tags()})
    elif board.TAGS_PER_CALL == 1:
        wanted = list(asked)[:_MOST_SINGLE_CALLS]
    else:
        wanted = []
    known = _told(client, wanted, report, cancel)
    return [
        post if post.categorised else post.with_categories({**board.guess_categories(post), **known}) for post in posts
    ]


def _told(client: Client, wanted: Sequence[str], report: Report, cancel: Event | None) -> dict[str, str]:
    """Categories of `wanted`, from the disk or from the board; a tag the board does not know is general."""
    if not wanted:
        return {}
    board = client.board
    with closing(_open(paths.cache_dir() / "tags" / f"{sanitize.file_name(host_of(board.url))}.db")) as cache:
        known = _remembered(cache, wanted)
        missing = [tag for tag in wanted if tag not in known]
        for done in range(0, len(missing), board.TAGS_PER_CALL):
            report(done, len(missing), "asking for the categories of tags")
            batch = missing[done : done + board.TAGS_PER_CALL]
            told: dict[str, str] = dict.fromkeys(batch, "general")
            for request in board.tags_requests(batch):
                told |= {tag: kind for tag, (kind, _) in client.ask(request, board.tags, cancel).items() if tag in told}
            known |= told
            with cache:
                cache.executemany("insert or replace into tag values(?,?)", told.items())
    return known


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=30)
    database.execute("pragma journal_mode=wal")
    database.execute("create table if not exists tag(name text primary key, category text)")
    return database


def _remembered(cache: sqlite3.Connection, wanted: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in wanted:
        row = cache.execute("select category from tag where name=?", (tag,)).fetchone()
        if row:
            found[tag] = row[0]
    return found
