"""Some thousands of tags in memory, which may become more at any time: those of a dataset, those just seen."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from heapq import nlargest

from loratui.core.vocabulary.offers import fold
from loratui.core.vocabulary.sources import Entry

_DELIMITERS = frozenset("_-(:/~.!")
_LAST = "\U0010ffff"


class Loose:
    """Tags by their folded names, with an index over the names and one over the words inside them."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._names: list[str] = []
        self._words: list[tuple[str, str]] = []

    @classmethod
    def of(cls, counts: Mapping[str, int], categories: Mapping[str, str] | None = None) -> "Loose":
        """The tags of a dataset: tag → images."""
        made = cls()
        made._entries = {
            fold(tag): Entry(tag, (categories or {}).get(tag, ""), count) for tag, count in counts.items() if tag
        }
        made._names = sorted(made._entries)
        made._words = sorted(pair for key in made._names for pair in _words(key))
        return made

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Takes in a tag, or what is new of it."""
        key = fold(entry.name)
        new = key not in self._entries
        self._entries[key] = entry  # first, for those who look things up at this moment
        if new:
            insort(self._names, key)
            for pair in _words(key):
                insort(self._words, pair)

    def get(self, key: str) -> Entry | None:
        """The tag with the folded name `key`."""
        return self._entries.get(key)

    def whole(self, prefix: str, limit: int) -> list[Entry]:
        """The most used tags whose names begin with `prefix`."""
        low, high = bisect_left(self._names, prefix), bisect_left(self._names, prefix + _LAST)
        return self._most_used(self._names[low:high], limit)

    def words(self, prefix: str, limit: int) -> list[Entry]:
        """The most used tags with a word inside that begins with `prefix`."""
        low, high = bisect_left(self._words, (prefix,)), bisect_left(self._words, (prefix + _LAST,))
        return self._most_used({key for _, key in self._words[low:high]}, limit)

    def _most_used(self, keys: "list[str] | set[str]", limit: int) -> list[Entry]:
        return nlargest(limit, (self._entries[key] for key in keys), key=lambda entry: entry.use)


def _words(key: str) -> Iterator[tuple[str, str]]:
    """The ends of `key` that begin where a word inside it does."""
    for place in range(1, len(key)):
        if key[place - 1] in _DELIMITERS and key[place] not in _DELIMITERS:
            yield key[place:], key
