"""Checks of what a run is given besides: its name and its sample prompts."""

import re
from collections.abc import Iterator

from loratui.core.checks import Check
from loratui.core.errors import LoratuiError
from loratui.core.sanitize import file_name
from loratui.core.training import samples
from loratui.core.training.checks.dataset import counted
from loratui.core.training.situation import Situation


def output_name(situation: Situation) -> Iterator[Check]:
    """The LoRA's files can bear its name."""
    name = situation.recipe.text("output_name") or situation.project.name
    if name != file_name(name):
        message = f"The name “{file_name(name)}” is what “{name}” must become for files."
        yield Check("output-name", "block", message, f"Set output_name={file_name(name)}.")
    elif re.search(r"[^\w.+-]", name):
        message = f"The name “{name}” holds blanks or signs that prompts and tools trip over."
        yield Check("output-name", "warn", message, f"Set output_name={re.sub(r'[^A-Za-z0-9.+_-]+', '_', name)}.")


def sample_prompts(situation: Situation) -> Iterator[Check]:
    """The prompts can be read, name the trigger, and ask for sizes the model can draw."""
    try:
        text = samples.prompt_text(situation.project, situation.recipe, situation.family)
    except LoratuiError as error:
        yield Check("samples", "block", error.message, error.remedy or "Correct sample_prompts.")
        return
    found = samples.prompts(text)
    if not found:
        return
    odd = [prompt for prompt in found for side in ("w", "h") if not _drawable(samples.options(prompt).get(side, "512"))]
    if odd:
        yield Check(
            "samples",
            "block",
            f"Sample size in “{odd[0][:60]}” is no multiple of 8.",
            "Correct --w and --h in the prompts.",
        )
        return
    words = [tag.lower() for part in situation.material for tag in part.subset.triggers]
    without = [prompt for prompt in found if words and not any(word in prompt.lower() for word in words)]
    if without:
        message = f"{counted(len(without), 'sample prompt')} without a trigger: “{without[0][:60]}”."
        yield Check("samples", "warn", message, "Put the trigger in, or the samples will not show what is learned.")
    else:
        yield Check("samples", "ok", f"{counted(len(found), 'sample prompt')}.")


def _drawable(side: str) -> bool:
    return side.isdigit() and int(side) >= 64 and int(side) % 8 == 0
