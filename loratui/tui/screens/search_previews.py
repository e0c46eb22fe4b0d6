"""Thumbnails of the posts in sight: from the disk, else from their boards, a few at a time; the rest is given up."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.tui.screens.search_shown import Key, key_of

if TYPE_CHECKING:
    from loratui.core.boards.board import Board
    from loratui.core.boards.network.connections import Network
    from loratui.core.boards.post import Post

_AT_ONCE = 4
"""Thumbnails fetched from one board at the same time."""


class Previews:
    """Everything here is called on the UI's thread and returns at once; the fetching is the network's thread's.

    Args:
        arrived: called, from that thread, when something settled; it has `settle` called on the UI's thread.

    Attributes:
        failed: posts whose thumbnail did not come, with the reason.
    """

    def __init__(self, arrived: "Callable[[Post, Future[Path | None]], object]") -> None:
        self._arrived = arrived
        self._network: Network | None = None
        self._boards: Mapping[str, Board] = {}
        self._known: dict[Key, Path] = {}
        self._wanted: list[Post] = []
        self._running: dict[Key, Future[Path | None]] = {}
        self.failed: dict[Key, str] = {}

    def use(self, network: "Network", boards: "Mapping[str, Board]") -> None:
        """Fetches from these boards from now on; what failed may be tried again."""
        self._network, self._boards = network, boards
        self.failed.clear()

    def path(self, post: "Post") -> Path | None:
        """The thumbnail, if it is on the disk."""
        from loratui.core.downloads.previews import cached

        known = self._known.get(key_of(post))
        if known is None and (known := cached(post)) is not None:
            self._known[key_of(post)] = known
        return known

    def error(self, post: "Post") -> str:
        """Why a thumbnail will not come, in two words; "" while it may."""
        if not post.preview_url:
            return "no preview"
        return self.failed.get(key_of(post), "")

    def want(self, posts: "Sequence[Post]") -> None:
        """Fetches these, the first first; all others that are waited for are given up."""
        wanted = {key_of(post): post for post in posts if post.preview_url}
        for key in [key for key in self._running if key not in wanted]:
            self._running.pop(key).cancel()
        self._wanted = [post for post in wanted.values() if self.path(post) is None and key_of(post) not in self.failed]
        self._start()

    def settle(self, post: "Post", future: "Future[Path | None]") -> bool:
        """Takes in what became of one; whether it is news: of what was given up there is none."""
        if self._running.get(key_of(post)) is not future:
            return False
        del self._running[key_of(post)]
        if future.exception() is not None:
            self.failed[key_of(post)] = "did not come"
        elif (path := future.result()) is not None:
            self._known[key_of(post)] = path
        self._start()
        return True

    def close(self) -> None:
        """Gives everything up."""
        self.want(())

    def _start(self) -> None:
        from loratui.core.downloads.previews import preview

        if self._network is None:
            return
        waiting = []
        for post in self._wanted:
            board = self._boards.get(post.board)
            if board is None or key_of(post) in self._running:
                continue
            if sum(name == post.board for name, _ in self._running) >= _AT_ONCE:
                waiting.append(post)
                continue
            future = self._running[key_of(post)] = self._network.start(preview(self._network, board, post))
            future.add_done_callback(partial(self._done, post))
        self._wanted = waiting

    def _done(self, post: "Post", future: "Future[Path | None]") -> None:
        if not future.cancelled():
            self._arrived(post, future)
