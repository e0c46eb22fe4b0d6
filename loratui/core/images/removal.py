"""Taking images away: each with what belongs to it, unless another image still needs that."""

from collections.abc import Mapping
from pathlib import Path

from loratui.core.changes import Remove
from loratui.core.dataset.folder import belongings, beside, stem_of


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
