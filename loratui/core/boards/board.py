"""What every engine family does: build requests and decode answers. What it takes in a query is its `Dialect`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from loratui.core.boards.language.dialect import Dialect
from loratui.core.boards.post import Post
from loratui.core.config import BoardConfig


@dataclass(frozen=True, slots=True)
class Request:
    """A GET of a board, without the keys: those are added where it is sent, so that a request may be shown.

    Attributes:
        path: begins with a slash.
        params: in the order in which they are sent.
        for_all: the site answers it to everybody, even where it wants a key for all else.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    for_all: bool = False


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


class Board(Dialect, ABC):
    """A board: an engine at an address, with the person's keys.

    Args:
        name: its name in the configuration.
        config: address and keys.
    """

    ENGINE: ClassVar[str]
    PAGE_SIZE: ClassVar[int] = 100
    INTERVAL: ClassVar[float] = 1.0
    """Seconds between two requests to its API."""
    MAX_PAGE: ClassVar[int | None] = None
    """The last page a sorted search can reach."""
    NUMBERED: ClassVar[bool] = False
    """Whether pages go by number in every search: then all must be of one size, or posts would be skipped."""
    KEY_FIELDS: ClassVar[tuple[str, ...]] = ("login", "api_key")
    """What an account's key consists of, as fields of `BoardConfig`; empty: the site has no use for one."""
    KEY_PLACE: ClassVar[str] = "the account's page"
    """Where the site shows the key to its owner."""
    KEYS_IN_QUERY: ClassVar[bool] = False
    """Whether keys travel as parameters rather than in a header."""
    AGENT: ClassVar[str] = "{program} (training data sets; by {login})"
    """How we introduce ourselves to the site for somebody with an account."""
    NOTE: ClassVar[str] = ""
    """What a person should know of the site's answers, as one sentence; "" where they are complete."""
    TAGS_PER_CALL: ClassVar[int] = 0
    """How many tags one call tells the categories of; 0: none, or records tell them."""
    NOTHING_IS_EMPTY: ClassVar[bool] = False
    """Whether an answer of zero bytes means no posts."""

    def __init__(self, name: str, config: BoardConfig) -> None:
        super().__init__(name)
        self.config = config
        self.url = config.url.rstrip("/")

    @property
    def needs_key(self) -> bool:
        """Whether the site answers nobody without a key."""
        return self.config.needs_key

    @property
    def has_key(self) -> bool:
        """Whether a whole key is configured."""
        return bool(self.KEY_FIELDS) and all(getattr(self.config, field) for field in self.KEY_FIELDS)

    def key_params(self) -> list[tuple[str, str]]:
        """The key as parameters of a request; empty where it travels in a header, or there is none."""
        if not (self.KEYS_IN_QUERY and self.has_key):
            return []
        return [(field, getattr(self.config, field)) for field in self.KEY_FIELDS]

    def key_request(self) -> Request:
        """A small request that succeeds where the board answers, and that a wrong key makes fail."""
        return self.posts_request(self.rating_terms(frozenset({"g"})), Cursor(), 1)

    def ended(self, request: Request, status: int) -> bool:
        """Whether an answer with this HTTP status only says that there are no (more) posts."""
        return False

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

    def more_than(self, raw: bytes) -> int:
        """Of an answer in which `count` finds none: there are more than so many; 0 where it does not tell even that."""
        return 0

    def account_request(self) -> Request | None:
        """The request that tells what a key's owner may do; None where that changes no query."""
        return None

    def tag_limit(self, raw: bytes) -> int | None:
        """Decodes the answer to `account_request`: the account's `TAG_LIMIT`."""
        return self.TAG_LIMIT

    def aliases_request(self, tags: Sequence[str]) -> Request | None:
        """The request that tells which of `tags` are other names of tags; None where the site has none."""
        return None

    def aliases(self, raw: bytes) -> dict[str, str]:
        """Decodes the answer to `aliases_request`: other name → the name in the records."""
        return {}

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


def listed(document: Any, key: str) -> list[Any]:
    """The list under `key` of an envelope: absent is empty, a single object, bare or under `key`, is a list of one."""
    value = document.get(key) if isinstance(document, dict) and "id" not in document else document
    return value if isinstance(value, list) else [] if value is None else [value]
