"""Checks of the images and captions that would be trained on."""

from collections import Counter as Counted
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core.checks import Check
from loratui.core.dataset.folder import stem_of
from loratui.core.sanitize import line
from loratui.core.training.buckets import Buckets
from loratui.core.training.material import Picture
from loratui.core.training.situation import Situation
from loratui.core.training.steps import bucket_rules

if TYPE_CHECKING:
    from loratui.core.dataset.tokens import Counter


def some(names: Sequence[str], limit: int = 3) -> str:
    """The first few of `names`, safe to show, and how many more there are."""
    shown = ", ".join(line(name, 80) for name in names[:limit])
    return shown + (f" and {len(names) - limit:,} more" if len(names) > limit else "")


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def subsets(situation: Situation) -> Iterator[Check]:
    """The folders of loratui.toml: there, named once, seen at least once an epoch."""
    seen = Counted((situation.project.root / part.subset.folder).resolve() for part in situation.material)
    twice = [
        part.subset.folder
        for part in situation.material
        if seen[(situation.project.root / part.subset.folder).resolve()] > 1
    ]
    faults = [part.subset.folder for part in situation.material if part.missing]
    if faults:
        yield Check(
            "subsets",
            "block",
            f"The folder {some(faults)} is missing.",
            "Make it, or take the subset out of loratui.toml.",
        )
    if twice:
        yield Check(
            "subsets", "block", f"{twice[0]} is named twice; the second is ignored.", "Take one out of loratui.toml."
        )
    never = [
        part.subset.name for part in situation.material if part.subset.repeats != "auto" and part.subset.repeats < 1
    ]
    if never:
        yield Check(
            "subsets", "block", f"Repeats of {some(never)} are below 1.", 'Set repeats to 1 or more, or to "auto".'
        )
    if not situation.material:
        yield Check(
            "subsets", "block", "loratui.toml names no subset.", "Add one: `loratui subset list` shows how they are."
        )
    elif not (faults or twice or never):
        yield Check("subsets", "ok", f"{counted(len(situation.material), 'subset')} with a folder each.")


def images(situation: Situation) -> Iterator[Check]:
    """Whether there is anything to train on, and which files the trainer would pass over."""
    total = sum(len(part.pictures) for part in situation.material)
    left_out = list(chain.from_iterable(part.left_out for part in situation.material))
    if not total:
        yield Check(
            "images",
            "block",
            "There are no images to train on: the trainer would end at once and call it success.",
            "Get some with `loratui get`, or take in a folder with `loratui add`.",
            "loratui add",
        )
    else:
        empty = [part.subset.name for part in situation.material if not part.pictures and not part.missing]
        if empty:
            yield Check(
                "images",
                "warn",
                f"No images in {some(empty)}; the trainer ignores it.",
                "Fill it, or take the subset out.",
            )
        else:
            yield Check("images", "ok", f"{counted(total, 'image')} to train on.")
    if left_out:
        yield Check(
            "image-formats",
            "warn",
            f"The trainer does not read {some(left_out)}.",
            "Convert them with `loratui prep --to png`.",
            "loratui prep --to png",
        )


def stems(situation: Situation) -> Iterator[Check]:
    """Images of one folder that share their stem: they would share caption and cache, too."""
    clashes = []
    for part in situation.material:
        by_stem = defaultdict(list)
        for picture in part.pictures:
            by_stem[picture.path.rpartition(".")[0]].append(picture.path)
        clashes += [names[1] for names in by_stem.values() if len(names) > 1]
    if clashes:
        yield Check(
            "stems",
            "block",
            f"{some(clashes)}: another image has the same name but for the suffix, so both share one caption.",
            "Rename one of each pair, or put duplicates away with `loratui dupes --apply`.",
        )
    else:
        yield Check("stems", "ok", "No two images share a name.")


def captions(situation: Situation) -> Iterator[Check]:
    """Missing, empty and unreadable captions."""
    from loratui.core.dataset.caption import Caption, CaptionError

    missing, empty, foreign, longer, long_lines, signs = [], [], [], [], [], []
    limit = int(situation.recipe.text("max_token_length"))
    tokens = _tokens(situation)
    for picture in _pictures(situation):
        if picture.caption is None:
            missing.append(picture.path)
            continue
        try:
            caption = Caption.parse(picture.caption.read_bytes())
        except (CaptionError, OSError):
            foreign.append(picture.caption.name)
            continue
        if not caption.tags:
            empty.append(picture.caption.name)
        if caption.more_lines.strip():
            longer.append(picture.caption.name)
        if "|||" in caption.text or ";;;" in caption.text:
            signs.append(picture.caption.name)
        if tokens.tags(caption.tags) > limit:
            long_lines.append(picture.caption.name)
    total = sum(len(part.pictures) for part in situation.material)
    if foreign:
        remedy = "Save them as UTF-8; the trainer stops at the first such file."
        yield Check("captions-text", "block", f"{some(foreign)} cannot be read as UTF-8 text.", remedy)
    if empty:
        remedy = "Tag them with `loratui tag`, or delete the files; the trainer stops at an empty one."
        yield Check("captions-empty", "block", f"{some(empty)}: no tag in the caption.", remedy, "loratui tag")
    if total and len(missing) == total:
        remedy = "Tag the images with `loratui tag`; the trainer would learn them without words."
        yield Check("captions", "block", "No image has a caption.", remedy, "loratui tag")
    elif missing:
        remedy = "Tag them with `loratui tag --when empty`."
        message = f"{counted(len(missing), 'image')} without a caption: {some(missing)}."
        yield Check("captions", "warn", message, remedy, "loratui tag --when empty")
    elif total:
        yield Check("captions", "ok", f"Every one of {counted(total, 'image')} has a caption.")
    if longer:
        yield Check(
            "captions-lines",
            "warn",
            f"{some(longer)}: the trainer reads the first line only.",
            "Put all tags on one line.",
        )
    if signs:
        message = f"{some(signs)}: ||| and ;;; are text to the trainer, which is not told of them."
        yield Check("captions-signs", "warn", message, "Take them out with `loratui tags replace --text`.")
    if long_lines:
        remedy = "Prune tags, or raise max_token_length." if limit < 225 else "Prune tags with `loratui tags prune`."
        yield Check(
            "captions-length",
            "warn",
            f"{some(long_lines)}: more than {tokens.shown(limit)} tokens; the rest is cut.",
            remedy,
        )


def triggers(situation: Situation) -> Iterator[Check]:
    """Whether the kept tags at the front of captions are the trigger's."""
    from loratui.core.dataset.caption import Caption, CaptionError

    recipe = situation.recipe
    for part in situation.material:
        wanted = [tag.lower().replace("_", " ") for tag in part.subset.triggers]
        if not wanted:
            if situation.project.kind == "character" and part.pictures:
                message = f"The subset {part.subset.name} has no trigger word."
                yield Check("trigger", "warn", message, "Set `trigger` in its [[subset]] of loratui.toml.")
            continue
        if recipe["keep_tokens"] == 0 and recipe.flag("shuffle_caption"):
            yield Check(
                "trigger", "warn", "keep_tokens 0 shuffles the trigger away from the front.", "Use keep_tokens=auto."
            )
        behind = []
        for picture in part.pictures:
            try:
                # A stray comma before the trigger counts as a tag that is kept.
                tags = Caption.parse(picture.caption.read_bytes()).kept(len(wanted)) if picture.caption else wanted
            except (CaptionError, OSError):
                continue  # the check of captions names it
            if [tag.lower().replace("_", " ") for tag in tags[: len(wanted)]] != wanted:
                behind.append(picture.path)
        if behind:
            where = f"{counted(len(behind), 'caption')} of {part.subset.name}"
            message = f"The trigger “{line(part.subset.trigger)}” is not first in {where}."
            yield Check("trigger", "warn", message, "Put it there with `loratui tags trigger`.", "loratui tags trigger")
        elif part.pictures:
            yield Check(
                "trigger", "ok", f"“{line(part.subset.trigger)}” is first in every caption of {part.subset.name}."
            )


def trigger_words(situation: Situation) -> Iterator[Check]:
    """What the triggers mean before any training."""
    from loratui.core.dataset.records import Records
    from loratui.core.dataset.triggers import meanings
    from loratui.core.vocabulary.machine import vocabulary

    project = situation.project
    subsets = [
        (part.subset.triggers, [stem_of(picture.path.rpartition("/")[2]) for picture in part.pictures])
        for part in situation.material
        if part.subset.triggers
    ]
    if not subsets:
        return
    words = vocabulary(project.root, situation.config.model_dirs, project.tagger.model)
    words.load()
    with Records(project.root) as records:
        provenances = records.provenances()
    for found in meanings(subsets, _tokens(situation), words.knows, provenances):
        if found.message:
            yield Check("trigger-words", "warn", line(found.message), line(found.remedy))


def buckets(situation: Situation) -> Iterator[Check]:
    """Images that fit no bucket, are far below the resolution, or alone in theirs."""
    rules = bucket_rules(situation.recipe)
    if rules.fault():
        return  # the options' check says it
    chosen = Buckets(rules)
    homeless, small = [], []
    for picture in _pictures(situation):
        if picture.size is None:
            continue  # the check of readability names it
        bucket = chosen.of(picture.size)
        if bucket is None:
            homeless.append(picture.path)
        elif picture.size[0] * picture.size[1] * 4 < bucket[0] * bucket[1]:
            small.append(picture.path)
    if homeless:
        remedy = "Set them aside with `loratui prep`, or set bucket_no_upscale to false."
        yield Check(
            "buckets", "block", f"{some(homeless)} fits no bucket; the trainer would stop.", remedy, "loratui prep"
        )
    if small:
        width, height = rules.resolution
        message = f"{counted(len(small), 'image')} less than half of {width}×{height}: {some(small)}."
        yield Check(
            "buckets-small", "warn", message, "Set them aside or enlarge them with `loratui prep`.", "loratui prep"
        )
    lonely = [size for size, count in situation.plan.buckets.items() if count < situation.plan.batch]
    if situation.plan.buckets and not homeless:
        if lonely and len(lonely) * 2 > len(situation.plan.buckets) and situation.plan.batch > 1:
            message = f"{len(lonely)} of {len(situation.plan.buckets)} buckets hold fewer images than a batch."
            yield Check("buckets", "warn", message, "A larger bucket_reso_steps makes fewer shapes.")
        else:
            yield Check("buckets", "ok", f"{counted(len(situation.plan.buckets), 'bucket')} of shapes.")


def _tokens(situation: Situation) -> "Counter":
    """Counts tokens as the trainer does, where its tokenizer is here."""
    from loratui.core.dataset.tokens import counter

    named = situation.recipe.text("tokenizer_cache_dir")
    return counter(situation.project.root / Path(named).expanduser() if named else None)


def _pictures(situation: Situation) -> Iterator[Picture]:
    return chain.from_iterable(part.pictures for part in situation.material)
