"""The recipe as sd-scripts' arguments, exactly as the pinned commit reads them."""

from dataclasses import dataclass
from pathlib import Path

from loratui.core.training.recipe import Recipe

SCRIPTS = {"sd15": "train_network.py", "sdxl": "sdxl_train_network.py"}
"""The entry point by family of the base."""

LYCORIS_CONV_PRESETS = ((3, 2), (4, 0))
"""From and below which LyCORIS versions the default preset works: 4.x names SD1.5 modules twice and stops."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base model a recipe is trained on.

    Attributes:
        file: absolute path.
        family: `sd15` or `sdxl`.
        v_prediction: whether it predicts v instead of noise.
        zero_snr: whether it was trained with zero terminal SNR.
        vae: a VAE used instead of its own, None for none.
    """

    file: Path
    family: str
    v_prediction: bool = False
    zero_snr: bool = False
    vae: Path | None = None


def arguments(recipe: Recipe, base: Base, epochs: int, lycoris: str = "") -> dict[str, object]:
    """sd-scripts' options by name without dashes, as its `--config_file` takes them.

    The paths of the run itself, the dataset and the samples are not among them.

    Args:
        recipe: what a person chose.
        base: the base model.
        epochs: epochs to train.
        lycoris: version of lycoris-lora in the trainer's environment, "" for none or unknown.
    """
    result: dict[str, object] = {"pretrained_model_name_or_path": str(base.file)}
    if base.vae is not None:
        result["vae"] = str(base.vae)
    for entry in recipe:
        setting, value = entry.setting, entry.value
        if setting.target == "argument" and not unused(value, setting.off):
            # The type of a number decides its meaning for some options: floats stay floats, whole numbers whole.
            result[setting.passed_as] = float(value) if setting.kind == "float" and isinstance(value, int) else value
    result |= _network(recipe, lycoris)
    result |= _learning(recipe)
    result |= _prediction(recipe, base)
    if recipe.text("attention") != "none":
        result[recipe.text("attention")] = True
    if recipe.text("max_token_length") != "75":
        result["max_token_length"] = int(recipe.text("max_token_length"))
    if recipe.integer("max_data_loader_n_workers") == 0:
        result.pop("persistent_data_loader_workers", None)
    if recipe.flag("cache_latents_to_disk"):
        result["cache_latents"] = True
    result |= {"max_train_epochs": epochs, "save_model_as": "safetensors"}
    return result


def unused(value: object, off: object) -> bool:
    """Whether a value is the one that leaves its option out."""
    return value is None or value is False or (off is not None and value == off)


def _network(recipe: Recipe, lycoris: str) -> dict[str, object]:
    """Module and arguments of the network: LoRA and LoCon are sd-scripts' own, LoHa is LyCORIS's."""
    kind = recipe.text("network_type")
    words = []
    if kind == "loha":
        words.append("algo=loha")
    if kind in ("locon", "loha") and recipe.integer("conv_dim"):
        words += [f"conv_dim={recipe.integer('conv_dim')}", f"conv_alpha={recipe.number('conv_alpha'):g}"]
    if kind == "loha" and not lycoris_takes_convolutions(lycoris):
        words.append("preset=attn-mlp")
    words += [f"{key}={recipe.number(key):g}" for key in ("rank_dropout", "module_dropout") if recipe.number(key)]
    result: dict[str, object] = {"network_module": "lycoris.kohya" if kind == "loha" else "networks.lora"}
    if words:
        result["network_args"] = words
    return result


def lycoris_takes_convolutions(version: str) -> bool:
    """Whether this version's default preset, which trains convolutions, works; an unknown one is taken for ours."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return not numbers or LYCORIS_CONV_PRESETS[0] <= numbers < LYCORIS_CONV_PRESETS[1]


def _learning(recipe: Recipe) -> dict[str, object]:
    result: dict[str, object] = {"learning_rate": float(recipe.number("unet_lr"))}
    if recipe.number("text_encoder_lr"):
        result["text_encoder_lr"] = [float(recipe.number("text_encoder_lr"))]
    else:
        result["network_train_unet_only"] = True
    warmup = recipe["lr_warmup_steps"]
    # A float below 1 is a share of all steps, a whole number counts steps: sd-scripts tells them apart by their type.
    if isinstance(warmup, float) and warmup >= 1:
        warmup = int(warmup)
    result["lr_warmup_steps"] = warmup or 0
    return result


def _prediction(recipe: Recipe, base: Base) -> dict[str, object]:
    """Prediction type and zero terminal SNR: the base's own unless the recipe says otherwise."""
    v_prediction = predicts_v(recipe, base.v_prediction)
    zero_snr = base.zero_snr if recipe["zero_terminal_snr"] == "auto" else recipe.flag("zero_terminal_snr")
    scaling = recipe["scale_v_pred_loss_like_noise_pred"]
    scaled = v_prediction if scaling == "auto" else scaling is True
    named = {
        "v_parameterization": v_prediction,
        "zero_terminal_snr": zero_snr,
        "scale_v_pred_loss_like_noise_pred": scaled,
    }
    return {name: True for name, on in named.items() if on}


def predicts_v(recipe: Recipe, base_does: bool) -> bool:
    """Whether v is trained: as the recipe says, or as the base does where it says `auto`."""
    return base_does if recipe["v_parameterization"] == "auto" else recipe.flag("v_parameterization")
