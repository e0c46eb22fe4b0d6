"""What every board's record of a picture becomes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from sys import intern

from loratui.core.sanitize import file_name

CATEGORIES = ("artist", "copyright", "character", "species", "general", "meta")
"""The categories of tags, in the order in which they are listed."""

RATINGS = ("g", "s", "q", "e")
"""general, sensitive, questionable, explicit. Boards that know only "safe" have it as `g`."""

STILLS = frozenset({"jpg", "png", "webp", "avif", "bmp", "jxl"})
"""File types of still pictures; a GIF is taken for an animation."""

VIDEOS = frozenset({"mp4", "webm", "m4v", "mkv", "swf", "zip", "ugoira"})
"""File types that are films; `zip` is an ugoira."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One file of a post: the original, or a smaller still picture that the board made of it.

    Attributes:
        url: where it is.
        width: in pixels, 0 if unknown.
        height: in pixels, 0 if unknown.
        ext: its type, as `Post.ext`.
        size: in bytes; None where the board does not say.
        md5: "" but for the original: boards tell that of no other file.
        sha512: likewise.
        elsewhere: see `Post.elsewhere`; none but for the original.
    """

    url: str
    width: int = 0
    height: int = 0
    ext: str = ""
    size: int | None = None
    md5: str = ""
    sha512: str = ""
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """One picture of a board, as its record tells.

    Attributes:
        board: the board's name in the configuration.
        id: the post's number on that board.
        md5: of the original file, 32 lower-case hex digits; "" where the board hides it, or keeps none (Philomena).
        sha512: of the original file, 128 lower-case hex digits; "" where the board tells none. A file is what the board
            describes if each sum that is told is its own.
        width: of the original in pixels, 0 if unknown.
        height: of the original in pixels, 0 if unknown.
        ext: the original's type by its address: lower case, without the dot, `jpeg` as `jpg`.
        size: of the original in bytes; None where the board does not say.
        rating: one of `RATINGS`, "" if unknown.
        score: None if unknown.
        file_url: the original; "" if hidden.
        elsewhere: further addresses the original may have instead, each to be asked for where those before it answer
            404: a list of Zerochan does not tell the file's type, so `file_url` and `ext` are its commonest there, and
            only the file's first bytes tell the true one.
        sample_url: a smaller picture, "" if there is none.
        preview_url: a thumbnail, "" if there is none.
        tags: by category, each as a person types it in a query: with underscores for spaces, whatever the board does.
        categorised: False where the record does not tell categories and all tags stand under `general`.
        source: where the board says it comes from; may hold several lines.
        created: RFC 3339 in UTC, "" if unknown.
        parent: the parent post's id.
        deleted: taken out of the board's results.
        hidden: the board keeps the file from this account.
        page_url: the page for people.
        variants: smaller still pictures of it, of known size, where the board has any; never the original.
    """

    board: str
    id: int
    md5: str = ""
    width: int = 0
    height: int = 0
    ext: str = ""
    size: int | None = None
    rating: str = ""
    score: int | None = None
    file_url: str = ""
    sample_url: str = ""
    preview_url: str = ""
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    categorised: bool = True
    source: str = ""
    created: str = ""
    parent: int | None = None
    deleted: bool = False
    hidden: bool = False
    page_url: str = ""
    variants: tuple[Variant, ...] = ()
    sha512: str = ""
    elsewhere: tuple[str, ...] = ()

    @property
    def original(self) -> Variant:
        """The original as one of its files."""
        return Variant(
            self.file_url, self.width, self.height, self.ext, self.size, self.md5, self.sha512, self.elsewhere
        )

    @property
    def video(self) -> bool:
        """Whether it is a film rather than a picture."""
        return self.ext in VIDEOS

    @property
    def animated(self) -> bool:
        """Whether it is a picture that moves."""
        return self.ext == "gif" or any(
            tag in ("animated", "animated_gif", "animated_png", "ugoira") for tags in self.tags.values() for tag in tags
        )

    @property
    def name(self) -> str:
        """The file name without its ending: `danbooru_9969513`; safe whatever the board is called."""
        return f"{file_name(self.board)}_{self.id}"

    def all_tags(self) -> frozenset[str]:
        """Its tags of every category."""
        return frozenset(tag for tags in self.tags.values() for tag in tags)

    def with_categories(self, categories: Mapping[str, str]) -> "Post":
        """This post with its tags sorted by `categories` (tag → category); an unknown tag stays where it was."""
        sorted_tags: dict[str, list[str]] = {}
        for category, tags in self.tags.items():
            for tag in tags:
                sorted_tags.setdefault(categories.get(tag, category), []).append(tag)
        return replace(self, tags=by_category(sorted_tags), categorised=True)


def by_category(tags: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """`tags` with its categories in the order of `CATEGORIES`, empty ones left out, each tag once."""
    # The same tags come with thousands of posts: each is kept once.
    return {name: tuple(dict.fromkeys(map(intern, tags[name]))) for name in CATEGORIES if tags.get(name)}
