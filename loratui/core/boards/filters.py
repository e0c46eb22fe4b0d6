"""What is left out before a byte of a file is fetched, and why: from the record of a post alone."""

from dataclasses import dataclass, field

from loratui.core.boards.post import STILLS, Post
from loratui.core.boards.query import QueryPlan
from loratui.core.boards.terms import matches


@dataclass(slots=True)
class Filters:
    """Judges posts one after the other; remembers which pictures it let through.

    Attributes:
        plan: what the query asks for.
        min_side: the shorter side in pixels must be at least this; 0: any. An unknown size passes.
    """

    plan: QueryPlan
    min_side: int = 0
    _seen: set[str] = field(default_factory=set)

    def reason(self, post: Post) -> str:
        """One or two words why `post` is left out, "" if it is not. A term of the query is named as it was typed."""
        reason = self._unusable(post) or self._unwanted(post)
        if not reason and post.md5:
            if post.md5 in self._seen:
                return "duplicate"
            self._seen.add(post.md5)
        return reason

    def _unusable(self, post: Post) -> str:
        if post.deleted and not self.plan.with_deleted:
            return "deleted"
        if post.video:
            return "video"
        if post.hidden:
            return "hidden"
        if post.animated:
            return "animated"
        return "" if post.ext in STILLS else "no picture"

    def _unwanted(self, post: Post) -> str:
        if post.rating and post.rating not in self.plan.ratings:
            return "rating"
        either = [term for term in self.plan.by_us if term.either]
        if either and not any(matches(post, term) for term in either):
            return "query: " + " ".join(term.text for term in either)
        for term in self.plan.by_us:
            if not term.either and not matches(post, term):
                return f"query: {term.text}"
        if self.min_side and 0 < min(post.width, post.height) < self.min_side:
            return "small"
        return ""
