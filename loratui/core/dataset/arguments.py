"""What a person gives as a tag or as text of a caption: taken as it is meant, or refused with what to do."""

import unicodedata

from loratui.core.dataset.caption import Caption
from loratui.core.errors import UsageError


def tag_argument(text: str) -> str:
    """`text` as one tag, without the blanks around it.

    Raises:
        UsageError: it is empty, several tags, or what no caption can hold.
    """
    tag = text_argument(text).strip()
    if not tag:
        raise UsageError("A tag is empty.", "Name it, or leave it out.")
    tags = Caption.of([tag]).tags
    if tags == [tag]:
        return tag
    if "|||" in tag:
        raise UsageError(
            f"{tag!r} is no tag: ||| parts the fixed tags from the shuffled ones.",
            "Use `loratui tags replace --text` to change it.",
        )
    raise UsageError(
        f"{tag!r} is not one tag: a comma ends it.",
        f"Give each by itself: {' '.join(repr(one) for one in tags)}." if tags else "Name the tag.",
    )


def text_argument(text: str) -> str:
    """`text`, if it can stand in the first line of a caption.

    Raises:
        UsageError: it holds a line break, a control character or what is not UTF-8.
    """
    for char in text:
        category = unicodedata.category(char)
        if category == "Cs":
            raise UsageError(f"{text!r} is not UTF-8 text.", "Type it in a terminal that is set to UTF-8.")
        if char in "\n\r" or category in ("Zl", "Zp"):
            raise UsageError(
                f"{text!r} goes over more than one line.", "A tag is part of one line; take the break out."
            )
        if category == "Cc" or char == "\ufeff":
            raise UsageError(f"{text!r} holds a control character.", "Take it out; a tag is text.")
    return text
