"""boards, search and get from the command line, against a board on loopback."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import loratui.core.boards.login  # loaded here, so that it never binds a test's stand-in for `load`
from loratui.cli.main import run
from loratui.core.config import config_path, load, set_value
from tests.boards_server import BoardServer, Fault, Sample, noise


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            number,
            noise(number, 24),
            rating="gsqe"[number % 4],
            tags={
                "general": ["1girl", *(["solo"] if number % 2 else [])],
                "character": ["kafka_(x)"],
                "meta": ["highres"],
            },
        )
        for number in range(1, count + 1)
    ]


@pytest.fixture
def server() -> Iterator[BoardServer]:
    with BoardServer("danbooru", samples(8)) as made:
        use(made)
        yield made


def use(server: BoardServer, **more: str) -> None:
    set_value("default_board", "mine")
    for key, value in {"engine": server.engine, "url": server.url, **more}.items():
        set_value(f"boards.mine.{key}", value)


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        assert self.out.isascii() and self.out.count("\n") == 1
        return json.loads(self.out)


@pytest.fixture
def loratui(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Answer:
        handler = signal.getsignal(signal.SIGINT)
        try:
            code = run(words)
        finally:
            signal.signal(signal.SIGINT, handler)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def test_search(server: BoardServer, loratui: Any) -> None:
    answer = loratui("search", "kafka_(x)", "-rating:explicit", "solo", "--json", "--limit", "2")
    assert answer.code == 0 and answer.err == ""
    document = answer.json
    assert document["total"] == 2 and document["filtered"] == {}
    assert document["by_site"] == ["kafka_(x)", "solo", "-rating:explicit"] and document["by_us"] == []
    assert [post["id"] for post in document["posts"]] == [5, 1]
    post = document["posts"][0]
    assert {"board", "id", "md5", "width", "height", "rating", "score", "file_url", "preview_url", "tags"} <= set(post)
    assert (post["board"], post["rating"], post["width"], post["height"]) == ("mine", "s", 768, 1024)
    assert post["tags"] == {"character": ["kafka_(x)"], "general": ["1girl", "solo"], "meta": ["highres"]}


def test_search_in_words(server: BoardServer, loratui: Any) -> None:
    answer = loratui("search", "kafka_(x) solo")  # one argument is the same
    assert answer.code == 0
    assert (
        "5  s" in answer.out
        and "768×1024" in answer.out
        and "by the site: kafka_(x) solo rating:general,sensitive" in answer.out
    )
    assert loratui("search", "nobody", "--json").json["posts"] == []


def test_search_filters_and_counts(loratui: Any) -> None:
    posts = samples(8)
    posts[0].ext, posts[0].rating = "mp4", "g"
    with BoardServer("danbooru", posts, tag_limit=2) as server:
        use(server)
        document = loratui("search", "1girl", "kafka_(x)", "solo", "rating:g,s", "--json").json
    assert len(document["by_us"]) == 1 and sum(document["filtered"].values()) == 1


def test_get_form_and_repeat(server: BoardServer, loratui: Any, tmp_path: Path) -> None:
    first = loratui("get", "kafka_(x)", "--into", "a/b", "--json")
    assert first.code == 0 and first.err == ""
    assert {"found", "downloaded", "existing", "filtered", "failed"} <= set(first.json)
    assert (first.json["found"], first.json["downloaded"]) == (4, 4)
    assert (tmp_path / "a/b/mine_5.png").read_bytes() == noise(5, 24)
    assert (tmp_path / "a/b/mine_5.txt").read_text() == "kafka (x), 1girl, solo"
    asked = len(server.file_requests())
    again = loratui("get", "kafka_(x)", "--into", "a/b")
    assert again.code == 0 and "0 downloaded, 4 were there" in again.out
    assert len(server.file_requests()) == asked
    history = loratui("history", "--json").json
    assert "get" in json.dumps(history)
    assert loratui("undo").code == 0 and not list((tmp_path / "a/b").glob("*.png"))


def test_get_dry_run_and_captions_none(server: BoardServer, loratui: Any, tmp_path: Path) -> None:
    dry = loratui("get", "kafka_(x)", "--dry-run", "--json").json
    assert dry["dry_run"] is True and dry["downloaded"] == 4 and not server.file_requests()
    assert list(tmp_path.iterdir()) == []
    loratui("get", "kafka_(x)", "--captions", "none", "--limit", "1", "--min-side", "700")
    assert [path.name for path in tmp_path.glob("mine_*")] == ["mine_8.png"]


def test_get_part_failed_is_exit_1_with_the_whole_document(server: BoardServer, loratui: Any) -> None:
    server.faults.append(Fault(f"/files/{server.samples[3].md5}", "status", status=404))
    answer = loratui("get", "kafka_(x)", "--json")
    assert answer.code == 1
    assert answer.json["failed"] == [{"id": 5, "reason": "the board no longer has the file"}]
    assert answer.json["downloaded"] == 3
    assert "failed, the board no longer has the file: 5" in loratui("get", "kafka_(x)").out


def test_get_more_than_a_thousand_asks(server: BoardServer, loratui: Any) -> None:
    server.faults.append(Fault("counts/posts.json", "raw", body=b'{"counts":{"posts":1500}}'))
    answer = loratui("get", "kafka_(x)", "--json")
    assert answer.code == 2 and answer.json["error"]["exit"] == 2
    assert "1,500" in answer.json["error"]["message"] and "--yes" in answer.json["error"]["remedy"]
    assert not server.file_requests()
    assert loratui("get", "kafka_(x)", "--limit", "9").code == 0
    assert loratui("get", "kafka_(x)", "--yes").code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("search",), 2, "The query is empty."),
        (("get", "--json"), 2, "The query is empty."),
        (("search", "a", "--board", "danboru"), 2, "Did you mean 'danbooru'?"),
        (("search", "a", "--limit", "0"), 2, "--limit 0 is too small."),
        (("get", "a", "--min-side", "-1"), 2, "--min-side -1 is too small."),
        (("get", "a", "--captions", "some"), 2, "some"),
        (("search", "a", "--nonsense"), 2, "--nonsense"),
        (("search", "rating:spicy"), 2, "names no rating"),
        (("get", "a", "--into", "../elsewhere"), 2, "lies outside"),
    ],
)
def test_misunderstood(server: BoardServer, loratui: Any, words: tuple[str, ...], code: int, message: str) -> None:
    answer = loratui(*words)
    assert answer.code == code and message in answer.err and answer.err.count("\n") == 1


def test_no_network_is_one_sentence(loratui: Any) -> None:
    set_value("boards.mine.engine", "danbooru")
    set_value("boards.mine.url", "http://127.0.0.1:1")
    import loratui.core.boards.network as network

    before, network.Network.__init__.__defaults__ = network.Network.__init__.__defaults__, (0.01, 1.0)  # type: ignore[attr-defined]
    try:
        answer = loratui("search", "a", "--board", "mine", "--json")
    finally:
        network.Network.__init__.__defaults__ = before  # type: ignore[attr-defined]
    assert answer.code == 1 and "mine (127.0.0.1:1) cannot be reached" in answer.json["error"]["message"]


def test_boards_lists_all_and_says_what_each_needs(
    server: BoardServer, loratui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loratui.core.config import Config

    set_value("boards.odd.engine", "phpbb")
    only = {name: board for name, board in load().boards.items() if name in ("mine", "gelbooru", "odd")}
    monkeypatch.setattr("loratui.core.config.load", lambda: Config(boards=only))
    document = loratui("boards", "--json").json
    assert [(board["name"], board["engine"], board["needs_key"], board["ok"]) for board in document] == [
        ("gelbooru", "gelbooru", True, False),
        ("mine", "danbooru", False, True),
        ("odd", "phpbb", False, False),
    ]
    text = loratui("boards").out
    assert "mine" in text and "answers" in text and "needs user_id" in text and "unknown engine 'phpbb'" in text


def test_login_takes_the_pasted_line_tries_it_and_stores_it(loratui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def login(line: str) -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(line))
        answer: Answer = loratui("boards", "login", "mine")
        assert "s3cr3t" not in answer.err + answer.out
        return answer

    with BoardServer("gelbooru", samples(3), key=("4711", "s3cr3t")) as server:
        use(server)
        done = login("&api_key=s3cr3t&user_id=4711\n")
        assert done.code == 0 and "accepts the key" in done.out
        assert config_path().stat().st_mode & 0o777 == 0o600
        assert (load().boards["mine"].api_key, load().boards["mine"].user_id) == ("s3cr3t", "4711")
        wrong = login("&api_key=other&user_id=4711\n")
        assert wrong.code == 1 and "does not accept" in wrong.err
        assert load().boards["mine"].api_key == "s3cr3t"  # a refused key is not stored
        for line, words in (
            ("", "no key on stdin"),
            ("hello\n", "lacks the user_id (a number)"),
            ("name:s3cr3t\n", "is a number"),
        ):
            refused = login(line)
            assert refused.code == 2 and words in refused.err
    with BoardServer("danbooru", samples(3), key=("somebody", "s3cr3t")) as server:
        use(server)
        assert "cannot be seen" in login("somebody:s3cr3t\0").err
        assert login("somebody\ts3cr3t").code == 0
        assert (load().boards["mine"].login, load().boards["mine"].api_key) == ("somebody", "s3cr3t")


def test_ctrl_c_leaves_whole_files_and_exit_130(tmp_path: Path) -> None:
    with BoardServer("danbooru", samples(60), latency=0.05) as server:
        use(server)
        (tmp_path / "p").mkdir()
        words = [sys.executable, "-m", "loratui", "-C", str(tmp_path / "p"), "get", "kafka_(x)", "--json"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ})
        deadline = time.monotonic() + 30
        while len(server.file_requests()) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130
        assert json.loads(out)["error"]["exit"] == 130 and "goes on" in json.loads(out)["error"]["remedy"]
        files = {path.stem for path in (tmp_path / "p").glob("mine_*.png")}
        assert files == {path.stem for path in (tmp_path / "p").glob("mine_*.txt")}
        assert all((tmp_path / "p" / f"{name}.png").read_bytes() == noise(int(name[5:]), 24) for name in files)
