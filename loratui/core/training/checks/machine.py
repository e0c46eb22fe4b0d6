"""Checks of the machine: the trainer's environment, the GPU, the disk."""

import os
from collections.abc import Iterator

from loratui.core.checks import Check
from loratui.core.errors import LoratuiError
from loratui.core.gpu import Gpu
from loratui.core.training.environment import COMMIT, NEEDED, Facts, Trainer, is_sd_scripts, mend
from loratui.core.training.model_file import ModelFile
from loratui.core.training.situation import Situation

# What an optimiser or an option imports, as pip calls it.
_PACKAGES = {
    "AdamW8bit": "bitsandbytes",
    "PagedAdamW8bit": "bitsandbytes",
    "Lion8bit": "bitsandbytes",
    "Lion": "lion-pytorch",
    "Prodigy": "prodigyopt",
    "DAdaptAdam": "dadaptation",
    "DAdaptLion": "dadaptation",
    "AdamWScheduleFree": "schedulefree",
}


def trainer(situation: Situation) -> Iterator[Check]:
    """The trainer is there, and has the packages this recipe needs."""
    facts = situation.facts
    if isinstance(facts, LoratuiError):
        yield Check("trainer", "block", facts.message, facts.remedy, "loratui setup")
        return
    if isinstance(situation.trainer, Trainer) and not is_sd_scripts(situation.trainer.scripts):
        message = f"{situation.trainer.scripts} is not laid out like sd-scripts: what it needs cannot be checked."
        yield Check("trainer", "warn", message, "Make sure that its environment is whole.")
        return
    recipe = situation.recipe
    needed = {*NEEDED, _PACKAGES.get(recipe.text("optimizer_type"), "torch")}
    needed |= {"lycoris-lora"} if recipe["network_type"] == "loha" else set()
    needed |= {"xformers"} if recipe["attention"] == "xformers" else set()
    missing = sorted(needed - facts.packages.keys())
    broken = sorted(needed & facts.broken.keys())
    if missing:
        message = f"The trainer's environment lacks {', '.join(missing)}."
        yield Check("trainer-packages", "block", message, "Run `loratui setup`, or install it there.", "loratui setup")
    for name in broken:
        message = f"{name} is installed for the trainer and cannot be imported: {facts.broken[name]}."
        remedy = mend(situation.trainer, name) if isinstance(situation.trainer, Trainer) else ""
        yield Check("trainer-packages", "block", message, remedy)
    if not missing and not broken:
        torch = facts.packages.get("torch", "?")
        yield Check("trainer", "ok", f"The trainer is set up: Python {facts.python}, torch {torch}.")
    if facts.commit and facts.commit != COMMIT:
        message = f"sd-scripts is at {facts.commit[:8]}; loratui was measured against {COMMIT[:8]}."
        yield Check("trainer-commit", "warn", message, "The check of its options tells whether it fits.")


def precision(situation: Situation) -> Iterator[Check]:
    """The number format fits the hardware."""
    facts = situation.facts
    if not isinstance(facts, Facts) or "torch" not in facts.packages:
        return
    mixed = situation.recipe.text("mixed_precision")
    if not facts.cuda:
        if mixed != "no":
            message = f"Torch sees no GPU, and {mixed} does not work on the CPU."
            remedy = "Mend the GPU's driver, or set mixed_precision=no to train on the CPU."
            yield Check("precision", "block", message, remedy, "loratui train --set mixed_precision=no")
        else:
            yield Check(
                "precision", "warn", "Torch sees no GPU: the CPU takes seconds to minutes a step.", "Fine for a trial."
            )
    elif mixed == "bf16" and any(capability < 8 for _, capability in facts.devices):
        name, capability = min(facts.devices, key=lambda device: device[1])
        message = f"{name} (compute {capability:g}) has no bf16 of its own."
        yield Check(
            "precision", "block", message, "Set mixed_precision=fp16.", "loratui train --set mixed_precision=fp16"
        )


def gpu(situation: Situation) -> Iterator[Check]:
    """A GPU is there, free, and large enough as far as that can be told."""
    machine = situation.gpus
    if not machine.found:
        yield Check(
            "gpu", "warn", f"No GPU was found: {machine.reason}.", "Training on the CPU is only fit for trials."
        )
        if situation.selected:
            yield Check("gpu", "block", f"GPU {situation.selected[0]} was asked for.", "Leave --gpu out.")
        return
    indexes = [found.index for found in machine.found]
    unknown = [index for index in situation.selected if index not in indexes]
    if unknown:
        yield Check(
            "gpu",
            "block",
            f"There is no GPU {unknown[0]}; there are {', '.join(map(str, indexes))}.",
            "Choose one of them.",
        )
        return
    for found in machine.found:
        if found.index in (situation.selected or indexes[:1]):
            yield _memory(situation, found)


def _memory(situation: Situation, found: Gpu) -> Check:
    need, weights = _estimate(situation), _weights(situation)
    said = f"GPU {found.index} ({found.name}): {found.memory()}"
    if weights and found.free is not None and found.free < weights:
        message = f"{said}; the base alone takes {weights / 1e9:.1f} GB."
        return Check("gpu", "block", message, "Wait until it is free, or choose another with --gpu.")
    if found.processes:
        message = f"{said}; {found.processes} other process(es) compute on it."
        return Check("gpu", "warn", message, "The run waits for loratui's own runs, not for others.")
    if found.free is not None and need > found.free:
        message = f"{said}; this recipe takes about {need / 1e9:.0f} GB (rough)."
        return Check("gpu", "warn", message, "Set gradient_checkpointing=true or a smaller batch_size.")
    return Check("gpu", "ok", f"{said}; this recipe takes about {need / 1e9:.0f} GB (rough).")


def _weights(situation: Situation) -> int:
    """Bytes of the base in half precision: no training fits into less."""
    if not isinstance(situation.model, ModelFile):
        return 0
    return min(situation.model.bytes, 7_000_000_000 if situation.family == "sdxl" else 2_200_000_000)


def _estimate(situation: Situation) -> float:
    """A rough guess at the memory in bytes, not measured: weights, and activations by area and batch."""
    recipe = situation.recipe
    width, height = recipe.size()
    per_image = 0.9e9 if situation.family == "sd15" else 0.7e9
    per_image *= 0.35 if recipe.flag("gradient_checkpointing") else 1
    images = recipe.integer("batch_size") * width * height / (512 * 512)
    return _weights(situation) * (2 if recipe["mixed_precision"] == "no" else 1) + images * per_image + 1.0e9


def disk(situation: Situation) -> Iterator[Check]:
    """Room for checkpoints, states, caches and samples; and a folder one may write to."""
    root = situation.project.root
    folder = root / "runs" if (root / "runs").is_dir() else root
    if not os.access(folder, os.W_OK):
        yield Check(
            "disk",
            "block",
            f"{folder} is read-only: no run can be made.",
            "Change its permissions, or move the project.",
        )
        return
    recipe, length = situation.recipe, situation.plan
    size = lora_bytes(situation)
    saves = -(-length.epochs // recipe.integer("save_every_n_epochs"))
    kept = min(saves, recipe.integer("save_last_n_epochs") or saves) + 1
    need = kept * size * (5 if recipe.flag("save_state") else 1) + 50_000_000
    if recipe.flag("cache_latents_to_disk"):
        width, height = recipe.size()
        need += sum(part.images for part in length.subsets) * width * height // 64 * 16
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    said = f"about {need / 1e9:.1f} GB for {kept} checkpoints of {size / 1e6:.0f} MB; {free / 1e9:.1f} GB are free"
    if free < need:
        yield Check("disk", "block", f"{said}.", "Free some space, or keep fewer checkpoints: save_last_n_epochs.")
    elif free < 2 * need:
        yield Check("disk", "warn", f"{said}.", "Free some space.")
    else:
        yield Check("disk", "ok", f"{said}.")
    if facts.f_files and facts.f_favail < 4 * sum(part.images for part in length.subsets) + 1000:
        yield Check("disk", "block", "The file system is nearly out of inodes.", "Delete files you do not need.")


def lora_bytes(situation: Situation) -> int:
    """Bytes of one checkpoint, about, by measured sizes: an SD1.5 LoRA takes 1.2 MB a rank in fp16."""
    recipe = situation.recipe
    per_rank, per_conv = (7.1e6, 3.0e6) if situation.family == "sdxl" else (1.2e6, 1.1e6)
    size = recipe.integer("network_dim") * per_rank
    if recipe["network_type"] != "lora":
        size += recipe.integer("conv_dim") * per_conv
    return int(
        size * (2 if recipe["network_type"] == "loha" else 1) * (2 if recipe["save_precision"] == "float" else 1)
    )
