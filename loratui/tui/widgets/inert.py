"""Foreign text in a widget: nothing in it moves the cursor, changes the terminal or reorders the line."""

import re

from textual.content import Content

# What would move the terminal's cursor, change its state or reorder the line, if it came in a name nobody cleaned.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def inert(content: Content) -> Content:
    """`content` with every control and bidirectional character replaced by a dot, cell for cell."""
    if content.plain.isprintable():
        return content
    return Content(_UNSAFE.sub("·", content.plain), list(content.spans), strip_control_codes=False)
