"""A board's tags as the caption a trainer reads."""

from loratui.core import sanitize
from loratui.core.boards.post import Post
from loratui.core.dataset.caption import KAOMOJI, Caption, as_tag

CAPTION_CATEGORIES = ("character", "species", "general")
"""In this order. Artist, copyright and housekeeping say nothing that can be seen in the picture."""


def training_form(tag: str) -> str:
    """`purple_hair` as `purple hair`; faces such as `^_^` keep their line. "" for what would only be syntax: `|||`."""
    tag = as_tag(sanitize.line(tag))
    return tag if tag in KAOMOJI else tag.replace("_", " ").strip()


def caption(post: Post) -> bytes:
    """The caption file of a post; empty where it has no tag of `CAPTION_CATEGORIES`."""
    tags = [training_form(tag) for category in CAPTION_CATEGORIES for tag in post.tags.get(category, ())]
    return Caption.of(dict.fromkeys(tag for tag in tags if tag)).to_bytes()
