"""Edits of many captions at once: said first, then planned on a dataset, as often as its files change.

Plans are pure, counted, applied and undone through `changes`.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from shlex import join

from loratui.core.changes import Edit, Plan
from loratui.core.dataset.arguments import text_argument
from loratui.core.dataset.caption import Caption, key
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.revisions import Change, Revisions
from loratui.core.errors import UsageError
from loratui.core.words import count

Bound = tuple[AbstractSet[int] | None, Change]
"""The positions that can change at all (None: any), and the change."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One edit of many captions, of no dataset yet.

    Attributes:
        commands: the words after `loratui tags`, the verb first; several commands for what takes more than one.
        title: for the history; `{n}` becomes the number of captions.
        bind: the change in a dataset.
    """

    commands: tuple[tuple[str, ...], ...]
    title: str
    bind: Callable[[Dataset], Bound]

    def plan(self, dataset: Dataset, positions: Collection[int], scope: Sequence[str] = ()) -> Plan:
        """The plan for some images of a dataset.

        Args:
            dataset: where the captions are.
            positions: of the images.
            scope: the options that say the same on the command line.

        Returns:
            a plan with the counts `changed_files`, `changed_tags` (tags that came, went or moved) and `unreadable`.
        """
        touched, change = self.bind(dataset)
        revisions = Revisions(dataset, positions if touched is None else touched & set(positions), change)
        edits: list[Edit] = []
        changed_tags = 0
        for revision in revisions:
            edits.append(revision.edit)
            changed_tags += _difference(revision.before.tags, revision.after.tags)
        counts = {"changed_files": len(edits), "changed_tags": changed_tags, "unreadable": revisions.unreadable}
        verb = f"tags {self.commands[0][0]}"
        title = self.title.replace("{n}", count(len(edits), "caption"))
        command = " && ".join(join(["loratui", "tags", *words, *scope]) for words in self.commands)
        return Plan(verb, title, tuple(edits), counts, command, revisions.seen)


def _bulk(words: Sequence[str], title: str, bind: Callable[[Dataset], Bound]) -> Bulk:
    return Bulk((tuple(words),), title, bind)


def _of(tags: Sequence[str], change: Callable[[Caption], Caption]) -> Callable[[Dataset], Bound]:
    """A change of the captions that hold one of the tags, in any spelling."""

    def bind(dataset: Dataset) -> Bound:
        return set().union(*(dataset.carrying(tag) for tag in tags)), lambda position, caption: change(caption)

    return bind


def _of_any(change: Callable[[Caption], Caption]) -> Callable[[Dataset], Bound]:
    """A change of any caption."""
    return lambda dataset: (None, lambda position, caption: change(caption))


def remove(tags: Sequence[str]) -> Bulk:
    """Takes tags out, in every spelling."""
    title = f"remove {_quoted(tags)} from {{n}}"
    return _bulk(("remove", *tags), title, _of(tags, lambda caption: caption.remove(tags)))


def replace(old: str, new: str) -> Bulk:
    """Renames a tag; where the new one is there already, the two become one."""
    title = f"replace {_quoted([old])} by {_quoted([new])} in {{n}}"
    return _bulk(("replace", old, new), title, _of([old], lambda caption: caption.replace(old, new)))


def merge(old: Sequence[str], new: str) -> Bulk:
    """Renames tags to one name; where a caption holds several, they become one."""
    if len(old) == 1:
        return replace(old[0], new)

    def change(caption: Caption) -> Caption:
        for tag in old:
            caption = caption.replace(tag, new)
        return caption

    commands = tuple(("replace", tag, new) for tag in old if tag != new)
    return Bulk(commands, f'merge {len(old)} tags into "{new}" in {{n}}', _of(old, change))


def replace_regex(pattern: str, new: str) -> Bulk:
    """Rewrites each tag that fits a regular expression as a whole; `\\1` in `new` is a group; "" removes the tag.

    Where the new tag is there already, the two become one; tags that do not fit stay as they are.

    Raises:
        UsageError: the pattern is wrong; when it is planned: the replacement is.
    """

    def wrong(error: Exception) -> UsageError:
        return UsageError(
            f"The regular expression {pattern!r} cannot be used: {error}.", "Mend it, or leave --regex out."
        )

    try:
        matcher = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise wrong(error) from error

    def bind(dataset: Dataset) -> Bound:
        fitting = [tag for tag in dataset.postings if matcher.fullmatch(tag)]
        try:
            renamed = {tag: matcher.sub(new, tag, count=1).strip() for tag in fitting}
        except (re.error, IndexError) as error:
            raise wrong(error) from error
        change = {tag: text_argument(name) for tag, name in renamed.items() if name != tag}
        touched = set().union(*(dataset.postings[tag] for tag in change))
        return touched, lambda position, caption: caption.map_tags(change)

    return _bulk(("replace", "--regex", pattern, new), f"replace /{pattern}/ by {_quoted([new])} in {{n}}", bind)


def replace_text(old: str, new: str) -> Bulk:
    """Replaces text in the first line of captions, across the borders of tags.

    Raises:
        UsageError: `old` is empty, or `new` cannot stand in one line.
    """
    if not old:
        raise UsageError("There is no text to search for.", "Give the text to replace.")
    text_argument(new)

    def change(caption: Caption) -> Caption:
        text = caption.text.replace(old, new)
        return Caption.parse((text + caption.more_lines).encode(caption.encoding)) if text != caption.text else caption

    title = f"replace the text {_quoted([old])} by {_quoted([new])} in {{n}}"
    return _bulk(("replace", "--text", old, new), title, _of_any(change))


def prepend(tags: Sequence[str]) -> Bulk:
    """Puts tags first; those a caption has are moved there."""
    title = f"put {_quoted(tags)} first in {{n}}"
    return _bulk(("prepend", *tags), title, _of_any(lambda caption: caption.prepend(tags)))


def append(tags: Sequence[str]) -> Bulk:
    """Puts tags last where they are not there yet."""
    title = f"add {_quoted(tags)} to {{n}}"
    return _bulk(("append", *tags), title, _of_any(lambda caption: caption.append(tags)))


def move(tag: str, *, last: bool) -> Bulk:
    """Moves a tag first or last where it stands."""
    to = "last" if last else "first"
    title = f"move {_quoted([tag])} {to} in {{n}}"
    return _bulk(("move", tag, "--to", to), title, _of([tag], lambda caption: caption.move(tag, last)))


def trigger(triggers: Mapping[str, Sequence[str]]) -> Bulk:
    """Puts each subset's trigger first.

    Args:
        triggers: tags by folder of the image, relative to the root.

    Raises:
        UsageError: there are none.
    """
    if not any(triggers.values()):
        raise UsageError(
            "There is no trigger here.", "Set one under [[subset]] in loratui.toml, or use `loratui tags prepend`."
        )

    def bind(dataset: Dataset) -> Bound:
        tags = [triggers.get(image.folder, ()) for image in dataset.images]
        wanted = {position for position, first in enumerate(tags) if first}
        return wanted, lambda position, caption: caption.prepend(tags[position])

    return _bulk(("trigger",), "put the trigger first in {n}", bind)


def dedupe() -> Bulk:
    """Leaves the first of equal tags in each caption."""

    def bind(dataset: Dataset) -> Bound:
        doubled = {at for at, tags in enumerate(dataset.tags) if len({key(tag) for tag in tags}) < len(tags)}
        return doubled, lambda position, caption: caption.dedupe()

    return _bulk(("dedupe",), "remove doubled tags from {n}", bind)


def sort(triggers: Mapping[str, Sequence[str]]) -> Bulk:
    """Sorts tags by how many images carry them, most first, then by name; the trigger's tags stay first."""
    fixed = {key(tag) for tags in triggers.values() for tag in tags}

    def bind(dataset: Dataset) -> Bound:
        counts = dataset.counts()

        def change(position: int, caption: Caption) -> Caption:
            if "|||" in caption.text:  # the person has ordered it by hand
                return caption
            tags = caption.tags
            head = [tag for tag in tags if key(tag) in fixed]
            rest = sorted((tag for tag in tags if key(tag) not in fixed), key=lambda tag: (-counts.get(tag, 0), tag))
            return caption.with_tags([*head, *rest])

        return None, change

    return _bulk(("sort",), "sort the tags of {n}", bind)


def by_hand(dataset: Dataset, position: int, raw: bytes) -> Plan:
    """One caption as a person wrote it; without operations where it is that already."""
    image, old = dataset.images[position], dataset.raw[position]
    if raw == (old or b""):
        return Plan("caption", "", counts={})
    edit = Edit(dataset.caption_paths[position], old, raw)
    seen = {image.path: image.stamp} if old is None else {}
    return Plan("caption", f"write the caption of {image.name}", (edit,), {"changed_files": 1}, seen=seen)


def _difference(before: Sequence[str], after: Sequence[str]) -> int:
    """Tags that came or went; where none did, the fewest that must have moved."""
    counts: dict[str, int] = {}
    for tag in after:
        counts[tag] = counts.get(tag, 0) + 1
    for tag in before:
        counts[tag] = counts.get(tag, 0) - 1
    came, went = sum(n for n in counts.values() if n > 0), -sum(n for n in counts.values() if n < 0)
    if came or went:
        return max(came, went)
    # Those that stay are a longest increasing run of old places; equal tags take theirs in turn.
    places: dict[str, list[int]] = {}
    for place, tag in reversed(list(enumerate(before))):
        places.setdefault(tag, []).append(place)
    ends: list[int] = []
    for place in (places[tag].pop() for tag in after):
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(after) - len(ends)


def _quoted(tags: Iterable[str]) -> str:
    names = list(tags)
    shown = ", ".join(f'"{tag}"' for tag in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
