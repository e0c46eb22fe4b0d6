"""Model files by their headers, and where they are found."""

import json
import struct
from pathlib import Path

import pytest

from loratui.core import config
from loratui.core.errors import LoratuiError, Refused, UsageError
from loratui.core.training import bases, models
from loratui.core.training.model_file import inspect, read_header
from tests import training_kit as kit

UNET = "model.diffusion_model."
FAMILIES: dict[str, dict[str, tuple[int, ...]]] = {
    "sd15": kit.SD15,
    "sdxl": kit.SDXL,
    "sd2": {"cond_stage_model.model.transformer.resblocks.0.x": (1,), f"{UNET}input_blocks.0.0.weight": (1, 4, 1, 1)},
    "sdxl-refiner": {
        "conditioner.embedders.0.model.ln_final.bias": (1,),
        f"{UNET}input_blocks.0.0.weight": (1, 4, 1, 1),
    },
    "sd3": {f"{UNET}joint_blocks.0.x": (1,), f"{UNET}pos_embed": (1,)},
    "flux": {"double_blocks.0.img_attn.proj.bias": (1,), "single_blocks.0.modulation.lin.bias": (1,)},
    "chroma": {"distilled_guidance_layer.in_proj.bias": (1,), "double_blocks.0.img_attn.proj.bias": (1,)},
    "lumina": {"cap_embedder.0.weight": (1,), "noise_refiner.0.x": (1,)},
    "hunyuan": {"double_blocks.0.img_attn.proj.bias": (1,), "byt5_in.fc1.bias": (1,)},
    "anima": {"net.blocks.0.adaln_modulation_self_attn.1.weight": (1,)},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_told_by_their_tensors(tmp_path: Path, family: str) -> None:
    found = inspect(kit.model(tmp_path / "m.safetensors", FAMILIES[family]))
    assert (found.role, found.family) == ("base", family)


@pytest.mark.parametrize(
    ("shapes", "role", "family"),
    [
        ({"lora_unet_down_blocks_0.lora_up.weight": (1,), "lora_te_text.lora_up.weight": (1,)}, "lora", ""),
        ({"lora_te2_text.alpha": (1,), "lora_unet_x.alpha": (1,)}, "lora", "sdxl"),
        ({"unet.x.lora_A.weight": (1,)}, "lora", ""),
        ({"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (1,)}, "vae", ""),
        ({"down_blocks.0.x": (1,)}, "diffusers", ""),
        ({"something": (1,)}, "", ""),
        ({}, "", ""),
    ],
)
def test_other_files_are_told_from_bases(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], role: str, family: str
) -> None:
    found = inspect(kit.model(tmp_path / "m.safetensors", shapes))
    assert (found.role, found.family) == (role, family)


def test_a_loras_family_is_read_from_its_metadata(tmp_path: Path) -> None:
    file = kit.model(tmp_path / "m.safetensors", {"lora_unet_x.alpha": (1,)}, ss_base_model_version="sd_v1")
    assert inspect(file).family == "sd15"


def test_inpainting_and_prediction_are_seen(tmp_path: Path) -> None:
    nine = {**kit.SD15, f"{UNET}input_blocks.0.0.weight": (2, 9, 1, 1)}
    assert inspect(kit.model(tmp_path / "a.safetensors", nine)).inpainting
    marked = {**kit.SDXL, "v_pred": (0,), "ztsnr": (0,)}
    found = inspect(kit.model(tmp_path / "b.safetensors", marked))
    assert (found.prediction, found.zero_snr) == ("v", True)
    told = kit.model(tmp_path / "c.safetensors", kit.SDXL, **{"modelspec.prediction_type": "epsilon"})
    assert inspect(told).prediction == "epsilon"
    assert inspect(kit.model(tmp_path / "noob-vpred.safetensors", kit.SDXL)).prediction == "v"
    assert inspect(kit.model(tmp_path / "plain.safetensors", kit.SDXL)).prediction == ""


def test_a_width_nobody_trains_is_not_called_sd15(tmp_path: Path) -> None:
    narrow = {**kit.SD15, f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (1, 64)}
    assert inspect(kit.model(tmp_path / "m.safetensors", narrow)).family == ""


@pytest.mark.shared
def test_a_real_sd15_header_is_told(shared: Path, tmp_path: Path) -> None:
    keys = json.loads((shared / "recordings/sd-scripts/headers/sd15_ldm_checkpoint_keys.json").read_text())
    shapes = {name: tuple(entry[1]) for name, entry in keys.items() if name != "__metadata__"}
    file, end, header = tmp_path / "real.safetensors", 0, {}
    for name, shape in shapes.items():
        length = 2
        for side in shape:
            length *= side
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + length]}
        end += length
    raw = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(raw)) + raw)
    with file.open("r+b") as sparse:  # two gigabytes that take no room
        sparse.truncate(8 + len(raw) + end)
    found = inspect(file)
    assert (found.role, found.family, found.inpainting) == ("base", "sd15", False)


def broken(kind: str) -> bytes:
    header = json.dumps({"x": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    whole = struct.pack("<Q", len(header)) + header + bytes(4)
    return {
        "empty": b"",
        "short": whole[:6],
        "cut in header": whole[:20],
        "cut in data": whole[:-2],
        "too long": whole + b"xx",
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "huge header": struct.pack("<Q", 2**60) + whole,
        "no json": struct.pack("<Q", 4) + b"{{{{",
        "list": struct.pack("<Q", 2) + b"[]",
        "no shape": struct.pack("<Q", 8) + b'{"x":{}}',
        "deep": struct.pack("<Q", 40000) + b"[" * 40000,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "short",
        "cut in header",
        "cut in data",
        "too long",
        "html",
        "huge header",
        "no json",
        "list",
        "no shape",
        "deep",
    ],
)
def test_what_is_no_whole_file_is_refused_with_a_remedy(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "broken.safetensors"
    file.write_bytes(broken(kind))
    with pytest.raises(Refused) as caught:
        read_header(file)
    assert "broken.safetensors" in caught.value.message and caught.value.remedy == "Download the file again."


def test_pickles_folders_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old.ckpt").write_bytes(b"x")
    with pytest.raises(Refused, match="pickled"):
        inspect(tmp_path / "old.ckpt")
    with pytest.raises(Refused, match="is a folder"):
        inspect(tmp_path)
    with pytest.raises(LoratuiError):
        inspect(tmp_path / "gone.safetensors")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of models, deep and with a loop in it."""
    folder = tmp_path / "shelf"
    kit.model(folder / "sdxl" / "NoobAI-XL.safetensors", kit.SDXL)
    kit.model(folder / "v1" / "any.safetensors", kit.SD15)
    (folder / "any.ckpt").write_bytes(b"x")
    (folder / "loop").symlink_to(folder)
    kit.configure("", tmp_path, folder)
    return folder


def test_models_are_found_by_path_name_stem_and_hash(shelf: Path) -> None:
    known = config.load()
    wanted = shelf / "v1" / "any.safetensors"
    assert models.find(str(wanted), known) == wanted
    assert models.find("ANY.safetensors", known) == wanted
    assert models.find("any", known) == wanted
    assert models.find("sub/any.safetensors", known) == wanted
    digest = models.file_hash(wanted)
    assert models.known_hash(wanted) == digest
    assert models.find(f"sha256:{digest[:12]}", known) == wanted
    assert models.find("renamed.safetensors", known, sha256=digest) == wanted
    assert [path.name for path in models.files(models.folders(known))] == [
        "any.ckpt",
        "NoobAI-XL.safetensors",
        "any.safetensors",
    ]


def test_a_model_that_is_nowhere_is_refused_with_the_folders(shelf: Path) -> None:
    with pytest.raises(Refused, match="shelf") as caught:
        models.find("missing.safetensors", config.load())
    assert "model_dirs" in caught.value.remedy


def test_a_changed_file_is_hashed_again(shelf: Path) -> None:
    file = shelf / "v1" / "any.safetensors"
    first = models.file_hash(file)
    kit.model(file, kit.SDXL)
    assert models.known_hash(file) == ""
    assert models.file_hash(file) != first


def test_bases_are_fetched_by_name_or_by_repository() -> None:
    assert bases.hub_file("SDXL").repo == "stabilityai/stable-diffusion-xl-base-1.0"
    assert bases.hub_file("someone/models/sub/m.safetensors") == bases.HubFile(
        "someone/models/sub/m.safetensors", "someone/models", "sub/m.safetensors"
    )
    with pytest.raises(UsageError) as caught:
        bases.hub_file("ilustrious")
    assert caught.value.remedy == "Did you mean illustrious?"
    for wrong in ("a/b", "a/b/c.ckpt", "a/../b.safetensors", "a//m.safetensors", ""):
        with pytest.raises(UsageError):
            bases.hub_file(wrong)
