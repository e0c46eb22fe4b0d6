"""What every engine family does: build requests, decode answers, and say what it takes in a query."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from loratui.core.boards.post import RATINGS, Post
from loratui.core.boards.terms import NUMBERS, Span, Term, spans
from loratui.core.config import BoardConfig


@dataclass(frozen=True, slots=True)
class Request:
    """A GET of a board, without the keys: those are added where it is sent, so that a request may be shown."""

    path: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where in the results we are.

    Attributes:
        page: from 1.
        below: only posts with a smaller id; None on the first page and in a sorted search.
    """

    page: int = 1
    below: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Attributes:
        posts: those that could be read.
        size: how many the answer held; 0 is the end of the results.
        total: of the whole query, where the answer tells.
    """

    posts: list[Post]
    size: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A tag a board offers for the beginning of a word.

    Attributes:
        tag: with underscores, as it stands in a query.
        category: one of `post.CATEGORIES`; "" where the answer does not tell.
        count: its posts; None where the answer does not tell.
        alias: another name of it that fits what was typed, "" if its own name does.
    """

    tag: str
    category: str = ""
    count: int | None = None
    alias: str = ""


class Board(ABC):
    """A board: an engine at an address, with the person's keys.

    Args:
        name: its name in the configuration.
        config: address and keys.
    """

    ENGINE: ClassVar[str]
    PAGE_SIZE: ClassVar[int] = 100
    INTERVAL: ClassVar[float] = 1.0
    """Seconds between two requests to its API."""
    TAG_LIMIT: ClassVar[int | None] = None
    """How many counted terms one search may have; None: no limit known."""
    FREE: ClassVar[frozenset[str]] = frozenset()
    """Metatags that do not count."""
    METATAGS: ClassVar[frozenset[str]] = frozenset()
    """Metatags the site knows; one that is missing here is judged from the record."""
    RATING_WORDS: ClassVar[tuple[str, str, str, str]] = ("general", "sensitive", "questionable", "explicit")
    """The site's words for `RATINGS`."""
    LETTER_S: ClassVar[str] = "g"
    """What the letter `s` means as a rating: `g`, safe, or `s`, sensitive."""
    MANY_RATINGS: ClassVar[bool] = False
    """Whether `rating:g,s` is understood."""
    ORDER: ClassVar[str] = "order"
    LIST_RANGES: ClassVar[bool] = True
    """Whether `a..b` and lists of numbers are understood."""
    MAX_PAGE: ClassVar[int | None] = None
    """The last page a sorted search can reach."""
    GROUPS: ClassVar[bool] = False
    """Whether parentheses and `or` are understood."""
    KEYS_IN_QUERY: ClassVar[bool] = False
    """Whether keys travel as parameters rather than in a header."""
    TAGS_PER_CALL: ClassVar[int] = 0
    """How many tags one call tells the categories of; 0: none, or records tell them."""
    NOTHING_IS_EMPTY: ClassVar[bool] = False
    """Whether an answer of zero bytes means no posts."""

    def __init__(self, name: str, config: BoardConfig) -> None:
        self.name = name
        self.config = config
        self.url = config.url.rstrip("/")

    @property
    def needs_key(self) -> bool:
        """Whether the site answers nobody without a key."""
        return self.config.needs_key

    @property
    def has_key(self) -> bool:
        """Whether a key is configured."""
        return bool(self.config.api_key)

    @property
    def referer(self) -> str:
        """What the site's file servers want to see as the page we come from."""
        return self.config.referer or f"{self.url}/"

    @abstractmethod
    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        """The request for one page of `terms`."""

    @abstractmethod
    def posts(self, raw: bytes) -> Page:
        """Decodes the answer to `posts_request`.

        Raises:
            ValueError: it is neither JSON nor XML of the expected shape.
        """

    @abstractmethod
    def count_request(self, terms: Sequence[str]) -> Request | None:
        """The request that tells how many posts there are; None where the first page tells."""

    @abstractmethod
    def count(self, raw: bytes) -> int | None:
        """Decodes the answer to `count_request`; None: the site does not know."""

    def tags_requests(self, tags: Sequence[str]) -> list[Request]:
        """Requests that tell the categories and counts of `tags`; none where the site cannot."""
        return []

    def tags(self, raw: bytes) -> dict[str, tuple[str, int]]:
        """Decodes an answer to `tags_requests`: tag → (category, posts)."""
        return {}

    def complete_request(self, word: str) -> Request | None:
        """The request for tags that begin with `word`; None where the site has none, or takes no word so short.

        Args:
            word: a tag's beginning: lower case, underscores, neither `-` nor `~` before it, no wildcard in it.
        """
        return None

    def completions(self, raw: bytes) -> list[Completion]:
        """Decodes the answer to `complete_request`, in the site's order.

        Raises:
            ValueError: it is not of the expected shape.
        """
        return []

    def guess_categories(self, post: Post) -> Mapping[str, str]:
        """Categories of an uncategorised post's tags as far as they can be told without asking."""
        return {}

    @abstractmethod
    def page_url(self, post_id: int) -> str:
        """The page for people."""

    def next_cursor(self, cursor: Cursor, page: Page, ordered: bool) -> Cursor | None:
        """Where to go on after `page`; None at the end, and where the site shows no more."""
        if not page.size or not page.posts:
            return None
        if ordered:
            return None if cursor.page == self.MAX_PAGE else Cursor(cursor.page + 1)
        lowest = min(post.id for post in page.posts)
        # An answer that does not go down would be asked for ever.
        return None if cursor.below is not None and lowest >= cursor.below else Cursor(cursor.page + 1, lowest)

    def order_term(self, value: str) -> str:
        """An order in the site's words; `value` is Danbooru's (`score`, `score_asc`) or Gelbooru's (`score:asc`)."""
        word, _, direction = value.lower().partition(":")
        if direction in ("asc", "desc"):
            usual = "asc" if word == "id" else "desc"
            word = word if direction == usual else f"{word}_{direction}"
        return f"{self.ORDER}:{word}"

    def metatag(self, key: str) -> str:
        """The site's word for one of `METATAGS`."""
        return key

    def either(self, tags: Sequence[str]) -> list[str]:
        """Terms that ask for at least one of `tags`."""
        return [f"~{tag}" for tag in tags]

    def rating_terms(self, wanted: frozenset[str]) -> list[str]:
        """Terms that make the site send only the ratings `wanted`."""
        pairs = list(zip(RATINGS, self.RATING_WORDS, strict=True))
        good = list(dict.fromkeys(word for letter, word in pairs if letter in wanted))
        bad = [word for word in dict.fromkeys(self.RATING_WORDS) if word not in good]
        if not bad:
            return []
        if len(good) == 1:
            return [f"rating:{good[0]}"]
        if self.MANY_RATINGS:
            return [f"rating:{','.join(good)}"] if len(good) <= len(bad) else [f"-rating:{bad[0]}"]
        return [f"-rating:{word}" for word in bad]

    def translate(self, term: Term) -> list[str] | None:
        """`term` in the site's words; None where the site does not know it and it must be judged from the record."""
        if not term.key:
            return [term.text.lower()]
        if term.key == "order":
            return [self.order_term(term.value)]
        if term.key not in self.METATAGS:
            return None if term.judged_here else [term.text]
        word, sign = self.metatag(term.key), "-" if term.negated else ""
        if term.key in NUMBERS and not self.LIST_RANGES:
            ranges = spans(term)
            between = None not in (ranges[0].low, ranges[0].high) and ranges[0].low != ranges[0].high
            if len(ranges) > 1 or (term.negated and between):
                return None
            return [f"{sign}{word}:{bound}" for bound in _bounds(ranges[0])]
        return [f"{sign}{word}:{term.value}"]


def _bounds(span: Span) -> list[str]:
    if span.low is not None and span.low == span.high:
        return [f"{span.low:.12g}"]
    bounds = []
    if span.low is not None:
        bounds.append(f">{'' if span.low_open else '='}{span.low:.12g}")
    if span.high is not None:
        bounds.append(f"<{'' if span.high_open else '='}{span.high:.12g}")
    return bounds


def listed(document: Any, key: str) -> list[Any]:
    """The list under `key` of an envelope: absent is empty, a single object, bare or under `key`, is a list of one."""
    value = document.get(key) if isinstance(document, dict) and "id" not in document else document
    return value if isinstance(value, list) else [] if value is None else [value]
