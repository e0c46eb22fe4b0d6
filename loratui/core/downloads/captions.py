"""A board's tags as the caption a trainer reads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from loratui.core import sanitize
from loratui.core.boards.post import CATEGORIES, Post
from loratui.core.dataset.caption import KAOMOJI, Caption, as_tag
from loratui.core.errors import UsageError
from loratui.core.nearest import nearest

CAPTION_CATEGORIES = ("character", "species", "general")
"""In this order. Artist, copyright and housekeeping say nothing that can be seen in the picture."""

Uses = Callable[[Iterable[str]], Mapping[str, int]]
"""How often tags (in the board's writing) are used on boards, as far as that is known."""


@dataclass(frozen=True, slots=True)
class Style:
    """How captions are written from a board's tags.

    Attributes:
        categories: which, in this order.
        by_use: within a category the tags used most often come first; else the board's order stands. Tags of which
            nothing is known come last.
        underscores: tags keep theirs; else they are spaces, but for faces such as `^_^`.
        escaped: parentheses are written `\\(` and `\\)`, as web UIs want them; the trainer reads them as they stand.
    """

    categories: tuple[str, ...] = CAPTION_CATEGORIES
    by_use: bool = True
    underscores: bool = False
    escaped: bool = False

    def checked(self) -> "Style":
        """This style.

        Raises:
            UsageError: a category is unknown.
        """
        for name in self.categories:
            if name not in CATEGORIES:
                meant = nearest(name, CATEGORIES)
                known = f"Did you mean {meant!r}?" if meant else f"The categories are: {', '.join(CATEGORIES)}."
                raise UsageError(f"There is no category of tags called {name!r}.", known)
        return self

    def options(self) -> list[str]:
        """This style as words of a command line."""
        words = [] if self.categories == CAPTION_CATEGORIES else ["--categories", ",".join(self.categories)]
        words += [] if self.by_use else ["--board-order"]
        words += ["--underscores"] if self.underscores else []
        return [*words, "--escape"] if self.escaped else words


def unknown_uses(tags: Iterable[str]) -> Mapping[str, int]:
    """`Uses` where nothing is known."""
    return {}


def training_form(tag: str, style: Style | None = None) -> str:
    """`purple_hair` as `purple hair`; faces such as `^_^` keep their line. "" for what would only be syntax: `|||`."""
    style = style or Style()
    tag = as_tag(sanitize.line(tag))
    if tag not in KAOMOJI and not style.underscores:
        tag = tag.replace("_", " ").strip()
    return tag.replace("(", "\\(").replace(")", "\\)") if style.escaped and tag not in KAOMOJI else tag


def render(tags: Mapping[str, Iterable[str]], style: Style, uses: Uses = unknown_uses) -> bytes:
    """The caption of a picture with these tags by category; empty where it has none of the style's categories."""
    found: list[str] = []
    for category in style.categories:
        names = list(tags.get(category, ()))
        known = uses(names) if style.by_use and len(names) > 1 else {}
        if known:
            names.sort(key=lambda name: -known.get(name, -1))
        found += [training_form(name, style) for name in names]
    return Caption.of(dict.fromkeys(tag for tag in found if tag)).to_bytes()


def caption(post: Post) -> bytes:
    """The caption file of a post in the usual style; empty where it has no tag of `CAPTION_CATEGORIES`."""
    return render(post.tags, Style())
