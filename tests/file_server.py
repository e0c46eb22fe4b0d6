"""A danbooru of large files on loopback, in a process of its own: answers after a delay, and counts what is asked.

python -m tests.file_server FILES BYTES LATENCY     prints its address; ends with its stdin
"""

import asyncio
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

TAG = "kafka"


def picture(number: int, size: int) -> bytes:
    """Bytes that begin and end like a JPEG; other ones for each number."""
    return b"\xff\xd8\xff\xe0" + random.Random(number).randbytes(size - 6) + b"\xff\xd9"


class FileServer:
    """The server as its user sees it. `file_server` starts one.

    Attributes:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def requests(self) -> dict[int, int]:
        """How often each file was asked for since the last call; only those that were."""
        with urlopen(f"{self.url}/asked") as answer:
            return {int(number): count for number, count in json.load(answer).items()}


@contextmanager
def file_server(files: int, size: int, latency: float, rate: float = 0) -> Iterator[FileServer]:
    """Runs the server while the block runs.

    Args:
        files: posts, numbered from 1.
        size: bytes of each file.
        latency: seconds before each answer.
        rate: bytes a second of each connection; 0: as fast as it goes.
    """
    argv = [sys.executable, "-m", "tests.file_server", *map(str, (files, size, latency, rate))]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            yield FileServer(process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.wait()


class _Server:
    def __init__(self, files: int, size: int, latency: float, rate: float) -> None:
        self._latency = latency
        self._rate = rate
        self._data = {number: picture(number, size) for number in range(1, files + 1)}
        self._md5 = {number: hashlib.md5(data).hexdigest() for number, data in self._data.items()}
        self._asked: dict[int, int] = {}
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while line := await reader.readline():
                wanted = ""
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("latin-1").partition(":")
                    wanted = value.strip() if name.lower() == "range" else wanted
                address = line.split()[1].decode()
                if not address.startswith("/asked"):
                    self._take_down(address)
                    await asyncio.sleep(self._latency)
                status, headers, body = self._answer(address, wanted)
                head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                writer.write(f"HTTP/1.1 {status} x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode())
                piece = int(self._rate / 20) or len(body)
                for start in range(0, len(body), piece):
                    writer.write(body[start : start + piece])
                    await writer.drain()
                    await asyncio.sleep(0.05 if self._rate else 0)
        except (ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    def _take_down(self, address: str) -> None:
        """As it comes: who asked may be gone before it is answered."""
        if (path := urlsplit(address).path).startswith("/files/"):
            self._asked[_number(path)] = self._asked.get(_number(path), 0) + 1

    def _answer(self, address: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(address)
        if parts.path == "/asked":
            asked, self._asked = self._asked, {}
            return 200, {}, json.dumps(asked).encode()
        if parts.path == "/counts/posts.json":
            return 200, {}, json.dumps({"counts": {"posts": len(self._data)}}).encode()
        if parts.path == "/posts.json":
            return 200, {"Content-Type": "application/json"}, json.dumps(self._page(parse_qs(parts.query))).encode()
        number = _number(parts.path)
        data = self._data[number]
        headers = {"Content-Type": "image/jpeg", "ETag": f'"{self._md5[number]}"'}
        if not wanted:
            return 200, headers, data
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        return 206, {**headers, "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}, data[start:]

    def _page(self, query: dict[str, list[str]]) -> list[dict[str, object]]:
        limit, page = int(query.get("limit", ["20"])[0]), query.get("page", ["1"])[0]
        numbers = sorted(self._data, reverse=True)
        if page.startswith("b"):
            numbers = [number for number in numbers if number < int(page[1:])]
        else:
            numbers = numbers[(int(page) - 1) * limit :]
        return [self._post(number) for number in numbers[:limit]]

    def _post(self, number: int) -> dict[str, object]:
        url = f"{self.url}/files/{number}.jpg"
        return {
            "id": number,
            "created_at": "2025-09-15T19:27:31.639-04:00",
            "score": 1,
            "md5": self._md5[number],
            "rating": "g",
            "image_width": 1000,
            "image_height": 1400,
            "tag_string": f"{TAG} 1girl solo",
            "tag_string_character": TAG,
            "tag_string_general": "1girl solo",
            "tag_string_artist": "",
            "tag_string_copyright": "",
            "tag_string_meta": "",
            "file_ext": "jpg",
            "file_size": len(self._data[number]),
            "file_url": url,
            "large_file_url": url,
            "preview_file_url": url,
            "parent_id": None,
            "is_deleted": False,
            "is_banned": False,
        }


def _number(path: str) -> int:
    """Which file an address means."""
    return int(path.rpartition("/")[2].partition(".")[0])


async def _main(files: int, size: int, latency: float, rate: float) -> None:
    board = _Server(files, size, latency, rate)
    server = await asyncio.start_server(board.serve, "127.0.0.1", 0, backlog=256)
    board.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(board.url, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
