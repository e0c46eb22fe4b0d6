"""Width and height of images, from their headers, as they are seen: after EXIF rotation."""

import warnings
from pathlib import Path

_SIDEWAYS = frozenset((5, 6, 7, 8))
_known: dict[tuple[str, int, int], tuple[int, int] | None] = {}


def size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels; None where the header cannot be read. Kept by path, size and time of change."""
    from PIL import Image as Pillow

    try:
        found = path.stat()
    except OSError:
        return None
    identity = (str(path), found.st_size, found.st_mtime_ns)
    if identity in _known:
        return _known[identity]
    answer: tuple[int, int] | None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Pillow.open(path) as image:
                width, height = image.size
                sideways = image.getexif().get(0x0112) in _SIDEWAYS
                answer = (height, width) if sideways else (width, height)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError, MemoryError):
        answer = None
    if len(_known) > 200_000:
        _known.clear()
    _known[identity] = answer
    return answer
