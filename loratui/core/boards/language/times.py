"""Dates and ages as a person writes them."""

import re
from datetime import UTC, datetime, timedelta

from loratui.core.errors import UsageError

_AGE = re.compile(
    r"(?P<number>\d{1,6}(?:\.\d+)?)\s*(?P<unit>s|mi|h|d|w|mo|m|y|seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
)
_SECONDS = {"s": 1.0, "mi": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "m": 2629800.0, "y": 31557600.0}
_DATE = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d\d?)(?:-(?P<day>\d\d?))?)?")


def age(text: str) -> float:
    """`30d`, `2w`, `6mo` (or `6m`), `1y`, `2 weeks` in seconds.

    Raises:
        ValueError: it is no age.
    """
    read = _AGE.fullmatch(text.strip().lower())
    if read is None:
        raise ValueError(text)
    unit = read["unit"]
    return float(read["number"]) * _SECONDS["mi" if unit.startswith("mi") else unit[0]]


def date(text: str) -> tuple[float, float]:
    """The first second of `2024`, `2024-05` or `2024-05-01`, and the first one after it, since 1970 in UTC.

    Raises:
        ValueError: it is no date.
    """
    read = _DATE.fullmatch(text.strip())
    if read is None:
        raise ValueError(text)
    year, month = int(read["year"]), int(read["month"] or 1)
    start = datetime(year, month, int(read["day"] or 1), tzinfo=UTC)
    if read["day"]:
        end = start + timedelta(days=1)
    elif read["month"]:
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    else:
        end = datetime(year + 1, 1, 1, tzinfo=UTC)
    return start.timestamp(), end.timestamp()


def seconds(created: str) -> float | None:
    """`Post.created` since 1970; None where it is unknown."""
    return datetime.fromisoformat(created).timestamp() if created else None


def moment(text: str, option: str) -> str:
    """A date, or an age counted from now, as RFC 3339 in UTC; "" for "".

    Args:
        option: what to call it in an error.

    Raises:
        UsageError: it is neither.
    """
    if not text.strip():
        return ""
    try:
        if _AGE.fullmatch(text.strip().lower()):
            found = datetime.now(UTC) - timedelta(seconds=age(text))
        else:
            found = datetime.fromtimestamp(date(text)[0], UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text} is neither a date nor an age.", "Write it as 2024-05-01, 2024, 30d, 2w, 6mo or 1y."
        ) from None
    return f"{found:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")
