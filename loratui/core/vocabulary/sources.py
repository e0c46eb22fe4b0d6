"""Files of tags: label files of taggers (`selected_tags.csv`), lists for completion (`name,category,count,"alias,…"`).

A list is whatever a person put into the folder: it may be huge, binary, cut off or no list at all. What cannot be read
is skipped and counted; nothing in a file can do more than be missing.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loratui.core.sanitize import line

MAX_BYTES = 64 * 1024 * 1024
"""Of a file; what is beyond is not read."""
MAX_NAME = 160
_MAX_ALIASES = 40
_MAX_COUNT = 2**32 - 1

_DANBOORU = {0: "general", 1: "artist", 3: "copyright", 4: "character", 5: "meta", 9: "rating"}
_E621 = {
    -1: "meta",
    0: "general",
    1: "artist",
    2: "artist",
    3: "copyright",
    4: "character",
    5: "species",
    6: "meta",
    7: "meta",
    8: "meta",
}


@dataclass(slots=True)
class Entry:
    """A tag as one file tells of it.

    Attributes:
        name: as it is written there.
        category: "" if unknown.
        count: its posts; 0 if unknown.
        aliases: its other names.
        times: how often it was met, where its posts are unknown.
    """

    name: str
    category: str = ""
    count: int = 0
    aliases: tuple[str, ...] = ()
    times: int = 0

    @property
    def use(self) -> tuple[int, int]:
        """How much it is used, for comparison."""
        return self.count, self.times


@dataclass(slots=True)
class Source:
    """What was read of a file.

    Attributes:
        entries: the tags, in the file's order.
        note: what was skipped and why, as a sentence; "" if nothing was.
    """

    entries: list[Entry] = field(default_factory=list)
    note: str = ""


def read(path: Path) -> Source:
    """The tags of the file at `path`; ratings that taggers have as labels are no tags."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Source(note=f"{_named(path)} cannot be read: {error.strerror}.")
    if b"\0" in raw[:65536]:
        return Source(note=f"{_named(path)} is no text: skipped.")
    lines = raw[:MAX_BYTES].decode("utf-8-sig", "replace").split("\n")
    if len(raw) > MAX_BYTES:
        lines.pop()
    rows, bad = _rows(lines)
    # The two sites number their categories differently; only one of them goes beyond 5.
    numbers = _E621 if any(number in (2, 6, 7, 8) for _, number, _, _ in rows) else _DANBOORU
    entries = [Entry(name, numbers.get(number, ""), count, aliases) for name, number, count, aliases in rows]
    notes = []
    if bad:
        notes.append(f"{bad:,} lines make no sense")
    if len(raw) > MAX_BYTES:
        notes.append(f"only the first {MAX_BYTES >> 20} MB are read")
    return Source(
        [entry for entry in entries if entry.category != "rating"],
        f"{_named(path)}: {' and '.join(notes)}." if notes else "",
    )


def _named(path: Path) -> str:
    return line(path.name, 80)


_Row = tuple[str, int, int, tuple[str, ...]]


def _rows(lines: list[str]) -> tuple[list[_Row], int]:
    """Name, number of the category, count and aliases of each line, and how many lines have none."""
    found: list[_Row] = []
    bad = 0
    columns = (0, 1, 2, 3)
    for number, text in enumerate(lines):
        text = text.rstrip("\r")
        if not text.strip(" ,"):
            continue
        cells = _cells(text)
        if number == 0 and (header := _header(cells)) is not None:
            columns = header
            continue
        row = _row(cells, columns)
        if row is None:
            bad += 1
        else:
            found.append(row)
    return found, bad


def _cells(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return []


def _header(cells: list[str]) -> tuple[int, int, int, int] | None:
    names = [cell.strip().lower() for cell in cells]
    if "name" not in names or "category" not in names:
        return None
    none = len(names)
    places = {name: index for index, name in enumerate(names)}
    return places["name"], places["category"], places.get("count", none), places.get("aliases", none)


def _row(cells: list[str], columns: tuple[int, int, int, int]) -> _Row | None:
    def cell(column: int) -> str:
        return cells[column].strip() if column < len(cells) else ""

    name = cell(columns[0])
    try:
        category, count = int(float(cell(columns[1]))), int(float(cell(columns[2]) or 0))
    except (ValueError, OverflowError):
        return None
    if not proper(name):
        return None
    aliases = [alias.strip() for alias in cell(columns[3]).split(",")] if columns[3] < len(cells) else []
    return (
        name,
        category,
        max(0, min(count, _MAX_COUNT)),
        tuple(alias for alias in aliases[:_MAX_ALIASES] if alias and proper(alias)),
    )


def proper(name: str) -> bool:
    """Whether `name` can be a tag: something short that can be printed, without a comma."""
    return bool(name) and len(name) <= MAX_NAME and name.isprintable() and "," not in name and "�" not in name


def merged(sources: Iterator[Source] | list[Source]) -> list[Entry]:
    """The tags of all sources, each once, the most used first. What an earlier source tells counts more."""
    from loratui.core.vocabulary.offers import fold

    known: dict[str, Entry] = {}
    for source in sources:
        for entry in source.entries:
            key = fold(entry.name)
            first = known.get(key)
            if first is None:
                if len(known) < MAX_TAGS:
                    known[key] = entry
                continue
            first.category = first.category or entry.category
            first.count = first.count or entry.count
            if entry.aliases:
                first.aliases = tuple(dict.fromkeys((*first.aliases, *entry.aliases)))
    return sorted(known.values(), key=lambda entry: (-entry.count, -entry.times, entry.name))


MAX_TAGS = 1_000_000
