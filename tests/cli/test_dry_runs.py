"""`--dry-run` on every verb that changes anything: the same document and `dry_run: true`, no file, no network write."""

import io
import json
import os
from argparse import _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from loratui.cli.main import parser, run
from loratui.core import durable, hub
from loratui.core.config import set_value
from loratui.core.demo.home import TAGGER
from loratui.core.runs import freeze
from tests import training_kit as kit
from tests.boards_server import BoardServer, Sample, noise
from tests.runs_kit import make_job

# What only reads; and the demo, which makes a new folder below the cache and touches nothing else.
READING = {
    "status", "boards", "search", "subset", "subset list", "check-images", "tags", "tags credits", "history", "trash",
    "trash list", "plan", "presets", "preflight", "runs", "watch", "logs", "queue", "doctor", "demo",
}  # fmt: skip


def verbs(grammar: object, before: str = "") -> Iterator[tuple[str, bool]]:
    """Every verb and sub-verb, and whether it has `--dry-run`."""
    for action in grammar._actions:  # type: ignore[attr-defined]
        if isinstance(action, _SubParsersAction):
            for name, child in action.choices.items():
                yield f"{before}{name}", "--dry-run" in child._option_string_actions
                yield from verbs(child, f"{before}{name} ")


CHANGING = {name for name, dry in verbs(parser()) if dry}


def test_a_verb_only_reads_or_has_a_dry_run() -> None:
    every = {name for name, _ in verbs(parser())}
    assert every - CHANGING == READING & every


CASES = {
    "new": ("other", "--trigger", "himeko"),
    "subset move": ("solo", "elsewhere"),
    "subset split": ("solo",),
    "add": ("../mine.png",),
    "get": ("solo", "--limit", "2"),
    "prep": ("--to", "png", "--min-side", "64"),
    "dupes": ("--apply",),
    "tag": ("--when", "merge", "--model", str(TAGGER)),
    "tags remove": ("solo",),
    "tags replace": ("solo", "alone"),
    "tags prepend": ("first",),
    "tags append": ("last",),
    "tags move": ("solo", "--to", "first"),
    "tags trigger": (),
    "tags dedupe": (),
    "tags sort": (),
    "tags prune": ("--apply",),
    "tags render": ("--escape",),
    "undo": (),
    "redo": (),
    "trash restore": ("dropped.png",),
    "trash empty": (),
    "recipe": ("--set", "network_dim=8", "--save"),
    "train": (),
    "stop": ("WAITING",),
    "resume": ("ENDED",),
    "models": ("--get", "someone/model/base2.safetensors"),
    "setup": (),
    "boards login": ("mine",),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which every verb finds something to do."""
    workspace = kit.ready(tmp_path, images=4)
    root = workspace.root
    folder = root / "dataset/kafka"
    for number, path in enumerate(sorted(folder.glob("*.png"))):
        Image.frombytes("RGB", (96, 96), os.urandom(96 * 96 * 3)).save(path)
        path.with_suffix(".txt").write_text(f"1girl, solo, long hair, 1girl, kafka, scene {number}")
    (folder / "copy.png").write_bytes((folder / "000.png").read_bytes())
    (folder / "copy.txt").write_text("1girl, solo")
    kit.picture(folder / "odd.webp", (96, 128))
    kit.picture(folder / "dropped.png", (100, 100))
    kit.picture(tmp_path / "mine.png", (120, 90))
    from loratui.core.changes import Plan, Remove

    gone = (Remove("dataset/kafka/dropped.png", "small"), Remove("dataset/kafka/dropped.txt", "small"))
    workspace.changes.apply(Plan("prep", "set aside", gone))
    assert run(["-C", str(root), "tags", "append", "x"]) == 0
    assert run(["-C", str(root), "tags", "append", "y"]) == 0
    assert run(["-C", str(root), "undo"]) == 0
    return root


def disk(*tops: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time of change and what is in it."""
    found = {}
    for top in tops:
        for path in top.rglob("*"):
            if not path.is_dir():
                found[str(path)] = (path.lstat().st_mtime_ns, path.read_bytes())
            else:
                found[str(path)] = (0, b"")
    return found


def test_a_dry_run_says_so_and_writes_nothing(
    project: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert CASES.keys() == CHANGING
    monkeypatch.setattr(hub, "size", lambda *given, **more: 4_270_000_000)
    monkeypatch.setattr(hub, "fetch", lambda *given, **more: pytest.fail("fetched"))
    samples = [Sample(number, noise(number, 96), tags={"general": ["solo"]}) for number in range(1, 4)]
    ended, waiting = (freeze(make_job(tmp_path / name)) for name in ("ended", "waiting"))
    with BoardServer("danbooru", samples, key=("me", "s3cr3t")) as server, durable.lock(waiting.lock):
        set_value("default_board", "mine")
        for key, value in {"engine": "danbooru", "url": server.url, "login": "me", "api_key": "s3cr3t"}.items():
            set_value(f"boards.mine.{key}", value)
        named = {"ENDED": str(ended.folder), "WAITING": str(waiting.folder)}
        for verb, words in CASES.items():
            if verb == "setup":
                set_value("trainer.python", "")  # where one is named, nothing is set up
            monkeypatch.setattr("sys.stdin", io.StringIO("me:s3cr3t\n"))
            asked = len(server.requests)
            before = disk(tmp_path, home)

            code = run(
                ["-C", str(project), *verb.split(), *(named.get(word, word) for word in words), "--dry-run", "--json"]
            )

            out = capsys.readouterr().out
            assert code == 0 and json.loads(out)["dry_run"] is True, f"{verb}: {out}"
            after = disk(tmp_path, home)
            changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
            assert not changed, f"{verb} wrote {sorted(changed)}"
            assert (len(server.requests) > asked) == (verb in ("get", "boards login")), verb
