"""What a .safetensors file is, told from its header alone: a base model and of which family, a LoRA, a VAE …"""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loratui.core.errors import LoratuiError, Refused, from_os

# The format's own limit for the JSON behind the first eight bytes.
_LONGEST_HEADER = 100_000_000
_PICKLED = frozenset((".ckpt", ".pt", ".pth", ".bin"))

FAMILY_NAMES = {
    "sd15": "SD1.5",
    "sd2": "SD2",
    "sdxl": "SDXL",
    "sdxl-refiner": "SDXL refiner",
    "sd3": "SD3",
    "flux": "Flux",
    "chroma": "Chroma",
    "lumina": "Lumina 2",
    "hunyuan": "HunyuanImage",
    "anima": "Anima",
}
ROLE_NAMES = {"base": "a base model", "lora": "a LoRA", "vae": "a VAE", "diffusers": "a part of a Diffusers model"}


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a safetensors file.

    Attributes:
        shapes: shape of every tensor by name.
        metadata: the free text fields, such as `ss_epoch` or `modelspec.architecture`.
    """

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file, as its header tells.

    Attributes:
        path: absolute.
        bytes: its size.
        role: `base`, `lora`, `vae`, `diffusers` (one part of such a model), "" where it cannot be told.
        family: a key of `FAMILY_NAMES`, "" where it cannot be told.
        inpainting: whether its U-Net takes a mask besides.
        prediction: `v`, `epsilon`, or "" where neither header nor name says so; most such bases are epsilon.
        zero_snr: trained with zero terminal SNR, as far as the header says.
        metadata: the header's text fields.
    """

    path: Path
    bytes: int
    role: str
    family: str
    inpainting: bool = False
    prediction: str = ""
    zero_snr: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        """In a few words: `SDXL base model, v-prediction, zero terminal SNR`."""
        if not self.role:
            return "a file of an unknown kind"
        words = [" ".join(filter(None, (FAMILY_NAMES.get(self.family, ""), ROLE_NAMES[self.role].partition(" ")[2])))]
        words += ["inpainting"] if self.inpainting else []
        words += ["v-prediction"] if self.prediction == "v" else []
        words += ["zero terminal SNR"] if self.zero_snr else []
        return ", ".join(words)


def read_header(path: Path) -> Header:
    """Reads the header of a safetensors file and nothing of its tensors.

    Raises:
        Refused: it is no whole safetensors file: pickled, cut off by a broken download, or something else.
        LoratuiError: it cannot be read.
    """
    again = "Download the file again."
    if path.suffix.lower() in _PICKLED:
        raise Refused(
            f"{path.name} is a pickled file, which can run code when it is opened.",
            "Use the .safetensors version of the model, or convert it.",
        )
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            first = file.read(8)
            if len(first) < 8:
                raise Refused(f"{path.name} is {size} bytes long: no safetensors file.", again)
            (length,) = struct.unpack("<Q", first)
            if length > min(_LONGEST_HEADER, size - 8):
                raise Refused(f"{path.name} has no safetensors header, or is cut off in it.", again)
            raw = file.read(length)
    except OSError as error:
        raise from_os(error, f"Reading {path.name}") from error
    try:
        table = json.loads(raw)
        metadata = table.pop("__metadata__", None) or {}
        shapes = {name: tuple(int(side) for side in entry["shape"]) for name, entry in table.items()}
        end = max((int(entry["data_offsets"][1]) for entry in table.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise Refused(f"{path.name} has a broken safetensors header.", again) from error
    if 8 + length + end != size:
        missing = 8 + length + end - size
        fault = f"{missing:,} bytes short: its download was cut off" if missing > 0 else f"{-missing:,} bytes too long"
        raise Refused(f"{path.name} is {fault}.", again)
    return Header(
        shapes, {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}
    )


def inspect(path: Path) -> ModelFile:
    """Says what `path` is.

    Raises:
        Refused: it is no whole safetensors file.
        LoratuiError: it cannot be read.
    """
    if path.is_dir():
        raise Refused(f"{path.name} is a folder.", "Name the single .safetensors file of the model.")
    header = read_header(path)
    role, family = _kind(header)
    size = path.stat().st_size
    if role != "base":
        return ModelFile(path, size, role, family, metadata=header.metadata)
    entry = header.shapes.get("model.diffusion_model.input_blocks.0.0.weight", ())
    return ModelFile(
        path,
        size,
        role,
        family,
        inpainting=len(entry) == 4 and entry[1] == 9,
        prediction=_prediction(path, header),
        zero_snr="ztsnr" in header.shapes,
        metadata=header.metadata,
    )


def _kind(header: Header) -> tuple[str, str]:
    """Role and family by the names and a few shapes of the tensors (facts of sd-scripts' own loaders)."""
    shapes = header.shapes

    def has(*starts: str) -> bool:
        return all(any(name.startswith(start) for name in shapes) for start in starts)

    if any(name.startswith(("lora_unet_", "lora_te")) or ".lora_" in name or ".hada_w" in name for name in shapes):
        return "lora", _lora_family(header)
    if has("model.diffusion_model.input_blocks."):
        if has("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."):
            return "base", "sdxl"
        if has("conditioner.embedders.0.model."):
            return "base", "sdxl-refiner"
        if has("cond_stage_model.model."):
            return "base", "sd2"
        width = _context_width(shapes)
        if has("cond_stage_model.transformer.") and width in (768, None):
            return "base", "sd15"
        # A base without its text encoder, or of a width nobody trains: the U-Net alone tells the family.
        return "base", {768: "sd15", 1024: "sd2", 2048: "sdxl"}.get(width or 0, "")
    bare = {re.sub(r"^(model\.diffusion_model|net)\.", "", name) for name in shapes}

    def holds(start: str) -> bool:
        return any(name.startswith(start) for name in bare)

    if holds("joint_blocks.0."):
        return "base", "sd3"
    if holds("distilled_guidance_layer."):
        return "base", "chroma"
    if holds("double_blocks.0."):
        return "base", "hunyuan" if holds("byt5_in.") else "flux"
    if holds("cap_embedder.0."):
        return "base", "lumina"
    if holds("blocks.0.adaln_modulation_self_attn."):
        return "base", "anima"
    if (holds("decoder.conv_in.") and holds("encoder.conv_in.")) or has("first_stage_model.decoder."):
        return "vae", ""
    if holds("down_blocks.") or holds("text_model.") or holds("transformer_blocks."):
        return "diffusers", ""
    return "", ""


def _context_width(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """The width of the text embedding that the U-Net reads: 768 SD1, 1024 SD2, 2048 SDXL."""
    for name, shape in shapes.items():
        if name.endswith("attn2.to_k.weight") and len(shape) == 2:
            return shape[1]
    return None


def _lora_family(header: Header) -> str:
    named = " ".join(
        header.metadata.get(key, "") for key in ("ss_base_model_version", "modelspec.architecture")
    ).lower()
    known = {"sdxl": "sdxl", "-xl-": "sdxl", "sd_v1": "sd15", "diffusion-v1": "sd15", "sd_v2": "sd2", "flux": "flux"}
    for word, family in known.items():
        if word in named:
            return family
    return "sdxl" if any(name.startswith("lora_te2_") for name in header.shapes) else ""


def _prediction(path: Path, header: Header) -> str:
    """`v` or `epsilon` by marker tensors, the model's own description or the file's name; "" where none says so."""
    if "v_pred" in header.shapes:
        return "v"
    named = header.metadata.get("modelspec.prediction_type", "").lower()
    if named in ("v", "v_prediction", "epsilon"):
        return "epsilon" if named == "epsilon" else "v"
    return "v" if re.search(r"v[-_ ]?pred|vprediction", path.stem.lower()) else ""


def is_model_name(name: str) -> bool:
    """Whether a file of this name may be a model."""
    return Path(name).suffix.lower() in (".safetensors", *_PICKLED)


def try_inspect(path: Path) -> ModelFile | LoratuiError:
    """What `path` is, or why that cannot be told: for lists, where one broken file is no reason to stop."""
    try:
        return inspect(path)
    except LoratuiError as error:
        return error
