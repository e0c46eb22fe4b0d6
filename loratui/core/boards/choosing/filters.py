"""What is left out before a byte of a file is fetched, why, and what each filter costs: from records of posts alone."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from loratui.core.boards.choosing import wishes as wish
from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.choosing.without import SETS
from loratui.core.boards.language.terms import Judge, judge, wild, words
from loratui.core.boards.language.times import moment
from loratui.core.boards.planning.plan import QueryPlan
from loratui.core.boards.post import STILLS, Post


@dataclass(frozen=True, slots=True)
class Cost:
    """What one filter costs.

    Attributes:
        reason: as `Filters.reason` names it: the key in `filtered`.
        filter: what the filter is, with its value: `min side 768`.
        hits: posts it objects to, whatever the other filters say. Sums to more than the posts left out.
        only: posts that nothing but this filter keeps out: so many more there are without it.
    """

    reason: str
    filter: str
    hits: int
    only: int

    def __str__(self) -> str:
        if self.only == self.hits:
            return f"{self.filter}: −{self.hits:,}"
        return f"{self.filter}: −{self.hits:,} ({self.only:,} only by it)"


@dataclass(frozen=True, slots=True)
class _Filter:
    reason: str
    name: str
    passes: Judge


class Filters:
    """Judges posts one after the other; remembers which pictures and families it let through, and counts.

    Args:
        plan: what the query asks for.
        wishes: what the person wants besides.

    Attributes:
        filtered: how many were left out, by the first reason: adds up to what is missing.

    Raises:
        UsageError: a wish cannot be meant.
    """

    def __init__(self, plan: QueryPlan, wishes: Wishes | None = None) -> None:
        self.plan = plan
        self.wishes = (wishes or Wishes()).checked()
        self.filtered: Counter[str] = Counter()
        self._filters = [*_usable(plan, self.wishes), *_queried(plan), *_wished(self.wishes)]
        self._names = {f.reason: f.name for f in self._filters} | _SEEN
        self._hits: Counter[str] = Counter()
        self._only: Counter[str] = Counter()
        self._md5s: set[str] = set()
        self._families: set[int] = set()

    @property
    def idle(self) -> bool:
        """Whether nothing that the person chose is judged here: next to all that is listed passes."""
        return not self.plan.by_us and self.wishes in (Wishes(), Wishes(variant_side=self.wishes.variant_side))

    def reason(self, post: Post) -> str:
        """One or two words why `post` is left out, "" if it is not. A term of the query is named as it was typed."""
        tags = words(post)
        reasons = [f.reason for f in self._filters if not f.passes(post, tags)]
        if not reasons:
            if post.md5 and post.md5 in self._md5s:
                reasons.append("duplicate")
            elif self.wishes.one_of_family and self._of_seen_family(post):
                reasons.append("family")
            elif post.md5:
                self._md5s.add(post.md5)
        if not reasons:
            return ""
        self._hits.update(reasons)
        if len(reasons) == 1:
            self._only[reasons[0]] += 1
        self.filtered[reasons[0]] += 1
        return reasons[0]

    def unread(self, count: int) -> None:
        """Counts records that could not be read: nobody can say what would become of them."""
        if count > 0:
            self._hits[_UNREADABLE] += count
            self._only[_UNREADABLE] += count
            self.filtered[_UNREADABLE] += count

    def costs(self) -> list[Cost]:
        """What each filter that left anything out costs, the dearest first."""
        found = [Cost(reason, self._names[reason], hits, self._only[reason]) for reason, hits in self._hits.items()]
        return sorted(found, key=lambda cost: (-cost.only, -cost.hits, cost.reason))

    def _of_seen_family(self, post: Post) -> bool:
        """Whether a relative came before. A relative of a relative counts: all of them are remembered."""
        kin = {post.id} if post.parent is None else {post.id, post.parent}
        seen = not kin.isdisjoint(self._families)
        self._families |= kin
        return seen


_UNREADABLE = "unreadable"
_SEEN = {
    "duplicate": "the same file again",
    "family": "one of a family",
    _UNREADABLE: "records that cannot be read",
}


def _usable(plan: QueryPlan, wishes: Wishes) -> list[_Filter]:
    """What no dataset has a use for."""
    known = STILLS | ({"gif"} if wishes.animated else set())
    moving_too = wishes.animated

    def pictured(post: Post) -> bool:
        return post.ext in known or post.video or post.hidden or post.animated

    return [
        _Filter("deleted", "deleted", lambda post, _: plan.with_deleted or not post.deleted),
        _Filter("video", "stills only: films", lambda post, _: not post.video),
        _Filter("hidden", "hidden by the board", lambda post, _: post.video or not post.hidden),
        _Filter("animated", "stills only: animations", lambda post, _: moving_too or post.video or not post.animated),
        _Filter("no picture", "no picture", lambda post, _: pictured(post)),
    ]


def _queried(plan: QueryPlan) -> list[_Filter]:
    """What the site was not asked for, or did not heed."""
    found = [_Filter("rating", "rating", lambda post, _: not post.rating or post.rating in plan.ratings)]
    either = [term for term in plan.by_us if term.either]
    if either:
        text = " ".join(term.text for term in either)
        judges = [judge(term) for term in either]
        found.append(_Filter(f"query: {text}", text, lambda post, tags: any(holds(post, tags) for holds in judges)))
    return found + [_Filter(f"query: {term.text}", term.text, judge(term)) for term in plan.by_us if not term.either]


def _wished(wishes: Wishes) -> list[_Filter]:
    """What the person chose. A value that the board does not tell passes."""
    found: list[_Filter] = []

    def add(reason: str, name: str, passes: Callable[[Post], bool]) -> None:
        found.append(_Filter(reason, name, lambda post, _: passes(post)))

    side, least, most = wishes.min_side, wishes.min_mpixels, wishes.max_mpixels
    if side:
        add("small", f"min side {side}", lambda post: not 0 < min(post.width, post.height) < side)
    if least:
        add("few pixels", f"min {least:g} MP", lambda post: not 0 < _mpixels(post) < least)
    if most:
        add("many pixels", f"max {most:g} MP", lambda post: _mpixels(post) <= most)
    if (share := wishes.max_crop) is not None:
        ratios = wishes.ratios or wish.RATIOS
        add("crop", f"max crop {share:.0%}", lambda post: wish.crop(post.width, post.height, ratios) <= share)
    if (score := wishes.min_score) is not None:
        add("score", f"min score {score}", lambda post: post.score is None or post.score >= score)
    if newer := moment(wishes.newer, "--newer"):
        add("too old", f"newer than {wishes.newer}", lambda post: not post.created or post.created >= newer)
    if older := moment(wishes.older, "--older"):
        add("too new", f"older than {wishes.older}", lambda post: post.created < older)
    return found + [_Filter(f"without {word}", f"without {word}", _without(word)) for word in wishes.without]


def _mpixels(post: Post) -> float:
    return post.width * post.height / 1e6


def _without(word: str) -> Judge:
    tags = SETS[word][1] if word in SETS else (word.lower().replace(" ", "_"),)
    plain = frozenset(tag for tag in tags if "*" not in tag)
    patterns = [tag for tag in tags if "*" in tag]
    matches = wild(patterns) if patterns else None
    return lambda _, own: plain.isdisjoint(own) and (matches is None or not any(map(matches, own)))
