"""Taking images away: each with what belongs to it, unless another image still needs that."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from loratui.core.changes import Plan, Remove
from loratui.core.dataset.folder import Image, belongings, beside, stem_of


def removals(root: Path, taken: Mapping[str, str]) -> list[Remove]:
    """The operations that move images to the trash.

    Args:
        root: what the paths are relative to.
        taken: the reason by path.
    """
    reasons: dict[str, str] = {}
    for path, reason in taken.items():
        reasons.setdefault(stem_of(path), reason)
    sides = belongings(beside(root, taken), taken).along
    return [
        *(Remove(path, reason) for path, reason in taken.items()),
        *(Remove(side, reasons[stem]) for stem, paths in sides.items() for side in paths),
    ]


def removal(
    root: Path,
    taken: Iterable[str],
    reason: str,
    title: str,
    seen: Iterable[Image],
    *,
    verb: str = "review",
    command: str = "",
) -> Plan:
    """The plan that moves images to the trash.

    Args:
        root: what the paths are relative to.
        taken: paths of the images.
        reason: why, for all of them.
        title: for the history.
        seen: the images the decision rests on, as they were looked at: those taken, and those kept in their place.
        verb, command: see `Plan`.
    """
    reasons = dict.fromkeys(taken, reason)
    counts = {"moved": len(reasons)}
    stamps = {image.path: image.stamp for image in seen}
    return Plan(verb, title, tuple(removals(root, reasons)), counts, command, stamps)
