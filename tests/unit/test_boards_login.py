"""Keys: understood in whatever form they are pasted, tried, stored for their owner alone, and found nowhere else."""

import io
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loratui.core import sanitize
from loratui.core.boards import login
from loratui.core.boards.board import Board
from loratui.core.boards.listing.search import Search
from loratui.core.boards.network.answers import BoardError, KeyRefused
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig, config_path, load, set_board, set_value
from loratui.core.errors import LoratuiError, UsageError
from tests.boards_server import BoardServer, Fault, Sample, noise
from tests.hostile_server import HostileServer, by_turns, hangs_up, says

SECRET = "s3cr3tk3y"


def board(engine: str, url: str = "https://x.example") -> Board:
    return ENGINES[engine]("mine", BoardConfig(engine=engine, url=url))


WHOLE = [
    ("gelbooru", "&api_key={0}&user_id=4711"),
    ("gelbooru", "user_id=4711&api_key={0}"),
    ("gelbooru", "api_key={0}&user_id=4711\n"),
    ("gelbooru", "  '?api_key={0}&user_id=4711' "),
    ("gelbooru", '"&api_key={0}&user_id=4711"'),
    ("gelbooru", "&amp;api_key={0}&amp;user_id=4711"),
    ("gelbooru", "https://gelbooru.com/index.php?page=dapi&s=post&api_key={0}&user_id=4711#top"),
    ("gelbooru", "API Key: {0}, User ID: 4711"),
    ("gelbooru", "{{'api_key': '{0}', 'user_id': 4711}}"),
    ("gelbooru", "4711:{0}"),
    ("gelbooru02", "{0} 4711"),
    ("gelbooru02", "&API_KEY={0}&USER_ID=4711"),
    ("danbooru", "somebody:{0}"),
    ("danbooru", "somebody {0}"),
    ("danbooru", "login=somebody&api_key={0}"),
    ("danbooru", "https://danbooru.donmai.us/posts.json?api_key={0}&login=somebody"),
    ("danbooru", "Login: somebody\tAPI key: {0}"),
    ("e621", "'somebody':'{0}'"),
    ("philomena", "{0}"),
    ("philomena", "https://derpibooru.org/api/v1/json/search/images?q=a&key={0}"),
    ("philomena", "key={0}"),
]


@pytest.mark.parametrize(("engine", "line"), WHOLE)
def test_a_whole_key_in_every_form(engine: str, line: str) -> None:
    key = login.parse(board(engine), line.format(SECRET))
    wanted = {"login": "somebody", "user_id": "4711", "api_key": SECRET}
    fields = ENGINES[engine].KEY_FIELDS
    assert {name: getattr(key, name) for name in wanted} == {n: wanted[n] if n in fields else "" for n in wanted}
    assert SECRET not in repr(key)


def test_a_name_is_all_that_zerochan_wants() -> None:
    assert login.parse(board("zerochan"), " Some Body\n").login == "Some Body"
    assert login.parse(board("zerochan"), "login=somebody").login == "somebody"


NUMBER = "The user_id of mine is a number, and not the account's name."
PARTIAL = [
    ("gelbooru", "&api_key={0}&user_id=somebody", NUMBER),
    ("gelbooru", "somebody:{0}", NUMBER),
    ("gelbooru02", "login=somebody&api_key={0}", NUMBER),
    ("gelbooru", "{0}", "What was pasted as the key of mine lacks the user_id (a number)."),
    ("gelbooru", "&api_key={0}", "What was pasted as the key of mine lacks the user_id (a number)."),
    ("gelbooru", "user_id=4711", "What was pasted as the key of mine lacks the API key."),
    ("danbooru", "{0}", "What was pasted as the key of mine lacks the account's name."),
    ("danbooru", "a b {0}", "What was pasted as the key of mine lacks the account's name and the API key."),
    ("zerochan", "  ", "What was pasted as the key of mine lacks the account's name."),
    ("moebooru", "{0}", "mine has no use for a key."),
    (
        "gelbooru",
        "&api_key={0}\u200b&user_id=1",
        "What was pasted as the key of mine holds characters that cannot be seen.",
    ),
]


@pytest.mark.parametrize(("engine", "line", "message"), PARTIAL)
def test_what_a_pasted_line_lacks_is_said_without_repeating_it(engine: str, line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        login.parse(board(engine), line.format(SECRET))
    assert caught.value.message == message
    assert SECRET not in caught.value.message + caught.value.remedy and caught.value.remedy.endswith(".")


def use(engine: str, url: str) -> None:
    for field, value in (("engine", engine), ("url", url)):
        set_value(f"boards.mine.{field}", value)


def test_a_key_is_tried_and_stored_for_its_owner_alone() -> None:
    with BoardServer("gelbooru", [], key=("4711", SECRET)) as server:
        use("gelbooru", server.url)
        config_path().chmod(0o644)  # as a person's own editor leaves it
        assert login.login("mine", f"&api_key={SECRET}&user_id=4711", backoff=0.01).has_key
    assert config_path().stat().st_mode & 0o777 == 0o600
    stored = load().boards["mine"]
    assert (stored.api_key, stored.user_id, stored.login) == (SECRET, "4711", "")


def test_a_refused_key_replaces_none_and_a_dry_run_stores_none() -> None:
    with BoardServer("danbooru", [], key=("somebody", SECRET)) as server:
        use("danbooru", server.url)
        set_board("mine", {"login": "before", "api_key": "old"})
        with pytest.raises(BoardError, match="does not accept"):
            login.login("mine", "somebody:wrong", backoff=0.01)
        assert load().boards["mine"].login == "before"
        assert login.login("mine", f"somebody:{SECRET}", dry_run=True, backoff=0.01).has_key
        assert load().boards["mine"].login == "before"


def test_what_another_engine_needed_goes() -> None:
    set_board("mine", {"engine": "danbooru", "login": "somebody", "api_key": "x", "user_id": ""})
    with BoardServer("gelbooru", [], key=("4711", SECRET)) as server:
        use("gelbooru", server.url)
        login.login("mine", f"4711:{SECRET}", backoff=0.01)
    stored = load().boards["mine"]
    assert (stored.login, stored.user_id, stored.api_key) == ("", "4711", SECRET)


def test_a_key_that_cannot_be_tried_is_stored() -> None:
    with HostileServer(hangs_up) as server:
        use("danbooru", server.url)
        with pytest.raises(LoratuiError, match="The key is stored, but could not be tried: mine"):
            login.login("mine", f"somebody:{SECRET}", backoff=0.01)
    assert load().boards["mine"].api_key == SECRET


@pytest.mark.parametrize(
    "body",
    [b'"Missing authentication. Go to api.rule34.xxx for more information"', b"<error>Missing authentication</error>"],
)
def test_a_key_refused_with_a_status_of_200_is_not_stored(body: bytes) -> None:
    with HostileServer(says(200, body)) as server:
        use("gelbooru02", server.url)
        with pytest.raises(KeyRefused, match="mine does not accept the key"):
            login.login("mine", f"&api_key={SECRET}&user_id=4711", backoff=0.01)
    assert load().boards["mine"].api_key == ""


def test_a_wrong_key_of_philomena_is_noticed() -> None:
    """It is taken for none, and answered as a visitor; only what is one's own is refused."""
    refused = says(400, b'{"error":"You must be logged in to use `my\' queries."}')
    with HostileServer(by_turns(refused, says(200, b'{"images":[],"total":0}'))) as server:
        use("philomena", server.url)
        with pytest.raises(BoardError, match="mine does not accept the key"):
            login.login("mine", SECRET, backoff=0.01)
        assert login.login("mine", SECRET, backoff=0.01).has_key
    assert all("my%3Afaves" in head and f"key={SECRET}" in head for head in server.requests)


def test_zerochan_is_told_the_name() -> None:
    with HostileServer(says(200, b'{"items":[]}')) as server:
        use("zerochan", server.url)
        login.login("mine", "Some Body", backoff=0.01)
        assert " (training data sets) - Some Body\r\n" in server.requests[0]
    assert load().boards["mine"].login == "Some Body"


def test_boards_says_which_have_a_key_and_what_they_lack() -> None:
    with HostileServer(says(200, b'{"items":[]}')) as server:
        use("zerochan", server.url)
        set_board("mine", {"login": "somebody"})
        answer = login.check_named(load(), "mine")
    assert answer.ok and answer.has_key and "ratings" in answer.note
    missing = login.check_named(load(), "gelbooru")
    assert missing.error is not None and not missing.has_key
    assert missing.error.message == "gelbooru needs user_id (a number) and api_key."


def test_a_key_written_by_hand() -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text(f'[boards.gelbooru]\nuser_id = 4711\napi_key = "{SECRET}"\n')
    stored = load().boards["gelbooru"]
    assert (stored.user_id, stored.url) == ("4711", "https://gelbooru.com")
    with HostileServer(says(401)) as server, Network(backoff=0.005, stall=10.0) as network:
        named = BoardConfig(engine="gelbooru", url=server.url, user_id="somebody", api_key=SECRET)
        made = ENGINES["gelbooru"]("mine", named)
        with pytest.raises(BoardError) as caught:
            Client(made, network).ask(made.key_request(), made.posts)
    assert caught.value.message == "The user_id stored for mine is no number, so that the key cannot be right."


# --- nowhere else ---------------------------------------------------------------------------------------------------


def test_what_holds_a_key_does_not_show_it() -> None:
    from rich.pretty import pretty_repr

    config = BoardConfig(engine="gelbooru", url="https://x.example", api_key=SECRET, user_id="4711", login="somebody")
    made = ENGINES["gelbooru"]("mine", config)
    for shown in (repr(config), pretty_repr(config), repr(made), pretty_repr({"a": [config]}), f"{config}"):
        assert SECRET not in shown and "4711" not in shown


def test_shown_addresses_hold_no_key() -> None:
    for url in (
        f"https://x.example/a?q=b&key={SECRET}&c=d",
        f"https://x.example/?api_key={SECRET}",
        f"https://u:{SECRET}@x/",
    ):
        assert SECRET not in sanitize.secret(url)
    assert sanitize.secret("?q=monkey=7") == "?q=monkey=7"


@pytest.mark.parametrize("engine", ["gelbooru", "danbooru", "philomena"])
def test_logs_and_tracebacks_hold_no_key(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = {"api_key": SECRET, "user_id": "4711", "login": "somebody"}
    talks = by_turns(hangs_up, says(500, f"bad api_key={SECRET}".encode()), says(200, b"[nonsense"))
    with HostileServer(talks) as server, Network(backoff=0.005, stall=1.0) as network:
        made = ENGINES[engine]("mine", BoardConfig(engine=engine, url=server.url, **key))
        try:
            Client(made, network).ask(made.key_request(), made.posts)
        except LoratuiError:
            told = traceback.format_exc()
        assert len(server.requests) == 3 and any(SECRET in head or "Basic " in head for head in server.requests)
    assert "httpx" in {record.name for record in caplog.records}  # it does log, and without the key
    assert SECRET not in told + caplog.text


def with_variables(work: Callable[[], object]) -> str:
    """What the screens print with --debug of the mistake that `work` makes."""
    from rich.console import Console
    from rich.traceback import Traceback

    shown = Console(file=io.StringIO(), width=4000, record=True)
    try:
        work()
    except RuntimeError as error:
        own = error.__traceback__  # of this function and of the test, whose frames have the key itself
        assert own is not None and own.tb_next is not None
        options: dict[str, Any] = {"show_locals": True, "locals_max_string": 9000, "locals_max_length": 99}
        shown.print(Traceback.from_exception(RuntimeError, error, own.tb_next.tb_next, width=4000, **options))
    return shown.export_text()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake deep within the library."""
    import httpx

    async def fails(self: object, request: httpx.Request) -> httpx.Response:
        raise RuntimeError("deep down")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", fails)


@pytest.mark.parametrize("engine", ["gelbooru", "danbooru", "philomena"])
def test_a_traceback_that_shows_variables_holds_no_key(engine: str, broken: None) -> None:
    use(engine, "http://127.0.0.1:9")
    line = {"gelbooru": "&api_key={0}&user_id=4711", "danbooru": "somebody:{0}", "philomena": "{0}"}[engine]
    text = with_variables(lambda: login.login("mine", line.format(SECRET), backoff=0.01))
    assert "deep down" in text and "locals" in text and SECRET not in text


def test_nor_does_one_of_a_search_that_asks_what_the_account_may(broken: None) -> None:
    config = BoardConfig(engine="danbooru", url="http://127.0.0.1:9", login="somebody", api_key=SECRET)
    with Network(backoff=0.005) as network:
        client = Client(ENGINES["danbooru"]("mine", config), network)
        text = with_variables(lambda: Search(client, "a b c d"))
    assert "in limit" in text and "locals" in text and SECRET not in text


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_key_is_in_no_file_and_no_output_but_the_configuration(home: Path, tmp_path: Path) -> None:
    """The program itself: login, search, get that half fails, --debug; every byte written or printed is looked at."""
    samples = [Sample(number, noise(number, 16), tags={"general": ["1girl"], "artist": ["a"]}) for number in (1, 2, 3)]
    project = tmp_path / "p"
    project.mkdir()
    printed = b""
    with BoardServer("gelbooru", samples, key=("4711", SECRET)) as server:
        use("gelbooru", server.url)
        server.faults.append(Fault(f"/files/{samples[1].md5}", "status", status=404))
        for words, line in (
            (["boards", "login", "mine"], f"&api_key={SECRET}&user_id=4711\n"),
            (["boards", "login", "mine", "--debug"], f"&api_key={SECRET}\n"),
            (["search", "1girl", "--board", "mine", "--json", "--debug"], ""),
            (["get", "1girl", "--board", "mine", "--yes", "--debug"], ""),
            (["history", "--json"], ""),
        ):
            run = [sys.executable, "-m", "loratui", "-C", str(project), *words]
            done = subprocess.run(run, input=line.encode(), capture_output=True, env={**os.environ}, timeout=60)
            printed += done.stdout + done.stderr
        server.faults = [Fault("dapi", "raw", body=b'{"success":false,"message":"api_key=' + SECRET.encode() + b'"}')]
        run = [sys.executable, "-m", "loratui", "search", "1girl", "--board", "mine", "--debug"]
        done = subprocess.run(run, capture_output=True, env={**os.environ}, timeout=60)
        printed += done.stdout + done.stderr
        assert done.returncode == 1 and b"Traceback" in done.stderr
    assert len(list(project.glob("mine_*.png"))) == 2
    assert any(params.get("api_key") == SECRET for _, params, _ in server.requests)
    assert SECRET.encode() not in printed and b"lacks the user_id" in printed
    holders = [name for name, raw in everything(home).items() if SECRET.encode() in raw]
    assert holders == [str(config_path())]
    assert not [name for name, raw in everything(project).items() if SECRET.encode() in raw]


def test_a_key_on_the_command_line_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    from loratui.cli.main import run

    assert run(["boards", "login", "gelbooru", f"&api_key={SECRET}"]) == 2
    told = capsys.readouterr()
    assert "does not belong on a command line" in told.err and SECRET not in told.err + told.out


def test_the_prompt_says_what_to_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    from loratui.cli.main import run

    asked: list[str] = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "")
    for name in ("gelbooru", "danbooru", "derpibooru", "zerochan"):
        assert run(["boards", "login", name]) == 2
    assert asked == [
        "Paste &api_key=…&user_id=… (it is not shown): ",
        "Paste name:api_key (it is not shown): ",
        "Paste the API key (it is not shown): ",
        "Paste your user name (it is not shown): ",
    ]
