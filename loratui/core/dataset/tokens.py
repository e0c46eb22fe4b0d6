"""How many of CLIP's tokens a caption takes: exactly where the tokenizer's files are on this machine, else about.

The trainer reads the first 75, 150 or 225 of them and cuts the rest. Weights `(a:1.2)`, `\\(`, `{a|b}` and `BREAK` are
text to it like any other: loratui turns on neither `weighted_captions` nor `enable_wildcard`.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from loratui.core.dataset.tokens_clip import Clip, files

_WORD = re.compile(r"[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]+")
_WHOLE = -(1 << 30)  # the cost of a tag that must be seen in its caption


class Counter:
    """Counts tokens; remembers what each tag takes.

    Args:
        clip: the tokenizer; None: the counts are estimates, on real captions of tags 4 % off in the mean and 16 % at
            the most.
    """

    def __init__(self, clip: Clip | None = None) -> None:
        self.clip = clip
        self._count = clip.count if clip else estimate
        self._inner = _Costs(self._inside)
        self._last = _Costs(lambda tag: 0 if "&" in tag else self._count(tag) - self._inner[tag])

    @property
    def exact(self) -> bool:
        """Whether the counts are the trainer's."""
        return self.clip is not None

    def text(self, text: str) -> int:
        """Tokens of a text, without those for its beginning and end."""
        return self._count(text)

    def tags(self, tags: Sequence[str]) -> int:
        """Tokens of a caption of these tags, joined as the trainer joins them."""
        if not tags:
            return 0
        number = sum(map(self._inner.__getitem__, tags)) + self._last[tags[-1]]
        return number if number >= 0 else self._count(", ".join(tags))

    def captions(self, captions: Iterable[Sequence[str]]) -> list[int]:
        """Tokens of captions."""
        return [self.tags(tags) for tags in captions]

    def shown(self, number: int) -> str:
        """A count for a person: an estimate has a `~`."""
        return f"{number:,}" if self.exact else f"~{number:,}"

    def _inside(self, tag: str) -> int:
        # Whether `&amp;` is mended depends on the rest of the caption; all else ends at a comma and its blank.
        return _WHOLE if "&" in tag else self._count(f"{tag},")


class _Costs(dict[str, int]):
    """Tokens by tag, worked out when first asked for."""

    def __init__(self, count: Callable[[str], int]) -> None:
        super().__init__()
        self._of = count

    def __missing__(self, tag: str) -> int:
        self[tag] = number = self._of(tag)
        return number


def counter(named: Path | None = None) -> Counter:
    """The counter of this machine; reading the tokenizer's files takes some hundredths of a second, once.

    They are looked for in the trainer's folder of tokenizers, in the one `LORATUI_TOKENIZERS` names, and in the hub's
    cache.

    Args:
        named: the recipe's `tokenizer_cache_dir`.
    """
    from loratui.core import hub

    shared = os.environ.get("LORATUI_TOKENIZERS")
    for file in files(named, Path(shared) if shared else None, hub.cache()):
        try:
            return _read(file, file.stat().st_mtime_ns)
        except (OSError, ValueError):
            continue
    return _estimating()


@lru_cache(maxsize=2)
def _read(file: Path, changed: int) -> Counter:
    return Counter(Clip.read(file))


@lru_cache(maxsize=1)
def _estimating() -> Counter:
    return Counter()


def estimate(text: str) -> int:
    """Tokens of `text` for CLIP, about: a word of up to seven letters is one, each further four another."""
    return sum(_about(word) for word in _WORD.findall(text))


def _about(word: str) -> int:
    if not word.isascii():
        return 2 * len(word)
    return 1 + (max(0, len(word) - 7) + 3) // 4 if word.isalpha() else 1
