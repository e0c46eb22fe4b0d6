"""The act of tagging: a tagger is chosen, its scores are asked for, captions follow from them as one step."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join
from threading import Event

from loratui.core.changes import Plan
from loratui.core.dataset.dataset import Dataset
from loratui.core.jobs import Report, silent
from loratui.core.tagging import models, tagger
from loratui.core.tagging.models import TaggerFiles
from loratui.core.tagging.tagger import Thresholds, When
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Chosen:
    """How to tag.

    Attributes:
        model: the tagger as it was named.
        files: None: it must be downloaded first, see `models.download`.
        thresholds: what is believed.
    """

    model: str
    files: TaggerFiles | None
    thresholds: Thresholds

    @property
    def name(self) -> str:
        """What people call the tagger."""
        return self.files.name if self.files else self.model


@dataclass(frozen=True, slots=True)
class Tagged:
    """What tagging did.

    Attributes:
        tagged: images that got tags; of a dry run, images that would be asked about.
        plan: the captions.
        provider: what the tagger ran on; "" where every score was known already.
        seconds: how long it took.
        failed: what is wrong with a picture, by path.
        notes: what the person should hear.
    """

    tagged: int
    plan: Plan
    provider: str = ""
    seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def choose(
    workspace: Workspace,
    model: str | None = None,
    base: Path | None = None,
    *,
    general: float | None = None,
    character: float | None = None,
) -> Chosen:
    """The tagger and its thresholds; what is not given is the project's. Looks for the files, asks no network.

    Args:
        workspace: whose settings count.
        model: a known name, or a folder.
        base: where a folder's name starts; None: the workspace's root.
        general, character: thresholds.

    Raises:
        UsageError: there is no such tagger, or a threshold makes no sense.
    """
    settings = workspace.tagger
    thresholds = Thresholds(
        settings.general if general is None else general,
        settings.character if character is None else character,
    )
    name = model or settings.model
    return Chosen(name, models.find(name, base or workspace.root, workspace.config.model_dirs), thresholds)


def tag(
    workspace: Workspace,
    dataset: Dataset,
    positions: Collection[int],
    chosen: Chosen,
    when: When,
    *,
    dry_run: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Tagged:
    """Tags images in a process of its own, and writes their captions as one step.

    Args:
        workspace: the dataset's.
        dataset: nobody else's: captions are read into it again before they are written.
        positions: of the images, see `tagger.wanted`.
        chosen: how; its files must be there, unless nothing is to be done.
        when: what becomes of captions that are there.
        dry_run: starts nothing and writes nothing.
        report: called with images.

    Raises:
        LoratuiError: the tagger cannot be used at all.
        Cancelled: the scores so far are kept.
    """
    if dry_run or not positions:
        return Tagged(len(positions), Plan("tag", "", counts=_NOTHING))
    assert chosen.files is not None
    files, thresholds, started = chosen.files, chosen.thresholds, time.monotonic()
    with workspace.records as records:
        inference = tagger.infer(dataset, positions, records, files, report=report, cancel=cancel)
    options = ["--threshold", f"{thresholds.general:g}", "--character-threshold", f"{thresholds.character:g}"]
    command = join(["loratui", "tag", "--model", chosen.model, *options, "--when", when])

    def make() -> Tagged:
        tagger.settle(dataset, inference)
        plan = tagger.plan(dataset, inference, thresholds, when, model=files.name, command=command)
        failed = {dataset.images[position].path: reason for position, reason in inference.failed.items()}
        seconds = time.monotonic() - started
        return Tagged(plan.counts["tagged"], plan, inference.provider, seconds, failed, inference.notes)

    return workspace.changes.apply_made(make)


_NOTHING = dict.fromkeys(("changed_files", "changed_tags", "nothing", "unreadable"), 0)
