"""Gathering the copies of each picture around it: the best picture first, each taking copies that are still free."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from types import TracebackType

import msgspec

from loratui.core.dataset.folder import Image
from loratui.core.images.candidates import candidates
from loratui.core.images.hashing import WHOLE
from loratui.core.images.ranking import Traits, points
from loratui.core.images.relations import Relation, relation
from loratui.core.images.survey import Cache, Facts
from loratui.core.images.verify import Comparison, Match, Verifier
from loratui.core.jobs import Report, check

_THREADS = 2
# One picture is compared with so many others at most, nearest first: a film's frames would be a million pairs.
_NEAREST = 64


@dataclass(frozen=True, slots=True)
class Notes:
    """What is known of a file beside its pixels.

    Attributes:
        tags: tags in its caption; None without a caption.
        source: it is known where the file comes from.
        link: a symbolic link.
    """

    tags: int | None = None
    source: bool = False
    link: bool = False


@dataclass(eq=False, slots=True)
class Node:
    """One content, and every file that has it; the first one stands for them.

    Attributes:
        facts: what is known of the content.
        images: its files, the one to keep first.
        traits: what speaks for and against the first.
    """

    facts: Facts
    images: list[Image]
    traits: Traits

    @property
    def path(self) -> str:
        """Of the file that stands for the others."""
        return self.images[0].path


@dataclass(eq=False, slots=True)
class Star:
    """A picture and its copies.

    Attributes:
        centre: what every member was compared with.
        members: verified copies.
        relations: of the members to the centre, by path.
        beside: pictures that look like it and are not the same, with what comparing gave.
    """

    centre: Node
    members: list[Node] = field(default_factory=list)
    relations: dict[str, Relation] = field(default_factory=dict)
    beside: list[tuple[Node, Comparison]] = field(default_factory=list)


class Gathering:
    """The pictures of one search that have others like them. A context manager: it ends its threads."""

    def __init__(
        self,
        root: Path,
        cache: Cache,
        images: Sequence[Image],
        facts: Mapping[str, Facts],
        notes: Callable[[Image, Facts], Notes],
        cancel: Event | None,
    ) -> None:
        self._cache = cache
        self._notes = notes
        self._cancel = cancel
        self._verifier = Verifier(root)
        self._pool = ThreadPoolExecutor(_THREADS)
        by_content: dict[str, list[Image]] = {}
        for image in images:
            by_content.setdefault(facts[image.path].content, []).append(image)
        same = list(by_content.values())
        found = candidates([facts[files[0].path].look for files in same], cancel)
        # Most pictures have nothing like them: their captions need not be read.
        asked = {position for pair in found for position in pair} | {at for at, files in enumerate(same) if files[1:]}
        nodes = {at: self._node(facts[same[at][0].path], same[at]) for at in sorted(asked)}
        self._nodes = list(nodes.values())
        self._near: dict[Node, list[tuple[Node, list[Match]]]] = {node: [] for node in self._nodes}
        for (low, high), matches in found.items():
            one, other = nodes[low], nodes[high]
            self._near[one].append((other, matches))
            self._near[other].append((one, [replace(m, view=m.other, other=m.view) for m in matches]))

    def __enter__(self) -> "Gathering":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _node(self, facts: Facts, images: Sequence[Image]) -> Node:
        # A link is a name of a file that is there, or of one elsewhere: `points` lets the file itself stand for both.
        ranked = sorted(images, key=lambda i: (-points(self.traits(facts, i)), i.mtime_ns, i.path))
        return Node(facts, ranked, self.traits(facts, ranked[0]))

    def traits(self, facts: Facts, image: Image) -> Traits:
        """What speaks for and against one file with these facts."""
        notes = self._notes(image, facts)
        return Traits(
            width=facts.width,
            height=facts.height,
            lossless=facts.lossless,
            quality=facts.quality,
            grey=facts.look.grey,
            bordered=any(view.box != WHOLE for view in facts.look.views) and not facts.look.transparent,
            transparent=facts.look.transparent,
            source=notes.source,
            tags=notes.tags,
            link=notes.link,
            plain_name=_is_utf8(image.path),
            modified=image.mtime_ns,
        )

    def stars(self, hardness: int, different: AbstractSet[frozenset[str]], report: Report) -> list[Star]:
        """Every picture that is no copy of a better one, with its copies.

        Args:
            hardness: see `relations.tolerance`.
            different: pairs of contents that are never put together.
            report: called for every picture that is done.
        """
        order = sorted(self._nodes, key=lambda node: (-points(node.traits), node.path))
        free = set(order)
        stars: list[Star] = []
        for centre in order:
            check(self._cancel)
            if centre not in free:
                continue
            free.discard(centre)
            star = Star(centre)
            stars.append(star)
            for other, found in self._compared(centre, free):
                kind = relation(found, hardness)
                if kind not in ("identical", "same"):
                    if not _apart(different, [centre], other):
                        star.beside.append((other, found))
                elif not _apart(different, [centre, *star.members], other):
                    star.members.append(other)
                    star.relations[other.path] = kind
                    free.discard(other)
                    if found.enlarged:
                        grown = centre if found.enlarged == 1 else other
                        grown.traits = replace(grown.traits, enlarged=True)
            report(len(order) - len(free), len(order), "comparing")
        return stars

    def compare(self, first: Node, second: Node) -> Comparison | None:
        """What comparing two pictures gave or gives; None where their hashes are apart or a file is gone."""
        matches = next((matches for other, matches in self._near[first] if other is second), None)
        if matches is None:
            return None
        kept = self._remembered(first, second)
        return kept or self._remember(first, second, self._verify(first, second, matches))

    def _compared(self, centre: Node, free: AbstractSet[Node]) -> list[tuple[Node, Comparison]]:
        """The free neighbours of a picture with what comparing them gave, most alike first."""
        near = [(other, matches) for other, matches in self._near[centre] if other in free]
        near.sort(key=lambda entry: (entry[1][0].distance, entry[0].path))
        results: list[tuple[Node, Comparison]] = []
        asked: list[tuple[Node, list[Match]]] = []
        for other, matches in near[:_NEAREST]:
            kept = self._remembered(centre, other)
            if kept is None:
                asked.append((other, matches))
            else:
                results.append((other, kept))
        for other, found in self._verified(centre, asked):
            check(self._cancel)
            if self._remember(centre, other, found) is not None and found is not None:
                results.append((other, found))
        results.sort(key=lambda entry: (entry[1].difference.local, entry[0].path))
        return results

    def _verified(
        self, centre: Node, asked: Sequence[tuple[Node, list[Match]]]
    ) -> Iterable[tuple[Node, Comparison | None]]:
        found = self._pool.map(lambda entry: self._verify(centre, *entry), asked)
        return zip((other for other, _ in asked), found, strict=True)

    def _verify(self, first: Node, second: Node, matches: list[Match]) -> Comparison | None:
        return self._verifier.compare(first.path, first.facts, second.path, second.facts, matches)

    def _remembered(self, first: Node, second: Node) -> Comparison | None:
        raw = self._cache.comparison(*_key(first, second))
        return msgspec.msgpack.decode(raw, type=Comparison) if raw is not None else None

    def _remember(self, first: Node, second: Node, found: Comparison | None) -> Comparison | None:
        if found is not None:
            self._cache.put_comparison(*_key(first, second), msgspec.msgpack.encode(found))
        return found


def _key(first: Node, second: Node) -> tuple[bytes, bytes]:
    return bytes.fromhex(first.facts.content), bytes.fromhex(second.facts.content)


def _apart(different: AbstractSet[frozenset[str]], nodes: Sequence[Node], other: Node) -> bool:
    """Whether the person has said that `other` is different from one of `nodes`."""
    return any(frozenset((node.facts.content, other.facts.content)) in different for node in nodes)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
