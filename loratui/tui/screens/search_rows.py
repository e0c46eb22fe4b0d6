"""What the search shows of posts: rows and heads of the list, labels of the grid, tags of one post, a line about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from textual.content import Content

from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.screens.search_shown import Here, Shown, key_of

if TYPE_CHECKING:
    from loratui.core.boards.post import Post

_COLOUR: Final = {
    "artist": "$tag-artist",
    "copyright": "$tag-copyright",
    "character": "$tag-character",
    "species": "$tag-character",
    "general": "$tag-general",
    "meta": "$tag-meta",
}
RATINGS: Final = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit", "": "unrated"}
_SHORT: Final = {"g": "gen", "s": "sens", "q": "quest", "e": "expl", "": "–"}
_IN_ROW: Final = ("character", "species", "general")
_HERE: Final[Mapping[Here, tuple[str, str, str]]] = {
    "project": ("✓", "$success", "in the project"),
    "trash": ("×", "$dropped", "in the trash"),
    "queue": ("↓", "$primary", "in the queue"),
}
_NEW: Final = ("+", "$accent", "new")
_BOARD_WIDTH = 10


def heads(several: bool) -> str:
    """The heads of the columns, over rows with the gutter of a list."""
    board = f"{'board':<{_BOARD_WIDTH}} " if several else ""
    return f"    {'post':>8} {board}{'score':>5} {'size':>11} {'type':<4} {'rated':<5} tags"


class PostRows:
    """Posts as rows. Tags that the query asks for, and those that most of the posts have, are not in each row again.

    Args:
        posts: the posts.
        query: what they were searched with.
        several: whether they come from more than one board.
    """

    def __init__(self, posts: Shown, query: str = "", several: bool = False) -> None:
        self._listed = posts
        self._asked = {word.lower() for word in query.split()}
        self._several = several

    def __len__(self) -> int:
        return len(self._listed.posts)

    def is_marked(self, index: int) -> bool:
        """Whether the post is chosen."""
        return self._listed.is_marked(index)

    def row(self, index: int, width: int) -> Content:
        """Whether it is here, id, board, score, size, type, rating, tags."""
        post = self._listed.posts[index]
        here = self._listed.here_of(post)
        sign, colour, _ = _HERE[here] if here else _NEW if key_of(post) in self._listed.new else (" ", "", "")
        score = "–" if post.score is None else str(post.score)
        board = f"{line(post.board, _BOARD_WIDTH):<{_BOARD_WIDTH}} " if self._several else ""
        size = f"{post.width}×{post.height}" if post.width else "–"
        head = f" {post.id:>8} {board}{score:>5} {size:>11} {post.ext:<4} {_SHORT[post.rating]:<5} "
        parts: list[Content | tuple[str, str]] = [(sign, colour), (head, "$dim")]
        room = width - len(head) - 1
        for category in _IN_ROW:
            for tag in post.tags.get(category, ()):
                if room <= 0:
                    break
                if tag.lower() in self._asked or tag in self._listed.common:
                    continue
                text = line(tag, 80) + " "
                parts.append((text, "$dim" if here else _COLOUR[category] if category != "general" else ""))
                room -= len(text)
        return Content.assemble(*parts)


def label(posts: Shown, post: "Post") -> str:
    """What stands under a thumbnail: whether the post is here already, and its size."""
    here = posts.here_of(post)
    return f"{_HERE[here][0] if here else ''} {post.width}×{post.height}".strip()


class TagRows:
    """The tags of one post by category, with those that the query names marked.

    Args:
        post: None for no rows.
        query: the query.
        counts: how many of the listed posts have each tag.
    """

    def __init__(
        self, post: "Post | None" = None, query: str = "", counts: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.tags = [(kind, tag) for kind, tags in (post.tags.items() if post else ()) for tag in tags]
        self._words = {word.lower() for word in query.split()}
        self._counts = counts

    def __len__(self) -> int:
        return len(self.tags)

    def is_marked(self, index: int) -> bool:
        """Whether the query asks for the tag."""
        return self.tags[index][1].lower() in self._words

    def row(self, index: int, width: int) -> Content:
        """Category, how many of the listed posts have it, and the tag in the colour of its category."""
        category, tag = self.tags[index]
        first = index == 0 or self.tags[index - 1][0] != category
        excluded = f"-{tag.lower()}" in self._words
        return Content.assemble(
            (f"{category if first else '':<9} {self._counts.get(tag, 0) or '–':>6} ", "$dim"),
            (line(tag, 200), "$dropped" if excluded else _COLOUR[category]),
        )


def about(post: "Post", here: Here | None, now: datetime) -> Content:
    """What is known of a post besides its tags: number, size, type, bytes, rating, score, age, where it is here."""
    parts = [f"{line(post.board)} {post.id}"]
    parts += [f"{post.width}×{post.height}"] if post.width else []
    parts += [post.ext, *([size(post.size)] if post.size else []), RATINGS[post.rating]]
    parts += [f"score {post.score:,}"] if post.score is not None else []
    parts += [age(post.created, now)] if post.created else []
    parts += [f"child of {post.parent}"] if post.parent is not None else []
    text = Content.styled(" · ".join(parts), "$dim")
    return Content.assemble(text, (f" · {_HERE[here][2]}", _HERE[here][1])) if here else text


def age(created: str, now: datetime) -> str:
    """How old a post is: `today`, `3 days old`, `8 months old`, `4 years old`; "" where its time cannot be read."""
    try:
        days = (now - datetime.fromisoformat(created)).days
    except (ValueError, TypeError, OverflowError):
        return ""
    if days < 1:
        return "today"
    if days < 60:
        return f"{count(days, 'day')} old"
    return f"{count(days // 30, 'month')} old" if days < 730 else f"{count(days // 365, 'year')} old"


def with_word(query: str, tag: str, wanted: bool) -> str:
    """`query` with `tag` asked for, or excluded; the opposite term goes, and the same term again takes it back."""
    word, opposite = (tag, f"-{tag}") if wanted else (f"-{tag}", tag)
    words = [part for part in query.split() if part.lower() != opposite.lower()]
    if word.lower() in (part.lower() for part in words):
        return " ".join(part for part in words if part.lower() != word.lower())
    return " ".join([*words, word])


def size(number: int) -> str:
    """Bytes in three figures: `277 kB`, `3.1 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}" if number < 1000 * factor else f"{number / factor:,.0f} {unit}"
    return f"{number} B"


def names(words: Sequence[str], typed: str) -> list[str]:
    """Completion of a name."""
    return [word for word in words if word.startswith(typed)]
