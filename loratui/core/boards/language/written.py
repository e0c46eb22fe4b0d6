"""Metatags of numbers and times, written so that a site understands them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from loratui.core.boards.language.terms import Span, Term, spans


def ranged(word: str, term: Term, *, lists: bool, once: bool, negates: bool) -> list[str] | None:
    """`term` as one or two words for the site; None where its language has no words for it.

    Args:
        word: the site's name of the metatag.
        lists: `a..b` and `1,2,3` are understood; if not, a range is written as its two bounds.
        once: the site heeds only one metatag of a name.
        negates: the site understands `-` before it; if not, the opposite range is written.

    Raises:
        UsageError: the value is no number, range, age or date.
    """
    ranges = spans(term)
    if term.key == "age" or (lists and term.key != "date" and (negates or not term.negated)):
        if term.negated and not negates:
            return None
        return [f"{'-' if term.negated else ''}{word}:{_months(term.value) if term.key == 'age' else term.value}"]
    if len(ranges) > 1:
        return None
    wanted: Span | None = ranges[0]
    sign = ""
    if term.negated:
        if negates and (term.key == "date" or lists):
            sign = "-"
        else:
            wanted = _opposite(ranges[0])
    if wanted is None:
        return None
    bounds = _days(wanted) if term.key == "date" else _bounds(wanted)
    if len(bounds) == 2 and (lists or once or sign):
        low, high = (bound.lstrip("<>=") for bound in bounds)
        bounds = [f"{low}..{high}"] if lists else []
    return [f"{sign}{word}:{bound}" for bound in bounds] or None


def narrowed(terms: Sequence[str], below: int) -> list[str]:
    """`terms` for ids under `below`, as one `id:` for sites that heed only one of a name."""
    lowest = 0
    for text in terms:
        if text.startswith("id:"):
            found = spans(Term(text, False, False, "id", text.removeprefix("id:")))
            lows = [int(span.low or 0) + span.low_open for span in found]
            lowest = max(lowest, min(lows))
    rest = [text for text in terms if not text.startswith("id:")]
    return [*rest, f"id:{lowest}..{below - 1}" if lowest else f"id:<{below}"]


def _opposite(span: Span) -> Span | None:
    """What `span` leaves out, where that is one range."""
    if span.low is None and span.high is not None:
        return Span(low=span.high, low_open=not span.high_open)
    if span.high is None and span.low is not None:
        return Span(high=span.low, high_open=not span.low_open)
    return None


def _bounds(span: Span) -> list[str]:
    if span.low is not None and span.low == span.high:
        return [f"{span.low:.12g}"]
    bounds = []
    if span.low is not None:
        bounds.append(f">{'' if span.low_open else '='}{span.low:.12g}")
    if span.high is not None:
        bounds.append(f"<{'' if span.high_open else '='}{span.high:.12g}")
    return bounds


def _days(span: Span) -> list[str]:
    """Bounds in whole days, both of them inside: that much all sites with a `date:` understand."""
    bounds = []
    if span.low is not None:
        bounds.append(f">={_day(span.low)}")
    if span.high is not None:
        bounds.append(f"<={_day(span.high - 1 if span.high_open else span.high)}")
    return bounds


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _months(value: str) -> str:
    """`6m` is six months here, and nothing there."""
    return re.sub(r"(?<=\d)m(?=$|\.\.|,)", "mo", value.lower())
