"""Completion at 300,000 tags: what a key costs, and how much memory the vocabulary takes."""

import random
import statistics
import string
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

from loratui.core.vocabulary.vocabulary import Vocabulary
from tests.benchmarks.table import Row

TAGS = 300_000
_TYPED = ("kafka_(honkai", "long_hair", "looking_at_viewer", "pokemon", "series", "blue_eyes", "xyzzy", "1girl")


@dataclass
class Measured:
    """Figures of one process: seconds for each key and for opening, MB of its own and with the file's pages."""

    keys: list[float]
    opened: float
    own: float
    whole: float
    tags: int


def rows() -> list[Row]:
    """A key: every letter, every two letters, and some words typed letter by letter."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tags.csv"
        path.write_text("\n".join(_lines()) + "\n")
        # Not what this machine has seen, and not the person's cache.
        with patch.dict("os.environ", {"XDG_CACHE_HOME": name}):
            began = time.perf_counter()
            Vocabulary(lambda: [path]).load()
            made = time.perf_counter() - began
            # A fresh process: what was freed in this one would hide what is taken.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                found = fresh.submit(_measure, path).result()
    return [
        Row(f"a key at {found.tags:,} tags, median", statistics.median(found.keys) * 1000, "ms", 5),
        Row("the same, 99 of 100", statistics.quantiles(found.keys, n=100)[98] * 1000, "ms", 5),
        Row("memory of the vocabulary, own", found.own, "MB", 10),
        Row("the same with the file's pages in sight", found.whole, "MB", 40),
        Row("opening it", found.opened * 1000, "ms", 100),
        Row("making its file anew, in a child process", made, "s"),
    ]


def _measure(path: Path) -> Measured:
    before = _memory()
    vocabulary = Vocabulary(lambda: [path])
    began = time.perf_counter()
    vocabulary.load()
    opened = time.perf_counter() - began
    keys = [_key(vocabulary, word) for word in _words()]
    own, whole = (after - start for after, start in zip(_memory(), before, strict=True))
    return Measured(keys, opened, own, whole, len(vocabulary))


def _key(vocabulary: Vocabulary, word: str) -> float:
    """The best of three: another program's turn is no cost of ours."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        vocabulary.complete(word, 10)
        times.append(time.perf_counter() - began)
    return min(times)


def _words() -> Iterator[str]:
    for word in _TYPED:
        for length in range(1, len(word) + 1):
            yield word[:length]
    for first in string.ascii_lowercase:
        yield first
        for second in string.ascii_lowercase:
            yield first + second


def _lines() -> Iterator[str]:
    """Names like those of boards: a few words, often a work in brackets, with counts that fall off fast."""
    chance = random.Random(20261123)
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9))) for _ in range(6000)]
    words += ["long", "hair", "blue", "eyes", "looking", "at", "viewer", "holding", "kafka", "girl"]
    works = ["pokemon", "honkai:_star_rail", "series", "fate", "kantai_collection"]
    names: set[str] = set()
    while len(names) < TAGS:
        name = "_".join(chance.choices(words, k=chance.choice((1, 2, 2, 3))))
        names.add(f"{name}_({chance.choice(works)})" if chance.random() < 0.3 else name)
    for number, name in enumerate(sorted(names)):
        alias = f"other_{name}" if number % 4 == 0 else ""
        yield f'{name},{chance.choice((0, 0, 1, 3, 4))},{int(chance.paretovariate(0.6)) % 10**7},"{alias}"'


def _memory() -> tuple[float, float]:
    """MB of this process alone, and with the pages of files."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own, pages = (int(lines[name].split()[0]) / 1000 for name in ("RssAnon", "RssFile"))
    return own, own + pages
