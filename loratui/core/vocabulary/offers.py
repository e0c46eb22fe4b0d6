"""What a completer offers for the word under the caret, and what a completer is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One tag, or one word of a query language.

    Attributes:
        tag: as it is written where it is to go: with underscores in a query, with spaces in a caption. What ends with
            a colon is to be gone on with.
        category: artist, copyright, character, species, general, meta, rating; "" if unknown.
        count: its posts, or its images in a dataset; None if unknown.
        alias: another name of it that fits what was typed; "" if its own does.
    """

    tag: str
    category: str = ""
    count: int | None = None
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """What may take the place of a part of the line.

    Attributes:
        start: where the part begins: the word under the caret, without a sign before it.
        end: one past its last character.
        suggestions: the best first.
        after: what divides words: follows a suggestion that is taken at the end of the line.
    """

    start: int
    end: int
    suggestions: tuple[Suggestion, ...] = ()
    after: str = " "


class Completing(Protocol):
    """Completes a line a person types into."""

    def offers(self, text: str, caret: int) -> Offers:
        """What is known now for the word under the caret. From memory alone: it is called for every key."""

    def ask(self, text: str, caret: int, heard: Callable[[], object]) -> None:
        """Has slower sources look for the same word; returns at once. The newest word wins.

        Args:
            text: the line.
            caret: where the caret stands.
            heard: called from another thread when `offers` has more to say; not called otherwise.
        """


def fold(tag: str) -> str:
    """The form in which two writings of a tag are the same: `Long hair` and `long_hair`."""
    return tag.translate(_FOLD)


FOLD_BYTES = bytes(range(256)).translate(
    bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ ", b"abcdefghijklmnopqrstuvwxyz_")
)
"""`fold` for UTF-8, as a table for `bytes.translate`. Other alphabets keep their capitals."""

_FOLD = {code: FOLD_BYTES[code] for code in range(128) if FOLD_BYTES[code] != code}
