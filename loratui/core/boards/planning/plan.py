"""The planner: what of a QUERY the site takes, and what is judged here from each post's record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from loratui.core.boards.language.dialect import Dialect
from loratui.core.boards.language.terms import Term, grouped, parse, ratings
from loratui.core.boards.post import RATINGS
from loratui.core.errors import UsageError

DEFAULT_RATINGS = frozenset({"g", "s"})
"""What is let through where the QUERY names no rating."""


class Site(Protocol):
    """What the planner asks of a site, and only where the answer changes the plan."""

    def limit(self) -> int | None:
        """How many counted terms a search of this account may have; None: as many as one likes."""

    def counts(self, tags: Sequence[str]) -> Mapping[str, int]:
        """How many posts each of `tags` has; one that is missing is unknown there."""

    def true_names(self, tags: Sequence[str]) -> Mapping[str, str]:
        """The names that `tags` have in the records: an alias is in none. One that is missing may be either."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """How a QUERY is answered.

    Attributes:
        query: as the person typed it.
        by_site: the terms sent, in the site's words.
        by_us: the terms judged here.
        ratings: those let through; also checked here.
        ordered: the search is sorted: pages are numbered, and the site's depth is limited.
        with_deleted: the QUERY asks for a status, so deleted posts are wanted.
        tags: the plain tags it asks for.
    """

    query: str
    by_site: tuple[str, ...]
    by_us: tuple[Term, ...]
    ratings: frozenset[str]
    ordered: bool
    with_deleted: bool
    tags: tuple[str, ...] = ()

    def told(
        self, total: int | None, scanned: int = 0, kept: int = 0, finished: bool = False, more_than: int = 0
    ) -> str:
        """How the work is divided and what comes of it: `2 terms by the site, 1 here: 1,026 → 259`.

        Args:
            total: posts the site has for what it was sent; None: unknown.
            scanned: how many of those were looked at.
            kept: how many of those passed.
            finished: all were looked at.
            more_than: where the total is unknown: it is larger than this.
        """
        here = f", {len(self.by_us)} here" if self.by_us else ""
        terms = f"{len(self.by_site)} {'term' if len(self.by_site) == 1 else 'terms'} by the site{here}"
        count = (f"{more_than:,}+" if more_than else "unknown") if total is None else f"{total:,}"
        if finished:
            return f"{terms}: {max(total or 0, scanned):,} → {kept:,}"
        return f"{terms}: {count} posts" + (f", of the first {scanned:,} {kept:,}" if scanned else "")


def plan(board: Dialect, query: str, site: Site | None = None) -> QueryPlan:
    """Splits `query` between the site and us.

    Args:
        board: what its site takes.
        query: tags and metatags, divided by spaces.
        site: is asked only where the board's limit leaves no room for all tags: for the account's own limit, for the
            rarest tags, which are sent then, and for the true names of those judged here. None: nobody is asked.

    Raises:
        UsageError: the query is empty, or has a term that cannot be understood or sent.
    """
    terms = parse(query)
    if grouped(terms):
        return _whole(board, query, terms)
    wanted = _wanted(board, terms)
    either = [(place, term) for place, term in enumerate(terms) if term.either and term.judged_here]
    group = board.EITHER and all(not term.key and not term.wildcard for _, term in either)
    sent: list[tuple[int, list[str]]] = []  # place in the query, the site's words
    here: list[tuple[int, Term]] = []
    counted: list[tuple[int, Term]] = []
    seen: set[str] = set()
    for place, term in enumerate(terms):
        if term.key == "rating" or (term.either and term.judged_here) or _by_default(board, term):
            continue
        words = board.translate(term)
        kind = "*" if term.wildcard else term.key
        if (
            words is None
            or (kind in seen and _last_counts(board, term))
            or (either and board.WILDCARDS_JOIN and kind == "*")
        ):
            if not term.judged_here:
                raise UsageError(f"{board.name} heeds only one {term.key}: in a query.", f"Leave {term.text} out.")
            if term.key in board.UNTOLD:
                raise UsageError(f"{board.name} does not tell {term.key}: of its posts.", f"Leave {term.text} out.")
            here.append((place, term))
            continue
        seen.add(kind)
        if term.key in board.FREE or board.TAG_LIMIT is None:
            sent.append((place, words))
        else:
            counted.append((place, term))
    chosen, either_sent = _choose(board, counted, len(either) if group else 0, site)
    sent.extend((place, board.translate(term) or []) for place, term in chosen)
    here.extend(pair for pair in counted if pair not in chosen)
    if either and group and either_sent:
        sent.append((either[0][0], board.either([term.text.removeprefix("~") for _, term in either])))
    else:
        here.extend(either)
    return QueryPlan(
        query,
        (*(word for _, words in sorted(sent) for word in words), *board.rating_terms(wanted)),
        _truly(site, [term for _, term in sorted(here, key=lambda pair: pair[0])]),
        _own(board, wanted),
        any(term.key in board.SORTING and not _by_default(board, term) for term in terms),
        any(term.key == "status" for term in terms),
        tuple(term.value for term in terms if not term.key and not term.negated and not term.wildcard),
    )


def _truly(site: Site | None, here: list[Term]) -> tuple[Term, ...]:
    """The terms judged here, with the names that tags have in the records; their text stays as it was typed."""
    tags = [term.value for term in here if not term.key and not term.wildcard]
    names = site.true_names(tags) if site is not None and tags else {}
    return tuple(term if term.key else replace(term, value=names.get(term.value, term.value)) for term in here)


def _by_default(board: Dialect, term: Term) -> bool:
    """Whether it asks for the newest first, which is what comes unasked, and without a limit to its depth."""
    return term.key == "order" and term.value.lower() in ("id_desc", "id:desc", "newest")


def _last_counts(board: Dialect, term: Term) -> bool:
    """Whether the site would heed `term` in place of an earlier one of its kind, rather than both."""
    return (board.ONCE and bool(term.key)) or (board.WILDCARDS_JOIN and term.wildcard)


def _wanted(board: Dialect, terms: list[Term]) -> frozenset[str]:
    """The ratings that all `rating:` terms let through; the default where there is none."""
    named = [ratings(term, board.LETTER_S) for term in terms if term.key == "rating"]
    wanted = frozenset(RATINGS).intersection(*named) if named else DEFAULT_RATINGS
    if not wanted:
        raise UsageError("The rating: terms leave no rating.", "Drop one of them.")
    return wanted


def _own(board: Dialect, wanted: frozenset[str]) -> frozenset[str]:
    """`wanted` as the board's posts carry it: where only "safe" is known, those posts are `g`."""
    return wanted | {"g"} if "s" in wanted and board.RATING_WORDS[0] == board.RATING_WORDS[1] else wanted


def _whole(board: Dialect, query: str, terms: list[Term]) -> QueryPlan:
    """A query in the site's own grouping goes out as it is; only the rating is ours."""
    if not board.GROUPS:
        raise UsageError(
            f"{board.name} knows no parentheses and no “or” in a query.",
            "Search twice, or put ~ before each of the tags.",
        )
    rating_named = any("rating:" in term.text.lower() for term in terms)
    wanted = frozenset(RATINGS) if rating_named else DEFAULT_RATINGS
    words = tuple(term.text for term in terms)
    return QueryPlan(
        query,
        words if rating_named else ("(", *words, ")", *board.rating_terms(wanted)),
        (),
        _own(board, wanted),
        any(term.key == "order" for term in terms),
        any(term.key == "status" for term in terms),
    )


def _choose(
    board: Dialect, counted: list[tuple[int, Term]], either: int, site: Site | None
) -> tuple[list[tuple[int, Term]], bool]:
    """Those of the counted terms that are sent, and whether the group of `either` ~terms is.

    What only the site can do goes first, then the rarest tags, then the group, then what is negated.
    """
    limit = board.TAG_LIMIT
    if limit is not None and len(counted) + either > limit and site is not None:
        limit = site.limit()
    if limit is None or len(counted) + either <= limit:
        return counted, True
    must = [pair for pair in counted if not pair[1].judged_here]
    if len(must) > limit:
        raise UsageError(
            f"{board.name} takes {limit} terms like {' '.join(term.text for _, term in must)} in one search.",
            "Leave some of them out.",
        )
    room = limit - len(must)
    positive = [pair for pair in counted if pair[1].judged_here and not pair[1].negated]
    negative = [pair for pair in counted if pair[1].judged_here and pair[1].negated]
    if len(positive) > room:
        known = site.counts([term.value for _, term in positive if not term.wildcard]) if site is not None else {}
        positive.sort(key=lambda pair: _rarity(pair[1], known))
    chosen = must + positive[:room]
    # The group goes whole or not at all.
    either_sent = 0 < either <= limit - len(chosen)
    return chosen + negative[: limit - len(chosen) - (either if either_sent else 0)], either_sent


def _rarity(term: Term, known: Mapping[str, int]) -> tuple[int, int]:
    """A key that sorts the rarest first."""
    if term.wildcard:
        return (2, 0)
    if term.value in known:
        return (1, known[term.value])
    # Unknown to the site's list: perhaps an alias, which only the site can resolve. Where nothing could be asked,
    # a tag in brackets is mostly a character, and a long tag rarer than a short one.
    return (0, 0) if known or "(" in term.value else (1, -len(term.value))
