"""The rows of the filters panel: what each filter is set to, how a key changes it, and how it is typed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from loratui.core.boards.choosing.wishes import Wishes
from loratui.core.boards.choosing.without import SETS
from loratui.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Row:
    """One filter.

    Attributes:
        label: its name.
        reason: what posts that it leaves out are counted under.
        shown: what it is set to; "" where it is off.
        step: sets it higher (1) or lower (-1).
        off: sets it to what lets everything through.
        typed: sets it to what a person typed; None where there is nothing to type. Raises UsageError or ValueError.
        help: what it means, where the label does not say.
    """

    label: str
    reason: str
    shown: Callable[[Wishes], str]
    step: Callable[[Wishes, int], Wishes]
    off: Callable[[Wishes], Wishes]
    typed: Callable[[Wishes, str], Wishes] | None = None
    help: str = ""


def _field(
    label: str,
    reason: str,
    name: str,
    values: Sequence[object],
    show: Callable[..., str],
    read: Callable[[str], object],
    help: str = "",  # noqa: A002
) -> Row:
    """A filter over one field of the wishes; the first of `values` is off."""

    def step(wishes: Wishes, steps: int) -> Wishes:
        now = getattr(wishes, name)
        index = values.index(now) + steps if now in values else _nearest(values, now)
        return _with(wishes, name, values[max(0, min(index, len(values) - 1))])

    def shown(wishes: Wishes) -> str:
        value = getattr(wishes, name)
        return "" if value == values[0] else show(value)

    return Row(
        label,
        reason,
        shown,
        step,
        lambda wishes: _with(wishes, name, values[0]),
        lambda wishes, text: _with(wishes, name, read(text) if text.strip() else values[0]),
        help,
    )


def _nearest(values: Sequence[object], typed: object) -> int:
    """Which of the values a typed one goes on to: the nearest number, or the first that is not off."""
    if not isinstance(typed, int | float):
        return 1
    return min(range(1, len(values)), key=lambda at: abs(float(str(values[at])) - typed))


def _switch(label: str, reason: str, name: str, on: bool, word: str, help: str = "") -> Row:  # noqa: A002
    """A filter that is on or off; `on` is the field's value where it is."""
    return Row(
        label,
        reason,
        lambda wishes: word if getattr(wishes, name) is on else "",
        lambda wishes, steps: _with(wishes, name, not getattr(wishes, name)),
        lambda wishes: _with(wishes, name, not on),
        None,
        help,
    )


def _set(name: str, help: str) -> Row:  # noqa: A002
    """One of the sets of tags that are left out by choice."""

    def toggled(wishes: Wishes, steps: int = 1) -> Wishes:
        there = name in wishes.without
        rest = tuple(word for word in wishes.without if word != name)
        return replace(wishes, without=rest if there else (*rest, name))

    return Row(
        f"no {name}",
        f"without {name}",
        lambda wishes: "left out" if name in wishes.without else "",
        toggled,
        lambda wishes: toggled(wishes) if name in wishes.without else wishes,
        None,
        help,
    )


def _own_words(wishes: Wishes) -> tuple[str, ...]:
    return tuple(word for word in wishes.without if word not in SETS)


def _with_own(wishes: Wishes, text: str) -> Wishes:
    words = tuple(dict.fromkeys(re.split(r"[,\s]+", text.strip()))) if text.strip() else ()
    return replace(wishes, without=(*(word for word in wishes.without if word in SETS), *words))


def _with(wishes: Wishes, name: str, value: object) -> Wishes:
    return replace(wishes, **{name: value})  # type: ignore[arg-type]


def _pixels(text: str) -> int:
    number = text.strip().lower().removesuffix("px").replace(",", "").strip()
    if not number.isdigit():
        raise UsageError(f"{text.strip()[:40]} is no number of pixels.", "Type a whole number, such as 768.")
    return int(number)


def _number(text: str) -> float:
    try:
        return float(text.strip().lower().removesuffix("mp").replace(",", "."))
    except ValueError:
        raise UsageError(f"{text.strip()[:40]} is no number.", "Type such as 0.6.") from None


def _share(text: str) -> float:
    number = _number(text.strip().removesuffix("%"))
    return number / 100 if "%" in text or number >= 1 else number


def _score(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise UsageError(f"{text.strip()[:40]} is no score.", "Type a whole number, such as 10.") from None


ROWS: Final[tuple[Row, ...]] = (
    _field("min side", "small", "min_side", (0, 512, 640, 768, 832, 1024, 1216, 1536, 2048), "≥ {} px".format, _pixels),
    _field(
        "min megapixels",
        "few pixels",
        "min_mpixels",
        (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0),
        "≥ {:g}".format,
        _number,
    ),
    _field(
        "max megapixels",
        "many pixels",
        "max_mpixels",
        (0.0, 40.0, 25.0, 16.0, 12.0, 8.0, 4.0),
        "≤ {:g}".format,
        _number,
    ),
    _field(
        "max crop",
        "crop",
        "max_crop",
        (None, 0.3, 0.2, 0.15, 0.1, 0.05),
        "≤ {:.0%}".format,
        _share,
        "the share that its nearest bucket cuts off",
    ),
    _field("min score", "score", "min_score", (None, 0, 5, 10, 20, 50, 100, 200), "≥ {}".format, _score),
    _field(
        "newer than",
        "too old",
        "newer",
        ("", "5y", "2y", "1y", "6m", "30d", "7d"),
        "{}".format,
        str.strip,
        "a date or an age",
    ),
    _field(
        "older than",
        "too new",
        "older",
        ("", "1d", "7d", "30d", "6m", "1y", "2y"),
        "{}".format,
        str.strip,
        "a date or an age",
    ),
    _switch("stills only", "animated", "animated", False, "yes", "no pictures that move; films never come"),
    _switch("one of a family", "family", "one_of_family", True, "yes", "of a parent and its children the first listed"),
    *(_set(name, meaning) for name, (meaning, _) in SETS.items()),
    Row(
        "no other tags",
        "",
        lambda wishes: " ".join(_own_words(wishes)),
        lambda wishes, steps: wishes,
        lambda wishes: _with_own(wishes, ""),
        _with_own,
        "tags to leave out, parted by spaces; * stands for anything",
    ),
    _field(
        "file",
        "",
        "variant_side",
        (0, 512, 768, 1024, 1216, 1536),
        "smallest ≥ {} px".format,
        _pixels,
        "the smallest file with both sides that long, else the original",
    ),
)
"""From top to bottom."""
