"""The journal's records: one file a step, its state in the file's name.

    00000012.pending → 00000012.done → 00000012.undoing → 00000012.undone → 00000012.redoing → 00000012.done
                                                          00000012.undone → 00000012.void   (another step came after)

A record is written whole and fsynced before any file of the dataset changes, and a change of state is one rename;
so at any moment the folder says what was under way. Layout of a record: magic; length, digest and seal of the payload;
the payload: one JSON line (the head), then zlib over one JSON line (the operations) and the bytes of all edits. The
seal is keyed by this person's secret: a folder may come from a stranger, with a journal that writes through links.
"""

import hashlib
import hmac
import json
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from loratui.core import durable, machine
from loratui.core.changes.plan import Add, Edit, Move, Operation, Plan, Remove
from loratui.core.errors import LoratuiError

State = Literal["pending", "done", "undoing", "undone", "redoing", "void"]
STATES: frozenset[str] = frozenset(("pending", "done", "undoing", "undone", "redoing", "void"))

_MAGIC = b"LTUI1\n"
_FRAME = struct.Struct("<Q32s16s")


@dataclass(frozen=True, slots=True)
class Step:
    """One change in the history.

    Attributes:
        id: counts up from 1 in each journal.
        verb: the verb of the command line that made it.
        title: what was done, in one line.
        time: when, RFC 3339 in UTC.
        files: how many files it touched.
        state: `done` and `undone` at rest; the others only while a process is at it, or after a crash.
        group: steps with the same non-empty group are undone as one.
        command: the equivalent command line, or "".
    """

    id: int
    verb: str
    title: str
    time: str
    files: int
    state: State
    group: str
    command: str


@dataclass(frozen=True, slots=True)
class Record:
    """A step with its operations, as read back from the journal. `Add.staged` lies below the root.

    Attributes:
        step: its head.
        operations: in the order in which they are done.
        sealed: this person's loratui wrote it.
    """

    step: Step
    operations: tuple[Operation, ...]
    sealed: bool = True


class Journal:
    """The folder of records. Callers hold the root's lock while they write."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._heads: dict[tuple[int, int], Step] = {}

    def changed(self) -> int | None:
        """When a record was made or renamed last, in nanoseconds; None where there is no journal."""
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return None

    def states(self) -> list[tuple[int, State]]:
        """All records, oldest first, by name alone."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        found: list[tuple[int, State]] = []
        for name in names:
            number, _, state = name.partition(".")
            if number.isdigit() and state in STATES:
                found.append((int(number), state))  # type: ignore[arg-type]
        return sorted(found)

    def next_number(self) -> int:
        """The number of the next step: above every record's, and above every one the trash still holds files of."""
        numbers = [number for number, _ in self.states()]
        for reason in (self._folder.parent / "trash").glob("*"):
            numbers += [int(step.name) for step in reason.glob("*") if step.name.isdigit()]
        return max(numbers, default=0) + 1

    def write(self, plan: Plan, group: str) -> Record:
        """Adds a durable `pending` record of the plan and returns it."""
        number = self.next_number()
        blobs: list[bytes] = []
        rows: list[list[object]] = []

        def blob(data: bytes | None) -> int | None:
            if data is None:
                return None
            blobs.append(data)
            return len(data)

        for operation in plan.operations:
            match operation:
                case Edit(path, old, new):
                    rows.append(["edit", path, blob(old), blob(new)])
                case Remove(path, reason):
                    rows.append(["remove", path, reason])
                case Add(path, staged):
                    rows.append(["add", path, staged.resolve().relative_to(self._root).as_posix()])
                case Move(path, to):
                    rows.append(["move", path, to])
        head = {
            "verb": plan.verb,
            "title": plan.title,
            "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "files": len({row[1] for row in rows}),
            "group": group,
            "command": plan.command,
        }
        # Two lines: the list of steps is read without unpacking the operations.
        head_line = json.dumps(head).encode() + b"\n"
        body = zlib.compress(json.dumps(rows).encode() + b"\n" + b"".join(blobs), 1)
        payload = head_line + body
        frame = _FRAME.pack(len(payload), _digest(payload), _seal(payload))
        self._folder.mkdir(parents=True, exist_ok=True)
        durable.write_file(self._path(number, "pending"), _MAGIC + frame + payload, mode=0o600)
        return Record(self._step(number, "pending", head), plan.operations)

    def read(self, number: int, state: State) -> Record:
        """The record with its operations.

        Raises:
            LoratuiError: it is damaged.
        """
        payload, sealed = self._payload(number, state)
        try:
            return self._record(number, state, payload, sealed)
        except (ValueError, LookupError, TypeError, RecursionError, zlib.error) as error:
            raise _damaged(self._path(number, state)) from error

    def _record(self, number: int, state: State, payload: bytes, sealed: bool) -> Record:
        head_line, _, body = payload.partition(b"\n")
        rows_line, _, data = zlib.decompress(body).partition(b"\n")
        offset = 0

        def blob(length: int | None) -> bytes | None:
            nonlocal offset
            if length is None:
                return None
            offset += length
            return data[offset - length : offset]

        operations: list[Operation] = []
        for kind, path, *rest in json.loads(rows_line):
            if kind == "edit":
                old = blob(rest[0])
                operations.append(Edit(path, old, blob(rest[1])))
            elif kind == "remove":
                operations.append(Remove(path, rest[0]))
            elif kind == "add":
                operations.append(Add(path, self._root / rest[0]))
            elif kind == "move":
                operations.append(Move(path, rest[0]))
            else:
                raise ValueError(kind)
        return Record(self._step(number, state, json.loads(head_line)), tuple(operations), sealed)

    def steps(self) -> list[Step]:
        """The head of every record, oldest first. Damaged ones are left out."""
        found: list[Step] = []
        for number, state in self.states():
            try:
                found.append(self.step(number, state))
            except (LoratuiError, OSError):
                continue
        return found

    def step(self, number: int, state: State) -> Step:
        """The head of one record; kept in memory by the file's inode, as a record never changes."""
        path = self._path(number, state)
        inode = path.stat().st_ino
        known = self._heads.get((number, inode))
        if known is None:
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    raise _damaged(path)
                file.seek(len(_MAGIC) + _FRAME.size)
                known = self._step(number, state, json.loads(file.readline(1 << 20)))
            self._heads[number, inode] = known
        return known if known.state == state else replace(known, state=state)

    def mark(self, number: int, before: State, after: State) -> None:
        """Renames the record to its next state, durably."""
        os.rename(self._path(number, before), self._path(number, after))
        durable.sync_folder(self._folder)

    def drop_pending(self, number: int) -> None:
        """Forgets a record whose files were never touched."""
        self._path(number, "pending").unlink(missing_ok=True)

    def _payload(self, number: int, state: State) -> tuple[bytes, bool]:
        path = self._path(number, state)
        raw = path.read_bytes()
        start = len(_MAGIC) + _FRAME.size
        if not raw.startswith(_MAGIC) or len(raw) < start:
            raise _damaged(path)
        length, digest, seal = _FRAME.unpack_from(raw, len(_MAGIC))
        payload = raw[start:]
        if len(payload) != length or _digest(payload) != digest:
            raise _damaged(path)
        return payload, hmac.compare_digest(seal, _seal(payload))

    def _path(self, number: int, state: State) -> Path:
        return self._folder / f"{number:08d}.{state}"

    @staticmethod
    def _step(number: int, state: State, head: dict[str, object]) -> Step:
        return Step(
            id=number,
            verb=str(head["verb"]),
            title=str(head["title"]),
            time=str(head["time"]),
            files=int(str(head["files"])),
            state=state,
            group=str(head.get("group", "")),
            command=str(head.get("command", "")),
        )


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=32).digest()


def _seal(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16, key=machine.secret()).digest()


def _damaged(path: Path) -> LoratuiError:
    return LoratuiError(
        f"The journal record {path.name} is damaged.",
        "The files of the dataset are as they are; move the record away to go on.",
    )


def touched(operations: Sequence[Operation]) -> set[str]:
    """Every path the operations read or write."""
    paths: set[str] = set()
    for operation in operations:
        paths.add(operation.path)
        if isinstance(operation, Move):
            paths.add(operation.to)
    return paths
