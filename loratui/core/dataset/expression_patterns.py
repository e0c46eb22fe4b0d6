"""Wildcards and regular expressions over many texts, in bounded time.

Python's matcher cannot be stopped, and `(a+)+b` takes it years. Patterns that are cheap by their form are tried here;
all others in a process of their own, which is ended when its time is up.
"""

import re
import sys
import warnings
from collections.abc import Sequence
from fnmatch import translate

_SECONDS = 2.0
_STEPS = 200_000_000
"""Steps of the matcher that are a second's work or less."""

# What may backtrack without end: a repeated group, a reference back, one group that looks around.
_RISKY = re.compile(r"\)\s*[*+{]|\\[1-9]|\(\?(?!:)")
_REPEATS = re.compile(r"(?<!\\)[*+{]")
_CHILD = """\
import json, re, sys
pattern, texts = json.load(sys.stdin)
found = re.compile(pattern, re.IGNORECASE).search
json.dump([at for at, text in enumerate(texts) if found(text)], sys.stdout)
"""


class TooLong(Exception):
    """A regular expression that takes too much time."""


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression, in which case does not matter.

    Raises:
        ValueError: it is none; with the reason.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what future versions may read otherwise: `[[`
        try:
            return re.compile(pattern, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(str(error) or "it is too deep") from error


def wildcards(pattern: str) -> re.Pattern[str]:
    """`*`, `?` and `[abc]` as a regular expression for whole texts, in which case does not matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(translate(pattern), re.IGNORECASE)


def searched(pattern: re.Pattern[str], texts: Sequence[str]) -> list[int]:
    """Places of the texts in which the pattern is found.

    Raises:
        TooLong: it takes more than two seconds.
    """
    if _cheap(pattern.pattern, texts):
        found = pattern.search
        return [at for at, text in enumerate(texts) if found(text)]
    import json
    import subprocess

    try:
        child = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", _CHILD],
            input=json.dumps([pattern.pattern, list(texts)]).encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise TooLong from error
    return [int(at) for at in json.loads(child.stdout)]


def _cheap(pattern: str, texts: Sequence[str]) -> bool:
    """Whether the worst that the form of a pattern allows is little work for these texts."""
    if _RISKY.search(pattern):
        return False
    degree = 1 + len(_REPEATS.findall(pattern))
    return degree <= 4 and sum(len(text) ** degree for text in texts) <= _STEPS
