"""How long a training is, against the guide's tables, the recordings of real runs, and a slow second opinion."""

import math
import re
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loratui.core.project import Subset
from loratui.core.training.buckets import BucketRules, Buckets, Size
from loratui.core.training.material import Material, Picture
from loratui.core.training.recipe import build, parse_sets
from loratui.core.training.steps import TrainingPlan, balance, epochs_by, plan

SQUARE = BucketRules((512, 512))


def material(*subsets: tuple[int, int | str], size: Size = (512, 512)) -> list[Material]:
    return [
        Material(
            Subset(folder=f"dataset/{number}", repeats=cast("int", repeats)),
            tuple(Picture(f"{index:04}.png", Path(f"/{number}/{index:04}.png"), size, None) for index in range(count)),
        )
        for number, (count, repeats) in enumerate(subsets)
    ]


def planned(*sets: str, of: list[Material], **more: object) -> TrainingPlan:
    return plan(of, build({}, parse_sets(sets)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "batch", "repeats", "steps"),
    [(20, 2, 10, 1000), (100, 2, 3, 1500), (400, 2, 1, 2000), (1000, 3, 1, 3333)],
)
def test_the_guides_first_table(images: int, batch: int, repeats: int, steps: int) -> None:
    found = planned(f"batch_size={batch}", of=material((images, "auto")))
    assert (found.subsets[0].repeats, found.epochs, found.steps) == (repeats, 10, steps)


@pytest.mark.parametrize(
    ("images", "repeats", "epochs", "steps"), [(20, 10, 17, 1700), (100, 3, 12, 1800), (400, 1, 10, 2000)]
)
def test_the_guides_second_table(images: int, repeats: int, epochs: int, steps: int) -> None:
    found = planned(of=material((images, "auto")), table="full")
    assert (found.subsets[0].repeats, found.epochs, found.steps, found.steps_exact) == (repeats, epochs, steps, steps)
    assert found.other_epochs == {"quick": 10, "full": epochs}


def test_epochs_of_the_recipe_are_kept_unless_a_table_is_asked_for() -> None:
    assert (planned("epochs=3", of=material((20, 1))).epochs, planned("epochs=3", of=material((20, 1))).table) == (
        3,
        "",
    )
    assert planned("epochs=3", of=material((20, 10)), table="full").epochs == 17
    assert planned("epochs=full", of=material((20, 10))).epochs == 17


def test_subsets_are_balanced() -> None:
    assert balance([200, 20], ["auto", "auto"]) == [1, 10]
    assert balance([30, 60], ["auto", "auto"]) == [5, 2]
    assert balance([20, 20], [3, "auto"]) == [3, 6]
    assert balance([20, 0], ["auto", "auto"]) == [10, 1]
    assert balance([], []) == []


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=6))
def test_balanced_subsets_weigh_alike_as_far_as_whole_numbers_go(images: list[int]) -> None:
    repeats = balance(images, ["auto"] * len(images))
    weights = [count * times for count, times in zip(images, repeats, strict=True)]
    assert all(times >= 1 for times in repeats)
    # Rounding moves each by half of its own images at most, and none is larger than the target but the largest.
    target = max(weights)
    assert all(abs(weight - target) <= (count + max(images)) for weight, count in zip(weights, images, strict=True))


@given(st.integers(1, 5000))
def test_epochs_fall_as_the_epoch_grows(images: int) -> None:
    assert epochs_by("quick", images) == 10
    assert epochs_by("full", images) >= epochs_by("full", images + 1) >= 1


def test_nothing_to_train_on_is_a_plan_of_nothing() -> None:
    found = planned(of=material((0, "auto")))
    assert (found.images_per_epoch, found.steps, found.steps_exact) == (0, 0, 0)


def test_every_bucket_ends_with_a_short_batch() -> None:
    of = material((9, 1))
    tall = material((9, 1), size=(512, 1024))
    both = [Material(of[0].subset, (*of[0].pictures, *tall[0].pictures))]
    found = planned("batch_size=4", "epochs=2", of=both)
    assert (found.steps, found.steps_exact, found.steps_per_epoch) == (9, 12, 6)


def test_several_gpus_and_accumulation_share_the_batches() -> None:
    found = planned("batch_size=2", "gradient_accumulation_steps=2", "epochs=1", of=material((21, 1)), processes=2)
    assert found.batches == 11
    assert found.steps_exact == math.ceil(11 / 2 / 2)


def test_images_that_cannot_be_read_are_named_and_not_counted() -> None:
    broken = material((3, 1))[0]
    pictures = (*broken.pictures[:2], Picture("bad.png", Path("/bad.png"), None, None))
    found = planned(of=[Material(broken.subset, pictures)])
    assert found.unusable == ("bad.png",)
    assert found.subsets[0].images == 2


# ---- recordings of real runs

RUN = re.compile(
    r"images \* repeats / .*?: (\d+).*?batches per epoch / .*?: (\d+)"
    r".*?epochs / .*?: (\d+).*?optimization steps / .*?: (\d+)",
    re.S,
)


def recorded(folder: Path) -> tuple[int, ...]:
    name = "stdout.raw" if (folder / "stdout.raw").exists() else "merged.raw"
    text = (folder / name).read_bytes().decode()
    found = RUN.search(text)
    assert found, folder
    return tuple(map(int, found.groups()))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("run", "sets"),
    [
        ("01_real_lora_split", ["epochs=3"]),
        ("10_lora_split", ["epochs=4"]),
        ("14_validation", ["epochs=3", "validation_split=0.25"]),
        ("15_config_file", ["epochs=2"]),
        ("02_real_samples_merged", ["epochs=2", "batch_size=4"]),
    ],
)
def test_recorded_runs_took_as_many_steps_as_planned(shared: Path, run: str, sets: list[str]) -> None:
    images, batches, epochs, steps = recorded(shared / "recordings" / "sd-scripts" / run)
    tiny = ["resolution=64", "min_bucket_reso=64", "max_bucket_reso=128", "batch_size=2"]

    found = planned(*tiny, *sets, of=material((7, 2), (5, 1), size=(64, 64)))

    assert (found.images_per_epoch, found.batches, found.epochs, found.steps_exact) == (images, batches, epochs, steps)


# ---- buckets


def slowly(size: Size, rules: BucketRules) -> Size | None:
    """The bucket by trying every possible one: written from the description, not from the code."""
    width, height = size
    if rules.no_upscale and rules.enabled:
        return slowly_without_upscale(width, height, rules)
    choices = set()
    area = rules.resolution[0] * rules.resolution[1]
    low, high = rules.bounds
    if rules.enabled:
        for wide in range(low, high + 1, rules.step):
            tall = max((side for side in range(0, high + 1, rules.step) if side * wide <= area), default=0)
            if tall >= low:
                choices |= {(wide, tall), (tall, wide)}
        side = max(side for side in range(0, 9000, rules.step) if side * side <= area)
        choices.add((side, side))
    else:
        choices.add(rules.resolution)
    if size in choices:
        return size
    return min(sorted(choices), key=lambda bucket: abs(bucket[0] / bucket[1] - width / height))


def slowly_without_upscale(width: int, height: int, rules: BucketRules) -> Size | None:
    def down(value: float) -> int:
        return int(value) // rules.step * rules.step

    area = rules.resolution[0] * rules.resolution[1]
    if width * height > area:
        ratio = width / height
        exact = math.sqrt(area * ratio)
        by_width, by_height = down(exact + 0.5), down(area / exact + 0.5)
        high, wide = down(by_width / ratio + 0.5), down(by_height * ratio + 0.5)
        if not high or not by_height:
            return None
        if abs(by_width / high - ratio) < abs(wide / by_height - ratio):
            width, height = by_width, int(by_width / ratio + 0.5)
        else:
            width, height = int(by_height * ratio + 0.5), by_height
    found = (down(width), down(height))
    return found if all(found) else None


RULES = st.builds(
    BucketRules,
    resolution=st.sampled_from([(64, 64), (512, 512), (768, 768), (1024, 1024), (512, 768), (640, 448)]),
    enabled=st.booleans(),
    smallest=st.sampled_from([64, 256, 300, 320]),
    largest=st.sampled_from([1000, 1024, 1280, 2048]),
    step=st.sampled_from([32, 64, 128]),
    no_upscale=st.booleans(),
).filter(lambda rules: not rules.fault())


@given(RULES, st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 4000)), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_buckets_agree_with_a_search_of_all(rules: BucketRules, sizes: list[Size]) -> None:
    buckets = Buckets(rules)
    assert [buckets.of(size) for size in sizes] == [slowly(size, rules) for size in sizes]


@given(
    st.lists(st.tuples(st.tuples(st.integers(64, 2000), st.integers(64, 2000)), st.integers(1, 5)), max_size=30),
    st.integers(1, 8),
)
@settings(max_examples=60, deadline=None)
def test_batches_count_every_image_once_and_no_batch_mixes_shapes(images: list[tuple[Size, int]], batch: int) -> None:
    buckets = Buckets(SQUARE)
    counts = buckets.counts(images)
    total = sum(repeats for _, repeats in images)
    assert counts.total() == total
    assert math.ceil(total / batch) <= buckets.batches(images, batch) <= total
    assert all(width * height <= 512 * 512 and width % 64 == height % 64 == 0 for width, height in counts)


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (BucketRules((512, 512), smallest=640), "min_bucket_reso 640 is above"),
        (BucketRules((1536, 1536), largest=1024), "max_bucket_reso 1024 is below"),
        (BucketRules((512, 512), smallest=64, step=128), "less than one step"),
        (BucketRules((512, 512), enabled=False, largest=64), ""),
        (BucketRules((512, 512)), ""),
    ],
)
def test_rules_that_sd_scripts_refuses_are_named(rules: BucketRules, fault: str) -> None:
    assert fault in rules.fault() and bool(rules.fault()) == bool(fault)


def test_an_image_without_extent_fits_no_bucket() -> None:
    assert Buckets(SQUARE).of((0, 0)) is None
    assert Buckets(BucketRules((512, 512), no_upscale=True)).of((20, 20)) is None
