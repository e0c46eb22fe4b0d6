"""Checks of the base model and the other model files."""

from collections.abc import Iterator
from pathlib import Path

from loratui.core.checks import Check
from loratui.core.errors import LoratuiError
from loratui.core.training.arguments import SCRIPTS
from loratui.core.training.model_file import FAMILY_NAMES, ROLE_NAMES, ModelFile
from loratui.core.training.situation import Situation


def base_model(situation: Situation) -> Iterator[Check]:
    """The base is there, whole, a base model, of a family that can be trained, and what loratui.toml says it is."""
    model = situation.model
    if isinstance(model, LoratuiError):
        yield Check("base-model", "block", model.message, model.remedy, "loratui models")
        return
    name, declared = model.path.name, situation.project.model.get("family", "")
    if model.role not in ("base", ""):
        yield Check(
            "base-model",
            "block",
            f"{name} is {ROLE_NAMES[model.role]}, not a base model.",
            "Name the base under [model].",
        )
        return
    if model.inpainting:
        message = f"{name} is an inpainting model: its U-Net takes a mask, the trainer gives none."
        yield Check("base-model", "block", message, "Use the ordinary version of the model.")
        return
    if model.family and model.family not in SCRIPTS:
        message = f"{name} is of the family {FAMILY_NAMES[model.family]}; loratui trains SD1.5 and SDXL."
        yield Check(
            "base-model",
            "block",
            message,
            "Choose another base: `loratui models` lists what is here.",
            "loratui models",
        )
        return
    if not model.family:
        if declared not in SCRIPTS:
            message = f"The family of {name} cannot be told from its header."
            yield Check(
                "base-model", "block", message, 'Say family = "sd15" or "sdxl" under [model], or choose another base.'
            )
        else:
            family = FAMILY_NAMES[declared]
            message = f"The header of {name} does not say its family; taken for {family}, as loratui.toml says."
            yield Check("base-model", "warn", message, "Make sure that it is.")
        return
    if declared and declared != model.family:
        message = f"loratui.toml says {declared}, but {name} is {FAMILY_NAMES[model.family]}."
        yield Check(
            "base-family", "block", message, f'Set family = "{model.family}" under [model], or name the other file.'
        )
        return
    yield Check("base-model", "ok", f"{name}: {model.describe()}, {model.bytes / 1e9:.1f} GB.")
    yield from _prediction(model)


def _prediction(model: ModelFile) -> Iterator[Check]:
    if model.prediction == "v" and not model.zero_snr:
        message = f"{model.path.name} predicts v; whether with zero terminal SNR its header does not say."
        yield Check("base-prediction", "warn", message, "If its page says so, set zero_terminal_snr=true.")


def vae(situation: Situation) -> Iterator[Check]:
    """The VAE that loratui.toml names besides, if any, is one."""
    found = situation.vae
    if isinstance(found, LoratuiError):
        yield Check("vae", "block", f"The VAE: {found.message}", found.remedy)
    elif found is not None and found.role not in ("vae", "diffusers"):
        message = f"{found.path.name}, named as VAE, is {found.describe()}."
        yield Check("vae", "block", message, "Name a VAE under [model], or take the line out.")
    elif found is not None:
        yield Check("vae", "ok", f"{found.path.name} is used as VAE.")


def warm_start(situation: Situation) -> Iterator[Check]:
    """The LoRA to go on from, if any, is there."""
    from loratui.core.training.model_file import try_inspect

    name = situation.recipe.text("network_weights")
    if not name:
        return
    found = try_inspect(situation.project.root / Path(name).expanduser())
    if isinstance(found, LoratuiError):
        yield Check(
            "network-weights",
            "block",
            f"network_weights: {found.message}",
            "Name a LoRA file, by a path from the project or an absolute one.",
        )
    elif found.role != "lora":
        yield Check(
            "network-weights",
            "block",
            f"network_weights: {found.path.name} is {found.describe()}.",
            "Name a LoRA file.",
        )
