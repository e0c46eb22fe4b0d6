"""Downloads against the bound that latency sets, and against gallery-dl in the same run; what a repeat costs."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.samples import fresh_home
from tests.benchmarks.table import Row
from tests.file_server import TAG, FileServer, file_server

_FILES = 200
_SIZE = 500_000
_LATENCY = 0.1
_MANY = 1000
_PEER = "LORATUI_GALLERY_DL"
"""Names the executable where it is not on PATH."""

_GET = """
import json, sys, time
from pathlib import Path
from loratui.core.boards.registry import ENGINES
from loratui.core.config import BoardConfig
from loratui.core.downloads.get import get
from loratui.core.workspace import Workspace
url, transfers = sys.argv[2], int(sys.argv[3])
board = ENGINES["danbooru"]("mine", BoardConfig(engine="danbooru", url=url, transfers=transfers))
begin = time.perf_counter()
got = get(Workspace.open(Path(sys.argv[1])), board, "kafka")
print(json.dumps([time.perf_counter() - begin, got.downloaded, got.existing]))
"""


def rows() -> list[Row]:
    """Eight transfers, four, gallery-dl's one, and a repeat of a thousand files."""
    with fresh_home() as home, TemporaryDirectory() as folder:
        environment = {**os.environ, **{name: value for name, value in home.items() if value is not None}}
        place = Path(folder)
        with file_server(_FILES, _SIZE, _LATENCY) as server:
            # The better of two rounds, each into a folder of its own.
            eight = min(_seconds(server, place / f"eight{number}", 8, environment) for number in (1, 2))
            four = min(_seconds(server, place / f"four{number}", 4, environment) for number in (1, 2))
            peer = _gallery_dl(server, place / "peer", environment)
        with file_server(_MANY, 600, 0.0) as server:
            _seconds(server, place / "many", 8, environment)
            listing = _listing(server, environment)
            server.requests()
            again = _seconds(server, place / "many", 8, environment)
            asked = sum(server.requests().values())

    def bound(transfers: int) -> float:
        # The count and the first page are asked for one after the other: manners towards the board's own host.
        return (_FILES / transfers + 2) * _LATENCY

    what = f"{_FILES} files × {_SIZE // 1000} kB, {_LATENCY * 1000:.0f} ms"
    found = [
        Row(f"{what}, 8 transfers", eight, "s", 1.25, bound(8), "latency bound with two for the listing"),
        Row("… against the files' latency alone", eight, "s", 1.25, _FILES / 8 * _LATENCY, "latency bound"),
        Row("the same, 4 transfers (default manners)", four, "s", 1.2, bound(4), "latency bound with the listing"),
    ]
    if peer is None:
        found.append(Row(f"gallery-dl: skipped, not on PATH nor in {_PEER}", 0, ""))
    else:
        found.append(Row("8 transfers against gallery-dl", eight, "s", 1 / 6, peer, "gallery-dl"))
    return [
        *found,
        Row(f"repeat with {_MANY:,} files there, beyond the listing", again - listing, "s", 0.5),
        Row("the same, files asked for", asked, "", 0),
    ]


def _seconds(server: FileServer, folder: Path, transfers: int, environment: dict[str, str]) -> float:
    """Seconds of a whole get, its listing with it; the interpreter's start is not counted."""
    folder.mkdir(exist_ok=True)
    argv = [sys.executable, "-c", _GET, str(folder), server.url, str(transfers)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    seconds, downloaded, existing = json.loads(done.stdout)
    assert downloaded + existing == len(list(folder.glob("*.jpg"))) == len(list(folder.glob("*.txt")))
    return float(seconds)


_LIST = """
import sys, time
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.connections import Network
from loratui.core.boards.registry import ENGINES
from loratui.core.boards.listing.search import Search
from loratui.core.config import BoardConfig
board = ENGINES["danbooru"]("mine", BoardConfig(engine="danbooru", url=sys.argv[1]))
begin = time.perf_counter()
with Network() as network:
    search = Search(Client(board, network), "kafka")
    search.total()
    assert sum(1 for _ in search.posts()) == 1000
print(time.perf_counter() - begin)
"""


def _listing(server: FileServer, environment: dict[str, str]) -> float:
    """Seconds of the listing alone."""
    argv = [sys.executable, "-c", _LIST, server.url]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _gallery_dl(server: FileServer, folder: Path, environment: dict[str, str]) -> float | None:
    """Seconds gallery-dl takes for the same files; None where it is not installed."""
    program = os.environ.get(_PEER) or shutil.which("gallery-dl")
    if program is None:
        return None
    folder.mkdir()
    options = {"extractor": {"Danbooru": {"mine": {"root": server.url}}, "base-directory": str(folder)}}
    (folder / "gallery-dl.json").write_text(json.dumps(options))
    argv = [program, "--config-ignore", "-c", str(folder / "gallery-dl.json"), "-q", "--write-tags"]
    begin = time.perf_counter()
    subprocess.run([*argv, f"{server.url}/posts?tags={TAG}"], env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    assert len(list(folder.rglob("*.jpg"))) == _FILES
    return seconds
