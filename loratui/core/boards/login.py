"""Keys of boards: the pasted line of an account's page understood, tried, and stored. Never on a command line."""

import re
from dataclasses import dataclass
from threading import Event
from urllib.parse import parse_qs

import msgspec

from loratui.core.boards.answers import BoardError
from loratui.core.boards.board import Board, Cursor
from loratui.core.boards.client import Client
from loratui.core.boards.network import Network
from loratui.core.boards.registry import find
from loratui.core.config import Config, load, set_value
from loratui.core.errors import LoratuiError, UsageError


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """What a person pasted. Has no repr: it must not reach a log."""

    api_key: str
    user_id: str = ""
    login: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a board answers.

    Attributes:
        ok: it gave data.
        error: what it did instead.
    """

    ok: bool
    error: LoratuiError | None = None


def parse(board: Board, line: str) -> Key:
    """The key in a pasted line: `&api_key=…&user_id=…`, `login:api_key`, `login api_key`, or a whole URL with them.

    Raises:
        UsageError: it is not complete for this board. The message does not repeat it.
    """
    line = line.strip().strip("\"'")
    if not "".join(line.split()).isprintable():
        raise UsageError(
            f"What was pasted as the key of {board.name} holds characters that cannot be seen.",
            "Copy the line from the account's page again.",
        )
    fields = {name.lower(): values[-1].strip() for name, values in parse_qs(line.partition("?")[2] or line).items()}
    key = Key(fields.get("api_key", ""), fields.get("user_id", ""), fields.get("login", ""))
    if not key.api_key:
        parts = [part for part in re.split(r"[\s:]+", line) if part]
        if len(parts) == 2 and "=" not in line:
            first, second = parts
            if board.KEYS_IN_QUERY:
                key = Key(second, first) if first.isdigit() else Key(first, second) if second.isdigit() else Key("")
            else:
                key = Key(second, login=first)
    if board.KEYS_IN_QUERY and not (key.api_key and key.user_id.isdigit()):
        raise UsageError(
            f"{board.name} needs an api_key and a user_id, which is a number and not the account's name.",
            "Paste the whole line &api_key=…&user_id=… from the account's options page.",
        )
    if not board.KEYS_IN_QUERY and not (key.api_key and key.login):
        raise UsageError(
            f"{board.name} needs the account's name and its API key.", "Paste them in one line as name:api_key."
        )
    return key


def login(name: str, line: str, *, cancel: Event | None = None, backoff: float = 1.0) -> Board:
    """Stores the key of a board and tries it.

    Returns:
        the board with its key.

    Raises:
        UsageError: no such board, or the line holds no whole key. Nothing is stored.
        BoardError: the board refuses the key (nothing is stored), or does not answer (the key is stored).
    """
    board = find(load(), name)
    key = parse(board, line)
    changed = msgspec.structs.replace(board.config, api_key=key.api_key, user_id=key.user_id, login=key.login)
    board = type(board)(name, changed)
    problem = check(board, cancel=cancel, backoff=backoff).error
    if isinstance(problem, BoardError) and problem.status in (401, 403):
        raise problem
    for field, value in (("api_key", key.api_key), ("user_id", key.user_id), ("login", key.login)):
        if value:
            set_value(f"boards\0{name}\0{field}", value)
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
        return Answer(False, BoardError(f"{board.name} needs a key.", f"Run loratui boards login {board.name}."))
    with Network(backoff=backoff, stall=stall) as network:
        client = Client(board, network, tries=1)
        try:
            client.ask(board.posts_request(board.rating_terms(frozenset({"g"})), Cursor(), 1), board.posts, cancel)
        except BoardError as error:
            return Answer(False, error)
    return Answer(True)
