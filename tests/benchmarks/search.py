"""The search on 10,000 results, its total at 100 ms of latency, and typing at 100 kbit/s while pictures come in."""

import json
import random
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from loratui.core.boards.listing.merged import search_boards
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from tests.benchmarks.samples import fresh_home
from tests.benchmarks.table import Row
from tests.boards_server import BoardServer, Engine, Sample
from tests.pty_harness import XTERM, Terminal
from tests.screens_kit import sample_project

POSTS = 10_000
_PAGE = 200
_SLOW = 12_500
"""Bytes a second of 100 kbit/s."""
_KEYS = 300
_TYPED = "zqxjvkwzqxjvkw"
_ENGINES: tuple[Engine, ...] = ("danbooru", "gelbooru02", "moebooru", "e621", "philomena")
_GUIDE = "solo -rating:explicit -rating:questionable kafka_(x) shirt"

# The program without the pause between two requests that real boards are owed.
_PROGRAM = """
import sys
from pathlib import Path
from loratui.core.boards.engines.danbooru import Danbooru
from loratui.core.workspace import Workspace
from loratui.tui.app import run
Danbooru.INTERVAL = 0.0
sys.exit(run(Workspace.open(Path(sys.argv[1]))))
"""


def rows() -> list[Row]:
    """A held key and memory at 10,000 results; how long a typed letter takes to be seen, with and without pictures."""
    with fresh_home() as home, _board(0) as board:
        project = sample_project(Path(str(home["HOME"])) / "kafka")
        found = _scrolled(home, project, board)
    with fresh_home() as home, _board(_SLOW) as board:
        project = sample_project(Path(str(home["HOME"])) / "kafka")
        bare, _ = _typed(home, project, board, "none")
        pictured, came = _typed(home, project, board, "halfcell")
    return [
        *found,
        *_totals(),
        Row("cells of pictures drawn around the typing at 100 kbit/s", came, "", None),
        Row("letter typed to letter seen there, median", pictured[0] * 1000, "ms", 2.0, bare[0] * 1000, "no pictures"),
        Row("the same, the worst", pictured[1] * 1000, "ms", 60),
    ]


# --- 10,000 results ----------------------------------------------------------------------------------------------


def _scrolled(home: dict[str, str | None], project: Path, board: str) -> list[Row]:
    with _search(home, project, board, "halfcell") as terminal:
        begun = time.perf_counter()
        while f"{POSTS:,} posts".encode() not in terminal.output or not _all_listed(terminal):
            terminal.send("\x1b[6~")
            time.sleep(1 / 30)
            assert time.perf_counter() - begun < 180, terminal.output[-500:]
        listed = time.perf_counter() - begun
        terminal.quiet(1.0)
        terminal.send("gg")
        terminal.quiet(1.0)
        latencies = []
        for _ in range(60):
            before, start = terminal.count, time.perf_counter()
            terminal.send("\x1b[B")
            while terminal.count == before and time.perf_counter() - start < 5:
                time.sleep(0.0002)
            latencies.append(time.perf_counter() - start)
            time.sleep(1 / 30)
        terminal.quiet(1.0)
        cpu, count = terminal.cpu(), terminal.count
        terminal.hold("\x1b[B", _KEYS)
        spent, sent = (terminal.cpu() - cpu) / _KEYS, (terminal.count - count) / _KEYS
        return [
            Row(f"{POSTS:,} posts listed by a held page key", listed, "s", None),
            Row("first byte after a held cursor key, median", statistics.median(latencies) * 1000, "ms", 16),
            Row("the same, 95 of 100", statistics.quantiles(latencies, n=20)[-1] * 1000, "ms", None),
            Row("CPU per held cursor key", spent * 1000, "ms", 16),
            Row("bytes per held cursor key", sent, "B", 1_000),
            Row("memory of the program (RSS)", _memory(terminal, "VmRSS"), "MB", 150),
            Row("the most it had", _memory(terminal, "VmHWM"), "MB", 150),
        ]


def _all_listed(terminal: Terminal) -> bool:
    """Whether the title has dropped the count of what is listed, as that is all there is."""
    tail = terminal.output[-400_000:]
    return tail.rfind(b"0,000 posts \xc2\xb7 ") >= 0 and bool(re.search(rb"\xe2\x86\x92 10,000", tail))


def _memory(terminal: Terminal, field: str) -> float:
    text = Path(f"/proc/{terminal.process.pid}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) / 1024


# --- the total ---------------------------------------------------------------------------------------------------


def _totals() -> list[Row]:
    """From enter to the number of posts, with the pauses that real boards are owed, on one board of each engine."""
    seconds = {engine: _total(engine, "kafka_(x) solo") for engine in _ENGINES}
    slowest = max(seconds, key=lambda engine: seconds[engine])
    return [
        Row(f"total at 100 ms of latency, slowest of {len(seconds)} engines ({slowest})", seconds[slowest], "s", 1.0),
        Row("the same, four terms of which Danbooru takes two from visitors", _total("danbooru", _GUIDE), "s", 1.0),
    ]


def _total(engine: Engine, query: str) -> float:
    tags = {"general": ["solo", "shirt"], "character": ["kafka_(x)"]}
    samples = [Sample(number, b"%d" % number, tags=tags) for number in range(1, 301)]
    with fresh_home(), BoardServer(engine, samples, tag_limit=2, latency=0.1) as server, Network() as network:
        board = ENGINES[engine]("mine", BoardConfig(engine=engine, url=server.url))
        begun = time.perf_counter()
        found = search_boards([board], network, query)
        if found.total() != len(samples):
            raise AssertionError((engine, found.total()))
        return time.perf_counter() - begun


# --- a slow link -------------------------------------------------------------------------------------------------


def _typed(home: dict[str, str | None], project: Path, board: str, graphics: str) -> tuple[tuple[float, float], int]:
    """Median and worst seconds from a key to its letter on the terminal; cells of pictures that came around it."""
    with _search(home, project, board, graphics, rate=_SLOW) as terminal:
        time.sleep(2)
        terminal.send("/")
        time.sleep(1)
        start, waits, typed = terminal.count, [], ""
        for letter in _TYPED:
            typed += letter
            before, begun = terminal.count, time.perf_counter()
            terminal.send(letter)
            terminal.wait_for(re.escape(typed), start=before)
            waits.append(time.perf_counter() - begun)
            time.sleep(0.8)  # long enough for a picture to be on its way when the next key comes
        terminal.send("\x1b")
        time.sleep(3)
        return (statistics.median(waits), max(waits)), terminal.output[start:].count("▀".encode())


@contextmanager
def _search(home: dict[str, str | None], project: Path, board: str, graphics: str, rate: int = 0) -> Iterator[Terminal]:
    """The program with its first results on the screen."""
    folder = Path(str(home["XDG_CONFIG_HOME"])) / "loratui"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(
        f'default_board = "mine"\n[ui]\ngraphics = "{graphics}"\n[boards.mine]\nengine = "danbooru"\nurl = "{board}"\n'
    )
    with Terminal(["python", "-c", _PROGRAM, str(project)], answers=XTERM, env=home, rate=rate) as terminal:
        terminal.wait_for("Projects", timeout=60)
        terminal.quiet(1.0)
        terminal.send("gs")
        terminal.wait_for("to search mine", timeout=60)
        terminal.quiet(1.0)
        terminal.send("/kafka\r")
        terminal.wait_for(f"{POSTS:,} posts", timeout=60)
        yield terminal


# --- the board ---------------------------------------------------------------------------------------------------


@contextmanager
def _board(rate: int) -> Iterator[str]:
    """A board of 10,000 posts in Danbooru's shape, whose previews all together come at `rate` bytes a second."""
    link = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith("/files/"):
                self._send(_preview(int(parts.path.split("/")[2]) % 32), "image/jpeg")
            elif parts.path == "/counts/posts.json":
                self._send(b'{"counts":{"posts":%d}}' % POSTS, "application/json")
            elif parts.path == "/posts.json":
                page = parse_qs(parts.query).get("page", ["1"])[0]
                first = int(page[1:]) - 1 if page.startswith("b") else POSTS
                self._send(_posts(first, f"http://{self.headers['Host']}"), "application/json")
            else:
                self._send(b"[]", "application/json")

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not rate or not kind.startswith("image"):
                self.wfile.write(body)
                return
            for at in range(0, len(body), 1250):
                with link:
                    time.sleep(1250 / rate)
                self.wfile.write(body[at : at + 1250])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@cache
def _posts(first: int, url: str) -> bytes:
    """A page of posts with ids from `first` down."""
    posts = []
    for number in range(first, max(0, first - _PAGE), -1):
        choice = random.Random(number)
        general = [f"tag_number_{choice.randrange(3000)}" for _ in range(32)]
        posts.append(
            {
                "id": number,
                "created_at": "2026-09-15T19:27:31.639-04:00",
                "score": choice.randrange(300),
                "source": f"https://example.org/art/{number}",
                "md5": f"{number:032x}",
                "rating": "g",
                "image_width": 1200 + choice.randrange(900),
                "image_height": 1600,
                "file_ext": "jpg",
                "file_size": 900_000 + choice.randrange(10**6),
                "parent_id": None,
                "is_deleted": False,
                "is_banned": False,
                "tag_string": " ".join([*general, "kafka", "highres", f"artist_{number % 400}", "honkai"]),
                "tag_string_general": " ".join(general),
                "tag_string_character": "kafka",
                "tag_string_copyright": "honkai",
                "tag_string_artist": f"artist_{number % 400}",
                "tag_string_meta": "highres",
                "file_url": f"{url}/files/{number}/original.jpg",
                "large_file_url": f"{url}/files/{number}/sample.jpg",
                "preview_file_url": f"{url}/files/{number}/preview.jpg",
            }
        )
    return json.dumps(posts).encode()


@cache
def _preview(number: int) -> bytes:
    """A JPEG as large as a board's thumbnails."""
    from PIL import Image, ImageDraw

    choice = random.Random(number)
    picture = Image.new("RGB", (135, 180), tuple(choice.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y = choice.randrange(135), choice.randrange(180)
        draw.ellipse((x, y, x + 40, y + 40), tuple(choice.randrange(256) for _ in range(3)))
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
