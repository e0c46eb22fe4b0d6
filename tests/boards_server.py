"""An image board on loopback: seven engines with their rules and the shapes of their answers, files, faults."""

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.board_rules import find
from tests.board_shapes import answer

Engine = Literal["danbooru", "gelbooru", "gelbooru02", "moebooru", "e621", "philomena", "zerochan"]


FILES = ("/files/", "/.full.")
"""How the addresses of files begin."""


@dataclass
class Sample:
    """One post of the board.

    Attributes:
        data: the file's bytes.
        tags: by category.
        listed_md5: what the record says instead of the truth, "" for the truth.
        hidden: the record has no address of the file.
        created: seconds since 1970.
    """

    id: int
    data: bytes
    ext: str = "png"
    width: int = 768
    height: int = 1024
    rating: str = "g"
    score: int = 1
    tags: dict[str, list[str]] = field(default_factory=lambda: {"general": ["1girl"]})
    source: str = ""
    deleted: bool = False
    hidden: bool = False
    listed_md5: str = ""
    parent: int | None = None
    created: int = 1757978851

    @cached_property
    def md5(self) -> str:
        return self.listed_md5 or hashlib.md5(self.data).hexdigest()

    @cached_property
    def sha512(self) -> str:
        return hashlib.sha512(self.listed_md5.encode() or self.data).hexdigest()

    @property
    def words(self) -> list[str]:
        return sorted(tag for tags in self.tags.values() for tag in tags)


@dataclass
class Fault:
    """What goes wrong with requests whose path and query contain `match`.

    Attributes:
        kind: `status` answers with `status`; `html` a page with 200; `truncate` breaks off in the middle;
            `short` declares and sends less than the file has; `stall` stands still for `seconds` after the first half;
            `latency` waits `seconds`; `raw` answers 200 with `body`; `redirect` leads to a page.
        times: how often; then it is gone.
    """

    match: str
    kind: str
    times: int = 10**9
    status: int = 500
    seconds: float = 0.0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def noise(number: int, side: int = 96) -> bytes:
    """A real PNG that does not compress: about 3 bytes a pixel, different for each number."""
    import random
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.frombytes("RGB", (side, side), random.Random(number).randbytes(side * side * 3)).save(file, "PNG")
    return file.getvalue()


class BoardServer:
    """Use it as a context manager.

    Args:
        engine: which family it speaks.
        samples: its posts.
        key: (user_id or login, api_key) without which it answers nothing.
        tag_limit: counted terms of one search (danbooru).
        deepest: the last numbered page; None: the engine's own.
        most: posts of one page at most, whatever was asked for; None: no cap.

    Attributes:
        requests: every request: path, parameters, headers in lower case.
        faults: may be changed while it runs.
        concurrent: most files sent at the same time.
        cut_out: ids that the site leaves out of its pages, but counts.
        aliases: other name → tag (danbooru): queries may use them, records do not.
        gate: while it is cleared, nothing is answered; requests are taken down before they wait.
    """

    def __init__(
        self,
        engine: Engine,
        samples: Sequence[Sample],
        *,
        key: tuple[str, str] | None = None,
        tag_limit: int | None = None,
        deepest: int | None = None,
        most: int | None = None,
        latency: float = 0.0,
    ) -> None:
        self.engine = engine
        self.samples = sorted(samples, key=lambda sample: -sample.id)
        self.key = key
        self.tag_limit = tag_limit
        self.deepest = deepest
        self.most = most
        self.cut_out: set[int] = set()
        self.aliases: dict[str, str] = {}
        self.latency = latency
        self.gate = threading.Event()
        self.gate.set()
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.concurrent = 0
        self._now = 0
        self._guard = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "BoardServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def file_requests(self) -> list[str]:
        """Paths of the files asked for."""
        return [path for path, _, _ in self.requests if path.startswith(FILES)]

    def api_requests(self) -> list[str]:
        """Paths of everything else."""
        return [path for path, _, _ in self.requests if not path.startswith(FILES)]

    def fault(self, path: str) -> Fault | None:
        with self._guard:
            for fault in self.faults:
                if fault.times > 0 and fault.match in path:
                    fault.times -= 1
                    return fault
        return None

    def entered(self, step: int) -> None:
        with self._guard:
            self._now += step
            self.concurrent = max(self.concurrent, self._now)

    def found(self, query: str) -> list[Sample]:
        """The posts of a query, in the site's order, as its engine understands it.

        Raises:
            Refused: the engine does not take it.
        """
        words = (self.aliases.get(word, word) for word in query.split(" "))
        return find(self.engine, self.samples, " ".join(words), self.tag_limit)

    def file_url(self, sample: Sample) -> str:
        return f"{self.url}/files/{sample.md5}.{sample.ext}"

    def answer(self, path: str, params: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body of an API request."""
        return answer(self, path, params)

    def allowed(self, params: dict[str, str], authorization: str) -> bool:
        if self.key is None:
            return True
        if self.engine.startswith("gelbooru"):
            return (params.get("user_id"), params.get("api_key")) == self.key
        import base64

        return authorization == "Basic " + base64.b64encode(":".join(self.key).encode()).decode()

    def having(self, tag: str) -> list[Sample]:
        """The posts with a tag."""
        return [sample for sample in self.samples if tag in sample.words]

    def kind(self, tag: str) -> str:
        """The category of a tag."""
        return next((kind for sample in self.samples for kind, tags in sample.tags.items() if tag in tags), "general")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


def _handler(board: BoardServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: a delayed acknowledgement costs 40 ms

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            board.requests.append((parts.path, params, {k.lower(): v for k, v in self.headers.items()}))
            fault = board.fault(self.path)
            board.gate.wait()
            wait = board.latency + (fault.seconds if fault and fault.kind == "latency" else 0)
            if not parts.path.startswith(FILES):
                time.sleep(wait)
            if fault and fault.kind == "status":
                self._send(fault.status, "text/plain", fault.body, fault.headers)
            elif fault and fault.kind == "html":
                self._send(200, "text/html", b"<!DOCTYPE html><html><body>Welcome</body></html>")
            elif fault and fault.kind == "raw":
                self._send(200, "application/json", fault.body, fault.headers)
            elif fault and fault.kind == "redirect":
                self._send(302, "text/html", b"", {"Location": "/hotlink.php"})
            elif parts.path == "/hotlink.php":
                self._send(200, "text/html", b"<html>no hotlinks</html>")
            elif parts.path.startswith(FILES):
                board.entered(1)
                time.sleep(wait)
                try:
                    self._file(parts.path, fault)
                finally:
                    board.entered(-1)
            elif not board.allowed(params, self.headers.get("Authorization", "")):
                if board.engine == "gelbooru02":
                    text = "Missing authentication. Go to api.rule34.xxx for more information"
                    self._send(200, "application/json", json.dumps(text).encode())
                else:
                    self._send(401, "text/html", b"")
            else:
                status, kind, body = board.answer(parts.path, params)
                self._send(status, kind, body)

        def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _file(self, path: str, fault: Fault | None) -> None:
            names = {f"/files/{sample.md5}": sample for sample in board.samples}
            names |= {f"/.full.{sample.id}.{sample.ext}": sample for sample in board.samples}  # Zerochan's
            sample = names.get(path) or names.get(path.rpartition(".")[0])
            if sample is None:
                self._send(404, "text/html", b"<html>gone</html>")
                return
            data, start, mark = sample.data, 0, f'"{hashlib.md5(sample.data).hexdigest()}"'
            wanted = self.headers.get("Range", "")
            if wanted and self.headers.get("If-Range", mark) == mark:
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                if start >= len(data):
                    self._send(416, "text/plain", b"")
                    return
            body = data[start:]
            if fault and fault.kind == "short":
                body = body[: len(body) // 2]
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", f"image/{sample.ext}")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", mark)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if fault and fault.kind in ("truncate", "stall"):
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                if fault.kind == "stall":
                    time.sleep(fault.seconds)
                    self.wfile.write(body[len(body) // 2 :])
                else:
                    self.close_connection = True
                return
            self.wfile.write(body)

    return Handler
