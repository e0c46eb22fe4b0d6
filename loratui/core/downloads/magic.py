"""What a file is by its first bytes, and whether its end is there: nobody's word is taken for it."""

import os
from pathlib import Path

_TAIL = 4096
"""Bytes at the end of a file among which its end mark must be: some writers leave something behind it."""


def image_type(head: bytes) -> str:
    """The type of a picture by its first bytes (32 will do), as a file ending; "" if it is none."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "avif"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "jxl"
    return "bmp" if head.startswith(b"BM") else ""


def ended(path: Path, ext: str) -> bool:
    """Whether the end of the picture is there too, as far as its type tells; True where it does not."""
    with path.open("rb") as file:
        head = file.read(12)
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    match ext:
        case "png":
            return b"IEND" in tail
        case "jpg":
            return b"\xff\xd9" in tail
        case "gif":
            return b"\x3b" in tail
        case "webp":
            return size >= int.from_bytes(head[4:8], "little") + 8
        case "bmp":
            return size >= int.from_bytes(head[2:6], "little")
    return True
