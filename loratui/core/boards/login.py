"""Keys of boards: the pasted line of an account's page understood, tried, and stored. Never on a command line."""

import re
from dataclasses import dataclass
from threading import Event
from urllib.parse import unquote

import msgspec

from loratui.core.boards.board import Board
from loratui.core.boards.network import answers
from loratui.core.boards.network.answers import BoardError, KeyRefused
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import find
from loratui.core.config import Config, load, set_board
from loratui.core.errors import LoratuiError, UsageError

_FIELD = re.compile(
    r"(?<![a-z_])[\"']?(api[_ -]?key|user[_ -]?id|login|user(?:[_ -]?name)?|key)[\"']?\s*[=:]\s*[\"']?"
    r"([^&\s\"',;#{}]+)",
    re.IGNORECASE,
)
_NAMES = {"apikey": "api_key", "key": "api_key", "userid": "user_id", "login": "login", "user": "login"}
_NAMES |= {"username": "login"}


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """What a person pasted. Has no repr: it must not reach a log."""

    api_key: str = ""
    user_id: str = ""
    login: str = ""

    def fields(self) -> dict[str, str]:
        """Its parts, as `BoardConfig` calls them."""
        return {"api_key": self.api_key, "user_id": self.user_id, "login": self.login}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a board answers.

    Attributes:
        ok: it gave data.
        error: what it did instead.
        has_key: a whole key is stored for it.
        note: see `Board.NOTE`.
    """

    ok: bool
    error: LoratuiError | None = None
    has_key: bool = False
    note: str = ""


def example(board: Board) -> str:
    """What a pasted line of the board looks like: `&api_key=…&user_id=…`."""
    if board.KEY_FIELDS == ("login",):
        return "your user name"
    if board.KEY_FIELDS == ("api_key",):
        return "the API key"
    return "&api_key=…&user_id=…" if "user_id" in board.KEY_FIELDS else "name:api_key"


def parse(board: Board, line: str) -> Key:
    """The key in a pasted line.

    Args:
        line: `&api_key=…&user_id=…` in any order, with or without `&`, as JSON or a whole URL with them; `name:api_key`
            or `name api_key`, and for a board of the Gelbooru family the number for the name; or the one thing where
            the board wants only one.

    Raises:
        UsageError: it is not complete for this board. The message does not repeat it.
    """
    if not board.KEY_FIELDS:
        raise UsageError(f"{board.name} has no use for a key.", "It can be searched without.")
    line = line.strip()
    if not "".join(line.split()).isprintable():
        raise UsageError(
            f"What was pasted as the key of {board.name} holds characters that cannot be seen.",
            "Copy the line from the account's page again.",
        )
    key = _named(board, line) or _bare(board, line)
    if "user_id" in board.KEY_FIELDS and key.api_key and (key.user_id or key.login) and not key.user_id.isdigit():
        raise UsageError(
            f"The user_id of {board.name} is a number, and not the account's name.",
            f"Paste the whole line {example(board)} from {board.KEY_PLACE} there: the number is in it.",
        )
    if not all(getattr(key, field) for field in board.KEY_FIELDS):
        missing = " and ".join(_WORDS[field] for field in board.KEY_FIELDS if not getattr(key, field))
        place = f" from {board.KEY_PLACE} there" if "api_key" in board.KEY_FIELDS else ""
        raise UsageError(
            f"What was pasted as the key of {board.name} lacks {missing}.",
            f"Paste {example(board)}{place}, in one line.",
        )
    return Key(**{field: getattr(key, field) for field in board.KEY_FIELDS})


_WORDS = {"login": "the account's name", "api_key": "the API key", "user_id": "the user_id (a number)"}


def _named(board: Board, line: str) -> Key | None:
    """By the names of its parts; None where there are none."""
    found = {}
    for name, value in _FIELD.findall(line):
        field = _NAMES[re.sub(r"[_ -]", "", name.lower())]
        found[field] = unquote(value)
    # A lone name before a colon may be an account's: `key:…` of somebody called key.
    wanted = found.keys() & {"api_key", "user_id"} or (found and board.KEY_FIELDS == ("login",))
    return Key(**found) if wanted else None


def _bare(board: Board, line: str) -> Key:
    """By its form alone."""
    parts = [part for part in re.split(r"[\s:,;&\"']+", line) if part]
    if len(board.KEY_FIELDS) == 1:
        field = board.KEY_FIELDS[0]
        # A user name may hold anything but what a header cannot.
        value = line.strip("\"' ") if field == "login" else parts[0] if len(parts) == 1 else ""
        return Key(**{field: value})
    if len(parts) != 2:
        return Key(api_key=parts[0]) if len(parts) == 1 and "=" not in line else Key()
    first, second = parts
    if "user_id" not in board.KEY_FIELDS:
        return Key(second, login=first)
    if first.isdigit():
        return Key(second, first)
    return Key(first, second) if second.isdigit() else Key(second, login=first)


def login(name: str, line: str, *, dry_run: bool = False, cancel: Event | None = None, backoff: float = 1.0) -> Board:
    """Tries the pasted key of a board, and stores it; a dry run only tries it.

    Args:
        line: see `parse`.

    Returns:
        the board with its key.

    Raises:
        UsageError: no such board, or the line holds no whole key. Nothing is stored.
        BoardError: the board refuses the key. Nothing is stored.
        LoratuiError: the board does not answer: the key is stored, and could not be tried.
        Cancelled: `cancel` was set. Nothing is stored.
    """
    board = find(load(), name)
    key = parse(board, line)
    del line  # what is in no variable is in no traceback that shows them
    board = type(board)(board.name, msgspec.structs.replace(board.config, **key.fields()))
    problem = check(board, cancel=cancel, backoff=backoff).error
    if isinstance(problem, KeyRefused) or (isinstance(problem, BoardError) and problem.status in (400, 403)):
        raise problem
    if dry_run and problem is not None:
        raise LoratuiError(f"The key could not be tried: {problem.message}", problem.remedy)
    if dry_run:
        return board
    set_board(board.name, key.fields())
    if problem is not None:
        raise LoratuiError(f"The key is stored, but could not be tried: {problem.message}", problem.remedy)
    return board


def check_named(config: Config, name: str, *, cancel: Event | None = None) -> Answer:
    """Whether the board `name` is configured rightly and gives data."""
    try:
        return check(find(config, name), cancel=cancel)
    except UsageError as error:
        return Answer(False, error)


def check(board: Board, *, cancel: Event | None = None, backoff: float = 1.0, stall: float = 10.0) -> Answer:
    """Whether the board gives data: one small request, tried once."""
    if board.needs_key and not board.has_key:
        return Answer(False, answers.key_missing(board), note=board.NOTE)
    request = board.key_request()
    try:
        with Network(backoff=backoff, stall=stall) as network:
            Client(board, network, tries=1).ask(request, board.posts, cancel)
    except (BoardError, UsageError) as error:
        return Answer(False, error, board.has_key, board.NOTE)
    return Answer(True, None, board.has_key, board.NOTE)
