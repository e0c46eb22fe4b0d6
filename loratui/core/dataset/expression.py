"""EXPR, the language that selects images.

    expression = and ("or" and)*        and = not (["and"] not)*        not = "not" not | "(" expression ")" | term
    term = tag | "quoted tag" | wild*card | /regex/ | count>40 | tokens>75 | width<768 | height<768
         | subset:name | rating:g | no:caption

Words in a row join to the longest tags the dataset has: `purple hair not solo` is a tag, `not`, a tag. Case does not
matter, `_` is a space. A tag that holds `( ) :` or is a word of the language is quoted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate

from loratui.core.dataset.caption import key
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.sizes import size
from loratui.core.dataset.tokens import estimate
from loratui.core.errors import UsageError
from loratui.core.nearest import nearest

_NUMBERS = ("count", "tokens", "width", "height")
_FIELDS = ("subset", "rating", "no")
_RATINGS = {
    "g": "g",
    "general": "g",
    "s": "s",
    "sensitive": "s",
    "safe": "g",
    "q": "q",
    "questionable": "q",
    "e": "e",
    "explicit": "e",
}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<regex>/(?:[^/\\]|\\.)+/)
    | (?P<paren>[()])
    | (?P<number>(?:count|tokens|width|height)\s*(?:<=|>=|==|!=|<|>|=)\s*\d+)
    | (?P<field>(?:subset|rating|no):(?:"[^"]*"|[^\s()]+))
    | (?P<word>[^\s()"]+)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class ExpressionError(UsageError):
    """The text is no expression.

    Attributes:
        text: what was given.
        position: index of the character where it went wrong.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        self.text = text
        self.position = min(position, len(text))
        super().__init__(message, f"At: {self.text[: self.position]} ▸{self.text[self.position :]}")


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: selects positions of a dataset."""

    text: str
    _test: "_Node"

    def select(self, dataset: Dataset, ratings: Callable[[int], str | None] | None = None) -> set[int]:
        """Positions of the images that fit.

        Args:
            dataset: where to look.
            ratings: gives the rating (g, s, q, e) of a position; without it no image has one.
        """
        return self._test(_Context(dataset, ratings or (lambda position: None)))


@dataclass(slots=True)
class _Context:
    dataset: Dataset
    ratings: Callable[[int], str | None]

    def everything(self) -> set[int]:
        return set(range(len(self.dataset.images)))


_Node = Callable[[_Context], set[int]]


def parse(text: str) -> Expression:
    """Parses `text`; an empty one selects everything.

    Raises:
        ExpressionError: with the place of the mistake.
    """
    tokens = _tokens(text)
    if not tokens:
        return Expression(text, _Context.everything)
    parser = _Parser(text, tokens)
    node = parser.either()
    if parser.here < len(tokens):
        raise ExpressionError(f"{tokens[parser.here].text!r} does not fit here.", text, tokens[parser.here].start)
    return Expression(text, node)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError("A quote is not closed.", text, position)
        kind = match.lastgroup or "word"
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self.here = 0

    def _peek(self) -> _Token | None:
        return self._tokens[self.here] if self.here < len(self._tokens) else None

    def _is(self, word: str) -> bool:
        token = self._peek()
        return token is not None and token.kind in ("word", "paren") and token.text.lower() == word

    def either(self) -> _Node:
        nodes = [self._all()]
        while self._is("or"):
            self.here += 1
            nodes.append(self._all())
        if len(nodes) == 1:
            return nodes[0]
        return lambda context: set().union(*(node(context) for node in nodes))

    def _all(self) -> _Node:
        nodes = [self._not()]
        while (token := self._peek()) is not None and not self._is("or") and token.text != ")":
            if self._is("and"):
                self.here += 1
            nodes.append(self._not())
        if len(nodes) == 1:
            return nodes[0]
        return lambda context: set.intersection(*(node(context) for node in nodes))

    def _not(self) -> _Node:
        if self._is("not"):
            self.here += 1
            node = self._not()
            return lambda context: context.everything() - node(context)
        if self._is("("):
            opened = self._tokens[self.here].start
            self.here += 1
            node = self.either()
            if not self._is(")"):
                raise ExpressionError("A parenthesis is not closed.", self._text, opened)
            self.here += 1
            return node
        return self._term()

    def _term(self) -> _Node:
        token = self._peek()
        if token is None:
            raise ExpressionError("Something is missing at the end.", self._text, len(self._text))
        self.here += 1
        match token.kind:
            case "quoted":
                return _tag(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
            case "regex":
                return self._regex(token)
            case "number":
                return _number(token.text)
            case "field":
                return self._field(token)
            case "paren":
                raise ExpressionError(f"{token.text!r} does not fit here.", self._text, token.start)
        if token.text.lower() in ("and", "or"):
            raise ExpressionError(f"There is nothing before {token.text!r}.", self._text, token.start)
        name = re.match(r"([a-z]+)(?::|<|>|=)", token.text.lower())
        if name and (meant := nearest(name[1], (*_NUMBERS, *_FIELDS))):
            raise ExpressionError(f"Cannot read {token.text!r}; did you mean {meant!r}?", self._text, token.start)
        # A bare tag goes on up to the next word of the language: `long hair` is one tag.
        words = [token.text]
        while (
            (more := self._peek()) is not None and more.kind == "word" and more.text.lower() not in ("and", "or", "not")
        ):
            words.append(more.text)
            self.here += 1
        text = " ".join(words)
        return _words(words) if not any(char in text for char in "*?") else _wildcard(text)

    def _regex(self, token: _Token) -> _Node:
        try:
            pattern = re.compile(token.text[1:-1], re.IGNORECASE)
        except re.error as error:
            raise ExpressionError(f"The regular expression is wrong: {error}.", self._text, token.start) from error
        return lambda context: _matching(context, lambda tag: pattern.search(tag) is not None)

    def _field(self, token: _Token) -> _Node:
        name, _, value = token.text.partition(":")
        name, value = name.lower(), value.strip('"')
        if name == "subset":
            wanted = value.rstrip("/").lower()
            return lambda context: {
                position
                for position, image in enumerate(context.dataset.images)
                if wanted in (image.folder.lower(), image.folder.rpartition("/")[2].lower())
            }
        if name == "rating":
            if value.lower() not in _RATINGS:
                raise ExpressionError(f"{value!r} is no rating: g, s, q or e.", self._text, token.start)
            rating = _RATINGS[value.lower()]
            return lambda context: {
                position for position in range(len(context.dataset.images)) if context.ratings(position) == rating
            }
        if value.lower() != "caption":
            raise ExpressionError(f"Cannot read {token.text!r}; there is `no:caption`.", self._text, token.start)
        return lambda context: set(context.dataset.uncaptioned())


def _tag(tag: str) -> _Node:
    return lambda context: context.dataset.carrying(tag)


def _words(words: list[str]) -> _Node:
    """Words in a row: one tag where the dataset has it, else each word a tag of its own (implicit and)."""
    whole = " ".join(words)
    if len(words) == 1:
        return _tag(whole)

    def select(context: _Context) -> set[int]:
        parts = _longest_tags(context.dataset, words)
        return set.intersection(*(context.dataset.carrying(part) for part in parts))

    return select


def _longest_tags(dataset: Dataset, words: list[str]) -> list[str]:
    """Splits a run of words into tags the dataset has, the longest first from the left; unknown words stay alone."""
    parts: list[str] = []
    start = 0
    while start < len(words):
        for end in range(len(words), start, -1):
            candidate = " ".join(words[start:end])
            if end == start + 1 or dataset.spellings(candidate):
                parts.append(candidate)
                start = end
                break
    return parts


def _wildcard(pattern: str) -> _Node:
    matcher = re.compile(translate(key(pattern)), re.IGNORECASE)
    return lambda context: _matching(context, lambda tag: matcher.match(tag) is not None)


def _matching(context: _Context, test: Callable[[str], bool]) -> set[int]:
    found: set[int] = set()
    for name, spellings in context.dataset.keys().items():
        if test(name):
            for spelling in spellings:
                found |= context.dataset.postings.get(spelling, set())
    return found


def _number(text: str) -> _Node:
    match = re.fullmatch(r"([a-z]+)\s*([<>=!]+)\s*(\d+)", text.lower())
    assert match is not None
    name, compare, value = match[1], _COMPARE[match[2]], int(match[3])

    def measure(context: _Context, position: int) -> int | None:
        dataset = context.dataset
        if name == "count":
            return len(dataset.tags[position])
        if name == "tokens":
            return estimate(", ".join(dataset.tags[position]))
        found = size(dataset.root / dataset.images[position].path)
        return None if found is None else found[name == "height"]

    def select(context: _Context) -> set[int]:
        chosen: set[int] = set()
        for position in range(len(context.dataset.images)):
            number = measure(context, position)
            if number is not None and compare(number, value):
                chosen.add(position)
        return chosen

    return select
