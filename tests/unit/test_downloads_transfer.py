"""One file from servers that lie, stall, forget and drip: what comes is what was meant, or is told and not kept."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from loratui.core.boards.network import pace
from loratui.core.boards.network.connections import Network
from loratui.core.boards.post import Post
from loratui.core.downloads import magic, transfer
from loratui.core.downloads.transfer import Job
from loratui.core.downloads.transfers import Event, Transfers
from tests.boards_server import noise

DATA = noise(1, 120)
MD5 = hashlib.md5(DATA).hexdigest()

Answer = Callable[[str], Sequence[bytes | float]]
"""From the request to what is sent: bytes, and pauses in seconds; then the connection is closed."""


class Scripted:
    """A server that gives one answer after the other, the last of them again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[str] = []
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/file.png"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                part = connection.recv(65536)
                if not part:
                    return
                request += part
            self.requests.append(request.decode("latin-1"))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            try:
                for piece in answer(self.requests[-1]):
                    if isinstance(piece, float):
                        time.sleep(piece)
                    else:
                        connection.sendall(piece)
            except OSError:
                pass


def head(status: int = 200, length: int | None = None, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", "Connection: close", "Content-Type: image/png"]
    lines += [] if length is None else [f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(request: str) -> list[bytes | float]:
    return [head(length=len(DATA), ETag='"a"'), DATA]


def half(request: str) -> list[bytes | float]:
    return [head(length=len(DATA), ETag='"a"'), DATA[:20_000]]


def ranged(request: str) -> list[bytes | float]:
    """The rest, as asked for."""
    start = int(request.lower().partition("range: bytes=")[2].partition("-")[0])
    return [
        head(206, len(DATA) - start, ETag='"a"', Content_Range=f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"),
        DATA[start:],
    ]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(backoff=0.01, stall=0.5) as made:
        yield made


def run(network: Network, job: Job) -> list[Event]:
    """What happened until the job ended."""
    transfers = Transfers(network)
    transfers.submit([job])
    events: list[Event] = []
    while transfers.pending:
        events += transfers.events()
    transfers.stop()
    return events


def came(tmp_path: Path, events: Sequence[Event]) -> bool:
    """Whether the file is there as it should be; an error leaves nothing that is taken for it."""
    path = tmp_path / "x.whole"
    assert path.exists() == (events[-1].fetched is not None)
    return path.exists() and path.read_bytes() == DATA


def job(tmp_path: Path, server: Scripted, **more: object) -> Job:
    return Job(1, server.url, "", tmp_path / "x.part", **{"digest": MD5, **more})  # type: ignore[arg-type]


def test_a_half_goes_on_where_it_broke_off(tmp_path: Path, network: Network) -> None:
    with Scripted(half, ranged) as server:
        assert came(tmp_path, run(network, job(tmp_path, server)))
        assert "range: bytes=20000-" in server.requests[1].lower() and 'if-range: "a"' in server.requests[1].lower()


def test_a_server_that_knows_no_ranges_sends_it_whole(tmp_path: Path, network: Network) -> None:
    with Scripted(half, whole) as server:
        assert came(tmp_path, run(network, job(tmp_path, server)))
        assert len(server.requests) == 2


def test_another_version_under_the_same_range_is_not_glued_on(tmp_path: Path, network: Network) -> None:
    def other(request: str) -> list[bytes | float]:
        length = len(DATA) - 20_000
        return [head(206, length, ETag='"b"', Content_Range=f"bytes 20000-{len(DATA) - 1}/{len(DATA)}"), b"?" * length]

    with Scripted(half, other, whole) as server:
        assert came(tmp_path, run(network, job(tmp_path, server)))
        assert "range" not in server.requests[2].lower()


def test_another_range_than_asked_for_begins_anew(tmp_path: Path, network: Network) -> None:
    def elsewhere(request: str) -> list[bytes | float]:
        return [head(206, 100, ETag='"a"', Content_Range=f"bytes 0-99/{len(DATA)}"), DATA[:100]]

    with Scripted(half, elsewhere, whole) as server:
        assert came(tmp_path, run(network, job(tmp_path, server)))


@pytest.mark.parametrize("digest", [MD5, ""])
def test_416_for_a_file_that_is_all_there(tmp_path: Path, network: Network, digest: str) -> None:
    (tmp_path / "x.part").write_bytes(DATA)

    def nothing_more(request: str) -> list[bytes | float]:
        return [head(416, 0, Content_Range=f"bytes */{len(DATA)}")]

    with Scripted(nothing_more) as server:
        assert came(tmp_path, run(network, job(tmp_path, server, digest=digest, validator='"a"')))
        assert len(server.requests) == (0 if digest else 1)


def test_416_for_a_file_that_grew_shorter(tmp_path: Path, network: Network) -> None:
    (tmp_path / "x.part").write_bytes(DATA + b"more")

    def shorter(request: str) -> list[bytes | float]:
        return [head(416, 0, Content_Range=f"bytes */{len(DATA)}")]

    with Scripted(shorter, whole) as server:
        assert came(tmp_path, run(network, job(tmp_path, server, validator='"a"')))


def test_a_length_that_is_too_short_is_not_believed(tmp_path: Path, network: Network) -> None:
    with Scripted(lambda _: [head(length=500), DATA]) as server:
        events = run(network, job(tmp_path, server))
        assert events[-1].error == "not the file the board describes (md5)" and not came(tmp_path, events)
        events = run(network, job(tmp_path, server, digest="", size=len(DATA)))
        assert events[-1].error == "not the file the board describes (size)"
        events = run(network, job(tmp_path, server, digest=""))
        assert events[-1].error == "broken off in the middle" and not (tmp_path / "x.part").exists()


def test_a_length_that_is_too_long_ends_with_what_the_digest_says(tmp_path: Path, network: Network) -> None:
    with Scripted(lambda _: [head(length=len(DATA) + 99, ETag='"a"'), DATA]) as server:
        assert came(tmp_path, run(network, job(tmp_path, server)))
        assert len(server.requests) == 1, "what lies there is whole: no second request"


def test_no_length_at_all(tmp_path: Path, network: Network) -> None:
    with Scripted(lambda _: [head(), DATA]) as server:
        assert came(tmp_path, run(network, job(tmp_path, server, digest="")))


def test_five_gigabytes_are_refused_before_a_byte(tmp_path: Path, network: Network) -> None:
    def giant(request: str) -> list[bytes | float]:
        return [head(length=5 << 30), DATA]

    with Scripted(giant) as server:
        assert run(network, job(tmp_path, server, size=len(DATA)))[-1].error == "much larger than the board says"
        assert run(network, job(tmp_path, server))[-1].error == "larger than 256 MB"
        assert len(server.requests) == 2 and not (tmp_path / "x.part").exists()


def test_one_that_does_not_say_its_length_is_cut_where_it_grows_too_large(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "SLACK", 1000)

    def endless(request: str) -> list[bytes | float]:
        return [head(), DATA, *[b"\0" * 65536] * 40]

    with Scripted(endless) as server:
        events = run(network, job(tmp_path, server, size=len(DATA)))
        assert events[-1].error == "much larger than the board says" and not (tmp_path / "x.part").exists()


def test_a_server_that_drips_stands_still(tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PATIENCE", 0.4)

    def drip(request: str) -> list[bytes | float]:
        pieces: list[bytes | float] = [head(length=len(DATA))]
        for start in range(0, 400, 4):
            pieces += [DATA[start : start + 4], 0.1]
        return pieces

    with Scripted(drip) as server:
        transfers = Transfers(network, tries=1)
        transfers.submit([job(tmp_path, server)])
        events: list[Event] = []
        while transfers.pending:
            events += transfers.events()
        transfers.stop()
    assert events[-1].error == "the server stood still" and events[-1].trouble


def test_addresses_are_tried_in_turn(tmp_path: Path, network: Network) -> None:
    with Scripted(lambda _: [head(404, 0)], lambda _: [head(404, 0)], whole) as server:
        others = (server.url.replace(".png", ".webp"), server.url.replace(".png", ".jpg"))
        assert came(tmp_path, run(network, job(tmp_path, server, others=others)))
        assert [request.split()[1] for request in server.requests] == ["/file.png", "/file.webp", "/file.jpg"]
    with Scripted(lambda _: [head(404, 0)]) as server:
        events = run(network, job(tmp_path, server, others=(server.url + "2",)))
        assert events[-1].error == "the board no longer has the file" and len(server.requests) == 2


def test_sha512_is_checked_where_there_is_no_md5(tmp_path: Path, network: Network) -> None:
    with Scripted(whole) as server:
        assert came(tmp_path, run(network, job(tmp_path, server, digest=hashlib.sha512(DATA).hexdigest())))
    (tmp_path / "x.whole").unlink()
    with Scripted(whole) as server:
        events = run(network, job(tmp_path, server, digest="0" * 128))
        assert events[-1].error == "not the file the board describes (sha512)"


def test_a_host_that_asks_for_a_pause_gets_it_from_all(tmp_path: Path, network: Network) -> None:
    times: list[float] = []

    def busy(request: str) -> list[bytes | float]:
        times.append(time.monotonic())
        return [head(429, 0, Retry_After="1")] if len(times) == 1 else whole(request)

    with Scripted(busy) as server:
        transfers = Transfers(network)
        transfers.submit([Job(key, server.url, "", tmp_path / f"{key}.part", MD5) for key in range(3)], per_host=1)
        while transfers.pending:
            transfers.events()
        transfers.stop()
    assert len(times) == 4 and times[1] - times[0] >= 0.9


def test_files_of_a_host_keep_their_interval(tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """All four ask for their turn in the same moment; the last begins three intervals after the first."""
    now, waits, reserve = time.monotonic(), list[float](), pace.reserve

    def reserved(host: str, interval: float) -> float:
        waits.append(reserve(host, interval))
        return waits[-1]

    monkeypatch.setattr(pace, "is_loopback", lambda host: False)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(pace, "reserve", reserved)
    with Scripted(whole) as server:
        transfers = Transfers(network)
        transfers.submit([Job(key, server.url, "", tmp_path / f"{key}.part", MD5) for key in range(4)], 4, 0.05)
        while transfers.pending:
            transfers.events()
        transfers.stop()
    assert waits == pytest.approx([0, 0.05, 0.1, 0.15])
    assert time.monotonic() - now >= 0.15  # and they were waited for


@pytest.mark.parametrize("board", ["../../etc", "a\0b", "a\u202eb\x1b[2J", "x" * 300, "con", ".", "-rf", "a/b\\c"])
def test_no_name_of_a_board_leaves_the_folder(board: str) -> None:
    name = Post(board, 7).name
    assert "/" not in name and "\0" not in name and "\u202e" not in name and "\x1b" not in name
    assert not name.startswith((".", "-")) and len(name.encode()) < 200 and name.endswith("_7")


@pytest.mark.parametrize(
    ("ext", "data"),
    [
        ("png", DATA),
        ("jpg", b"\xff\xd8\xff\xe0" + b"x" * 5000 + b"\xff\xd9"),
        ("gif", b"GIF89a" + b"x" * 5000 + b"\x00\x3b"),
        ("webp", b"RIFF" + (5008 - 8).to_bytes(4, "little") + b"WEBP" + b"x" * 4996),
        ("bmp", b"BM" + (5000).to_bytes(4, "little") + b"x" * 4994),
    ],
)
def test_the_end_of_a_picture(tmp_path: Path, ext: str, data: bytes) -> None:
    path = tmp_path / "file"
    assert magic.image_type(data[:32]) == ext
    path.write_bytes(data)
    assert magic.ended(path, ext)
    path.write_bytes(data[: len(data) // 2])
    assert not magic.ended(path, ext)
