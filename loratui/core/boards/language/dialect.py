"""What an engine family takes in a query: its limits, its words, and what it would silently make of others."""

from collections.abc import Sequence
from typing import ClassVar

from loratui.core.boards.language.terms import RANGED, Term
from loratui.core.boards.language.written import ranged
from loratui.core.boards.post import RATINGS
from loratui.core.errors import UsageError


class Dialect:
    """The query language of a site, as values where sites differ by values, as methods where they differ by more.

    Attributes:
        name: the board's name, for messages.
    """

    TAG_LIMIT: ClassVar[int | None] = None
    """How many counted terms one search of anybody may have; None: no limit known. See `Board.tag_limit`."""
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
    UNTOLD: ClassVar[frozenset[str]] = frozenset()
    """Metatags that cannot be judged here, because the site's records do not tell them."""
    NEGATES: ClassVar[frozenset[str] | None] = None
    """Metatags that a leading `-` may stand before; None: all of them."""
    PARENTS: ClassVar[frozenset[str]] = frozenset({"none", "any"})
    """Words that the site understands after `parent:` besides numbers."""
    ONCE: ClassVar[bool] = False
    """Whether of several metatags of one name only the last is heeded."""
    NEGATED_WILDCARDS: ClassVar[bool] = True
    """Whether a tag with a `*` may be negated."""
    WILDCARDS_JOIN: ClassVar[bool] = False
    """Whether tags with a `*` and ~tags are all one group to the site, of which one must hold."""
    SORTING: ClassVar[frozenset[str]] = frozenset({"order", "ordfav", "ordpool", "random"})
    """Metatags that sort the posts: such a search goes by page numbers."""
    ORDERS: ClassVar[frozenset[str]] = frozenset()
    """What the site can sort by, in Danbooru's words without `_asc` and `_desc`; whatever else it would ignore."""
    GROUPS: ClassVar[bool] = False
    """Whether parentheses and `or` are understood."""
    EITHER: ClassVar[bool] = True
    """Whether the site can be asked for at least one of several tags."""

    def __init__(self, name: str) -> None:
        self.name = name

    def order_term(self, value: str) -> str:
        """An order in the site's words; `value` is Danbooru's (`score`, `score_asc`) or Gelbooru's (`score:asc`).

        Raises:
            UsageError: the site would not sort so.
        """
        word, direction = self.order(value)
        usual = "asc" if word == "id" else "desc"
        return f"{self.ORDER}:{word if direction in ('', usual) else f'{word}_{direction}'}"

    def order(self, value: str) -> tuple[str, str]:
        """An order as its word and its direction: `asc`, `desc`, or "" for the usual one.

        Raises:
            UsageError: the site would not sort so.
        """
        word, _, direction = value.lower().partition(":")
        for suffix in ("asc", "desc"):
            if word.endswith(f"_{suffix}"):
                word, direction = word.removesuffix(f"_{suffix}"), suffix
        if word not in self.ORDERS or direction not in ("", "asc", "desc"):
            raise UsageError(
                f"{self.name} knows no order:{value}.", f"Its orders are: {', '.join(sorted(self.ORDERS))}."
            )
        return word, direction

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
        """`term` in the site's words; None where the site does not know it and it must be judged from the record.

        Raises:
            UsageError: the site does not know it, and a record does not tell.
        """
        if not term.key:
            return None if term.wildcard and term.negated and not self.NEGATED_WILDCARDS else [term.text.lower()]
        if term.key == "order":
            return [self.order_term(term.value)]
        known = term.key in self.METATAGS and not (
            term.key == "parent" and term.value.lower() in ("none", "any") and term.value.lower() not in self.PARENTS
        )
        negates = self.NEGATES is None or term.key in self.NEGATES
        if known and term.key in RANGED:
            word = self.metatag(term.key)
            words = ranged(word, term, lists=self.LIST_RANGES, once=self.ONCE, negates=negates)
            if words is not None:
                return words
        elif known and (negates or not term.negated):
            sign = "-" if term.negated else "~" if term.either else ""
            return [f"{sign}{self.metatag(term.key)}:{term.value}"]
        if term.judged_here:
            return None
        raise UsageError(
            f"{self.name} knows no {term.text} in a query.",
            f"Leave it out; of such words it knows {', '.join(sorted(f'{key}:' for key in self.METATAGS))}.",
        )
