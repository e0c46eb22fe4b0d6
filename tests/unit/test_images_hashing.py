"""Perceptual hashes: the same as imagehash's, mirrored without a second decode, remembered between scans."""

import io
import os
from pathlib import Path
from threading import Event

import imagehash
import numpy
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from PIL import Image

from loratui.core.dataset.folder import scan
from loratui.core.errors import Cancelled
from loratui.core.images import survey as surveys
from loratui.core.images.hashing import SIDE, WHOLE, border, look, mirrored_hash, perceptual_hash, square
from loratui.core.images.opening import decode
from loratui.core.images.survey import Cache, survey
from tests.drawn_images import figure

grey_pictures = arrays.arrays(numpy.uint8, (SIDE, SIDE))


def grey(seed: int) -> numpy.ndarray:
    return numpy.asarray(figure(seed).convert("L").resize((SIDE, SIDE)))


@pytest.mark.parametrize("seed", range(20))
def test_the_hash_is_that_of_imagehash(seed: int) -> None:
    levels = grey(seed)
    assert str(perceptual_hash(levels)) == str(imagehash.phash(Image.fromarray(levels), hash_size=16))
    noise = numpy.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=numpy.uint8)
    assert perceptual_hash(noise) == imagehash.phash(Image.fromarray(noise), hash_size=16)


@settings(max_examples=60, deadline=None)
@given(levels=grey_pictures)
def test_the_mirrored_hash_is_the_hash_of_the_mirror_image(levels: numpy.ndarray) -> None:
    turned = numpy.ascontiguousarray(levels[:, ::-1])
    assert mirrored_hash(levels) == perceptual_hash(turned)
    assert mirrored_hash(turned) == perceptual_hash(levels)


def test_a_copy_is_close_and_another_picture_is_far() -> None:
    one = look(figure(1)).views[0]
    buffer = io.BytesIO()
    figure(1).resize((200, 260)).save(buffer, "JPEG", quality=60)
    copy = look(decode(buffer.getvalue(), "a", SIDE)).views[0]
    mirrored = look(figure(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT)).views[0]
    other = look(figure(2)).views[0]
    assert _bits(one.hash, copy.hash) < 30
    assert _bits(one.mirrored, mirrored.hash) < 10
    assert _bits(one.hash, other.hash) > 84


def test_transparent_pictures_are_seen_on_white_and_on_black() -> None:
    views = look(figure(3, transparent=True)).views
    assert {view.background for view in views} == {"white", "black"}


def test_white_art_on_nothing_is_seen_on_black_only_and_a_blank_page_not_at_all() -> None:
    art = Image.new("RGBA", (200, 200), (255, 255, 255, 0))
    art.paste((255, 255, 255, 255), (40, 60, 120, 160))
    assert {view.background for view in look(art).views} == {"black"}
    assert look(Image.new("RGB", (300, 300), (250, 250, 250))).views == ()


def test_a_border_is_found_and_a_picture_without_one_is_whole() -> None:
    picture = figure(4, (300, 300))
    framed = Image.new("RGB", (340, 340), (255, 255, 255))
    framed.paste(picture, (20, 20))
    box = border(framed)
    assert box != WHOLE and all(
        abs(a - b) < 0.02 for a, b in zip(box, (20 / 340, 20 / 340, 320 / 340, 320 / 340), strict=True)
    )
    assert border(Image.new("RGB", (50, 50))) == WHOLE
    assert square(framed, 32).size == (32, 32)


def test_a_second_look_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        figure(number, (128, 128)).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nonsense")
    with Cache(tmp_path) as cache:
        first = survey(tmp_path, scan(tmp_path, [""]), cache)
    assert first.fresh == 6 and set(first.failures) == {"broken.png"}
    assert not (tmp_path / ".loratui").exists()
    monkeypatch.setattr(surveys, "examine", lambda path: pytest.fail("decoded again"))
    with Cache(tmp_path) as cache:
        second = survey(tmp_path, scan(tmp_path, [""]), cache)
    assert second.fresh == 0 and second.facts == first.facts
    assert second.failures["broken.png"].message == first.failures["broken.png"].message


def test_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    figure(1, (128, 128)).save(tmp_path / "a.png")
    with Cache(tmp_path) as cache:
        before = survey(tmp_path, scan(tmp_path, [""]), cache).facts["a.png"]
        figure(2, (128, 128)).save(tmp_path / "a.png")
        os.utime(tmp_path / "a.png", ns=(1, 1))
        after = survey(tmp_path, scan(tmp_path, [""]), cache)
    assert after.fresh == 1 and after.facts["a.png"].content != before.content


def test_the_cache_lies_in_the_project_and_a_dry_run_writes_none(tmp_path: Path) -> None:
    (tmp_path / "loratui.toml").touch()
    figure(1, (128, 128)).save(tmp_path / "a.png")
    with Cache(tmp_path, keep=False) as cache:
        survey(tmp_path, scan(tmp_path, [""]), cache)
    assert not (tmp_path / ".loratui").exists()
    with Cache(tmp_path) as cache:
        survey(tmp_path, scan(tmp_path, [""]), cache)
    kept = (tmp_path / ".loratui" / "cache" / "images.db").read_bytes()
    with Cache(tmp_path, keep=False) as cache:
        assert survey(tmp_path, scan(tmp_path, [""]), cache).fresh == 0
    assert (tmp_path / ".loratui" / "cache" / "images.db").read_bytes() == kept


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 100])
def test_a_damaged_cache_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / ".loratui" / "cache").mkdir(parents=True)
    (tmp_path / ".loratui" / "cache" / "images.db").write_bytes(damage)
    figure(1, (128, 128)).save(tmp_path / "a.png")
    for fresh in (1, 0):
        with Cache(tmp_path) as cache:
            assert survey(tmp_path, scan(tmp_path, [""]), cache).fresh == fresh


def test_names_that_are_not_utf8_are_remembered(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.png")
    figure(1, (128, 128)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / name)
    for fresh in (1, 0):
        with Cache(tmp_path) as cache:
            assert survey(tmp_path, scan(tmp_path, [""]), cache).fresh == fresh


def test_what_was_looked_at_before_a_cancel_is_remembered(tmp_path: Path) -> None:
    for number in range(12):
        figure(number, (96, 96)).save(tmp_path / f"{number:02}.png")
    cancel = Event()

    def report(done: int, total: int | None, note: str = "", /) -> None:
        if done == 4:
            cancel.set()

    with Cache(tmp_path) as cache, pytest.raises(Cancelled):
        survey(tmp_path, scan(tmp_path, [""]), cache, report=report, cancel=cancel)
    with Cache(tmp_path) as cache:
        assert survey(tmp_path, scan(tmp_path, [""]), cache).fresh == 8


def _bits(one: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


@pytest.mark.shared
def test_the_hash_is_that_of_imagehash_on_real_pictures(shared: Path) -> None:
    for path in sorted((shared / "images" / "corpus").iterdir())[::25]:
        picture = decode(path.read_bytes(), path.name, SIDE).convert("RGB")
        levels = numpy.asarray(square(picture, SIDE).convert("L"))
        assert perceptual_hash(levels) == imagehash.phash(Image.fromarray(levels), hash_size=16)
