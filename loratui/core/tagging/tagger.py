"""Auto-tagging: scores from the tagger's process into the records, and from the scores a plan of captions.

Scores are kept by content and model: what was inferred once is not inferred again, after a cancel, a crash or a rename,
and another threshold needs no network.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Event
from typing import Any, Literal, Self, get_args

from loratui.core.changes import Edit, Plan, stamp
from loratui.core.dataset.caption import Caption, key
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.records import Records
from loratui.core.dataset.revisions import Revisions
from loratui.core.errors import UsageError
from loratui.core.jobs import Report, check, silent
from loratui.core.tagging.labels import CHARACTER, GENERAL
from loratui.core.tagging.models import LABELS, MODEL, TaggerFiles
from loratui.core.tagging.normalise import spaced
from loratui.core.workers.parent import Worker

When = Literal["empty", "merge", "overwrite"]
WHENS: tuple[When, ...] = get_args(When)
LOWEST = 0.05
"""No score below it is kept, so no threshold can lie there."""
_RECORD_SECONDS = 2.0
_REQUEST = 1000  # pictures per request: a line of the protocol has a limit

Scores = Mapping[str, tuple[str, float]]
"""Category and probability by tag, in caption form."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on a tag is believed, by category.

    Raises:
        UsageError: one is not between `LOWEST` and 1.
    """

    general: float = 0.35
    character: float = 0.85

    def __post_init__(self) -> None:
        for value in (self.general, self.character):
            if not LOWEST <= value <= 1:
                raise UsageError(f"A threshold of {value:g} makes no sense.", f"Give one from {LOWEST:g} to 1.")


@dataclass(slots=True)
class Inference:
    """What the tagger said.

    Attributes:
        scores: by position in the dataset.
        failed: what is wrong with a picture, by position.
        provider: onnxruntime's name for what it ran on; "" where every score was known already.
        notes: what the person should hear: a fall-back to the CPU, what the model says of itself.
    """

    scores: dict[int, Scores] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    provider: str = ""
    notes: list[str] = field(default_factory=list)


def wanted(dataset: Dataset, when: When, scope: Collection[int] | None = None) -> list[int]:
    """Positions of the images to be tagged, among those in scope (None: all): without a caption, or any."""
    found = dataset.uncaptioned() if when == "empty" else range(len(dataset.images))
    return list(found) if scope is None else sorted(set(found) & set(scope))


def infer(
    dataset: Dataset,
    positions: Collection[int],
    records: Records,
    files: TaggerFiles,
    *,
    report: Report = silent,
    cancel: Event | None = None,
) -> Inference:
    """Gets the scores of images: known ones from the records, the others from the tagger, recorded as they come.

    Args:
        dataset: where the images are.
        positions: which.
        records: of the dataset's root.
        files: the tagger.
        report: called with images.

    Raises:
        LoratuiError: the tagger cannot be used at all; a single bad picture is in `failed`.
        Cancelled: the scores so far are kept.
    """
    result = Inference()
    unknown: dict[str, list[int]] = {}  # equal pictures are asked about once
    for done, position in enumerate(sorted(positions)):
        check(cancel)
        report(done, len(positions), "looking for known scores")
        try:
            digest = records.content_hash(dataset.images[position])
        except OSError as error:
            result.failed[position] = str(error.strerror or error)
            continue
        known = records.scores(digest, files.key) if digest not in unknown else None
        if known is None:
            unknown.setdefault(digest, []).append(position)
        else:
            result.scores[position] = known
    if not unknown:
        return result
    ready = len(positions) - sum(len(same) for same in unknown.values())
    report(ready, len(positions), f"loading {files.name}")
    with Worker("loratui.core.tagging.worker", "tagger", cancel=cancel) as worker, _Kept(records, files.key) as kept:
        labels = _load(worker, files, result, cancel)
        paths = [str(dataset.root / dataset.images[same[0]].path) for same in unknown.values()]
        for (digest, same), item in zip(unknown.items(), _items(worker, paths, cancel), strict=True):
            if "error" in item:
                result.failed.update(dict.fromkeys(same, str(item["error"])))
            else:
                scores = {labels[n][0]: (labels[n][1], float(value)) for n, value in item["scores"]}
                kept.put(digest, scores)
                result.scores.update(dict.fromkeys(same, scores))
            ready += len(same)
            report(ready, len(positions), dataset.images[same[-1]].name)
    return result


class _Kept:
    """Records scores, some at a time: each time is a flush to the disk. What is left is recorded at the end.

    The first ones are recorded at once: where that cannot be, nobody should wait for the others.
    """

    def __init__(self, records: Records, key: str) -> None:
        self._records = records
        self._key = key
        self._new: dict[str, Scores] = {}
        self._last = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._record()

    def put(self, digest: str, scores: Scores) -> None:
        self._new[digest] = scores
        if time.monotonic() - self._last > _RECORD_SECONDS:
            self._record()

    def _record(self) -> None:
        if not self._new:
            return
        with self._records.batch():
            for digest, scores in self._new.items():
                self._records.put_scores(digest, self._key, scores)
        self._new.clear()
        self._last = time.monotonic()


def _load(worker: Worker, files: TaggerFiles, result: Inference, cancel: Event | None) -> list[tuple[str, str]]:
    """Loads the network; gives the labels in caption form with their category."""
    asked = {"model": str(files.folder / MODEL), "labels": str(files.folder / LABELS)}
    loaded = worker.call("load", asked, cancel=cancel)
    result.provider = loaded["provider"]
    if loaded["fell_back_from"]:
        result.notes.append(
            f"The tagger runs on {loaded['provider']}: {loaded['fell_back_from']} is there but does not start "
            "(its libraries are missing or do not fit; see `loratui doctor`)."
        )
    if loaded["description"]:
        result.notes.append(f"{files.name} says of itself: {loaded['description']}")
    return [(spaced(name), category) for name, category in loaded["labels"]]


def _items(worker: Worker, paths: Sequence[str], cancel: Event | None) -> Iterator[dict[str, Any]]:
    rest = iter(paths)
    while part := list(islice(rest, _REQUEST)):
        yield from worker.stream("tag", {"paths": part}, cancel=cancel)


def settle(dataset: Dataset, inference: Inference) -> None:
    """Call before `plan`: inference takes minutes, and meanwhile captions may have been written and images gone."""
    for position in list(inference.scores):
        image = dataset.images[position]
        now = stamp(dataset.root / image.path)
        if now != image.stamp:
            del inference.scores[position]
            if now is not None:
                inference.failed[position] = "it changed while it was tagged; run it again"
    dataset.refresh({dataset.caption_paths[position] for position in inference.scores})


def chosen(scores: Scores, thresholds: Thresholds) -> list[str]:
    """The tags a caption gets: general ones by score, then characters by score. Ratings are no tags."""
    limits = {GENERAL: thresholds.general, CHARACTER: thresholds.character}
    order = {GENERAL: 0, CHARACTER: 1}
    found = [
        (order[category], -value, tag)
        for tag, (category, value) in scores.items()
        if category in limits and value >= limits[category]
    ]
    return [tag for _, _, tag in sorted(found)]


def plan(
    dataset: Dataset, inference: Inference, thresholds: Thresholds, when: When, *, model: str, command: str = ""
) -> Plan:
    """The captions that follow from the scores.

    Args:
        dataset: where the captions are.
        inference: the scores.
        thresholds: what is believed.
        when: `empty` writes captions that are missing or empty, `merge` adds what a caption lacks, `overwrite` replaces
            its first line.
        model: for the history.
        command: the equivalent command line.

    Returns:
        a plan with the counts `changed_files`, `changed_tags`, `tagged` (images that got tags), `nothing` (images the
        tagger had no tag for) and `unreadable` (captions that are no text, left as they are).
    """
    tags_of: dict[str, list[str]] = {}  # a.png and a.jpg share one caption: it gets the tags of both
    position_of: dict[str, int] = {}
    nothing = tagged = 0
    for position, scores in sorted(inference.scores.items()):
        tags = chosen(scores, thresholds)
        nothing += not tags
        path = dataset.caption_paths[position]
        position_of.setdefault(path, position)
        tags_of.setdefault(path, []).extend(tags)

    def change(position: int, before: Caption) -> Caption:
        nonlocal tagged
        if when == "empty" and before.tags:
            return before
        tagged += 1
        found = list(dict.fromkeys(tags_of[dataset.caption_paths[position]]))
        return before.with_tags(found) if when == "overwrite" else before.append(found)

    revisions = Revisions(dataset, [position for path, position in position_of.items() if tags_of[path]], change)
    edits: list[Edit] = []
    changed = 0
    for revision in revisions:
        edits.append(revision.edit)
        changed += len({key(tag) for tag in revision.before.tags} ^ {key(tag) for tag in revision.after.tags})
    title = f"tag {len(edits):,} image{'' if len(edits) == 1 else 's'} with {model}"
    counts = {
        "changed_files": len(edits),
        "changed_tags": changed,
        "tagged": tagged,
        "nothing": nothing,
        "unreadable": revisions.unreadable,
    }
    return Plan("tag", title, tuple(edits), counts, command, revisions.seen)


def origins(records: Records, digest: str, model: str, tags: Sequence[str]) -> dict[str, str]:
    """Where each tag of an image comes from: `board`, `tagger` or `person`, in this order of precedence."""
    provenance = records.provenance(digest)
    board = {key(tag) for names in (provenance.tags.values() if provenance else ()) for tag in names}
    said = {key(tag) for tag in records.scores(digest, model) or ()}
    return {tag: "board" if key(tag) in board else "tagger" if key(tag) in said else "person" for tag in tags}
