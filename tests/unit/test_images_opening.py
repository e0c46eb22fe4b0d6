"""Pictures of strangers: opened right, or refused with one sentence, in bounded memory."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from loratui.core import pictures
from loratui.core.images import opening
from loratui.core.pictures import PictureError
from tests.drawn_images import figure


def encoded(picture: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 10))
def test_a_picture_stands_upright(orientation: int) -> None:
    upright = figure(1, (120, 160))
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(upright.transpose(turned) if turned is not None else upright, exif=exif)
    header = opening.header(data, "a.png")
    assert (header.width, header.height) == (120, 160) and header.orientation == (orientation if orientation < 9 else 1)
    assert opening.decode(data, "a.png").tobytes() == upright.tobytes()


def test_transparency_is_kept_until_it_is_laid_on_a_colour() -> None:
    hidden = Image.new("RGBA", (40, 40), (255, 0, 255, 0))
    hidden.paste((0, 128, 0, 255), (10, 10, 30, 30))
    picture = opening.decode(encoded(hidden), "a.png")
    assert picture.mode == "RGBA"
    assert opening.flatten(picture).getpixel((0, 0)) == (255, 255, 255)
    assert opening.flatten(picture, "#102030").getpixel((0, 0)) == (16, 32, 48)
    opaque = Image.new("RGBA", (40, 40), (1, 2, 3, 255))
    assert opening.decode(encoded(opaque), "a.png").mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        picture = Image.fromarray((numpy.arange(64 * 64).reshape(64, 64) * 16).astype(numpy.uint16))
    else:
        picture = figure(2, (64, 64)).convert(mode)
    format_ = "JPEG" if mode == "CMYK" else "PNG"
    result = opening.decode(encoded(picture, format_), "a")
    assert result.mode == "RGB" and result.size == (64, 64) and not result.info


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = (numpy.linspace(0, 65535, 256).reshape(1, 256).repeat(4, axis=0)).astype(numpy.uint16)
    levels = numpy.asarray(opening.decode(encoded(Image.fromarray(ramp)), "a.png"))[0, :, 0]
    assert abs(levels.astype(int) - numpy.arange(256)).max() <= 1


def test_transparent_colours_of_palette_and_rgb_are_transparent() -> None:
    palette = figure(3, (64, 64)).convert("P")
    index = palette.getpixel((0, 0))
    assert opening.decode(encoded(palette, transparency=index), "a.png").getpixel((0, 0))[3] == 0
    rgb = Image.new("RGB", (8, 8), (9, 8, 7))
    rgb.putpixel((0, 0), (1, 1, 1))
    assert opening.decode(encoded(rgb, transparency=(9, 8, 7)), "a.png").getpixel((4, 4))[3] == 0


def test_a_profile_is_followed_and_a_nonsense_one_is_not() -> None:
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = figure(4, (64, 64))
    assert opening.decode(encoded(picture, icc_profile=lab), "a.png").tobytes() == picture.tobytes()
    assert opening.decode(encoded(picture, icc_profile=b"nonsense" * 20), "a.png").tobytes() == picture.tobytes()


def test_a_jpeg_is_decoded_small_where_that_is_enough() -> None:
    data = encoded(figure(5, (800, 800)), "JPEG")
    assert opening.decode(data, "a.jpg", at_least=100).size == (100, 100)
    assert opening.decode(data, "a.jpg").size == (800, 800)


@pytest.mark.parametrize("quality", [40, 60, 75, 85, 90, 95])
def test_the_quality_of_a_jpeg_is_read_back(quality: int) -> None:
    found = opening.header(encoded(figure(6, (64, 64)), "JPEG", quality=quality), "a.jpg").quality
    assert found is not None and abs(found - quality) <= 1


def test_truncated_files_are_refused_and_the_switch_for_them_stays_off(tmp_path: Path) -> None:
    data = encoded(figure(7), "JPEG")
    with pytest.raises(PictureError) as caught:
        opening.decode(data[: len(data) // 2], "half.jpg")
    assert caught.value.problem == "broken" and "half.jpg" in caught.value.message
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_special_files_are_never_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "a.png").symlink_to("b.png")
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "empty.png").touch()
    expected = {
        "pipe.png": "special", "folder.png": "special", "device.png": "special", "a.png": "unreadable",
        "gone.png": "missing", "empty.png": "empty",
    }  # fmt: skip
    for name, problem in expected.items():
        with pytest.raises(PictureError) as caught:
            pictures.read(tmp_path / name)
        assert caught.value.problem == problem and name in caught.value.message and caught.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(figure(8, (64, 64))))
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(PictureError, match="Permission"):
        pictures.read(tmp_path / "a.png")


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        os.truncate(file.fileno(), pictures.MAX_BYTES + 1)
    with pytest.raises(PictureError) as caught:
        pictures.read(tmp_path / "huge.png")
    assert caught.value.problem == "too-large"


_GOOD = {format_: encoded(figure(9, (96, 96)), format_) for format_ in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    format_=st.sampled_from(sorted(_GOOD)),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
)
def test_damaged_files_give_a_picture_or_one_sentence(
    format_: str, cut: float, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(_GOOD[format_][: max(1, int(len(_GOOD[format_]) * (1 - cut / 4)))])
    for place, value in changes:
        data[int(place * min(len(data), 400))] = value
    try:
        opening.header(bytes(data), "x")
        assert opening.decode(bytes(data), "x", 64).mode in ("RGB", "RGBA")
    except PictureError as error:
        assert error.message.startswith("x ") and error.message.endswith(".") and error.remedy


@pytest.mark.shared
def test_every_bad_file_gets_one_sentence_in_bounded_memory(shared: Path) -> None:
    """In a process of its own, whose peak memory is looked at: the bombs there would take gigabytes."""
    code = (
        "import sys, warnings\nfrom pathlib import Path\nwarnings.simplefilter('error')\n"
        "from loratui.core import pictures\nfrom loratui.core.images import opening\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        data = pictures.read(path)\n        opening.header(data, path.name)\n"
        "        opening.decode(data, path.name)\n        print('ok', ascii(path.name))\n"
        "    except pictures.PictureError as error:\n"
        "        assert error.message.count('. ') == 0 and '\\n' not in error.message, error.message\n"
        "        print(error.problem, ascii(path.name))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print('RSS', int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(shared / "images" / "bad")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.split("\n")
    said = {name.strip("'"): problem for problem, _, name in (line.partition(" ") for line in lines[:-2])}
    assert set(said) == {ascii(path.name).strip("'") for path in (shared / "images" / "bad").iterdir()}
    peak = int(next(line for line in lines if line.startswith("RSS")).split()[1])
    assert peak < 200  # MB
    expected = {
        "bomb_30000x30000_1bit.png": "too-large", "warn_13000x13000_rgb.png": "too-large",
        "lying_header_60000x60000.png": "too-large", "ztxt_bomb.png": "broken", "zero_byte.jpg": "empty",
        "looks_like.jpg": "special", "garbage.jpg": "not-an-image", "truncated_tail16.jpg": "broken",
        "cmyk.jpg": "ok", "exif_corrupt.jpg": "ok", "orient_9_invalid.jpg": "ok", "ok.jp2": "ok",
    }  # fmt: skip
    assert {name: said[name] for name in expected} == expected


def test_looking_at_pictures_never_loads_scipy() -> None:
    code = (
        "import sys\nfrom loratui.core.images import duplicates, prepare, problems, curation\n"
        "print([name for name in ('scipy', 'torch', 'onnxruntime', 'textual') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
