"""The terms of EXPR: what each says of a dataset, as the positions that fit."""

import operator
import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal

from loratui.core.dataset.caption import key
from loratui.core.dataset.expression_facts import Column, Facts
from loratui.core.dataset.expression_patterns import TooLong, searched, wildcards
from loratui.core.dataset.expression_words import ExpressionError

Found = AbstractSet[int]

_LONGEST_TAG = 16  # words
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty expression."""

    def find(self, facts: Facts) -> Found:
        """All positions."""
        return facts.everything


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag, in any spelling."""

    tag: str

    def find(self, facts: Facts) -> Found:
        """Positions that carry it."""
        return facts.carrying([key(self.tag)])


@dataclass(frozen=True, slots=True)
class Words:
    """Words in a row: the longest tags the dataset has, each of them wanted; a word it has not is a tag of its own."""

    words: tuple[str, ...]

    def find(self, facts: Facts) -> Found:
        """Positions that carry all of them."""
        return _all([facts.carrying([key(tag)]) for tag in self.tags(facts)])

    def tags(self, facts: Facts) -> list[str]:
        """The tags these words are in the dataset."""
        parts: list[str] = []
        start = 0
        while start < len(self.words):
            for end in range(min(len(self.words), start + _LONGEST_TAG), start, -1):
                candidate = " ".join(self.words[start:end])
                if end == start + 1 or facts.dataset.spellings(candidate):
                    parts.append(candidate)
                    start = end
                    break
        return parts


@dataclass(frozen=True, slots=True)
class Wild:
    """Whole tags by `*` and `?`."""

    pattern: str

    def find(self, facts: Facts) -> Found:
        """Positions that carry a tag that fits."""
        fits = wildcards(key(self.pattern)).match
        return facts.carrying([name for name in facts.names if fits(name)])


@dataclass(frozen=True, slots=True)
class Text:
    """Text anywhere in the caption, the file's name or its path; `*` and `?` stand for others."""

    where: Literal["caption", "name", "path"]
    text: str

    def find(self, facts: Facts) -> Found:
        """Positions where it stands."""
        wanted = self.text.lower()
        if self.where == "caption":
            wanted = wanted.replace("_", " ").strip()
        plain = not any(char in wanted for char in "*?[")
        if self.where == "caption" and plain and not any(char in wanted for char in ",|"):
            # Without a comma it lies inside of one tag.
            return facts.carrying([name for name in facts.names if wanted in name.replace("_", " ")])
        texts = _texts(self.where, facts)
        if plain:
            return {position for position, text in enumerate(texts) if wanted in text}
        fits = wildcards(f"*{wanted}*").match
        return {position for position, text in enumerate(texts) if fits(text)}


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression for tags, captions, names or paths.

    Attributes:
        where: what is searched.
        pattern: compiled.
        text, position: of the expression, for what is wrong with it.
    """

    where: Literal["tag", "caption", "name", "path"]
    pattern: re.Pattern[str]
    text: str = field(compare=False)
    position: int = field(compare=False)

    def find(self, facts: Facts) -> Found:
        """Positions where it is found.

        Raises:
            ExpressionError: it takes too much time.
        """
        try:
            if self.where != "tag":
                return set(searched(self.pattern, _texts(self.where, facts)))
            found = [facts.names[at] for at in searched(self.pattern, facts.names)]
            # A tag is also looked at as it is written, where that differs: `_` may be asked for.
            odd = [facts.odd[at][0] for at in searched(self.pattern, [one for _, one in facts.odd])]
        except TooLong:
            raise ExpressionError(
                "The regular expression takes too long.",
                self.text,
                self.position,
                "Make it simpler: no repeat inside of a repeat, such as (a+)+.",
            ) from None
        return facts.carrying(dict.fromkeys([*found, *odd]))


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the caption or the image, compared."""

    name: str
    compare: str
    value: float

    def find(self, facts: Facts) -> Found:
        """Positions that have such a number."""
        if self.name == "freq":
            fits = _COMPARE[self.compare]
            pairs = zip(facts.names, facts.frequencies, strict=True)
            return facts.carrying([name for name, number in pairs if fits(number, self.value)])
        return _compared(facts.column(self.name), self.compare, self.value)


@dataclass(frozen=True, slots=True)
class Score:
    """What the tagger gave a tag that stands in the caption, compared.

    Attributes:
        tag: which; "": any.
    """

    tag: str
    compare: str
    value: float

    def find(self, facts: Facts) -> Found:
        """Positions with such a tag; those the tagger was not asked about are left out."""
        low, high = facts.scores(key(self.tag))
        if self.compare in ("<", "<="):
            return _compared(low, self.compare, self.value)
        if self.compare in (">", ">="):
            return _compared(high, self.compare, self.value)
        return _compared(low, self.compare, self.value) | _compared(high, self.compare, self.value)


@dataclass(frozen=True, slots=True)
class Subset:
    """The folder an image lies in, by path or last part."""

    name: str

    def find(self, facts: Facts) -> Found:
        """Positions in it."""
        wanted = self.name.rstrip("/").lower()
        fitting = [one for one in facts.folders if wanted in (one.lower(), one.lower().rpartition("/")[2])]
        return set().union(*(facts.folders[one] for one in fitting))


@dataclass(frozen=True, slots=True)
class Rating:
    """The board's rating."""

    rating: str

    def find(self, facts: Facts) -> Found:
        """Positions rated so."""
        return {position for position, rating in enumerate(facts.ratings) if rating == self.rating}


@dataclass(frozen=True, slots=True)
class Category:
    """A tag of a category."""

    category: str

    def find(self, facts: Facts) -> Found:
        """Positions that carry one."""
        return facts.carrying([name for name in facts.names if facts.category(name) == self.category])


@dataclass(frozen=True, slots=True)
class InSlot:
    """A tag of one of some slots."""

    slots: frozenset[str]

    def find(self, facts: Facts) -> Found:
        """Positions that carry one."""
        return facts.carrying([name for name in facts.names if facts.slot(name) in self.slots])


@dataclass(frozen=True, slots=True)
class Captioned:
    """There is a caption with something in it."""

    def find(self, facts: Facts) -> Found:
        """Positions that have one, also one that cannot be read."""
        return facts.everything - facts.uncaptioned


@dataclass(frozen=True, slots=True)
class Empty:
    """There is a caption file, and no tag in it: the trainer stops at such a file."""

    def find(self, facts: Facts) -> Found:
        """Positions that have one."""
        raw = facts.dataset.raw
        return {position for position in facts.uncaptioned if raw[position] is not None}


@dataclass(frozen=True, slots=True)
class Triggered:
    """All of the subset's trigger tags are there."""

    def find(self, facts: Facts) -> Found:
        """Positions that have them; those of subsets without a trigger have not."""
        found: set[int] = set()
        for folder, tags in facts.triggers.items():
            if tags:
                found |= _all([facts.folders.get(folder, set()), *(facts.carrying([key(tag)]) for tag in tags)])
        return found


@dataclass(frozen=True, slots=True)
class Doubled:
    """A tag stands twice."""

    def find(self, facts: Facts) -> Found:
        """Positions of such captions."""
        return facts.doubled


@dataclass(frozen=True, slots=True)
class Changed:
    """The caption was changed by one of the newest steps of the history.

    Attributes:
        steps: how many; 0: any step.
    """

    steps: int

    def find(self, facts: Facts) -> Found:
        """Positions of such captions."""
        files = facts.changed(self.steps)
        return {position for position, path in enumerate(facts.dataset.caption_paths) if path in files}


Term = (
    Everything
    | Tag
    | Words
    | Wild
    | Text
    | Regex
    | Number
    | Score
    | Subset
    | Rating
    | Category
    | InSlot
    | Captioned
    | Empty
    | Triggered
    | Doubled
    | Changed
)


def _all(found: Sequence[Found]) -> Found:
    """What is in every set, the smallest first."""
    first, *rest = sorted(found, key=len)
    for each in rest:
        first = first & each
    return first


def _compared(column: Column, compare: str, value: float) -> Found:
    fits = _COMPARE[compare]
    return {at for at, number in enumerate(column) if number is not None and fits(number, value)}


def _texts(where: str, facts: Facts) -> list[str]:
    return facts.captions if where == "caption" else facts.files if where == "name" else facts.paths
