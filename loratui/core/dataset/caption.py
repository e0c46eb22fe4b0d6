"""A caption as the trainer reads it, and edits that change not one byte outside of themselves.

The trainer reads the first line, splits it at commas and strips the parts. `|||` parts the fixed tags from the shuffled
ones and is no tag; `;;;` inside a part keeps it together; `{a|b}` may hold commas. Further lines stay as they are.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loratui.core.errors import LoratuiError

KAOMOJI = frozenset(
    (
        "0_0",
        "(o)_(o)",
        "+_+",
        "+_-",
        "._.",
        "<o>_<o>",
        "<|>_<|>",
        "=_=",
        ">_<",
        "3_3",
        "6_9",
        ">_o",
        "@_@",
        "^_^",
        "o_o",
        "u_u",
        "x_x",
        "|_|",
        "||_||",
        ">_>",
        "<_<",
        "-_-",
        ";_;",
        ":_:",
        "0_o",
        "o_0",
    )
)

_SEPARATOR = re.compile(r"\s*\|\|\|\s*")
_TOKEN = re.compile(r"(?:\{[^{}\n]*\}|\\.|[^,{}\\]|[{}\\])+")


class CaptionError(LoratuiError):
    """A caption that cannot be read as text."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the first line: a tag with the blanks around it, or what stands between tags."""

    text: str
    tag: bool


class Caption:
    """A parsed caption. Edits give a new one.

    Attributes:
        encoding: `utf-8` or `utf-8-sig` (with a byte order mark, kept).
    """

    __slots__ = ("_parts", "_rest", "encoding")

    def __init__(self, parts: list[_Part], rest: str, encoding: str) -> None:
        self._parts = parts
        self._rest = rest
        self.encoding = encoding

    @classmethod
    def parse(cls, raw: bytes) -> "Caption":
        """Reads the bytes of a caption file.

        Raises:
            CaptionError: they are not UTF-8 text.
        """
        encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise CaptionError(
                "The caption is not UTF-8 text.", "Save it as UTF-8; the trainer refuses it otherwise."
            ) from error
        if "\0" in text:
            raise CaptionError(
                "The caption holds NUL bytes: it is no text file.", "Look at the file; it may be UTF-16."
            )
        end = re.search(r"\r\n|\n|\r", text)
        line, rest = (text, "") if end is None else (text[: end.start()], text[end.start() :])
        return cls(_split(line), rest, encoding)

    @classmethod
    def of(cls, tags: Iterable[str]) -> "Caption":
        """A new caption of these tags."""
        return cls(_split(", ".join(tags)), "", "utf-8")

    @property
    def tags(self) -> list[str]:
        """The tags of the first line, stripped, in order; empty ones left out."""
        return [part.text.strip() for part in self._parts if part.tag and part.text.strip()]

    @property
    def text(self) -> str:
        """The first line."""
        return "".join(part.text for part in self._parts)

    @property
    def more_lines(self) -> str:
        """What follows the first line, from its line end on; the trainer ignores it."""
        return self._rest

    def to_bytes(self) -> bytes:
        """The file's bytes; those it was parsed from, where nothing was edited."""
        return (self.text + self._rest).encode(self.encoding)

    def remove(self, tags: Iterable[str]) -> "Caption":
        """Without the tags (compared as by `key`), each with one separator."""
        gone = {key(tag) for tag in tags}
        return self._without(lambda tag: key(tag) in gone)

    def replace(self, old: str, new: str) -> "Caption":
        """With `old` renamed to `new` where it stands; where the caption has `new` already, `old` goes."""
        if key(old) != key(new) and any(key(tag) == key(new) for tag in self.tags):
            return self.remove([old])
        wanted = key(old)
        return self._map(lambda tag: new if key(tag) == wanted else tag)

    def map_tags(self, change: dict[str, str]) -> "Caption":
        """With each tag renamed as `change` (by exact text) says; "" removes it."""
        mapped = self._map(lambda tag: change.get(tag, tag) or tag)
        gone = {tag for tag, new in change.items() if not new}
        return mapped._without(lambda tag: tag in gone) if gone else mapped

    def prepend(self, tags: Iterable[str]) -> "Caption":
        """With the tags first, in this order; those it has are moved there."""
        first = list(dict.fromkeys(tags))
        if not first or (
            self.tags[: len(first)] == first and len(self.remove(first).tags) == len(self.tags) - len(first)
        ):
            return self
        bare = self.remove(first)
        head = ", ".join(first)
        if not bare.tags:
            return Caption(_split(head), bare._rest, bare.encoding)
        return Caption(_split(f"{head}, {bare.text.lstrip()}"), bare._rest, bare.encoding)

    def append(self, tags: Iterable[str]) -> "Caption":
        """With the tags last, in this order; those it has already stay where they are."""
        have = {key(tag) for tag in self.tags}
        new = [tag for tag in dict.fromkeys(tags) if key(tag) not in have]
        if not new:
            return self
        text = self.text.rstrip().rstrip(",").rstrip()
        return Caption(_split(", ".join([*([text] if text else []), *new])), self._rest, self.encoding)

    def move(self, tag: str, last: bool) -> "Caption":
        """With a tag it has moved first or last."""
        if not any(key(have) == key(tag) for have in self.tags):
            return self
        return self.remove([tag]).append([tag]) if last else self.prepend([tag])

    def dedupe(self) -> "Caption":
        """With the first of equal tags only."""
        seen: set[str] = set()

        def again(tag: str) -> bool:
            known = key(tag) in seen
            seen.add(key(tag))
            return known

        return self._without(again)

    def with_tags(self, tags: Iterable[str]) -> "Caption":
        """With exactly these tags in this order; the further lines stay."""
        wanted = list(tags)
        return self if wanted == self.tags else Caption(_split(", ".join(wanted)), self._rest, self.encoding)

    def _map(self, change: Callable[[str], str]) -> "Caption":
        parts: list[_Part] = []
        for part in self._parts:
            bare = part.text.strip()
            new = change(bare) if part.tag and bare else bare
            parts.append(part if new == bare else _Part(part.text.replace(bare, new, 1), True))
        return Caption(_split("".join(part.text for part in parts)), self._rest, self.encoding)

    def _without(self, gone: Callable[[str], bool]) -> "Caption":
        kept: list[_Part] = []
        skip_comma = changed = False
        for part in self._parts:
            if part.tag and part.text.strip() and gone(part.text.strip()):
                changed = True
                # The comma before goes with it; at the beginning of a section, the comma after.
                if kept and kept[-1].text == ",":
                    kept.pop()
                else:
                    skip_comma = True
                continue
            if part.text == "," and skip_comma:
                skip_comma = False
                continue
            if part.tag and changed and (not kept or kept[-1].text.endswith("||| ")):
                part = _Part(part.text.lstrip(), True)
            skip_comma = skip_comma and part.tag
            kept.append(part)
        return Caption(kept, self._rest, self.encoding) if changed else self


def _split(line: str) -> list[_Part]:
    parts: list[_Part] = []
    position = 0
    for separator in [*_SEPARATOR.finditer(line), None]:
        end = len(line) if separator is None else separator.start()
        section = line[position:end]
        offset = 0
        for token in _TOKEN.finditer(section):
            parts.extend(_Part(",", False) for _ in section[offset : token.start()])
            parts.append(_Part(token[0], True))
            offset = token.end()
        parts.extend(_Part(",", False) for _ in section[offset:])
        if separator is not None:
            parts.append(_Part(separator[0], False))
            position = separator.end()
    return parts


def key(tag: str) -> str:
    """The form in which two spellings of a tag are the same: lower case, `_` a space, but for kaomoji such as `^_^`."""
    tag = tag.strip().lower()
    return tag if "_" not in tag or tag in KAOMOJI else tag.replace("_", " ")
