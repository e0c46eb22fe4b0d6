"""A real training in the demo, where a trainer is set up and a base model is named: with what, and how on this machine.

A demo is to show the whole way in minutes. On a GPU that is the preset for a few epochs; on a processor it is as small
as a training can be.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from loratui.core import tomls
from loratui.core.errors import LoratuiError
from loratui.core.project import FILE
from loratui.core.runs.state import Run
from loratui.core.training import environment, models
from loratui.core.training.model_file import inspect

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from loratui.core.config import Config
    from loratui.core.project import Project

_PROMPTS = "prompts.txt"
_SHORT: dict[str, object] = {"epochs": 4, "output_name": "mira-real"}
_SMALL: dict[str, object] = {
    "resolution": 64,
    "min_bucket_reso": 64,
    "max_bucket_reso": 128,
    "network_dim": 8,
    "network_alpha": 4,
    "mixed_precision": "no",
    "optimizer_type": "AdamW",
    "max_token_length": "75",
    "max_data_loader_n_workers": 0,
    "sample_prompts": _PROMPTS,
}
_SCENES = ("upper body, simple background", "outdoors, sitting")


def taken_over(config: "Config") -> dict[str, object]:
    """What the demo's own configuration takes over of the person's, so that trainer and models are found there, too."""
    trainer = msgspec.to_builtins(config.trainer)
    try:
        found = environment.locate(config)
        trainer = {"python": str(found.python), "sd_scripts": str(found.scripts)}
    except LoratuiError:
        pass  # none is set up, or not rightly: preflight says which, and the demo shows the recording
    return {"model_dirs": [str(folder) for folder in models.folders(config)], "trainer": trainer}


def trains(folder: Path) -> bool:
    """Whether a training goes on in a demo's folder."""
    commands = folder.glob("*/runs/*/command.json")
    return any(not Run(path.parent).state().over for path in commands)


def fit(project: "Project", config: "Config") -> str:
    """Fits the demo's recipe to the machine, in its loratui.toml.

    Args:
        project: the demo's, with a base model named.
        config: the demo's.

    Returns:
        what is trained on what, in words; "" where nothing can be trained, for want of a trainer or of the model.
    """
    try:
        facts = environment.probe(environment.locate(config))
        model = inspect(models.find(project.model["base"], config, project))
    except LoratuiError:
        return ""
    if not model.family:  # as a scratch model may be cut: preflight says that it was told so
        project.set("model.family", "sd15")
    settings = dict(_SHORT)
    if facts.cuda:
        where = facts.devices[0][0] if facts.devices else "the GPU"
        if "bitsandbytes" not in facts.packages or "bitsandbytes" in facts.broken:
            settings["optimizer_type"] = "AdamW"
    else:
        where = "the processor, with tiny pictures: a trial"
        settings |= _SMALL
        tomls.edit(project.root / FILE, _once, lock=project.root / ".loratui" / "lock")
        text = "".join(f"mira, 1girl, {scene} --w 64 --h 64 --d 42 --s 6 --l 5\n" for scene in _SCENES)
        (project.root / _PROMPTS).write_text(text)
    for key, value in settings.items():
        project.set(f"training.{key}", value)
    return f"{model.path.name} on {where}"


def _once(document: "TOMLDocument") -> None:
    """Every picture is seen once an epoch."""
    for subset in document["subset"]:
        subset["repeats"] = 1
