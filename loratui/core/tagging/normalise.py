"""The two written forms of a tag: `long_hair` as the boards and taggers name it, `long hair` as captions hold it.

The two are one tag. Only emoticons keep their underscore in a caption: `o o` or `> <` would be something else.
"""

# Every known emoticon tag with an underscore between its halves; no ordinary tag looks like these.
# fmt: off
KAOMOJI = frozenset([
    "0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3",
    "6_9", ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||",
])
# fmt: on
_BROKEN = {name.replace("_", " "): name for name in KAOMOJI}


def spaced(name: str) -> str:
    """The caption form of a tag: `long_hair` → `long hair`; `^_^` stays, and `^ ^` is mended."""
    if name in KAOMOJI:
        return name
    text = name.replace("_", " ")
    return _BROKEN.get(text, text)


def underscored(tag: str) -> str:
    """The name of a tag on boards and in label files: `long hair` → `long_hair`."""
    return tag.replace(" ", "_")


def key(tag: str) -> str:
    """What two spellings of one tag have in common: for looking up and comparing, never for writing."""
    return spaced(" ".join(tag.casefold().split()))
