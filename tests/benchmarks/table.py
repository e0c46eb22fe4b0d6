"""The rows of the table, and how they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Args:
        figure: what was measured.
        value: the result.
        unit: of `value`, `peer` and `limit` (without a peer).
        limit: the most it may be; with a peer, the greatest ratio to it; None: for information.
        peer: the same of what it is compared with; None: none.
        against: what the peer is.
    """

    figure: str
    value: float
    unit: str
    limit: float | None = None
    peer: float | None = None
    against: str = ""

    @property
    def ratio(self) -> float | None:
        """`value` ÷ `peer`."""
        return self.value / self.peer if self.peer else None

    @property
    def passed(self) -> bool:
        """Whether the figure keeps its limit."""
        measured = self.ratio if self.peer is not None else self.value
        return self.limit is None or (measured is not None and measured <= self.limit)


def table(rows: Sequence[Row]) -> str:
    """`rows` as text: figure, value, peer or limit, ratio, pass."""
    lines = [f"{'figure':52} {'value':>14} {'peer or limit':>36} {'ratio':>16}  pass", "─" * 126]
    for row in rows:
        value = f"{_short(row.value)} {row.unit}"
        if row.peer is not None:
            other = f"{row.against} {_short(row.peer)} {row.unit}"
            ratio = f"{row.ratio:.2f}" + (f" (≤ {row.limit:g})" if row.limit is not None else "")
        else:
            other = f"≤ {_short(row.limit)} {row.unit}" if row.limit is not None else ""
            ratio = f"{row.value / row.limit:.2f}" if row.limit else ""
        verdict = "" if row.limit is None else "yes" if row.passed else "NO"
        lines.append(f"{row.figure:52} {value:>14} {other:>36} {ratio:>16}  {verdict}")
    return "\n".join(lines)


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
