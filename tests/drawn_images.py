"""Pictures drawn for tests: a figure on a ground with enough in it to be told from others, and the corpus score."""

import csv
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from loratui.core.dataset.folder import scan
from loratui.core.images.duplicates import find
from loratui.core.images.survey import Cache


def figure(
    seed: int, size: tuple[int, int] = (400, 520), *, smile: bool = True, transparent: bool = False
) -> Image.Image:
    """A face among shapes; the same seed gives the same picture, `smile=False` another mouth and closed eyes."""
    random = Random(seed)
    width, height = size
    picture = Image.new("RGBA", size, (0, 0, 0, 0) if transparent else _colour(random))
    draw = ImageDraw.Draw(picture)
    for _ in range(14):
        x, y = random.randrange(width), random.randrange(height)
        w, h = random.randrange(width // 10, width // 2), random.randrange(height // 10, height // 2)
        box = (x - w // 2, y - h // 2, x + w // 2, y + h // 2)
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)(box, fill=_colour(random))
    middle, eyes, mouth = width // 2, int(height * 0.42), int(height * 0.6)
    radius = width // 4
    draw.ellipse((middle - radius, eyes - radius, middle + radius, mouth + radius), fill=(240, 205, 180, 255))
    for side in (-1, 1):
        x = middle + side * radius // 2
        if smile:
            draw.ellipse((x - 16, eyes - 20, x + 16, eyes + 20), fill=(30, 60, 130, 255))
        else:
            draw.line((x - 18, eyes, x + 18, eyes), fill=(30, 30, 30, 255), width=6)
    if smile:
        draw.chord((middle - 46, mouth - 30, middle + 46, mouth + 30), 0, 180, fill=(170, 30, 50, 255))
    else:
        draw.ellipse((middle - 18, mouth - 6, middle + 18, mouth + 30), fill=(90, 20, 30, 255))
    return picture if transparent else picture.convert("RGB")


def _colour(random: Random) -> tuple[int, int, int, int]:
    return (random.randrange(256), random.randrange(256), random.randrange(256), 255)


@dataclass(frozen=True)
class Score:
    """How well duplicates are found on the corpus, over pairs of files; variants count as errors."""

    recall: float
    precision: float
    seconds: float
    images: int

    @property
    def f1(self) -> float:
        return 2 * self.recall * self.precision / (self.recall + self.precision)


def corpus_score(shared: Path, home: Path, families: int | None = None) -> Score:
    """Finds the duplicates of `images/corpus` and compares them with its manifest.

    Args:
        shared: the folder of the data.
        home: an empty folder that gets links to the pictures.
        families: only the first so many families of variants, for a quick look; None: all.
    """
    with (shared / "images" / "manifest.csv").open() as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    if families is not None:
        chosen = sorted({row["variant_family"] for row in rows.values()})[:families]
        rows = {name: row for name, row in rows.items() if row["variant_family"] in chosen}
    for name in rows:
        (home / name).symlink_to(shared / "images" / "corpus" / name)
    with Cache(home) as cache:
        found = find(home, scan(home, [""]), cache)
    truth = {
        frozenset(pair)
        for pair in combinations(rows, 2)
        if rows[pair[0]]["original_id"] == rows[pair[1]]["original_id"]
    }
    said = {frozenset((pair.a, pair.b)) for pair in found.pairs if pair.relation in ("identical", "same")}
    right = len(said & truth)
    return Score(right / len(truth), right / max(1, len(said)), found.seconds, found.images)


def loaded(path: Path) -> Image.Image:
    """The picture at `path`, its file closed again."""
    with Image.open(path) as picture:
        picture.load()
        return picture
