"""A server that does what no client hopes for: it answers by a script of raw bytes, stalls, trickles, never ends."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

Talk = Callable[[socket.socket, "HostileServer"], None]
"""What is done with a connection after its request was read."""


class HostileServer:
    """Use it as a context manager.

    Args:
        talk: answers every request.
        certificate: PEM of key and certificate; the server speaks TLS then.

    Attributes:
        host: host and port.
        requests: heads of requests as they came.
    """

    def __init__(self, talk: Talk, certificate: Path | None = None) -> None:
        self.talk = talk
        self.requests: list[str] = []
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    def __enter__(self) -> "HostileServer":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._socket.close()
        for thread in self._threads:
            thread.join(5)

    def wait(self, seconds: float) -> bool:
        """Sleeps; whether the server is to end."""
        return self._ends.wait(seconds)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = connection.recv(65536)
                    if not more:
                        return
                    head += more
                self.requests.append(head.decode("latin-1"))
                self.talk(connection, self)
        except OSError:  # the client hung up, which is its right
            return


def says(status: int, body: bytes = b"", *headers: str) -> Talk:
    """A whole answer."""

    def talk(connection: socket.socket, _: HostileServer) -> None:
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    return talk


def by_turns(*talks: Talk) -> Talk:
    """The first answer first; the last one for ever."""
    left = list(talks)

    def talk(connection: socket.socket, server: HostileServer) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection, server)

    return talk


def is_silent(connection: socket.socket, server: HostileServer) -> None:
    """Headers never come."""
    server.wait(30)


def stops(connection: socket.socket, server: HostileServer) -> None:
    """The body begins and stops."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"id":1,')
    server.wait(30)


def breaks_off(connection: socket.socket, server: HostileServer) -> None:
    """Less than was announced."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"id":1,')


def hangs_up(connection: socket.socket, server: HostileServer) -> None:
    """Not a word."""


def babbles(connection: socket.socket, server: HostileServer) -> None:
    """No HTTP."""
    connection.sendall(b"220 mail.example ESMTP ready\r\n\r\n")


def trickles(connection: socket.socket, server: HostileServer) -> None:
    """A byte now and then, each in time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n[")
    while not server.wait(0.05):
        connection.sendall(b" ")


def never_ends(connection: socket.socket, server: HostileServer) -> None:
    """An answer without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        connection.sendall(b'{"id":1},' * 10_000)


def lies_about_gzip(connection: socket.socket, server: HostileServer) -> None:
    """Says it is compressed, and is not."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")


def self_signed(folder: Path) -> Path:
    """A certificate nobody has signed, for 127.0.0.1."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*words.split(), *files], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both
