"""Taking images away: each with its caption and side files, unless another image of the same stem still needs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loratui.core.changes import Remove
from loratui.core.dataset.folder import Image, sidecars


def removals(root: Path, taken: Mapping[str, str], images: Sequence[Image]) -> list[Remove]:
    """The operations that move images to the trash.

    Args:
        root: what the paths are relative to.
        taken: the reason by path.
        images: all images of the folders, those that stay too.
    """
    staying = {image.stem for image in images if image.path not in taken}
    operations: dict[str, Remove] = {}
    for image in images:
        reason = taken.get(image.path)
        if reason is None:
            continue
        operations[image.path] = Remove(image.path, reason)
        if image.stem not in staying:
            for side in sidecars(root, image):
                operations.setdefault(side, Remove(side, reason))
    return list(operations.values())
