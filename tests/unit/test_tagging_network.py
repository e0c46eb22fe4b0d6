"""Label files, the preparation of pictures and the network's contract, with real ONNX sessions."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from loratui.core.errors import LoratuiError, Refused
from loratui.core.pictures import PictureError
from loratui.core.tagging import labels
from loratui.core.tagging.labels import Label
from loratui.core.tagging.network import Network
from loratui.core.tagging.pictures import load, on_white
from tests import colour_tagger

RED = (255, 0, 0)


def network(folder: Path) -> Network:
    return Network(folder / "model.onnx", len(labels.read(folder / "selected_tags.csv")), threads=1)


def names(values: NDArray[np.float32]) -> set[str]:
    return {name for name, value in zip(colour_tagger.NAMES, values, strict=True) if value >= 0.5} - {"general"}


@pytest.fixture
def red(tmp_path: Path) -> Path:
    """A red picture, twice as wide as high."""
    path = tmp_path / "red.png"
    Image.new("RGB", (200, 100), RED).save(path)
    return path


# ---- label files


def read(tmp_path: Path, text: str) -> tuple[Label, ...]:
    path = tmp_path / "selected_tags.csv"
    path.write_bytes(text.encode())
    return labels.read(path)


def test_labels_with_every_oddity(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "\ufefftag_id,name,category,count\r\n"
        "9999999.0,general,9,807858.0\r\n"
        ',,,\r\n,^_^,0,\r\n612924,"don\'t_say_""lazy""",0,1062\r\n'
        ",ubel_(sousou_no_frieren),4.0,\r\n1,null,0,1\r\n2,nan,0,1\r\n\r\n3,:d,0,1\r\n\r\n\r\n",
    )
    assert found == (
        Label("general", "rating"),
        Label("", ""),
        Label("^_^", "general"),
        Label('don\'t_say_"lazy"', "general"),
        Label("ubel_(sousou_no_frieren)", "character"),
        Label("null", "general"),
        Label("nan", "general"),
        Label("", ""),
        Label(":d", "general"),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no columns"),
        ("a,b\n1,2\n", "no columns"),
        ("name,category\n", "names no labels"),
        ("name,category\nsolo,0\nx,7\n", "row 3: category '7' is unknown"),
        ("name,category\nsolo,\n", "row 2: category '' is unknown"),
        ('name,category\n"a,b",0\n', "cannot be a tag"),
        ("name,category\na\x1bb,0\n", "cannot be a tag"),
        ('name,category\n"a,0\n', "no label file"),
    ],
)
def test_labels_that_make_no_sense(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(LoratuiError, match=says) as caught:
        read(tmp_path, text)
    assert caught.value.remedy


def test_labels_missing_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(LoratuiError, match="cannot be read: No such file"):
        labels.read(tmp_path / "selected_tags.csv")
    (tmp_path / "selected_tags.csv").write_bytes(b"name,category\n\xff\xfe,0\n")
    with pytest.raises(LoratuiError, match="not UTF-8"):
        labels.read(tmp_path / "selected_tags.csv")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "blank", "one"),
    [
        ("wd_v3", 10861, [], (4, "1girl", "general")),
        ("wd_v14", 6914, [4995], (4996, "slapping", "general")),
        ("pandas_resaved", 356, [], (0, "general", "rating")),
    ],
)
def test_real_label_files(shared: Path, name: str, count: int, blank: list[int], one: tuple[int, str, str]) -> None:
    found = labels.read(shared / "tags" / f"selected_tags_{name}.csv")
    assert len(found) == count
    assert [n for n, label in enumerate(found) if not label.name] == blank
    assert found[one[0]] == Label(*one[1:])


# ---- preparation


def test_square_is_padded_white_and_bgr(red: Path) -> None:
    picture = load(red, 448)
    assert picture.shape == (448, 448, 3)
    assert picture.dtype == np.float32
    assert picture[224, 224].tolist() == [0, 0, 255]
    assert picture[5, 224].tolist() == [255, 255, 255]
    assert picture[224, 5].tolist() == [0, 0, 255]


def test_same_as_the_reference_preparation(tmp_path: Path) -> None:
    """Pad to the larger side, then bicubic: pixel for pixel, for lossless files of usual size."""
    noise = np.random.default_rng(1).integers(0, 256, (601, 433, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    canvas = Image.new("RGB", (601, 601), (255, 255, 255))
    canvas.paste(Image.fromarray(noise), (84, 0))
    expected = np.asarray(canvas.resize((448, 448), Image.Resampling.BICUBIC), np.float32)[:, :, ::-1]
    assert np.array_equal(load(tmp_path / "noise.png", 448), expected)


def test_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.linspace(0, 12, 3000), np.linspace(0, 9, 2200))
    waves = np.stack([np.sin(x), np.cos(y), np.sin(x + y)], axis=2) * 127 + 128
    image = Image.fromarray(waves.astype(np.uint8))
    image.save(tmp_path / "waves.jpg", quality=95)
    image.save(tmp_path / "waves.png", compress_level=1)
    difference = np.abs(load(tmp_path / "waves.jpg", 448) - load(tmp_path / "waves.png", 448))
    assert difference.mean() < 1.0


def test_a_panorama_fits_into_memory(tmp_path: Path) -> None:
    Image.new("RGB", (30_000, 40), RED).save(tmp_path / "wide.png")
    picture = load(tmp_path / "wide.png", 448)
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[224].mean(axis=0)[2] == 255


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 300), (255, 255, 255))
    image.paste(RED, (0, 0, 300, 150))  # stored: red above; meant: red on the right (turned by 90°)
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix in ("jpg", "png"):
        image.save(tmp_path / f"turned.{suffix}", exif=exif)
        picture = load(tmp_path / f"turned.{suffix}", 448)
        assert picture[:, 400:, 0].mean() < 5 < 250 < picture[:, :40, 0].mean()


def test_grey_stays_grey(tmp_path: Path) -> None:
    """A grey picture must not become its own mask."""
    for value in (0, 64, 128, 255):
        assert on_white(Image.new("L", (4, 4), value)).getpixel((0, 0)) == (value,) * 3


def test_transparency_of_every_mode_becomes_white(tmp_path: Path) -> None:
    la = Image.new("LA", (4, 4), (0, 0))
    la.putpixel((0, 0), (64, 255))
    rgba = Image.new("RGBA", (4, 4), (0, 0, 255, 0))
    rgba.putpixel((0, 0), (64, 64, 64, 255))
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 255, 64, 64, 64])
    palette.putpixel((0, 0), 1)
    for name, image, options in (
        ("la", la, {}),
        ("rgba", rgba, {}),
        ("palette", palette, {"transparency": 0}),
        ("palette_bytes", palette, {"transparency": b"\x00\xff"}),
        ("grey_key", la.convert("L"), {"transparency": 0}),
        ("rgb_key", rgba.convert("RGB"), {"transparency": (0, 0, 255)}),
    ):
        path = tmp_path / f"{name}.png"
        image.save(path, **options)
        with Image.open(path) as opened:
            white = on_white(opened)
        assert (white.getpixel((0, 0)), white.getpixel((3, 3))) == ((64,) * 3, (255,) * 3), name


def test_half_transparent_is_mixed_with_white() -> None:
    assert on_white(Image.new("RGBA", (1, 1), (0, 0, 0, 128))).getpixel((0, 0)) == (127, 127, 127)


def test_sixteen_bits_are_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(4, 256)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    with Image.open(tmp_path / "deep.png") as opened:
        assert abs(np.asarray(on_white(opened)).mean() - 127.5) < 1
    Image.fromarray(ramp.astype(np.int32)).save(tmp_path / "deep.tif")
    with Image.open(tmp_path / "deep.tif") as opened:
        assert abs(np.asarray(on_white(opened)).mean() - 127.5) < 1
    unit = Image.fromarray((ramp / 65535).astype(np.float32))
    assert abs(np.asarray(on_white(unit)).mean() - 127.5) < 1


def test_cmyk_jpeg_and_one_bit(tmp_path: Path) -> None:
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(tmp_path / "ink.jpg", quality=95)
    picture = load(tmp_path / "ink.jpg", 448)
    assert np.abs(picture[224, 224] - [0, 0, 255]).max() < 8
    Image.new("1", (4, 4), 1).save(tmp_path / "bit.png")
    assert load(tmp_path / "bit.png", 448).min() == 255


def test_broken_and_not_a_picture(tmp_path: Path, red: Path) -> None:
    (tmp_path / "cut.png").write_bytes(red.read_bytes()[:80])
    (tmp_path / "text.png").write_text("hello")
    for name, problem in (("cut.png", "broken"), ("text.png", "not-an-image"), ("absent.png", "missing")):
        with pytest.raises(PictureError) as caught:
            load(tmp_path / name, 448)
        assert caught.value.problem == problem


def test_text_chunks_do_no_harm(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "x" * 100_000, zip=True)
    Image.new("RGB", (10, 10), RED).save(tmp_path / "text.png", pnginfo=info)
    assert load(tmp_path / "text.png", 448)[224, 224].tolist() == [0, 0, 255]


# ---- the network

EXPECTED = {"red_theme", "bright_top", "bright_left", "white_background", "char_red_(series)"}


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"channels_first": True},
        {"logits": True},
        {"channels_first": True, "logits": True, "batch": 1},
        {"batch": 1},
        {"batch": 4},
        {"embedding": True},
        {"both": True},
        {"half": True},
    ],
    ids=str,
)
def test_every_form_of_the_same_network_answers_the_same(tmp_path: Path, red: Path, form: dict[str, bool]) -> None:
    tagger = network(colour_tagger.build(tmp_path, **form))  # type: ignore[arg-type]
    picture = load(red, tagger.input.size)
    values = tagger.run([picture])
    expected = list(colour_tagger.probabilities(picture).values())
    tolerance = 2e-2 if form.get("half") else 2e-5
    assert np.abs(values[0] - expected).max() < tolerance
    assert names(values[0]) == EXPECTED
    assert tagger.provider == "CPUExecutionProvider"
    assert tagger.batch == (form.get("batch") or 1)
    assert "colour stand-in" in tagger.description


def test_mistakes_would_show(tmp_path: Path, red: Path) -> None:
    """The stand-in is sharp: each wrong preparation gives other tags."""
    tagger = network(colour_tagger.build(tmp_path))
    picture = load(red, 448)
    stretched = np.full_like(picture, 0)
    stretched[:, :, 2] = 255
    black = picture.copy()
    black[:100], black[-100:] = 0, 0
    assert "blue_theme" in names(tagger.run([np.ascontiguousarray(picture[:, :, ::-1])])[0])
    assert {"dark_top", "dark_left"} <= names(tagger.run([picture / 255])[0])
    assert "white_background" not in names(tagger.run([stretched])[0])
    assert "bright_top" not in names(tagger.run([black])[0])


def test_a_fixed_batch_takes_fewer(tmp_path: Path, red: Path) -> None:
    tagger = network(colour_tagger.build(tmp_path, batch=4))
    picture = load(red, 448)
    values = tagger.run([picture, np.full_like(picture, 255)])
    assert values.shape == (2, len(colour_tagger.NAMES))
    assert names(values[0]) == EXPECTED
    assert "^_^" in names(values[1])


def test_wrong_label_count_names_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"gives 9083 values .* names 15 labels"):
        network(colour_tagger.build(tmp_path, outputs=9083))


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="NaN"):
        network(colour_tagger.build(tmp_path, nan=True))


def test_nan_for_one_picture_stays_there(tmp_path: Path, red: Path) -> None:
    tagger = network(colour_tagger.build(tmp_path, batch=2))
    picture = load(red, 448)
    values = tagger.run([np.full_like(picture, np.nan), picture])
    assert np.isnan(values[0]).all()
    assert names(values[1]) == EXPECTED


def test_a_real_label_file_with_as_many_outputs(tmp_path: Path, red: Path) -> None:
    folder = colour_tagger.build(tmp_path, outputs=2000)
    rows = [("x", 0)] * 1985
    colour_tagger.write_labels(folder / "selected_tags.csv", [(name, 0) for name in colour_tagger.NAMES] + rows)
    assert network(folder).run([load(red, 448)]).shape == (1, 2000)


def test_what_is_no_tagger(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(LoratuiError, match="cannot be loaded"):
        Network(tmp_path / "model.onnx", 3)
    with pytest.raises(LoratuiError, match="cannot be loaded"):
        Network(tmp_path / "absent.onnx", 3)
    _other(tmp_path / "text.onnx", ["n", 77])
    with pytest.raises(Refused, match="no image tagger"):
        Network(tmp_path / "text.onnx", 3)
    _other(tmp_path / "grey.onnx", ["n", 448, 448, 1])
    with pytest.raises(Refused, match="3 colours"):
        Network(tmp_path / "grey.onnx", 3)
    _other(tmp_path / "free.onnx", ["n", "h", "w", 3])
    with pytest.raises(Refused, match="no fixed square size"):
        Network(tmp_path / "free.onnx", 3)


def _other(path: Path, shape: list[int | str]) -> None:
    from onnx import TensorProto, helper

    steps = colour_tagger.Steps()
    steps.nodes.append(helper.make_node("Identity", ["input"], ["output"]))
    colour_tagger.save(
        path,
        steps,
        helper.make_tensor_value_info("input", TensorProto.FLOAT, shape),
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
    )
