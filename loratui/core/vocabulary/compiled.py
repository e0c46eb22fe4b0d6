"""Tags in a file that is looked up where it lies: nothing of it is copied into memory but what is asked for.

The file holds the names, the most used first, so that a tag's place is its rank, and three sorted indexes over them:
whole names, the words inside names, and aliases. A lookup is two binary searches; of the entries between them the
best few are wanted. Where there are more than `_MANY` of those, the best were written down when the file was made.
"""

import json
import mmap
import os
import re
import struct
import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from heapq import nsmallest
from pathlib import Path
from tempfile import NamedTemporaryFile

from loratui.core.vocabulary.offers import FOLD_BYTES
from loratui.core.vocabulary.sources import Entry

_MAGIC = b"loratui tags 1 " + sys.byteorder[:1].encode()
_HEAD = struct.Struct("=16sII")  # magic, bytes of the table of contents, CRC-32 of all that follows the head
_MANY = 1024
_BEST = 64
"""The most that can be asked for."""
_NONE = 2**32 - 1
_WORD = re.compile(rb"(?<=[_\-(:/~.!])[^_\-():/~.!,]")
_CATEGORIES = ("", "artist", "copyright", "character", "species", "general", "meta")


class _Index:
    """Texts in alphabetical order, each of a tag.

    Args:
        blob: the texts, each ended by a line feed.
        at: where each text begins.
        of: the tag of each, by rank.
        best: for each stretch of the index that is long: its first, its end, and the places of its best.
    """

    def __init__(self, blob: memoryview, at: memoryview, of: memoryview, best: memoryview) -> None:
        self._blob = blob
        self._at = at
        self._of = of
        self._best: dict[tuple[int, int], int] = {}
        self._places = best
        for start in range(0, len(best), _BEST + 2):
            self._best[best[start], best[start + 1]] = start + 2

    def find(self, prefix: bytes, limit: int) -> list[tuple[int, int]]:
        """The best entries that begin with `prefix`, at most `limit`: the tag's rank and where the text begins."""
        length = len(prefix)
        blob, at, of = self._blob, self._at, self._of

        def text(place: int) -> bytes:
            start = at[place]
            return bytes(blob[start : start + length]).translate(FOLD_BYTES)

        places = range(len(at))
        low = bisect_left(places, prefix, key=text)
        high = bisect_right(places, prefix, low, key=text)
        start = self._best.get((low, high))
        if start is None:
            found = nsmallest(limit, range(low, high), key=of.__getitem__)
        else:
            found = [place for place in self._places[start : start + limit] if place != _NONE]
        return [(of[place], at[place]) for place in found]


class Compiled:
    """The tags of one file. See `build`.

    Args:
        path: the file.

    Attributes:
        mark: what `build` was told about where the tags come from.
        notes: what was skipped when it was made.
        stamp: the newest of the tags seen that are in it.

    Raises:
        ValueError: the file is of another version, or damaged.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        whole = memoryview(self._map)
        if len(whole) < _HEAD.size:
            raise ValueError("too short")
        magic, length, crc = _HEAD.unpack_from(whole)
        # Reading all of it once also brings it into the cache of the disk: no key waits for that later.
        if magic != _MAGIC or zlib.crc32(whole[_HEAD.size :]) != crc:
            raise ValueError("another version, or damaged")
        contents = json.loads(bytes(whole[_HEAD.size : _HEAD.size + length]))
        self.mark: str = contents["mark"]
        self.notes: list[str] = contents["notes"]
        self.stamp: int = contents["stamp"]
        parts: dict[str, memoryview] = {}
        start = _HEAD.size + length
        for name, size in contents["parts"]:
            parts[name] = whole[start : start + size]
            start += size

        def numbers(name: str) -> memoryview:
            return parts[name].cast("I")

        self._names, self._aliases = parts["names"], parts["aliases"]
        self._name_at, self._counts, self._categories = numbers("name_at"), numbers("counts"), parts["categories"]
        self.whole = _Index(self._names, numbers("whole_at"), numbers("whole_of"), numbers("whole_best"))
        self.words = _Index(self._names, numbers("words_at"), numbers("words_of"), numbers("words_best"))
        self.other = _Index(self._aliases, numbers("other_at"), numbers("other_of"), numbers("other_best"))

    def __len__(self) -> int:
        return len(self._counts)

    def rank(self, key: bytes) -> int | None:
        """The place of the tag `key` (folded), 0 for the most used; None: there is no such tag."""
        found = self.whole.find(key + b"\n", 1)
        return found[0][0] if found else None

    def name(self, rank: int) -> str:
        """A tag as it is written."""
        return _until_end(self._names, self._name_at[rank])

    def category(self, rank: int) -> str:
        """A tag's category, "" if unknown."""
        return _CATEGORIES[self._categories[rank]]

    def count(self, rank: int) -> int:
        """A tag's posts, 0 if unknown."""
        return int(self._counts[rank])

    def alias(self, at: int) -> str:
        """The other name at the place that `other.find` gave."""
        return _until_end(self._aliases, at)


def _until_end(blob: memoryview, start: int) -> str:
    return bytes(blob[start : start + 700]).partition(b"\n")[0].decode("utf-8", "replace")


def build(path: Path, entries: Sequence[Entry], *, mark: str = "", notes: Sequence[str] = (), stamp: int = 0) -> None:
    """Writes the file, whole or not at all.

    Args:
        path: its folder is made.
        entries: each tag once, the most used first.
        mark: kept with it.
        notes: kept with it.
        stamp: kept with it.

    Raises:
        OSError: the disk refused.
    """
    names, name_at = _joined([entry.name for entry in entries])
    others = [(alias, rank) for rank, entry in enumerate(entries) for alias in entry.aliases]
    aliases, alias_at = _joined([alias for alias, _ in others])
    parts: dict[str, bytes | array[int]] = {
        "name_at": name_at,
        "counts": array("I", [entry.count for entry in entries]),
    }
    folded = names.translate(FOLD_BYTES)
    parts |= _indexed("whole", folded, list(zip(name_at, range(len(entries)), strict=True)))
    parts |= _indexed("words", folded, _words(folded, name_at))
    parts |= _indexed(
        "other", aliases.translate(FOLD_BYTES), [(alias_at[n], rank) for n, (_, rank) in enumerate(others)]
    )
    known = {name: number for number, name in enumerate(_CATEGORIES)}
    # Bytes last: what is read as numbers stays at multiples of four.
    parts |= {"names": names, "aliases": aliases, "categories": bytes(known.get(e.category, 0) for e in entries)}
    raw = {name: part if isinstance(part, bytes) else part.tobytes() for name, part in parts.items()}
    contents = {
        "mark": mark,
        "notes": list(notes),
        "stamp": stamp,
        "parts": [(n, len(part)) for n, part in raw.items()],
    }
    table = json.dumps(contents).encode()
    table += b" " * (-len(table) % 4)
    body = table + b"".join(raw.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(_HEAD.pack(_MAGIC, len(table), zlib.crc32(body)) + body)
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _joined(texts: Sequence[str]) -> tuple[bytes, "array[int]"]:
    """The texts, each ended by a line feed, and where each begins."""
    at, start, encoded = array("I"), 0, []
    for text in texts:
        raw = text.encode() + b"\n"
        encoded.append(raw)
        at.append(start)
        start += len(raw)
    return b"".join(encoded), at


def _words(folded: bytes, name_at: "array[int]") -> list[tuple[int, int]]:
    """Where words begin inside of names, with the rank of each one's tag."""
    starts = [match.start() for match in _WORD.finditer(folded)]
    return [(start, bisect_right(name_at, start) - 1) for start in starts]


def _indexed(name: str, folded: bytes, entries: list[tuple[int, int]]) -> "dict[str, bytes | array[int]]":
    """The parts of an index over texts of `folded` that begin at, and belong to, what `entries` say."""
    entries.sort(key=lambda entry: (folded[entry[0] : folded.index(b"\n", entry[0])], entry[1]))
    at, of = array("I", [entry[0] for entry in entries]), array("I", [entry[1] for entry in entries])
    return {f"{name}_at": at, f"{name}_of": of, f"{name}_best": _best(folded, at, of)}


def _best(folded: bytes, at: "array[int]", of: "array[int]") -> "array[int]":
    """For every beginning that more than `_MANY` texts share: the stretch of the index, and its best."""
    best = array("I")
    open_stretches = [(0, len(at), 1)]
    while open_stretches:
        low, high, length = open_stretches.pop()
        while low < high:
            prefix = folded[at[low] : at[low] + length]
            end = bisect_right(range(low, high), prefix, key=lambda n: folded[at[n] : at[n] + length]) + low
            if end - low > _MANY and not prefix.endswith(b"\n"):
                found = nsmallest(_BEST, range(low, end), key=of.__getitem__)
                best.extend([low, end, *found, *[_NONE] * (_BEST - len(found))])
                open_stretches.append((low, end, length + 1))
            low = end
    return best
