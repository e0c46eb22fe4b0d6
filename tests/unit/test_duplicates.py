"""Duplicates: copies are found and named, variants stay, the person's word counts."""

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from loratui.core.changes import Changes
from loratui.core.dataset.folder import scan
from loratui.core.dataset.records import Provenance, Records
from loratui.core.errors import Cancelled, UsageError
from loratui.core.images.curation import duplicates_of, removal_plan
from loratui.core.images.duplicates import Duplicates, Group
from loratui.core.images.ranking import Traits, best, points, reasons
from loratui.core.images.relations import tolerance
from loratui.core.images.survey import Cache
from tests.drawn_images import corpus_score, figure


def search(root: Path, hardness: int = 97, cancel: Event | None = None) -> Duplicates:
    with Cache(root) as cache, Records(root) as records:
        return duplicates_of(root, scan(root, [""]), cache, records, hardness=hardness, cancel=cancel)


def group_of(found: Duplicates, name: str) -> Group:
    return next(group for group in found.groups if any(member.path == name for member in group.files))


@pytest.fixture
def original(tmp_path: Path) -> Image.Image:
    picture = figure(11, (600, 780))
    picture.save(tmp_path / "original.png")
    figure(12, (600, 780)).save(tmp_path / "unrelated.png")
    return picture


def test_copies_are_found_and_said_what_they_are(tmp_path: Path, original: Image.Image) -> None:
    small = original.resize((360, 468), Image.Resampling.LANCZOS)
    small.save(tmp_path / "small.jpg", quality=75)
    original.save(tmp_path / "saved.jpg", quality=60)
    original.crop((12, 16, 588, 764)).save(tmp_path / "cropped.png")
    ImageOps.mirror(original).save(tmp_path / "mirrored.png")
    ImageOps.expand(original, 40, (255, 255, 255)).save(tmp_path / "framed.png")
    ImageEnhance.Brightness(original).enhance(0.8).save(tmp_path / "dark.png")
    original.convert("L").save(tmp_path / "grey.png")
    original.resize((1200, 1560), Image.Resampling.BICUBIC).save(tmp_path / "grown.png")
    original.save(tmp_path / "again.png", compress_level=1)
    shutil.copy(tmp_path / "original.png", tmp_path / "twin.png")
    found = search(tmp_path)
    assert len(found.groups) == 1
    group = found.groups[0]
    assert {member.path for member in group.files} == {path.name for path in tmp_path.glob("*.*")} - {"unrelated.png"}
    assert group.keep in ("original.png", "twin.png", "again.png") and group.files[0].path == group.keep
    why = {member.path: member.why for member in group.files}
    relation = {member.path: member.relation for member in group.files}
    assert why["small.jpg"] == "60 %, JPEG q75"
    assert why["saved.jpg"] == "JPEG q60"
    assert "cropped 4 %" in why["cropped.png"]
    assert "mirrored" in why["mirrored.png"]
    assert "border" in why["framed.png"]
    assert "darker" in why["dark.png"]
    assert "grey" in why["grey.png"]
    assert "enlarged to 200 %" in why["grown.png"]
    assert relation["again.png"] == relation["twin.png"] == relation["original.png"] == "identical"
    assert relation["small.jpg"] == "same"
    assert "in colour" in why[group.keep]
    assert len(found.pairs) == 55 and {pair.relation for pair in found.pairs} == {"identical", "same"}


def test_variants_stay_and_are_said_where_they_differ(tmp_path: Path) -> None:
    figure(21, (600, 780)).save(tmp_path / "smile.png")
    figure(21, (600, 780), smile=False).save(tmp_path / "sleepy.png")
    figure(21, (600, 780)).resize((300, 390)).save(tmp_path / "smile-small.jpg", quality=80)
    found = search(tmp_path)
    assert [group.keep for group in found.groups] == ["smile.png"]
    assert [member.path for member in found.groups[0].files] == ["smile.png", "smile-small.jpg"]
    (variant,) = found.groups[0].variants
    assert (
        variant.path == "sleepy.png"
        and variant.relation == "variant"
        and variant.differs.endswith("% of the picture, middle")
    )
    relations = {frozenset((pair.a, pair.b)): pair.relation for pair in found.pairs}
    assert relations[frozenset(("smile.png", "sleepy.png"))] == "variant"


def test_other_colours_are_a_recolour_and_stay(tmp_path: Path) -> None:
    picture = figure(22, (600, 780))
    picture.save(tmp_path / "a.png")
    red, green, blue = picture.split()
    Image.merge("RGB", (blue, green, red)).save(tmp_path / "b.png")
    found = search(tmp_path)
    assert not found.groups
    assert {pair.relation for pair in found.pairs} <= {"recolour", "variant"}


def test_flat_pictures_are_alike_only_as_files(tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), (255, 255, 255)).save(tmp_path / "white.png")
    Image.new("RGB", (300, 300), (250, 250, 250)).save(tmp_path / "off-white.png")
    shutil.copy(tmp_path / "white.png", tmp_path / "white-2.png")
    found = search(tmp_path)
    assert [[member.path for member in group.files] for group in found.groups] == [["white.png", "white-2.png"]] or [
        sorted(member.path for member in group.files) for group in found.groups
    ] == [["white-2.png", "white.png"]]


def test_a_second_search_decodes_nothing_and_says_the_same(
    tmp_path: Path, original: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    original.save(tmp_path / "saved.jpg", quality=70)
    first = search(tmp_path)
    monkeypatch.setattr("loratui.core.images.opening.decode", lambda *a, **k: pytest.fail("decoded again"))
    second = search(tmp_path)
    assert second.groups == first.groups and second.pairs == first.pairs


def test_what_the_person_calls_different_is_not_put_together(tmp_path: Path, original: Image.Image) -> None:
    original.save(tmp_path / "saved.jpg", quality=70)
    found = search(tmp_path)
    with Records(tmp_path) as records:
        records.mark_not_duplicates(found.facts["original.png"].content, found.facts["saved.jpg"].content)
    again = search(tmp_path)
    assert not again.groups and not again.pairs


def test_a_caption_and_a_source_decide_between_equal_copies(tmp_path: Path, original: Image.Image) -> None:
    original.save(tmp_path / "a.png", compress_level=0)
    (tmp_path / "original.png").unlink()
    original.save(tmp_path / "z.png")
    os.utime(tmp_path / "a.png", ns=(1, 1))
    assert search(tmp_path).groups[0].keep == "a.png"
    (tmp_path / "z.txt").write_text("1girl, solo")
    found = search(tmp_path)
    assert found.groups[0].keep == "z.png" and "has a caption" in found.groups[0].files[0].why
    with Records(tmp_path) as records:
        records.put_provenance(found.facts["a.png"].content, Provenance("danbooru", "1"))
    assert search(tmp_path).groups[0].keep == "a.png"


def test_a_link_goes_and_its_file_stays(tmp_path: Path, original: Image.Image) -> None:
    (tmp_path / "a-link.png").symlink_to("original.png")
    (tmp_path / "a-link.txt").write_text("1girl")
    os.link(tmp_path / "original.png", tmp_path / "hard.png")
    group = group_of(search(tmp_path), "a-link.png")
    assert group.keep != "a-link.png" and len(group.files) == 3


def test_the_dropped_go_to_the_trash_with_their_captions_and_come_back(tmp_path: Path, original: Image.Image) -> None:
    original.resize((300, 390)).save(tmp_path / "small.jpg")
    original.resize((200, 260)).save(tmp_path / "shared.jpg")
    figure(33).save(tmp_path / "shared.png")
    (tmp_path / "small.txt").write_text("1girl")
    (tmp_path / "shared.txt").write_text("needed by the png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changes = Changes(tmp_path)
    plan = removal_plan(tmp_path, scan(tmp_path, [""]), search(tmp_path).groups)
    assert dict(plan.counts) == {"moved": 2}
    changes.apply(plan)
    assert {path.name for path in tmp_path.glob("*.*")} - {".loratui"} == {
        "original.png", "unrelated.png", "shared.png", "shared.txt",
    }  # fmt: skip
    changes.undo()
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_hardness_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="101"):
        search(tmp_path, hardness=101)


def test_an_empty_folder_and_a_cancel(tmp_path: Path) -> None:
    assert search(tmp_path).groups == []
    for number in range(6):
        figure(5, (100 + number, 130)).save(tmp_path / f"{number}.png")
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled):
        search(tmp_path, cancel=cancel)


def test_harder_finds_ever_fewer(tmp_path: Path, original: Image.Image) -> None:
    for quality in (30, 60, 90):
        original.save(tmp_path / f"q{quality}.jpg", quality=quality)
    figure(11, (600, 780), smile=False).save(tmp_path / "other.png")
    counts = [
        sum(pair.relation in ("identical", "same") for pair in search(tmp_path, hardness).pairs)
        for hardness in (0, 60, 97, 99, 100)
    ]
    assert counts == sorted(counts, reverse=True) and counts[0] == 10 and counts[2] == 6 and counts[-1] == 0


def test_names_of_any_bytes_are_grouped(tmp_path: Path, original: Image.Image) -> None:
    name = os.fsdecode(b"\xff\xfe.png")
    shutil.copy(tmp_path / "original.png", tmp_path / name)
    found = search(tmp_path)
    assert [member.path for member in found.groups[0].files] == ["original.png", name]
    changes = Changes(tmp_path)
    changes.apply(removal_plan(tmp_path, scan(tmp_path, [""]), found.groups))
    changes.undo()
    assert (tmp_path / name).exists() and (tmp_path / "original.png").exists()


@given(a=st.integers(0, 100), b=st.integers(0, 100))
def test_tolerance_falls_with_hardness(a: int, b: int) -> None:
    assert (a < b) == (tolerance(a) > tolerance(b))
    assert tolerance(100) == 0


_TRAITS = st.builds(
    Traits,
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
    lossless=st.booleans(),
    quality=st.none() | st.integers(1, 100),
    enlarged=st.booleans(),
    grey=st.booleans(),
    bordered=st.booleans(),
    transparent=st.booleans(),
    source=st.booleans(),
    tags=st.none() | st.integers(0, 200),
    modified=st.integers(0, 10),
)


@settings(max_examples=100)
@given(copies=st.lists(_TRAITS, min_size=1, max_size=6))
def test_the_best_has_the_most_points_and_reasons_never_fail(copies: list[Traits]) -> None:
    at = best(copies)
    assert points(copies[at]) >= max(points(copy) for copy in copies) - 1e-6
    said = reasons(copies[at], [copy for position, copy in enumerate(copies) if position != at])
    assert all(isinstance(word, str) and word for word in said) and len(set(said)) == len(said)


def test_what_counts_in_ranking() -> None:
    plain = Traits(1000, 1400, lossless=False, quality=85)
    better = [
        replace(plain, width=1400, height=1960),
        replace(plain, quality=95),
        replace(plain, lossless=True, quality=None),
        replace(plain, source=True),
        replace(plain, tags=30),
        replace(plain, transparent=True),
    ]
    worse = [
        replace(plain, width=2000, height=2800, enlarged=True),
        replace(plain, grey=True),
        replace(plain, bordered=True),
        replace(plain, link=True),
        replace(plain, width=500, height=700),
    ]
    assert all(points(copy) > points(plain) for copy in better)
    assert all(points(copy) < points(plain) for copy in worse)
    sizes = [points(replace(plain, width=width)) for width in (100, 500, 1000, 4000)]
    assert all(a < b for a, b in pairwise(sizes))


@pytest.mark.shared
def test_copies_and_variants_of_real_pictures_are_told_apart(shared: Path, tmp_path: Path) -> None:
    """A part of the corpus; the benchmark scores all of it. Every public tool stays below .72 on the whole."""
    score = corpus_score(shared, tmp_path, families=3)
    assert score.images > 60
    assert score.f1 > 0.88 and score.recall > 0.85
