"""What tests of downloads have in common."""

import threading

from loratui.core.boards.board import Board
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import find
from loratui.core.config import load, set_value
from loratui.core.downloads import queue
from loratui.core.downloads.work import drain
from loratui.core.workspace import Workspace
from tests.boards_server import BoardServer, Sample, noise


def samples(count: int, side: int = 24) -> list[Sample]:
    return [
        Sample(
            number,
            noise(number, side),
            tags={
                "general": ["1girl", "long_hair", "^_^"],
                "character": ["kafka_(x)"],
                "artist": ["somebody"],
                "copyright": ["x"],
                "meta": ["highres"],
            },
        )
        for number in range(1, count + 1)
    ]


def board(server: BoardServer) -> Board:
    for key, value in (("engine", server.engine), ("url", server.url)):
        set_value(f"boards.mine.{key}", value)
    return find(load(), "mine")


def names(workspace: Workspace) -> set[str]:
    return {path.name for path in workspace.root.iterdir() if not path.name.startswith(".")}


def work_on(workspace: Workspace, network: Network) -> None:
    """What the worker does."""
    with queue.alone(workspace.root) as mine:
        assert mine
        drain(Workspace.open(workspace.root), network, threading.Event())


def leftovers(workspace: Workspace) -> list[str]:
    home = workspace.root / ".loratui"
    return [
        path.name
        for folder in ("downloads", "staging")
        if (home / folder).exists()
        for path in (home / folder).iterdir()
    ]
