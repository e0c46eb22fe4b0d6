"""Folders, captions, index, expressions, bulk edits and records together."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from loratui.core.changes import Changes, Edit, Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.caption import Caption, CaptionError
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.expression import Facts, parse
from loratui.core.dataset.folder import belongings, caption_of, listing, scan, shared_stems
from loratui.core.dataset.records import Provenance, Records
from loratui.core.dataset.subsets import move_plan, propose, split
from loratui.core.errors import Refused, UsageError
from loratui.core.images.removal import removals

CAPTIONS = {
    "a": "1girl, purple hair, long hair, jacket, smile",
    "b": "1girl, purple_hair, black dress",
    "c": "solo, pink hair, jacket, ^_^",
    "d": "",
    "e": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, (name, caption) in enumerate(CAPTIONS.items()):
        Pillow.new("RGB", (100 + 100 * number, 300), (number, 0, 0)).save(tmp_path / f"{name}.png")
        if caption is not None:
            (tmp_path / f"{name}.txt").write_text(caption)
    return tmp_path


@pytest.fixture
def dataset(root: Path) -> Dataset:
    return Dataset.load(root, [""])


def names(dataset: Dataset, text: str) -> str:
    return "".join(sorted(Path(dataset.images[at].path).stem for at in parse(text).select(Facts(dataset))))


def test_bulk_edits_are_plans_with_true_counts(root: Path, dataset: Dataset) -> None:
    everything = range(len(dataset.images))
    plan = bulk.remove(["purple hair"]).plan(dataset, everything)
    assert plan.counts["changed_files"] == 2 and plan.title == 'remove "purple hair" from 2 captions'
    Changes(root).apply(plan)
    dataset.refresh(operation.path for operation in plan.operations)
    assert names(dataset, "purple hair") == "" and dataset.tags[0] == ("1girl", "long hair", "jacket", "smile")
    Changes(root).undo()
    again = Dataset.load(root, [""])
    assert again.raw == [text.encode() if text is not None else None for text in CAPTIONS.values()]


def test_prepending_writes_captions_that_were_missing(root: Path, dataset: Dataset) -> None:
    plan = bulk.prepend(["kafka"]).plan(dataset, range(5))
    assert plan.counts["changed_files"] == 5
    Changes(root).apply(plan)
    assert (root / "e.txt").read_text() == "kafka" and (
        root / "b.txt"
    ).read_text() == "kafka, 1girl, purple_hair, black dress"
    assert not bulk.prepend(["kafka"]).plan(Dataset.load(root, [""]), range(5))


def test_regex_and_text_replacement(root: Path, dataset: Dataset) -> None:
    plan = bulk.replace_regex(r"(\w+)[ _]hair", r"hair:\1").plan(dataset, range(5))
    new = {edit.path: edit.new for edit in plan.operations if isinstance(edit, Edit)}
    assert new["b.txt"] == b"1girl, hair:purple, black dress" and plan.counts["changed_files"] == 3
    with pytest.raises(UsageError):
        bulk.replace_regex("(", "x")
    plan = bulk.replace_text("hair, long", "locks, long").plan(dataset, range(5))
    assert [edit.new for edit in plan.operations if isinstance(edit, Edit)] == [
        b"1girl, purple locks, long hair, jacket, smile"
    ]


def test_trigger_by_folder_and_sort(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        Pillow.new("RGB", (8, 8)).save(tmp_path / folder / "1.png")
        (tmp_path / folder / "1.txt").write_text("b, a, common")
    Pillow.new("RGB", (8, 8)).save(tmp_path / "y" / "2.png")
    (tmp_path / "y" / "2.txt").write_text("common")
    dataset = Dataset.load(tmp_path, ["x", "y"])
    plan = bulk.trigger({"x": ["kafka"], "y": ["blade", "hsr"]}).plan(dataset, range(3))
    new = {edit.path: edit.new for edit in plan.operations if isinstance(edit, Edit)}
    assert new == {
        "x/1.txt": b"kafka, b, a, common",
        "y/1.txt": b"blade, hsr, b, a, common",
        "y/2.txt": b"blade, hsr, common",
    }
    plan = bulk.sort({}).plan(dataset, range(3))
    assert {edit.new for edit in plan.operations if isinstance(edit, Edit)} == {b"common, a, b"}


def test_a_caption_shared_by_two_images_is_edited_once(root: Path) -> None:
    Pillow.new("RGB", (8, 8)).save(root / "a.jpg")
    dataset = Dataset.load(root, [""])
    assert list(shared_stems(dataset.images)) == ["a"]
    assert bulk.remove(["smile"]).plan(dataset, range(6)).counts["changed_files"] == 1


def test_unreadable_captions_are_counted_and_left_alone(root: Path) -> None:
    (root / "a.txt").write_bytes(b"caf\xe9, smile")
    dataset = Dataset.load(root, [""])
    assert "UTF-8" in dataset.problems[0] and dataset.uncaptioned() == [3, 4]
    assert bulk.prepend(["t"]).plan(dataset, range(5)).counts == {
        "changed_files": 4,
        "changed_tags": 4,
        "unreadable": 1,
    }


def test_what_is_no_file_in_the_place_of_a_caption_is_left_alone(root: Path) -> None:
    for name in ("p", "f", "l"):
        Pillow.new("RGB", (8, 8)).save(root / f"{name}.png")
    os.mkfifo(root / "p.txt")
    (root / "f.txt").mkdir()
    (root / "l.txt").symlink_to("nowhere.txt")
    dataset = Dataset.load(root, [""])
    blocked = {dataset.caption_paths[position] for position in dataset.problems}
    assert blocked == {"p.txt", "f.txt", "l.txt"} and all(text.endswith(".") for text in dataset.problems.values())
    plan = bulk.append(["t"]).plan(dataset, range(len(dataset.images)))
    assert plan.counts["unreadable"] == 3 and not blocked & {edit.path for edit in plan.operations}
    Changes(root).apply(plan)
    dataset.refresh(dataset.caption_paths)  # reads them the same way
    assert {dataset.caption_paths[position] for position in dataset.problems} == blocked


def test_a_plan_never_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(Refused, match=r"a\.txt is no file"):
        Changes(tmp_path).apply(Plan("tags append", "add", (Edit("a.txt", None, b"t"),)))


@pytest.mark.parametrize("raw", [b"a, b\nmore\0", b"a\0", b"a\nb\r\n\0\0", b"a\n\xff"])
def test_what_an_edit_refuses_is_listed_as_a_problem(tmp_path: Path, raw: bytes) -> None:
    Pillow.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes(raw)
    dataset = Dataset.load(tmp_path, [""])
    assert list(dataset.problems) == [0] and dataset.tags == [()] and not dataset.postings
    assert bulk.append(["t"]).plan(dataset, [0]).counts["unreadable"] == 1


@given(st.text(alphabet="ab, {}|;\\\n\r\0\ufeff", max_size=30), st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_the_list_and_the_edits_read_the_same(text: str, encoding: str) -> None:
    raw = text.encode(encoding, "replace")
    dataset = Dataset(Path("/nowhere"), [])
    dataset.raw, dataset.tags = [None], [()]
    dataset.set_raw(0, raw)
    try:
        assert dataset.tags[0] == tuple(Caption.parse(raw).tags) and not dataset.problems
    except CaptionError:
        assert dataset.tags[0] == () and list(dataset.problems) == [0]


def test_odd_files_do_not_stop_a_listing(tmp_path: Path) -> None:
    (tmp_path / "ok.PNG").write_bytes(b"x")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to("nowhere")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "new\nline.png").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg")).write_bytes(b"x")
    images = scan(tmp_path, [""])
    assert sorted(image.name for image in images) == sorted(["ok.PNG", "new\nline.png", "\udcff\udcfe.jpg"])
    assert caption_of(tmp_path / images[0].path) is None
    with Records(tmp_path) as records:
        for image in images:
            records.put_provenance(records.content_hash(image), Provenance("local", "1"))
            assert records.content_hash(image) == records.content_hash(image)


def test_what_belongs_to_an_image(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "a.jpg",
        "a.txt",
        "a.json",
        "b.PNG",
        "b.TXT",
        "b.cap",
        "b.Npz",
        "B.txt",
        "c.png",
        "c.md",
        ".c.txt",
    ):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "c.txt").mkdir()
    held = listing(tmp_path, [""])
    assert held.captions == {"a": "a.txt", "b": "b.TXT", "B": "B.txt"}
    one = belongings(held, ["a.jpg", "b.PNG", "c.png"])
    assert one.along == {"b": ["b.Npz", "b.TXT", "b.cap"]} and one.shared == {"a": ["a.json", "a.txt"]}
    assert belongings(held, ["a.jpg", "a.png"]).along == {"a": ["a.json", "a.txt"]}
    assert caption_of(tmp_path / "b.PNG") == tmp_path / "b.TXT" and caption_of(tmp_path / "c.png") is None


def test_a_caption_stays_with_the_image_that_stays(root: Path) -> None:
    Pillow.new("RGB", (900, 8)).save(root / "a.jpg")
    (root / "b.txt").rename(root / "b.TXT")
    dataset = Dataset.load(root, [""])
    assert dataset.tags[2] == ("1girl", "purple_hair", "black dress")
    changes = Changes(root)
    changes.apply(move_plan(dataset, parse("width>800 or black dress").select(Facts(dataset)), "big"))
    assert (root / "a.txt").read_text() == (root / "big/a.txt").read_text() == CAPTIONS["a"]
    assert {path.name for path in (root / "big").iterdir()} == {"a.jpg", "a.txt", "b.png", "b.TXT"}
    assert not (root / "b.TXT").exists()
    changes.undo()
    assert not list((root / "big").iterdir()) and (root / "b.TXT").exists() and (root / "a.jpg").exists()


def test_what_is_taken_away_takes_its_own(root: Path) -> None:
    Pillow.new("RGB", (900, 8)).save(root / "a.jpg")
    (root / "b.txt").rename(root / "b.TXT")
    paths = [operation.path for operation in removals(root, {"a.jpg": "deleted", "b.png": "deleted"})]
    assert paths == ["a.jpg", "b.png", "b.TXT"]
    paths = [operation.path for operation in removals(root, {"a.jpg": "deleted", "a.png": "deleted"})]
    assert paths == ["a.jpg", "a.png", "a.txt"]


def test_records_follow_the_content(root: Path) -> None:
    with Records(root) as records:
        assert not (root / ".loratui").exists()
        image = scan(root, [""])[0]
        digest = records.content_hash(image)
        assert records.provenance(digest) is None and not (root / ".loratui").exists()
        origin = Provenance("danbooru", "7", md5="0" * 32, rating="g", tags={"general": ["a"]})
        records.put_provenance(digest, origin)
        records.put_scores(digest, "wd", {"a": ("general", 0.5)})
        records.set_stars(digest, 4)
        records.mark_not_duplicates("x", "a")
    os.rename(root / "a.png", root / "moved.png")
    with Records(root) as records:
        moved = next(image for image in scan(root, [""]) if image.name == "moved.png")
        digest = records.content_hash(moved)
        assert records.provenance(digest) == origin and records.hash_of_post("danbooru", "7") == digest
        assert records.hash_of_md5("0" * 32) == digest and records.hash_of_md5("") is None
        assert records.scores(digest, "wd") == {"a": ("general", 0.5)} and records.stars(digest) == 4
        assert records.not_duplicates() == {frozenset("ax")}
        threads = [threading.Thread(target=records.set_stars, args=(str(n), 1 + n % 5)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert records.stars("7") == 3


def test_moving_and_splitting(root: Path, dataset: Dataset) -> None:
    assert propose(dataset, ["jacket", "black dress"]) == ["jacket", "black dress"]
    assert [(part.tag, part.positions) for part in split(dataset, ["jacket", "1girl"])] == [
        ("jacket", (0, 2)),
        ("1girl", (1,)),
    ]
    folders = [part.folder for part in split(dataset, ["^_^", "帽子", ":d", "Black-Dress", "black dress"])]
    assert folders == ["part", "帽子", "d", "black_dress", "black_dress_2"]
    changes = Changes(root)
    changes.apply(move_plan(dataset, {0, 4}, "coat"))
    assert (root / "coat/a.txt").is_file() and (root / "coat/e.png").is_file() and not (root / "a.png").exists()
    (root / "a.png").write_bytes(b"in the way")
    with pytest.raises(Refused):
        move_plan(Dataset.load(root, ["coat"]), {0}, "")


@pytest.mark.shared
def test_real_captions(shared: Path) -> None:
    folder = shared / "tags/captions/eika_v1"
    total = 0
    for sub in sorted(folder.iterdir()):
        for file in sub.glob("*.txt"):
            raw = file.read_bytes()
            assert Caption.parse(raw).to_bytes() == raw
            total += 1
    assert total == 259
