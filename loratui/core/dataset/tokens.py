"""How many of the text encoder's tokens a caption takes: an estimate, as the vocabulary is not at hand."""

import re

_WORD = re.compile(r"[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]+")


def estimate(text: str) -> int:
    """Tokens of `text` for CLIP, about: a common word is one, each further six letters of a long one another."""
    return sum(1 + (len(word) - 1) // 8 if word.isalpha() else 1 for word in _WORD.findall(text))
