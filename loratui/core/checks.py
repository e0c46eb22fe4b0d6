"""One finding of a check: what preflight, doctor and check-images all return."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "block"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        id: short and stable, such as `base-model`; scripts and tests hold on to it.
        level: `ok`; `warn`, worth reading; `block`, the act would fail or waste hours.
        message: one sentence with the thing in it.
        remedy: what to do about it; "" for `ok`.
        fix: the loratui command that mends it, "" where there is none.
    """

    id: str
    level: Level
    message: str
    remedy: str = ""
    fix: str = ""


def blocked(checks: list[Check]) -> bool:
    """Whether any of them blocks."""
    return any(check.level == "block" for check in checks)
