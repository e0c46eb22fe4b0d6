"""The two written forms of a tag: `long_hair` as the boards and taggers name it, `long hair` as captions hold it.

The two are one tag. Only emoticons keep their underscore in a caption: `o o` or `> <` would be something else.
"""

from loratui.core.dataset.caption import KAOMOJI, as_tag

_BROKEN = {name.replace("_", " "): name for name in KAOMOJI}


def spaced(name: str) -> str:
    """The caption form of a tag: `long_hair` → `long hair`; `^_^` stays, and `^ ^` is mended. "" for mere syntax."""
    if name in KAOMOJI:
        return name
    text = as_tag(name).replace("_", " ")
    return _BROKEN.get(text, text)
