"""What tests of training stand on: small projects, model files of a few bytes, trainers that answer as told."""

import io
import json
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from loratui.core import paths
from loratui.core.workspace import Workspace

SD15 = {
    "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
    "model.diffusion_model.input_blocks.0.0.weight": (2, 4, 1, 1),
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (1, 768),
    "first_stage_model.decoder.conv_in.weight": (1,),
}
SDXL = {
    "conditioner.embedders.0.transformer.text_model.embeddings.position_ids": (1,),
    "conditioner.embedders.1.model.ln_final.bias": (1,),
    "model.diffusion_model.input_blocks.0.0.weight": (2, 4, 1, 1),
    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (1, 2048),
}
PACKAGES = {
    "torch": "2.6.0", "torchvision": "0.21.0", "accelerate": "1.6.0", "transformers": "4.54.1", "diffusers": "0.32.1",
    "safetensors": "0.4.5", "toml": "0.10.2", "bitsandbytes": "0.50.2", "lycoris-lora": "3.4.0",
}  # fmt: skip


def model(path: Path, shapes: Mapping[str, tuple[int, ...]], **metadata: str) -> Path:
    """Writes a whole safetensors file with these tensors, all zeros in fp16."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        start, length = end, 2
        for side in shape:
            length *= side
        end = start + length
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(end))
    return path


def picture(path: Path, size: tuple[int, int] = (512, 512), caption: str | None = "kafka, 1girl") -> Path:
    """Writes an image with its caption."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (40, 60, 90)).save(path)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption)
    return path


def project(
    root: Path, images: int = 20, *, base: str = "base.safetensors", toml: str = "", subset: str = ""
) -> Workspace:
    """A project `kafka` with one subset, and its workspace."""
    (root / "dataset" / "kafka").mkdir(parents=True)
    drawn = io.BytesIO()
    Image.new("RGB", (512, 512), (40, 60, 90)).save(drawn, "png")
    for number in range(images):
        (root / "dataset" / "kafka" / f"{number:03}.png").write_bytes(drawn.getvalue())
        (root / "dataset" / "kafka" / f"{number:03}.txt").write_text("kafka, 1girl")
    (root / "loratui.toml").write_text(
        f'format = 1\nname = "kafka"\n[model]\nbase = "{base}"\n'
        f'[[subset]]\nfolder = "dataset/kafka"\ntrigger = "kafka"\n{subset}\n[training]\n{toml}\n'
    )
    return Workspace.open(root)


def configure(python: Path | str, scripts: Path, models: Path | None = None) -> None:
    """Writes config.toml: a trainer, and a folder of models."""
    folder = paths.config_dir()
    folder.mkdir(parents=True, exist_ok=True)
    dirs = f"model_dirs = [{json.dumps(str(models))}]\n" if models else ""
    (folder / "config.toml").write_text(
        f"{dirs}[trainer]\npython = {json.dumps(str(python))}\nsd_scripts = {json.dumps(str(scripts))}\n"
    )


def scripts(folder: Path, *, like_sd_scripts: bool = False) -> Path:
    """A folder of sd-scripts, as far as its layout goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train_network.py", "sdxl_train_network.py"):
        (folder / name).write_text("")
    if like_sd_scripts:
        (folder / "library").mkdir()
        (folder / "library" / "train_util.py").write_text("")
    return folder


def answering_python(path: Path, *, cuda: bool = True, capability: float = 8.6, **changed: object) -> Path:
    """An interpreter that answers every question as one with `PACKAGES` would, but for what is `changed`."""
    devices = [["Test GPU", capability]] if cuda else []
    answer = {"python": "3.11.0", "packages": PACKAGES, "broken": {}, "cuda": cuda, "devices": devices, **changed}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def ready(tmp_path: Path, **more: object) -> Workspace:
    """A project on an SD1.5 base with a trainer that only its layout makes one: preflight lets it pass."""
    model(tmp_path / "models" / "base.safetensors", SD15)
    configure(answering_python(tmp_path / "python"), scripts(tmp_path / "sd"), tmp_path / "models")
    return project(tmp_path / "kafka", **more)  # type: ignore[arg-type]
