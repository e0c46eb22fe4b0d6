"""Captions at 37,000: reading them, counting what fits an expression for every key of it, and counting tokens.

The captions have the distribution of real ones: some 30 tags each, of some 9,000, the frequent ones in half of them.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.expression import ExpressionError, Facts, parse
from loratui.core.dataset.tokens import Counter, counter
from tests.benchmarks.table import Row

CAPTIONS = 37_000
_KINDS = 9_000
_TYPED = (
    "long hair not blue eyes",
    "(*hair or *ribbon) and not smile",
    "/^(very )?long .* hair$/ or count>40",
    "caption:hair tokens>75",
    "not (freq<3 or dup:) lines:>1",
)
_FIRST = ("colour", "large", "very long", "blue", "red", "striped", "holding", "looking at", "open", "long")
_SECOND = ("hair", "eyes", "ribbon", "skirt", "smile", "background", "sleeves", "hat", "viewer", "flower", "star")


def rows() -> list[Row]:
    """Loading, a key of a filter, tokens."""
    captions = _captions()
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), captions)
        load = min(_seconds(lambda: Dataset.load(Path(folder), [""])) for _ in range(3))
        bare = min(_seconds(lambda: _read(Path(folder))) for _ in range(3))
        dataset = Dataset.load(Path(folder), [""])
    dataset.keys()
    first = [_key(text, Facts(dataset, tokens=Counter)) for text in _TYPED]
    keys = sorted(map(min, zip(*(_typed(dataset) for _ in range(3)), strict=True)))
    theirs = statistics.median(_seconds(lambda: _scan(dataset)) for _ in range(3))
    facts = Facts(dataset)
    ours = statistics.median(_key(f"*{word} not smile", facts) for word in ("x", *_SECOND))
    exact = counter()
    found = [
        Row(f"reading {CAPTIONS:,} captions", load * 1000, "ms", 1850),
        Row("the same", load, "s", 4, bare, "listing and reading alone"),
        Row("a key of an expression: count, median", statistics.median(keys) * 1000, "ms", 16),
        Row("the same, slowest key", keys[-1] * 1000, "ms", 16),
        Row("the first count of an expression, slowest", max(first) * 1000, "ms", 1000),
        Row("`*hair not smile`", ours * 1000, "ms", 0.1, theirs * 1000, "a look at each tag"),
        Row(
            "tokens of all captions, estimated, first", _seconds(lambda: Counter().captions(captions)) * 1000, "ms", 500
        ),
    ]
    if exact.clip is not None:
        fresh = Counter(exact.clip)
        exact.clip.costs.clear()
        found += [
            Row("the same, exact", _seconds(lambda: fresh.captions(captions)) * 1000, "ms", 1000),
            Row("the same again", _seconds(lambda: fresh.captions(captions)) * 1000, "ms", 100),
        ]
    return found


def _captions() -> list[list[str]]:
    chance = random.Random(4)
    names = [f"{first} {second}" for first in _FIRST for second in _SECOND] + ["smile", "solo", "1girl", "blue eyes"]
    chance.shuffle(names)
    names += [f"{chance.choice(_FIRST)} {chance.choice(_SECOND)} {number}" for number in range(_KINDS - len(names))]
    weights = [1 / (rank + 8) for rank in range(len(names))]
    drawn = chance.choices(names, weights, k=CAPTIONS * 34)
    return [list(dict.fromkeys(drawn[at * 34 : at * 34 + 34])) for at in range(CAPTIONS)]


def _write(folder: Path, captions: list[list[str]]) -> None:
    for number, tags in enumerate(captions):
        (folder / f"{number:06}.png").touch()
        (folder / f"{number:06}.txt").write_text(", ".join(tags))


def _read(folder: Path) -> None:
    """The least that must be done: names and sizes of the images, and the bytes of the captions."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".png"):
                entry.stat()
                continue
            descriptor = os.open(entry.path, os.O_RDONLY)
            os.read(descriptor, 65536)
            os.close(descriptor)


def _typed(dataset: Dataset) -> list[float]:
    """Each key of the expressions as they are typed, of a panel that has been open for a while."""
    facts = Facts(dataset, tokens=Counter)
    for text in _TYPED:
        _key(text, facts)
    return [_key(text[:end], facts) for text in _TYPED for end in range(1, len(text) + 1)]


def _key(text: str, facts: Facts) -> float:
    """What a key costs: reading the expression, and counting where it can be read."""

    def work() -> None:
        try:
            parse(text).count(facts)
        except ExpressionError:
            return

    return _seconds(work)


def _scan(dataset: Dataset) -> int:
    """The count as TagGUI makes it."""
    return sum(any(fnmatchcase(tag, "*hair") for tag in tags) and "smile" not in tags for tags in dataset.tags)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
