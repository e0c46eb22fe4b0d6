"""Width and height of images, from their headers, as they are seen: after EXIF rotation."""

from pathlib import Path

_known: dict[tuple[str, int, int], tuple[int, int] | None] = {}


def size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels; None where the header cannot be read. Kept by path, size and time of change."""
    from loratui.core import pictures

    try:
        found = path.stat()
    except OSError:
        return None
    identity = (str(path), found.st_size, found.st_mtime_ns)
    if identity in _known:
        return _known[identity]
    answer: tuple[int, int] | None
    try:
        with pictures.opened(path, limit=None) as image:
            width, height = image.size
            answer = (height, width) if pictures.orientation(image) >= 5 else (width, height)
    except pictures.PictureError:
        answer = None
    if len(_known) > 200_000:
        _known.clear()
    _known[identity] = answer
    return answer
