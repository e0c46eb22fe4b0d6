"""Tags an expression names and no caption has: mostly a slip, of which `not` would say nothing."""

from collections.abc import Iterator

from loratui.core.dataset.caption import key
from loratui.core.dataset.expression import Expression
from loratui.core.dataset.expression_facts import Facts
from loratui.core.dataset.expression_terms import Tag, Words
from loratui.core.nearest import nearest
from loratui.core.sanitize import line


def unknown(expression: Expression, facts: Facts) -> str:
    """What to say of the first tag that no caption has, with the one that was probably meant; "" where all are there.

    Args:
        expression: as parsed.
        facts: of the dataset it is asked of.
    """
    missing = next((tag for tag in _plain(expression, facts) if not facts.dataset.spellings(tag)), None)
    if missing is None:
        return ""
    meant = nearest(key(missing), facts.names)
    return f"No caption has {line(missing)!r}" + (f"; did you mean {line(meant)!r}?" if meant else ".")


def _plain(expression: Expression, facts: Facts) -> Iterator[str]:
    """The tags that are named as such, in their order."""
    for term in expression.program:
        if isinstance(term, Tag):
            yield term.tag
        elif isinstance(term, Words):
            yield from term.tags(facts)
