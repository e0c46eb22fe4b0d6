"""Duplicates: how many errors on real pictures, and what looking at a picture costs, now and the second time."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import imagehash
from PIL import Image

from loratui.core.dataset.folder import scan
from loratui.core.images.survey import Cache, examine, survey
from tests.benchmarks.table import Row
from tests.conftest import SHARED
from tests.drawn_images import corpus_score, figure

_PICTURES = 40


def rows() -> list[Row]:
    """Errors on the corpus (where it lies beside the checkout), CPU per picture, the second look."""
    with TemporaryDirectory() as folder:
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            return [*_accuracy(Path(folder) / "corpus"), *_speed(Path(folder) / "pictures")]
        finally:
            if before is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = before


def _accuracy(home: Path) -> list[Row]:
    if not SHARED.is_dir():
        return []
    home.mkdir()
    score = corpus_score(SHARED, home)
    # The best of the public tools as they come reaches .72 (fastdup); the limit is .88.
    return [
        Row(f"errors over pairs, 1 − F1, {score.images} images", 1 - score.f1, "", 0.43, 0.28, "best public tool"),
        Row("pairs missed", 1 - score.recall, "", 0.15),
        Row("pairs wrong", 1 - score.precision, "", 0.08),
        Row("seconds for the whole search", score.seconds, "s"),
    ]


def _speed(home: Path) -> list[Row]:
    home.mkdir()
    for number in range(_PICTURES):
        drawn = Image.blend(figure(number, (1000, 1400)), Image.effect_noise((1000, 1400), 40).convert("RGB"), 0.15)
        drawn.save(home / f"{number}.jpg", quality=90)
    files = sorted(home.iterdir())
    ours = _cpu(lambda: [examine(path) for path in files])
    plain = _cpu(lambda: [_plain(path) for path in files])
    images = scan(home, [""])
    with Cache(home) as cache:
        survey(home, images, cache)
    start = time.perf_counter()
    with Cache(home) as cache:
        survey(home, scan(home, [""]), cache)
    second = time.perf_counter() - start
    return [
        Row("CPU per JPEG of 1.4 MP, four hashes and header", ours, "ms", 0.6, plain, "ImageHash, one hash"),
        Row("a second look, per file", second / _PICTURES * 1e6, "µs", 500),
    ]


def _plain(path: Path) -> None:
    with Image.open(path) as picture:
        imagehash.phash(picture)


def _cpu(work: Callable[[], object]) -> float:
    """Milliseconds of CPU per picture, the better of two rounds."""
    taken = []
    for _ in range(2):
        start = time.process_time()
        work()
        taken.append((time.process_time() - start) / _PICTURES * 1000)
    return min(taken)
