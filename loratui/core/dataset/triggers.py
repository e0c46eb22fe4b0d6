"""What a trigger means already: how CLIP reads it, and which of its words the base model knows.

A trigger is to mean nothing before the training: of `penguin tag999` CLIP reads `penguin`, `tag` and three nines, and
penguins and tags come into the pictures. Only the character's own tag of the boards may be known: that one is meant.
"""

import re
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from loratui.core.dataset.caption import key
from loratui.core.dataset.records import Provenance
from loratui.core.dataset.tokens import Counter

_SHORTEST = 3  # letters of a word
_PART = re.compile(r"[^\W\d_]+|\d|[^\w\s]+|_")
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a trigger.

    Attributes:
        trigger: one tag.
        pieces: as CLIP reads it; without the tokenizer's files, its words and signs.
        words: those of its words that mean something already.
        character: the boards' tag of the character in most of the images; "" if there is none.
        exact: whether CLIP's own tokenizer was asked.
    """

    trigger: str
    pieces: tuple[str, ...]
    words: tuple[str, ...]
    character: str
    exact: bool

    @property
    def message(self) -> str:
        """What is wrong with it, as a sentence; "" for nothing."""
        if not self.words:
            return ""
        how = "is read as" if self.exact else "is made of"
        known = " and ".join(f"“{word}”" for word in self.words)
        means = "means" if len(self.words) == 1 else "mean"
        return f"The trigger “{self.trigger}” {how} {' · '.join(self.pieces)}: {known} {means} something already."

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if not self.words:
            return ""
        own = f"the character's own tag “{self.character}”, or " if self.character else ""
        return f"Use {own}letters that make no word, such as “{_invented(self.trigger)}”; or keep it, if that is meant."


def meaning(trigger: str, counter: Counter, known: Callable[[str], bool], character: str = "") -> Meaning:
    """Reads a trigger.

    Args:
        trigger: one tag.
        counter: see `tokens.counter`.
        known: whether the machine's vocabulary has a tag.
        character: see `character_of`.
    """
    clip = counter.clip
    if clip is None:
        pieces = _PART.findall(trigger)
        words = [piece for piece in pieces if _is_word(piece) and known(piece)]
    else:
        read = clip.pieces(trigger)
        pieces = [piece.strip() for piece in read]
        whole = [
            piece.strip()
            for before, piece in zip([" ", *read], read, strict=False)
            if before.endswith(" ") and piece.endswith(" ")
        ]
        words = [word for word in whole if _is_word(word) and (clip.common(word) or known(word))]
    if key(trigger) == key(character):
        words = []
    elif not words and known(trigger):
        words = [trigger]
    return Meaning(trigger, tuple(pieces), tuple(dict.fromkeys(words)), character, clip is not None)


def character_of(stems: Iterable[str], provenances: Mapping[str, Provenance]) -> str:
    """The boards' character tag that most of some images carry, as captions write it; "" if none does.

    Args:
        stems: file names of the images, without suffix.
        provenances: see `Records.provenances`.
    """
    wanted = set(stems)
    counts: Counted[str] = Counted()
    total = 0
    for origin in provenances.values():
        if f"{origin.board}_{origin.post}" in wanted:
            total += 1
            counts.update(set(origin.tags.get("character", ())))
    tag, number = counts.most_common(1)[0] if counts else ("", 0)
    return tag.replace("_", " ") if tag and number >= _SHARE * total else ""


def meanings(
    subsets: Iterable[tuple[Sequence[str], Sequence[str]]],
    counter: Counter,
    known: Callable[[str], bool],
    provenances: Mapping[str, Provenance],
) -> list[Meaning]:
    """Reads the triggers of subsets, each once.

    Args:
        subsets: trigger tags, and file names of the images without suffix.
        counter, known: see `meaning`.
        provenances: see `Records.provenances`.
    """
    found: dict[str, Meaning] = {}
    for triggers, stems in subsets:
        character = character_of(stems, provenances) if triggers else ""
        for trigger in triggers:
            found.setdefault(key(trigger), meaning(trigger, counter, known, character))
    return list(found.values())


def _is_word(piece: str) -> bool:
    return len(piece) >= _SHORTEST and piece.isalpha()


def _invented(trigger: str) -> str:
    """A trigger without its vowels, which is seldom a word."""
    letters = re.sub(r"[^a-z]", "", trigger.lower())
    bare = letters[:1] + re.sub(r"[aeiou]", "", letters[1:])
    return f"{(bare or 'x')[:5]}0"
