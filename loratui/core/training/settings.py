"""The one table of training settings: parsing, checking, listing and sd-scripts' arguments all derive from it."""

import json
from dataclasses import dataclass
from typing import Literal

from loratui.core.errors import UsageError
from loratui.core.nearest import nearest

Kind = Literal["int", "float", "bool", "choice", "text", "list", "size"]
Value = bool | int | float | str | list[str] | list[int] | None
Target = Literal["argument", "dataset", "subset", "own"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a training.

    Attributes:
        key: its name in loratui.toml, presets and `--set`.
        kind: how its value is read; `size` is one number or two as WIDTHxHEIGHT.
        default: the value where no layer gives one; None leaves the choice to sd-scripts.
        help: one short sentence.
        target: where it goes: a command-line argument of the script, a key of the dataset TOML, a key of every subset
            in it, or `own`, which other modules turn into arguments.
        name: its name there, where it differs from the key.
        low: smallest value allowed.
        high: largest value allowed.
        choices: values allowed for `choice`; for other kinds words allowed besides numbers, such as `auto`.
        off: the value that means "not used": nothing is passed on.
        aliases: other names it is known by.
    """

    key: str
    kind: Kind
    default: Value
    help: str
    target: Target = "argument"
    name: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    off: Value = None
    aliases: tuple[str, ...] = ()

    @property
    def passed_as(self) -> str:
        """The name the value goes by in sd-scripts."""
        return self.name or self.key

    def parse(self, text: str) -> Value:
        """The value that `text` (from `--set` or a form) means.

        Raises:
            UsageError: it cannot be read as this kind, or is out of range.
        """
        text = text.strip()
        if text in self.choices:
            return text
        if text.lower() in ("none", "default", "") and self.kind != "text":
            if self.default is None or self.kind == "list":
                return [] if self.kind == "list" else None
            raise self._refused(text)
        try:
            match self.kind:
                case "int":
                    return self.check(int(text))
                case "float":
                    return self.check(int(text) if text.lstrip("+-").isdigit() else float(text))
                case "bool":
                    return {"true": True, "yes": True, "on": True, "1": True}.get(text.lower()) or self._false(text)
                case "size":
                    parts = [int(part) for part in text.lower().replace("×", "x").replace(",", "x").split("x")]
                    return self.check(parts[0] if len(parts) == 1 else parts)
                case "list":
                    return self.check(text.split())
        except ValueError:
            raise self._refused(text) from None
        return self.check(text)

    def _false(self, text: str) -> bool:
        if text.lower() in ("false", "no", "off", "0"):
            return False
        raise self._refused(text)

    def check(self, value: object) -> Value:
        """`value` as it came from TOML, if it is one this setting takes.

        Raises:
            UsageError: the type is wrong or the value is out of range.
        """
        if value in (None, "none") and self.default is None:
            return None
        if isinstance(value, str) and value in self.choices:
            return value
        if self.kind == "choice" and isinstance(value, int) and str(value) in self.choices:
            return str(value)
        if self.kind == "bool" and isinstance(value, bool):
            return value
        if self.kind == "text" and isinstance(value, str) and "\n" not in value:
            return value
        if self.kind == "list" and isinstance(value, list) and all(isinstance(item, str) for item in value):
            return [str(item) for item in value]
        if self.kind in ("int", "float", "size") and not isinstance(value, bool):
            if isinstance(value, int) or (self.kind == "float" and isinstance(value, float)):
                if self._in_range(value):
                    return value
            elif self.kind == "size" and isinstance(value, list) and len(value) == 2:
                pair = [part for part in value if isinstance(part, int) and not isinstance(part, bool)]
                if len(pair) == 2 and all(map(self._in_range, pair)):
                    return pair
        raise self._refused(value)

    def _in_range(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def _refused(self, value: object) -> UsageError:
        return UsageError(
            f"{self.key} cannot be {json.dumps(value, default=str)}.", f"{self.key} takes {self.takes()}."
        )

    def takes(self) -> str:
        """What values it takes, in words: `a whole number of 1 or more, or auto`."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        words = {
            "int": "a whole number",
            "float": "a number",
            "bool": "true or false",
            "text": "text on one line",
            "list": "words separated by spaces",
            "size": "a number of pixels, or WIDTHxHEIGHT,",
        }[self.kind]
        if self.low is not None and self.high is not None:
            words += f" from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            words += f" of {self.low:g} or more"
        return ", or ".join([words, *self.choices])

    @staticmethod
    def stored(value: Value) -> Value:
        """`value` as a TOML file can hold it: what is left to sd-scripts is "none"."""
        return "none" if value is None else value

    def show(self, value: Value) -> str:
        """`value` as a person writes it after `KEY=`."""
        match value:
            case None:
                return "none"
            case bool():
                return "true" if value else "false"
            case float():
                return f"{value:g}"
            case list():
                return ("x" if self.kind == "size" else " ").join(map(str, value))
        return str(value)


OPTIMIZERS = (
    "AdamW8bit", "AdamW", "PagedAdamW8bit", "Lion", "Lion8bit", "AdaFactor", "Prodigy", "DAdaptAdam", "DAdaptLion",
    "AdamWScheduleFree", "SGDNesterov",
)  # fmt: skip
SCHEDULERS = (
    "cosine_with_restarts", "cosine", "constant", "constant_with_warmup", "linear", "polynomial", "cosine_with_min_lr",
    "inverse_sqrt", "adafactor",
)  # fmt: skip

_NETWORK = (
    Setting("network_type", "choice", "lora", "what is trained: lora, locon (convolutions too) or loha (LyCORIS)",
            "own",
            choices=("lora", "locon", "loha"), aliases=("network", "algo")),
    Setting("network_dim", "int", 32, "rank of the network: its capacity and file size", low=1, high=1024,
            aliases=("dim", "rank")),
    Setting("network_alpha", "float", 16.0, "scales what is learnt by alpha / dim", low=0.0001, aliases=("alpha",)),
    Setting("conv_dim", "int", 8, "rank of the convolutions (locon, loha); 0 leaves them out", "own", low=0, high=512),
    Setting("conv_alpha", "float", 1.0, "alpha of the convolutions", "own", low=0.0001),
    Setting("network_dropout", "float", 0, "share of neurons left out at each step", low=0, high=0.99, off=0),
    Setting("rank_dropout", "float", 0, "share of ranks left out at each step", "own", low=0, high=0.99, off=0),
    Setting("module_dropout", "float", 0, "share of modules left out at each step", "own", low=0, high=0.99, off=0),
    Setting("scale_weight_norms", "float", 0, "scales weights down above this norm; 0 never", low=0, off=0),
    Setting("network_weights", "text", "", "a LoRA to go on from", off=""),
)  # fmt: skip

_PICTURES = (
    Setting("resolution", "size", 512, "area trained at, in pixels: one side of the square, or WIDTHxHEIGHT",
            "dataset", low=64, high=4096),
    Setting("batch_size", "int", 2, "images per step", "dataset", low=1, high=512, aliases=("train_batch_size",
            "batch")),
    Setting("enable_bucket", "bool", True, "keep every picture's shape instead of cropping it square", "dataset"),
    Setting("min_bucket_reso", "int", 256, "shortest side of a bucket", "dataset", low=32, high=4096),
    Setting("max_bucket_reso", "int", 1024, "longest side of a bucket", "dataset", low=64, high=8192),
    Setting("bucket_reso_steps", "int", 64, "sides of buckets are multiples of this", "dataset", low=8, high=512),
    Setting("bucket_no_upscale", "bool", False, "never enlarge small pictures", "dataset"),
    Setting("flip_aug", "bool", False, "mirror pictures at random: only where left and right do not matter", "subset"),
    Setting("color_aug", "bool", False, "vary colours a little", "subset"),
    Setting("random_crop", "bool", False, "crop at random instead of in the middle", "subset"),
    Setting("cache_latents", "bool", True, "encode every picture once and keep the result"),
    Setting("cache_latents_to_disk", "bool", False, "keep it in files beside the run's pictures"),
    Setting("vae_batch_size", "int", 1, "pictures encoded at a time", low=1, high=64),
)  # fmt: skip

_CAPTIONS = (
    Setting("shuffle_caption", "bool", True, "shuffle the tags behind the kept ones at every step", "subset"),
    Setting("keep_tokens", "int", "auto", "tags at the front that stay there; auto: the subset's trigger tags", "own",
            low=0, high=32,
            choices=("auto",)),
    Setting("caption_dropout_rate", "float", 0, "share of steps without a caption", "subset", low=0, high=1, off=0),
    Setting("caption_tag_dropout_rate", "float", 0, "share of tags left out", "subset", low=0, high=1, off=0),
    Setting("caption_dropout_every_n_epochs", "int", 0, "an epoch without captions every so many", "subset", low=0,
            off=0),
    Setting("max_token_length", "choice", "225", "tokens of a caption that are read", "own", choices=("75", "150",
            "225")),
    Setting("clip_skip", "int", None, "layer of the text encoder, counted from the end", low=1, high=12),
)  # fmt: skip

_LENGTH = (
    Setting("epochs", "int", "quick", "epochs; quick and full take the guide's tables by image count", "own", low=1,
            high=10_000,
            choices=("quick", "full"), aliases=("max_train_epochs",)),
    Setting("save_every_n_epochs", "int", 1, "epochs between checkpoints", low=1),
    Setting("save_last_n_epochs", "int", 10, "checkpoints kept; 0 keeps all", low=0, off=0),
    Setting("save_state", "bool", False, "save what is needed to resume with every checkpoint"),
    Setting("save_precision", "choice", "fp16", "number format of the files", choices=("fp16", "bf16", "float")),
    Setting("output_name", "text", "", "name of the LoRA's files; empty: the project's name", "own"),
    Setting("seed", "int", 42, "seed of everything random", low=0, high=2**31 - 1),
    Setting("training_comment", "text", "", "a comment kept in the LoRA's header", off=""),
)  # fmt: skip

_LEARNING = (
    Setting("unet_lr", "float", 5e-4, "learning rate of the U-Net", low=0, high=10, aliases=("learning_rate", "lr")),
    Setting("text_encoder_lr", "float", 1e-4, "learning rate of the text encoder; 0 leaves it as it is", "own", low=0,
            high=10,
            aliases=("te_lr",)),
    Setting("optimizer_type", "choice", "AdamW8bit", "optimiser", choices=OPTIMIZERS, aliases=("optimizer",)),
    Setting("optimizer_args", "list", [], "further arguments of the optimiser, NAME=VALUE each", off=[]),
    Setting("lr_scheduler", "choice", "cosine_with_restarts", "how the learning rate changes", choices=SCHEDULERS,
            aliases=("scheduler",)),
    Setting("lr_scheduler_num_cycles", "int", 3, "restarts", low=1, high=1000),
    Setting("lr_scheduler_min_lr_ratio", "float", None, "where cosine_with_min_lr ends, as a share", low=0, high=1),
    Setting("lr_scheduler_power", "float", None, "power of the polynomial scheduler", low=0),
    Setting("lr_warmup_steps", "float", 0.05, "steps of slow start; below 1 a share of all steps", "own", low=0,
            aliases=("warmup",)),
    Setting("max_grad_norm", "float", 1.0, "gradients are clipped at this norm; 0 never", low=0),
    Setting("gradient_accumulation_steps", "int", 1, "batches gathered into one step", low=1, high=1024),
    Setting("gradient_checkpointing", "bool", False, "less memory, slower steps"),
)  # fmt: skip

_LOSS = (
    Setting("min_snr_gamma", "float", 5, "weighs noisy steps down; 0 not at all", low=0, high=20, off=0),
    Setting("noise_offset", "float", 0, "brightness the noise may shift by; 0 none", low=0, high=1, off=0),
    Setting("multires_noise_iterations", "int", 0, "layers of coarse noise; 0 none", low=0, high=16, off=0),
    Setting("multires_noise_discount", "float", None, "strength of each coarser layer", low=0, high=1),
    Setting("ip_noise_gamma", "float", 0, "noise put on the input; 0 none", low=0, high=1, off=0),
    Setting("loss_type", "choice", "l2", "measure of the error", choices=("l2", "l1", "huber", "smooth_l1")),
    Setting("v_parameterization", "bool", "auto", "the base predicts v; auto: as its header says", "own",
            choices=("auto",)),
    Setting("zero_terminal_snr", "bool", "auto", "zero terminal SNR; auto: as the base's header says", "own",
            choices=("auto",)),
    Setting("scale_v_pred_loss_like_noise_pred", "bool", "auto",
            "scale the loss of v like that of noise; auto: with v", "own",
            choices=("auto",)),
    Setting("validation_split", "float", 0, "share of the images held out to measure on", "dataset", low=0, high=0.9,
            off=0),
    Setting("validation_seed", "int", 42, "which images those are", "own", low=0),
)  # fmt: skip

_MACHINE = (
    Setting("mixed_precision", "choice", "fp16", "number format of the computation", choices=("fp16", "bf16", "no")),
    Setting("full_fp16", "bool", False, "gradients in fp16 too"),
    Setting("full_bf16", "bool", False, "gradients in bf16 too"),
    Setting("fp8_base", "bool", False, "the base in fp8: less memory"),
    Setting("no_half_vae", "bool", False, "the VAE in full precision: no black pictures with SDXL"),
    Setting("attention", "choice", "sdpa", "implementation of attention", "own", choices=("sdpa", "xformers", "none")),
    Setting("cache_text_encoder_outputs", "bool", False,
            "encode captions once (SDXL, with text_encoder_lr 0 and no shuffling)"),
    Setting("max_data_loader_n_workers", "int", 2, "processes that load pictures", low=0, high=64),
    Setting("persistent_data_loader_workers", "bool", True, "keep those processes between epochs"),
    Setting("tokenizer_cache_dir", "text", "", "folder of tokenizers, for a machine without network", off=""),
)  # fmt: skip

_SAMPLES = (
    Setting("sample_prompts", "text", "auto", "file of sample prompts; auto: two of the trigger; empty: no samples",
            "own"),
    Setting("sample_every_n_epochs", "int", 1, "epochs between samples", "own", low=1),
    Setting("sample_at_first", "bool", False, "samples before the first step, too", "own"),
    Setting("sample_sampler", "choice", "euler_a", "sampler of the samples", "own",
            choices=("euler_a", "euler", "ddim", "dpmsolver++", "dpm_2", "dpm_2_a", "heun", "lms", "pndm")),
)  # fmt: skip

SETTINGS: dict[str, Setting] = {
    setting.key: setting
    for group in (_NETWORK, _PICTURES, _CAPTIONS, _LENGTH, _LEARNING, _LOSS, _MACHINE, _SAMPLES)
    for setting in group
}
_BY_NAME = {name: setting for setting in SETTINGS.values() for name in (setting.key, *setting.aliases)}


def find(key: str) -> Setting | None:
    """The setting of that name or alias, None where there is none."""
    return _BY_NAME.get(key.strip().lower().replace("-", "_"))


def setting(key: str) -> Setting:
    """The setting of that name or alias.

    Raises:
        UsageError: there is none; the remedy names the nearest.
    """
    found = find(key)
    if found is None:
        raise UsageError(
            f"Unknown setting {json.dumps(key)}.", suggestion(key) or "`loratui recipe` lists all settings."
        )
    return found


def suggestion(key: str, within: int = 4) -> str:
    """A question with the setting nearest to `key`, "" where none is within so many edits."""
    near = nearest(key.lower(), [*_BY_NAME, "preset"], within=min(within, len(key) // 2))
    return f"Did you mean {near}?" if near else ""
