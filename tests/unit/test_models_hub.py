"""Fetching base models, from a hub on loopback that speaks as the real one does."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loratui.core.errors import Cancelled, LoratuiError
from loratui.core.training import hub
from tests import training_kit as kit

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """One file, and the ways in which the real hub refuses."""

    body = b""
    slow = False

    def do_HEAD(self) -> None:
        self._answer(whole=False)

    def do_GET(self) -> None:
        self._answer(whole=True)

    def _answer(self, *, whole: bool) -> None:
        if "/gated/" in self.path:
            self.send_response(401)
            self.send_header("X-Error-Code", "GatedRepo")
        elif "/m.safetensors" not in self.path:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            self.send_response(200)
            self.send_header("ETag", '"' + "b" * 64 + '"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            if whole:
                self._send()
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self) -> None:
        try:
            for start in range(0, len(self.body), 1 << 16):
                self.wfile.write(self.body[start : start + (1 << 16)])
                time.sleep(0.2 if self.slow else 0)
        except OSError:
            return  # the other side was ended

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Hub]]:
    class Own(Hub):
        body = kit.model(tmp_path / "source.safetensors", {**kit.SD15, "padding": (1 << 20,)}).read_bytes()

    found = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{found.server_port}")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield Own
    found.shutdown()
    found.server_close()


def wanted(repo: str = "someone/models", file: str = "m.safetensors") -> hub.HubFile:
    return hub.HubFile("x", repo, file)


def test_the_size_is_asked_and_the_file_comes_whole(server: type[Hub], tmp_path: Path) -> None:
    size = hub.size(wanted())
    assert size == len(server.body)
    assert hub.fetch(wanted(), tmp_path / "to", size).read_bytes() == server.body


@pytest.mark.parametrize(
    ("repo", "file", "said"), [("gated/models", "m.safetensors", "log in"), ("a/b", "other.safetensors", "no other")]
)
def test_what_the_hub_refuses_is_said_with_a_remedy(
    server: type[Hub], tmp_path: Path, repo: str, file: str, said: str
) -> None:
    for ask in (lambda: hub.size(wanted(repo, file)), lambda: hub.fetch(wanted(repo, file), tmp_path / "to", 1)):
        with pytest.raises(LoratuiError, match=said) as caught:
            ask()
        assert caught.value.remedy


def test_no_network_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LoratuiError, match="could not be fetched"):
        hub.size(wanted())


def test_a_disk_too_small_is_refused_before(server: type[Hub], tmp_path: Path) -> None:
    with pytest.raises(LoratuiError, match="no room"):
        hub.fetch(wanted(), tmp_path, 10**18)


def test_cancelling_ends_the_download(server: type[Hub], tmp_path: Path) -> None:
    server.slow = True
    cancel = threading.Event()

    def report(done: int, total: int | None, note: str = "", /) -> None:
        cancel.set()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        hub.fetch(wanted(), tmp_path / "to", len(server.body), report=report, cancel=cancel)
    assert time.monotonic() - started < 10
    assert not (tmp_path / "to" / "m.safetensors").exists()
