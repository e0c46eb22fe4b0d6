"""The smaller pictures that boards make of an original, as `Post.variants`."""

from loratui.core.boards import decode
from loratui.core.boards.post import STILLS, Variant

Made = tuple[str | None, int | None, int | None, int | None]
"""Address, width, height, bytes; whatever is unknown is None."""


def variants(base: str, original: str, *made: Made) -> tuple[Variant, ...]:
    """Those of `made` that are still pictures of known size, the smallest first.

    Args:
        base: the board's address, for relative ones.
        original: its address: where boards have made nothing smaller, they give that for the sample too.
    """
    found = {}
    for url, width, height, size in made:
        address = decode.address(url, base)
        ext = decode.extension(address)
        if address and address != original and width and height and ext in STILLS:
            found[address] = Variant(address, width, height, ext, size or None)
    return tuple(sorted(found.values(), key=lambda variant: variant.width * variant.height))


def within(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """The size of a picture after it was made to fit into a box; it is never made larger."""
    if not width or not height:
        return 0, 0
    scale = min(1.0, box_width / width, box_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
