"""Philomena: derpibooru.org, furbooru.org, ponybooru.org. Tags have spaces, ratings are tags, there is no md5."""

from collections.abc import Mapping, Sequence
from random import randrange
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from loratui.core.boards import decode
from loratui.core.boards.board import Board, Completion, Cursor, Page, Request, listed
from loratui.core.boards.engines.philomena_query import tag as written_tag
from loratui.core.boards.engines.philomena_query import written
from loratui.core.boards.engines.variants import variants, within
from loratui.core.boards.post import RATINGS, Post, by_category
from loratui.core.errors import UsageError

_RATINGS = {"safe": "g", "suggestive": "s", "questionable": "q", "explicit": "e"}
_RATINGS |= {"semi-grimdark": "q", "grimdark": "e", "grotesque": "e"}  # of violence, beside or instead of the others
_KINDS = {
    "character": "character",
    "oc": "character",
    "species": "species",
    "origin": "artist",
    "content-official": "copyright",
    "content-fanmade": "meta",
    "rating": "meta",
    "spoiler": "meta",
    "error": "meta",
}
_PREFIXES = dict.fromkeys(("artist", "colorist", "editor", "photographer"), "artist")
_PREFIXES |= dict.fromkeys(
    ("art_pack", "ask", "blog", "comic", "commissioner", "fanfic", "series", "spoiler", "video"), "meta"
)
_PREFIXES |= {"oc": "character", "species": "species"}
_META = (
    "high_res absurd_resolution low_res wallpaper edit edited_screencap screencap derpibooru_exclusive commission "
    "ych_result patreon patreon_reward artist_needed artist:artist_needed source_needed useless_source_url "
    "anonymous_artist advertisement watermark obtrusive_watermark paid_upload_reward animated dead_source upscaled "
    "ai_content ai_generated signature"
)
_HOUSEKEEPING = frozenset(_META.split())
_ORDERS = {
    "id": "id",
    "score": "score",
    "rank": "wilson_score",
    "favcount": "faves",
    "upvotes": "upvotes",
    "downvotes": "downvotes",
    "date": "first_seen_at",
    "change": "updated_at",
    "mpixels": "pixels",
    "filesize": "size",
    "width": "width",
    "height": "height",
    "ratio": "aspect_ratio",
    "tagcount": "tag_count",
    "comment_count": "comment_count",
    "duration": "duration",
    "random": "random",
}
_METATAGS = {
    "id": "id",
    "width": "width",
    "height": "height",
    "score": "score",
    "favcount": "faves",
    "upvotes": "upvotes",
    "downvotes": "downvotes",
    "tagcount": "tag_count",
    "duration": "duration",
    "user": "uploader",
    "fav": "faved_by",
    "source": "source_url",
}
_BOXES = {"small": (320, 240), "medium": (800, 600), "large": (1280, 1024)}
"""What the site fits its smaller pictures into."""
_SLUG = (("-dash-", "-"), ("-fwslash-", "/"), ("-bwslash-", "\\"), ("-colon-", ":"), ("-dot-", "."), ("-plus-", "+"))


class _Record(msgspec.Struct):
    """An image. What is hidden or merged has little more than its id."""

    id: decode.Id
    width: decode.Amount | None = None
    height: decode.Amount | None = None
    size: decode.Amount | None = None
    format: str | None = None
    score: decode.Whole | None = None
    tags: list[str] = []
    representations: dict[str, str] = {}
    view_url: str | None = None
    sha512_hash: str | None = None
    source_url: str | None = None
    source_urls: list[str] = []
    created_at: Any = None
    duplicate_of: int | None = None
    hidden_from_users: bool = False
    processed: bool = True
    thumbnails_generated: bool = True


class _Tag(msgspec.Struct):
    name: str
    images: decode.Amount = 0
    category: str | None = None
    aliased_tag: str | None = None


class Philomena(Board):
    """Counts with each page, categories by one call for fifty names, pages by id."""

    ENGINE = "philomena"
    PAGE_SIZE = 50
    INTERVAL = 0.5
    METATAGS = frozenset(_METATAGS)
    LIST_RANGES = False
    UNTOLD = frozenset({"md5"})
    GROUPS = True
    KEY_FIELDS = ("api_key",)
    KEY_PLACE = "Account › API key"
    KEYS_IN_QUERY = True
    TAGS_PER_CALL = 50
    NOTE = "It keeps no md5, so that pictures of other boards are not known again; files are checked by their sha512."

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        orders = [term.removeprefix("order:") for term in terms if term.startswith("order:")]
        wanted = [term for term in terms if not term.startswith("order:")]
        word, _, direction = (orders[-1] if orders else "id:desc").rpartition(":")
        page = cursor.page
        if cursor.below is not None:
            wanted, page = [*wanted, f"id:<{cursor.below}"], 1
        return self._call(
            "images",
            ("q", written(wanted)),
            ("sf", word),
            ("sd", direction),
            ("per_page", str(limit)),
            ("page", str(page)),
            *([("filter_id", str(self.config.filter_id))] if self.config.filter_id else []),
        )

    def posts(self, raw: bytes) -> Page:
        document = decode.json_document(raw)
        if isinstance(document, dict) and "image" in document:
            document = document["image"]
        items = listed(document, "images")
        total = decode.amount(document.get("total")) if isinstance(document, dict) else None
        return Page([self._post(record) for record in decode.records(items, _Record)], len(items), total)

    def count_request(self, terms: Sequence[str]) -> Request | None:
        return None

    def count(self, raw: bytes) -> int | None:
        return self.posts(raw).total

    def key_request(self) -> Request:
        # A wrong key is taken for none and answered as a visitor; only what is one's own is refused to those.
        return self.posts_request(["my:faves"], Cursor(), 1) if self.has_key else super().key_request()

    def tags_requests(self, tags: Sequence[str]) -> list[Request]:
        size = self.TAGS_PER_CALL
        batches = [tags[start : start + size] for start in range(0, len(tags), size)]
        return [
            self._call(
                "tags", ("q", " || ".join(written_tag(name.replace("_", " ")) for name in batch)), ("per_page", "50")
            )
            for batch in batches
        ]

    def tags(self, raw: bytes) -> dict[str, tuple[str, int]]:
        records = decode.records(listed(decode.json_document(raw), "tags"), _Tag)
        return {_typed(tag.name): (_category(tag), tag.images) for tag in records}

    def complete_request(self, word: str) -> Request | None:
        beginning = written_tag(word.replace("_", " ") + "*")
        query = beginning if ":" in word else f"{beginning} || name_in_namespace:{beginning}"
        return self._call("tags", ("q", query), ("per_page", "10"))

    def completions(self, raw: bytes) -> list[Completion]:
        tags = decode.records(listed(decode.json_document(raw), "tags"), _Tag)
        return [
            Completion(_unslugged(tag.aliased_tag), _category(tag), None, _typed(tag.name))
            if tag.aliased_tag
            else Completion(_typed(tag.name), _category(tag), tag.images)
            for tag in tags
        ]

    def guess_categories(self, post: Post) -> Mapping[str, str]:
        """By the prefix, which is part of the name; ratings and words of housekeeping by name."""
        guessed = {tag: "meta" for tag in post.all_tags() if tag in _RATINGS or tag in _HOUSEKEEPING}
        for tag in post.all_tags() - guessed.keys():
            kind = _PREFIXES.get(tag.partition(":")[0]) if ":" in tag else None
            if kind:
                guessed[tag] = kind
        return guessed

    def page_url(self, post_id: int) -> str:
        return f"{self.url}/images/{post_id}"

    def order_term(self, value: str) -> str:
        """`order:` with the site's field and direction; a random order keeps its seed, so that it can be paged."""
        word, _, direction = value.lower().partition(":")
        if word == "random":
            return f"order:random:{direction if direction.isdigit() else randrange(1 << 31)}:desc"
        for suffix in ("asc", "desc"):
            if word.endswith(f"_{suffix}"):
                word, direction = word.removesuffix(f"_{suffix}"), suffix
        if word in ("landscape", "portrait"):
            word, direction = "ratio", "desc" if word == "landscape" else "asc"
        field = _ORDERS.get(word)
        if field is None or direction not in ("", "asc", "desc"):
            raise UsageError(f"{self.name} knows no order:{value}.", f"Its orders are: {', '.join(_ORDERS)}.")
        return f"order:{field}:{direction or ('asc' if word == 'id' else 'desc')}"

    def metatag(self, key: str) -> str:
        return _METATAGS[key]

    def either(self, tags: Sequence[str]) -> list[str]:
        return [f"( {' || '.join(tags)} )"] if len(tags) > 1 else list(tags)

    def rating_terms(self, wanted: frozenset[str]) -> list[str]:
        # The worst of a picture's rating tags counts: what is worse than wanted must be absent, something wanted there.
        places = [RATINGS.index(letter) for letter in wanted]
        worse = [word for word, letter in _RATINGS.items() if RATINGS.index(letter) > max(places)]
        good = [word for word, letter in _RATINGS.items() if min(places) <= RATINGS.index(letter) <= max(places)]
        needed = self.either(good) if min(places) > 0 or not max(places) else []
        return needed + [f"-{word}" for word in worse if needed != ["safe"]]

    def _call(self, what: str, *params: tuple[str, str]) -> Request:
        return Request(f"/api/v1/json/search/{what}", params)

    def key_params(self) -> list[tuple[str, str]]:
        return [("key", self.config.api_key)] if self.config.api_key else []

    def _post(self, record: _Record) -> Post:
        pictures = record.representations
        file_url = "" if record.hidden_from_users else decode.address(pictures.get("full") or record.view_url, self.url)
        # Before its file is processed, its sum and size are those of another one.
        settled = record.processed
        small = pictures if record.thumbnails_generated else {}
        tags = [_typed(tag) for tag in record.tags]
        return Post(
            board=self.name,
            id=record.id,
            sha512=decode.sha512(record.sha512_hash) if settled else "",
            width=record.width or 0,
            height=record.height or 0,
            # An SVG's `full` is a PNG drawn of it, of another size and sum: `svg` keeps it out.
            ext=decode.extension(f"/x.{record.format or ''}", decode.extension(file_url)),
            size=record.size if settled else None,
            rating=max((_RATINGS[tag] for tag in tags if tag in _RATINGS), key=RATINGS.index, default=""),
            score=record.score,
            file_url=file_url,
            sample_url=decode.address(small.get("large"), self.url),
            preview_url=decode.address(small.get("thumb") or small.get("small"), self.url),
            tags=by_category({"general": tags}),
            categorised=not tags,
            source="\n".join(record.source_urls) or record.source_url or "",
            created=decode.moment(record.created_at),
            parent=record.duplicate_of,
            deleted=record.hidden_from_users,
            hidden=not file_url,
            page_url=self.page_url(record.id),
            variants=variants(
                self.url,
                file_url,
                *(
                    (small.get(name), *within(record.width or 0, record.height or 0, *box), None)
                    for name, box in _BOXES.items()
                ),
            ),
        )


def _typed(name: str) -> str:
    """A tag of the site as it is typed in a query."""
    return name.replace(" ", "_")


def _category(tag: _Tag) -> str:
    return _KINDS.get(tag.category or "", "general")


def _unslugged(slug: str) -> str:
    """The tag of an address: `book-colon-holiday+talent+show`."""
    for word, sign in _SLUG:
        slug = slug.replace(word, sign)
    return _typed(unquote_plus(slug))
