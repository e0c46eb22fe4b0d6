"""Base models that can be fetched from the Hugging Face hub: a few by a short name, any other as REPOSITORY/FILE."""

from dataclasses import dataclass

from loratui.core.errors import UsageError
from loratui.core.nearest import nearest


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file on the hub.

    Attributes:
        name: the short name it is asked for by.
        repo: owner and repository.
        file: its path in the repository.
        family: of the base model, "" where it is not known beforehand.
        title: what it is, in a few words.
    """

    name: str
    repo: str
    file: str
    family: str = ""
    title: str = ""


KNOWN = (
    HubFile("sd15", "stable-diffusion-v1-5/stable-diffusion-v1-5", "v1-5-pruned-emaonly.safetensors",
            "sd15", "Stable Diffusion 1.5"),
    HubFile("anylora", "Lykon/AnyLoRA", "AnyLoRA_noVae_fp16-pruned.safetensors",
            "sd15", "AnyLoRA, an anime base to train on"),
    HubFile("sdxl", "stabilityai/stable-diffusion-xl-base-1.0", "sd_xl_base_1.0.safetensors",
            "sdxl", "Stable Diffusion XL 1.0"),
    HubFile("illustrious", "OnomaAIResearch/Illustrious-xl-early-release-v0", "Illustrious-XL-v0.1.safetensors",
            "sdxl", "Illustrious XL 0.1"),
    HubFile("noobai", "Laxhar/noobai-XL-1.1", "NoobAI-XL-v1.1.safetensors", "sdxl", "NoobAI XL 1.1"),
    HubFile("noobai-vpred", "Laxhar/noobai-XL-Vpred-1.0", "NoobAI-XL-Vpred-v1.0.safetensors",
            "sdxl", "NoobAI XL, v-prediction"),
    HubFile("animagine", "cagliostrolab/animagine-xl-4.0", "animagine-xl-4.0.safetensors", "sdxl", "Animagine XL 4.0"),
)  # fmt: skip
"""Bases that are trained on most; names of the hub's repositories as their owners publish them."""


def hub_file(name: str) -> HubFile:
    """What `name` asks for.

    Args:
        name: a short name of `KNOWN`, or OWNER/REPOSITORY/FILE.

    Raises:
        UsageError: neither.
    """
    for known in KNOWN:
        if known.name == name.lower():
            return known
    parts = name.split("/")
    if len(parts) >= 3 and all(parts) and ".." not in parts and name.endswith(".safetensors"):
        return HubFile(name, "/".join(parts[:2]), "/".join(parts[2:]))
    names = [known.name for known in KNOWN]
    near = nearest(name.lower(), names)
    raise UsageError(
        f'"{name}" is no base model that can be fetched by name.',
        f"Did you mean {near}?" if near else f"Fetch {', '.join(names)}, or OWNER/REPOSITORY/FILE.safetensors.",
    )
