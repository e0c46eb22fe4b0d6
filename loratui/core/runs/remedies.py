"""What to do about the ways in which trainings fail: by words of the reason that state.json keeps."""

_REMEDIES = (
    ("CUDA out of memory", "Lower the batch size or the resolution, or set gradient_checkpointing=true."),
    ("ran out of memory", "Close other programs, or set max_data_loader_n_workers=0."),
    ("No space left", "Free some space, then go on with `loratui resume`."),
    ("No data found", "Look at the folders in the run's dataset.toml: they hold no images."),
    ("not a number", "Lower the learning rates; on SDXL in half precision set no_half_vae=true."),
    ("caption file is empty", "Write something into the caption, or delete it; then start anew."),
    ("image file is truncated", "Take the broken image away: `loratui check-images` names it."),
    ("ZeroDivisionError", "An image cannot be decoded: `loratui check-images` names it."),
    ("image too large, but cropping and bucketing are disabled", "Set enable_bucket=true."),
    (
        "neither a valid local path nor a valid repo id",
        "Choose the base model anew: `loratui models` lists those found.",
    ),
    (
        "expected str, bytes or os.PathLike object, not NoneType",
        "The tokenizer is not there: be online for the first training.",
    ),
    (
        "unrecognized arguments",
        "This sd-scripts does not know the option: take it out of the recipe, or update sd-scripts.",
    ),
    (
        "extra keys not allowed",
        "This sd-scripts does not know the key: take it out of the recipe, or update sd-scripts.",
    ),
    ("duplicated lora name", "Set network_args preset=attn-mlp: this lycoris fails with its default preset."),
    ("No module named", "The trainer's environment is incomplete: `loratui setup` mends it."),
    ("cannot be started", "The trainer's environment is gone: `loratui setup` makes it anew."),
    ("machine was restarted", "Go on with `loratui resume`."),
    ("were killed", "Go on with `loratui resume`."),
    ("had no supervisor", "Go on with `loratui resume`."),
)


def remedy(reason: str) -> str:
    """What to do about a run that ended for this reason; "" where nothing particular is known."""
    return next((text for words, text in _REMEDIES if words in reason), "")
