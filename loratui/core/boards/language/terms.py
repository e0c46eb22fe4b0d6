"""The terms of a QUERY: parsed from what the person typed, and judged against a post where the site does not do it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from time import time

from loratui.core.boards.decode import rating as read_rating
from loratui.core.boards.language import times
from loratui.core.boards.post import RATINGS, Post
from loratui.core.errors import UsageError

_ALIASES = {"sort": "order", "ext": "filetype", "type": "filetype", "uploader": "user", "size": "filesize"}
_NUMBERS: dict[str, Callable[[Post], float | None]] = {
    "width": lambda post: post.width or None,
    "height": lambda post: post.height or None,
    "mpixels": lambda post: post.width * post.height / 1e6 if post.width and post.height else None,
    "ratio": lambda post: round(post.width / post.height, 2) if post.width and post.height else None,
    "score": lambda post: post.score,
    "id": lambda post: post.id,
    "filesize": lambda post: post.size,
    "tagcount": lambda post: len(post.all_tags()),
}
NUMBERS = frozenset(_NUMBERS)
"""Metatags whose value is a number or a range: the record of a post is enough to judge them."""

RANGED = NUMBERS | {"age", "date", "favcount", "upvotes", "downvotes", "duration"}
"""Metatags whose value is a number, a time or a range of them."""

JUDGED = NUMBERS | {"rating", "filetype", "md5", "parent", "age", "date"}
"""Metatags that can be judged here, from the record of a post."""

_SITES_OWN = (
    "order status user fav pool source date age child duration favcount upvotes downvotes embedded pixiv pixiv_id has "
    "is approver commenter noter search ordfav ordpool random locked set limit hidden vote disapproved flagger"
)
KNOWN = JUDGED | frozenset(_SITES_OWN.split())
"""Words before a colon that are metatags; `honkai:_star_rail` is a tag."""

_GROUPING = frozenset({"or", "and", "(", ")", "-(", "{", "}", "~"})
_SPANS = re.compile(r"^(?P<low>[^.]+(?:\.\d+)?)?\.\.(?P<high>.+)?$")


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a QUERY.

    Attributes:
        text: as the person typed it.
        negated: it had a leading `-`.
        either: it had a leading `~`: at least one of such terms must hold.
        key: the metatag's name in our words, "" for a tag.
        value: the tag, or what stands after the metatag's colon.
    """

    text: str
    negated: bool
    either: bool
    key: str
    value: str

    @property
    def judged_here(self) -> bool:
        """Whether the record of a post is enough to judge it."""
        return not self.key or self.key in JUDGED

    @property
    def wildcard(self) -> bool:
        """Whether it is a tag with a `*` in it."""
        return not self.key and "*" in self.value


def parse(query: str) -> list[Term]:
    """The terms of `query`, which are divided by white space.

    Raises:
        UsageError: it is empty, or has a term that has no meaning here.
    """
    terms = [_term(word) for word in query.split()]
    if not terms:
        raise UsageError("The query is empty.", "Give at least one tag, such as: 1girl solo.")
    for term in terms:
        if term.key == "limit":
            raise UsageError(f"{term.text} is no part of a query here.", "Use the option --limit.")
    return terms


def grouped(terms: list[Term]) -> bool:
    """Whether the query uses the site's own grouping (parentheses, `or`): then it can only be sent whole."""
    return any(term.text.lower() in _GROUPING for term in terms)


def _term(word: str) -> Term:
    body = word
    negated = len(body) > 1 and body[0] == "-" and word not in _GROUPING
    either = len(body) > 1 and body[0] == "~" and word not in _GROUPING
    if negated or either:
        body = body[1:]
    key, colon, value = body.partition(":")
    key = _ALIASES.get(key.lower(), key.lower())
    if colon and value and key in KNOWN:
        return Term(word, negated, either, key, value)
    return Term(word, negated, either, "", body.lower())


def ratings(term: Term, letter_s: str) -> frozenset[str]:
    """The ratings a `rating:` term lets through, out of `RATINGS`.

    Args:
        letter_s: what the letter `s` means on the board.

    Raises:
        UsageError: a word that is no rating.
    """
    named = set()
    words = term.value.lower().split(",")
    if not {"g", "general"}.isdisjoint(words):
        letter_s = "s"  # beside general it can only be sensitive
    for word in words:
        letter = read_rating(word, letter_s)
        if not letter:
            raise UsageError(
                f"{term.text} names no rating.", "Use rating:general, sensitive, questionable or explicit."
            )
        named.add(letter)
    return frozenset(RATINGS) - named if term.negated else frozenset(named)


@dataclass(frozen=True, slots=True)
class Span:
    """A range of numbers; None is open. `low_open` and `high_open`: the bound itself is outside."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, number: float) -> bool:
        above = self.low is None or (number > self.low if self.low_open else number >= self.low)
        below = self.high is None or (number < self.high if self.high_open else number <= self.high)
        return above and below


def spans(term: Term) -> list[Span]:
    """The ranges of a metatag: `768`, `>=768`, `<2`, `768..1024`, `..5`, `1,2,3`, `16:9`, `2mb`, `2024-05`, `<2w`.

    Of `date` they are in seconds since 1970, of `age` in seconds, of others in the metatag's own unit.

    Raises:
        UsageError: it is none of those.
    """
    try:
        return [_span(part, _EDGES.get(term.key, _edges)) for part in term.value.split(",")]
    except (ValueError, OverflowError):
        usual = {"date": "date:2024-05-01 or date:2023..2024", "age": "age:<30d or age:1y..2y"}
        wanted = usual.get(term.key, f"{term.key}:>=768 or {term.key}:768..1024")
        what = term.key if term.key in usual else "number"
        raise UsageError(f"{term.text} is no {what} or range.", f"Write it as {wanted}.") from None


Edges = Callable[[str], tuple[float, float]]
"""Reads one value as its first number and the first number after it; both are the same for a plain number."""


def _span(text: str, edges: Edges) -> Span:
    if between := _SPANS.match(text):
        low, high = between["low"], between["high"]
        last = edges(high) if high else None
        return Span(
            edges(low)[0] if low else None, last[1] if last else None, high_open=last is not None and last[0] < last[1]
        )
    sign = next((sign for sign in (">=", "<=", ">", "<") if text.startswith(sign)), "")
    first, after = edges(text.removeprefix(sign))
    whole = first < after  # a day has a length, a number has none
    if sign == ">=":
        return Span(low=first)
    if sign == "<":
        return Span(high=first, high_open=True)
    if sign == ">":
        return Span(low=after, low_open=not whole)
    if sign == "<=":
        return Span(high=after, high_open=whole)
    return Span(first, after, high_open=whole)


def _number(text: str) -> float:
    text = text.lower()
    for unit, factor in (("kb", 1024), ("mb", 1024**2), ("k", 1024), ("m", 1024**2), ("b", 1)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    first, divided, second = text.replace("/", ":").partition(":")
    return round(float(first) / (float(second) or 1), 2) if divided else float(first)


def _edges(text: str) -> tuple[float, float]:
    return (_number(text),) * 2


def _age_edges(text: str) -> tuple[float, float]:
    return (times.age(text),) * 2


_EDGES: dict[str, Edges] = {"date": times.date, "age": _age_edges}


Judge = Callable[[Post, frozenset[str]], bool]
"""Says of a post, and of its tags as `words` gives them, whether a term holds."""


def words(post: Post) -> frozenset[str]:
    """The tags of `post` as a person types them: lower case, with underscores."""
    return frozenset(tag.lower().replace(" ", "_") for tags in post.tags.values() for tag in tags)


def wild(patterns: list[str]) -> Callable[[str], object]:
    """Whether a tag matches any of `patterns`, in which only `*` is special."""
    return re.compile("|".join(translate(text.replace("[", "[[]").replace("?", "[?]")) for text in patterns)).match


def judge(term: Term) -> Judge:
    """How to tell whether a post satisfies `term`, negation included. Only for terms that are `judged_here`.

    Raises:
        UsageError: its value cannot be understood.
    """
    holds = _judge(term)
    return (lambda post, tags: not holds(post, tags)) if term.negated else holds


def _judge(term: Term) -> Judge:
    value = term.value.lower()
    if term.key in _NUMBERS:
        number, ranges = _NUMBERS[term.key], spans(term)
        return lambda post, _: (found := number(post)) is not None and any(found in span for span in ranges)
    if term.key in ("age", "date"):
        return _judge_time(term)
    if term.key == "filetype":
        types = {"jpg" if word == "jpeg" else word for word in value.split(",")}
        return lambda post, _: post.ext in types
    if term.key == "md5":
        sums = value.split(",")
        return lambda post, _: post.md5 in sums
    if term.key == "parent":
        if value in ("none", "any"):
            return lambda post, _: (post.parent is None) == (value == "none")
        return lambda post, _: value in (str(post.parent), str(post.id))
    if term.wildcard:
        matches_tag = wild([value])
        return lambda _, tags: any(map(matches_tag, tags))
    return lambda _, tags: value in tags


def _judge_time(term: Term) -> Judge:
    now = time()
    ranges = spans(term)

    def holds(post: Post, _: frozenset[str]) -> bool:
        created = times.seconds(post.created)
        if created is None:
            return False
        number = created if term.key == "date" else now - created
        return any(number in span for span in ranges)

    return holds


def matches(post: Post, term: Term) -> bool:
    """Whether `post` satisfies `term`; see `judge`."""
    return judge(term)(post, words(post))
