"""A caption as the trainer reads it, and edits that change not one byte outside of themselves.

The trainer reads the first line, splits it at commas and strips the parts. `|||` parts the fixed tags from the shuffled
ones, a second one those from fixed ones at the end; a third is text. `;;;` inside a part keeps it together; a wildcard
`{a|b}` may hold commas, `{{` and `}}` are braces that make none. A backslash escapes nothing: `\\(x\\)` is the tag's
own text. Further lines stay as they are.

A tag that is taken out goes with the blanks around it and one comma; one that comes in brings its own comma and blank.
Only `with_tags` writes the first line anew.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

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

_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR = re.compile(r"\|\|\|\s*")
_BRACES = re.compile(r"\{[^}]*\}")
_SYNTAX = re.compile(r"[,\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\|{3,}|;{3,}")


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
        encoding: `utf-8` or `utf-8-sig` (with a byte order mark, kept: CLIP drops what the trainer reads of it).
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
        end = _LINE_END.search(text)
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

    def kept(self, number: int) -> list[str]:
        """What `keep_tokens` keeps at the front: without a `|||` the trainer sees a tag also before a stray comma."""
        if "|||" in self.text:
            return self.tags[:number]
        return [part.strip() for part in self.text.strip().split(",")][:number]

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
        """Without the tags (compared as by `key`)."""
        gone = {key(tag) for tag in tags}
        return self._rewrite(lambda tag: "" if key(tag) in gone else tag)

    def replace(self, old: str, new: str) -> "Caption":
        """With `old`, in any spelling, renamed to `new`; where `new` is there already, or `old` twice, one stays."""
        wanted = key(old)
        return self.map_tags({tag: new for tag in self.tags if key(tag) == wanted})

    def map_tags(self, change: Mapping[str, str]) -> "Caption":
        """With each tag renamed as `change` (by exact text) says; "" removes it.

        A renamed tag that is there already goes. Tags that `change` does not name stay, also where they are doubled.
        """
        seen = {key(tag) for tag in self.tags if tag not in change}

        def renamed(tag: str) -> str:
            if tag not in change:
                return tag
            named = Caption.of([change[tag]]).tags
            fresh = [name for name in named if key(name) not in seen]
            seen.update(key(name) for name in fresh)
            return change[tag] if fresh == named else ", ".join(fresh)

        return self._rewrite(renamed)

    def prepend(self, tags: Iterable[str]) -> "Caption":
        """With the tags first, in this order; those it has are moved there."""
        first = _distinct(tags)
        front = self._parts[: 2 * len(first) - 1 : 2] if first else []
        once = len(self.tags) - len(self.remove(first).tags) == len(first)
        if once and [part.text.strip() for part in front] == first:
            return self
        bare = self.remove(first)
        body = bare.text.lstrip()
        blanks = bare.text[: len(bare.text) - len(body)]
        glue = "" if not body or body.startswith(",") else " " if body.startswith("|||") else ", "
        return self._with_line(f"{blanks}{', '.join(first)}{glue}{body}")

    def append(self, tags: Iterable[str]) -> "Caption":
        """With the tags last, in this order; those it has already stay where they are."""
        have = {key(tag) for tag in self.tags}
        new = [tag for tag in _distinct(tags) if key(tag) not in have]
        if not new:
            return self
        body = self.text.rstrip()
        blanks = self.text[len(body) :]
        last = next((part for part in reversed(self._parts) if part.text.strip()), None)
        glue = "" if last is None else ", " if last.tag else " "
        return self._with_line(f"{body}{glue}{', '.join(new)}{blanks}")

    def move(self, tag: str, last: bool) -> "Caption":
        """With a tag it has moved first or last."""
        if not any(key(have) == key(tag) for have in self.tags):
            return self
        return self.remove([tag]).append([tag]) if last else self.prepend([tag])

    def dedupe(self) -> "Caption":
        """With the first of equal tags only."""
        seen: set[str] = set()

        def once(tag: str) -> str:
            known = key(tag) in seen
            seen.add(key(tag))
            return "" if known else tag

        return self._rewrite(once)

    def with_tags(self, tags: Iterable[str]) -> "Caption":
        """With exactly these tags in this order, parted by `, `; the further lines stay."""
        wanted = [tag for tag in tags if tag.strip()]
        return self if wanted == self.tags else self._with_line(", ".join(wanted))

    def _with_line(self, line: str) -> "Caption":
        return Caption(_split(line), self._rest, self.encoding)

    def _rewrite(self, change: Callable[[str], str]) -> "Caption":
        """With what `change`, called for each tag in order, makes of it; "" takes it out."""
        kept: list[str] = []
        skip_comma = trim = changed = False
        for part in self._parts:
            bare, text = part.text.strip(), part.text
            new = change(bare) if part.tag and bare else bare
            if new != bare:
                changed = True
                if not new:
                    # The comma before goes with it; at the beginning of a section, the comma after.
                    if kept and kept[-1] == ",":
                        kept.pop()
                    else:
                        skip_comma = True
                    continue
                text = text.replace(bare, new, 1)
            if skip_comma and text == ",":
                skip_comma, trim = False, True
                continue
            if trim and part.tag:
                text = text.lstrip()
            elif text.startswith("|||") and kept and kept[-1].endswith("|"):
                text = f" {text}"  # what stood between the two is gone, and they must not become one
            skip_comma = trim = False
            kept.append(text)
        return self._with_line("".join(kept)) if changed else self


def _distinct(tags: Iterable[str]) -> list[str]:
    """The tags without blank ones and without those that are there before in another spelling."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag.strip():
            found.setdefault(key(tag), tag.strip())
    return list(found.values())


def _split(line: str) -> list[_Part]:
    parts: list[_Part] = []
    position = 0
    for separator in [*islice(_SEPARATOR.finditer(line), 2), None]:
        section = line[position : len(line) if separator is None else separator.start()]
        bare = section if separator is None else section.rstrip()
        start = 0
        for number, piece in enumerate(_shadow(bare).split(",")):
            if number:
                parts.append(_Part(",", False))
            if piece:
                parts.append(_Part(bare[start : start + len(piece)], True))
            start += len(piece) + 1
        if separator is not None:
            parts.append(_Part(section[len(bare) :] + separator[0], False))
            position = separator.end()
    return parts


def _shadow(text: str) -> str:
    """`text` in which only those commas are left that part tags: wildcards keep theirs. As long as `text`."""
    if "{" not in text:
        return text
    shadow = text.replace("{{", "\0\0").replace("}}", "\0\0")
    end = shadow.rfind("}") + 1  # a brace after it is never closed: looking for the end of each would take for ever
    return (
        _BRACES.sub(lambda found: found[0].replace(",", "\0") if "|" in found[0] else found[0], shadow[:end])
        + shadow[end:]
    )


def as_tag(text: str) -> str:
    """One tag made of foreign text: what the trainer would take for syntax (commas, `|||`, `;;;`, line breaks) is a
    blank. "" where nothing else is in it.
    """
    return " ".join(_SYNTAX.sub(" ", text).split())


def key(tag: str) -> str:
    """The form in which two spellings of a tag are the same: lower case, `_` a space, but for kaomoji such as `^_^`."""
    tag = tag.strip().lower()
    return tag if "_" not in tag or tag in KAOMOJI else tag.replace("_", " ")
