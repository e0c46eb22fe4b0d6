"""Proxies of the environment: used where they work, named without their password where they do not."""

import socket
import threading

import pytest

from loratui.core.boards.network.connections import Network
from loratui.core.errors import LoratuiError
from tests.hostile_server import HostileServer, Talk, says
from tests.unit.test_boards_errors import DATA, SECRET, ask, board

PROXIES: list[tuple[str, str, Talk, str, str, int]] = [
    (
        "http_proxy",
        "http://me:{0}@{1}",
        says(407),
        "The proxy {1} does not let us through to mine",
        "password in it",
        1,
    ),
    (
        "https_proxy",
        "http://me:{0}@{1}",
        says(407),
        "The proxy {1} does not let us through to mine",
        "password in it",
        1,
    ),
    ("all_proxy", "http://me:{0}@127.0.0.1:9", says(200), "The proxy 127.0.0.1:9 cannot be reached", "HTTPS_PROXY", 1),
    (
        "all_proxy",
        "socks5h://me:{0}@127.0.0.1:9",
        says(200),
        "The proxy 127.0.0.1:9 cannot be reached",
        "HTTPS_PROXY",
        1,
    ),
    ("http_proxy", "http://:::9", says(200), "is no address of one", "http://host:port", 2),
]


@pytest.mark.parametrize(("variable", "value", "talk", "words", "remedy", "code"), PROXIES)
def test_proxies(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, talk: Talk, words: str, remedy: str, code: int
) -> None:
    with HostileServer(talk) as server:
        monkeypatch.setenv(variable, value.format(SECRET, server.host))
        with pytest.raises(LoratuiError) as caught, Network(backoff=0.005, stall=10.0) as network:
            scheme = "https" if variable == "https_proxy" else "http"
            ask(network, board("danbooru", f"{scheme}://danbooru.example"))
    error = caught.value
    assert words.format("", server.host) in error.message and remedy in error.remedy and error.exit_code == code
    assert SECRET not in error.message + error.remedy


def test_a_socks_proxy_is_used_and_looks_the_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ssh -D` gives one: the machine itself may know no address of the board."""
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.recv(3)  # version 5, one way to log in: none
            connection.sendall(b"\x05\x00")
            head = lines.read(5)  # version, connect, reserved, a name, its length
            asked.append(lines.read(head[4]))
            lines.read(2)
            connection.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            while lines.readline() not in (b"\r\n", b""):
                pass
            body = DATA if isinstance(DATA, bytes) else DATA.encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{listener.getsockname()[1]}")
        with Network(backoff=0.005, stall=10.0) as network:
            assert ask(network, board("danbooru", "http://danbooru.example")) == [7]
        thread.join(5)
    assert asked == [b"danbooru.example"]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileServer(says(200, DATA)) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("http_proxy", server.url)
        with Network(backoff=0.005, stall=10.0) as network:
            assert ask(network, board("danbooru", "http://danbooru.example")) == [7]
        assert server.requests[0].startswith("GET http://danbooru.example/posts.json?")
