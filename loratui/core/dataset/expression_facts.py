"""What expressions ask: a dataset's columns, worked out once, and what is known of images beside their captions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Protocol

from loratui.core.dataset.caption import key
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.sizes import size
from loratui.core.dataset.tokens import Counter, counter

Column = Sequence[float | None]
"""A number for each position; None where there is none."""


_KEPT = 8  # answers, of up to some megabytes each


class Finding(Protocol):
    """A term of an expression."""

    def find(self, facts: "Facts") -> AbstractSet[int]:
        """Positions that fit."""


class Facts:
    """A dataset as it is now, for any number of expressions; of no use after it was changed.

    Args:
        dataset: where to look.
        rating: gives the rating (g, s, q, e) of a position.
        category: gives the category of a tag, by its key; "" if unknown.
        slot: gives the name of the slot a tag fills; "" for none.
        triggers: tags put first, by folder.
        changed: gives the files that the newest so many steps changed and that are so still; 0: all steps.
        scores: gives a tagger's probabilities by the tag's key, of the image at a position.
        tokens: makes the counter of tokens.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        rating: Callable[[int], str | None] = lambda position: None,
        category: Callable[[str], str] = lambda tag: "",
        slot: Callable[[str], str] = lambda tag: "",
        triggers: Mapping[str, Sequence[str]] | None = None,
        changed: Callable[[int], AbstractSet[str]] = lambda steps: frozenset(),
        scores: Callable[[int], Mapping[str, float]] = lambda position: {},
        tokens: Callable[[], Counter] = counter,
    ) -> None:
        self.dataset = dataset
        self.category = category
        self.slot = slot
        self.triggers = triggers or {}
        self.changed = changed
        self._rating = rating
        self._scores = scores
        self._tokens = tokens
        self._columns: dict[str, Column] = {}
        self._found: dict[Finding, AbstractSet[int]] = {}

    @cached_property
    def everything(self) -> frozenset[int]:
        """All positions."""
        return frozenset(range(len(self.dataset.images)))

    @cached_property
    def spelled(self) -> list[tuple[str, list[str]]]:
        """The keys of the tags there are, with their spellings."""
        known = self.dataset.postings
        pairs = ((name, [one for one in found if one in known]) for name, found in self.dataset.keys().items())
        return [(name, found) for name, found in pairs if found]

    @cached_property
    def names(self) -> list[str]:
        """The keys alone, in the same order."""
        return [name for name, _ in self.spelled]

    @cached_property
    def odd(self) -> list[tuple[str, str]]:
        """Keys with those spellings that are not the key itself."""
        return [(name, one) for name, found in self.spelled for one in found if one != name]

    @cached_property
    def frequencies(self) -> list[int]:
        """In how many images each of `names` stands."""
        return [len(self.carrying([name])) for name in self.names]

    @cached_property
    def folders(self) -> dict[str, set[int]]:
        """Positions by the folder of the image."""
        found: dict[str, set[int]] = {}
        for position, image in enumerate(self.dataset.images):
            found.setdefault(image.folder, set()).add(position)
        return found

    @cached_property
    def files(self) -> list[str]:
        """Names of the images in lower case."""
        return [image.name.lower() for image in self.dataset.images]

    @cached_property
    def paths(self) -> list[str]:
        """Paths of the images in lower case."""
        return [image.path.lower() for image in self.dataset.images]

    @cached_property
    def uncaptioned(self) -> frozenset[int]:
        """Positions without a tag, and without a caption that cannot be read."""
        return frozenset(self.dataset.uncaptioned())

    @cached_property
    def _by_key(self) -> dict[str, list[str]]:
        return dict(self.spelled)

    @cached_property
    def lines(self) -> list[str]:
        """First lines; "" where there is none."""
        return [_first_line(raw) for raw in self.dataset.raw]

    @cached_property
    def captions(self) -> list[str]:
        """First lines in lower case, with blanks for `_`."""
        return [line.lower().replace("_", " ") for line in self.lines]

    @cached_property
    def ratings(self) -> list[str | None]:
        """The rating of each position."""
        return list(map(self._rating, range(len(self.dataset.images))))

    @cached_property
    def doubled(self) -> frozenset[int]:
        """Positions of captions that hold a tag twice, in whatever spelling."""
        keys = {name: tag for tag, found in self.spelled for name in found}
        return frozenset(
            position
            for position, tags in enumerate(self.dataset.tags)
            if len(set(map(keys.__getitem__, tags))) < len(tags)
        )

    def found(self, term: "Finding") -> AbstractSet[int]:
        """What a term finds. The newest answers are kept: of an expression that is being typed one term is new."""
        known = self._found.pop(term, None)
        if known is None:
            known = term.find(self)
        self._found[term] = known
        if len(self._found) > _KEPT:
            self._found.pop(next(iter(self._found)), None)
        return known

    def carrying(self, keys: Iterable[str]) -> AbstractSet[int]:
        """Positions that carry one of the tags, given by their keys."""
        postings, by_key = self.dataset.postings, self._by_key
        where = [postings[one] for name in keys for one in by_key.get(name, ())]
        if len(where) < 2:
            return where[0] if where else frozenset()
        # The frequent ones first: often they are in every image, and the thousand rare ones add nothing.
        where.sort(key=len, reverse=True)
        found = set(where[0])
        for each in where[1:]:
            if len(found) == self._tagged:
                break
            found |= each
        return found

    @cached_property
    def _tagged(self) -> int:
        return sum(map(bool, self.dataset.tags))

    def column(self, name: str) -> Column:
        """A number of each caption or image: count, tokens, chars, lines, width, height."""
        if name not in self._columns:
            match name:
                case "count" | "tags":
                    self._columns[name] = list(map(len, self.dataset.tags))
                case "tokens":
                    self._columns[name] = self._tokens().captions(self.dataset.tags)
                case "chars":
                    self._columns[name] = list(map(len, self.lines))
                case "lines":
                    self._columns[name] = list(map(_lines, self.dataset.raw))
                case _:
                    root = self.dataset.root
                    sizes = [size(root / image.path) for image in self.dataset.images]
                    self._columns["width"] = [found and found[0] for found in sizes]
                    self._columns["height"] = [found and found[1] for found in sizes]
        return self._columns[name]

    def scores(self, tag: str = "") -> tuple[Column, Column]:
        """The lowest and the highest probability of each caption's tags, or that of one tag where it stands.

        Args:
            tag: by its key; "" for all of the caption.
        """
        low, high = f"low {tag}", f"high {tag}"
        if low not in self._columns:
            lows: list[float | None] = []
            highs: list[float | None] = []
            for position, tags in enumerate(self.dataset.tags):
                known = self._scores(position) if tags else {}
                values = [known[name] for name in map(key, tags) if name in known and (not tag or name == tag)]
                lows.append(min(values, default=None))
                highs.append(max(values, default=None))
            self._columns[low], self._columns[high] = lows, highs
        return self._columns[low], self._columns[high]


def _first_line(raw: bytes | None) -> str:
    if not raw:
        return ""
    line = raw.partition(b"\n")[0].partition(b"\r")[0]
    return line.decode("utf-8", "replace").removeprefix("\ufeff").strip()


def _lines(raw: bytes | None) -> int:
    """Lines with something on them."""
    if not raw:
        return 0
    return sum(1 for line in raw.replace(b"\r", b"\n").split(b"\n") if line.strip())
