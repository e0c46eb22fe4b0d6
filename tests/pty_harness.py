"""A terminal for tests: runs a program on a pseudo-terminal, answers its queries as late as a link would, counts bytes.

One thread reads (as slowly as asked), one write at a time goes back. Byte counts are exact; times are for benchmarks.
"""

import contextlib
import fcntl
import heapq
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from types import TracebackType

ROOT = Path(__file__).parent.parent
_UNSET = (
    "NO_COLOR",
    "TMUX",
    "TERM_PROGRAM",
    "STY",
    "KITTY_WINDOW_ID",
    "VTE_VERSION",
    "KONSOLE_VERSION",
    "COLUMNS",
    "LINES",
)


_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[_P\]][^\x1b\x07]*(?:\x1b\\|\x07)|[^\[_P\]])", re.DOTALL)


@dataclass(frozen=True)
class Answers:
    """What a terminal answers.

    Args:
        rules: a whole query (regular expression), and the answer; `{}` stands for its group.
        kitty: it takes Kitty's pictures, and says OK after the last part of one.
    """

    rules: Sequence[tuple[bytes, bytes]] = ()
    kitty: bool = False

    def to(self, sequence: bytes) -> bytes:
        """The answer to `sequence`, empty for none."""
        for pattern, answer in self.rules:
            if match := re.fullmatch(pattern, sequence, re.DOTALL):
                return answer.replace(b"{}", match.group(match.lastindex or 0))
        return b""


_COMMON = (
    (rb"\x1b\[5n", b"\x1b[0n"),
    (rb"\x1b\[16t", b"\x1b[6;20;10t"),
    (rb"\x1b\]1([01]);\?(?:\x07|\x1b\\)", b"\x1b]1{};rgb:1111/2222/3333\x1b\\"),
)
XTERM = Answers(
    [
        *_COMMON,
        (rb"\x1b\[c", b"\x1b[?64;1;2;22c"),
        (rb"\x1b\[>0?c", b"\x1b[>41;388;0c"),
        (rb"\x1b\[>0?q", b"\x1bP>|XTerm(388)\x1b\\"),
        (rb"\x1b\[\?2026\$p", b"\x1b[?2026;0$y"),
    ]
)
KITTY = Answers(
    [
        *_COMMON,
        (rb"\x1b\[c", b"\x1b[?62;52;c"),
        (rb"\x1b\[>0?c", b"\x1b[>1;4000;35c"),
        (rb"\x1b\[>0?q", b"\x1bP>|kitty(0.43.1)\x1b\\"),
        (rb"\x1b\[\?2026\$p", b"\x1b[?2026;2$y"),
        (rb"\x1b\[\?2048\$p", b"\x1b[?2048;0$y"),
        (rb"\x1b_G(?=[^;]*a=q)[^;]*?i=(\d+).*", b"\x1b_Gi={};OK\x1b\\"),
    ],
    kitty=True,
)
SILENT = Answers()


@dataclass(order=True)
class _Due:
    at: float
    number: int
    data: bytes = field(compare=False)


class Terminal:
    """A program on a pseudo-terminal.

    Args:
        argv: the command; a first word of `python` means this interpreter.
        size: columns and rows.
        answers: what the terminal answers.
        delay: seconds from a query to its answer: the round trip of the link.
        pieces: bytes per write of an answer; 0: whole answers.
        pause: seconds between such pieces.
        rate: bytes per second the link takes; 0: as many as come.
        env: changes of the environment; None takes a variable away.
        cell: pixels of a cell, as the terminal's size says; (0, 0): it does not say.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        size: tuple[int, int] = (120, 40),
        answers: Answers = XTERM,
        delay: float = 0.0,
        pieces: int = 0,
        pause: float = 0.0,
        rate: int = 0,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        cell: tuple[int, int] = (0, 0),
    ) -> None:
        self._answers, self._delay, self._pieces, self._pause, self._rate = answers, delay, pieces, pause, rate
        self._cell = cell
        self.output = b""
        self.log: list[tuple[float, int]] = []
        """(time since the start, bytes) of each read."""
        self._due: list[_Due] = []
        self._rest = b""
        self._sending: dict[bytes, bytes] = {}
        self.pictures: dict[int, int] = {}
        """By id: the bytes in which a picture that the terminal keeps was sent."""
        self._lock = threading.Lock()
        self._closed = False
        environment = {key: value for key, value in os.environ.items() if key not in _UNSET}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}
        for key, value in (env or {}).items():
            environment.pop(key, None)
            if value is not None:
                environment[key] = value
        self._master, slave = pty.openpty()
        self.resize(*size)
        command = [sys.executable, *argv[1:]] if argv[0] == "python" else list(argv)
        self._start = time.perf_counter()
        self.process = subprocess.Popen(
            command, preexec_fn=lambda: os.login_tty(slave), env=environment, cwd=cwd or ROOT, pass_fds=(slave,)
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- the terminal's side -------------------------------------------------------------------------------------

    def _read(self) -> None:
        number, last = 0, 0.0
        while not self._closed:
            now = time.perf_counter() - self._start
            while self._due and self._due[0].at <= now:
                self._write(heapq.heappop(self._due).data)
            wait = min(0.05, max(0.0, self._due[0].at - now)) if self._due else 0.05
            try:
                if not select([self._master], [], [], wait)[0]:
                    continue
                data = os.read(self._master, min(65_536, max(1, self._rate // 50)) if self._rate else 65_536)
            except (OSError, ValueError):
                return
            if not data:
                return
            now = time.perf_counter() - self._start
            with self._lock:
                self.output += data
                self.log.append((now, len(data)))
            for answer in self._answer(data):
                size = self._pieces or len(answer)
                last = max(last, now + self._delay)
                for at in range(0, len(answer), size):
                    number += 1
                    heapq.heappush(self._due, _Due(last, number, answer[at : at + size]))
                    last += self._pause
            if self._rate:
                time.sleep(len(data) / self._rate)

    def _answer(self, data: bytes) -> Iterator[bytes]:
        """The answers to the queries that `data` completes."""
        self._rest += data
        end = 0
        for match in _SEQUENCE.finditer(self._rest):
            end = match.end()
            if answer := self._answers.to(match.group()) or self._picture(match.group()):
                yield answer
        start = self._rest.find(b"\x1b", end)
        self._rest = self._rest[start:] if start >= 0 else b""

    def _picture(self, sequence: bytes) -> bytes:
        """The word on a picture, after its last part."""
        if not self._answers.kitty or not sequence.startswith(b"\x1b_G"):
            return b""
        control = dict(pair.split(b"=", 1) for pair in sequence[3:-2].partition(b";")[0].split(b","))
        if control.get(b"a") == b"T":
            self._sending = control
            self.pictures[int(control[b"i"])] = 0
        elif control.get(b"a") == b"d":
            self.pictures.pop(int(control[b"i"]), None)
            return b""
        if not self._sending or b"m" not in control:
            return b""
        number = int(self._sending[b"i"])
        self.pictures[number] += len(sequence)
        if control[b"m"] == b"1":
            return b""
        quiet, self._sending = self._sending.get(b"q"), {}
        return b"" if quiet == b"2" else b"\x1b_Gi=%d;OK\x1b\\" % number

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._master, data)

    # --- the test's side -----------------------------------------------------------------------------------------

    def send(self, keys: str | bytes) -> None:
        """Types `keys`."""
        self._write(keys.encode() if isinstance(keys, str) else keys)

    def hold(self, key: str | bytes, times: int, rate: float = 30.0) -> None:
        """Holds `key` down: `times` repeats, `rate` a second."""
        for _ in range(times):
            self.send(key)
            time.sleep(1 / rate)

    def wait_for(self, pattern: str | bytes, timeout: float = 20.0, start: int = 0) -> float:
        """Waits until the output from byte `start` on has `pattern` (a regular expression); seconds since the start."""
        wanted = re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
        deadline = time.perf_counter() + timeout
        while time.perf_counter() < deadline:
            with self._lock:
                output = self.output[start:]
            if wanted.search(output):
                return time.perf_counter() - self._start
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.002)
        raise AssertionError(f"{pattern!r} did not come; the output ends with {self.output[-2000:]!r}")

    def quiet(self, seconds: float = 0.3, timeout: float = 20.0) -> int:
        """Waits until nothing came for `seconds`; the bytes so far."""
        deadline = time.perf_counter() + timeout
        while time.perf_counter() < deadline:
            before = len(self.output)
            time.sleep(seconds)
            if len(self.output) == before:
                break
        return len(self.output)

    def answered(self, timeout: float = 20.0) -> None:
        """Waits until no answer is on its way any more, so that what is typed does not fall into one."""
        deadline = time.perf_counter() + timeout
        while self._due and time.perf_counter() < deadline:
            time.sleep(0.01)

    @property
    def count(self) -> int:
        """Bytes so far."""
        return len(self.output)

    def resize(self, columns: int, rows: int) -> None:
        """Changes the size of the terminal."""
        size = struct.pack("HHHH", rows, columns, columns * self._cell[0], rows * self._cell[1])
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def cpu(self) -> float:
        """Seconds of CPU all threads of the program have used, its dead threads included."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        coarse = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        fine = 0.0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                fine += int((task / "schedstat").read_text().split()[0]) / 1e9
            except OSError:
                continue
        return max(fine, coarse)

    def hang_up(self) -> None:
        """Closes the terminal, as a dropped link does."""
        self._closed = True
        self._reader.join(2)
        os.close(self._master)
        self._master = -1

    def end(self, timeout: float = 30.0) -> int:
        """Waits for the program to end; its exit status."""
        return self.process.wait(timeout)

    def close(self) -> None:
        """Ends the program and the terminal."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._closed = True
        self._reader.join(2)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
