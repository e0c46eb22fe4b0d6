"""prep: what it mends, what it sets aside, and that nothing is lost on the way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event

import numpy
import pytest
from PIL import Image

from loratui.core.changes import Changes
from loratui.core.dataset.folder import scan
from loratui.core.errors import Cancelled, LoratuiError, UsageError
from loratui.core.images.prepare import Preparation, Wishes, prepare
from loratui.core.images.survey import Cache
from tests.drawn_images import figure, loaded


def do(root: Path, **wishes: object) -> Preparation:
    changes = Changes(root)
    with Cache(root) as cache:
        done = prepare(root, scan(root, [""]), cache, Wishes(**{"min_side": 100, **wishes}), changes.stage)  # type: ignore[arg-type]
    changes.apply(done.plan)
    return done


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.name != ".loratui"}


def tree(root: Path) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in names(root)}


def test_a_good_folder_is_left_alone(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.png")
    figure(2, (300, 300)).save(tmp_path / "b.jpg")
    before = tree(tmp_path)
    done = do(tmp_path)
    assert not done.plan and done.unchanged == 2 and tree(tmp_path) == before and not (tmp_path / ".loratui").exists()


def test_webp_becomes_png_with_the_same_pixels_and_its_caption(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "a.txt").write_text("1girl")
    before = tree(tmp_path)
    done = do(tmp_path)
    assert done.counts["converted"] == 1 and names(tmp_path) == {"a.png", "a.txt"}
    assert numpy.array_equal(numpy.asarray(loaded(tmp_path / "a.png")), numpy.asarray(figure(1, (300, 300))))
    Changes(tmp_path).undo()
    assert tree(tmp_path) == before


def test_a_name_that_is_taken_gets_a_number_and_its_own_caption(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.webp")
    figure(2, (300, 300)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("both")
    (tmp_path / "a-2.png").symlink_to("nowhere")
    before = (tmp_path / "a.png").read_bytes()
    do(tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before
    made = next(
        name
        for name in names(tmp_path)
        if name.startswith("a-") and not (tmp_path / name).is_symlink() and name.endswith(".png")
    )
    assert (tmp_path / made).with_suffix(".txt").read_text() == "both" == (tmp_path / "a.txt").read_text()
    assert len(names(tmp_path)) == 5


def test_rotation_profile_depth_and_place_are_gone_from_the_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    figure(3, (300, 200)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    Image.fromarray((numpy.arange(200 * 200).reshape(200, 200) % 65536).astype(numpy.uint16)).save(
        tmp_path / "deep.png"
    )
    figure(4, (200, 200)).convert("CMYK").save(tmp_path / "print.jpg")
    done = do(tmp_path)
    assert done.counts["rotated"] == 1 and done.counts["colours"] == 2 and done.counts["converted"] == 0
    turned = loaded(tmp_path / "turned.jpg")
    assert turned.size == (200, 300) and not dict(turned.getexif())
    assert loaded(tmp_path / "deep.png").mode == loaded(tmp_path / "print.jpg").mode == "RGB"


def test_transparent_pictures_are_laid_on_the_background(tmp_path: Path) -> None:
    figure(5, (300, 300), transparent=True).save(tmp_path / "a.png")
    assert do(tmp_path, background="#0000ff").counts["flattened"] == 1
    picture = loaded(tmp_path / "a.png")
    assert picture.mode == "RGB"
    corners = {picture.getpixel(place) for place in ((0, 0), (299, 0), (0, 299), (299, 299))}
    assert (0, 0, 255) in corners


def test_art_that_would_vanish_is_left_and_said(tmp_path: Path) -> None:
    art = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    art.paste((255, 255, 255, 255), (60, 60, 200, 240))
    art.save(tmp_path / "white.png")
    done = do(tmp_path)
    assert done.counts["skipped"] == 1 and "white" in done.skipped["white.png"]
    assert do(tmp_path, background="grey").counts["flattened"] == 1


def test_what_belongs_goes_with_the_last_image_of_a_stem(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.webp")
    figure(2, (50, 300)).save(tmp_path / "a.png")  # set aside, and its name is not free before that
    (tmp_path / "a.TXT").write_text("1girl")
    (tmp_path / "a.npz").write_bytes(b"latents")
    (tmp_path / "a-2.txt").write_text("somebody else's")
    before = tree(tmp_path)
    do(tmp_path)
    assert names(tmp_path) == {"a-3.png", "a-3.TXT", "a-2.txt"} and (tmp_path / "a-3.TXT").read_text() == "1girl"
    Changes(tmp_path).undo()
    assert tree(tmp_path) == before


def test_two_new_names_do_not_share_a_caption(tmp_path: Path) -> None:
    for seed, name, format_ in ((1, "a.png", "PNG"), (2, "a.jpg", "JPEG"), (3, "a.bmp", "PNG"), (4, "a.gif", "JPEG")):
        figure(seed, (300, 300)).save(tmp_path / name, format_)
    (tmp_path / "a.txt").write_text("all four")
    do(tmp_path)
    assert names(tmp_path) == {"a.png", "a.jpg", "a.txt", "a-2.png", "a-2.txt", "a-3.jpg", "a-3.txt"}
    assert {path.read_text() for path in tmp_path.glob("*.txt")} == {"all four"}


def test_wrong_suffixes_are_mended_without_touching_a_byte(tmp_path: Path) -> None:
    figure(6, (300, 300)).save(tmp_path / "right.jpg")
    (tmp_path / "right.jpg").rename(tmp_path / "wrong.png")
    (tmp_path / "wrong.txt").write_text("1girl")
    before = (tmp_path / "wrong.png").read_bytes()
    assert do(tmp_path).counts["renamed"] == 1
    assert names(tmp_path) == {"wrong.jpg", "wrong.txt"} and (tmp_path / "wrong.jpg").read_bytes() == before


def test_small_broken_and_moving_pictures_are_set_aside_with_their_captions(tmp_path: Path) -> None:
    figure(7, (300, 300)).save(tmp_path / "good.png")
    figure(8, (99, 300)).save(tmp_path / "small.png")
    (tmp_path / "small.txt").write_text("1girl")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "good.png").read_bytes()[:200])
    frames = [figure(seed, (200, 200)) for seed in (1, 2)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    before = tree(tmp_path)
    done = do(tmp_path)
    assert done.aside == {"small.png": "small", "broken.jpg": "broken", "moving.gif": "animated"}
    assert names(tmp_path) == {"good.png"}
    reasons = {entry.path: entry.reason for entry in Changes(tmp_path).trash()}
    assert reasons["small.png"] == reasons["small.txt"] == "small" and reasons["moving.gif"] == "animated"
    Changes(tmp_path).undo()
    assert tree(tmp_path) == before
    assert "small.png" not in do(tmp_path, small="keep").aside


@pytest.mark.parametrize(
    ("to", "expected"), [("png", {"a.png", "b.png", "c.png"}), ("jpg", {"a.jpg", "b.jpg", "c.jpg"}),
                         ("keep", {"a.webp", "b.jpg", "c.png"}), ("auto", {"a.png", "b.jpg", "c.png"})],
)  # fmt: skip
def test_formats_are_as_wished(tmp_path: Path, to: str, expected: set[str]) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.webp")
    figure(2, (300, 300)).save(tmp_path / "b.jpg")
    figure(3, (300, 300)).save(tmp_path / "c.png")
    do(tmp_path, to=to)
    assert names(tmp_path) == expected
    for name in expected:
        assert loaded(tmp_path / name).format == {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}[name[2:]]


def test_latents_of_pixels_that_are_gone_go_too(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.webp")
    (tmp_path / "a.npz").write_bytes(b"latents")
    do(tmp_path)
    assert names(tmp_path) == {"a.png"}


def test_a_dry_run_writes_nothing_and_counts_the_same(tmp_path: Path) -> None:
    figure(1, (300, 300)).save(tmp_path / "a.webp")
    figure(2, (50, 50)).save(tmp_path / "b.png")
    with Cache(tmp_path, keep=False) as cache:
        dry = prepare(tmp_path, scan(tmp_path, [""]), cache, Wishes(min_side=100), None)
    assert names(tmp_path) == {"a.webp", "b.png"} and not (tmp_path / ".loratui").exists()
    assert dict(do(tmp_path).counts) == dict(dry.counts)


def test_an_unknown_colour_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="blurple"):
        do(tmp_path, background="blurple")


def test_a_cancel_or_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        figure(number, (200, 200)).save(tmp_path / f"{number}.webp")
    before = tree(tmp_path)
    cancel = Event()

    def report(done: int, total: int | None, note: str = "", /) -> None:
        if total == 4 and done == 2 and note:
            cancel.set()

    changes = Changes(tmp_path)
    with Cache(tmp_path) as cache, pytest.raises(Cancelled):
        prepare(tmp_path, scan(tmp_path, [""]), cache, Wishes(), changes.stage, report=report, cancel=cancel)

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with Cache(tmp_path) as cache, pytest.raises(LoratuiError, match="disk is full"):
        prepare(tmp_path, scan(tmp_path, [""]), cache, Wishes(min_side=1), changes.stage)
    assert tree(tmp_path) == before and not list((tmp_path / ".loratui" / "staging").iterdir())


_PEAK = """
import sys
from pathlib import Path
from loratui.core.acts import images
from loratui.core.workspace import Workspace

def peak():  # getrusage would tell of the process that started this one
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024

workspace, before = Workspace.open(Path(sys.argv[1])), peak()
done = images.prep(workspace)
assert done.counts["flattened"] == 2 and done.counts["rotated"] == 2, done.counts
print(peak() - before)
"""


def test_large_pictures_are_prepared_one_by_one_in_little_memory(tmp_path: Path) -> None:
    """At most two pictures of the size at a time: the decoded and the flattened, then the written read back."""
    side = 3500
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = Image.linear_gradient("L").resize((side, side)).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").rotate(90).resize((side, side)))
    for name in "ab":
        picture.save(tmp_path / f"{name}.png", compress_level=1)
        picture.convert("RGB").save(tmp_path / f"{name}.jpg", exif=turned)
    said = subprocess.run([sys.executable, "-c", _PEAK, str(tmp_path)], capture_output=True, text=True, timeout=100)
    assert said.returncode == 0, said.stderr
    assert int(said.stdout) < 3.2 * 4 * side * side


def test_a_link_is_replaced_and_what_it_points_to_is_not_touched(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "set"
    outside.mkdir()
    root.mkdir()
    figure(1, (300, 300), transparent=True).save(outside / "a.png")
    before = (outside / "a.png").read_bytes()
    (root / "a.png").symlink_to(outside / "a.png")
    do(root)
    assert (outside / "a.png").read_bytes() == before
    assert not (root / "a.png").is_symlink() and loaded(root / "a.png").mode == "RGB"
    Changes(root).undo()
    assert (root / "a.png").is_symlink()


@pytest.mark.shared
def test_every_bad_file_is_mended_or_set_aside_and_comes_back(shared: Path, tmp_path: Path) -> None:
    for path in (shared / "images" / "bad").iterdir():
        if path.is_file():
            shutil.copyfile(path, tmp_path / path.name)
    before = tree(tmp_path)
    done = do(tmp_path, min_side=1, background="grey")
    assert sum(done.counts[key] for key in ("set_aside", "skipped")) == len(done.aside) + len(done.skipped)
    for image in scan(tmp_path, [""]):
        picture = loaded(tmp_path / image.path)
        assert picture.format in ("PNG", "JPEG") and not getattr(picture, "is_animated", False), image.path
        assert picture.mode in ("RGB", "L", "1", "P", "RGBA"), image.path
    assert do(tmp_path, min_side=1, background="grey").plan.operations == ()
    Changes(tmp_path).undo()
    assert tree(tmp_path) == before
