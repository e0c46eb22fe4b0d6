"""Base models fetched from the Hugging Face hub: a few by a short name, any other as REPOSITORY/FILE."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from loratui.core import jobs
from loratui.core.errors import LoratuiError, UsageError, from_os
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


def size(wanted: HubFile) -> int:
    """Bytes of the file, asked of the hub.

    Raises:
        LoratuiError: the hub does not answer, or has no such file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        facts = get_hf_file_metadata(
            hf_hub_url(wanted.repo, wanted.file, endpoint=os.environ.get("HF_ENDPOINT")), timeout=15
        )
    except Exception as error:  # the hub's client raises errors of three libraries
        raise _refused(wanted, type(error).__name__, str(error)) from error
    return facts.size or 0


# Runs in a child, so that cancelling ends it at once; what is there of the file stays and is gone on from.
_DOWNLOAD = """
import json, sys
from huggingface_hub import hf_hub_download
try:
    print(json.dumps({"path": hf_hub_download(sys.argv[1], sys.argv[2], local_dir=sys.argv[3])}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


def fetch(
    wanted: HubFile, folder: Path, total: int, *, report: jobs.Report = jobs.silent, cancel: Event | None = None
) -> Path:
    """Downloads the file into `folder`, going on from what an interrupted download left.

    Args:
        wanted: the file.
        folder: made if missing.
        total: its size in bytes, for the progress.

    Raises:
        LoratuiError: the hub refuses, the disk is full, or it cannot be written.
        Cancelled: the person interrupted.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = os.statvfs(folder)
    except OSError as error:
        raise from_os(error, f"Fetching {wanted.file}") from error
    if free.f_bavail * free.f_frsize < total:
        raise LoratuiError(
            f"{folder} has no room for {wanted.file} ({total / 1e9:.1f} GB).",
            "Free some, or name another folder with --to.",
        )
    environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-I", "-c", _DOWNLOAD, wanted.repo, wanted.file, str(folder)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    try:
        while True:
            try:
                answer, _ = child.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                report(_arrived(folder), total or None, wanted.file)
                jobs.check(cancel)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            child.communicate()
    lines = answer.decode("utf-8", "replace").splitlines()
    result = json.loads(lines[-1]) if lines else {"error": "the download", "message": f"ended with {child.returncode}"}
    if "error" in result:
        raise _refused(wanted, result["error"], result["message"])
    return Path(result["path"])


def _arrived(folder: Path) -> int:
    """Bytes of unfinished downloads in `folder`, where the hub's client keeps them."""
    parts = (folder / ".cache" / "huggingface" / "download").rglob("*.incomplete")
    return max((part.stat().st_size for part in parts if part.exists()), default=0)


def _refused(wanted: HubFile, kind: str, message: str) -> LoratuiError:
    """The hub client's error as one sentence with a remedy."""
    if "Gated" in kind or "401" in message or "403" in message:
        return LoratuiError(
            f"{wanted.repo} wants you to log in and accept its terms.",
            "Accept them on its page, then run `hf auth login`.",
        )
    if "NotFound" in kind:
        return LoratuiError(f"The hub has no {wanted.file} in {wanted.repo}.", "Look up the file's name on its page.")
    if "No space" in message:
        return LoratuiError(
            f"The disk is full: {wanted.file} is not whole.", "Free some space and fetch it again: it goes on."
        )
    return LoratuiError(f"{wanted.file} could not be fetched ({kind}).", "Check the network and try again: it goes on.")
