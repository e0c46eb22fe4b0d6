"""The journal keeps its promise: whole or old, undo and redo without limit, nothing lost at any moment."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loratui.core import durable
from loratui.core.changes import Add, Changes, Edit, Move, Plan, Remove, inside
from loratui.core.changes.actions import torn
from loratui.core.changes.journal import _FRAME, _MAGIC, Journal
from loratui.core.errors import Conflict, LoratuiError, Refused


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".loratui" not in path.parts
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(name.encode() * 100)
        (folder / f"{name}.txt").write_bytes(f"tag {name}, solo".encode())
    return folder


def plan(*operations: Edit | Remove | Add | Move, title: str = "step") -> Plan:
    return Plan("test", title, operations)


def test_every_kind_of_operation_undone_and_redone(root: Path) -> None:
    changes = Changes(root)
    before = tree(root)
    stage = changes.stage()
    (stage / "new").write_bytes(b"better")
    changes.apply(
        plan(
            Edit("a.txt", b"tag a, solo", b"solo"),
            Edit("d.txt", None, b"made"),
            Edit("b.txt", b"tag b, solo", None),
            Remove("a.png", "replaced"),
            Add("a.png", stage / "new"),
            Move("c.png", "sub/c.png"),
        )
    )
    after = tree(root)
    assert after["a.png"] == b"better" and after["sub/c.png"] == b"c" * 100 and "b.txt" not in after
    for _ in range(3):
        assert len(changes.undo().steps) == 1
        assert tree(root) == before
        assert len(changes.redo().steps) == 1
        assert tree(root) == after
    assert changes.undo().left == 0 and tree(root) == before
    assert not changes.undo().steps


def test_undo_goes_through_restarts_and_a_new_change_ends_redo(root: Path) -> None:
    original = tree(root)
    for number in range(5):
        old = (root / "a.txt").read_bytes()
        Changes(root).apply(plan(Edit("a.txt", old, old + b", x%d" % number), title=f"step {number}"))
    undone = Changes(root).undo(3)
    assert [step.title for step in undone.steps] == ["step 4", "step 3", "step 2"] and undone.left == 2
    Changes(root).apply(plan(Edit("b.txt", b"tag b, solo", b"other")))
    assert not Changes(root).redo().steps
    assert [step.state for step in Changes(root).history()] == ["done", "done", "void", "void", "void", "done"]
    Changes(root).undo(99)
    assert tree(root) == original


def test_steps_of_one_group_are_one_act(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Edit("c.txt", b"tag c, solo", b"c")))
    for name in "ab":
        changes.apply(plan(Edit(f"{name}.txt", f"tag {name}, solo".encode(), b"g")), group="get-1")
    undone = changes.undo()
    assert len(undone.steps) == 2 and undone.left == 1
    assert len(changes.redo().steps) == 2


def test_somebody_elses_edit_wins_a_question_not_a_fight(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Edit("a.txt", b"tag a, solo", b"ours"), Remove("b.png")))
    (root / "a.txt").write_bytes(b"theirs")
    before = tree(root)
    with pytest.raises(Conflict) as caught:
        changes.undo()
    assert caught.value.files == ("a.txt",) and tree(root) == before
    with pytest.raises(Conflict):
        changes.apply(plan(Edit("a.txt", b"ours", b"more")))
    assert tree(root) == before


def test_trash_restore_and_empty(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Remove("a.png", "duplicate"), Remove("a.txt", "duplicate")))
    entries = changes.trash()
    assert {(entry.path, entry.reason) for entry in entries} == {("a.png", "duplicate"), ("a.txt", "duplicate")}
    assert (root / entries[0].lies).is_file()
    changes.restore(entries)
    assert (root / "a.png").is_file() and not changes.trash()
    changes.undo(2)
    assert (root / "a.png").read_bytes() == b"a" * 100
    changes.redo()
    assert changes.empty_trash() > 0
    with pytest.raises(Conflict):
        changes.undo()


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a//b", "./a", "a\0b"])
def test_no_path_leaves_the_root(root: Path, path: str) -> None:
    with pytest.raises(Refused):
        inside(path)
    with pytest.raises(Refused):
        Changes(root).apply(plan(Edit(path, None, b"x")))


def test_a_link_out_of_the_project_is_not_written_through(root: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.txt"
    stranger.write_text("mine")
    (root / "link.txt").symlink_to(stranger)
    with pytest.raises(Refused):
        Changes(root).apply(plan(Edit("link.txt", b"mine", b"yours")))
    assert stranger.read_text() == "mine"


def test_links_owner_and_mode_stay(root: Path) -> None:
    os.link(root / "a.txt", root / "hard.txt")
    (root / "a.txt").chmod(0o640)
    Changes(root).apply(plan(Edit("a.txt", b"tag a, solo", b"new")))
    assert (root / "hard.txt").read_bytes() == b"new" and (root / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_disk_that_refuses_changes_nothing(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "x.txt").write_bytes(b"x")
    changes = Changes(root)
    before = tree(root)
    # A folder where the last file should go: the write fails after the first ones were made.
    (root / "sub").write_bytes(b"a file, not a folder")
    before = tree(root)
    with pytest.raises(LoratuiError):
        changes.apply(plan(Edit("a.txt", b"tag a, solo", b"1"), Remove("b.png"), Move("c.png", "sub/c.png")))
    assert tree(root) == before
    assert not changes.undo().steps and not Changes(root).foreign


def test_a_damaged_record_says_so_and_stops_nothing_else(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Edit("a.txt", b"tag a, solo", b"1")))
    record = next((root / ".loratui/journal").glob("*.done"))
    record.write_bytes(record.read_bytes()[:-3] + b"???")
    with pytest.raises(LoratuiError, match="damaged"):
        Changes(root).undo()
    Changes(root).apply(plan(Edit("b.txt", b"tag b, solo", b"2")))


CHILD = """
import sys, os
from pathlib import Path
from loratui.core.changes import *
root = Path(sys.argv[1])
changes = Changes(root)
print("ready", flush=True)
number = 0
while True:
    number += 1
    names = [f"{i}.txt" for i in range(60)]
    ops = [Edit(n, (root / n).read_bytes(), b"round %d " % number * (1 + number % 50)) for n in names]
    stage = changes.stage()
    (stage / "n").write_bytes(b"image %d" % number)
    changes.apply(Plan("t", "t", (*ops, Remove("i.png", "replaced"), Add("i.png", stage / "n"))))
    if number % 3 == 0:
        changes.undo(2)
        changes.redo(1)
"""


def test_kill_9_at_random_moments_leaves_one_whole_state(root: Path) -> None:
    for index in range(60):
        (root / f"{index}.txt").write_bytes(b"round 0 ")
    (root / "i.png").write_bytes(b"image 0")
    rounds = int(os.environ.get("LORATUI_ROUNDS", "6"))
    for turn in range(rounds):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(root)], stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        time.sleep(random.Random(turn).uniform(0.01, 0.25))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        recovered = Changes(root)
        assert recovered.foreign == []
        captions = {(root / f"{index}.txt").read_bytes() for index in range(60)}
        assert len(captions) == 1, "a step is all there or not there"
        number = captions.pop().split()[1]
        assert (root / "i.png").read_bytes() == b"image " + number
        assert {step.state for step in recovered.history()} <= {"done", "undone", "void"}
    Changes(root).undo(10_000)
    assert (root / "0.txt").read_bytes() == b"round 0 " and (root / "i.png").read_bytes() == b"image 0"


def test_a_reboot_finds_bytes_the_disk_had_not_written(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Edit("a.txt", b"tag a, solo", b"one, two, three"), Edit("b.txt", b"tag b, solo", b"kept")))
    changes.apply(plan(Edit("a.txt", b"one, two, three", b"final")))
    (root / "a.txt").write_bytes(b"one, two, three")  # the last write never reached the disk
    os.utime(root / "a.txt", (time.time() - 60, time.time() - 60))
    (root / "b.txt").write_bytes(b"edited by another program")
    (root / ".loratui/journal/boot").write_text("another boot")
    Changes(root)
    assert (root / "a.txt").read_bytes() == b"final"
    assert (root / "b.txt").read_bytes() == b"edited by another program"


def reboot(root: Path) -> None:
    (root / ".loratui/journal/boot").write_text("another boot")


def test_a_reboot_leaves_alone_what_somebody_put_back(root: Path) -> None:
    Changes(root).apply(plan(Edit("a.txt", b"tag a, solo", b"new")))
    time.sleep(0.02)
    (root / "a.txt").write_bytes(b"tag a, solo")  # on purpose, after the step
    reboot(root)
    Changes(root)
    assert (root / "a.txt").read_bytes() == b"tag a, solo"


def test_a_reboot_raises_no_caption_that_moved_on(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Edit("d.txt", None, b"made"), Edit("e.txt", None, b"made")))
    changes.apply(plan(Remove("d.txt", "duplicate"), Move("e.txt", "sub/e.txt")))
    reboot(root)
    before = tree(root)
    Changes(root)
    assert tree(root) == before
    Changes(root).undo(2)
    assert "d.txt" not in tree(root) and "e.txt" not in tree(root)


def test_a_strangers_journal_writes_nothing_outside(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    evil = Journal(root / ".loratui/journal", root)
    for path in ("../../evil.txt", f"{tmp_path}/evil.txt", "link/evil.txt"):
        evil.write(plan(Edit(path, None, b"evil")), "")
        os.environ["XDG_STATE_HOME"] += "/another-person"
        with pytest.raises(Refused):
            Changes(root)
        assert not list(tmp_path.rglob("evil.txt"))
        next((root / ".loratui/journal").glob("*.pending")).unlink()


@pytest.mark.parametrize(
    "operation",
    [
        ["edit", "../evil.txt", None, 0],
        ["add", "a2.png", "../secret"],
        ["add", "a2.png", "/etc/hostname"],
        ["remove", "a.txt", "../../out"],
        ["remove", "a.txt", "a\0b"],
        ["remove", "a.txt"],
        ["edit", 5, "x", []],
        "nonsense",
    ],
    ids=str,
)
def test_a_record_that_loratui_would_not_write_is_told_by_its_place(root: Path, operation: object) -> None:
    head = json.dumps({"verb": "x", "title": "x", "time": "", "files": 1}).encode() + b"\n"
    payload = head + zlib.compress(json.dumps([operation]).encode() + b"\n")
    frame = _FRAME.pack(len(payload), hashlib.blake2b(payload, digest_size=32).digest(), b"")
    (root / ".loratui/journal").mkdir(parents=True)
    (root / ".loratui/journal/00000001.pending").write_bytes(_MAGIC + frame + payload)
    before = tree(root.parent)
    with pytest.raises(LoratuiError) as caught:
        Changes(root)
    assert "journal" in caught.value.message and "move" in caught.value.remedy
    assert tree(root.parent) == before


def test_a_folder_linked_from_elsewhere_is_recovered_where_it_is_ours(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    Journal(root / ".loratui/journal", root).write(plan(Edit("link/a.txt", None, b"mine")), "")
    Changes(root)
    assert (outside / "a.txt").read_bytes() == b"mine"


def test_the_trash_is_never_written_over(root: Path) -> None:
    Changes(root).apply(plan(Remove("a.txt")))
    next((root / ".loratui/journal").glob("*.done")).unlink()  # as a remedy, or a lost journal
    (root / "a.txt").write_bytes(b"second")
    Changes(root).apply(plan(Remove("a.txt")))
    assert {(root / entry.lies).read_bytes() for entry in Changes(root).trash()} == {b"tag a, solo", b"second"}


def test_a_write_of_somebody_else_between_check_and_write_is_not_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def meanwhile(self: Journal, made: Plan, group: str) -> object:
        record = write(self, made, group)
        (root / "b.txt").write_bytes(b"by hand")
        return record

    monkeypatch.setattr(Journal, "write", meanwhile)
    with pytest.raises(Conflict) as caught:
        Changes(root).apply(plan(Edit("a.txt", b"tag a, solo", b"1"), Edit("b.txt", b"tag b, solo", b"2")))
    assert caught.value.files == ("b.txt",)
    assert (root / "a.txt").read_bytes() == b"tag a, solo" and (root / "b.txt").read_bytes() == b"by hand"
    assert not Changes(root).history()


@pytest.mark.parametrize("error", [OSError(5, "input/output error"), KeyboardInterrupt()])
def test_trouble_in_the_middle_takes_everything_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before, overwrite = tree(root), durable.overwrite
    calls: list[Path] = []

    def failing(path: Path, data: bytes, expected: bytes | None) -> bool:
        calls.append(path)
        if len(calls) == 3:
            raise error
        return overwrite(path, data, expected)

    monkeypatch.setattr(durable, "overwrite", failing)
    edits = [Edit(f"{name}.txt", f"tag {name}, solo".encode(), b"new") for name in "abc"]
    with pytest.raises((LoratuiError, KeyboardInterrupt)):
        Changes(root).apply(plan(*edits))
    assert tree(root) == before and not Changes(root).history()


def test_what_cannot_be_taken_back_stays_in_the_journal_and_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite, calls = durable.overwrite, [0]

    def failing(path: Path, data: bytes, expected: bytes | None) -> bool:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(5, "input/output error")
        return overwrite(path, data, expected)

    monkeypatch.setattr(durable, "overwrite", failing)
    edits = [Edit(f"{name}.txt", f"tag {name}, solo".encode(), b"new") for name in "abc"]
    with pytest.raises(LoratuiError, match="Step") as caught:
        Changes(root).apply(plan(*edits, title="Step"))
    assert "goes on" in caught.value.remedy
    monkeypatch.undo()
    assert {(root / f"{name}.txt").read_bytes() for name in "abc"} != {b"new"}
    assert [step.state for step in Changes(root).history()] == ["done"]
    assert {(root / f"{name}.txt").read_bytes() for name in "abc"} == {b"new"}


def test_undo_may_leave_changed_files_alone(root: Path) -> None:
    changes = Changes(root)
    changes.apply(plan(Edit("a.txt", b"tag a, solo", b"ours"), Remove("b.png"), Remove("c.png")))
    (root / "a.txt").write_bytes(b"theirs")
    assert changes.preview_undo().conflicts == ["a.txt"]
    (root / ".loratui/trash/deleted/1/c.png").unlink()
    result = changes.undo(keep_changed=True)
    assert set(result.conflicts) == {"a.txt", "c.png"}
    assert (root / "a.txt").read_bytes() == b"theirs" and (root / "b.png").is_file()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_a_folder_on_another_disk_comes_through_kill_9(root: Path) -> None:
    from tempfile import TemporaryDirectory

    code = (
        "import sys\nfrom pathlib import Path\nfrom loratui.core.changes import *\nroot = Path(sys.argv[1])\n"
        "c = Changes(root)\nprint('go', flush=True)\n"
        "names = sorted(p.name for p in (root / 'far').iterdir())\n"
        "c.apply(Plan('x', 'x', tuple(Remove('far/' + n) for n in names)))"
    )
    for turn in range(int(os.environ.get("LORATUI_ROUNDS", "3"))):
        with TemporaryDirectory(dir="/dev/shm") as far:
            shutil.rmtree(root / ".loratui", ignore_errors=True)
            (root / "far").symlink_to(far)
            for number in range(120):
                (Path(far) / f"{number:03}").write_bytes(bytes([number]) * 20_000)
            child = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE)
            assert child.stdout is not None and child.stdout.readline() == b"go\n"
            while child.poll() is None and not (root / ".loratui/trash").is_dir():
                time.sleep(0.001)
            time.sleep(random.Random(turn).uniform(0, 0.05))
            child.kill()
            child.wait()
            child.stdout.close()
            changes = Changes(root)
            left = {path.name for path in Path(far).iterdir()}
            thrown = {entry.path.removeprefix("far/") for entry in changes.trash()}
            assert not left & thrown and len(left | thrown) == 120 and (not left or not thrown)
            changes.undo()
            assert len(list(Path(far).iterdir())) == 120
        (root / "far").unlink()


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 40))
def test_an_interrupted_overwrite_is_recognised(old: bytes, new: bytes, written: int) -> None:
    assert torn(new[:written] + old[min(written, len(new)) :], old, new)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["edit", "remove", "move", "undo", "redo"]), max_size=12),
    st.randoms(use_true_random=False),
)
def test_any_history_goes_back_to_the_start(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], rng: random.Random
) -> None:
    root = tmp_path_factory.mktemp("any")
    for name in "abc":
        (root / name).write_text(name)
    start = tree(root)
    changes = Changes(root)
    for number, act in enumerate(acts):
        names = sorted(tree(root))
        if act == "undo":
            changes.undo(rng.randint(1, 3))
        elif act == "redo":
            changes.redo(rng.randint(1, 3))
        elif names:
            name = rng.choice(names)
            operation = {
                "edit": Edit(name, (root / name).read_bytes(), b"%d" % number),
                "remove": Remove(name),
                "move": Move(name, f"m/{number}"),
            }[act]
            changes.apply(plan(operation))
    changes.undo(100)
    assert tree(root) == start
