"""e621ng: e621.net, e926.net. Two forms of the same record, told apart by shape."""

from collections.abc import Sequence
from typing import Any

import msgspec

from loratui.core.boards import decode
from loratui.core.boards.board import Board, Completion, Cursor, Page, Request, listed
from loratui.core.boards.engines.variants import Made, variants
from loratui.core.boards.language.terms import Term
from loratui.core.boards.post import Post, by_category

_CATEGORIES = {
    "general": "general",
    "artist": "artist",
    "contributor": "artist",
    "copyright": "copyright",
    "character": "character",
    "species": "species",
    "invalid": "meta",
    "lore": "meta",
    "meta": "meta",
}
_TYPES = ("general", "artist", "artist", "copyright", "character", "species", "meta", "meta", "meta")
"""Our categories by the number of theirs."""

_PASSED = (
    "rating width height mpixels ratio score id filetype filesize md5 parent tagcount date age status user fav pool "
    "source duration favcount child approver commenter noter locked set"
)
_ORDERS = (
    "id score favcount created created_at updated updated_at change comment comment_bumped comment_count note mpixels "
    "filesize tagcount duration aspect_ratio ratio portrait landscape random hot rank md5"
)


class _Address(msgspec.Struct):
    """A file, sample or preview: legacy has `url`, the new form one address for each format."""

    width: decode.Amount | None = None
    height: decode.Amount | None = None
    ext: str | None = None
    size: decode.Amount | None = None
    md5: str | None = None
    url: str | None = None
    jpg: str | None = None
    webp: str | None = None


class _Meta(msgspec.Struct):
    md5: str | None = None
    ext: str | None = None
    size: decode.Amount | None = None


class _Files(msgspec.Struct):
    meta: _Meta = msgspec.field(default_factory=_Meta)
    original: _Address = msgspec.field(default_factory=_Address)
    sample: _Address | None = None
    preview: _Address | None = None


class _Score(msgspec.Struct):
    total: decode.Whole | None = None


class _Stats(msgspec.Struct):
    score: _Score = msgspec.field(default_factory=_Score)


class _Flags(msgspec.Struct):
    deleted: bool = False


class _Relationships(msgspec.Struct):
    parent_id: decode.Whole | None = None


class _Record(msgspec.Struct):
    id: decode.Id
    file: _Address | None = None
    sample: _Address | None = None
    preview: _Address | None = None
    files: _Files | None = None
    score: _Score | None = None
    stats: _Stats | None = None
    rating: str | None = None
    tags: dict[str, list[str]] | list[str] = []
    sources: list[str] = []
    created_at: Any = None
    flags: _Flags = msgspec.field(default_factory=_Flags)
    relationships: _Relationships = msgspec.field(default_factory=_Relationships)


class _Tag(msgspec.Struct):
    name: str
    category: int = 0
    post_count: decode.Amount | None = None
    antecedent_name: str | None = None


class E621(Board):
    """Counts by JSON, categories in each record, pages by id; at most one request a second."""

    ENGINE = "e621"
    PAGE_SIZE = 320
    TAG_LIMIT = 40
    METATAGS = frozenset(_PASSED.split())
    ORDERS = frozenset(_ORDERS.split())
    RATING_WORDS = ("safe", "safe", "questionable", "explicit")
    MAX_PAGE = 750
    GROUPS = True
    KEY_PLACE = "Account › Manage API Access"

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        page = f"b{cursor.below}" if cursor.below is not None else str(cursor.page)
        form = (("v2", "true"), ("mode", "extended"))  # asked for, and still read by shape
        return Request("/posts.json", (("tags", " ".join(terms)), ("limit", str(limit)), ("page", page), *form))

    def posts(self, raw: bytes) -> Page:
        document = decode.json_document(raw)
        items = [document["post"]] if isinstance(document, dict) and "post" in document else listed(document, "posts")
        return Page([self._post(record) for record in decode.records(items, _Record)], len(items))

    def count_request(self, terms: Sequence[str]) -> Request | None:
        return Request("/posts/count.json", (("tags", " ".join(terms)),))

    def count(self, raw: bytes) -> int | None:
        document = decode.json_document(raw)
        known = isinstance(document, dict) and not document.get("capped")
        return decode.amount(document.get("count")) if known else None

    def more_than(self, raw: bytes) -> int:
        # A capped count is one more than what it counts to.
        document = decode.json_document(raw)
        capped = isinstance(document, dict) and document.get("capped")
        return max(0, (decode.amount(document.get("count")) or 0) - 1) if capped else 0

    def metatag(self, key: str) -> str:
        return "type" if key == "filetype" else key

    def translate(self, term: Term) -> list[str] | None:
        # It compares the whole value with a file's type.
        return None if term.key == "filetype" and "," in term.value else super().translate(term)

    def complete_request(self, word: str) -> Request | None:
        return Request("/tags/autocomplete.json", (("search[name_matches]", word),)) if len(word) >= 3 else None

    def completions(self, raw: bytes) -> list[Completion]:
        tags = decode.records(listed(decode.json_document(raw), "tags"), _Tag)
        return [
            Completion(
                tag.name,
                _TYPES[tag.category] if 0 <= tag.category < len(_TYPES) else "general",
                tag.post_count,
                tag.antecedent_name or "",
            )
            for tag in tags
            if tag.name
        ]

    def page_url(self, post_id: int) -> str:
        return f"{self.url}/posts/{post_id}"

    def _post(self, record: _Record) -> Post:
        if record.files is not None:
            meta, file = record.files.meta, record.files.original
            sample, preview = record.files.sample, record.files.preview
            score = record.stats.score.total if record.stats else None
        else:
            file = record.file or _Address()
            meta = _Meta(file.md5, file.ext, file.size)
            sample, preview = record.sample, record.preview
            score = record.score.total if record.score else None
        named = record.tags if isinstance(record.tags, dict) else {"general": record.tags}
        sorted_tags: dict[str, list[str]] = {}
        for category, tags in named.items():
            sorted_tags.setdefault(_CATEGORIES.get(category, "general"), []).extend(tags)
        file_url = decode.address(file.url, self.url)
        parent = record.relationships.parent_id
        return Post(
            board=self.name,
            id=record.id,
            md5=decode.md5(meta.md5),
            width=file.width or 0,
            height=file.height or 0,
            ext=decode.extension(file_url, meta.ext or ""),
            size=meta.size,
            rating=decode.rating(record.rating, "g"),
            score=score,
            file_url=file_url,
            sample_url=decode.address(_still(sample), self.url),
            preview_url=decode.address(_still(preview), self.url),
            tags=by_category(sorted_tags),
            categorised=isinstance(record.tags, dict),
            source="\n".join(record.sources),
            created=decode.moment(record.created_at),
            parent=None if parent == record.id else parent,
            deleted=record.flags.deleted,
            hidden=not file_url,
            page_url=self.page_url(record.id),
            variants=variants(self.url, file_url, *_made(sample), *_made(preview)),
        )


def _made(picture: _Address | None) -> list[Made]:
    urls = (picture.url, picture.jpg, picture.webp) if picture else ()
    return [(url, picture.width, picture.height, None) for url in urls if url and picture]


def _still(picture: _Address | None) -> str | None:
    return (picture.url or picture.jpg or picture.webp) if picture else None
