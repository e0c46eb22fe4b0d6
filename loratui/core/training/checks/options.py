"""Checks of settings against each other: what the trainer would refuse, often after minutes, and classic mistakes."""

from collections.abc import Iterator
from typing import Literal

from loratui.core.checks import Check
from loratui.core.training.arguments import lycoris_takes_convolutions, predicts_v
from loratui.core.training.checks.dataset import counted
from loratui.core.training.recipe import Recipe
from loratui.core.training.situation import Situation
from loratui.core.training.steps import bucket_rules

_ADAPTIVE = ("Prodigy", "DAdaptAdam", "DAdaptLion")
_STEP_OF_FAMILY = {"sd15": 64, "sdxl": 32}


def options(situation: Situation) -> Iterator[Check]:
    """Everything above; one `ok` where nothing was found."""
    found = [
        *_caching(situation.recipe, situation.family),
        *_buckets(situation.recipe, situation.family),
        *_learning(situation.recipe),
        *_precision(situation),
        *_network(situation),
        *_prediction(situation),
        *_family(situation),
    ]
    yield from found
    if not any(check.level == "block" for check in found):
        yield Check("options", "ok", "No settings contradict each other.")


def _finding(name: str, level: Literal["warn", "block"], message: str, sets: str, more: str = "") -> Check:
    """A finding that other settings remedy."""
    return Check(f"options-{name}", level, message, f"Set {sets}{more}.", f"loratui train --set {sets.split(' ')[0]}")


def _caching(recipe: Recipe, family: str) -> Iterator[Check]:
    for key in ("color_aug", "random_crop"):
        if recipe.flag(key) and (recipe.flag("cache_latents") or recipe.flag("cache_latents_to_disk")):
            yield _finding(
                "cache",
                "block",
                f"{key} and cache_latents exclude each other.",
                f"{key}=false",
                " or turn both caches off",
            )
    if not recipe.flag("cache_text_encoder_outputs"):
        return
    if family != "sdxl":
        yield _finding(
            "cache-text", "block", "Only SDXL can cache text encoder outputs.", "cache_text_encoder_outputs=false"
        )
        return
    against = [
        key
        for key in ("shuffle_caption", "caption_dropout_rate", "caption_tag_dropout_rate", "text_encoder_lr")
        if recipe[key] not in (False, 0)
    ]
    if against:
        message = f"Cached text encoder outputs and {', '.join(against)} exclude each other."
        yield _finding("cache-text", "block", message, "cache_text_encoder_outputs=false")


def _buckets(recipe: Recipe, family: str) -> Iterator[Check]:
    rules, multiple = bucket_rules(recipe), _STEP_OF_FAMILY.get(family, 64)
    if rules.enabled and rules.step % multiple:
        message = f"bucket_reso_steps {rules.step} is no multiple of {multiple}."
        yield _finding("buckets", "block", message, f"bucket_reso_steps={multiple}")
    fault = rules.fault()
    if fault:
        fitting = {"max": max(rules.resolution), "min": min(rules.resolution)}
        if "less than" in fault:
            fitting["min"] = rules.step
        bound = fault[:3]
        yield _finding("buckets", "block", f"{fault}.", f"{bound}_bucket_reso={fitting[bound]}")


def _learning(recipe: Recipe) -> Iterator[Check]:
    scheduler, optimizer = recipe.text("lr_scheduler"), recipe.text("optimizer_type")
    if scheduler in ("constant", "adafactor") and recipe.number("lr_warmup_steps"):
        message = f"The scheduler {scheduler} takes no warm-up; the trainer would stop after loading the model."
        yield _finding("warmup", "block", message, "lr_warmup_steps=0", ", or lr_scheduler=constant_with_warmup")
    if scheduler == "adafactor" and optimizer != "AdaFactor":
        yield _finding(
            "scheduler", "block", "The scheduler adafactor needs the optimiser AdaFactor.", "lr_scheduler=cosine"
        )
    rate, text_rate = recipe.number("unet_lr"), recipe.number("text_encoder_lr")
    if optimizer in _ADAPTIVE:
        if not 0.1 <= rate <= 2:
            message = f"{optimizer} finds its own rate and takes unet_lr near 1; it is {rate:g}."
            yield _finding("learning-rate", "warn", message, "unet_lr=1", " and text_encoder_lr=1")
    elif max(rate, text_rate) > 1e-3:
        message = f"A learning rate of {max(rate, text_rate):g} often ends in NaN."
        yield _finding("learning-rate", "warn", message, "unet_lr=5e-4")
    if rate == 0 and text_rate == 0:
        yield _finding("learning-rate", "block", "Both learning rates are 0: nothing would be learned.", "unet_lr=5e-4")


def _precision(situation: Situation) -> Iterator[Check]:
    recipe, mixed = situation.recipe, situation.recipe.text("mixed_precision")
    for key, wanted in (("full_fp16", "fp16"), ("full_bf16", "bf16")):
        if recipe.flag(key) and mixed != wanted:
            yield _finding(
                "precision",
                "block",
                f"{key} needs mixed_precision {wanted}; it is {mixed}.",
                f"mixed_precision={wanted}",
            )
    if recipe.flag("fp8_base") and mixed == "no":
        yield _finding("precision", "block", "fp8_base needs mixed precision.", "mixed_precision=fp16")
    own_vae = situation.project.model.get("vae")
    if situation.family == "sdxl" and mixed == "fp16" and not recipe.flag("no_half_vae") and not own_vae:
        message = "The VAE of SDXL overflows in fp16: black samples, NaN."
        yield _finding("half-vae", "warn", message, "no_half_vae=true")


def _network(situation: Situation) -> Iterator[Check]:
    recipe, kind = situation.recipe, situation.recipe.text("network_type")
    dim, alpha = recipe.integer("network_dim"), recipe.number("network_alpha")
    if alpha > dim:
        yield _finding(
            "alpha", "warn", f"network_alpha {alpha:g} is above network_dim {dim}.", f"network_alpha={dim / 2:g}"
        )
    elif alpha / dim < 0.05:
        message = f"network_alpha {alpha:g} at dim {dim} scales what is learned by {alpha / dim:.3f}."
        yield _finding("alpha", "warn", message, f"network_alpha={dim / 2:g}")
    limit = 64 if kind == "loha" else 128
    if dim > limit:
        message = f"network_dim {dim} is large for a {kind}: more memory, bigger files, learns by heart."
        yield _finding("dim", "warn", message, f"network_dim={limit // 2}")
    if kind == "lora" and {"conv_dim", "conv_alpha"} & recipe.changed().keys():
        yield _finding("conv", "warn", "conv_dim and conv_alpha do nothing in a lora.", "network_type=locon")
    if kind == "loha" and recipe.integer("conv_dim") and not lycoris_takes_convolutions(situation.lycoris):
        yield Check(
            "options-lycoris",
            "warn",
            f"LyCORIS {situation.lycoris} stops at SD1.5's convolutions: they will not be trained.",
            "Run `loratui setup` for the version that works, or set conv_dim=0.",
            "loratui setup",
        )


def _prediction(situation: Situation) -> Iterator[Check]:
    recipe, base = situation.recipe, situation.base
    trained = predicts_v(recipe, base.v_prediction if base else False)
    if base is not None and recipe["v_parameterization"] != "auto" and trained != base.v_prediction:
        known = "v" if base.v_prediction else "noise"
        level: Literal["warn", "block"] = "block" if base.v_prediction else "warn"
        message = f"{base.file.name} predicts {known}, and v_parameterization is {str(trained).lower()}."
        yield _finding("prediction", level, message, "v_parameterization=auto")
    if recipe["scale_v_pred_loss_like_noise_pred"] is True and not trained:
        message = "scale_v_pred_loss_like_noise_pred needs a base that predicts v."
        yield _finding("prediction", "block", message, "scale_v_pred_loss_like_noise_pred=auto")
    if recipe["zero_terminal_snr"] is True and not trained:
        yield _finding(
            "prediction", "warn", "Zero terminal SNR without v-prediction goes wrong.", "zero_terminal_snr=auto"
        )


def _family(situation: Situation) -> Iterator[Check]:
    recipe, family = situation.recipe, situation.family
    if recipe.preset.family != family and family in _STEP_OF_FAMILY:
        message = f"The preset {recipe.preset.name} is for another family than {family}."
        kind = "style" if recipe.preset.kind == "style" else "character"
        yield _finding("preset", "warn", message, f"preset={family}-{kind}")
    side = min(recipe.size())
    if family == "sdxl" and side < 768:
        yield _finding("resolution", "warn", f"SDXL learns badly at {side} pixels.", "resolution=1024")
    if family == "sd15" and side > 1024:
        yield _finding("resolution", "warn", f"SD1.5 learns badly at {side} pixels.", "resolution=768")
    if family == "sdxl" and recipe["clip_skip"] not in (None, 0):
        yield _finding("clip-skip", "warn", "clip_skip does nothing good on SDXL.", "clip_skip=none")


def steps(situation: Situation) -> Iterator[Check]:
    """Whether the length makes sense."""
    length = situation.plan
    if not length.images_per_epoch:
        return
    said = f"{counted(length.steps_exact, 'step')} in {counted(length.epochs, 'epoch')} of {length.steps_per_epoch:,}"
    if length.steps_exact > 10_000:
        yield Check(
            "steps",
            "warn",
            f"{said}: far more than a LoRA needs.",
            "Fewer repeats or epochs: `loratui plan`.",
            "loratui plan",
        )
    elif length.steps_exact < 100:
        yield Check(
            "steps",
            "warn",
            f"{said}: too few to learn much.",
            "More repeats or epochs: `loratui plan --full`.",
            "loratui plan",
        )
    elif length.steps_per_epoch < 10:
        yield Check(
            "steps", "warn", f"{said}: checkpoints every few steps.", "More repeats and fewer epochs.", "loratui plan"
        )
    else:
        yield Check("steps", "ok", f"{said}.")
    held = sum(part.held_out for part in length.subsets)
    if situation.recipe.number("validation_split") and sum(part.images for part in length.subsets) + held < 50:
        message = f"Validation takes {counted(held, 'image')} from a dataset under 50."
        yield _finding("validation", "warn", message, "validation_split=0")
