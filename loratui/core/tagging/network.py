"""The network of a tagger: what its ONNX graph says about itself, checked, and run. In the tagger's process only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from loratui.core.errors import LoratuiError, Refused

_WANTED = ("CUDAExecutionProvider", "MIGraphXExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider")
_CPU = "CPUExecutionProvider"
_OURS = "Use a tagger of the WD family: model.onnx and the selected_tags.csv that came with it."


@dataclass(frozen=True, slots=True)
class Input:
    """The network's input, as its graph names it.

    Attributes:
        name: of the tensor.
        dtype: float32 or float16.
        channels_first: [n, 3, size, size] rather than [n, size, size, 3].
        size: width and height in pixels.
        batch: the fixed number of pictures per run, None: any.
    """

    name: str
    dtype: type[np.floating[Any]]
    channels_first: bool
    size: int
    batch: int | None


class Network:
    """An ONNX session that gives one probability per label.

    Args:
        path: the model file.
        labels: how many labels its label file has.
        threads: CPU threads for one run, 0: as many as there are cores.

    Raises:
        LoratuiError: the file cannot be loaded.
        Refused: it loads, but is no tagger for these labels; the sentence holds the two numbers that disagree.
    """

    def __init__(self, path: Path, labels: int, threads: int = 0) -> None:
        self._labels = labels
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores also decode pictures
        asked = [name for name in _WANTED if name in onnxruntime.get_available_providers()] + [_CPU]
        if "CUDAExecutionProvider" in asked and hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()  # CUDA that pip has installed lies where the loader does not look
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=asked)
        except Exception as error:  # onnxruntime has no exception class of its own
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise LoratuiError(f"{path} cannot be loaded: {said}", f"Fetch the file again. {_OURS}") from error
        self.provider: str = self._session.get_providers()[0]
        self.fell_back_from: str = asked[0] if asked[0] != self.provider else ""
        meta = self._session.get_modelmeta()
        self.description: str = " · ".join(part for part in (meta.producer_name, meta.description) if part)
        self.input = _read_input(path, self._session.get_inputs())
        self._output, self._logits = self._probe(path)

    @property
    def batch(self) -> int:
        """Pictures per run that suit it: the graph's own number, one on a CPU (more is slower), eight on a GPU."""
        return self.input.batch or (1 if self.provider == _CPU else 8)

    def run(self, pictures: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probabilities as [len(pictures), labels]; a row of NaN where the network failed at a picture.

        Args:
            pictures: at most `batch` arrays of [size, size, 3], 0..255, BGR.
        """
        values = self._values(pictures, [self._output])[0]
        values = values[: len(pictures)].astype(np.float32)
        broken = ~np.isfinite(values).all(axis=1)
        if self._logits:
            with np.errstate(over="ignore"):
                values = 1 / (1 + np.exp(-values))
        else:
            # A network whose values leave 0..1 only now and then gives neither probabilities nor logits we could trust.
            broken |= (values < -_SLACK).any(axis=1) | (values > 1 + _SLACK).any(axis=1)
        values[broken] = np.nan
        return values

    def _values(self, pictures: Sequence[NDArray[np.float32]], outputs: list[str]) -> list[NDArray[Any]]:
        batch = np.stack(pictures)
        if self.input.batch and len(batch) < self.input.batch:  # a fixed batch is filled up with white
            fill = np.full((self.input.batch - len(batch), *batch.shape[1:]), 255, batch.dtype)
            batch = np.concatenate([batch, fill])
        if self.input.channels_first:
            batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
        values: list[NDArray[Any]] = self._session.run(outputs, {self.input.name: batch.astype(self.input.dtype)})
        return values

    def _probe(self, path: Path) -> tuple[str, bool]:
        """Runs test pictures to learn which output holds the labels, and whether it gives logits."""
        shape = (self.input.size, self.input.size, 3)
        white, black = np.full(shape, 255, np.float32), np.zeros(shape, np.float32)
        noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        names = [output.name for output in self._session.get_outputs()]
        try:
            runs = [self._values([picture], names) for picture in (white, black, noise)]
        except Exception as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise LoratuiError(f"{path} fails at a plain white picture: {said}", _OURS) from error
        fitting = [n for n, value in enumerate(runs[0]) if value.ndim == 2 and value.shape[1] == self._labels]
        if not fitting:
            widths = ", ".join(str(value.shape[-1] if value.ndim else 1) for value in runs[0])
            raise Refused(
                f"The model gives {widths} values for a picture, but the label file names {self._labels} labels.",
                "Put the selected_tags.csv beside the model that came with it.",
            )
        # Some exports give the same labels twice, as logits and as probabilities: the latter need no guess.
        fitting.sort(key=lambda n: "logit" in names[n].lower())
        values = np.concatenate([run[fitting[0]] for run in runs]).astype(np.float32)
        if not np.isfinite(values).all():
            raise Refused("The model gives values that are no numbers (NaN) for a plain picture.", _OURS)
        return names[fitting[0]], bool((values < -_SLACK).any() or (values > 1 + _SLACK).any())


_SLACK = 1e-3  # a half-precision sigmoid may round to a little more than 1


def _read_input(path: Path, inputs: Sequence[Any]) -> Input:
    """Layout, size and batch from the graph's input, never from the model's name."""
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in inputs) or "nothing"
        raise Refused(f"{path} is no image tagger: it takes {shapes}, not one batch of pictures.", _OURS)
    tensor = inputs[0]
    batch, *rest = tensor.shape
    if rest[2] == 3:
        channels_first, height, width = False, rest[0], rest[1]
    elif rest[0] == 3:
        channels_first, height, width = True, rest[1], rest[2]
    else:
        raise Refused(f"{path} takes {tensor.shape}: no side of it is the 3 colours of a picture.", _OURS)
    if not isinstance(height, int) or height != width or not 16 <= height <= 4096:
        raise Refused(f"{path} takes pictures of {width} × {height}: that is no fixed square size.", _OURS)
    kinds: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    if tensor.type not in kinds:
        raise Refused(f"{path} takes {tensor.type}, not floating-point pictures.", _OURS)
    fixed = batch if isinstance(batch, int) and batch > 0 else None
    return Input(tensor.name, kinds[tensor.type], channels_first, height, fixed)
