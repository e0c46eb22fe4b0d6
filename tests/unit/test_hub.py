"""Fetching from the hub: one on loopback that speaks as the real one does, with the real library in the child."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from loratui.core import durable, hub
from loratui.core.errors import Cancelled, LoratuiError
from tests import training_kit as kit

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """One file, and the ways in which the real hub refuses.

    Attributes:
        said: the length it claims for the file; None: the true one.
        sent: bytes of the file that went out.
    """

    body = b""
    etag = ""
    slow = False
    said: ClassVar[int | None] = None
    sent = 0

    def do_HEAD(self) -> None:
        self._answer(whole=False)

    def do_GET(self) -> None:
        self._answer(whole=True)

    def _answer(self, *, whole: bool) -> None:
        refusals = {"/gated/": (401, "GatedRepo"), "/hidden/": (401, "RepoNotFound")}
        for part, (status, code) in refusals.items():
            if part in self.path:
                return self._refuse(status, code)
        if "/portal.safetensors" in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if "/m.safetensors" not in self.path:
            return self._refuse(404, "EntryNotFound")
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{self.etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str((self.said or len(self.body)) - start))
        self.end_headers()
        if whole:
            self._send(start)
        return None

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, start: int) -> None:
        try:
            for at in range(start, len(self.body), 1 << 16):
                piece = self.body[at : at + (1 << 16)]
                self.wfile.write(piece)
                type(self).sent += len(piece)
                time.sleep(0.1 if self.slow else 0)
        except OSError:
            return  # the other side was ended

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Hub]]:
    class Own(Hub):
        body = kit.model(tmp_path / "source.safetensors", {**kit.SD15, "padding": (1 << 20,)}).read_bytes()
        etag = hashlib.sha256(body).hexdigest()

    found = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{found.server_port}")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield Own
    found.shutdown()
    found.server_close()


REPO, FILE = "someone/models", "m.safetensors"


def size(to: Path, repo: str = REPO, file: str = FILE) -> int:
    return hub.size(repo, [file], folder=to)


def fetch(to: Path, repo: str = REPO, file: str = FILE, **more: Any) -> Path:
    (path,) = hub.fetch(repo, [file], folder=to, **more)
    return path


def test_the_size_is_asked_and_the_file_comes_whole(server: type[Hub], tmp_path: Path) -> None:
    to = tmp_path / "to"
    assert size(to) == len(server.body)
    assert not to.exists()
    reports: list[tuple[int, int | None]] = []
    path = fetch(to, report=lambda done, total, note="": reports.append((done, total)))
    assert path == to / FILE and path.read_bytes() == server.body
    assert reports == sorted(reports) and reports[-1] == (len(server.body), len(server.body))
    assert [entry.name for entry in to.iterdir()] == [FILE]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert size(to) == 0


def test_the_cache_of_the_hub_holds_what_was_fetched_without_a_folder(
    server: type[Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (path,) = hub.fetch(REPO, [FILE])
    assert path.parent.name == COMMIT and path.read_bytes() == server.body
    assert hub.size(REPO, [FILE]) == 0
    assert not list((tmp_path / "home").rglob("*.part"))


@pytest.mark.parametrize(
    ("repo", "file", "said"),
    [
        ("gated/models", FILE, "log in"),
        ("hidden/models", FILE, "no repository hidden/models"),
        ("a/b", "other.safetensors", "no other"),
        ("a/b", "portal.safetensors", "says nothing of portal"),
    ],
)
def test_what_the_hub_refuses_is_said_with_a_remedy(
    server: type[Hub], tmp_path: Path, repo: str, file: str, said: str
) -> None:
    for ask in (size, fetch):
        with pytest.raises(LoratuiError, match=said) as caught:
            ask(tmp_path / "to", repo, file)
        assert caught.value.remedy


def test_no_network_is_said_and_how_to_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LoratuiError, match="could not be fetched: the hub does not answer") as caught:
        hub.size(REPO, [FILE])
    assert caught.value.remedy.startswith("Mend the network") and "; or" not in caught.value.remedy
    with pytest.raises(LoratuiError) as caught:
        hub.size(REPO, [FILE], elsewhere="carry it here on a disk.")
    assert caught.value.remedy.endswith("; or carry it here on a disk.")


def test_a_disk_too_small_is_refused_before(server: type[Hub], tmp_path: Path) -> None:
    server.said = 10**18
    with pytest.raises(LoratuiError, match="no room") as caught:
        fetch(tmp_path)
    assert "--to" in caught.value.remedy
    assert server.sent == 0 and not list(tmp_path.glob(".m*"))


def test_a_folder_that_cannot_be_made_is_said(server: type[Hub], tmp_path: Path) -> None:
    (tmp_path / "to").write_text("a file")
    with pytest.raises(LoratuiError, match=r"Storing m\.safetensors of someone/models failed"):
        fetch(tmp_path / "to")


def test_cancelling_ends_the_download_and_the_next_goes_on(server: type[Hub], tmp_path: Path) -> None:
    server.slow = True
    cancel = threading.Event()
    to = tmp_path / "to"

    def report(done: int, total: int | None, note: str = "", /) -> None:
        if done:
            cancel.set()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(to, report=report, cancel=cancel)
    assert time.monotonic() - started < 10
    assert not (to / FILE).exists()
    server.slow = False
    left = size(to)
    assert 0 < left < len(server.body)
    server.sent = 0
    assert fetch(to).read_bytes() == server.body
    assert server.sent == left


def test_a_file_that_came_damaged_is_not_kept(server: type[Hub], tmp_path: Path) -> None:
    server.etag = "0" * 64
    with pytest.raises(LoratuiError, match="came damaged"):
        fetch(tmp_path / "to")
    assert not list((tmp_path / "to").iterdir())


def test_one_file_is_not_fetched_twice_at_once(server: type[Hub], tmp_path: Path) -> None:
    part = tmp_path / f".{FILE}.{server.etag[:16]}.part"
    with durable.lock(part), pytest.raises(LoratuiError, match="Another program is fetching"):
        fetch(tmp_path)


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
