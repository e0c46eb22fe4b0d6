"""An image board on loopback: five engines in the shapes of their recorded answers, files, faults on demand."""

import hashlib
import html
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import quoteattr

Engine = Literal["danbooru", "gelbooru", "gelbooru02", "moebooru", "e621"]
TYPES = {"general": 0, "artist": 1, "copyright": 3, "character": 4, "meta": 5}


@dataclass
class Sample:
    """One post of the board.

    Attributes:
        data: the file's bytes.
        tags: by category.
        listed_md5: what the record says instead of the truth, "" for the truth.
        hidden: the record has no address of the file.
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

    @cached_property
    def md5(self) -> str:
        return self.listed_md5 or hashlib.md5(self.data).hexdigest()

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

    Attributes:
        requests: every request: path, parameters, headers in lower case.
        faults: may be changed while it runs.
        concurrent: most files sent at the same time.
    """

    def __init__(
        self,
        engine: Engine,
        samples: Sequence[Sample],
        *,
        key: tuple[str, str] | None = None,
        tag_limit: int | None = None,
        latency: float = 0.0,
    ) -> None:
        self.engine = engine
        self.samples = sorted(samples, key=lambda sample: -sample.id)
        self.key = key
        self.tag_limit = tag_limit
        self.latency = latency
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
        return [path for path, _, _ in self.requests if path.startswith("/files/")]

    def api_requests(self) -> list[str]:
        """Paths of everything else."""
        return [path for path, _, _ in self.requests if not path.startswith("/files/")]

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
        """The posts of a query, newest first, as a simple board would tell."""
        return [sample for sample in self.samples if all(_matches(sample, word) for word in query.split())]

    def file_url(self, sample: Sample) -> str:
        return f"{self.url}/files/{sample.md5}.{sample.ext}"

    def answer(self, path: str, params: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body of an API request."""
        shape: dict[tuple[str, str], Callable[[dict[str, str]], Any]] = {
            ("danbooru", "/posts.json"): self._danbooru,
            ("danbooru", "/counts/posts.json"): lambda p: {"counts": {"posts": len(self.found(p["tags"]))}},
            ("danbooru", "/tags.json"): self._danbooru_tags,
            ("moebooru", "/post.json"): self._moebooru,
            ("moebooru", "/post.xml"): lambda p: f'<posts count="{len(self.found(p["tags"]))}" offset="0"></posts>',
            ("e621", "/posts.json"): self._e621,
            ("e621", "/posts/count.json"): lambda p: {"count": len(self.found(p["tags"])), "capped": False},
            ("gelbooru", "/index.php"): self._gelbooru,
            ("gelbooru02", "/index.php"): self._gelbooru02,
        }
        make = shape.get((self.engine, path))
        if make is None:
            return 404, "text/html", b"<html><body>404</body></html>"
        counted = [w for w in params.get("tags", "").split() if ":" not in w or w.startswith("order:")]
        if self.tag_limit is not None and len(counted) > self.tag_limit:
            text = f"You cannot search for more than {self.tag_limit} tags at a time."
            body = {"success": False, "error": "PostQuery::TagLimitError", "message": text, "backtrace": []}
            return 422, "application/json", json.dumps(body).encode()
        made = make(params)
        if isinstance(made, str):
            return 200, "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{made}'.encode()
        # The older engines call their JSON text/html.
        kind = "text/html" if self.engine.startswith("gelbooru") else "application/json; charset=utf-8"
        return 200, kind, json.dumps(made).encode()

    def allowed(self, params: dict[str, str], authorization: str) -> bool:
        if self.key is None:
            return True
        if self.engine.startswith("gelbooru"):
            return (params.get("user_id"), params.get("api_key")) == self.key
        import base64

        return authorization == "Basic " + base64.b64encode(":".join(self.key).encode()).decode()

    def _page(self, params: dict[str, str]) -> list[Sample]:
        found, limit, page = self.found(params.get("tags", "")), int(params["limit"]), params.get("page", "1")
        if page.startswith("b"):
            return [sample for sample in found if sample.id < int(page[1:])][:limit]
        return found[(int(page) - 1) * limit :][:limit]

    def _danbooru(self, params: dict[str, str]) -> list[dict[str, Any]]:
        posts = []
        for sample in self._page(params):
            post: dict[str, Any] = {
                "id": sample.id,
                "created_at": "2025-09-15T19:27:31.639-04:00",
                "score": sample.score,
                "source": sample.source,
                "md5": sample.md5,
                "rating": sample.rating,
                "image_width": sample.width,
                "image_height": sample.height,
                "tag_string": " ".join(sample.words),
                "file_ext": sample.ext,
                "file_size": len(sample.data),
                "parent_id": None,
                "is_deleted": sample.deleted,
                "is_banned": False,
                **{f"tag_string_{kind}": " ".join(sample.tags.get(kind, [])) for kind in TYPES},
                "file_url": self.file_url(sample),
                "large_file_url": self.file_url(sample),
                "preview_file_url": self.file_url(sample),
            }
            if sample.hidden:
                for key in ("file_url", "large_file_url", "preview_file_url", "md5"):
                    del post[key]
            posts.append(post)
        return posts

    def _danbooru_tags(self, params: dict[str, str]) -> list[dict[str, Any]]:
        names = params["search[name_comma]"].split(",")
        return [
            {"id": 1, "name": name, "post_count": len(self.found(name)), "category": TYPES[self._kind(name)]}
            for name in names
            if self.found(name)
        ]

    def _moebooru(self, params: dict[str, str]) -> Any:
        posts: list[dict[str, Any]] = [
            {
                "id": sample.id,
                "tags": " ".join(sample.words),
                "created_at": 1726568030,
                "source": sample.source,
                "score": sample.score,
                "md5": sample.md5,
                "file_size": len(sample.data),
                "file_url": self.file_url(sample),
                "preview_url": self.file_url(sample),
                "sample_url": self.file_url(sample),
                "rating": {"g": "s"}.get(sample.rating, sample.rating),
                "parent_id": None,
                "status": "deleted" if sample.deleted else "active",
                "width": sample.width,
                "height": sample.height,
                "is_held": False,
            }
            for sample in self._page(params)
        ]
        if params.get("api_version") != "2":
            return posts
        return {"posts": posts, "tags": {tag: self._kind(tag) for post in posts for tag in post["tags"].split()}}

    def _e621(self, params: dict[str, str]) -> Any:
        posts = []
        for sample in self._page(params):
            url = None if sample.hidden else self.file_url(sample)
            tags = {
                kind: sample.tags.get(kind, [])
                for kind in ("general", "artist", "copyright", "character", "species", "meta")
            }
            common = {
                "id": sample.id,
                "created_at": "2026-07-13T17:36:26.837+03:00",
                "rating": {"g": "s"}.get(sample.rating, sample.rating),
                "tags": tags,
                "sources": [sample.source],
                "flags": {"deleted": sample.deleted},
                "relationships": {"parent_id": None, "children": []},
            }
            file = {"width": sample.width, "height": sample.height, "url": url}
            meta = {"ext": sample.ext, "size": len(sample.data), "md5": sample.md5}
            if params.get("v2") == "true":
                small = {"width": 150, "height": 150, "jpg": url, "webp": url}
                files = {"meta": meta, "original": file, "preview": small, "sample": small}
                posts.append({**common, "files": files, "stats": {"score": {"total": sample.score}}})
            else:
                small = {"width": 150, "height": 150, "url": url}
                posts.append(
                    {
                        **common,
                        "file": {**file, **meta},
                        "preview": small,
                        "sample": small,
                        "score": {"total": sample.score},
                    }
                )
        return posts if params.get("v2") == "true" else {"posts": posts}

    def _gelbooru(self, params: dict[str, str]) -> Any:
        limit = int(params.get("limit", "100"))
        if params["s"] == "tag":
            names = params["names"].split()[:limit]
            tags = [
                {"id": 1, "name": name, "count": 1, "type": TYPES[self._kind(name)], "ambiguous": 0}
                for name in names
                if self._kind(name)
            ]
            return {"@attributes": {"limit": limit, "offset": 0, "count": len(tags)}, "tag": tags}
        found, start = self.found(params["tags"]), int(params.get("pid", "0")) * limit
        words = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit"}
        posts = [
            {
                "id": sample.id,
                "created_at": "Sat Sep 26 03:51:09 -0500 2026",
                "score": sample.score,
                "width": sample.width,
                "height": sample.height,
                "md5": sample.md5,
                "image": f"{sample.md5}.{sample.ext}",
                "rating": words[sample.rating],
                "source": sample.source,
                "parent_id": 0,
                "tags": html.escape(" ".join(sample.words), quote=False).replace("'", "&#039;"),
                "has_notes": "false",
                "file_url": self.file_url(sample),
                "preview_url": self.file_url(sample),
                "sample_url": "",
                "status": "deleted" if sample.deleted else "active",
            }
            for sample in found[start : start + limit]
        ]
        envelope: dict[str, Any] = {"@attributes": {"limit": limit, "offset": start, "count": len(found)}}
        return {**envelope, "post": posts} if posts else envelope

    def _gelbooru02(self, params: dict[str, str]) -> Any:
        if params["s"] == "tag":
            kind = TYPES[self._kind(params["name"])]
            attributes = f'type="{kind}" count="2" name={quoteattr(params["name"])} ambiguous="false" id="1"'
            return f'<tags type="array"><tag {attributes}/></tags>'
        if params.get("json") != "1":
            return f'<posts count="{len(self.found(params["tags"]))}" offset="0"></posts>'
        limit = int(params.get("limit", "100"))
        start = int(params.get("pid", "0")) * limit
        words = {"g": "general", "s": "general", "q": "questionable", "e": "explicit"}
        return [
            {
                "preview_url": self.file_url(sample),
                "sample_url": self.file_url(sample),
                "file_url": self.file_url(sample),
                "directory": 539,
                "hash": sample.md5,
                "width": sample.width,
                "height": sample.height,
                "id": sample.id,
                "image": f"{sample.md5}.{sample.ext}",
                "change": 1757694622,
                "owner": "danbooru",
                "parent_id": 0,
                "rating": words[sample.rating],
                "score": None,
                "tags": " ".join(sample.words),
                "source": sample.source,
                "status": "active",
            }
            for sample in self.found(params["tags"])[start : start + limit]
        ]

    def _kind(self, tag: str) -> str:
        return next((kind for sample in self.samples for kind, tags in sample.tags.items() if tag in tags), "general")


def _matches(sample: Sample, word: str) -> bool:
    if word.startswith("-"):
        return not _matches(sample, word[1:])
    key, _, value = word.partition(":")
    if key == "rating":
        return any(
            part[0] == sample.rating or (part in ("s", "safe") and sample.rating == "g") for part in value.split(",")
        )
    if key == "id" and value.startswith("<"):
        return sample.id < int(value[1:])
    if key in ("width", "height") and value.startswith(">="):
        return bool(getattr(sample, key) >= int(value[2:]))
    if key in ("order", "sort"):
        return True
    return word in sample.words


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


def _handler(board: BoardServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            board.requests.append((parts.path, params, {k.lower(): v for k, v in self.headers.items()}))
            fault = board.fault(self.path)
            wait = board.latency + (fault.seconds if fault and fault.kind == "latency" else 0)
            if not parts.path.startswith("/files/"):
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
            elif parts.path.startswith("/files/"):
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
            name = path.rpartition("/")[2].partition(".")[0]
            sample = next((sample for sample in board.samples if sample.md5 == name), None)
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
