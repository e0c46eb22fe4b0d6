"""Thumbnails of posts: fetched when looked at, kept on disk, the oldest given up first."""

import asyncio
import hashlib
from pathlib import Path

from loratui.core import paths, sanitize
from loratui.core.boards.board import Board
from loratui.core.boards.network import pace
from loratui.core.boards.network.client import agent_of
from loratui.core.boards.network.connections import Network, host_of
from loratui.core.boards.post import Post
from loratui.core.downloads.transfer import Job, TransferError, check, fetch

KEPT_BYTES = 256 * 1024 * 1024
"""What the cache may grow to before its oldest part is dropped."""


def cached(post: Post) -> Path | None:
    """The thumbnail of `post`, if it is on the disk; no request."""
    path = _path(post)
    return path if path is not None and path.exists() else None


async def preview(network: Network, board: Board, post: Post) -> Path | None:
    """The thumbnail of `post`, fetched if it is not there; None where the post has none. Runs on the network's loop.

    Raises:
        TransferError: it did not come.
        OSError: the cache cannot be written.
    """
    path = _path(post)
    if path is None or path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{id(post):x}.part")  # two looks at one post do not write into one file
    try:
        await asyncio.sleep(pace.reserve(host_of(post.preview_url), 0))
        job = Job(0, post.preview_url, board.referer, part, agent=agent_of(board))
        await fetch(network.http, job, lambda _: None, lambda _, __: None)
        check(job)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def prune(most: int = KEPT_BYTES) -> None:
    """Drops the thumbnails that were fetched longest ago, until the cache has room again."""
    folder = paths.cache_dir() / "previews"
    found = sorted(((file.stat(), file) for file in folder.rglob("*") if file.is_file()), key=lambda e: e[0].st_mtime)
    total = sum(status.st_size for status, _ in found)
    if total <= most:
        return
    for status, file in found:
        if total <= most * 3 // 4:
            return
        file.unlink(missing_ok=True)
        total -= status.st_size


def _path(post: Post) -> Path | None:
    if not post.preview_url:
        return None
    name = hashlib.blake2b(post.preview_url.encode(errors="replace"), digest_size=16).hexdigest()
    return paths.cache_dir() / "previews" / sanitize.file_name(host_of(post.preview_url)) / name


__all__ = ["TransferError", "cached", "preview", "prune"]
