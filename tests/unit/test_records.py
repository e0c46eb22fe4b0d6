"""What is known of images: by content, without leaving a trace where nothing is recorded."""

import json
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from PIL import Image as Pillow

from loratui.core.dataset import records as module
from loratui.core.dataset.folder import scan
from loratui.core.dataset.records import Provenance, Records
from tests import readonly


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(3):
        Pillow.new("RGB", (8, 8), (number, 0, 0)).save(root / f"{number}.png")
        (root / f"{number}.txt").write_text("solo, blue sky")
    return root


def test_hashing_alone_makes_no_records(root: Path) -> None:
    (root / ".loratui").mkdir()
    with Records(root) as records:
        digests = [records.content_hash(image) for image in scan(root, [""])]
    assert len(set(digests)) == 3 and os.listdir(root / ".loratui") == []


def test_hashes_are_remembered_once_something_is_recorded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = scan(root, [""])
    with Records(root) as records:
        digests = [records.content_hash(image) for image in images]
        records.set_stars(digests[0], 4)
    monkeypatch.setattr(module, "file_hash", lambda path: pytest.fail("hashed again"))
    with Records(root) as records:
        assert [records.content_hash(image) for image in images] == digests


def test_categories_and_whose_word_counts(root: Path) -> None:
    with Records(root) as records:
        records.put_scores("1", "m", {"solo": ("general", 0.9), "kafka": ("character", 0.9)})
        assert records.categories() == {"solo": "general", "kafka": "character"}
        records.put_provenance("1", Provenance("b", "1", tags={"artist": ["solo"], "copyright": ["long_name"]}))
        records.put_scores("2", "m", {"solo": ("general", 0.9)})
        records.put_scores("2", "m", {"kafka": ("general", 0.9)})
        expected = {"solo": "artist", "kafka": "general", "long name": "copyright"}
        assert records.categories() == expected
    with Records(root) as records:
        records.put_scores("3", "m", {"solo": ("general", 0.9)})
        assert records.categories() == expected


def test_a_batch_that_fails_leaves_nothing(root: Path) -> None:
    with Records(root) as records:
        with pytest.raises(ZeroDivisionError), records.batch():
            records.put_scores("1", "m", {"solo": ("general", 0.9)})
            raise ZeroDivisionError
        assert records.scores("1", "m") is None and records.categories() == {}
        records.put_scores("2", "m", {"solo": ("general", 0.9)})
        assert records.categories() == {"solo": "general"}


def test_records_of_an_earlier_version_get_their_categories(root: Path) -> None:
    (root / ".loratui").mkdir()
    old = sqlite3.connect(root / ".loratui" / "records.db")
    old.execute("pragma journal_mode=wal")
    old.execute("create table provenance(hash text primary key, board text, post text, md5 text, json text)")
    old.execute("create table scores(hash text, model text, json text, primary key(hash, model))")
    old.execute("insert into scores values('1', 'm', ?)", (json.dumps({"solo": ["general", 0.9]}),))
    old.execute("insert into provenance values('1', 'b', '1', '', ?)", (json.dumps({"tags": {"meta": ["solo"]}}),))
    old.commit()
    old.close()
    with Records(root) as records:
        assert records.categories() == {"solo": "meta"}
        assert records.scores("1", "m") == {"solo": ("general", 0.9)}


def test_hashing_and_recording_in_threads(root: Path) -> None:
    images = scan(root, [""])
    with Records(root) as records:

        def work(number: int) -> None:
            for count in range(10):
                image = images[(number + count) % 3]
                records.put_scores(records.content_hash(image), f"m{number}", {f"tag {count}": ("general", 0.5)})
                records.categories()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(records.categories()) == 10


def test_a_dataset_that_cannot_be_written_is_looked_at(root: Path) -> None:
    with Records(root) as records:
        for number, image in enumerate(scan(root, [""])):
            digest = records.content_hash(image)
            records.put_provenance(digest, Provenance("b", str(number), rating="g" if number else "s"))
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    readonly.lock(root)
    try:
        for words in (
            ("tags", "--in", str(root)),
            ("tags", "--in", str(root), "--where", "rating:g"),
            ("tags", "remove", "solo", "--in", str(root), "--where", "rating:g", "--dry-run"),
            ("dupes", str(root)),
            ("history", "-C", str(root)),
        ):
            done = readonly.run("-m", "loratui", *words)
            assert done.returncode == 0, done.stderr
            if "remove" in words:
                assert "2 captions would be changed" in done.stdout
    finally:
        readonly.unlock(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
