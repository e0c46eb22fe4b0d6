"""check-images: every problem has a class, a level, a sentence and a remedy."""

import os
from pathlib import Path

import numpy
import pytest
from PIL import Image

from loratui.core.images.problems import Finding, check_images
from loratui.core.images.survey import Cache
from tests.drawn_images import figure


def findings(root: Path, min_side: int = 200) -> list[Finding]:
    with Cache(root) as cache:
        return check_images(root, [""], cache, min_side=min_side).findings


def problems(root: Path, name: str, min_side: int = 200) -> set[str]:
    return {finding.problem for finding in findings(root, min_side) if finding.file == name}


def test_a_good_folder_has_none(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("1girl")
    assert findings(tmp_path) == []


def test_each_problem_is_named(tmp_path: Path) -> None:
    good = figure(1, (300, 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    good.save(tmp_path / "turned.jpg", exif=exif)
    good.save(tmp_path / "a.webp")
    good.save(tmp_path / "b.gif")
    good.save(tmp_path / "c.gif", save_all=True, append_images=[figure(2, (300, 300))])
    good.convert("CMYK").save(tmp_path / "print.jpg")
    good.convert("L").save(tmp_path / "grey.png")
    figure(3, (300, 300), transparent=True).save(tmp_path / "clear.png")
    figure(4, (100, 300)).save(tmp_path / "small.png")
    Image.fromarray((numpy.arange(90000).reshape(300, 300) % 65536).astype(numpy.uint16)).save(tmp_path / "deep.png")
    Image.new("RGB", (300, 300), "white").save(tmp_path / "blank.png")
    good.save(tmp_path / "wrong.jpg", format="PNG")
    good.save(tmp_path / "bare", format="PNG")
    (tmp_path / "garbage.png").write_bytes(b"garbage" * 100)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "turned.jpg").read_bytes()[:4000])
    (tmp_path / "empty.png").touch()
    (tmp_path / "orphan.txt").write_text("1girl")
    (tmp_path / "small.txt").write_bytes("naïve".encode("latin-1"))
    good.save(tmp_path / "small.webp")
    expected = {
        "turned.jpg": {"rotated"}, "a.webp": {"webp"}, "b.gif": {"format"}, "c.gif": {"format", "animated"},
        "print.jpg": {"cmyk"}, "grey.png": {"grey"}, "clear.png": {"transparent"},
        "small.png": {"small", "shared-caption"}, "small.webp": {"webp", "shared-caption"},
        "deep.png": {"deep", "grey"}, "blank.png": {"blank"}, "wrong.jpg": {"wrong-extension"},
        "bare": {"no-extension"}, "garbage.png": {"not-an-image"}, "cut.jpg": {"broken"}, "empty.png": {"empty"},
        "orphan.txt": {"caption-orphan"}, "small.txt": {"caption-broken"},
    }  # fmt: skip
    found = findings(tmp_path)
    said = {name: {finding.problem for finding in found if finding.file == name} for name in expected}
    assert said == expected and {finding.file for finding in found} == set(expected)
    for finding in found:
        name = finding.file
        assert name in finding.message and finding.message.endswith(".") and finding.remedy.endswith("."), finding
        blocks = ("not-an-image", "broken", "empty", "caption-broken")
        assert finding.level == ("block" if finding.problem in blocks else "warn")


def test_white_art_is_not_advised_to_be_laid_on_white(tmp_path: Path) -> None:
    art = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    art.paste((255, 255, 255, 255), (60, 60, 200, 240))
    art.save(tmp_path / "a.png")
    (remedy,) = (finding.remedy for finding in findings(tmp_path) if finding.problem == "transparent")
    assert "--background" in remedy


def test_names_a_trainer_cannot_read_are_told(tmp_path: Path) -> None:
    good = figure(1, (300, 300))
    good.save(tmp_path / "a.png")
    for name in (b"\xff\xfe.png", b"line\nbreak.png", "rtl_\u202egpj.png".encode(), b"\x1b[31m.png"):
        os.link(tmp_path / "a.png", os.path.join(os.fsencode(tmp_path), name))
    found = [finding for finding in findings(tmp_path) if finding.problem == "bad-name"]
    assert len(found) == 4 and [finding.level for finding in found].count("block") == 1
    assert all(finding.message.isprintable() for finding in found)
    assert problems(tmp_path, "a.png") == set()


def test_odd_things_of_a_folder_do_no_harm(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "folder.png").mkdir()
    figure(1, (300, 300)).save(tmp_path / ("n" * 240 + ".png"))
    assert findings(tmp_path) == []


@pytest.mark.shared
def test_every_bad_file_is_told_with_a_sentence(shared: Path) -> None:
    found = findings(shared / "images" / "bad", min_side=64)
    by_file: dict[str, set[str]] = {}
    for finding in found:
        by_file.setdefault(finding.file, set()).add(finding.problem)
        assert finding.message.isprintable() and finding.remedy
    assert by_file["bomb_30000x30000_1bit.png"] == {"too-large"}
    assert by_file["rgb16.png"] == {"deep"} and by_file["cmyk.jpg"] == {"cmyk"}
    assert by_file["caption_orphan.txt"] == {"caption-orphan"} and by_file["no_extension"] == {"no-extension"}
    assert "animated" in by_file["animated.webp"] and by_file["jpeg_named.png"] == {"wrong-extension"}
    assert "exif_orient_1.jpg" not in by_file and by_file["exif_orient_6.jpg"] == {"rotated"}
