"""The sample prompts of a run, as sd-scripts' prompt file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core.errors import LoratuiError, from_os
from loratui.core.training.recipe import Recipe

if TYPE_CHECKING:
    from loratui.core.project import Project

_NEGATIVE = {
    "sd15": "lowres, bad anatomy, bad hands, text, error, missing fingers, worst quality, low quality, watermark",
    "sdxl": "lowres, bad anatomy, bad hands, text, error, worst quality, low quality, jpeg artifacts, watermark",
}
_QUALITY = {"sd15": "masterpiece, best quality", "sdxl": "masterpiece, best quality"}
_OPTION = re.compile(r"\s--(\w+)\s+(\S+)")


def prompt_text(project: "Project", recipe: Recipe, family: str) -> str:
    """The prompt file's text, "" for no samples.

    Args:
        project: its triggers make the prompts where the recipe says `auto`, or holds the named file.
        recipe: `sample_prompts`, and the size by `resolution`.
        family: of the base.

    Raises:
        LoratuiError: the named file cannot be read.
    """
    named = recipe.text("sample_prompts")
    if named in ("", "none"):
        return ""
    if named != "auto":
        path = project.root / Path(named).expanduser()
        try:
            return path.read_text("utf-8")
        except OSError as error:
            raise from_os(error, f"Reading the sample prompts {named}") from error
        except UnicodeDecodeError as error:
            raise LoratuiError(f"The sample prompts {named} are not UTF-8 text.", "Save them as UTF-8.") from error
    return "\n".join(_automatic(project, recipe, family)) + "\n"


def _automatic(project: "Project", recipe: Recipe, family: str) -> Iterator[str]:
    """Two prompts of each trigger, the same seed: one plain, one away from what the dataset shows."""
    width, height = (side - side % 64 for side in recipe.size())
    steps, scale = (28, 7) if family == "sd15" else (28, 6)
    tail = f"--n {_NEGATIVE.get(family, _NEGATIVE['sd15'])} --w {width} --h {height} --d 42 --s {steps} --l {scale}"
    quality = _QUALITY.get(family, _QUALITY["sd15"])
    triggers = [subset.trigger for subset in project.subsets if subset.trigger][:2] or [""]
    for trigger in triggers:
        front = f"{quality}, {trigger}" if trigger else quality
        scenes = (
            ("scenery, outdoors, sky", "city, night")
            if project.kind == "style"
            else ("upper body, simple background", "outdoors, sitting")
        )
        for scene in scenes:
            yield f"{front}, {scene} {tail}"


def prompts(text: str) -> list[str]:
    """The prompts of a file's text, with their options; comments and empty lines left out."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def options(prompt: str) -> dict[str, str]:
    """The one-letter options of a prompt: `w`, `h`, `d`, `s`, `l` …; not the negative prompt, which holds spaces."""
    return {name: value for name, value in _OPTION.findall(prompt) if name != "n"}
