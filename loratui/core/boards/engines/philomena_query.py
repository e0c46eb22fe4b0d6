"""A query in Philomena's language: comma for and, `||` for or, tags with spaces, `score.gte:100`, quotes."""

import re
from collections.abc import Sequence

_FIELDS = frozenset(
    [
        "id",
        "width",
        "height",
        "score",
        "upvotes",
        "downvotes",
        "faves",
        "tag_count",
        "comment_count",
        "pixels",
        "size",
        "aspect_ratio",
        "wilson_score",
        "duration",
        "created_at",
        "updated_at",
        "first_seen_at",
        "faved_by",
        "uploader",
        "source_url",
        "original_format",
        "sha512_hash",
        "orig_sha512_hash",
        "mime_type",
        "animated",
        "my",
        "gallery_id",
        "description",
    ]
)
"""What stands before a colon and is no part of a tag."""

_UNDERSCORED = ("artist:", "colorist:", "commissioner:", "editor:", "oc:", "photographer:")
"""Names after these may hold underscores of their own: in all other tags the site takes one for a space."""

_SIGNS = (("..", ""), (">=", ".gte"), ("<=", ".lte"), (">", ".gt"), ("<", ".lt"))
_AND, _OR = ("and", "AND", "&&"), ("or", "OR", "||", "~")
_PLAIN = re.compile(r"[^\W_](?:[\w .:;'/+-]*[\w.;'/+-])?")
_WORDS = re.compile(r"(?:^|\s)(?:AND|OR|NOT)(?=\s|$)")


def written(terms: Sequence[str]) -> str:
    """`terms` as the parameter `q`; `*`, which is everything, where there are none."""
    text, open_ = "", True  # open_: what follows needs no sign before it
    for word in " ".join(terms).split():
        if word in _OR:
            text, open_ = f"{text} || ", True
        elif word in _AND:
            text, open_ = f"{text}, ", True
        elif word == ")":
            text, open_ = f"{text})", False
        else:
            opens = word in ("(", "-(")
            text += ("" if open_ else ", ") + (word if opens else _term(word))
            open_ = opens
    return text or "*"


def _term(word: str) -> str:
    sign = "-" if len(word) > 1 and word[0] == "-" else ""
    word = word.removeprefix("-") if sign else word
    field, _, value = word.partition(":")
    if value and field in _FIELDS:
        return sign + _compared(field, value)
    if word.startswith(_UNDERSCORED) and "_" in word:
        return f"{sign}({tag(word)} || {tag(word.replace('_', ' '))})"
    return sign + tag(word.replace("_", " "))


def _compared(field: str, value: str) -> str:
    low, dots, high = value.partition("..")
    if dots:
        bounds = [*([f"{field}.gte:{low}"] if low else []), *([f"{field}.lte:{high}"] if high else [])]
        return f"({', '.join(bounds)})"
    for sign, comparison in _SIGNS:
        if value.startswith(sign):
            return f"{field}{comparison}:{value.removeprefix(sign)}"
    return _quoted(f"{field}:{value}")


def tag(name: str) -> str:
    """The tag `name`, written so that the site takes it for nothing else; only `*` keeps its meaning."""
    return _quoted(re.sub(r"([\\?~])", r"\\\1", name))


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _WORDS.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
