"""The vocabulary: every tag this machine knows of, as one."""

import threading
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from pathlib import Path

from loratui.core import paths
from loratui.core.errors import LoratuiError
from loratui.core.vocabulary import seen
from loratui.core.vocabulary.compiled import Compiled
from loratui.core.vocabulary.loose import Loose
from loratui.core.vocabulary.offers import Suggestion, fold
from loratui.core.vocabulary.sources import Entry

_MANY_FRESH = 5_000
"""Tags seen since the file was made at which it is made anew."""


class Vocabulary:
    """Categories, counts and completions. Made at no cost; knows nothing until `load` was called.

    `load` belongs on a thread; all other methods answer from memory and may be called from any thread at any time.

    Args:
        files: tells the files of tags, the most trusted first; called by `load`.
        cache: the folder of the file made from them; None: the machine's.

    Attributes:
        notes: sentences about files of the person's that could not be used, or not wholly.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], cache: Path | None = None) -> None:
        self.notes: Sequence[str] = ()
        self._files = files
        self._cache = cache
        self._compiled: Compiled | None = None
        self._fresh = Loose()
        self._stamp = 0
        self._failed: str | None = None
        self._loading = threading.Lock()

    def __len__(self) -> int:
        """About how many tags are known."""
        return (len(self._compiled) if self._compiled else 0) + len(self._fresh)

    def load(self) -> None:
        """Reads what is new: files that came, went or changed, and tags seen since. Some milliseconds if nothing is.

        Where files changed, a child process makes them into one that is looked up where it lies, which takes a second
        for 100,000 tags; what was known before serves meanwhile.
        """
        with self._loading:
            target = (self._cache or paths.cache_dir() / "vocabulary") / "tags.bin"
            try:
                files = [path.absolute() for path in self._files()]
            except (OSError, RuntimeError):  # a folder that may not be read; no home
                files = []
            mark = _mark(files)
            if self._compiled is None:
                self._open(target)
            self._see()
            known = self._compiled.mark if self._compiled else ""
            if (mark == known and len(self._fresh) <= _MANY_FRESH) or mark == self._failed:
                return
            try:
                _make(target, files, mark)
            except LoratuiError as error:
                self._failed = mark  # not again for every opening of a line
                self.notes = (f"The list of tags could not be made: {error.message}",)
                return
            self._open(target)
            self._fresh = Loose()
            self._see()

    def _open(self, target: Path) -> None:
        """Begins to look things up in the file, if there is one."""
        try:
            self._compiled = Compiled(target)
        except (OSError, ValueError, LookupError):
            self._compiled, self._stamp = None, 0
        else:
            self.notes, self._stamp = self._compiled.notes, self._compiled.stamp

    def _see(self) -> None:
        """Takes in what was seen lately, with what the files know besides."""
        entries, self._stamp = seen.since(self._stamp)
        for entry in entries:
            entry.category = entry.category or self.category(entry.name)
            entry.count = max(entry.count, self.count(entry.name) or 0)
            self._fresh.add(entry)

    def category(self, tag: str) -> str:
        """The category of `tag`, in whatever writing; "" if unknown."""
        key = fold(tag)
        if (entry := self._fresh.get(key)) is not None and entry.category:
            return entry.category
        compiled = self._compiled
        rank = compiled.rank(key.encode()) if compiled else None
        return compiled.category(rank) if compiled and rank is not None else ""

    def knows(self, tag: str) -> bool:
        """Whether there is such a tag, in whatever writing."""
        return bool(self.category(tag)) or self.count(tag) is not None

    def count(self, tag: str) -> int | None:
        """The posts of `tag`; None if unknown."""
        key = fold(tag)
        if (entry := self._fresh.get(key)) is not None and entry.count:
            return entry.count
        compiled = self._compiled
        rank = compiled.rank(key.encode()) if compiled else None
        return (compiled.count(rank) or None) if compiled and rank is not None else None

    def complete(self, typed: str, limit: int = 10, prefer: Loose | None = None) -> list[Suggestion]:
        """The tags that `typed` may be the beginning of.

        First those whose names begin with it, then those with a word inside that does, then those with another name
        that does; of each kind the most used first, but the tag itself before all.

        Args:
            typed: as typed, spaces and capitals as one likes.
            limit: the most wanted.
            prefer: tags that come before all others, such as those of the dataset.
        """
        key = fold(typed).replace("\n", "")
        if not key or limit < 1:
            return []
        found: dict[str, Suggestion] = {}
        if prefer is not None:
            for entries in (prefer.whole(key, limit), prefer.words(key, limit)):
                for entry in entries:
                    category = entry.category or self.category(entry.name)
                    found.setdefault(fold(entry.name), Suggestion(entry.name, category, entry.count))
        for suggestions in self._by_kind(key, limit):
            if len(found) >= limit:
                break
            for suggestion in suggestions:
                found.setdefault(fold(suggestion.tag), suggestion)
        best = list(found.values())
        if (own := found.get(key)) is not None:
            best.remove(own)
            best.insert(0, own)
        return best[:limit]

    def _by_kind(self, key: str, limit: int) -> Iterable[list[Suggestion]]:
        """The best of each kind; a kind is looked up when it is wanted."""
        fresh, compiled, raw = self._fresh, self._compiled, key.encode()
        wanted = limit * 2  # the same tag may be found twice
        for kind in ("whole", "words"):
            some = [_suggestion(entry) for entry in (fresh.whole if kind == "whole" else fresh.words)(key, limit)]
            if compiled:
                index = compiled.whole if kind == "whole" else compiled.words
                some += [self._told(compiled, rank) for rank, _ in index.find(raw, wanted)]
            if kind == "whole" and (own := self._own(key)) is not None:
                some.append(own)
            yield nsmallest(wanted, some, key=lambda each: -(each.count or 0))
        if compiled:
            yield [self._told(compiled, rank, compiled.alias(at)) for rank, at in compiled.other.find(raw, wanted)]

    def _own(self, key: str) -> Suggestion | None:
        """The tag that was typed in full, however rare."""
        compiled = self._compiled
        rank = compiled.rank(key.encode()) if compiled else None
        return self._told(compiled, rank) if compiled and rank is not None else None

    def _told(self, compiled: Compiled, rank: int, alias: str = "") -> Suggestion:
        return Suggestion(compiled.name(rank), compiled.category(rank), compiled.count(rank) or None, alias)


def _suggestion(entry: Entry) -> Suggestion:
    return Suggestion(entry.name, entry.category, entry.count or None)


def _mark(files: Sequence[Path]) -> str:
    """Tells whether the files are still the same."""
    states = []
    for path in files:
        try:
            state = path.stat()
            states.append(f"{path}\t{state.st_size}\t{state.st_mtime_ns}")
        except OSError:
            continue
    return "\n".join(states)


def _make(target: Path, files: Sequence[Path], mark: str) -> None:
    """Has a child process make `target`: reading 300,000 tags costs hundreds of MB for a moment, and stalls threads."""
    from loratui.core.workers.parent import Worker

    with Worker("loratui.core.vocabulary.worker", "vocabulary") as worker:
        worker.call("make", {"target": str(target), "files": [str(path) for path in files], "mark": mark})
