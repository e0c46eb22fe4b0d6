"""Carries one run to its end and writes down what happened to it: `python -I supervisor.py RUN --home HOME --lock FD`.

Standard library only: a copy lies in every run, so that an upgrade of loratui cannot break a run under way. It lives in
a session of its own, talks through files of the run's folder, and holds `lock` for its whole life. The trainer writes
into `train.log` itself and inherits the locks of its GPUs: where the supervisor is killed, the training goes on, its
GPU stays taken, and `--adopt` starts another supervisor over it.
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import math
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

GRACE = 30.0  # seconds between TERM and KILL
POLL = 0.25  # seconds between two looks at the control files
LOG_LIMIT = 50 << 20  # bytes of train.log, then it moves to train.log.1
RESERVE = 64 << 10  # bytes kept back for the end of the story on a full disk
STATE_SIZE = 4096  # state.json is padded to it: it can be overwritten in place where no block is left
TAIL = 64 << 10  # bytes at the end of the log in which the reason of a failure is looked for
ENDED = ("done", "stopped", "failed", "interrupted")

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")

_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?::|$)")


# ---- what a process is: pids come back, (pid, start time, boot) does not


def boot_id() -> str:
    """This boot of this kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None: there is none, or only its corpse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def group_lives(group: int, session: int) -> bool:
    """Whether a process of that group of that session is there: the number of a group alone may be another's by now."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
            fields = path.read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X") and (int(fields[2]), int(fields[3])) == (group, session):
                return True
    return False


def held(lock: Path) -> bool:
    """Whether a process holds the lock on the file."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# ---- what the trainer leaves: event files and checkpoints


def losses(data: bytes) -> tuple[list[tuple[int, float]], int]:
    """The steps and losses in a piece of an event file that begins at a record; and how many bytes of it were whole."""
    found, position = [], 0
    while len(data) - position >= 12:
        size = int.from_bytes(data[position : position + 8], "little")
        record = data[position + 12 : position + 12 + size]
        if position + size + 16 > len(data):
            break
        position += size + 16
        # 09 time 10 step 2a summary: the tag, then 15 and a float, or a tensor whose floats stand behind 2a 04
        tag = record.find(b"\x0closs/current")
        if tag < 0:
            continue
        at = tag + 14 if record[tag + 13 : tag + 14] == b"\x15" else record.find(b"\x2a\x04", tag) + 2
        digits = record[10:20] if record[9:10] == b"\x10" else b"\0"  # a step of 0 is left out
        last = next((index for index, byte in enumerate(digits) if byte < 128), 0)
        step = sum((byte & 127) << 7 * index for index, byte in enumerate(digits[: last + 1]))
        if len(record) >= at + 4:
            found.append((step, struct.unpack_from("<f", record, at)[0]))
    return found, position


def checkpoint_metadata(path: Path) -> dict[str, str] | None:
    """The metadata of a whole .safetensors file; None: it is not whole (yet), or something else.

    Whole: header and tensors fill the file to its last byte; sd-scripts writes in place, half of one can be seen.
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            size = os.fstat(stream.fileno()).st_size
            if not 2 <= length <= min(size - 8, 100 << 20):
                return None
            header = json.loads(stream.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        metadata = header.get("__metadata__", {})
        return {str(key): str(value) for key, value in metadata.items()} if size == 8 + length + max(ends) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None


def failure(log: bytes) -> str:
    """Why the trainer gave up, as one line: the last line of the FIRST traceback (later ones only pass it on)."""
    text = _ESCAPES.sub("", log.decode("utf-8", "replace")).replace("\r", "\n")
    lines = [re.sub(r"^\[rank\d+\]: ", "", line).rstrip() for line in text.split("\n")]
    traceback = next(
        (at for at, line in enumerate(lines) if line.endswith("Traceback (most recent call last):")), len(lines)
    )
    raised = next((line for line in lines[traceback:] if _EXCEPTION.match(line)), "")
    if raised and not raised.startswith("subprocess.CalledProcessError"):  # a launcher only says that its child failed
        # Of a broken picture the error names no file; a line before it does, which may be wrapped.
        joined = re.sub(r"(?: +\S+\.py:\d+)? *\n {29}", "", text)
        broken = re.findall(
            r"(?:Error loading file|failed to get image size): ?(.+?)(?:, ?error:| {2}|$)", joined, re.MULTILINE
        )
        picture = raised.startswith(("OSError: ", "ZeroDivisionError", "PIL.", "SyntaxError: "))
        return f"{raised} ({broken[-1]})"[:500] if broken and picture else raised[:500]
    said = [line.strip() for line in lines if ": error: " in line or "No space left on device" in line]
    return (said[-1] if said else raised)[:500]


# ---- the supervisor


class Supervisor:
    """One run, from its place in the queue to its verdict."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.command = json.loads((folder / "command.json").read_text())
        self.queue = home / "queue"
        self.gpu_locks = home / "gpus"
        self.ticket = self.queue / f"{self.command['ticket']}.json"
        try:
            self.state: dict[str, object] = json.loads((folder / "state.json").read_text())
        except (OSError, ValueError):
            self.state = {}
        self.unsaved = False
        self.child: subprocess.Popen[bytes] | None = None
        self.pidfd = -1
        self.terminated = False
        self.stopping = ""
        self.kill_at = math.inf
        self.killed = False
        self.read: dict[Path, int] = {}
        self.last_loss: float | None = None
        self.oom_kills = _oom_kills()
        self.trouble = ""

    # -- the story

    def run(self, adopt: bool) -> None:
        """The whole life of the supervisor."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._terminate)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans of the trainer are ours
        with contextlib.suppress(OSError):
            (self.folder / ".reserve").write_bytes(bytes(RESERVE))
        me = {"pid": os.getpid(), "starttime": start_time(os.getpid())}
        self.put(supervisor=me, boot_id=boot_id(), host=socket.gethostname())
        try:
            if adopt:
                self._adopt()
            else:
                self.put(state="queued")
                locks = self._wait_for_gpus()
                if locks is None:
                    reason = "it was stopped before it started"
                    return self._finish("interrupted" if self.terminated else "stopped", reason, None)
                try:
                    self._spawn(locks)
                except OSError as error:
                    reason = f"{error.filename or 'the trainer'} cannot be started: {error.strerror}"
                    return self._finish("failed", reason, None)
            self._verdict(self._watch())
        except Exception as error:
            # The training goes on: a state that is not over and a free lock call for another supervisor.
            if not self._trainer_lives():
                self._finish("failed", f"the supervisor failed: {type(error).__name__}: {error}", None)
            raise
        finally:
            self.ticket.unlink(missing_ok=True)

    def _terminate(self, *_: object) -> None:
        self.terminated = True

    def _wait_for_gpus(self) -> list[int] | None:
        """The descriptors of its GPUs' locks once it is its turn; None: it was stopped first."""
        while not (self.terminated or (self.folder / "stop").exists()):
            ahead = self._ahead()
            locks = [] if ahead else self._lock_gpus()
            if locks is not None and not ahead:
                return locks
            waiting = f"behind {ahead}" if ahead else "for its GPU, which another process of loratui still uses"
            if self.state.get("waiting") != waiting:
                self.put(waiting=waiting)
            time.sleep(POLL)
        return None

    def _ahead(self) -> str:
        """The run that is before this one on one of its GPUs; "" for none."""
        mine = set(self.command["devices"])
        for ticket in sorted(self.queue.glob("*.json")):
            if ticket.name >= self.ticket.name:
                break
            try:
                other = json.loads(ticket.read_text())
                if mine & set(other["devices"]) and held(Path(other["run"], "lock")):
                    return Path(other["run"]).name
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return ""

    def _lock_gpus(self) -> list[int] | None:
        """All of them or none."""
        locks: list[int] = []
        self.gpu_locks.mkdir(parents=True, exist_ok=True)
        for device in sorted(self.command["devices"]):
            descriptor = os.open(self.gpu_locks / f"{device}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            locks.append(descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                for one in locks:
                    os.close(one)
                return None
        return locks

    def _spawn(self, locks: list[int]) -> None:
        log = os.open(self.folder / "train.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self.child = subprocess.Popen(
                [_free_port() if part == "{port}" else part for part in self.command["argv"]],
                cwd=self.command["cwd"],
                env={**os.environ, **self.command["environment"]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                pass_fds=locks,
            )
        finally:
            os.close(log)
            for lock in locks:
                os.close(lock)
        pid = self.child.pid
        who = {"pid": pid, "pgid": pid, "session": os.getsid(0), "starttime": start_time(pid)}
        self.put(state="starting", waiting=None, started=_now(), **who)
        self._follow(pid)

    def _adopt(self) -> None:
        """Takes over a training whose supervisor is gone; its exit code cannot be learnt any more."""
        if self._trainer_lives():
            self._follow(int(str(self.state["pid"])))
        elif not group_lives(int(str(self.state["pgid"])), int(str(self.state.get("session", 0)))):
            self.state.pop("pgid")  # nothing of it is left to be ended, and the number may be another's
        self.put(adopted=_now())

    def _trainer_lives(self) -> bool:
        """Whether the process that was started is there, as far as is known without having it as a child."""
        pid = self.state.get("pid")
        return isinstance(pid, int) and start_time(pid) is not None and start_time(pid) == self.state["starttime"]

    def _follow(self, pid: int) -> None:
        with contextlib.suppress(OSError):  # an old or locked-down kernel: then looking often has to do
            self.pidfd = os.pidfd_open(pid)

    def _watch(self) -> int | None:
        """Looks after the trainer until it ends; its exit code, negative for a signal, None if it cannot be known."""
        while True:
            if self.pidfd >= 0:
                select.select([self.pidfd], [], [], POLL)
            else:
                time.sleep(POLL / 5)
            self._reap()
            if self.child is None:
                if not self._trainer_lives():
                    return None
            elif self.child.returncode is not None:
                return self.child.returncode
            try:
                self._attend()
            except Exception as error:  # a file system that fails for a moment, an event file that is none
                if (said := f"{type(error).__name__}: {error}") != self.trouble:
                    _note(said)
                    self.trouble = said

    def _attend(self) -> None:
        """One look at what the trainer has written and at what is asked of us."""
        self._read_losses()
        if self.state["state"] == "starting" and self.last_loss is not None:
            self.put(state="running")
        if self.unsaved:
            self.put()
        self._cap_log()
        if self.stopping:
            if time.monotonic() > self.kill_at:
                self.killed = True
                self._signal(signal.SIGKILL)
        elif self.terminated or (self.folder / "stop").exists():
            self._stop("it was stopped")
        elif (self.folder / "stop-after-save").exists() and (saved := self._saved_since()):
            self._stop(f"it was stopped after {saved} was saved")

    def _reap(self) -> None:
        """Collects what has ended: the trainer, and orphans it left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.child is not None and pid == self.child.pid:
                self.child.returncode = os.waitstatus_to_exitcode(status)

    def _read_losses(self) -> None:
        for path in sorted((self.folder / "logs").glob("*/*/events.out.tfevents.*")):
            with contextlib.suppress(OSError), path.open("rb") as stream:
                size = 1
                while size:
                    stream.seek(self.read.get(path, 0))
                    found, size = losses(stream.read(8 << 20))
                    self.read[path] = self.read.get(path, 0) + size
                    for step, loss in found[-1:]:
                        self.last_loss = loss
                        self.state["step"] = step + self.command["offset"]
                        self.state["loss"] = loss if math.isfinite(loss) else None

    def _cap_log(self) -> None:
        """Copies a log grown too long aside and begins anew; the trainer appends, so it notices nothing."""
        log = self.folder / "train.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            try:
                shutil.copyfile(log, self.folder / "train.log.1")
                os.truncate(log, 0)
            except OSError as error:
                _note(f"train.log could not be shortened: {error}")

    def _saved_since(self) -> str:
        """A whole checkpoint written since it was asked for, with its state where states are saved; "" for none.

        The last one does not count: behind it the training ends by itself.
        """
        asked = (self.folder / "stop-after-save").stat().st_mtime
        for path in (self.folder / "checkpoints").glob("*.safetensors"):
            try:
                fresh = path.name != self.command["checkpoint"] and path.stat().st_mtime > asked
            except OSError:
                continue
            state = path.with_name(f"{path.stem}-state") / "random_states_0.pkl"
            resumable = not self.command["saves_state"] or (state.exists() and state.stat().st_size > 0)
            if fresh and resumable and checkpoint_metadata(path) is not None:
                return path.name
        return ""

    def _stop(self, reason: str) -> None:
        self.stopping = reason
        self.kill_at = time.monotonic() + GRACE
        self.put(state="stopping")
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        """To the whole group: a launcher does not pass signals on to the trainer it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(int(str(self.state["pgid"])), number)

    def _end_group(self) -> None:
        """Ends what the trainer left behind in its group: workers, or the trainer of a launcher that was killed."""
        if "pgid" not in self.state:
            return
        for number, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            end = time.monotonic() + seconds
            self._signal(number)
            while time.monotonic() < end:
                self._reap()
                try:
                    os.killpg(int(str(self.state["pgid"])), 0)
                except (ProcessLookupError, PermissionError):
                    return
                time.sleep(0.05)

    # -- the verdict

    def _verdict(self, code: int | None) -> None:
        """*Done* needs exit 0, the last checkpoint whole and of the planned epoch, and a finite last loss."""
        self._end_group()
        self._read_losses()
        missing = self._missing()
        if code in (0, None) and not missing:
            return self._finish("done", "", code)
        if self.terminated:
            return self._finish("interrupted", "the supervisor was told to end (SIGTERM)", code)
        if self.stopping:
            forced = f"; it did not end within {GRACE:.0f} s and was killed" if self.killed else ""
            return self._finish("stopped", self.stopping + forced, code)
        log = self._log_tail()
        reason = failure(log)
        if code == -signal.SIGKILL:
            reason = "the trainer was killed (SIGKILL)"
            if _oom_kills() > self.oom_kills:
                reason = "the kernel killed the trainer because the machine ran out of memory"
        elif code is not None and code < 0:
            reason = f"the trainer was ended by signal {-code} ({signal.Signals(-code).name}). {reason}".strip()
        elif code == 0 and b"No data found" in log:
            reason = "No data found: the trainer saw no images and ended without training"
        elif code is None and not reason:
            return self._finish("interrupted", f"the trainer ended while it had no supervisor: {missing}", code)
        elif code == 0:
            reason = missing
        if not reason and shutil.disk_usage(self.folder).free <= RESERVE:
            reason = "No space left on device"
        self._finish("failed", reason or f"the trainer ended with exit code {code} and no message", code)

    def _missing(self) -> str:
        """What a finished training lacks, as a sentence; "" for nothing."""
        final = self.folder / "checkpoints" / self.command["checkpoint"]
        metadata = checkpoint_metadata(final)
        if metadata is None:
            return f"the last checkpoint, {final.name}, is {'not whole' if final.exists() else 'missing'}"
        epoch = metadata.get("ss_epoch", "")
        if not epoch.isdigit() or int(epoch) < self.command["epochs"]:
            return f"{final.name} is of epoch {epoch or '?'}, {self.command['epochs']} were planned"
        if self.last_loss is None:
            return "no loss was logged"
        return "" if math.isfinite(self.last_loss) else "the loss was not a number at the end: the LoRA is unusable"

    def _log_tail(self) -> bytes:
        data = b""
        for name in ("train.log.1", "train.log"):
            with contextlib.suppress(OSError), (self.folder / name).open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
                data += stream.read(TAIL)
        return data[-TAIL:]

    def _finish(self, state: str, reason: str, code: int | None) -> None:
        (self.folder / ".reserve").unlink(missing_ok=True)
        self.put(state=state, reason=reason, exit=code, ended=_now(), waiting=None)
        for _ in range(120):  # a disk that is full now may have room again in a minute
            if not (self.unsaved and self.folder.exists()):
                return
            time.sleep(5)
            self.put()

    # -- state.json

    def put(self, **changes: object) -> None:
        """Writes the state: a new file renamed over the old one; on a full disk in place, which needs no new block."""
        merged = self.state | changes
        self.state = {key: value for key, value in merged.items() if value is not None or key in ("exit", "loss")}
        data = json.dumps(self.state, indent=1).encode().ljust(STATE_SIZE - 1) + b"\n"
        path, new = self.folder / "state.json", self.folder / ".state.json.new"
        self.unsaved = False
        for target in (new, new, path):
            try:
                _write(target, data)
                if target == new:
                    new.replace(path)
                    descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
                    os.fsync(descriptor)
                    os.close(descriptor)
                return
            except OSError as error:
                _note(f"{target.name}: {error}")
                new.unlink(missing_ok=True)
                (self.folder / ".reserve").unlink(missing_ok=True)
        self.unsaved = True


def _write(path: Path, data: bytes) -> None:
    """Over what is there: the file is cut to length at the end, so that no block is given back and asked for again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free_port() -> str:
    """A port nobody listens on now, where the processes of several GPUs meet: known only when they start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _note(text: str) -> None:
    with contextlib.suppress(OSError):  # supervisor.log may lie on the full disk too
        print(f"{_now()} {text}", file=sys.stderr, flush=True)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _oom_kills() -> int:
    """How many processes the kernel has killed for memory: in our control group, else on the machine."""
    for path in ("/sys/fs/cgroup{}/memory.events", "/proc/vmstat"):
        with contextlib.suppress(OSError):
            group = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip()
            found = re.search(r"^oom_kill (\d+)", Path(path.format(group)).read_text(), re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def main() -> None:
    """Reads the arguments and supervises."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--adopt", action="store_true")
    given = parser.parse_args()
    os.set_inheritable(given.lock, False)
    if os.fork():
        os._exit(0)  # whoever started us has nothing to wait for
    Supervisor(given.run, given.home).run(given.adopt)


if __name__ == "__main__":
    main()
