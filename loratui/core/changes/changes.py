"""The history of one root: apply, undo, redo, recover. The lock is held per act, never for the life of the program."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from loratui.core import durable
from loratui.core.changes import actions
from loratui.core.changes import trash as rubbish
from loratui.core.changes.journal import Journal, Record, State, Step, touched
from loratui.core.changes.plan import Edit, Plan, inside
from loratui.core.errors import Conflict, LoratuiError, from_os

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UNSYNCED_SECONDS = 120
_STAGE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo or redo did.

    Attributes:
        steps: those undone (redone), in the order it was done.
        left: how many acts can still be undone (redone).
    """

    steps: list[Step] = field(default_factory=list)
    left: int = 0


class Changes:
    """The changes of one root. Opening it finishes what a crash interrupted; making it writes nothing.

    Args:
        root: the project's folder, or any folder of images.

    Attributes:
        foreign: paths that recovery left alone since another program had changed them.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.home = self.root / ".loratui"
        self.foreign: list[str] = []
        self._journal = Journal(self.home / "journal", self.root)
        self.recover()

    def stage(self) -> Path:
        """A fresh empty folder for finished new files, on the root's own file system.

        Folders that a killed process left behind a day ago or earlier are cleared away.
        """
        folder = self.home / "staging" / uuid4().hex
        for old in folder.parent.iterdir() if folder.parent.is_dir() else ():
            if time.time() - old.stat().st_mtime > _STAGE_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise from_os(error, f"Making a working folder in {self.root.name}") from error
        return folder

    def apply(self, plan: Plan, group: str = "") -> Step | None:
        """Does the plan as one undoable step.

        Args:
            plan: paths inside the root; an empty plan does nothing.
            group: steps in a row with the same non-empty group are undone as one.

        Returns:
            the step, None for an empty plan.

        Raises:
            Conflict: files are not as they were when the plan was made; nothing was changed.
            LoratuiError: the disk refused; nothing was changed.
        """
        if not plan:
            return None
        for path in touched(plan.operations):
            inside(path)
        with self._locked(f"{plan.title}") as journal:
            self._recover(journal)
            probe = Record(Step(0, plan.verb, plan.title, "", 0, "pending", group, ""), plan.operations)
            planned = actions.forward(probe, self.root)
            wrong = actions.Preview(self.root).conflicts(planned)
            if wrong:
                raise _conflict(wrong)
            record = journal.write(plan, group)
            try:
                actions.run(self.root, actions.forward(record, self.root))
            except OSError:
                journal.drop_pending(record.step.id)
                raise
            for number, state in journal.states():
                if state == "undone":
                    journal.mark(number, "undone", "void")
            journal.mark(record.step.id, "pending", "done")
            self._remember_boot()
            self._drop_empty_stages(plan)
            return journal.step(record.step.id, "done")

    def undo(self, count: int = 1) -> Undone:
        """Undoes the newest `count` acts, all or none.

        Raises:
            Conflict: files were changed since by somebody else; nothing was changed.
        """
        if not self._journal.states():
            return Undone()
        with self._locked("Undo") as journal:
            self._recover(journal)
            result = self.preview_undo(count)
            self._turn(journal, result.steps, "undoing", "undone")
            return result

    def preview_undo(self, count: int = 1) -> Undone:
        """What `undo` would do; nothing is checked."""
        acts = _acts([step for step in self._journal.steps() if step.state == "done"])
        chosen = [step for act in reversed(acts[max(0, len(acts) - count) :]) for step in reversed(act)]
        return Undone(chosen, max(0, len(acts) - count))

    def redo(self, count: int = 1) -> Undone:
        """Does the acts undone last again, oldest first, all or none.

        Raises:
            Conflict: files were changed since by somebody else; nothing was changed.
        """
        if not self._journal.states():
            return Undone()
        with self._locked("Redo") as journal:
            self._recover(journal)
            result = self.preview_redo(count)
            self._turn(journal, result.steps, "redoing", "done")
            return result

    def preview_redo(self, count: int = 1) -> Undone:
        """What `redo` would do; nothing is checked."""
        acts = _acts([step for step in self._journal.steps() if step.state == "undone"])
        return Undone([step for act in acts[:count] for step in act], max(0, len(acts) - count))

    def history(self) -> list[Step]:
        """Every step, oldest first: done, undone and void ones (undone, then followed by another change)."""
        return self._journal.steps()

    def record(self, step: Step) -> Record:
        """A step with its operations: what exactly it changed."""
        return self._journal.read(step.id, step.state)

    def trash(self) -> list[rubbish.TrashEntry]:
        """What lies in the trash, newest first."""
        return rubbish.entries(self.root)

    def restore(self, entries: Sequence[rubbish.TrashEntry]) -> Step | None:
        """Brings files back from the trash to where they were, as one undoable step.

        Raises:
            Conflict: there is a file of that name again.
        """
        return self.apply(rubbish.restore_plan(entries))

    def empty_trash(self) -> int:
        """Destroys what lies in the trash: the one act that cannot be undone. Returns the bytes freed."""
        with self._locked("Emptying the trash"):
            return rubbish.empty(self.root)

    def recover(self) -> None:
        """Finishes a step that a crash interrupted, and steps whose bytes a power cut may have lost."""
        states = self._journal.states()
        if any(state in ("pending", "undoing", "redoing") for _, state in states) or (states and self._rebooted()):
            with self._locked("Recovering the last change") as journal:
                self._recover(journal)

    def _recover(self, journal: Journal) -> None:
        finish: dict[State, State] = {"pending": "done", "undoing": "undone", "redoing": "done"}
        for number, state in journal.states():
            if state not in finish:
                continue
            record = journal.read(number, state)
            todo = actions.backward(record) if state == "undoing" else actions.forward(record, self.root)
            self.foreign += actions.heal(self.root, todo)
            journal.mark(number, state, finish[state])
        if self._rebooted():
            self._recheck(journal)
            self._remember_boot()

    def _recheck(self, journal: Journal) -> None:
        """After a reboot: the last two minutes' edits may not have reached the disk, though their record has."""
        done = [(number, state) for number, state in journal.states() if state == "done"]
        times = {number: (self.home / "journal" / f"{number:08d}.{state}").stat().st_mtime for number, state in done}
        newest = max(times.values(), default=0.0)
        chains: dict[str, list[bytes | None]] = {}
        for number, state in done:
            if newest - times[number] > _UNSYNCED_SECONDS:
                continue
            record = journal.read(number, state)
            for operation in record.operations:
                if isinstance(operation, Edit):
                    chains.setdefault(operation.path, [operation.old]).append(operation.new)
        for path, values in chains.items():
            now = actions.read(self.root, path)
            lost = now != values[-1] and (
                now in values or any(actions.torn(now, old, new) for old, new in pairwise(values))
            )
            if lost:
                actions.run(self.root, [actions.Write(path, now, values[-1])])

    def _turn(self, journal: Journal, steps: Sequence[Step], during: State, after: State) -> None:
        chain: list[tuple[Step, list[actions.Action]]] = []
        preview = actions.Preview(self.root)
        wrong: list[str] = []
        for step in steps:
            record = journal.read(step.id, step.state)
            todo = actions.backward(record) if during == "undoing" else actions.forward(record, self.root)
            wrong += preview.conflicts(todo)
            chain.append((step, todo))
        if wrong:
            raise _conflict(wrong)
        for step, todo in chain:
            journal.mark(step.id, step.state, during)
            try:
                actions.run(self.root, todo)
            except OSError:
                journal.mark(step.id, during, step.state)
                raise
            journal.mark(step.id, during, after)
        self._remember_boot()

    @contextmanager
    def _locked(self, doing: str) -> Iterator[Journal]:
        try:
            self.home.mkdir(exist_ok=True)
            with durable.lock(self.home / "lock"):
                yield self._journal
        except OSError as error:
            raise from_os(error, doing) from error

    def _rebooted(self) -> bool:
        try:
            return (self.home / "journal" / "boot").read_text() != _BOOT_ID.read_text()
        except FileNotFoundError:
            return False

    def _remember_boot(self) -> None:
        if _BOOT_ID.exists():
            now, file = _BOOT_ID.read_text(), self.home / "journal" / "boot"
            if not file.exists() or file.read_text() != now:
                durable.write_file(file, now, mode=0o600)

    def _drop_empty_stages(self, plan: Plan) -> None:
        for folder in {getattr(operation, "staged", self.root).parent for operation in plan.operations}:
            if folder.parent == self.home / "staging":
                shutil.rmtree(folder, ignore_errors=True)


def _acts(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps as a person undoes them: neighbours of one group belong together."""
    acts: list[list[Step]] = []
    for step in steps:
        if acts and step.group and acts[-1][-1].group == step.group:
            acts[-1].append(step)
        else:
            acts.append([step])
    return acts


def _conflict(paths: Sequence[str]) -> LoratuiError:
    first = paths[0]
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return Conflict(
        f"{first}{more} changed on disk since it was read; nothing was changed.",
        "Look at it again, then repeat the change.",
        tuple(dict.fromkeys(paths)),
    )
