"""Moebooru: yande.re, konachan.com and their kin."""

from collections.abc import Sequence
from typing import Any

import msgspec

from loratui.core.boards import decode
from loratui.core.boards.board import Board, Completion, Cursor, Page, Request, listed
from loratui.core.boards.engines.variants import variants
from loratui.core.boards.language.terms import Term
from loratui.core.boards.language.written import narrowed
from loratui.core.boards.post import Post, by_category

_CATEGORIES = {
    "general": "general",
    "artist": "artist",
    "copyright": "copyright",
    "character": "character",
    "circle": "artist",
    "studio": "artist",
    "style": "meta",
    "faults": "meta",
    "meta": "meta",
}
_TYPES = {0: "general", 1: "artist", 3: "copyright", 4: "character"}
"""Of a tag's own record. What 5 and 6 stand for differs from site to site, so they say nothing."""

_PASSED = "rating width height mpixels score id md5 parent user source date pool vote"


class _Record(msgspec.Struct):
    id: decode.Id
    tags: str = ""
    md5: str | None = None
    width: decode.Amount | None = None
    height: decode.Amount | None = None
    file_size: decode.Amount | None = None
    file_ext: str | None = None
    file_url: str | None = None
    sample_url: str | None = None
    sample_width: decode.Amount | None = None
    sample_height: decode.Amount | None = None
    sample_file_size: decode.Amount | None = None
    jpeg_url: str | None = None
    jpeg_width: decode.Amount | None = None
    jpeg_height: decode.Amount | None = None
    jpeg_file_size: decode.Amount | None = None
    preview_url: str | None = None
    rating: str | None = None
    score: decode.Whole | None = None
    source: str | None = None
    created_at: Any = None
    parent_id: decode.Whole | None = None
    status: str | None = None
    is_held: bool = False


class _Tag(msgspec.Struct):
    name: str
    type: int = -1
    count: decode.Amount | None = None


class Moebooru(Board):
    """Counts by XML, categories in the same answer (`api_version=2`), pages by id.

    Its parser keeps one value for each metatag, the last; it takes `-width:5` for a tag that nobody has; tags with `*`
    join the ~tags, and stand for the 25 commonest names they fit (moebooru's app/models/tag/parse_methods.rb).
    """

    ENGINE = "moebooru"
    TAG_LIMIT = 6  # config/init_config.rb: six wanted and six unwanted tags, and an error beyond
    METATAGS = frozenset(_PASSED.split())
    FREE = METATAGS | {"order"}
    NEGATES = frozenset({"pool"})
    PARENTS = frozenset({"none"})
    ONCE = True
    NEGATED_WILDCARDS = False
    WILDCARDS_JOIN = True
    SORTING = Board.SORTING | {"pool"}
    ORDERS = frozenset({"id", "score", "mpixels", "portrait", "landscape", "change", "random"})
    RATING_WORDS = ("safe", "safe", "questionable", "explicit")
    MAX_PAGE = 5000
    KEY_FIELDS = ()

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        page = cursor.page
        if cursor.below is not None:
            terms, page = narrowed(terms, cursor.below), 1
        return Request(
            "/post.json",
            (
                ("api_version", "2"),
                ("include_tags", "1"),
                ("limit", str(limit)),
                ("page", str(page)),
                ("tags", " ".join(terms)),
            ),
        )

    def posts(self, raw: bytes) -> Page:
        document = decode.json_document(raw)
        items = listed(document, "posts")
        kinds = document.get("tags") if isinstance(document, dict) else None
        kinds = kinds if isinstance(kinds, dict) else None
        return Page([self._post(record, kinds) for record in decode.records(items, _Record)], len(items))

    def count_request(self, terms: Sequence[str]) -> Request | None:
        return Request("/post.xml", (("limit", "1"), ("tags", " ".join(terms))))

    def count(self, raw: bytes) -> int | None:
        return decode.amount(decode.xml_root(raw).get("count"))

    def complete_request(self, word: str) -> Request | None:
        return Request("/tag.json", (("name", f"{word}*"), ("order", "count"), ("limit", "10")))

    def completions(self, raw: bytes) -> list[Completion]:
        tags = decode.records(listed(decode.json_document(raw), "tags"), _Tag)
        return [Completion(tag.name, _TYPES.get(tag.type, ""), tag.count) for tag in tags if tag.name]

    def translate(self, term: Term) -> list[str] | None:
        if term.key == "status" and not term.negated:
            return [{"any": "deleted:all", "all": "deleted:all", "deleted": "deleted:true"}.get(term.value, term.text)]
        return super().translate(term)

    def page_url(self, post_id: int) -> str:
        return f"{self.url}/post/show/{post_id}"

    def rating_terms(self, wanted: frozenset[str]) -> list[str]:
        # `rating:general` is unknown here and silently ignored: only the three old letters are safe to send.
        good = [letter for letter in "sqe" if letter in wanted or (letter == "s" and "g" in wanted)]
        if len(good) == 1:
            return [f"rating:{good[0]}"]
        return [f"-rating:{letter}" for letter in "sqe" if letter not in good]

    def _post(self, record: _Record, kinds: dict[str, str] | None) -> Post:
        file_url = decode.address(record.file_url, self.url)
        sample_url = decode.address(record.sample_url, self.url)
        sorted_tags: dict[str, list[str]] = {}
        for tag in record.tags.split():
            sorted_tags.setdefault(_CATEGORIES.get((kinds or {}).get(tag, ""), "general"), []).append(tag)
        return Post(
            board=self.name,
            id=record.id,
            md5=decode.md5(record.md5),
            width=record.width or 0,
            height=record.height or 0,
            ext=decode.extension(file_url, record.file_ext or ""),
            size=record.file_size,
            rating=decode.rating(record.rating, "g"),
            score=record.score,
            file_url=file_url,
            sample_url=sample_url,
            preview_url=decode.address(record.preview_url, self.url) or sample_url,
            tags=by_category(sorted_tags),
            categorised=kinds is not None,
            source=record.source or "",
            created=decode.moment(record.created_at),
            parent=record.parent_id,
            deleted=record.status == "deleted",
            hidden=record.is_held or not file_url,
            page_url=self.page_url(record.id),
            variants=variants(
                self.url,
                file_url,
                (record.jpeg_url, record.jpeg_width, record.jpeg_height, record.jpeg_file_size),
                (record.sample_url, record.sample_width, record.sample_height, record.sample_file_size),
            ),
        )
