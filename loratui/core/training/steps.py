"""How long a training is: repeats balanced over subsets, epochs by the guide's tables, steps exact by bucket."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from loratui.core.training.buckets import BucketRules, Buckets, Size
from loratui.core.training.material import Material, Picture
from loratui.core.training.recipe import Recipe

Table = Literal["quick", "full"]

# The guide's first table: images → images × repeats of an epoch (20×10, 100×3, 400×1); ten epochs of that.
_PER_EPOCH = ((20, 200), (100, 300), (400, 400))
_QUICK_EPOCHS = 10
# Its second: images × repeats of an epoch → images seen in all, at batch 2 (17, 12 and 10 epochs).
_IN_ALL = ((200, 3400), (300, 3600), (400, 4000))


@dataclass(frozen=True, slots=True)
class SubsetPlan:
    """One subset's part of an epoch.

    Attributes:
        name: the subset's.
        images: images trained on.
        repeats: times each is seen per epoch.
        auto: whether loratui chose the repeats.
        held_out: images kept back for validation.
    """

    name: str
    images: int
    repeats: int
    auto: bool
    held_out: int = 0


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The length of a training.

    Attributes:
        subsets: their parts.
        epochs: epochs trained.
        table: the guide's table the epochs are from, "" where a number was given.
        batch: images per step and GPU.
        accumulation: batches gathered into one step.
        processes: GPUs.
        batches: batches of one epoch, over all GPUs.
        buckets: images × repeats by bucket.
        unusable: images that fit no bucket or cannot be read, by path.
        other_epochs: what each of the guide's tables says.
    """

    subsets: tuple[SubsetPlan, ...]
    epochs: int
    table: str
    batch: int
    accumulation: int
    processes: int
    batches: int
    buckets: Counter[Size]
    unusable: tuple[str, ...]
    other_epochs: dict[str, int]

    @property
    def images_per_epoch(self) -> int:
        """Images × repeats."""
        return sum(part.images * part.repeats for part in self.subsets)

    @property
    def steps_per_epoch(self) -> int:
        """Optimisation steps of an epoch, as sd-scripts counts them."""
        return -(-self.batches // (self.processes * self.accumulation))

    @property
    def steps(self) -> int:
        """The guide's formula: images × repeats × epochs ÷ batch."""
        return self.images_per_epoch * self.epochs // (self.batch * self.accumulation * self.processes)

    @property
    def steps_exact(self) -> int:
        """What sd-scripts will really do: every bucket's last batch may be short."""
        return self.steps_per_epoch * self.epochs

    def document(self) -> dict[str, object]:
        """What `plan --json` prints."""
        return {
            "subsets": [{"name": part.name, "images": part.images, "repeats": part.repeats} for part in self.subsets],
            "images_per_epoch": self.images_per_epoch,
            "epochs": self.epochs,
            "batch": self.batch,
            "steps": self.steps,
            "steps_exact": self.steps_exact,
            "steps_per_epoch": self.steps_per_epoch,
            "table": self.table or None,
            "epochs_by_table": self.other_epochs,
            "buckets": [
                {"width": size[0], "height": size[1], "images": count} for size, count in sorted(self.buckets.items())
            ],
            "unusable": list(self.unusable),
        }


def balance(images: Sequence[int], repeats: Sequence[int | Literal["auto"]]) -> list[int]:
    """Repeats of every subset: those left to "auto" weigh the same, images × repeats as equal as whole numbers allow.

    The epoch is as long as the guide's first table says for the images there are; a subset larger than its share is
    seen once, and the others are brought up to it.

    Args:
        images: images of each subset.
        repeats: what loratui.toml says of each.
    """
    shares = [count for count in images if count]
    if not shares:
        return [1 if given == "auto" else given for given in repeats]
    own = [count for count, given in zip(images, repeats, strict=True) if count and given == "auto"]
    target = max(_interpolated(_PER_EPOCH, sum(shares)) / len(shares), *own, 0)
    return [
        given if given != "auto" else max(1, math.floor(target / count + 0.5)) if count else 1
        for count, given in zip(images, repeats, strict=True)
    ]


def epochs_by(table: Table, images_per_epoch: int) -> int:
    """Epochs by one of the guide's tables: `quick` is ten, `full` about 1,700 to 2,000 steps at batch 2."""
    if table == "quick" or not images_per_epoch or images_per_epoch >= _IN_ALL[-1][0]:
        return _QUICK_EPOCHS
    return max(1, round(_interpolated(_IN_ALL, images_per_epoch) / max(images_per_epoch, 1)))


def _interpolated(anchors: Sequence[tuple[int, int]], at: int) -> float:
    """The value at `at` between the anchors, straight on a logarithmic scale; the nearest anchor's outside."""
    if at <= anchors[0][0]:
        return anchors[0][1]
    for (left, low), (right, high) in pairwise(anchors):
        if at <= right:
            return low + (high - low) * math.log(at / left) / math.log(right / left)
    return anchors[-1][1]


def bucket_rules(recipe: Recipe) -> BucketRules:
    """The recipe's rules for buckets."""
    return BucketRules(
        resolution=recipe.size(),
        enabled=recipe.flag("enable_bucket"),
        smallest=recipe.integer("min_bucket_reso"),
        largest=recipe.integer("max_bucket_reso"),
        step=recipe.integer("bucket_reso_steps"),
        no_upscale=recipe.flag("bucket_no_upscale"),
    )


def plan(material: Sequence[Material], recipe: Recipe, table: Table | None = None, processes: int = 1) -> TrainingPlan:
    """Works out the length of a training.

    Args:
        material: the images by subset.
        recipe: epochs, batch, buckets and validation.
        table: one of the guide's tables instead of the recipe's epochs.
        processes: GPUs that train together.
    """
    split, seed = recipe.number("validation_split"), recipe.integer("validation_seed")
    rules = bucket_rules(recipe)
    buckets = Buckets(rules)
    usable = [
        [picture for picture in part.pictures if picture.size is not None and buckets.of(picture.size)]
        for part in material
    ]
    taken = [train_part(pictures, split, seed) for pictures in usable]
    repeats = balance([len(pictures) for pictures in taken], [part.subset.repeats for part in material])
    counts = buckets.counts(
        (picture.size, times)
        for pictures, times in zip(taken, repeats, strict=True)
        for picture in pictures
        if picture.size
    )
    batch = recipe.integer("batch_size")
    per_epoch = counts.total()
    given = recipe["epochs"]
    chosen: Table = table or ("full" if given == "full" else "quick")
    fixed = table is None and isinstance(given, int)
    kept = {picture.path for pictures in usable for picture in pictures}
    return TrainingPlan(
        subsets=tuple(
            SubsetPlan(
                part.subset.name, len(pictures), times, part.subset.repeats == "auto", len(before) - len(pictures)
            )
            for part, before, pictures, times in zip(material, usable, taken, repeats, strict=True)
        ),
        epochs=recipe.integer("epochs") if fixed else epochs_by(chosen, per_epoch),
        table="" if fixed else chosen,
        batch=batch,
        accumulation=recipe.integer("gradient_accumulation_steps"),
        processes=max(1, processes),
        batches=sum(-(-count // batch) for count in counts.values()),
        buckets=counts,
        unusable=tuple(picture.path for part in material for picture in part.pictures if picture.path not in kept),
        other_epochs={name: epochs_by(name, per_epoch) for name in ("quick", "full")},
    )


def train_part(pictures: Sequence[Picture], split: float, seed: int) -> list[Picture]:
    """The pictures sd-scripts trains on when it holds back `split` of them: its own shuffle, from the names' order."""
    ordered = sorted(pictures, key=lambda picture: picture.file.name)
    if split <= 0:
        return ordered
    random.Random(seed).shuffle(ordered)
    return ordered[: math.ceil(len(ordered) * (1 - split))]
