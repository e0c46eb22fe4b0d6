"""Danbooru 2: danbooru.donmai.us and its kin."""

from collections.abc import Sequence
from typing import Any

import msgspec

from loratui.core.boards import decode
from loratui.core.boards.board import Board, Completion, Cursor, Page, Request, listed
from loratui.core.boards.engines.variants import variants
from loratui.core.boards.post import Post, by_category

_CATEGORIES = {0: "general", 1: "artist", 3: "copyright", 4: "character", 5: "meta"}
_FREE = (
    "status rating id date age filesize filetype parent child md5 width height duration mpixels ratio score "
    "upvotes downvotes favcount embedded tagcount pixiv"
)

_COUNTED = (
    "user fav pool source approver commenter noter search ordfav ordpool random locked has is disapproved flagger"
)
_ORDERS = (
    "id score favcount upvotes downvotes created_at change comment comment_bumped note artcomm mpixels portrait "
    "landscape filesize tagcount duration rank curated modqueue random md5 none"
)


class _Variant(msgspec.Struct):
    type: str = ""
    url: str | None = None
    width: decode.Amount | None = None
    height: decode.Amount | None = None


class _Asset(msgspec.Struct):
    variants: list[_Variant] = []


class _Record(msgspec.Struct):
    """A post, as far as we use it. Keys of the file are absent where the viewer may not see it."""

    id: decode.Id
    md5: str | None = None
    image_width: decode.Amount | None = None
    image_height: decode.Amount | None = None
    file_ext: str | None = None
    file_size: decode.Amount | None = None
    rating: str | None = None
    score: decode.Whole | None = None
    file_url: str | None = None
    large_file_url: str | None = None
    preview_file_url: str | None = None
    tag_string: str | None = None
    tag_string_artist: str | None = None
    tag_string_copyright: str | None = None
    tag_string_character: str | None = None
    tag_string_general: str | None = None
    tag_string_meta: str | None = None
    source: str | None = None
    created_at: Any = None
    parent_id: decode.Whole | None = None
    is_deleted: bool = False
    is_banned: bool = False
    media_asset: _Asset | None = None


class _Tag(msgspec.Struct):
    name: str
    category: int = 0
    post_count: decode.Amount = 0


class _Completion(msgspec.Struct):
    """An entry of the completion; metatags and users have no category."""

    type: str = ""
    value: str = ""
    category: int | None = None
    post_count: decode.Amount | None = None
    antecedent: str | None = None


class _Profile(msgspec.Struct):
    """Of the key's owner; the limit is null where there is none."""

    tag_query_limit: decode.Amount | msgspec.UnsetType | None = msgspec.UNSET


class _Alias(msgspec.Struct):
    antecedent_name: str
    consequent_name: str


class Danbooru(Board):
    """Counts by JSON, categories in each record, pages by id."""

    ENGINE = "danbooru"
    PAGE_SIZE = 200
    INTERVAL = 0.5
    TAG_LIMIT = 2  # anonymous and member accounts
    FREE = frozenset(_FREE.split())
    METATAGS = FREE | frozenset(_COUNTED.split())
    ORDERS = frozenset(_ORDERS.split())
    LETTER_S = "s"
    MANY_RATINGS = True
    MAX_PAGE = 1000
    GROUPS = True
    KEY_PLACE = "My Account › API Key"

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        page = f"b{cursor.below}" if cursor.below is not None else str(cursor.page)
        return Request("/posts.json", (("tags", " ".join(terms)), ("limit", str(limit)), ("page", page)))

    def posts(self, raw: bytes) -> Page:
        items = listed(decode.json_document(raw), "posts")
        return Page([self._post(record) for record in decode.records(items, _Record)], len(items))

    def count_request(self, terms: Sequence[str]) -> Request | None:
        return Request("/counts/posts.json", (("tags", " ".join(terms)),))

    def count(self, raw: bytes) -> int | None:
        document = decode.json_document(raw)
        posts = document["counts"]["posts"] if isinstance(document, dict) and "counts" in document else None
        return decode.amount(posts)

    def tags_requests(self, tags: Sequence[str]) -> list[Request]:
        """Categories come with the posts; this asks for the counts of a query's few tags."""
        return [Request("/tags.json", (("search[name_comma]", ",".join(tags)), ("limit", "200")))] if tags else []

    def tags(self, raw: bytes) -> dict[str, tuple[str, int]]:
        records = decode.records(listed(decode.json_document(raw), "tags"), _Tag)
        return {tag.name: (_CATEGORIES.get(tag.category, "general"), tag.post_count) for tag in records}

    def account_request(self) -> Request | None:
        return Request("/profile.json")

    def tag_limit(self, raw: bytes) -> int | None:
        limit = msgspec.convert(decode.json_document(raw), _Profile).tag_query_limit
        return self.TAG_LIMIT if limit is msgspec.UNSET else limit

    def aliases_request(self, tags: Sequence[str]) -> Request | None:
        names = ("search[antecedent_name_comma]", ",".join(tags))
        return Request("/tag_aliases.json", (names, ("search[status]", "active"), ("limit", "200")))

    def aliases(self, raw: bytes) -> dict[str, str]:
        records = decode.records(listed(decode.json_document(raw), "tag_aliases"), _Alias)
        return {alias.antecedent_name: alias.consequent_name for alias in records}

    def complete_request(self, word: str) -> Request | None:
        params = (("search[query]", word), ("search[type]", "tag_query"), ("limit", "10"))
        return Request("/autocomplete.json", params)

    def completions(self, raw: bytes) -> list[Completion]:
        entries = decode.records(listed(decode.json_document(raw), "autocomplete"), _Completion)
        return [
            Completion(
                entry.value, _CATEGORIES.get(entry.category or 0, "general"), entry.post_count, entry.antecedent or ""
            )
            for entry in entries
            if entry.type.startswith("tag") and entry.value
        ]

    def page_url(self, post_id: int) -> str:
        return f"{self.url}/posts/{post_id}"

    def _post(self, record: _Record) -> Post:
        file_url = decode.address(record.file_url, self.url)
        tags = by_category(
            {
                "artist": (record.tag_string_artist or "").split(),
                "copyright": (record.tag_string_copyright or "").split(),
                "character": (record.tag_string_character or "").split(),
                "general": (record.tag_string_general or "").split(),
                "meta": (record.tag_string_meta or "").split(),
            }
        )
        # A record cut short by `only=` may have the one list without the five.
        listed_tags = {tag for names in tags.values() for tag in names}
        rest = [tag for tag in (record.tag_string or "").split() if tag not in listed_tags]
        if rest:
            tags = by_category({**tags, "general": (*tags.get("general", ()), *rest)})
        return Post(
            board=self.name,
            id=record.id,
            md5=decode.md5(record.md5),
            width=record.image_width or 0,
            height=record.image_height or 0,
            ext=decode.extension(file_url, record.file_ext or ""),
            size=record.file_size,
            rating=decode.rating(record.rating, "s"),
            score=record.score,
            file_url=file_url,
            sample_url=decode.address(record.large_file_url, self.url),
            preview_url=decode.address(record.preview_file_url, self.url),
            tags=tags,
            source=record.source or "",
            created=decode.moment(record.created_at),
            parent=record.parent_id,
            deleted=record.is_deleted,
            hidden=record.is_banned or not file_url,
            page_url=self.page_url(record.id),
            variants=variants(
                self.url,
                file_url,
                *(
                    (made.url, made.width, made.height, None)
                    for made in (record.media_asset.variants if record.media_asset else ())
                    if made.type != "original"
                ),
            ),
        )
