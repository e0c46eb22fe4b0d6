"""The form every verb has: output, exits, errors, and what is loaded before anything is done."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Pillow

from loratui.cli.main import parser, run

HEAVY = ("textual", "rich", "msgspec", "torch", "onnxruntime", "scipy", "numpy", "httpx", "PIL", "tomlkit")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object], str]:
    code = run([*arguments, "--json"])
    captured = capsys.readouterr()
    documents = [line for line in captured.out.split("\n") if line]
    assert len(documents) == 1 and documents[0].isascii()
    return code, json.loads(documents[0]), captured.err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom loratui.cli.main import run\n"
        "try:\n run(['--help'])\nexcept SystemExit: pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("LOADED []")


def test_the_core_loads_no_screen() -> None:
    code = (
        "import sys, pkgutil, importlib, loratui.core\n"
        "for module in pkgutil.walk_packages(loratui.core.__path__, 'loratui.core.'):\n"
        "    importlib.import_module(module.name)\n"
        "print('LOADED', [name for name in ('textual', 'textual_image', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip().endswith("LOADED []"), result.stderr


def test_every_verb_has_help_json_and_directory() -> None:
    seen = 0

    def walk(grammar: object) -> None:
        nonlocal seen
        for action in grammar._actions:  # type: ignore[attr-defined]
            for name, child in (
                (getattr(action, "choices", None) or {}).items() if hasattr(action, "add_parser") else ()
            ):
                seen += 1
                assert {"--json", "-C", "--help", "--yes"} <= set(child._option_string_actions), name
                walk(child)

    walk(parser())
    assert seen > 15


def test_errors_are_one_sentence_a_remedy_and_an_exit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, document, err = said(capsys, "-C", str(tmp_path), "subset", "list")
    assert code == 2 and document["error"]["exit"] == 2  # type: ignore[index]
    assert "loratui new" in document["error"]["remedy"] and err.startswith("loratui: ")  # type: ignore[index]
    assert run(["histroy"]) == 2
    assert "'history'" in capsys.readouterr().err
    assert run(["undo", "--what"]) == 2
    assert run(["undo", "0"]) == 2
    assert run(["-C", str(tmp_path / "gone"), "undo"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_folder_option_before_or_after_the_verb(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["new", str(tmp_path / "p")]) == 0
    capsys.readouterr()
    for arguments in (["-C", str(tmp_path / "p"), "subset", "list"], ["subset", "list", "-C", str(tmp_path / "p")]):
        code, document, _ = said(capsys, *arguments)
        assert code == 0 and document["subsets"][0]["name"] == "p"  # type: ignore[index]


def test_a_change_its_preview_its_undo_and_a_conflict(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = tmp_path / "p"
    run(["new", str(root), "--trigger", "kafka"])
    source = tmp_path / "in.png"
    Pillow.new("RGB", (8, 8)).save(source)
    capsys.readouterr()
    code, document, _ = said(capsys, "-C", str(root), "add", str(source), "--dry-run")
    assert (code, document["added"], document["dry_run"]) == (0, 1, True) and not (root / ".loratui").exists()
    assert said(capsys, "-C", str(root), "add", str(source))[1] == {"added": 1, "existing": 0, "refused": []}
    assert said(capsys, "-C", str(root), "add", str(source))[1]["existing"] == 1
    assert said(capsys, "-C", str(root), "history")[1]["steps"][0]["state"] == "done"  # type: ignore[index]
    assert len(said(capsys, "-C", str(root), "undo", "--dry-run")[1]["undone"]) == 1  # type: ignore[arg-type]
    assert run(["-C", str(root), "undo", "--dry-run"]) == 0
    assert capsys.readouterr().out == "1 would be undone: add 1 image to dataset/p\n"  # nothing was
    assert (root / "dataset/p/in.png").exists()
    assert said(capsys, "-C", str(root), "undo")[1]["left"] == 0
    assert said(capsys, "-C", str(root), "redo")[1]["redone"][0]["title"] == "add 1 image to dataset/p"  # type: ignore[index]
    (root / "dataset/p/in.png").unlink()
    code, document, _ = said(capsys, "-C", str(root), "undo")
    assert code == 3 and document == {"undone": [], "conflicts": ["dataset/p/in.png"], "left": 1}
    code, document, _ = said(capsys, "-C", str(root), "undo", "--dry-run")
    assert code == 3 and document == {"undone": [], "conflicts": ["dataset/p/in.png"], "left": 1, "dry_run": True}
    assert said(capsys, "-C", str(root), "undo", "9")[0] == 3


def test_a_crash_is_finished_before_anything_is_read_and_left_alone_by_a_dry_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from loratui.core.changes import Changes, Edit, Plan

    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "a.txt").write_bytes(b"old")
    Changes(tmp_path).apply(Plan("tags", "edit", (Edit("a.txt", b"old", b"new"),)))
    journal = tmp_path / ".loratui/journal"
    (journal / "00000001.done").rename(journal / "00000001.pending")
    (journal / "boot").write_text("before the power cut")
    (tmp_path / "a.txt").write_bytes(b"old")

    def disk() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = disk()
    for words in (("tags", "append", "x"), ("undo",), ("redo",), ("trash", "empty", "--yes"), ("dupes", "--apply")):
        assert said(capsys, "-C", str(tmp_path), *words, "--dry-run")[1]["dry_run"] is True
    assert disk() == before
    row = {"tag": "new", "count": 1, "category": None, "new": False}
    assert said(capsys, "-C", str(tmp_path), "tags")[1]["tags"] == [row]


def test_a_damaged_journal_stops_changes_and_no_reading(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / ".loratui/journal").mkdir(parents=True)
    (tmp_path / ".loratui/journal/00000001.pending").write_bytes(b"torn")
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "a.txt").write_bytes(b"old")
    code, document, err = said(capsys, "-C", str(tmp_path), "tags")
    assert (code, document["images"]) == (0, 1) and "00000001.pending is damaged" in err
    assert said(capsys, "-C", str(tmp_path), "tags", "append", "x")[0] == 1
    assert (tmp_path / "a.txt").read_bytes() == b"old"


def test_the_trash_asks_before_it_destroys(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from loratui.core.changes import Changes, Plan, Remove

    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "a.txt").write_bytes(b"tag")
    Changes(tmp_path).apply(Plan("prep", "set aside", (Remove("a.png", "small"), Remove("a.txt", "small"))))
    at = ("-C", str(tmp_path))
    assert len(said(capsys, *at, "trash", "list")[1]["files"]) == 2  # type: ignore[arg-type]
    assert said(capsys, *at, "trash", "restore", "small:")[1]["restored"] == ["a.png", "a.txt"]
    assert said(capsys, *at, "undo")[0] == 0
    assert said(capsys, *at, "trash", "empty")[0] == 2
    assert said(capsys, *at, "trash", "empty", "--dry-run")[1]["files"] == 2
    assert said(capsys, *at, "trash", "empty", "--yes")[1] == {"files": 2, "bytes": 4}
    assert said(capsys, *at, "trash", "restore", "a.png")[0] == 2


def test_a_name_that_is_no_text_does_not_end_the_program(tmp_path: Path) -> None:
    from loratui.core.changes import Changes, Plan, Remove

    name = os.fsdecode(b"\xff\x1b]0;x\x07\n.png")
    (tmp_path / name).write_bytes(b"x")
    Changes(tmp_path).apply(Plan("prep", "t", (Remove(name, "small"),)))
    result = subprocess.run(
        [sys.executable, "-m", "loratui", "-C", str(tmp_path), "trash", "list"], capture_output=True
    )
    assert result.returncode == 0 and b"\x1b" not in result.stdout and result.stdout.count(b"\n") == 1


def test_a_read_only_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    (tmp_path / "p").mkdir(mode=0o500)
    assert run(["new", str(tmp_path / "p")]) == 1
    assert "permission" in capsys.readouterr().err


def test_a_verb_without_its_sub_verb_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trash"]) == 2
    assert "Say which one: list, restore, empty." in capsys.readouterr().err
