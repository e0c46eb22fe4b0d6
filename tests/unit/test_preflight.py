"""Every check before a training, once where it finds something and once where it does not."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from loratui.core.checks import Check, blocked
from loratui.core.errors import Refused
from loratui.core.gpu import Gpu, Gpus
from loratui.core.training.checks import machine
from loratui.core.training.preflight import preflight, require
from loratui.core.training.situation import Situation, survey
from loratui.core.workspace import Workspace
from tests import training_kit as kit

WIDE_OPEN = Gpus((Gpu(0, "Test GPU", 24_000_000_000, 23_000_000_000, 0),), (12, 4))


def checked(workspace: Workspace, *sets: str, gpus: Gpus | None = None, selected: tuple[int, ...] = ()) -> list[Check]:
    situation = survey(workspace, sets, gpus=selected)
    if gpus is not None:
        situation.__dict__["gpus"] = gpus
    return preflight(situation)


def of(found: list[Check], name: str) -> list[str]:
    return [check.level for check in found if check.id == name]


def message(found: list[Check], name: str, level: str) -> str:
    return next(check.message for check in found if (check.id, check.level) == (name, level))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return kit.ready(tmp_path)


@pytest.fixture
def images(workspace: Workspace) -> Path:
    return workspace.root / "dataset" / "kafka"


def test_a_sound_project_may_start(workspace: Workspace) -> None:
    found = checked(workspace, gpus=WIDE_OPEN)
    assert not blocked(found)
    require(found)
    sound = (
        "base-model",
        "subsets",
        "images",
        "stems",
        "captions",
        "trigger",
        "buckets",
        "options",
        "steps",
        "samples",
    )
    for name in (*sound, "disk", "gpu", "images-readable"):
        assert of(found, name) == ["ok"], name
    # The trainer of the kit is none of sd-scripts', and that is said.
    assert of(found, "trainer") == ["warn"]
    assert all(check.remedy for check in found if check.level != "ok")


def test_what_blocks_comes_first_and_refuses(workspace: Workspace, images: Path) -> None:
    (images / "000.txt").write_bytes(b"")
    (images / "001.txt").write_bytes(b"\xff\xfe\x00")
    found = checked(workspace)
    assert [check.level for check in found] == sorted(
        (check.level for check in found), key=["block", "warn", "ok"].index
    )
    with pytest.raises(Refused, match="1 more"):
        require(found)


# ---- dataset


def test_no_images_block(workspace: Workspace, images: Path) -> None:
    shutil.rmtree(images)
    images.mkdir()
    assert of(checked(workspace), "images") == ["block"]


def test_a_subset_without_its_folder_blocks(workspace: Workspace, images: Path) -> None:
    shutil.rmtree(images)
    assert of(checked(workspace), "subsets") == ["block"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[[subset]]\nfolder = "dataset/kafka"', "named twice"),
        ('[[subset]]\nfolder = "dataset/gone"', "dataset/gone is missing"),
        ('[[subset]]\nfolder = "dataset"\nrepeats = 0', "below 1"),
    ],
)
def test_faults_of_subsets_block(tmp_path: Path, more: str, said: str) -> None:
    assert said in message(checked(kit.ready(tmp_path, subset=more)), "subsets", "block")


def test_an_empty_subset_is_a_warning(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, subset='[[subset]]\nfolder = "dataset/empty"')
    (workspace.root / "dataset" / "empty").mkdir()
    assert of(checked(workspace), "images") == ["warn"]


def test_formats_the_trainer_passes_over_are_named(workspace: Workspace, images: Path) -> None:
    Image.new("RGB", (64, 64)).save(images / "moving.gif")
    kit.picture(images / "Odd.Png")
    assert "Odd.Png, dataset/kafka/moving.gif" in message(checked(workspace), "image-formats", "warn")


def test_two_images_of_one_name_block(workspace: Workspace, images: Path) -> None:
    kit.picture(images / "000.jpg", caption=None)
    assert of(checked(workspace), "stems") == ["block"]


def test_missing_captions_warn_and_none_at_all_block(workspace: Workspace, images: Path) -> None:
    (images / "000.txt").unlink()
    found = checked(workspace)
    assert "1 image without" in message(found, "captions", "warn")
    for file in images.glob("*.txt"):
        file.unlink()
    assert of(checked(workspace), "captions") == ["block"]


@pytest.mark.parametrize(
    ("raw", "name", "level"),
    [
        (b"", "captions-empty", "block"),
        (b" , \n", "captions-empty", "block"),
        (b"kafka, caf\xe9", "captions-text", "block"),
        ("kafka, 名前".encode("utf-16"), "captions-text", "block"),
        (b"kafka, solo\nsecond line", "captions-lines", "warn"),
        (b"kafka, " + b"word, " * 300, "captions-length", "warn"),
        (b"1girl, kafka", "trigger", "warn"),
    ],
)
def test_captions_are_looked_into(workspace: Workspace, images: Path, raw: bytes, name: str, level: str) -> None:
    assert name == "trigger" or of(checked(workspace), name) == []
    (images / "000.txt").write_bytes(raw)
    assert of(checked(workspace), name) == [level]


def test_kohyas_captions_are_found_under_their_own_suffix(workspace: Workspace, images: Path) -> None:
    for file in images.glob("*.txt"):
        file.rename(file.with_suffix(".caption"))
    assert of(checked(workspace), "captions") == ["ok"]


def test_triggers_that_mean_something_and_commas_before_them_warn(workspace: Workspace, images: Path) -> None:
    toml = workspace.root / "loratui.toml"
    toml.write_text(toml.read_text().replace('trigger = "kafka"', 'trigger = "penguin tag999"'))
    words = Path(os.environ["XDG_CONFIG_HOME"], "loratui/vocabulary/mine.csv")
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("penguin,0,900,\n")
    (images / "000.txt").write_text(", penguin tag999, a ||| b")
    found = checked(Workspace.open(workspace.root))
    assert "“penguin” means something already" in message(found, "trigger-words", "warn")
    assert "000.txt" in message(found, "captions-signs", "warn")
    for path in images.glob("*.txt"):
        path.write_text("penguin tag999, a")
    (images / "000.txt").write_text(", penguin tag999, a")
    assert "first in 1 caption" in message(checked(Workspace.open(workspace.root)), "trigger", "warn")


def test_a_character_without_trigger_and_a_shuffled_one_warn(workspace: Workspace) -> None:
    assert "shuffles the trigger" in message(checked(workspace, "keep_tokens=0"), "trigger", "warn")
    toml = workspace.root / "loratui.toml"
    toml.write_text(toml.read_text().replace('trigger = "kafka"', 'trigger = ""'))
    assert "no trigger word" in message(checked(Workspace.open(workspace.root)), "trigger", "warn")


def test_small_and_homeless_images_are_named(workspace: Workspace, images: Path) -> None:
    kit.picture(images / "small.png", (60, 60))
    assert "small.png" in message(checked(workspace), "buckets-small", "warn")
    assert "small.png" in message(checked(workspace, "bucket_no_upscale=true"), "buckets", "block")


def test_many_shapes_of_few_images_warn(workspace: Workspace, images: Path) -> None:
    for file in images.glob("*.png"):
        file.unlink()
    for width in range(256, 1024, 64):
        kit.picture(images / f"{width}.png", (width, 512))
    assert of(checked(workspace, "batch_size=64"), "buckets") == ["warn"]


# ---- what is inside the files

Draw = Callable[[Path], object]


def drawn(mode: str, **more: object) -> Draw:
    return lambda path: Image.new(mode, (300, 300), **more).save(path)  # type: ignore[arg-type]


def rotated(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (300, 300)).save(path, exif=exif)


@pytest.mark.parametrize(
    ("name", "draw", "check", "level"),
    [
        ("a.png", drawn("RGBA", color=(1, 2, 3, 0)), "images-transparent", "warn"),
        ("a.jpg", drawn("CMYK"), "images-colours", "block"),
        ("a.png", drawn("I;16"), "images-colours", "block"),
        ("a.jpg", rotated, "images-rotated", "warn"),
        ("a.jpg", lambda path: path.write_bytes(b""), "images-broken", "block"),
        ("a.jpg", lambda path: path.write_text("<html>"), "images-broken", "block"),
    ],
)
def test_images_are_decoded(workspace: Workspace, images: Path, name: str, draw: Draw, check: str, level: str) -> None:
    assert of(checked(workspace), check) == []
    draw(images / name)
    (images / "a.txt").write_text("kafka")
    found = checked(workspace)
    assert of(found, check) == [level]
    # From the cache it is the same. What else is written to this disk meanwhile is not.
    assert [each for each in checked(workspace) if each.id != "disk"] == [each for each in found if each.id != "disk"]


@pytest.mark.parametrize(
    ("name", "draw"),
    [("opaque.png", drawn("RGBA", color=(1, 2, 3, 255))), ("grey.png", drawn("L")), ("pal.png", drawn("P"))],
)
def test_sound_images_of_other_modes_pass(workspace: Workspace, images: Path, name: str, draw: Draw) -> None:
    draw(images / name)
    (images / name).with_suffix(".txt").write_text("kafka")
    assert not [
        check for check in checked(workspace, gpus=WIDE_OPEN) if check.level != "ok" and check.id.startswith("images")
    ]


BAD = {
    "block": [
        "garbage.jpg", "header_only.png", "html_saved_as.jpg", "zero_byte.jpg", "truncated.png", "truncated_half.jpg",
        "truncated_tail16.jpg", "lying_header_60000x60000.png", "bomb_30000x30000_1bit.png", "cmyk.jpg", "gray16.png",
    ],
    "warn": [
        "alpha_all_zero.png", "palette_trns_bytes.png", "white_art_on_alpha_A.png", "exif_orient_6.jpg", "animated.png",
        "animated.webp", "warn_13000x13000_rgb.png", "la_mode.png",
    ],
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize(("level", "name"), [(level, name) for level, names in BAD.items() for name in names])
def test_hostile_images_are_found_one_by_one(shared: Path, tmp_path: Path, level: str, name: str) -> None:
    workspace = kit.ready(tmp_path, images=0)
    folder = workspace.root / "dataset" / "kafka"
    shutil.copy(shared / "images" / "bad" / name, folder)
    (folder / name).with_suffix(".txt").write_text("kafka")
    found = checked(workspace)
    assert level in {check.level for check in found if check.id.startswith("images-") and name in check.message}


@pytest.mark.shared
def test_a_folder_of_all_hostile_images_is_refused_without_a_crash(shared: Path, tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=0)
    folder = workspace.root / "dataset" / "kafka"
    folder.rmdir()
    shutil.copytree(shared / "images" / "bad", folder, symlinks=True)
    found = checked(workspace)
    assert blocked(found)
    assert all("\x1b" not in check.message and check.message.isprintable() for check in found)
    names = {check.id for check in found if check.level == "block"}
    assert {"images-broken", "images-colours", "captions"} <= names


# ---- base model


def with_model(tmp_path: Path, shapes: dict[str, tuple[int, ...]], toml: str = "") -> list[Check]:
    workspace = kit.ready(tmp_path)
    kit.model(tmp_path / "models" / "base.safetensors", shapes)
    if toml:
        file = workspace.root / "loratui.toml"
        file.write_text(file.read_text().replace("[model]", f"[model]\n{toml}"))
        workspace = Workspace.open(workspace.root)
    return checked(workspace)


def test_a_missing_base_blocks_and_names_where_it_was_looked_for(tmp_path: Path) -> None:
    found = checked(kit.ready(tmp_path, base="elsewhere.safetensors"))
    assert "elsewhere.safetensors" in message(found, "base-model", "block")


def test_a_project_without_a_base_blocks(tmp_path: Path) -> None:
    assert "No base model is named" in message(checked(kit.ready(tmp_path, base="")), "base-model", "block")


@pytest.mark.parametrize(
    ("shapes", "toml", "check", "said"),
    [
        ({"lora_unet_x.alpha": (1,)}, "", "base-model", "a LoRA"),
        ({"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (1,)}, "", "base-model", "a VAE"),
        ({"double_blocks.0.img_attn.proj.bias": (1,)}, "", "base-model", "Flux"),
        ({"unknown": (1,)}, "", "base-model", "cannot be told"),
        ({**kit.SD15, "model.diffusion_model.input_blocks.0.0.weight": (2, 9, 1, 1)}, "", "base-model", "inpainting"),
        (kit.SDXL, 'family = "sd15"', "base-family", "says sd15, but base.safetensors is SDXL"),
    ],
)
def test_the_wrong_base_blocks(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], toml: str, check: str, said: str
) -> None:
    assert said in message(with_model(tmp_path, shapes, toml), check, "block")


def test_a_base_whose_header_says_nothing_is_taken_as_declared(tmp_path: Path) -> None:
    found = with_model(tmp_path, {"unknown": (1,)}, 'family = "sd15"')
    assert of(found, "base-model") == ["warn"]


def test_a_truncated_base_blocks(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path)
    file = tmp_path / "models" / "base.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert "10 bytes short" in message(checked(workspace), "base-model", "block")


def test_a_v_prediction_base_trained_as_epsilon_blocks(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, toml='preset = "sdxl-character"')
    kit.model(tmp_path / "models" / "base.safetensors", {**kit.SDXL, "v_pred": (0,)})
    assert of(checked(workspace), "options-prediction") == []
    assert of(checked(workspace, "v_parameterization=false"), "options-prediction") == ["block"]
    # Whether with zero terminal SNR its header does not say.
    assert of(checked(workspace), "base-prediction") == ["warn"]


def test_the_vae_must_be_one(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path)
    toml = workspace.root / "loratui.toml"
    toml.write_text(toml.read_text().replace("[model]", '[model]\nvae = "vae.safetensors"'))
    workspace = Workspace.open(workspace.root)
    assert of(checked(workspace), "vae") == ["block"]
    kit.model(tmp_path / "models" / "vae.safetensors", kit.SD15)
    assert of(checked(workspace), "vae") == ["block"]
    kit.model(tmp_path / "models" / "vae.safetensors", {"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (1,)})
    assert of(checked(workspace), "vae") == ["ok"]


def test_a_warm_start_needs_a_lora(workspace: Workspace) -> None:
    assert of(checked(workspace, "network_weights=gone.safetensors"), "network-weights") == ["block"]
    kit.model(workspace.root / "base.safetensors", kit.SD15)
    assert of(checked(workspace, "network_weights=base.safetensors"), "network-weights") == ["block"]
    kit.model(workspace.root / "lora.safetensors", {"lora_unet_x.alpha": (1,)})
    assert of(checked(workspace, "network_weights=lora.safetensors"), "network-weights") == []


# ---- options


@pytest.mark.parametrize(
    ("sets", "check", "level"),
    [
        (["color_aug=true"], "options-cache", "block"),
        (["random_crop=true", "cache_latents=false"], "options-cache", None),
        (["cache_text_encoder_outputs=true"], "options-cache-text", "block"),
        (["bucket_reso_steps=32"], "options-buckets", "block"),
        (["bucket_reso_steps=32", "enable_bucket=false"], "options-buckets", None),
        (["resolution=1536"], "options-buckets", "block"),
        (["min_bucket_reso=640"], "options-buckets", "block"),
        (["lr_scheduler=constant"], "options-warmup", "block"),
        (["lr_scheduler=constant", "lr_warmup_steps=0"], "options-warmup", None),
        (["lr_scheduler=adafactor", "lr_warmup_steps=0"], "options-scheduler", "block"),
        (["full_bf16=true"], "options-precision", "block"),
        (["full_fp16=true"], "options-precision", None),
        (["fp8_base=true", "mixed_precision=no"], "options-precision", "block"),
        (["unet_lr=0.01"], "options-learning-rate", "warn"),
        (["optimizer_type=Prodigy"], "options-learning-rate", "warn"),
        (["optimizer_type=Prodigy", "unet_lr=1", "text_encoder_lr=1"], "options-learning-rate", None),
        (["unet_lr=0", "text_encoder_lr=0"], "options-learning-rate", "block"),
        (["network_alpha=64"], "options-alpha", "warn"),
        (["network_dim=128", "network_alpha=1"], "options-alpha", "warn"),
        (["network_dim=256", "network_alpha=128"], "options-dim", "warn"),
        (["network_type=loha", "network_dim=96", "network_alpha=48"], "options-dim", "warn"),
        (["conv_dim=4"], "options-conv", "warn"),
        (["conv_dim=4", "network_type=locon"], "options-conv", None),
        (["scale_v_pred_loss_like_noise_pred=true"], "options-prediction", "block"),
        (["zero_terminal_snr=true"], "options-prediction", "warn"),
        (["preset=sdxl-character"], "options-preset", "warn"),
        (["resolution=1280", "max_bucket_reso=1280"], "options-resolution", "warn"),
        (["validation_split=0.1"], "options-validation", "warn"),
    ],
)  # fmt: skip
def test_settings_that_go_wrong_together(workspace: Workspace, sets: list[str], check: str, level: str | None) -> None:
    assert of(checked(workspace, *sets), check) == ([level] if level else [])


@pytest.mark.parametrize(
    ("sets", "check", "level"),
    [
        (["cache_text_encoder_outputs=true"], "options-cache-text", "block"),
        (["cache_text_encoder_outputs=true", "shuffle_caption=false", "text_encoder_lr=0"], "options-cache-text", None),
        (["bucket_reso_steps=32"], "options-buckets", None),
        (["bucket_reso_steps=16"], "options-buckets", "block"),
        (["no_half_vae=false"], "options-half-vae", "warn"),
        ([], "options-half-vae", None),
        (["resolution=512"], "options-resolution", "warn"),
        (["clip_skip=2"], "options-clip-skip", "warn"),
    ],
)
def test_settings_that_go_wrong_on_sdxl(
    workspace: Workspace, tmp_path: Path, sets: list[str], check: str, level: str | None
) -> None:
    kit.model(tmp_path / "models" / "base.safetensors", kit.SDXL)
    assert of(checked(workspace, *sets), check) == ([level] if level else [])


def test_every_finding_on_options_has_a_setting_that_mends_it(workspace: Workspace) -> None:
    sets = ["color_aug=true", "lr_scheduler=constant", "full_bf16=true", "resolution=1536", "network_alpha=64"]
    found = [check for check in checked(workspace, *sets) if check.id.startswith("options-")]
    mended = [check.fix.removeprefix("loratui train --set ") for check in found]
    assert len(found) >= 5
    left = [check for check in checked(workspace, *sets, *mended) if check.id.startswith("options-")]
    assert [check.id for check in left if check.level == "block"] == []


@pytest.mark.parametrize(
    ("sets", "said", "level"),
    [
        (["epochs=200"], "far more", "warn"),
        (["epochs=10", "batch_size=64"], "too few", "warn"),
        (["epochs=50", "batch_size=40"], "every few steps", "warn"),
        ([], "1,000 steps in 10 epochs of 100", "ok"),
    ],
)
def test_the_length_is_weighed(workspace: Workspace, sets: list[str], said: str, level: str) -> None:
    assert said in message(checked(workspace, *sets), "steps", level)


# ---- samples and name


def test_sample_prompts_are_read(workspace: Workspace) -> None:
    file = workspace.root / "prompts.txt"
    assert of(checked(workspace, "sample_prompts=prompts.txt"), "samples") == ["block"]
    file.write_text("# a comment\nkafka, smile --w 512 --h 768 --d 1\n")
    assert of(checked(workspace, "sample_prompts=prompts.txt"), "samples") == ["ok"]
    file.write_text("1girl, smile\n")
    assert of(checked(workspace, "sample_prompts=prompts.txt"), "samples") == ["warn"]
    file.write_text("kafka --w 500\n")
    assert of(checked(workspace, "sample_prompts=prompts.txt"), "samples") == ["block"]
    assert of(checked(workspace, "sample_prompts="), "samples") == []


def test_names_that_make_no_files_block(workspace: Workspace) -> None:
    assert of(checked(workspace, "output_name=../evil"), "output-name") == ["block"]
    assert of(checked(workspace, "output_name=my lora"), "output-name") == ["warn"]
    assert of(checked(workspace, "output_name=kafka-v2"), "output-name") == []


# ---- machine


def test_a_trainer_that_was_never_set_up_blocks(tmp_path: Path) -> None:
    kit.model(tmp_path / "kafka" / "models" / "base.safetensors", kit.SD15)
    found = checked(kit.project(tmp_path / "kafka"))
    assert message(found, "trainer", "block").startswith("The trainer is not set up")
    assert of(found, "base-model") == ["ok"]


@pytest.fixture
def real_layout(tmp_path: Path) -> Path:
    """A trainer laid out like sd-scripts."""
    return kit.scripts(tmp_path / "sd", like_sd_scripts=True)


def with_python(tmp_path: Path, layout: Path, *sets: str, **answer: object) -> list[Check]:
    python = kit.answering_python(tmp_path / "python", **answer)  # type: ignore[arg-type]
    kit.model(tmp_path / "models" / "base.safetensors", kit.SD15)
    kit.configure(python, layout, tmp_path / "models")
    workspace = Workspace.open(tmp_path / "kafka") if (tmp_path / "kafka").exists() else kit.project(tmp_path / "kafka")
    return checked(workspace, *sets, gpus=WIDE_OPEN)


def test_packages_of_the_trainer_are_asked_for_as_the_recipe_needs_them(tmp_path: Path, real_layout: Path) -> None:
    assert of(with_python(tmp_path, real_layout), "trainer") == ["ok"]
    missing = {name: version for name, version in kit.PACKAGES.items() if name not in ("bitsandbytes", "lycoris-lora")}
    found = with_python(tmp_path, real_layout, packages=missing)
    assert "lacks bitsandbytes" in message(found, "trainer-packages", "block")
    assert of(with_python(tmp_path, real_layout, "optimizer_type=AdamW", packages=missing), "trainer") == ["ok"]
    found = with_python(tmp_path, real_layout, "optimizer_type=AdamW", "network_type=loha", packages=missing)
    assert "lacks lycoris-lora" in message(found, "trainer-packages", "block")
    found = with_python(tmp_path, real_layout, broken={"bitsandbytes": "OSError: no libcudart"})
    assert "no libcudart" in message(found, "trainer-packages", "block")
    found = with_python(tmp_path, real_layout, "attention=xformers")
    assert "lacks xformers" in message(found, "trainer-packages", "block")


def test_lycoris_four_is_named_where_it_trains_less(tmp_path: Path, real_layout: Path) -> None:
    newer = {**kit.PACKAGES, "lycoris-lora": "4.1.3"}
    assert of(with_python(tmp_path, real_layout, "network_type=loha", packages=newer), "options-lycoris") == ["warn"]
    assert of(with_python(tmp_path, real_layout, "network_type=loha"), "options-lycoris") == []


def test_precision_fits_the_hardware(tmp_path: Path, real_layout: Path) -> None:
    assert of(with_python(tmp_path, real_layout, cuda=False), "precision") == ["block"]
    assert of(with_python(tmp_path, real_layout, "mixed_precision=no", cuda=False), "precision") == ["warn"]
    assert of(with_python(tmp_path, real_layout), "precision") == []
    assert of(with_python(tmp_path, real_layout, "mixed_precision=bf16"), "precision") == []
    assert of(with_python(tmp_path, real_layout, "mixed_precision=bf16", capability=7.5), "precision") == ["block"]


SCRIPT = """
import argparse
def setup_parser():
    parser = argparse.ArgumentParser()
    for name in {names!r}:
        parser.add_argument("--" + name)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--sdpa", type=float)
    parser.add_argument("--save_precision", choices=["float"])
    return parser
"""
SCHEMA = """
class ConfigSanitizer:
    def __init__(self, *supported):
        self.general_schema = dict.fromkeys(["caption_extension", "shuffle_caption"])
        self.db_subset_schema = dict.fromkeys(["num_repeats", "keep_tokens"])
        self.db_dataset_schema = dict.fromkeys({keys!r})
"""
KEYS = ["resolution", "batch_size", "enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"]


def test_the_script_in_use_is_asked_for_options_and_dataset_keys(
    tmp_path: Path, real_layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubs = tmp_path / "stubs"
    for name in kit.PACKAGES:
        (stubs / {"lycoris-lora": "lycoris"}.get(name, name)).mkdir(parents=True)
    (stubs / "lycoris" / "kohya.py").touch()
    (stubs / "torch" / "__init__.py").write_text("class cuda:\n    is_available = staticmethod(lambda: False)\n")
    monkeypatch.setenv("PYTHONPATH", str(stubs))
    kit.model(tmp_path / "models" / "base.safetensors", kit.SD15)
    kit.configure(sys.executable, real_layout, tmp_path / "models")
    workspace = kit.project(tmp_path / "kafka")
    names = compose_arguments(workspace).keys() - {"seed", "sdpa", "save_precision"}
    script, schema = real_layout / "train_network.py", real_layout / "library" / "config_util.py"

    def said(names: set[str], keys: list[str]) -> list[Check]:
        script.write_text(SCRIPT.format(names=sorted(names)))
        schema.write_text(SCHEMA.format(keys=keys))
        return checked(workspace, "mixed_precision=no")

    text = message(said(names - {"clip_skip"}, KEYS), "script", "block")
    assert "no option clip_skip" in text
    assert "save_precision cannot be 'fp16'" in text
    assert "sdpa cannot be True" not in text  # True is a number to Python
    assert "no dataset key bucket_no_upscale" in message(said(names, KEYS), "script", "block")

    script.write_text(script.read_text().replace('["float"]', '["fp16"]'))
    schema.write_text(SCHEMA.format(keys=[*KEYS, "bucket_no_upscale"]))
    assert of(checked(workspace, "mixed_precision=no"), "script") == ["ok"]
    stamp = script.stat()
    script.write_text("raise RuntimeError('no such thing')")
    os.utime(script, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert of(checked(workspace, "mixed_precision=no"), "script") == ["ok"]  # remembered
    script.touch()
    assert "no such thing" in message(checked(workspace, "mixed_precision=no"), "script", "block")


def compose_arguments(workspace: Workspace) -> dict[str, object]:
    from loratui.core.training.arguments import arguments

    situation = survey(workspace)
    assert situation.base
    return arguments(situation.recipe, situation.base, 1)


def gpu(free: float, processes: int = 0, index: int = 0) -> Gpu:
    return Gpu(index, "Test GPU", 24_000_000_000, int(free * 1e9), processes)


@pytest.mark.parametrize(
    ("found", "selected", "level", "said"),
    [
        (Gpus((), None, "no NVIDIA driver is loaded"), (), "warn", "no NVIDIA driver"),
        (Gpus((), None, "no NVIDIA driver is loaded"), (0,), "block", "was asked for"),
        (Gpus((gpu(23),), (12, 4)), (), "ok", "23.0 of 24.0 GB free"),
        (Gpus((gpu(23),), (12, 4)), (1,), "block", "no GPU 1; there are 0"),
        (Gpus((gpu(20, processes=2),), (12, 4)), (), "warn", "2 other process"),
        (Gpus((gpu(1.2),), (12, 4)), (), "warn", "takes about"),
    ],
)
def test_gpus_are_looked_at(
    workspace: Workspace, found: Gpus, selected: tuple[int, ...], level: str, said: str
) -> None:
    assert said in message(checked(workspace, gpus=found, selected=selected), "gpu", level)


def test_a_gpu_smaller_than_the_base_blocks(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_weights", lambda situation: 2_000_000_000)
    assert "alone takes" in message(checked(workspace, gpus=Gpus((gpu(1),), (12, 4))), "gpu", "block")


def test_a_full_disk_and_a_read_only_project_block(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "lora_bytes", lambda situation: 10**15)
    assert of(checked(workspace), "disk") == ["block"]
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "read-only" in message(checked(workspace), "disk", "block")


def test_memory_for_loading_the_base_is_looked_at(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(checked(workspace), "memory") == []
    real = Path.read_text

    def little(path: Path, *more: Any, **named: Any) -> str:
        return "MemAvailable: 1000000 kB" if str(path) == "/proc/meminfo" else real(path, *more, **named)

    monkeypatch.setattr(Path, "read_text", little)
    assert "1.0 GB of memory" in message(checked(workspace), "memory", "warn")


def test_a_tokenizer_that_cannot_be_fetched_blocks(
    workspace: Workspace, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    assert of(checked(workspace), "tokenizer") == []
    assert of(checked(workspace, "tokenizer_cache_dir=words"), "tokenizer") == ["warn"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert of(checked(workspace), "tokenizer") == ["block"]
    assert of(checked(workspace, "tokenizer_cache_dir=words"), "tokenizer") == ["block"]
    (workspace.root / "words" / "openai_clip-vit-large-patch14").mkdir(parents=True)
    assert of(checked(workspace, "tokenizer_cache_dir=words"), "tokenizer") == []
    (home / ".cache" / "huggingface" / "hub" / "models--openai--clip-vit-large-patch14").mkdir(parents=True)
    assert of(checked(workspace), "tokenizer") == []


def test_foreign_keys_of_the_recipe_are_a_warning(tmp_path: Path) -> None:
    assert of(checked(kit.ready(tmp_path, toml="something_of_tomorrow = 1")), "recipe") == ["warn"]


def test_situation_is_looked_up_once(workspace: Workspace) -> None:
    situation = survey(workspace)
    assert situation.facts is situation.facts and isinstance(situation, Situation)
