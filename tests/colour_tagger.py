"""The colour stand-in: a real ONNX network of the taggers' shape whose answers are plain arithmetic on pixels.

It shows what matters about preparing a picture: red for blue, black for white padding, 0..1 for 0..255 or stretching
for padding each change its answer. `probabilities` recomputes it in numpy.

The one that comes with the demo is made by `demo_tagger`.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIZE = 448
NAME = "colour stand-in"

# Name, category, weights of (blue, green, red, top, bottom, left, right, white), bias.
_ROWS: list[tuple[str, int, dict[str, float], float]] = [
    ("general", 9, {}, 4.0),
    ("sensitive", 9, {}, -2.0),
    ("questionable", 9, {}, -4.0),
    ("explicit", 9, {}, -6.0),
    ("red_theme", 0, {"red": 20, "blue": -20}, -5.0),
    ("blue_theme", 0, {"blue": 20, "red": -20}, -5.0),
    ("green_theme", 0, {"green": 20, "red": -20}, -5.0),
    ("bright_top", 0, {"top": 20}, -10.0),
    ("dark_top", 0, {"top": -20}, 7.0),
    ("bright_left", 0, {"left": 20}, -10.0),
    ("dark_left", 0, {"left": -20}, 7.0),
    ("white_background", 0, {"white": 20}, -5.0),
    ("^_^", 0, {"white": 100}, -95.0),
    ("char_red_(series)", 4, {"red": 20, "blue": -20}, -6.0),
    ("char_blue_(series)", 4, {"blue": 20, "red": -20}, -6.0),
]
_FEATURES = ("blue", "green", "red", "top", "bottom", "left", "right", "white")
NAMES = tuple(row[0] for row in _ROWS)


def weights(outputs: int = len(_ROWS)) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """W [features, outputs] and b [outputs]; outputs beyond the rows are never likely."""
    matrix = np.zeros((len(_FEATURES), outputs), np.float32)
    bias = np.full(outputs, -9, np.float32)
    for column, (_, _, parts, constant) in enumerate(_ROWS):
        bias[column] = constant
        for feature, weight in parts.items():
            matrix[_FEATURES.index(feature), column] = weight
    return matrix, bias


def probabilities(picture: NDArray[np.float32]) -> dict[str, float]:
    """What the network must answer for a prepared picture [448, 448, 3], 0..255, BGR, by name."""
    x = picture.astype(np.float64) / 255
    half = SIZE // 2
    halves = (x[:half], x[half:], x[:, :half], x[:, half:])
    features = [*x.mean(axis=(0, 1)), *(part.mean() for part in halves), (picture.min(axis=2) > 254.5).mean()]
    matrix, bias = weights()
    values = 1 / (1 + np.exp(-(np.array(features) @ matrix + bias)))
    return dict(zip(NAMES, values.tolist(), strict=True))


def tags(picture: NDArray[np.float32], general: float = 0.35, character: float = 0.85) -> set[str]:
    """The names over the thresholds, ratings left out."""
    found = probabilities(picture)
    limits = {0: general, 4: character}
    return {name for name, category, _, _ in _ROWS if category in limits and found[name] >= limits[category]}


def write_labels(path: Path, rows: list[tuple[str, int]] | None = None) -> None:
    """A selected_tags.csv as the real ones are."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["tag_id", "name", "category", "count"])
        for number, (name, category) in enumerate(rows or [(row[0], row[1]) for row in _ROWS]):
            writer.writerow([number, name, category, 1000])


def build(
    folder: Path,
    *,
    channels_first: bool = False,
    logits: bool = False,
    batch: int | str = "batch_size",
    outputs: int = len(_ROWS),
    embedding: bool = False,
    both: bool = False,
    nan: bool = False,
    half: bool = False,
) -> Path:
    """Writes `model.onnx` and `selected_tags.csv` into `folder`, which is given back.

    Args:
        channels_first: takes [n, 3, 448, 448].
        logits: no sigmoid at the end.
        batch: the input's first dimension: a name for any, or a fixed number.
        outputs: width of the output; the label file keeps its rows.
        embedding: a first output of another width.
        both: a first output `logits` of the same width as the second, `prediction`.
        nan: every value is NaN.
        half: input and output are float16.
    """
    matrix, bias = weights(outputs)
    if nan:
        bias = np.full_like(bias, np.nan)
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    shape: list[int | str] = [batch, 3, SIZE, SIZE] if channels_first else [batch, SIZE, SIZE, 3]
    steps = Steps()
    x = steps.add("Cast", "input", to=TensorProto.FLOAT)
    if channels_first:
        x = steps.add("Transpose", x, perm=[0, 2, 3, 1])
    unit = steps.add("Div", x, steps.constant(np.array(255, np.float32)))
    features = [steps.add("ReduceMean", unit, steps.constant(np.array([1, 2])), keepdims=0)]
    for axis, start, end in ((1, 0, SIZE // 2), (1, SIZE // 2, SIZE), (2, 0, SIZE // 2), (2, SIZE // 2, SIZE)):
        part = steps.add("Slice", unit, *(steps.constant(np.array([n])) for n in (start, end, axis)))
        mean = steps.add("ReduceMean", part, steps.constant(np.array([1, 2, 3])), keepdims=0)
        features.append(steps.add("Unsqueeze", mean, steps.constant(np.array([1]))))
    least = steps.add("ReduceMin", x, steps.constant(np.array([3])), keepdims=0)
    white = steps.add("Greater", least, steps.constant(np.array(254.5, np.float32)))
    share = steps.add("ReduceMean", steps.add("Cast", white, to=1), steps.constant(np.array([1, 2])), keepdims=0)
    features.append(steps.add("Unsqueeze", share, steps.constant(np.array([1]))))
    vector = steps.add("Concat", *features, axis=1)
    values = steps.add("Add", steps.add("MatMul", vector, steps.constant(matrix)), steps.constant(bias))
    results = {}
    if embedding:
        results["embedding"] = (vector, len(_FEATURES))
    if both:
        results["logits"] = (values, outputs)
    results["prediction" if both else "output"] = (values if logits else steps.add("Sigmoid", values), outputs)
    for name, (value, _) in results.items():
        steps.nodes.append(helper.make_node("Cast", [value], [name], to=kind))
    save(
        folder / "model.onnx",
        steps,
        helper.make_tensor_value_info("input", kind, shape),
        [helper.make_tensor_value_info(name, kind, [batch, width]) for name, (_, width) in results.items()],
    )
    write_labels(folder / "selected_tags.csv")
    return folder


class Steps:
    """Nodes and constants of a graph as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        """The name of a new constant."""
        self.constants.append(numpy_helper.from_array(value, f"c{len(self.constants)}"))
        return f"c{len(self.constants) - 1}"

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """The name of the new node's output."""
        self.nodes.append(helper.make_node(operation, list(inputs), [f"n{len(self.nodes)}"], **attributes))
        return f"n{len(self.nodes) - 1}"


def save(
    path: Path,
    steps: Steps,
    source: Any,
    results: list[Any],
    says: str = "Arithmetic on colours, for tests. It knows nothing of pictures.",
) -> None:
    """Writes the graph as a model that says what it is."""
    graph = helper.make_graph(steps.nodes, NAME, [source], results, initializer=steps.constants)
    model = helper.make_model(
        graph,
        producer_name=NAME,
        doc_string=says,
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
