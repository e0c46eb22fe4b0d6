"""Checks of what the system lends a training: memory, loader processes, the tokenizer's files."""

import os
from collections.abc import Iterator
from pathlib import Path

from loratui.core import hub
from loratui.core.checks import Check
from loratui.core.training.model_file import ModelFile
from loratui.core.training.situation import Situation

# The tokenizers that the scripts fetch from the hub at their start, by family.
_TOKENIZERS = {
    "sd15": ("openai/clip-vit-large-patch14",),
    "sdxl": ("openai/clip-vit-large-patch14", "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"),
}


def memory(situation: Situation) -> Iterator[Check]:
    """The base fits into memory while it is loaded."""
    if not isinstance(situation.model, ModelFile):
        return
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    if free is not None and free < situation.model.bytes + 2_000_000_000:
        message = (
            f"{free / 1e9:.1f} GB of memory are free; loading the base takes {situation.model.bytes / 1e9 + 2:.1f} GB."
        )
        yield Check("memory", "warn", message, "End other programs before.")


def tokenizer(situation: Situation) -> Iterator[Check]:
    """The tokenizer is here, or may be fetched: offline without it the trainer stops with a TypeError."""
    named = situation.recipe.text("tokenizer_cache_dir")
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    for name in _TOKENIZERS.get(situation.family, ()):
        if named:
            folder = situation.project.root / Path(named).expanduser() / name.replace("/", "_")
        else:
            folder = hub.cache() / f"models--{name.replace('/', '--')}"
        if folder.is_dir():
            continue
        if offline:
            message = f"The tokenizer {name} is not in {folder.parent}, and HF_HUB_OFFLINE forbids to fetch it."
            yield Check("tokenizer", "block", message, "Unset HF_HUB_OFFLINE once, or set tokenizer_cache_dir.")
        elif named:
            message = f"The tokenizer {name} is not in {folder.parent}: it will be fetched."
            yield Check("tokenizer", "warn", message, "This needs network, once.")


def workers(situation: Situation) -> Iterator[Check]:
    """Shared memory and open files enough for the processes that load pictures."""
    if not situation.recipe.integer("max_data_loader_n_workers"):
        return
    import resource

    try:
        shared = os.statvfs("/dev/shm")
    except OSError:
        return
    if shared.f_blocks * shared.f_frsize < 128_000_000:
        message = (
            f"/dev/shm holds only {shared.f_blocks * shared.f_frsize / 1e6:.0f} MB, too little for loader processes."
        )
        yield Check("shared-memory", "warn", message, "Set max_data_loader_n_workers=0, or give the container more.")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 512:
        yield Check("open-files", "warn", f"A process may open only {soft} files.", "Run `ulimit -n 4096` before.")
