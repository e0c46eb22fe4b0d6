"""The history of one root: apply, undo, redo, recover. The lock is held per act, never for the life of the program."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

from loratui.core import durable
from loratui.core.changes import actions
from loratui.core.changes import trash as rubbish
from loratui.core.changes.journal import Journal, Record, State, Step, touched
from loratui.core.changes.plan import Add, Plan, inside
from loratui.core.errors import Conflict, LoratuiError, Refused, from_os

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UNSYNCED_SECONDS = 120
_STAGE_SECONDS = 86_400
_WORDS: dict[State, str] = {"undoing": "undo", "redoing": "redo"}
_AWAY = "Look at .loratui/journal; move it away if you do not trust where the folder comes from."


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo or redo did.

    Attributes:
        steps: those undone (redone), in the order it was done.
        left: how many acts can still be undone (redone).
        conflicts: files that were changed since by somebody else; of a preview, those that would refuse it; else those
            that were left as they are, as was asked for.
    """

    steps: list[Step] = field(default_factory=list)
    left: int = 0
    conflicts: list[str] = field(default_factory=list)


class Planned(Protocol):
    """Whatever carries a plan."""

    @property
    def plan(self) -> Plan:
        """What is to be done."""


Made = TypeVar("Made", bound=Planned)


class Changes:
    """The changes of one root. Opening it finishes what a crash interrupted; where there was none it writes nothing.

    Args:
        root: the project's folder, or any folder of images.
        recover: False leaves what a crash interrupted as it is until the first change. So does a folder that nobody
            may write to.

    Attributes:
        foreign: paths that recovery left alone since another program had changed them.
        wrote: `Journal.changed` after what was done here last; None while nothing was.
    """

    def __init__(self, root: Path, *, recover: bool = True) -> None:
        self.root = Path(os.path.realpath(root))
        self.home = self.root / ".loratui"
        self.foreign: list[str] = []
        self.wrote: int | None = None
        self._journal = Journal(self.home / "journal", self.root)
        if recover and os.access(self.home, os.W_OK):
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
        with self._locked(plan.title) as journal:
            self._recover(journal)
            number = journal.next_number()
            probe = actions.checked(
                Record(Step(number, plan.verb, plan.title, "", 0, "pending", group, ""), plan.operations), self.root
            )
            wrong = actions.Preview(self.root).conflicts(actions.forward(probe, self.root))
            others = actions.others(self.root, plan.seen)
            if wrong or others:
                blamed = [actions.blamed(self.root, action) for action in wrong]
                gone = [path for path in others if not os.path.lexists(self.root / path)]
                raise _gone(gone) if gone else _conflict([*blamed, *others], "Look at it and repeat.")
            record = journal.write(plan, group)
            try:
                actions.run(self.root, actions.forward(record, self.root))
            except actions.HalfDone as error:
                raise _half_done(error, plan.title) from error
            except BaseException:
                journal.drop_pending(record.step.id)
                raise
            for other, state in journal.states():
                if state == "undone":
                    journal.mark(other, "undone", "void")
            journal.mark(record.step.id, "pending", "done")
            self._remember_boot()
            self._drop_empty_stages(plan)
            return journal.step(record.step.id, "done")

    def apply_made(self, make: Callable[[], Made]) -> Made:
        """Makes a plan and does it; where somebody changed files in between, both once more from what is there now.

        Args:
            make: computes the plan from the files, with what belongs to it. A plan that says what a person wrote or
                agreed to is none of these: `apply` it, and let them look when it is refused.

        Returns:
            what was made last, and done.

        Raises:
            Conflict: files changed again meanwhile; nothing was changed.
            LoratuiError: as `apply`, or what `make` raises.
        """
        made = make()
        try:
            self.apply(made.plan)
        except Conflict:
            self.discard(made.plan)
            made = make()
            self.apply(made.plan)
        return made

    def discard(self, plan: Plan) -> None:
        """Clears away what was staged for a plan that is not going to be done."""
        for folder in self._stages(plan):
            shutil.rmtree(folder, ignore_errors=True)

    def undo(self, count: int = 1, *, keep_changed: bool = False) -> Undone:
        """Undoes the newest `count` acts, all or none.

        Args:
            count: how many.
            keep_changed: leaves files alone that were changed since by somebody else, and undoes the rest.

        Raises:
            Conflict: files were changed since by somebody else; nothing was changed.
        """
        return self._turn(count, "undoing", keep_changed)

    def redo(self, count: int = 1, *, keep_changed: bool = False) -> Undone:
        """Does the acts undone last again, oldest first, all or none. See `undo`."""
        return self._turn(count, "redoing", keep_changed)

    def preview_undo(self, count: int = 1) -> Undone:
        """What `undo` would do, and what would refuse it. Changes nothing."""
        return self._preview(count, "undoing")[0]

    def preview_redo(self, count: int = 1) -> Undone:
        """What `redo` would do, and what would refuse it. Changes nothing."""
        return self._preview(count, "redoing")[0]

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
            record = self._trusted(journal.read(number, state))
            todo = actions.backward(record) if state == "undoing" else actions.forward(record, self.root)
            self.foreign += actions.heal(self.root, todo)
            journal.mark(number, state, finish[state])
        if self._rebooted():
            self._recheck(journal)
            self._remember_boot()

    def _trusted(self, record: Record) -> Record:
        """The record, if it stays inside the root; through links out of it only where this person wrote it.

        Raises:
            Refused: it does not: the folder comes from somebody else.
        """
        try:
            actions.checked(record, self.root)
        except Refused as error:
            raise Refused(
                f"Step {record.step.id} in .loratui/journal was not written by loratui: {error.message}", _AWAY
            ) from error
        todo = actions.forward(record, self.root)
        outside = None if record.sealed else actions.within(self.root, todo)
        if outside is not None:
            raise Refused(
                f"The journal holds a change of {outside}, which lies outside, and was not written by you.",
                _AWAY,
            )
        return record

    def _recheck(self, journal: Journal) -> None:
        """After a reboot: the last two minutes' edits may not have reached the disk, though their record has.

        A file whose time of change is later than the step's end was changed by somebody since, and is left alone.
        """
        done = [(number, state) for number, state in journal.states() if state == "done"]
        ends = {number: (self.home / "journal" / f"{number:08d}.{state}").stat().st_ctime for number, state in done}
        newest = max(ends.values(), default=0.0)
        chains: dict[str, list[bytes | None]] = {}
        last: dict[str, float] = {}
        for number, state in done:
            if newest - ends[number] > _UNSYNCED_SECONDS:
                continue
            for action in actions.forward(self._trusted(journal.read(number, state)), self.root):
                if isinstance(action, actions.Rename):
                    chains.pop(action.target, None)
                    if action.source in chains:
                        chains[action.target] = chains.pop(action.source)
                        last[action.target] = ends[number]
                else:
                    chains.setdefault(action.path, [action.old]).append(action.new)
                    last[action.path] = ends[number]
        for path, values in chains.items():
            now = actions.read(self.root, path)
            lost = now in values or any(actions.torn(now, old, new) for old, new in pairwise(values))
            if now == values[-1] or not lost:
                continue
            if now is not None and (self.root / path).stat().st_mtime > last[path]:
                continue
            actions.run(self.root, [actions.Write(path, now, values[-1])])

    def _preview(self, count: int, during: State) -> tuple[Undone, list[tuple[Step, list[actions.Action]]]]:
        """What a turn back or forth would do, and its actions by step, without those that conflict."""
        undoing = during == "undoing"
        acts = _acts([step for step in self._journal.steps() if step.state == ("done" if undoing else "undone")])
        if undoing:
            chosen = [step for act in reversed(acts[max(0, len(acts) - count) :]) for step in reversed(act)]
        else:
            chosen = [step for act in acts[:count] for step in act]
        chain: list[tuple[Step, list[actions.Action]]] = []
        wrong: list[actions.Action] = []
        preview = actions.Preview(self.root)
        for step in chosen:
            record = self._trusted(self._journal.read(step.id, step.state))
            todo = actions.backward(record) if undoing else actions.forward(record, self.root)
            refused = preview.conflicts(todo)
            wrong += refused
            chain.append((step, [action for action in todo if action not in refused] if refused else todo))
        conflicts = list(dict.fromkeys(actions.blamed(self.root, action) for action in wrong))
        return Undone(chosen, max(0, len(acts) - count), conflicts), chain

    def _turn(self, count: int, during: State, keep_changed: bool) -> Undone:
        if not self._journal.states():
            return Undone()
        after: State = "undone" if during == "undoing" else "done"
        with self._locked("Undo" if during == "undoing" else "Redo") as journal:
            self._recover(journal)
            result, chain = self._preview(count, during)
            if result.conflicts and not keep_changed:
                raise _conflict(result.conflicts, f"`loratui {_WORDS[during]} --keep-changed` leaves it as it is.")
            for step, todo in chain:
                journal.mark(step.id, step.state, during)
                try:
                    actions.run(self.root, todo)
                except actions.HalfDone as error:
                    raise _half_done(error, step.title) from error
                except BaseException:
                    journal.mark(step.id, during, step.state)
                    raise
                journal.mark(step.id, during, after)
            self._remember_boot()
            return result

    @contextmanager
    def _locked(self, doing: str) -> Iterator[Journal]:
        try:
            self.home.mkdir(exist_ok=True)
            with durable.lock(self.home / "lock"):
                try:
                    yield self._journal
                finally:
                    self.wrote = self._journal.changed()
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
        for folder in self._stages(plan):
            with suppress(OSError):
                folder.rmdir()

    def _stages(self, plan: Plan) -> set[Path]:
        folders = {operation.staged.parent for operation in plan.operations if isinstance(operation, Add)}
        return {folder for folder in folders if folder.parent == self.home / "staging"}


def _acts(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps as a person undoes them: neighbours of one group belong together."""
    acts: list[list[Step]] = []
    for step in steps:
        if acts and step.group and acts[-1][-1].group == step.group:
            acts[-1].append(step)
        else:
            acts.append([step])
    return acts


def _gone(paths: Sequence[str]) -> Conflict:
    verb = "is" if len(paths) == 1 else "are"
    return Conflict(f"{_named(paths)} {verb} no longer here; nothing was changed.", "Look again.", paths)


def _named(paths: Sequence[str]) -> str:
    return paths[0] + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def _conflict(paths: Sequence[str], remedy: str) -> Conflict:
    paths = list(dict.fromkeys(paths))
    return Conflict(
        f"{_named(paths)} changed on disk, or went from the trash, since loratui saw it; nothing was changed.",
        remedy,
        paths,
    )


def _half_done(error: actions.HalfDone, doing: str) -> LoratuiError:
    cause = from_os(error.cause, doing).message if isinstance(error.cause, OSError) else f"{doing} was interrupted."
    return LoratuiError(cause, "It is half done and goes on to its end when this folder is next opened.")
