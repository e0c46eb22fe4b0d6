"""The vocabulary: files of tags read without trust, looked up where they lie, and what boards told besides."""

import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from loratui.core.vocabulary import compiled, machine, seen, sources, worker
from loratui.core.vocabulary import vocabulary as vocabulary_module
from loratui.core.vocabulary.compiled import Compiled
from loratui.core.vocabulary.loose import Loose
from loratui.core.vocabulary.offers import fold
from loratui.core.vocabulary.sources import Entry
from loratui.core.vocabulary.vocabulary import Vocabulary
from loratui.core.workers.child import Channel, Exchange

LIST = """1girl,0,6008644,"1girls,sole_female"
long_hair,0,4350743,longhair
kafka_(honkai:_star_rail),4,5656,
kafuu_chino,4,7176,"chino_kafuu"
blue_eyes,0,1744888,"eyes_blue"
highres,5,5256195,"high_res"
some_artist,1,50,
"""


def written(folder: Path, text: str | bytes, name: str = "tags.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def vocabulary(files: Sequence[Path]) -> Vocabulary:
    made = Vocabulary(lambda: files)
    made.load()
    return made


_make = vocabulary_module._make


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is made by the worker's code, but in this process: it is faster."""

    def make(target: Path, files: Sequence[Path], mark: str) -> None:
        worker.make({"target": str(target), "files": list(map(str, files)), "mark": mark}, Exchange(Channel(0), 0))

    monkeypatch.setattr(vocabulary_module, "_make", make)


@pytest.fixture
def child(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is made as in the program."""
    monkeypatch.setattr(vocabulary_module, "_make", _make)


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_list_has_danboorus_categories_counts_and_aliases(tmp_path: Path) -> None:
    source = sources.read(written(tmp_path, LIST))
    assert source.note == ""
    assert source.entries[0] == Entry("1girl", "general", 6008644, ("1girls", "sole_female"))
    assert [entry.category for entry in source.entries] == [
        *("general", "general", "character", "character", "general", "meta", "artist")
    ]


def test_a_list_of_e621_is_known_by_its_numbers(tmp_path: Path) -> None:
    source = sources.read(written(tmp_path, "fluffy,5,100,\nhi_res,7,900,\nsomeone,1,3,\nfoo_(lore),8,2,\n"))
    assert [entry.category for entry in source.entries] == ["species", "meta", "artist", "meta"]


def test_label_files_have_a_header_ratings_and_empty_rows(tmp_path: Path) -> None:
    text = "tag_id,name,category,count\r\n9999,general,9,100\r\n1,1girl,0,5113288.0\r\n,,,\r\n,late_tag,4,\r\n"
    source = sources.read(written(tmp_path, text))
    assert source.entries == [Entry("1girl", "general", 5113288), Entry("late_tag", "character", 0)]
    assert source.note == ""


def test_bad_lines_cost_themselves_and_are_counted(tmp_path: Path) -> None:
    bad = [
        "no number,x,1,",
        "onlyname",
        ",0,5,",
        '"unclosed,0,5',
        "inf,0,inf,",
        "nan,nan,1,",
        "esc\x1b[2J,0,1,",
        "right\u202eto_left,0,1,",
        "x" * 1000 + ",0,1,",
        '"' + "q" * 200_000 + '",0,1,',
        '"a,b",0,1,',
    ]
    raw = "\n".join(["good,0,5,", *bad, "also_good,4,7,"]).encode() + b"\nbr\xffoken,0,1,\n"
    source = sources.read(written(tmp_path, raw, "mine\x1b[31m.csv"))
    assert [entry.name for entry in source.entries] == ["good", "also_good"]
    assert f"{len(bad) + 1} lines make no sense" in source.note
    assert "\x1b" not in source.note


@pytest.mark.parametrize("raw", [b"", b"\n\n,,,\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 50, b"{}", b"a" * 100_000])
def test_what_is_no_list_has_no_tags(tmp_path: Path, raw: bytes) -> None:
    assert sources.read(written(tmp_path, raw)).entries == []


def test_a_list_without_end_is_read_as_far_as_it_makes_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 1024 * 1024)
    source = sources.read(written(tmp_path, "".join(f"tag_{n},0,{n},\n" for n in range(100_000))))
    assert 50_000 < len(source.entries) < 100_000
    assert all(entry.name == f"tag_{entry.count}" for entry in source.entries)  # none was cut in the middle
    assert "only the first 1 MB" in source.note


def test_a_missing_file_and_a_huge_number_are_no_trouble(tmp_path: Path) -> None:
    assert "cannot be read" in sources.read(tmp_path / "not_there.csv").note
    big = sources.read(written(tmp_path, f"big,0,{10**30},\nnegative,0,-5,\n"))
    assert [entry.count for entry in big.entries] == [2**32 - 1, 0]


# --- lookups -------------------------------------------------------------------------------------------------------


def test_names_come_before_words_before_aliases_and_each_by_count(tmp_path: Path) -> None:
    extra = "hair_bow,0,500,\nhairband,0,900,\nred_hairband,0,20,\nnothing,0,9999999,hair_thing\nhair,0,1,\n"
    found = vocabulary([written(tmp_path, LIST + extra)]).complete("hair")
    assert [each.tag for each in found] == ["hair", "hairband", "hair_bow", "long_hair", "red_hairband", "nothing"]
    assert [each.alias for each in found] == ["", "", "", "", "", "hair_thing"]


def test_an_alias_leads_to_its_tag(tmp_path: Path) -> None:
    words = vocabulary([written(tmp_path, LIST)])
    assert [(each.tag, each.alias, each.count) for each in words.complete("longh")] == [
        ("long_hair", "longhair", 4350743)
    ]


@pytest.mark.parametrize("typed", ["kafka (h", "KAFKA_(H", "honkai", "star_r", "kafka_(honkai:_star_rail)"])
def test_spaces_capitals_and_inner_words_find_a_tag(tmp_path: Path, typed: str) -> None:
    words = vocabulary([written(tmp_path, LIST)])
    assert "kafka_(honkai:_star_rail)" in [each.tag for each in words.complete(typed)]
    assert words.category("Kafka (honkai: star rail)") == "character"
    assert words.count("kafka_(honkai:_star_rail)") == 5656


@pytest.mark.parametrize("typed", ["", "zzzz", "\n", "1girl\nlong_hair", "\0", "é", "\U0010ffff", "_", "(", "x" * 5000])
def test_odd_words_find_nothing_or_little(tmp_path: Path, typed: str) -> None:
    assert len(vocabulary([written(tmp_path, LIST)]).complete(typed)) <= 1


def test_what_is_unknown_has_no_category_and_no_count(tmp_path: Path) -> None:
    words = vocabulary([written(tmp_path, LIST)])
    assert (words.category("kafk"), words.count("kafk"), words.category("")) == ("", None, "")
    assert (Vocabulary(lambda: []).category("1girl"), Vocabulary(lambda: []).complete("1")) == ("", [])


def test_the_first_file_counts_more_and_the_others_fill_in(tmp_path: Path) -> None:
    mine = written(tmp_path, "1girl,4,7,\nonly_mine,0,3,\n", "a.csv")
    words = vocabulary([mine, written(tmp_path, LIST, "b.csv")])
    assert (words.category("1girl"), words.count("1girl")) == ("character", 7)
    assert words.complete("sole")[0].tag == "1girl"  # an alias that only the second knows


def test_the_index_agrees_with_a_plain_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_MANY", 40)  # so that a small list has many long stretches
    chance = random.Random(7)
    parts = ["a", "ab", "abc", "b", "ba", "Über", "x", "(ab)", "ab:c"]
    names = {"_".join(chance.choice(parts) for _ in range(chance.randint(1, 4))) for _ in range(4000)}
    distinct = {fold(name): name for name in sorted(names)}
    entries = sources.merged([sources.Source([Entry(n, "general", chance.randrange(50)) for n in distinct.values()])])
    compiled.build(tmp_path / "tags.bin", entries)
    index = Compiled(tmp_path / "tags.bin")
    for typed in ["a", "ab", "abc", "b", "ba_a", "x_x_x", "Ü", "über", "ab)", "ab:c", "c", "q", "a_ab_b"]:
        prefix = fold(typed)
        plain = [rank for rank, entry in enumerate(entries) if fold(entry.name).startswith(prefix)]
        assert [rank for rank, _ in index.whole.find(prefix.encode(), 20)] == plain[:20], typed
    for rank, entry in enumerate(entries):
        assert index.rank(fold(entry.name).encode()) == rank
        assert (index.name(rank), index.count(rank), index.category(rank)) == (entry.name, entry.count, "general")


def test_a_damaged_file_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "tags.bin"
    compiled.build(path, [Entry("a", "general", 1)])
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[:-1], whole[:-1] + b"x", b"x" + whole[1:], whole + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError):
            Compiled(path)


def test_tags_of_the_dataset_come_first_in_their_own_writing(tmp_path: Path) -> None:
    words = vocabulary([written(tmp_path, LIST)])
    own = Loose.of({"long coat": 3, "long hair": 40, "Kafka": 12, "belong": 1})
    assert [(each.tag, each.count) for each in words.complete("lon", prefer=own)] == [
        ("long hair", 40),
        ("long coat", 3),
    ]
    assert words.complete("kaf", prefer=own)[0].tag == "Kafka"
    assert words.complete("long_hair", prefer=own)[0].category == "general"


# --- coming and going ----------------------------------------------------------------------------------------------


def test_files_are_read_again_when_they_change_come_or_go(tmp_path: Path, child: None) -> None:
    files = [written(tmp_path, LIST)]
    words = vocabulary(files)
    assert words.count("new_tag") is None
    written(tmp_path, LIST + "new_tag,0,5,\nbroken\n")
    words.load()
    assert words.count("new_tag") == 5
    assert words.notes == ["tags.csv: 1 lines make no sense."]
    files.clear()
    words.load()
    assert len(words) == 0


def test_what_was_made_once_serves_the_next_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, LIST)
    vocabulary([path])
    monkeypatch.setattr("loratui.core.vocabulary.vocabulary._make", lambda *_: pytest.fail("made again"))
    assert vocabulary([path]).count("1girl") == 6008644


def test_a_damaged_cache_is_made_anew(tmp_path: Path, home: Path) -> None:
    path = written(tmp_path, LIST)
    vocabulary([path])
    (home / ".cache/loratui/vocabulary/tags.bin").write_bytes(b"nonsense")
    assert vocabulary([path]).count("1girl") == 6008644


def test_a_cache_that_cannot_be_written_is_said_and_no_crash(tmp_path: Path, home: Path, child: None) -> None:
    (home / ".cache/loratui").mkdir()
    (home / ".cache/loratui/vocabulary").write_text("a file where a folder should be")
    words = vocabulary([written(tmp_path, LIST)])
    assert words.complete("1") == []
    assert "could not be made" in words.notes[0]


def test_the_machines_lists_and_label_files_are_one(home: Path, tmp_path: Path) -> None:
    folder = machine.folder()
    folder.mkdir(parents=True)
    written(folder, LIST)
    tagger = tmp_path / "models" / "wd-vit-tagger-v3"
    tagger.mkdir(parents=True)
    written(tagger, "tag_id,name,category,count\n1,from_a_tagger,4,9\n", "selected_tags.csv")
    own = tmp_path / "my_tagger"
    own.mkdir()
    written(own, "tag_id,name,category,count\n1,from_my_own,0,9\n", "selected_tags.csv")
    words = machine.vocabulary(tmp_path, [str(tmp_path / "models")], "my_tagger")
    words.load()
    assert words.category("from_a_tagger") == "character"
    assert words.category("from_my_own") == "general"
    assert words.category("1girl") == "general"


# --- seen ----------------------------------------------------------------------------------------------------------


def test_tags_that_were_seen_complete_words_where_there_is_no_list() -> None:
    seen.remember([Entry("kafka_(honkai:_star_rail)", "character"), Entry("solo", "general"), Entry("solo", "general")])
    seen.remember([Entry("kafka", ""), Entry("so_rare", "general")])
    words = vocabulary([])
    assert [each.tag for each in words.complete("so")] == ["solo", "so_rare"]  # the one met more often first
    assert words.complete("so")[0].count is None  # how often it was met is no number of posts
    assert words.category("kafka_(honkai:_star_rail)") == "character"


def test_what_a_board_tells_later_is_taken_in(tmp_path: Path) -> None:
    words = vocabulary([written(tmp_path, LIST)])
    seen.remember([Entry("brand_new", "")])
    words.load()
    assert (words.category("brand_new"), words.count("brand_new")) == ("", None)
    seen.remember([Entry("brand_new", "character", 12)])
    words.load()
    assert (words.category("brand_new"), words.count("brand_new")) == ("character", 12)
    seen.remember([Entry("1girl", "general")])
    words.load()
    assert words.count("1girl") == 6008644  # what the list knows is not lost


def test_seen_tags_are_bounded_and_the_least_met_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST", 50)
    seen.remember([Entry("often", "general")] * 5)
    seen.remember(Entry(f"tag_{n}", "general") for n in range(100))
    kept = {entry.name for entry in seen.since(0)[0]}
    assert len(kept) <= 50
    assert "often" in kept


def test_seen_tags_that_cannot_be_kept_are_forgotten(home: Path) -> None:
    seen.path().parent.mkdir(parents=True)
    seen.path().write_bytes(b"this is no database, and long enough to be taken for a damaged one" * 100)
    seen.remember([Entry("solo", "general")])
    assert seen.since(7) == ([], 7)
    seen.remember([Entry("a\nb"), Entry(""), Entry("x" * 500)])


def test_several_programs_may_see_tags_at_once() -> None:
    def one(number: int) -> None:
        for page in range(10):
            seen.remember(Entry(f"tag_{number}_{page}_{n}", "general") for n in range(20))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen.since(0)[0]) == 800


def test_many_seen_tags_become_part_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loratui.core.vocabulary.vocabulary._MANY_FRESH", 10)
    seen.remember(Entry(f"seen_{n}", "general", n) for n in range(20))
    words = vocabulary([written(tmp_path, LIST)])
    assert words.complete("seen", 3)[0].tag == "seen_19"
    assert len(words) == 27
