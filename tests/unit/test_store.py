"""The small databases of a root: what is written stays, reading leaves no trace, and every trouble is a sentence."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loratui.core.errors import LoratuiError
from loratui.core.store import Store
from tests import readonly

SCHEMA = "create table if not exists word(id integer primary key, text text)"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "root").mkdir()
    yield tmp_path / "root" / ".loratui" / "words.db"
    readonly.unlock(tmp_path / "root")


def store(path: Path) -> Store:
    return Store(path, "The words", SCHEMA)


def words(one: Store) -> list[str]:
    return [text for (text,) in one.read("select text from word order by id")]


def test_reading_makes_no_file(path: Path) -> None:
    one = store(path)
    assert words(one) == [] and not one.exists
    assert not path.parent.exists()


def test_what_is_written_stays_and_lies_in_one_file(path: Path) -> None:
    one = store(path)
    one.write("insert into word(text) values(?)", [("a",), ("b",)])
    assert os.listdir(path.parent) == ["words.db"]
    one.close()
    assert words(one) == ["a", "b"] == words(store(path))


def test_a_block_is_one_transaction(path: Path) -> None:
    one, other = store(path), store(path)
    one.write("insert into word(text) values(?)", [("a",)])
    with pytest.raises(ZeroDivisionError), one.writing():
        one.write("insert into word(text) values(?)", [("b",)])
        with one.writing() as database:
            database.execute("insert into word(text) values('c')")
        assert words(other) == ["a"]
        raise ZeroDivisionError
    assert words(one) == ["a"]


def test_threads_and_programs_take_turns(path: Path) -> None:
    stores = [store(path), store(path)]

    def work(one: Store) -> None:
        for _ in range(20):
            one.write("insert into word(text) values('x')", [()])
            words(one)

    threads = [threading.Thread(target=work, args=(stores[n % 2],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(words(stores[0])) == 80


READ = """
import sys
from pathlib import Path
from loratui.core.errors import LoratuiError
from tests.unit.test_store import store, words
one = store(Path(sys.argv[1]))
print(one.writable, words(one))
try:
    one.write("insert into word(text) values('x')", [()])
except LoratuiError as error:
    print(error.message, error.remedy)
"""


@pytest.mark.parametrize("made", ["by us", "with a log", "by an earlier version"])
def test_a_folder_that_cannot_be_written_is_read(path: Path, made: str) -> None:
    if made == "by us":
        store(path).write("insert into word(text) values('a')", [()])
    else:
        path.parent.mkdir()
        database = sqlite3.connect(path)
        if made == "with a log":
            database.execute("pragma journal_mode=wal")
            database.execute("pragma user_version=1")
        database.execute(SCHEMA)
        database.execute("insert into word(text) values('a')")
        database.commit()
        database.close()
    before = {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}
    readonly.lock(path.parent.parent)
    done = readonly.run("-c", READ, str(path))
    read, written = done.stdout.splitlines()
    assert read == "False ['a']"
    assert written.startswith(
        "The words (.loratui/words.db) cannot be written: the folder is read-only. Work on a copy"
    )
    assert {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_troubles_are_sentences(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loratui.core.store._WAIT", 0.05)
    one, other = store(path), store(path)
    one.write("insert into word(text) values('a')", [()])
    said = r"The words \(\.loratui/words\.db\) cannot be written: another program is using the file"
    with other.writing(), pytest.raises(LoratuiError, match=said):
        one.write("insert into word(text) values('b')", [()])
    one.close()
    other.close()
    path.write_bytes(b"no database at all, and longer than a header of one" * 40)
    with pytest.raises(LoratuiError, match="the file is damaged") as caught:
        words(one)
    assert "Keep it" in caught.value.remedy and "anew" not in caught.value.remedy
    path.unlink()
    path.mkdir()
    with pytest.raises(LoratuiError, match="cannot be read"):
        words(one)


def test_a_full_disk_is_said(path: Path) -> None:
    one = store(path)
    one.write("insert into word(text) values('a')", [()])
    with pytest.raises(LoratuiError, match="the disk is full"), one.writing() as database:
        database.execute("pragma max_page_count=4")
        one.write("insert into word(text) values(?)", [("x" * 100_000,)])
    assert words(one) == ["a"]
