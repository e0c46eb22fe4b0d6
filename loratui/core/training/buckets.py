"""Which bucket sd-scripts puts an image into: its BucketManager's rules, worked out again from sizes alone.

Bit for bit the same arithmetic (64-bit floats, first of equals), so that steps, warm-up and saves are known beforehand.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class BucketRules:
    """What decides buckets: the keys of the same names in the dataset TOML.

    Attributes:
        resolution: width and height in pixels.
        enabled: False puts every image into one bucket of `resolution`.
        smallest: `min_bucket_reso`, the shortest side of a bucket; rounded down to `step`.
        largest: `max_bucket_reso`, the longest side; rounded up to `step`.
        step: `bucket_reso_steps`; every side of a bucket is a multiple of it.
        no_upscale: `bucket_no_upscale`; small images keep their size, `smallest` and `largest` are ignored.
    """

    resolution: Size
    enabled: bool = True
    smallest: int = 256
    largest: int = 1024
    step: int = 64
    no_upscale: bool = False

    @property
    def bounds(self) -> tuple[int, int]:
        """Shortest and longest side as they are used, multiples of `step`."""
        return self.smallest - self.smallest % self.step, self.largest + -self.largest % self.step

    def fault(self) -> str:
        """Why sd-scripts would refuse these rules at its start, "" where it would not."""
        if not self.enabled:
            return ""
        smallest, largest = self.bounds
        if smallest == 0 and not self.no_upscale:
            return f"min_bucket_reso {self.smallest} is less than one step of {self.step}"
        if min(self.resolution) < smallest:
            return f"min_bucket_reso {smallest} is above the resolution {min(self.resolution)}"
        if max(self.resolution) > largest:
            return f"max_bucket_reso {largest} is below the resolution {max(self.resolution)}"
        return ""

    def sizes(self) -> list[Size]:
        """The buckets there are to choose from when small images may be enlarged, sorted."""
        smallest, largest = self.bounds
        area = self.resolution[0] * self.resolution[1]
        square = int(math.sqrt(area) // self.step) * self.step
        found = {(square, square)}
        for width in range(max(smallest, self.step), largest + 1, self.step):
            height = min(largest, area // width // self.step * self.step)
            if height >= smallest and height > 0:
                found |= {(width, height), (height, width)}
        return sorted(found)


class Buckets:
    """Assigns sizes to buckets by one set of rules."""

    def __init__(self, rules: BucketRules) -> None:
        self.rules = rules
        self._choices = [rules.resolution] if not rules.enabled else rules.sizes()
        self._ratios = [width / height for width, height in self._choices if height]
        self._known: dict[Size, Size | None] = {}

    def of(self, size: Size) -> Size | None:
        """The bucket of an image of `size` (width, height as stored, before EXIF), None where sd-scripts would fail."""
        if size not in self._known:
            self._known[size] = self._select(size)
        return self._known[size]

    def _select(self, size: Size) -> Size | None:
        width, height = size
        if width <= 0 or height <= 0:
            return None
        if self.rules.enabled and self.rules.no_upscale:
            return self._shrunk(width, height)
        if size in self._choices:
            return size
        ratio = width / height
        return self._choices[min(range(len(self._ratios)), key=lambda index: abs(self._ratios[index] - ratio))]

    def _shrunk(self, width: int, height: int) -> Size | None:
        """The bucket without enlarging: the image's own size, or its size at the resolution's area, cut to steps."""
        step, area = self.rules.step, self.rules.resolution[0] * self.rules.resolution[1]
        if width * height > area:
            ratio = width / height
            fitted_width = math.sqrt(area * ratio)
            wide = _to_step(fitted_width, step)
            high = _to_step(area / fitted_width, step)
            wide_height, high_width = _to_step(wide / ratio, step), _to_step(high * ratio, step)
            if not (wide_height and high):
                return None
            if abs(wide / wide_height - ratio) < abs(high_width / high - ratio):
                width, height = wide, int(wide / ratio + 0.5)
            else:
                width, height = int(high * ratio + 0.5), high
        bucket = (width - width % step, height - height % step)
        return bucket if all(bucket) else None

    def counts(self, images: Iterable[tuple[Size, int]]) -> Counter[Size]:
        """Images by bucket, repeats counted.

        Args:
            images: size and repeats of each; those that fit no bucket are left out.
        """
        counts: Counter[Size] = Counter()
        for size, repeats in images:
            bucket = self.of(size)
            if bucket is not None and repeats > 0:
                counts[bucket] += repeats
        return counts

    def batches(self, images: Iterable[tuple[Size, int]], batch: int) -> int:
        """Batches of one epoch: every bucket is filled up by itself, so each ends with a batch that may be short."""
        return sum(-(-count // batch) for count in self.counts(images).values())


def _to_step(value: float, step: int) -> int:
    whole = int(value + 0.5)
    return whole - whole % step
