"""The known name a person probably meant."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], within: int = 2) -> str | None:
    """The known name with the smallest edit distance to `word`, if it is at most `within`."""
    best, found = within + 1, None
    for name in known:
        if abs(len(name) - len(word)) < best:
            distance = _distance(word, name, best)
            if distance < best:
                best, found = distance, name
    return found


def _distance(left: str, right: str, limit: int) -> int:
    """Edit distance where two swapped neighbours count once; `limit` where it is at least that."""
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, char in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            cost = min(above[column] + 1, current[-1] + 1, above[column - 1] + (char != other))
            if row > 1 and column > 1 and char == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) >= limit:
            return limit
        before, above = above, current
    return above[-1]
