"""Boards by name, out of the configuration."""

from urllib.parse import urlsplit

from loratui.core.boards.board import Board
from loratui.core.boards.engines.danbooru import Danbooru
from loratui.core.boards.engines.e621 import E621
from loratui.core.boards.engines.gelbooru import Gelbooru
from loratui.core.boards.engines.gelbooru02 import Gelbooru02
from loratui.core.boards.engines.moebooru import Moebooru
from loratui.core.boards.engines.philomena import Philomena
from loratui.core.boards.engines.zerochan import Zerochan
from loratui.core.config import Config
from loratui.core.errors import UsageError
from loratui.core.nearest import nearest

ENGINES: dict[str, type[Board]] = {
    kind.ENGINE: kind for kind in (Danbooru, Gelbooru, Gelbooru02, Moebooru, E621, Philomena, Zerochan)
}


def find_all(config: Config, names: str | None = None) -> list[Board]:
    """The boards whose names stand in `names`, divided by commas, each once; the default one where there is none.

    Raises:
        UsageError: as `find`.
    """
    wanted = dict.fromkeys(name.strip() for name in (names or "").split(",") if name.strip())
    return [find(config, name) for name in wanted] or [find(config)]


def find(config: Config, name: str | None = None) -> Board:
    """The board called `name`, or the default one.

    Raises:
        UsageError: there is no such board, or its engine or url is missing or unknown.
    """
    name = name or config.default_board
    board = config.boards.get(name)
    if board is None:
        meant = nearest(name, config.boards)
        raise UsageError(
            f"There is no board called {name!r}.",
            f"Did you mean {meant!r}?" if meant else f"The boards are: {', '.join(config.boards)}.",
        )
    engine = ENGINES.get(board.engine)
    if engine is None:
        raise UsageError(
            f"The board {name!r} has the unknown engine {board.engine!r}.", f"The engines are: {', '.join(ENGINES)}."
        )
    if not board.url.startswith(("http://", "https://")):
        raise UsageError(f"The url of the board {name!r} is no web address.", f'Set [boards.{name}] url = "https://…".')
    if "@" in urlsplit(board.url).netloc:  # it is shown, and every address a board gives is completed with it
        raise UsageError(
            f"The url of the board {name!r} holds a name or a password.",
            f"Take it out of boards.{name}.url in config.toml; a key goes into: loratui boards login {name}.",
        )
    return engine(name, board)
