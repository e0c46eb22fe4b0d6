"""The words of EXPR: text cut into tokens, mistakes with their place."""

import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

from loratui.core.errors import UsageError
from loratui.core.nearest import nearest
from loratui.core.sanitize import line

NUMBERS = ("count", "tags", "tokens", "chars", "lines", "width", "height", "freq", "score")
TEXTS = ("tag", "caption", "name", "path")
VALUES = ("subset", "rating", "cat", "slot", "has", "no", "filter")
FLAGS = ("dup", "empty", "changed")
FIELDS = (*TEXTS, *VALUES, *FLAGS)

_LONGEST = 100_000  # characters
_SHOWN = 60  # characters on either side of a mistake

_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE = re.compile(r"'(?:[^'\\]|\\.)*'(?=[\s()]|$)", re.DOTALL)
_REGEX = re.compile(r"/(?:[^/\\]|\\.)+/", re.DOTALL)
_NAME = re.compile(r"([A-Za-z]+)(?=\s*(?::\s*)?[<>=!]|:)")
_NUMBER = re.compile(r"\s*(?::\s*)?(<=|>=|==|!=|<|>|=)\s*(\d{1,9}(?:\.\d{1,9})?)?(?=[\s()]|$)|:(\d{1,9})(?=[\s()]|$)")
_BARE = re.compile(r'[^\s()"]+')
_SCORED = re.compile(r'[^\s()"<>=!]+')


class ExpressionError(UsageError):
    """The text is no expression.

    Attributes:
        text: what was given.
        position: index of the character where it went wrong.
    """

    def __init__(self, message: str, text: str, position: int, remedy: str = "") -> None:
        self.text = text
        self.position = min(position, len(text))
        super().__init__(message, remedy or "Mend the expression; a tag that holds one of ( ) : is quoted.")

    @property
    def column(self) -> int:
        """The cells of a terminal that the text before the mistake takes."""
        return _cells(line(self.text[: self.position], _LONGEST))

    @property
    def picture(self) -> tuple[str, str]:
        """The text around the mistake, and below it a caret at its place; two lines, safe to show."""
        start = max(0, self.position - _SHOWN)
        before = ("…" if start else "") + line(self.text[start : self.position])
        return before + line(self.text[self.position : self.position + _SHOWN]), " " * _cells(before) + "^"


@dataclass(frozen=True, slots=True)
class Word:
    """One token.

    Attributes:
        kind: `(`, `)`, `quoted`, `regex`, `number`, `field` or `word`.
        text: as it is written.
        start: where it begins.
        name: of a number or field.
        value: without quotes and slashes.
        form: how the value of a field was written: `bare`, `quoted` or `regex`; of a number, the comparison.
        tag: whose score a number is; "": any tag's.
    """

    kind: str
    text: str
    start: int
    name: str = ""
    value: str = ""
    form: str = ""
    tag: str = ""

    @property
    def lower(self) -> str:
        """The word, or "" for a token that is none."""
        return self.text.lower() if self.kind == "word" else ""


def words(text: str) -> list[Word]:
    """The tokens of an expression.

    Raises:
        ExpressionError: a quote is not closed, or a number is missing.
    """
    if len(text) > _LONGEST:
        raise ExpressionError("The expression is too long.", text, _LONGEST, f"Use at most {_LONGEST:,} characters.")
    found: list[Word] = []
    position = 0
    while (position := _skip(text, position)) < len(text):
        word = _word(text, position)
        found.append(word)
        position += len(word.text)
    return found


def _word(text: str, at: int) -> Word:
    char = text[at]
    if char in "()":
        return Word(char, char, at)
    if char == '"' or (char == "'" and _SINGLE.match(text, at)):
        value, length = _unquoted(text, at)
        return Word("quoted", text[at : at + length], at, value=value)
    if char == "/" and (match := _REGEX.match(text, at)):
        return Word("regex", match[0], at, value=match[0][1:-1])
    if match := _NAME.match(text, at):
        named = _named(text, at, match[1].lower(), match.end())
        if named is not None:
            return named
    match = _BARE.match(text, at)
    assert match is not None
    return Word("word", match[0], at)


def _named(text: str, at: int, name: str, end: int) -> Word | None:
    """A number or a field; None where it is a tag after all, such as `nier:automata`."""
    if name == "category":
        name = "cat"
    if name in NUMBERS:
        tag = ""
        if name == "score" and text[end : end + 1] == ":" and text[end + 1 : end + 2] not in "<>=! ":
            tag, length = _value(text, end + 1, _SCORED)
            end += 1 + length
        return _number(text, at, name, end, tag)
    if text[end : end + 1] != ":":
        if (match := _NUMBER.match(text, end)) and match[2]:
            _unknown(text, at, name, NUMBERS, "number")
        return None
    if name in FIELDS:
        value, length = _value(text, end + 1, _BARE, regex=name in TEXTS)
        first = text[end + 1 : end + 2]
        form = "bare" if len(value) == length else "regex" if first == "/" else "quoted"
        return Word("field", text[at : end + 1 + length], at, name, value, form)
    if nearest(name, (*FIELDS, *NUMBERS), 1 if len(name) < 5 else 2):
        _unknown(text, at, name, (*FIELDS, *NUMBERS), "field")
    return None


def _number(text: str, at: int, name: str, end: int, tag: str) -> Word | None:
    match = _NUMBER.match(text, end)
    if match is None:
        sign = re.compile(r"\s*(?::\s*)?[<>=!]*").match(text, end)
        past = sign.end() if sign else end
        raise ExpressionError(
            f"A number must follow {line(text[at:past].strip())!r}.", text, past, f"Write it such as {name}>5."
        )
    if match[1] and not match[2]:
        raise ExpressionError(
            f"A number must follow {line(match[0].strip())!r}.", text, match.end(), f"Write it such as {name}>5."
        )
    return Word("number", text[at : match.end()], at, name, match[2] or match[3], match[1] or "=", tag)


def _unknown(text: str, at: int, name: str, known: tuple[str, ...], what: str) -> NoReturn:
    meant = nearest(name, known)
    found = _BARE.match(text, at)
    shown = line(found[0] if found else name)
    hint = f"; did you mean {meant!r}?" if meant else f": there is no {what} {name!r}."
    raise ExpressionError(
        f"Cannot read {shown!r}{hint}", text, at, f"There are {', '.join(known)}; a tag that is meant is quoted."
    )


def _value(text: str, at: int, bare: re.Pattern[str], *, regex: bool = False) -> tuple[str, int]:
    """What follows a colon, without quotes; and how many characters it takes."""
    if text[at : at + 1] == '"' or _SINGLE.match(text, at):
        return _unquoted(text, at)
    if regex and (match := _REGEX.match(text, at)):
        return match[0][1:-1], len(match[0])
    match = bare.match(text, at)
    return (match[0], len(match[0])) if match else ("", 0)


def _unquoted(text: str, at: int) -> tuple[str, int]:
    match = (_QUOTED if text[at] == '"' else _SINGLE).match(text, at)
    if match is None:
        raise ExpressionError("A quote is not closed.", text, at, 'Put a " at its end.')
    return re.sub(r"\\(.)", r"\1", match[0][1:-1], flags=re.DOTALL), len(match[0])


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _cells(text: str) -> int:
    """The cells of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
