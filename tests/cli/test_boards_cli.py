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
from loratui.core.boards.network.connections import Network
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
        code = run(words)
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


def test_no_network_is_one_sentence(loratui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    set_value("boards.mine.engine", "danbooru")
    set_value("boards.mine.url", "http://127.0.0.1:1")
    monkeypatch.setattr(Network.__init__, "__defaults__", (0.01, 1.0))
    answer = loratui("search", "a", "--board", "mine", "--json")
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


GUIDE = "solo -rating:explicit -rating:questionable kafka_(x) 1girl"


def several(*servers: BoardServer) -> str:
    for number, server in enumerate(servers):
        for key, value in {"engine": server.engine, "url": server.url}.items():
            set_value(f"boards.b{number}.{key}", value)
    return ",".join(f"b{number}" for number in range(len(servers)))


def test_search_of_several_boards_exactly(loratui: Any) -> None:
    with (
        BoardServer("danbooru", samples(8), tag_limit=2) as one,
        BoardServer("e621", samples(12)) as two,
        BoardServer("gelbooru", samples(3), key=("1", "k")) as locked,
    ):
        names = several(one, two, locked)
        document = loratui("search", GUIDE, "--board", names, "--min-side", "700", "--json").json
        # Danbooru takes two tags: the commonest is left to us.
        assert document["by_us"] == ["1girl"] and document["total"] == 5
        assert [(board["name"], board["total"], board["by_us"]) for board in document["boards"]] == [
            ("b0", 2, ["1girl"]),
            ("b1", 3, []),
            ("b2", None, []),
        ]
        assert "needs user_id" in document["boards"][2]["problem"] and document["boards"][0]["problem"] is None
        assert sorted((post["board"], post["id"]) for post in document["posts"]) == [
            ("b0", 1),
            ("b0", 5),
            ("b1", 9),
        ]
        assert document["filtered"] == {"on another board too": 2}
        also = {post["id"]: post["also"] for post in document["posts"]}
        assert also == {1: ["b1:1"], 5: ["b1:5"], 9: []}
        assert document["board"] == names and document["bytes"] > 0 and document["unsized"] == 0
        text = loratui("search", GUIDE, "--board", names).out
        assert "b0           " in text and "b2 is left out: b2 needs user_id" in text
        assert "b0, by the site: solo kafka_(x) rating:general,sensitive · here: 1girl" in text


def test_filters_tell_what_they_cost(server: BoardServer, loratui: Any) -> None:
    for sample in server.samples:
        sample.width = 400 + sample.id * 100
        sample.score = sample.id
        if sample.id in (1, 4):
            sample.tags["general"].append("4koma")
    words = ("search", "kafka_(x)", "--min-side", "768", "--without", "comic,no such tag", "--min-score", "2")
    document = loratui(*words, "--json").json
    assert [post["id"] for post in document["posts"]] == [8, 5]
    assert document["costs"] == [
        {"filter": "without comic", "reason": "without comic", "hits": 2, "only": 1},
        {"filter": "min score 2", "reason": "score", "hits": 1, "only": 0},
        {"filter": "min side 768", "reason": "small", "hits": 1, "only": 0},
    ]
    assert document["filtered"] == {"small": 1, "without comic": 1}
    text = loratui(*words).out
    assert "left out: without comic: −2 (1 only by it) · min score 2: −1 (0 only by it)" in text
    assert "2 terms by the site: 4 → 2" in text and "to fetch: 0.0 MB for 2 files" in text


def test_the_smallest_variant_is_what_is_fetched(server: BoardServer, loratui: Any) -> None:
    fetch = loratui("search", "kafka_(x)", "--smallest-variant", "500", "--limit", "1", "--json").json["posts"][0][
        "fetch"
    ]
    assert (fetch["width"], fetch["height"]) == (768, 1024)  # this board makes none


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-crop", "wide"), "'wide' is no share such as 0.15 or 15%"),
        (("--max-crop", "150%"), "--max-crop 1.5 is no share"),
        (("--newer", "soon"), "--newer soon is neither a date nor an age"),
        (("--min-mpixels", "2", "--max-mpixels", "1"), "--max-mpixels 1 is less than"),
        (("--smallest-variant", "-3"), "--smallest-variant -3 is too small"),
        (("--board", "mine,danboru"), "Did you mean 'danbooru'?"),
        (("order:loudness",), "mine knows no order:loudness. Its orders are:"),
    ],
)
def test_filters_misunderstood(server: BoardServer, loratui: Any, words: tuple[str, ...], message: str) -> None:
    for verb in ("search", "get"):
        answer = loratui(verb, "a", *words)
        assert answer.code == 2 and message in answer.err and answer.err.count("\n") == 1
    assert not server.requests


def test_get_from_several_boards(loratui: Any, tmp_path: Path) -> None:
    with BoardServer("danbooru", samples(8)) as one, BoardServer("e621", samples(12)) as two:
        names = several(one, two)
        done = loratui("get", "solo", "--board", names, "--into", "k", "--max-crop", "30%", "--json")
        assert done.code == 0 and done.json["downloaded"] == 3 and done.json["problems"] == {}
        assert done.json["filtered"] == {"on another board too": 2}
        assert sorted(path.stem for path in (tmp_path / "k").glob("*.png")) == ["b0_1", "b0_5", "b1_9"]
        again = loratui("get", "solo", "--board", names, "--into", "k", "--max-crop", "0.3", "--json")
        assert (again.json["downloaded"], again.json["existing"]) == (0, 3)


def test_boards_named(server: BoardServer, loratui: Any) -> None:
    document = loratui("boards", "--board", "mine", "--json").json
    assert [(board["name"], board["ok"]) for board in document] == [("mine", True)]
    wrong = loratui("boards", "--board", "mein")
    assert wrong.code == 2 and "Did you mean 'mine'?" in wrong.err


def test_the_help_names_every_set(loratui: Any) -> None:
    from loratui.cli.wishes import _SETS
    from loratui.core.boards.choosing.without import SETS

    assert _SETS.split(", ") == list(SETS)


def test_the_options_of_a_get_are_those_of_its_stored_command(server: BoardServer, loratui: Any) -> None:
    from loratui.cli.main import parser
    from loratui.cli.wishes import wishes
    from loratui.core.boards.choosing.wishes import Wishes

    wanted = Wishes(
        768, 0.5, 4.0, 0.15, (), True, 5, "1y", "2w", ("comic", "own_tag"), one_of_family=True, variant_side=900
    )
    args = parser().parse_args(["get", "solo", *wanted.options()])
    assert wishes(args, None) == wanted


@pytest.mark.parametrize(
    ("fault", "reason", "helps"),
    [
        ({"kind": "html"}, "no picture, but a web page", "boards.mine.referer"),
        ({"kind": "redirect"}, "no picture, but a web page", "HTTPS_PROXY"),
        ({"kind": "status", "status": 403}, "the server refused (403)", "HTTPS_PROXY"),
        (
            {"kind": "status", "status": 403, "headers": {"cf-mitigated": "challenge"}},
            "Cloudflare's test for browsers in place of the file",
            "HTTPS_PROXY",
        ),
        ({"kind": "status", "status": 404}, "the board no longer has the file", "another board"),
        ({"kind": "raw", "body": b"x" * 99}, "no picture", "damaged"),
        ({"kind": "raw", "body": b"\x89PNG\r\n\x1a\n" + b"x" * 9**7}, "much larger than the board says", "by hand"),
        (
            {"kind": "status", "status": 429, "headers": {"Retry-After": "3600"}},
            "the server asks to slow down (429)",
            "transfers = 1",
        ),
    ],
    ids=["html", "hotlink", "403", "cloudflare", "404", "nothing", "huge", "429"],
)
def test_a_file_that_did_not_come_is_told_with_what_helps(
    server: BoardServer, loratui: Any, fault: dict[str, Any], reason: str, helps: str
) -> None:
    server.faults.append(Fault("/files/", **fault))
    answer = loratui("get", "kafka_(x)", "--limit", "1")
    assert answer.code == 1
    told = answer.out.splitlines()
    (place,) = [number for number, text in enumerate(told) if text.startswith(f"failed, {reason}: ")]
    assert helps in told[place + 1] and not any(text.startswith("Repeat the same get to") for text in told)


def test_a_search_that_finds_nothing_says_so(server: BoardServer, loratui: Any) -> None:
    answer = loratui("search", "kafak")
    assert answer.code == 0 and answer.out.startswith("Nothing found.")


def test_where_nothing_can_go_nobody_is_asked(server: BoardServer, loratui: Any) -> None:
    answer = loratui("get", "kafka_(x)", "--into", "../../elsewhere")
    assert answer.code == 2 and "lies outside" in answer.err and not server.requests


def test_a_password_in_the_address_of_a_board_is_refused_and_not_shown(server: BoardServer, loratui: Any) -> None:
    set_value("boards.mine.url", server.url.replace("//", "//me:hunter2@"))
    for words in (["boards", "--board", "mine"], ["boards", "--board", "mine", "--json"], ["search", "solo"]):
        answer = loratui(*words)
        assert "hunter2" not in answer.out + answer.err and "holds a name or a password" in answer.out + answer.err
    assert not server.requests
