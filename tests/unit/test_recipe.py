"""The recipe: layers, typos, presets, and what becomes of it for sd-scripts."""

from pathlib import Path

import pytest

from loratui.core.errors import UsageError
from loratui.core.training.arguments import Base, arguments
from loratui.core.training.dataset_config import dataset_keys, subset_keys
from loratui.core.training.presets import preset_for, presets
from loratui.core.training.recipe import Recipe, build, parse_sets
from loratui.core.training.settings import SETTINGS


def made(*sets: str, training: dict[str, object] | None = None, **more: str) -> Recipe:
    return build(training or {}, parse_sets(sets), **more)


def test_later_layers_win_and_every_value_tells_its_origin() -> None:
    recipe = made("network_dim=8", training={"network_dim": 16, "seed": 7})

    assert [
        (recipe.entries[key].value, recipe.entries[key].origin)
        for key in ("network_dim", "seed", "unet_lr", "fp8_base")
    ] == [
        (8, "set"),
        (7, "project"),
        (5e-4, "preset"),
        (False, "default"),
    ]
    assert recipe.entries["unet_lr"].source == "guide"
    assert recipe.changed() == {"network_dim": 8, "seed": 7}


def test_the_listing_names_the_preset_first() -> None:
    listing = made(training={"preset": "sdxl-style"}).documents()

    assert listing[0] == {"key": "preset", "value": "sdxl-style", "origin": "project"}
    assert {row["key"] for row in listing[1:]} == set(SETTINGS)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("netwrk_dim=8", "Did you mean network_dim?"),
        ("lr_schedular=cosine", "Did you mean lr_scheduler?"),
        ("xyzzy=1", "lists all settings"),
        ("network_dim", "--set network_dim=16"),
        ("network_dim=many", "a whole number from 1 to 1024"),
        ("network_dim=0", "a whole number from 1 to 1024"),
        ("network_dim=8.5", "a whole number"),
        ("unet_lr=nan", "a number from 0 to 10"),
        ("lr_scheduler=cosin", "cosine_with_restarts"),
        ("shuffle_caption=perhaps", "true or false"),
        ("resolution=512x", "pixels"),
        ("keep_tokens=none", "or auto"),
        ("preset=sd15-charakter", "Did you mean sd15-character?"),
        ("preset=flux", "There are sd15-character"),
    ],
)
def test_what_cannot_be_understood_is_named_with_the_right_form(word: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_sets([word])
    assert said in caught.value.remedy


def test_a_misspelt_key_of_the_project_is_an_error_and_a_foreign_one_a_warning() -> None:
    with pytest.raises(UsageError, match="network_dmi"):
        build({"network_dmi": 8})
    assert build({"something_of_tomorrow": 8}).warnings == ("something_of_tomorrow",)
    with pytest.raises(UsageError, match="seed cannot be"):
        build({"seed": "forty-two"})
    with pytest.raises(UsageError, match="network_dim cannot be true"):
        build({"network_dim": True})


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("rank=8", 8),
        ("epochs=full", "full"),
        ("max_train_epochs=12", 12),
        ("resolution=512x768", [512, 768]),
        ("lr=1e-3", 1e-3),
        ("lr_warmup_steps=100", 100),
        ("clip_skip=none", None),
        ("optimizer_args=weight_decay=0.1 betas=0.9,0.99", ["weight_decay=0.1", "betas=0.9,0.99"]),
        ("keep-tokens=2", 2),
        ("flip_aug=on", True),
        ("sample_prompts=", ""),
        ("max_token_length=75", "75"),
    ],
)
def test_values_are_read_as_their_kind_and_shown_as_they_are_typed(word: str, value: object) -> None:
    ((key, read),) = parse_sets([word]).items()
    assert read == value
    assert SETTINGS[key].parse(SETTINGS[key].show(read)) == read


def test_presets_hold_the_guides_values_and_say_where_each_is_from() -> None:
    sd15 = preset_for("sd15", "character").values
    assert (sd15["unet_lr"], sd15["text_encoder_lr"], sd15["lr_scheduler"], sd15["lr_scheduler_num_cycles"]) == (
        5e-4,
        1e-4,
        "cosine_with_restarts",
        3,
    )
    assert (sd15["network_dim"], sd15["network_alpha"], sd15["min_snr_gamma"], sd15["lr_warmup_steps"]) == (
        32,
        16,
        5,
        0.05,
    )
    assert [found.name for found in presets()] == ["sd15-character", "sd15-style", "sdxl-character", "sdxl-style"]
    assert all(found.sources[key] for found in presets() for key in found.values)
    assert preset_for("sdxl", "outfit").name == "sdxl-character"
    assert preset_for("flux", "style").name == "sd15-style"


BASE = Base(Path("/models/base.safetensors"), "sd15")


def test_arguments_are_what_sd_scripts_takes() -> None:
    found = arguments(made("text_encoder_lr=0.0001", "lr_warmup_steps=0.05"), BASE, 10)

    assert found["pretrained_model_name_or_path"] == "/models/base.safetensors"
    assert (found["max_train_epochs"], found["text_encoder_lr"], found["lr_warmup_steps"]) == (10, [1e-4], 0.05)
    assert found["network_module"] == "networks.lora" and "network_args" not in found
    assert found["sdpa"] is True and found["max_token_length"] == 225
    assert not any(value is None or value is False for value in found.values())
    # What belongs into the dataset TOML is not repeated, and nothing of ours leaks into the trainer's options.
    assert (
        not {"resolution", "batch_size", "shuffle_caption", "epochs", "network_type", "attention", "keep_tokens"}
        & found.keys()
    )


@pytest.mark.parametrize(
    ("sets", "module", "words"),
    [
        (["network_type=lora"], "networks.lora", None),
        (["network_type=locon", "conv_dim=8", "conv_alpha=1"], "networks.lora", ["conv_dim=8", "conv_alpha=1"]),
        (["network_type=loha", "conv_dim=4"], "lycoris.kohya", ["algo=loha", "conv_dim=4", "conv_alpha=1"]),
        (["network_type=loha", "conv_dim=0"], "lycoris.kohya", ["algo=loha"]),
        (["rank_dropout=0.1"], "networks.lora", ["rank_dropout=0.1"]),
    ],
)
def test_network_types_are_mapped(sets: list[str], module: str, words: list[str] | None) -> None:
    found = arguments(made(*sets), BASE, 1, lycoris="3.4.0")
    assert found["network_module"] == module
    assert found.get("network_args") == words


def test_lycoris_four_takes_the_preset_that_works_there() -> None:
    assert "preset=attn-mlp" in str(arguments(made("network_type=loha"), BASE, 1, lycoris="4.1.3")["network_args"])
    assert "preset" not in str(arguments(made("network_type=loha"), BASE, 1, lycoris="3.4.0")["network_args"])


def test_zero_values_leave_options_out() -> None:
    found = arguments(
        made("text_encoder_lr=0", "min_snr_gamma=0", "save_last_n_epochs=0", "lr_warmup_steps=0"), BASE, 1
    )
    assert found["network_train_unet_only"] is True
    assert not {"text_encoder_lr", "min_snr_gamma", "save_last_n_epochs"} & found.keys()
    # A whole number: sd-scripts takes any float for a share.
    assert found["lr_warmup_steps"] == 0 and isinstance(found["lr_warmup_steps"], int)


def test_a_v_prediction_base_is_trained_as_one() -> None:
    base = Base(Path("/v.safetensors"), "sdxl", v_prediction=True, zero_snr=True)
    found = arguments(made(), base, 1)
    assert found["v_parameterization"] and found["zero_terminal_snr"] and found["scale_v_pred_loss_like_noise_pred"]
    assert "v_parameterization" not in arguments(made("v_parameterization=false"), base, 1)


def test_dataset_keys_name_the_caption_suffix_and_only_what_the_schema_knows() -> None:
    keys = dataset_keys(made("flip_aug=true", "caption_dropout_rate=0", "validation_split=0.1"))
    assert keys["general"] == {"caption_extension": ".txt", "flip_aug": True, "shuffle_caption": True}
    assert keys["dataset"] == {
        "resolution": 512,
        "batch_size": 2,
        "enable_bucket": True,
        "min_bucket_reso": 256,
        "max_bucket_reso": 1024,
        "bucket_reso_steps": 64,
        "bucket_no_upscale": False,
        "validation_split": 0.1,
        "validation_seed": 42,
    }
    assert "validation_seed" not in dataset_keys(made())["dataset"]


def test_keep_tokens_counts_the_triggers() -> None:
    assert subset_keys(made(), 10, 2) == {"num_repeats": 10, "keep_tokens": 2}
    assert subset_keys(made("keep_tokens=5"), 3, 2)["keep_tokens"] == 5
