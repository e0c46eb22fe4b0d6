"""The demo's image board: speaks Danbooru's API on loopback, over pictures we drew. Nothing leaves the machine."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from loratui.core.demo.collection import CHARACTER, DemoPost

_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_META = {"transparent_background": "meta"}
_NUMBERS = {"general": 0, "artist": 1, "copyright": 3, "character": 4, "meta": 5}
_FREE = ("rating", "status", "limit", "is", "id", "score", "width", "height", "filetype", "parent", "md5")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, posts: Sequence[DemoPost]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.posts = sorted(posts, key=lambda post: -post.id)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(folder: Path, posts: Sequence[DemoPost]) -> Iterator[str]:
    """Serves the posts, whose files lie in `folder`, while the block runs. Yields the board's address."""
    server = _Server(folder, posts)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="demo board")
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: a delayed acknowledgement costs 40 ms

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the base class)
        """The board is silent: its lines would draw over the screens."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/posts.json":
            self._posts(query)
        elif parts.path == "/counts/posts.json":
            self._json({"counts": {"posts": len(self._matching(query.get("tags", "")))}})
        elif parts.path == "/tags.json":
            self._json(self._tags())
        elif parts.path == "/autocomplete.json":
            self._json(self._completions(query.get("search[query]", "").lower()))
        elif match := re.fullmatch(r"/posts/(\d+)\.json", parts.path):
            found = [post for post in self.server.posts if post.id == int(match[1])]
            self._json(self._record(found[0])) if found else self._error(
                404, "ActiveRecord::RecordNotFound", "That record was not found."
            )
        elif match := re.fullmatch(r"/data/([0-9a-f]{32}\.\w+)", parts.path):
            self._file(match[1])
        else:
            self._error(404, "ActionController::RoutingError", "The page you were looking for doesn't exist")

    def _posts(self, query: dict[str, str]) -> None:
        words = query.get("tags", "").split()
        counted = [word for word in words if word.lstrip("-").partition(":")[0] not in _FREE]
        if len(counted) > 2:
            self._error(422, "PostQuery::TagLimitError", "You cannot search for more than 2 tags at a time.")
            return
        found = self._matching(query.get("tags", ""))
        limit = max(0, min(200, int(query.get("limit") or 20)))
        page = query.get("page", "1")
        if page.startswith("b"):
            found = [post for post in found if post.id < int(page[1:])][:limit]
        else:
            start = (int(page) - 1) * limit
            found = found[start : start + limit]
        self._json([self._record(post) for post in found])

    def _matching(self, tags: str) -> list[DemoPost]:
        found = list(self.server.posts)
        for word in tags.split():
            wanted, name = not word.startswith("-"), word.lstrip("-")
            found = [post for post in found if _has(post, name) == wanted]
        return found

    def _record(self, post: DemoPost) -> dict[str, object]:
        extension = post.name.rpartition(".")[2]
        address = f"{self.server.url}/data/{post.name}"
        by_category: dict[str, list[str]] = {category: [] for category in _NUMBERS}
        for tag, category in _categorised(post):
            by_category[category].append(tag)
        everything = sorted(tag for tags in by_category.values() for tag in tags)
        return {
            "id": post.id,
            "created_at": f"2026-11-{1 + post.id % 28:02}T12:00:00.000+00:00",
            "md5": post.md5,
            "rating": post.rating,
            "score": post.score,
            "source": "",
            "parent_id": post.parent,
            "image_width": post.width,
            "image_height": post.height,
            "file_size": post.size,
            "file_ext": extension,
            "file_url": address,
            "large_file_url": address,
            "preview_file_url": address,
            "is_deleted": False,
            "is_banned": False,
            "tag_string": " ".join(everything),
            **{f"tag_string_{category}": " ".join(tags) for category, tags in by_category.items()},
        }

    def _counted(self) -> list[tuple[str, str, int]]:
        """Tag, category and number of posts, the most used first."""
        counts = Counter(pair for post in self.server.posts for pair in _categorised(post))
        return [(tag, category, count) for (tag, category), count in counts.most_common()]

    def _tags(self) -> list[dict[str, object]]:
        return [
            {"id": number, "name": tag, "post_count": count, "category": _NUMBERS[category]}
            for number, (tag, category, count) in enumerate(self._counted(), 1)
        ]

    def _completions(self, word: str) -> list[dict[str, object]]:
        """Tags that begin with `word`, then those with a word inside that does."""
        begun = [entry for entry in self._counted() if entry[0].startswith(word)]
        inside = [entry for entry in self._counted() if f"_{word}" in entry[0] and entry not in begun]
        return [
            {
                "type": "tag" if tag.startswith(word) else "tag-word",
                "label": tag.replace("_", " "),
                "value": tag,
                "category": _NUMBERS[category],
                "post_count": count,
            }
            for tag, category, count in (*begun, *inside)[:10]
        ]

    def _file(self, name: str) -> None:
        path = self.server.folder / name
        if not path.is_file():
            self._error(404, "ActiveRecord::RecordNotFound", "That record was not found.")
            return
        data, start = path.read_bytes(), 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = min(int(match[1]), len(data))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self._body(data[start:], _TYPES[name.rpartition(".")[2]])

    def _json(self, document: object) -> None:
        self.send_response(200)
        self._body(json.dumps(document).encode(), "application/json; charset=utf-8")

    def _error(self, status: int, kind: str, message: str) -> None:
        self.send_response(status)
        document = {"success": False, "error": kind, "message": message, "backtrace": []}
        self._body(json.dumps(document).encode(), "application/json; charset=utf-8")

    def _body(self, data: bytes, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _categorised(post: DemoPost) -> list[tuple[str, str]]:
    """All tags of a post with their categories."""
    own = [(tag, _META.get(tag, "general")) for tag in post.tags]
    return [*own, (CHARACTER, "character"), ("loratui_demo", "artist"), ("loratui", "copyright")]


def _has(post: DemoPost, name: str) -> bool:
    field, colon, value = name.partition(":")
    if colon and field == "rating":
        return post.rating in {rating[:1] for rating in value.split(",")}
    if colon and field == "id":
        return post.id < int(value[1:]) if value.startswith("<") else post.id == int(value)
    return name == CHARACTER or name in post.tags or (bool(colon) and field in ("status", "limit", "order"))
