"""Foreign strings (tags, file names, answers of servers, log lines) made safe to show and to name files by."""

import re
import unicodedata

# CSI, OSC/DCS/APC/PM/SOS strings and two-byte escapes: removed whole, so that their parameters do not stay as text.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[P\]X^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_BIDI = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])
_UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def line(text: str, limit: int = 4096) -> str:
    """`text` as one printable line: no escape sequence, control or bidirectional character, at most `limit` characters.

    Line breaks and tabs become one space each. Safe to hand to a terminal as plain text (not as markup).
    """
    if text.isascii() and text.isprintable():
        return text[:limit]
    text = _ESCAPES.sub("", text[: limit * 4]).translate(_BIDI)
    kept = (
        " " if char in "\t\n\r\v\f\x85\u2028\u2029" else char
        for char in text
        if char in "\t\n\r\v\f\x85\u2028\u2029" or unicodedata.category(char) not in ("Cc", "Cs", "Co")
    )
    return "".join(kept)[:limit]


def lines(text: str, limit: int = 200_000) -> str:
    """Like `line`, but keeps line feeds."""
    return "\n".join(line(part) for part in text[:limit].replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def file_name(text: str, limit: int = 120) -> str:
    """A file name made of `text` that stays in its folder and is legal on every file system.

    Args:
        text: anything at all.
        limit: the most UTF-8 bytes of the result.

    Returns:
        a name without separators, control characters, leading dots, dashes or spaces; `unnamed` if nothing is left.
    """
    name = _UNSAFE_IN_NAMES.sub("_", line(unicodedata.normalize("NFC", text))).strip(" .-")
    while len(name.encode("utf-8", "replace")) > limit:
        name = name[:-1]
    name = name.strip(" .-")
    return f"_{name}" if _RESERVED.match(name) else name or "unnamed"


def secret(text: str) -> str:
    """`text` with the values of keys, passwords and tokens in it blanked: for logs, URLs shown and error messages."""
    text = re.sub(
        r"(?i)\b(api_?key|user_?id|login|password|passwd|token|authorization)(\s*[=:]\s*)[^&\s\"',;]+", r"\1\2***", text
    )
    text = re.sub(r"(?i)([?&]key=)[^&\s\"',;]+", r"\1***", text)
    return re.sub(r"(?i)(://)[^/@\s]+@", r"\1***@", text)
