"""Edits of many captions at once, as plans: pure, counted, applied and undone through `changes`."""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from loratui.core.changes import Edit, Plan
from loratui.core.dataset.arguments import text_argument
from loratui.core.dataset.caption import Caption, CaptionError, key
from loratui.core.dataset.dataset import Dataset
from loratui.core.errors import UsageError
from loratui.core.words import count

Change = Callable[[Caption], Caption]


def edit(
    dataset: Dataset, positions: Collection[int], change: Change, *, verb: str, title: str, command: str = ""
) -> Plan:
    """The plan that applies `change` to captions.

    Args:
        dataset: where they are.
        positions: which images; those that share a caption file are edited once.
        change: gives the new caption; an unchanged one is left out.
        verb: for the history.
        title: for the history; `{n}` becomes the number of files.
        command: the equivalent command line.

    Returns:
        a plan with the counts `changed_files`, `changed_tags` (tags that came, went or moved) and `unreadable`.
    """
    edits: dict[str, Edit] = {}
    changed_tags = unreadable = 0
    for position in sorted(positions):
        path = dataset.caption_paths[position]
        if path in edits:
            continue
        try:
            before = dataset.caption(position)
        except CaptionError:
            unreadable += 1
            continue
        after = change(before)
        old, new = dataset.raw[position], after.to_bytes()
        if new == (old or b""):
            continue
        edits[path] = Edit(path, old, new)
        changed_tags += _difference(before.tags, after.tags)
    counts = {"changed_files": len(edits), "changed_tags": changed_tags, "unreadable": unreadable}
    return Plan(verb, title.replace("{n}", count(len(edits), "caption")), tuple(edits.values()), counts, command)


def remove(dataset: Dataset, positions: Collection[int], tags: Sequence[str]) -> Plan:
    """Takes tags out, in every spelling."""
    touched = set().union(*(dataset.carrying(tag) for tag in tags)) & set(positions)
    return edit(
        dataset,
        touched,
        lambda caption: caption.remove(tags),
        verb="tags remove",
        title=f"remove {_quoted(tags)} from {{n}}",
        command=_command("remove", *tags),
    )


def replace(dataset: Dataset, positions: Collection[int], old: str, new: str) -> Plan:
    """Renames a tag; where the new one is there already, the two become one."""
    return edit(
        dataset,
        dataset.carrying(old) & set(positions),
        lambda caption: caption.replace(old, new),
        verb="tags replace",
        title=f"replace {_quoted([old])} by {_quoted([new])} in {{n}}",
        command=_command("replace", old, new),
    )


def replace_regex(dataset: Dataset, positions: Collection[int], pattern: str, new: str) -> Plan:
    """Rewrites each tag that fits a regular expression as a whole; `\\1` in `new` is a group; "" removes the tag.

    Where the new tag is there already, the two become one; tags that do not fit stay as they are.

    Raises:
        UsageError: the pattern or the replacement is wrong.
    """
    try:
        matcher = re.compile(pattern, re.IGNORECASE)
        renamed = {tag: matcher.sub(new, tag, count=1).strip() for tag in dataset.postings if matcher.fullmatch(tag)}
    except (re.error, IndexError) as error:
        raise UsageError(
            f"The regular expression {pattern!r} cannot be used: {error}.", "Mend it, or leave --regex out."
        ) from error
    change = {tag: text_argument(name) for tag, name in renamed.items() if name != tag}
    touched = set().union(*(dataset.postings[tag] for tag in change)) & set(positions)
    return edit(
        dataset,
        touched,
        lambda caption: caption.map_tags(change),
        verb="tags replace",
        title=f"replace /{pattern}/ by {_quoted([new])} in {{n}}",
        command=_command("replace", "--regex", pattern, new),
    )


def replace_text(dataset: Dataset, positions: Collection[int], old: str, new: str) -> Plan:
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

    return edit(
        dataset,
        positions,
        change,
        verb="tags replace",
        title=f"replace the text {_quoted([old])} by {_quoted([new])} in {{n}}",
        command=_command("replace", "--text", old, new),
    )


def prepend(dataset: Dataset, positions: Collection[int], tags: Sequence[str]) -> Plan:
    """Puts tags first; those a caption has are moved there."""
    return edit(
        dataset,
        positions,
        lambda caption: caption.prepend(tags),
        verb="tags prepend",
        title=f"put {_quoted(tags)} first in {{n}}",
        command=_command("prepend", *tags),
    )


def append(dataset: Dataset, positions: Collection[int], tags: Sequence[str]) -> Plan:
    """Puts tags last where they are not there yet."""
    return edit(
        dataset,
        positions,
        lambda caption: caption.append(tags),
        verb="tags append",
        title=f"add {_quoted(tags)} to {{n}}",
        command=_command("append", *tags),
    )


def move(dataset: Dataset, positions: Collection[int], tag: str, *, last: bool) -> Plan:
    """Moves a tag first or last where it stands."""
    return edit(
        dataset,
        dataset.carrying(tag) & set(positions),
        lambda caption: caption.move(tag, last),
        verb="tags move",
        title=f"move {_quoted([tag])} {'last' if last else 'first'} in {{n}}",
        command=_command("move", tag, "--to", "last" if last else "first"),
    )


def trigger(dataset: Dataset, positions: Collection[int], triggers: Mapping[str, Sequence[str]]) -> Plan:
    """Puts each subset's trigger first.

    Args:
        dataset: where the captions are.
        positions: which images.
        triggers: tags by folder of the image, relative to the root.
    """
    folders = {position: dataset.images[position].folder for position in positions}
    by_path = {dataset.caption_paths[position]: triggers.get(folder, ()) for position, folder in folders.items()}
    wanted = [position for position in positions if by_path[dataset.caption_paths[position]]]
    edits: list[Edit] = []
    changed_tags = unreadable = 0
    for tags in dict.fromkeys(tuple(tags) for tags in by_path.values() if tags):
        part = prepend(dataset, [p for p in wanted if tuple(by_path[dataset.caption_paths[p]]) == tags], tags)
        edits += [operation for operation in part.operations if isinstance(operation, Edit)]
        changed_tags += part.counts["changed_tags"]
        unreadable += part.counts["unreadable"]
    counts = {"changed_files": len(edits), "changed_tags": changed_tags, "unreadable": unreadable}
    return Plan(
        "tags trigger",
        f"put the trigger first in {count(len(edits), 'caption')}",
        tuple(edits),
        counts,
        _command("trigger"),
    )


def dedupe(dataset: Dataset, positions: Collection[int]) -> Plan:
    """Leaves the first of equal tags in each caption."""
    doubled = [p for p in positions if len({key(tag) for tag in dataset.tags[p]}) < len(dataset.tags[p])]
    return edit(
        dataset,
        doubled,
        Caption.dedupe,
        verb="tags dedupe",
        title="remove doubled tags from {n}",
        command=_command("dedupe"),
    )


def sort(dataset: Dataset, positions: Collection[int], triggers: Mapping[str, Sequence[str]]) -> Plan:
    """Sorts tags by how many images carry them, most first, then by name; the trigger's tags stay first."""
    counts = dataset.counts()
    fixed = {key(tag) for tags in triggers.values() for tag in tags}

    def change(caption: Caption) -> Caption:
        if "|||" in caption.text:  # the person has ordered it by hand
            return caption
        tags = caption.tags
        head = [tag for tag in tags if key(tag) in fixed]
        rest = sorted((tag for tag in tags if key(tag) not in fixed), key=lambda tag: (-counts.get(tag, 0), tag))
        return caption.with_tags([*head, *rest])

    return edit(dataset, positions, change, verb="tags sort", title="sort the tags of {n}", command=_command("sort"))


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


def _command(verb: str, *words: str) -> str:
    from shlex import quote

    return " ".join(["loratui tags", verb, *(quote(word) for word in words)])
