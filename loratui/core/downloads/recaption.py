"""Captions written anew from the boards' tags that were kept with each image: nothing is downloaded for it."""

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Literal, get_args

from loratui.core.changes import Edit, Plan
from loratui.core.dataset.caption import Caption, CaptionError, key
from loratui.core.dataset.dataset import Dataset
from loratui.core.downloads.captions import Style, Uses, render
from loratui.core.downloads.ranks import uses_of
from loratui.core.errors import UsageError
from loratui.core.jobs import Report, check, silent
from loratui.core.words import count
from loratui.core.workspace import Workspace

Edited = Literal["merge", "keep", "overwrite"]
"""What becomes of a caption that was edited since it was written: the edits are made to the new one as well, it stays
as it is, or it is lost (undo brings it back)."""
EDITED: tuple[Edited, ...] = get_args(Edited)


@dataclass(frozen=True, slots=True)
class Recaptioned:
    """What writing captions anew did, or would do.

    Attributes:
        plan: the step, with the counts `changed_files` and `changed_tags`.
        images: how many were looked at.
        same: captions that are so already.
        edited: captions that were edited since they were written.
        unknown: images of which no board's tags are known.
        unreadable: captions that are no text.
    """

    plan: Plan
    images: int
    same: int
    edited: int
    unknown: int
    unreadable: int


def recaption(
    workspace: Workspace,
    folders: Sequence[str] | None = None,
    style: Style | None = None,
    *,
    edited: Edited = "merge",
    chosen: Callable[[Dataset], Collection[int]] | None = None,
    words: Sequence[str] = (),
    dry_run: bool = False,
    report: Report = silent,
    cancel: Event | None = None,
) -> Recaptioned:
    """Writes captions anew, as one step. Triggers that stand first stay first.

    Args:
        folders: relative to the root; None: the whole dataset.
        style: how they are written.
        edited: what becomes of those that a person, or a bulk edit, has changed since.
        chosen: gives the positions of the images that are meant; None: all.
        words: the scope as options of the command line, for the history.
        dry_run: only makes the plan.

    Raises:
        UsageError: the style, or `edited`, is unknown.
    """
    style = (style or Style()).checked()
    if edited not in EDITED:
        raise UsageError(f"{edited!r} is no way to treat edited captions.", f"Choose one of {', '.join(EDITED)}.")
    written: dict[str, bytes] = {}

    def make() -> Recaptioned:
        dataset = workspace.dataset(folders, report=report)
        positions = range(len(dataset.images)) if chosen is None else chosen(dataset)
        run = _Run(workspace, dataset, style, uses_of(workspace), edited)
        with workspace.records:
            for number, position in enumerate(sorted(positions)):
                check(cancel)
                report(number, len(positions), "writing captions")
                run.look(position)
        written.clear()
        written.update(run.written)
        return run.result(len(positions), words)

    if dry_run:
        return make()
    with workspace.records as records:
        done = workspace.changes.apply_made(make)
        records.put_rendered(written)
    return done


class _Run:
    """One look over a dataset."""

    def __init__(self, workspace: Workspace, dataset: Dataset, style: Style, uses: Uses, edited: Edited) -> None:
        self.written: dict[str, bytes] = {}
        self._records = workspace.records
        self._triggers = workspace.triggers()
        self._dataset = dataset
        self._style = style
        self._uses = uses
        self._how = edited
        self._edits: dict[str, Edit] = {}
        self._tags = self._same = self._edited = self._unknown = self._unreadable = 0

    def look(self, position: int) -> None:
        image, path = self._dataset.images[position], self._dataset.caption_paths[position]
        if path in self._edits:
            return  # two images share it: the first one's tags are in it
        digest = self._records.content_hash(image)
        origin = self._records.provenance(digest)
        if origin is None or not any(origin.tags.values()):
            self._unknown += 1
            return
        try:
            now = self._dataset.caption(position)
        except CaptionError:
            self._unreadable += 1
            return
        triggers = self._triggers.get(image.folder, [])
        head, own = _parted(now.tags, triggers)
        raw = render(origin.tags, self._style, self._uses)
        fresh = _parted(Caption.parse(raw).tags, head)[1]
        known = [Caption.parse(old).tags for old in self._records.rendered(digest)]
        known.append(Caption.parse(render(origin.tags, Style(by_use=False))).tags)
        own_keys = [_plain(tag) for tag in own]
        touched = bool(now.tags) and not any(
            own_keys == [_plain(tag) for tag in _parted(old, head)[1]] for old in known
        )
        self._edited += touched
        if touched and self._how == "keep":
            return
        if touched and self._how == "merge":
            fresh = _merged(known[-2] if len(known) > 1 else known[-1], own, fresh)
        new = now.with_tags([*head, *fresh])
        self.written[digest] = raw
        if new.tags == now.tags:
            self._same += 1
            return
        self._edits[path] = Edit(path, self._dataset.raw[position], new.to_bytes())
        self._tags += len(set(new.tags) ^ set(now.tags))

    def result(self, images: int, words: Sequence[str]) -> Recaptioned:
        edits = tuple(self._edits.values())
        how = [] if self._how == "merge" else ["--edited", self._how]
        plan = Plan(
            "tags render",
            f"write {count(len(edits), 'caption')} anew from the boards' tags",
            edits,
            {"changed_files": len(edits), "changed_tags": self._tags},
            shlex.join(["loratui", "tags", "render", *self._style.options(), *how, *words]),
        )
        return Recaptioned(plan, images, self._same, self._edited, self._unknown, self._unreadable)


def _plain(tag: str) -> str:
    """A tag in the form in which all styles of writing it are the same."""
    return key(tag.replace("\\(", "(").replace("\\)", ")"))


def _parted(tags: Sequence[str], first: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tags of `first` that are there, and the others."""
    wanted = {_plain(tag) for tag in first}
    return [tag for tag in tags if _plain(tag) in wanted], [tag for tag in tags if _plain(tag) not in wanted]


def _merged(base: Sequence[str], mine: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """`fresh` with what was done to `base` to make it `mine`: what was taken out stays out, what came in stays in.

    What had been put before all tags of the board is there again, what else came in stands last.
    """
    before, now = {_plain(tag) for tag in base}, {_plain(tag) for tag in mine}
    there = {_plain(tag) for tag in fresh}
    added = [tag for tag in mine if _plain(tag) not in before and _plain(tag) not in there]
    leading = []
    for tag in mine:
        if _plain(tag) in before:
            break
        leading.append(tag)
    head = [tag for tag in added if tag in leading]
    kept = [tag for tag in fresh if _plain(tag) not in before - now]
    return [*head, *kept, *(tag for tag in added if tag not in leading)]
