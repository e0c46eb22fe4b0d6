"""What the search shows of posts: rows of the list, rows of tags, lines about one post."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from loratui.core.sanitize import line

if TYPE_CHECKING:
    from loratui.core.boards.post import Post
    from loratui.core.boards.search import Search

_COLOUR = {
    "artist": "$tag-artist",
    "copyright": "$tag-copyright",
    "character": "$tag-character",
    "species": "$tag-character",
    "general": "$tag-general",
    "meta": "$tag-meta",
}
_RATINGS = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit", "": "unrated"}
_IN_ROW = ("character", "species", "general")


class PostRows:
    """The posts listed so far, and which are marked. Tags that the query asks for are not repeated in each row."""

    def __init__(self, query: str = "") -> None:
        self._asked = {word.lower() for word in query.split()}
        self.posts: list[Post] = []
        self.marked: set[int] = set()

    def __len__(self) -> int:
        return len(self.posts)

    def is_marked(self, index: int) -> bool:
        """Whether the post is chosen."""
        return self.posts[index].id in self.marked

    def row(self, index: int, width: int) -> Content:
        """Id, rating, score, size, type, tags."""
        post = self.posts[index]
        score = "–" if post.score is None else str(post.score)
        head = f"{post.id:>9} {post.rating or '–'} {score:>5} {f'{post.width}×{post.height}':>11} {post.ext:<4} "
        parts: list[Content | tuple[str, str]] = [(head, "$dim")]
        room = width - len(head)
        for category in _IN_ROW:
            for tag in post.tags.get(category, ()):
                if room <= 0:
                    break
                if tag.lower() in self._asked:
                    continue
                text = line(tag, 80) + " "
                parts.append((text, _COLOUR[category] if category != "general" else ""))
                room -= len(text)
        return Content.assemble(*parts)


class TagRows:
    """The tags of one post by category, with those that the query names marked."""

    def __init__(self, post: "Post | None" = None, query: str = "") -> None:
        self.tags = [(kind, tag) for kind, tags in (post.tags.items() if post else ()) for tag in tags]
        self._words = {word.lower() for word in query.split()}

    def __len__(self) -> int:
        return len(self.tags)

    def is_marked(self, index: int) -> bool:
        """Whether the query asks for the tag."""
        return self.tags[index][1].lower() in self._words

    def row(self, index: int, width: int) -> Content:
        """A tag in the colour of its category."""
        category, tag = self.tags[index]
        first = index == 0 or self.tags[index - 1][0] != category
        return Content.assemble((f"{category if first else '':<10} ", "$dim"), (line(tag, 200), _COLOUR[category]))


def about(post: "Post") -> Content:
    """One line on a post: number, size, type, bytes, rating."""
    parts = [str(post.id), f"{post.width}×{post.height}", post.ext]
    parts += [size(post.size)] if post.size else []
    return Content(" · ".join([*parts, _RATINGS[post.rating]]))


def counts(search: "Search", total: int | None, marked: int) -> str:
    """The title's right end."""
    parts = [search.board.name]
    parts.append("total unknown" if total is None else f"{total:,} post{'s' if total != 1 else ''}")
    left_out = sum(search.filtered.values())
    if search.kept != total:
        parts.append(f"{search.kept:,} listed")
    parts += [f"{left_out:,} left out"] if left_out else []
    parts += [f"{marked:,} marked"] if marked else []
    return " · ".join(parts)


def how(search: "Search") -> Content:
    """Which terms the site judged and which were judged here, and what each reason cost."""
    parts: list[tuple[str, str]] = [("site: ", "$dim"), (line(" ".join(search.plan.by_site)), "")]
    if search.plan.by_us:
        here = " ".join(term.text for term in search.plan.by_us)
        parts += [("   here: ", "$dim"), (line(here), "$accent")]
    if search.filtered:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in search.filtered.most_common())
        parts += [("   left out: ", "$dim"), (line(reasons), "$dropped")]
    return Content.assemble(*parts)


def with_word(query: str, tag: str, wanted: bool) -> str:
    """`query` with `tag` asked for, or excluded; the opposite term goes."""
    word, opposite = (tag, f"-{tag}") if wanted else (f"-{tag}", tag)
    words = [part for part in query.split() if part.lower() != opposite.lower()]
    return " ".join(words if word in words else [*words, word])


def size(count: int) -> str:
    """Bytes in three figures: `277 kB`, `3.1 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}" if count < 1000 * factor else f"{count / factor:,.0f} {unit}"
    return f"{count} B"


def names(words: Sequence[str], typed: str) -> list[str]:
    """Completion of a name."""
    return [word for word in words if word.startswith(typed)]
