"""Preparing images for training: one plan that mends what a trainer would stumble over.

Upright, sRGB, eight bits, no transparency, no metadata, the right suffix; what cannot be used is set aside. Finished
files are written to a staging folder and read back before the plan is made, so that applying it is renaming.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from PIL import ImageColor

from loratui.core.changes import Add, Edit, Move, Operation, Plan, Remove
from loratui.core.dataset.folder import SIDE_SUFFIXES, Image, belongings, beside, stem_of
from loratui.core.errors import UsageError, from_os
from loratui.core.images.problems import SUFFIXES, blank_on
from loratui.core.images.survey import Cache, Facts, Survey, survey
from loratui.core.images.writing import Work, staged
from loratui.core.jobs import Report, silent
from loratui.core.pictures import PictureError
from loratui.core.sanitize import line

To = Literal["auto", "png", "jpg", "keep"]
Small = Literal["aside", "keep"]
_LATENTS = ".npz"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to prepare.

    Attributes:
        to: `auto` makes PNGs of what is neither PNG nor JPEG; `png` and `jpg` make that of every image; `keep` keeps
            formats wherever they can be written.
        background: the colour under transparent pixels: a name, or `#rrggbb`.
        min_side: pixels the shorter side should have.
        small: what becomes of images below: set aside, or kept.
    """

    to: To = "auto"
    background: str = "white"
    min_side: int = 512
    small: Small = "aside"


@dataclass(frozen=True, slots=True)
class Preparation:
    """What would be done.

    Attributes:
        plan: one undoable step; without operations for a dry run.
        works: images that are rewritten or renamed.
        aside: reason by path of those that are set aside.
        skipped: why, by path of those that are left although something is wrong.
        unchanged: how many need nothing.
    """

    plan: Plan
    works: list[Work]
    aside: dict[str, str]
    skipped: dict[str, str]
    unchanged: int

    @property
    def images(self) -> int:
        """How many were looked at."""
        return len(self.works) + len(self.aside) + len(self.skipped) + self.unchanged

    @property
    def counts(self) -> Mapping[str, int]:
        """What a person decides by."""
        return self.plan.counts


@dataclass(slots=True)
class _Sorted:
    works: list[Work] = field(default_factory=list)
    aside: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def prepare(
    root: Path,
    images: Sequence[Image],
    cache: Cache,
    wishes: Wishes,
    stage: Callable[[], Path] | None,
    *,
    report: Report = silent,
    cancel: Event | None = None,
) -> Preparation:
    """Plans the preparation of images and writes the finished files.

    Args:
        root: what the images' paths are relative to.
        images: all images of the folders, as `dataset.folder.scan` lists them.
        cache: what is remembered of files.
        wishes: how.
        stage: `Changes.stage`, called when there are files to write; None for a dry run: only counts.

    Raises:
        UsageError: an unknown colour.
        LoratuiError: the disk refused. The staging folder is empty again, as after being cancelled.
    """
    ground = background(wishes.background)
    seen = survey(root, images, cache, report=report, cancel=cancel)
    sorted_ = _sort(root, images, seen, wishes, ground)
    operations: list[Operation] = [Remove(path, reason) for path, reason in sorted_.aside.items()]
    if stage is not None:
        written = staged(root, sorted_.works, wishes.background, stage, report, cancel)
        sorted_.skipped |= {path: why.message for path, why in written.items() if isinstance(why, PictureError)}
        sorted_.works = [work for work in sorted_.works if work.image.path not in sorted_.skipped]
        for work in sorted_.works:
            operations.extend(_operations(work, written.get(work.image.path)))
        try:
            operations.extend(_sides(root, sorted_, images))
        except OSError as error:
            raise from_os(error, "Reading captions") from error
    counts = _counts(sorted_, seen.facts)
    title = ", ".join(f"{counts[key]} {key.replace('_', ' ')}" for key in counts if counts[key]) or "nothing to do"
    touched = {*sorted_.aside, *(work.image.path for work in sorted_.works)}
    stamps = {image.path: image.stamp for image in images if image.path in touched}
    plan = Plan("prep", f"prepare images: {title}", tuple(operations), counts, _command(wishes), stamps)
    return Preparation(
        plan,
        sorted_.works,
        sorted_.aside,
        sorted_.skipped,
        len(images) - len(sorted_.works) - len(sorted_.aside) - len(sorted_.skipped),
    )


def background(name: str) -> tuple[int, int, int]:
    """The colour of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return ImageColor.getcolor(name, "RGB")  # type: ignore[return-value]
    except ValueError:
        raise UsageError(f"{line(name)!r} is no colour.", "Use a name such as white or grey, or #rrggbb.") from None


def _sort(root: Path, images: Sequence[Image], seen: Survey, wishes: Wishes, ground: tuple[int, int, int]) -> _Sorted:
    """What becomes of each image."""
    result = _Sorted()
    # Paths, and stems with a dot: two results must not share a caption that their images did not share.
    taken = {name for image in images for name in (image.path, f"{image.stem}.")}
    for image in images:
        failure = seen.failures.get(image.path)
        if failure is not None:
            if failure.problem in ("broken", "empty", "not-an-image"):
                result.aside[image.path] = "broken"
            elif failure.problem == "too-large":
                result.aside[image.path] = "too-large"
            else:  # unreadable or gone: it may be right again tomorrow
                result.skipped[image.path] = failure.message
            continue
        known = seen.facts[image.path]
        if known.frames > 1:
            result.aside[image.path] = "animated"
        elif min(known.width, known.height) < wishes.min_side and wishes.small == "aside":
            result.aside[image.path] = "small"
        elif blank_on(known, ground):
            result.skipped[image.path] = f"Nothing of it would be seen on {line(wishes.background)}."
        else:
            work = _work(root, image, known, wishes, taken)
            if work is not None:
                result.works.append(work)
                taken |= {work.target, f"{stem_of(work.target)}."}
    return result


def _work(root: Path, image: Image, facts: Facts, wishes: Wishes, taken: set[str]) -> Work | None:
    """What is to be done with a readable picture; None: nothing."""
    format_ = _format(facts, wishes.to)
    done: list[str] = []
    if format_ != facts.format:
        done.append("converted")
    if facts.look.transparent:
        done.append("flattened")
    if facts.orientation != 1:
        done.append("rotated")
    if facts.profiled or facts.mode in ("CMYK", "LAB", "YCbCr"):
        done.append("to sRGB")
    if facts.bits > 8:
        done.append("to 8 bits")
    rewrite = bool(done)
    suffixes = SUFFIXES[format_]
    target = image.path if image.suffix.lower() in suffixes else image.stem + suffixes[0]
    if target != image.path:
        target = _free(root, target, taken)
        if not rewrite:
            done.append("renamed")
    return Work(image, target, tuple(done), rewrite, format_, facts.width * facts.height) if done else None


def _format(facts: Facts, to: To) -> str:
    if to == "png":
        return "PNG"
    if to == "jpg":
        return "JPEG"
    if to == "auto" and facts.format not in ("PNG", "JPEG"):
        return "PNG"
    return facts.format if facts.format in ("PNG", "JPEG", "WEBP", "BMP", "TIFF") else "PNG"


def _free(root: Path, path: str, taken: set[str]) -> str:
    """`path`, or with a number where another file has that name: `a.webp` beside `a.png` becomes `a-2.png`."""
    stem, dot, suffix = path.rpartition(".")
    number, free = 1, path

    def there(free: str) -> bool:
        if free in taken or os.path.lexists(root / free):
            return True
        # Beside a new stem there must be nothing: it would be taken for the image's own caption.
        new = stem_of(free)
        return new != stem and (
            f"{new}." in taken or any(os.path.lexists(root / (new + side)) for side in SIDE_SUFFIXES)
        )

    while there(free):
        number += 1
        free = f"{stem}-{number}{dot}{suffix}"
    return free


def _counts(sorted_: _Sorted, facts: Mapping[str, Facts]) -> dict[str, int]:
    def having(word: str) -> int:
        return sum(word in work.done for work in sorted_.works)

    return {
        "converted": having("converted"),
        "flattened": having("flattened"),
        "set_aside": len(sorted_.aside),
        "rotated": having("rotated"),
        "skipped": len(sorted_.skipped),
        "renamed": having("renamed"),
        "colours": sum("to sRGB" in work.done or "to 8 bits" in work.done for work in sorted_.works),
    }


def _command(wishes: Wishes) -> str:
    words = ["loratui prep"]
    if wishes.to != "auto":
        words.append(f"--to {wishes.to}")
    if wishes.background != "white":
        words.append(f"--background '{wishes.background}'")
    words.append(f"--min-side {wishes.min_side}")
    if wishes.small != "aside":
        words.append(f"--small {wishes.small}")
    return " ".join(words)


def _operations(work: Work, finished: Path | PictureError | None) -> Iterator[Operation]:
    """The old file goes, the new one comes."""
    if isinstance(finished, Path):
        yield Remove(work.image.path, "replaced")
        yield Add(work.target, finished)
    else:
        yield Move(work.image.path, work.target)


def _sides(root: Path, sorted_: _Sorted, images: Sequence[Image]) -> Iterator[Operation]:
    """What belongs to images that get another stem or are set aside goes with them, a copy where others need it too."""
    heirs: dict[str, list[Work]] = {}
    reasons: dict[str, str] = {}
    for work in sorted_.works:
        if stem_of(work.target) != work.image.stem:
            heirs.setdefault(work.image.stem, []).append(work)
    for path, reason in sorted_.aside.items():
        reasons.setdefault(stem_of(path), reason)
    leaving = [*sorted_.aside, *(work.image.path for works in heirs.values() for work in works)]
    held = belongings(beside(root, leaving), leaving)
    for stem, sides in (*held.along.items(), *held.shared.items()):
        to = [stem_of(work.target) for work in heirs.get(stem, [])]
        goes = stem in held.along
        for side in sides:
            suffix = side[len(stem) :]
            if suffix.lower() != _LATENTS:
                copies = to[1:] if goes else to
                raw = (root / side).read_bytes() if copies else b""
                yield from (Edit(new + suffix, None, raw) for new in copies)
            elif goes and any(work.rewrite for work in heirs.get(stem, [])):
                yield Remove(side, "stale")
                continue
            if goes:
                yield Move(side, to[0] + suffix) if to else Remove(side, reasons[stem])
    yield from _stale(root, sorted_, images)


def _stale(root: Path, sorted_: _Sorted, images: Sequence[Image]) -> Iterator[Operation]:
    """Latents of pixels that are gone, where the name stays: the trainer would go on with the old picture."""
    stems = Counter(image.stem for image in images)
    for work in sorted_.works:
        stem = work.image.stem
        if work.rewrite and stems[stem] == 1 and stem_of(work.target) == stem and (root / (stem + _LATENTS)).is_file():
            yield Remove(stem + _LATENTS, "stale")
