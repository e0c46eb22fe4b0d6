"""Near-duplicates of a folder: found by hash, verified by pixels, grouped around the copy worth keeping.

A group is one kept picture and the files that were each verified against a picture of the group; pictures are never
merged because a chain of small steps leads from one to the other. Variants (another expression, other colours) are what
a training set wants to keep: they are listed beside a group and never part of it.
"""

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from threading import Event

from loratui.core.dataset.folder import Image
from loratui.core.errors import UsageError
from loratui.core.images.gathering import Gathering, Node, Notes, Star
from loratui.core.images.ranking import best, reasons
from loratui.core.images.relations import DEFAULT_HARDNESS, Relation, differs, relation, words
from loratui.core.images.survey import Cache, Facts, survey
from loratui.core.jobs import Report, silent
from loratui.core.pictures import PictureError


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a group.

    Attributes:
        path: relative to the root.
        facts: what is known of it.
        relation: to the kept file; the kept file itself is `identical`.
        why: what it is in words: why it is kept, or what was done to it.
    """

    path: str
    facts: Facts
    relation: Relation
    why: str


@dataclass(frozen=True, slots=True)
class Variant:
    """A picture that looks like the kept one and is not the same.

    Attributes:
        path: relative to the root.
        differs: where, in words.
        relation: `variant` or `recolour`.
    """

    path: str
    differs: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Group:
    """Copies of one picture.

    Attributes:
        keep: path of the one worth keeping.
        files: all of them, the kept one first.
        variants: pictures beside the group.
    """

    keep: str
    files: list[Member]
    variants: list[Variant]

    @property
    def freed(self) -> int:
        """Bytes of the files that are not kept."""
        return sum(member.facts.bytes for member in self.files if member.path != self.keep)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files and what they are to each other."""

    a: str
    b: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found.

    Attributes:
        images: how many were looked at.
        seconds: how long it took.
        groups: those with most to free first.
        pairs: every pair of a group, and the variants.
        failures: files that are no picture, by path.
        facts: what is known of the others, by path.
    """

    images: int
    seconds: float
    groups: list[Group]
    pairs: list[Pair]
    failures: dict[str, PictureError]
    facts: dict[str, Facts]


def find(
    root: Path,
    images: Sequence[Image],
    cache: Cache,
    *,
    hardness: int = DEFAULT_HARDNESS,
    notes: Callable[[Image, Facts], Notes] = lambda image, facts: Notes(),
    different: AbstractSet[frozenset[str]] = frozenset(),
    report: Report = silent,
    cancel: Event | None = None,
) -> Duplicates:
    """Finds groups of copies.

    Args:
        root: what the images' paths are relative to.
        images: as `dataset.folder.scan` lists them.
        cache: what is remembered of files and pairs.
        hardness: 0–100; higher asks for more likeness, 100 for equal pixels.
        notes: asked for what is known of a file beside its pixels.
        different: pairs of contents the person has said are no duplicates: `Records.not_duplicates`.

    Raises:
        UsageError: hardness out of range.
        Cancelled: what was compared until then is remembered.
    """
    if not 0 <= hardness <= 100:
        raise UsageError(
            f"Hardness {hardness} is not between 0 and 100.", "97 is the default; 100 finds equal pixels only."
        )
    start = time.monotonic()
    seen = survey(root, images, cache, report=report, cancel=cancel)
    readable = [image for image in images if image.path in seen.facts]
    with Gathering(root, cache, readable, seen.facts, notes, cancel) as gathering:
        stars = gathering.stars(hardness, different, report)
        groups, pairs = _told(gathering, stars, hardness)
    return Duplicates(len(images), time.monotonic() - start, groups, pairs, seen.failures, seen.facts)


def _told(gathering: Gathering, stars: Sequence[Star], hardness: int) -> tuple[list[Group], list[Pair]]:
    """Stars as groups, with everything in words."""
    groups: list[Group] = []
    pairs: list[Pair] = []
    kept_of = {star.centre: _kept(star) for star in stars}
    head_of = {kept_of[star.centre]: star for star in stars}
    beside: dict[Star, list[Variant]] = {star: [] for star in stars}
    for star in stars:
        kept = kept_of[star.centre]
        for other, found in star.beside:
            kind: Relation = "recolour" if relation(found, hardness) == "recolour" else "variant"
            pairs.extend(Pair(kept.path, image.path, kind) for image in other.images)
            # A variant's copies are listed with the variant. Two that are kept stand beside each other.
            if other in head_of:
                beside[star].append(Variant(other.path, differs(found), kind))
                beside[head_of[other]].append(Variant(kept.path, differs(found), kind))
    for star in stars:
        members = _members(gathering, star, kept_of[star.centre])
        pairs.extend(_pairs(members))
        if len(members) > 1:
            variants = sorted(beside[star], key=lambda variant: variant.path)
            groups.append(Group(members[0].path, members, variants))
    groups.sort(key=lambda group: (-group.freed, group.keep))
    return groups, pairs


def _kept(star: Star) -> Node:
    """The node worth keeping, now that it is known which are enlargements."""
    nodes = [star.centre, *star.members]
    return nodes[best([node.traits for node in nodes])]


def _members(gathering: Gathering, star: Star, kept: Node) -> list[Member]:
    """The files of a star, the kept one first, then in the order of their paths."""
    nodes = [node for node in (star.centre, *star.members) if node is not kept]
    others: list[Member] = []
    for node in nodes:
        # Relations are told to the kept picture; where it is not the centre, the two may not have been compared yet.
        found = gathering.compare(kept, node)
        if found is None:
            kind, why = star.relations[node.path], "the same as another of the group"
        else:
            kind = "identical" if found.equal else "same"
            why = words(kept.facts, node.facts, found)
        others.extend(Member(image.path, node.facts, kind, why) for image in node.images)
    others.extend(Member(image.path, kept.facts, "identical", "the same file again") for image in kept.images[1:])
    others.sort(key=lambda member: member.path)
    rivals = [node.traits for node in nodes] or [gathering.traits(kept.facts, image) for image in kept.images[1:]]
    why = ", ".join(reasons(kept.traits, rivals)) or "nothing speaks for another"
    return [Member(kept.path, kept.facts, "identical", why), *others]


def _pairs(members: Sequence[Member]) -> list[Pair]:
    """Every pair of a group: two copies of one picture are copies of each other."""
    return [
        Pair(
            one.path,
            other.path,
            "identical"
            if {one.relation, other.relation} == {"identical"} or one.facts.content == other.facts.content
            else "same",
        )
        for one, other in combinations(members, 2)
    ]
