"""Makes the tagger that comes with the demo: shares of the drawings' colours → their tags, by logistic regression.

It is a real ONNX network with the taggers' contract, of a few kilobytes, and knows the demo's drawings only. Run
`python -m tests.demo_tagger` after the drawings changed; the result is the same every time on one machine.
"""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loratui.core import demo
from loratui.core.demo.drawing import EYES, HAIR, LINE, SIZES, SKIN, Scene, draw
from loratui.core.tagging.pictures import square
from tests.colour_tagger import SIZE, Steps, save, write_labels

FOLDER = Path(demo.__file__).parent / "tagger"
TOLERANCE = 14.0
LEAST = 1e-4  # a colour with a smaller share counts as absent
CHARACTER = "mira_(demo)"
# What the drawings are coloured with: hair, eyes, skin, lines, cloth, mouth, and the places' skies and things.
COLOURS = np.array(
    [
        *HAIR.values(), *EYES.values(), SKIN, LINE,
        (204, 48, 52), (34, 32, 40), (236, 238, 246), (60, 64, 92), (46, 84, 170), (36, 36, 44), (170, 70, 80),
        (255, 255, 255), (120, 180, 110), (166, 207, 246), (250, 252, 255), (232, 214, 188), (140, 104, 76),
        (120, 90, 60), (26, 26, 60), (44, 39, 89), (96, 68, 46), (104, 163, 110),
    ],
    np.float32,
)  # fmt: skip
RATINGS = ("general", "sensitive", "questionable", "explicit")
GENERAL = (
    "1girl", "solo", "long_hair", "looking_at_viewer", "blue_eyes", "purple_hair", "bangs", "2girls", "multiple_girls",
    "black_hair", "pink_hair", "green_eyes", "smile", "open_mouth", "red_jacket", "open_jacket", "white_shirt",
    "black_dress", "long_dress", "school_uniform", "blue_skirt", "red_necktie", "sunglasses", "eyewear_on_head",
    "outdoors", "day", "blue_sky", "cloud", "indoors", "window", "night", "star_(sky)", "tree", "nature",
    "simple_background", "white_background", "^_^",
)  # fmt: skip


def features(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithm of each colour's share in every second pixel of a prepared picture (BGR)."""
    sample = picture[::2, ::2, ::-1].reshape(-1, 1, 3)
    near = np.abs(sample - COLOURS[None]).max(axis=2) < TOLERANCE
    return np.log(near.mean(axis=0) + LEAST).astype(np.float32)


def examples(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features [count, colours] of drawn scenes and what is to be seen in them [count, tags]."""
    rng = random.Random(7)
    rows, truths = [], []
    for seed in range(count):
        scene = Scene(
            seed=1000 + seed,
            outfit=rng.choice(("jacket", "dress", "uniform")),
            place=rng.choice(("sky", "room", "night", "forest", "plain", "none")),
            framing=rng.choice(("portrait", "cowboy shot", "full body")),
            pose=rng.choice(("standing", "waving", "arms up")),
            smile=rng.random() < 0.6,
            hair=rng.choice(tuple(HAIR)),
            eyes=rng.choice(tuple(EYES)),
            size=rng.choice(tuple(SIZES)),
            people=rng.choice((1, 1, 1, 2)),
        )
        scene = replace(scene, glasses=scene.outfit == "jacket" and rng.random() < 0.5)
        tags = set(scene.tags)
        if scene.place == "none":
            tags |= {"simple_background", "white_background"}
        if scene.people == 2:
            tags |= {"black_hair", "green_eyes", "black_dress", "long_dress"}
        if scene.hair == "purple" and scene.eyes == "blue" and scene.people == 1:
            tags.add(CHARACTER)
        rows.append(features(square(draw(scene), SIZE)))
        truths.append([float(name in tags) for name in (*GENERAL, CHARACTER)])
    return np.array(rows), np.array(truths, np.float32)


def fit(rows: NDArray[np.float32], truths: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights [colours, tags] and biases: plain gradient descent with a little weight decay."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 0.1
    x = ((rows - mean) / spread).astype(np.float64)
    weights = np.zeros((x.shape[1], truths.shape[1]))
    bias = np.zeros(truths.shape[1])
    for _ in range(4000):
        error = 1 / (1 + np.exp(-(x @ weights + bias))) - truths
        weights -= 0.8 * (x.T @ error / len(x) + 2e-4 * weights)
        bias -= 0.8 * error.mean(axis=0)
    weights = weights / spread[:, None]
    return np.round(weights, 3).astype(np.float32), np.round(bias - mean @ weights, 3).astype(np.float32)


def build(folder: Path, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    """Writes model.onnx and selected_tags.csv: four ratings (always general), the tags, the character."""
    weights = np.concatenate([np.zeros((len(COLOURS), 4), np.float32), weights], axis=1)
    bias = np.concatenate([np.array([3, -3, -5, -7], np.float32), bias])
    steps = Steps()
    ints = [steps.constant(np.array(value)) for value in ([0, 0], [SIZE, SIZE], [1, 2], [2, 2], [1], [2, 3], [4])]
    start, end, axes, stride, first, places, colour = ints
    sample = steps.add("Slice", "input", start, end, axes, stride)
    table = steps.constant(COLOURS[:, ::-1].reshape(len(COLOURS), 1, 1, 3).copy())
    distance = steps.add("Abs", steps.add("Sub", steps.add("Unsqueeze", sample, first), table))
    near = steps.add("Less", steps.add("ReduceMax", distance, colour, keepdims=0), steps.constant(_float(TOLERANCE)))
    share = steps.add("ReduceMean", steps.add("Cast", near, to=TensorProto.FLOAT), places, keepdims=0)
    logs = steps.add("Log", steps.add("Add", share, steps.constant(_float(LEAST))))
    # Half precision in the file, for its size.
    matrix, constant = (steps.add("Cast", steps.constant(part.astype(np.float16)), to=1) for part in (weights, bias))
    values = steps.add("Add", steps.add("MatMul", logs, matrix), constant)
    steps.nodes.append(helper.make_node("Sigmoid", [values], ["output"]))
    save(
        folder / "model.onnx",
        steps,
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch_size", SIZE, SIZE, 3]),
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", len(bias)])],
        "Shares of the colours in the demo's drawings. It knows nothing of other pictures.",
    )
    rows = [(name, 9) for name in RATINGS] + [(name, 0) for name in GENERAL] + [(CHARACTER, 4)]
    write_labels(folder / "selected_tags.csv", rows)


def _float(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


def main() -> None:
    """Makes the files and says how well they fit."""
    rows, truths = examples(500)
    weights, bias = fit(rows[:400], truths[:400])
    said = 1 / (1 + np.exp(-(rows[400:] @ weights + bias))) >= 0.35
    for name, right, share in zip(
        (*GENERAL, CHARACTER), (said == (truths[400:] > 0.5)).mean(axis=0), truths.mean(axis=0), strict=True
    ):
        print(f"{name:20} right {right:.2f}  drawn {share:.2f}")
    FOLDER.mkdir(exist_ok=True)
    build(FOLDER, weights, bias)
    print((FOLDER / "model.onnx").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
