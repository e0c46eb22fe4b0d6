"""Gelbooru 0.2.5: gelbooru.com. Keyed since June 2025; the older engines have a module of their own."""

import html
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from loratui.core.boards import decode
from loratui.core.boards.board import Board, Completion, Cursor, Page, Request, listed
from loratui.core.boards.engines.variants import variants
from loratui.core.boards.post import CATEGORIES as POST_CATEGORIES
from loratui.core.boards.post import Post, by_category

CATEGORIES = {0: "general", 1: "artist", 3: "copyright", 4: "character", 5: "meta", 6: "general"}
"""Types of tags; 6 is deprecated, and says nothing of the kind."""

_PASSED = ("rating", "width", "height", "score", "id", "md5", "parent", "user", "source", "fav", "pool")


class _TagInfo(msgspec.Struct):
    """What `fields=tag_info` adds to a record (api.rule34.xxx)."""

    tag: str
    type: str = ""


class _Record(msgspec.Struct):
    """A post of either generation, JSON or XML, as far as we use it."""

    id: decode.Id
    md5: str | None = None
    hash: str | None = None
    width: decode.Amount | None = None
    height: decode.Amount | None = None
    rating: str | None = None
    score: decode.Whole | None = None
    file_url: str | None = None
    sample_url: str | None = None
    sample_width: decode.Amount | None = None
    sample_height: decode.Amount | None = None
    preview_url: str | None = None
    directory: Any = None
    image: str | None = None
    tags: str | None = None
    tag_info: list[_TagInfo] | None = None
    source: str | None = None
    created_at: Any = None
    change: int | None = None
    parent_id: decode.Whole | None = None
    status: str | None = None


class _Tag(msgspec.Struct):
    name: str
    type: int = 0
    count: decode.Amount = 0


class _Completion(msgspec.Struct):
    """An entry of either generation's completion; the older one has its count in brackets behind the label."""

    value: str
    label: str = ""
    post_count: decode.Amount | None = None
    category: str = ""


_TYPE_WORDS = {"tag": "general", "metadata": "meta", "deprecated": "general"}
_COUNTED = re.compile(r" \((\d{1,18})\)$")


class Gelbooru(Board):
    """Counts with each page, categories by one call for a hundred names, pages by id."""

    ENGINE = "gelbooru"
    METATAGS = frozenset(_PASSED)
    ORDER = "sort"
    LIST_RANGES = False
    UNTOLD = frozenset({"filesize"})
    NEGATES = frozenset({"user", "source", "fav", "pool", "parent", "md5"})
    PARENTS = frozenset()
    ORDERS = frozenset({"id", "score", "rating", "user", "height", "width", "parent", "source", "updated", "random"})
    MAX_PAGE = 200  # of a hundred posts: deeper, it says "Unable to search this deep"
    GROUPS = True
    KEY_PLACE = "Account › Options"
    KEY_FIELDS = ("user_id", "api_key")
    KEYS_IN_QUERY = True
    TAGS_PER_CALL = 100

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        if cursor.below is not None:
            terms, pid = (*terms, f"id:<{cursor.below}"), 0
        else:
            pid = cursor.page - 1
        return self._call("post", ("limit", str(limit)), ("pid", str(pid)), ("tags", " ".join(terms)))

    def posts(self, raw: bytes) -> Page:
        if not raw.strip():
            return Page([], 0, 0)
        items, total = self._items(raw, "post")
        return Page([self._post(record) for record in decode.records(items, _Record)], len(items), total)

    def count_request(self, terms: Sequence[str]) -> Request | None:
        return None

    def count(self, raw: bytes) -> int | None:
        return self._items(raw, "post")[1]

    def tags_requests(self, tags: Sequence[str]) -> list[Request]:
        size = self.TAGS_PER_CALL
        batches = [tags[start : start + size] for start in range(0, len(tags), size)]
        return [self._call("tag", ("limit", str(size)), ("names", " ".join(batch))) for batch in batches]

    def tags(self, raw: bytes) -> dict[str, tuple[str, int]]:
        items, _ = self._items(raw, "tag")
        return {
            html.unescape(tag.name): (CATEGORIES.get(tag.type, "general"), tag.count)
            for tag in decode.records(items, _Tag)
            if tag.name
        }

    def complete_request(self, word: str) -> Request | None:
        params = (("page", "autocomplete2"), ("term", word), ("type", "tag_query"), ("limit", "10"))
        return Request("/index.php", params, for_all=True)

    def completions(self, raw: bytes) -> list[Completion]:
        found = []
        for entry in decode.records(listed(decode.json_document(raw), "tags"), _Completion):
            counted = _COUNTED.search(entry.label)
            count = int(counted[1]) if counted and entry.post_count is None else entry.post_count
            category = _TYPE_WORDS.get(entry.category, entry.category)
            tag = html.unescape(entry.value).strip().replace(" ", "_")
            if tag:
                found.append(Completion(tag, category if category in POST_CATEGORIES else "", count))
        return found

    def page_url(self, post_id: int) -> str:
        return f"{self.url.replace('//api.', '//')}/index.php?page=post&s=view&id={post_id}"

    def either(self, tags: Sequence[str]) -> list[str]:
        return [f"{{{' ~ '.join(tags)}}}"] if len(tags) > 1 else list(tags)

    def order_term(self, value: str) -> str:
        """`score`, `score_asc`, `id_desc`, `random`, `random:7` as `sort:score:desc` …"""
        word, _, seed = value.lower().partition(":")
        if word == "random" and seed.isdigit():
            return f"sort:random:{seed}"
        word, direction = self.order({"change": "updated", "change_asc": "updated_asc"}.get(value.lower(), value))
        if word == "random":
            return "sort:random"
        return f"sort:{word}:{direction or ('asc' if word == 'id' else 'desc')}"

    def _call(self, what: str, *params: tuple[str, str]) -> Request:
        return Request("/index.php", (("page", "dapi"), ("s", what), ("q", "index"), ("json", "1"), *params))

    def _items(self, raw: bytes, key: str) -> tuple[list[Any], int | None]:
        """The records of an envelope, a bare array or XML, and the total where it is told."""
        if decode.is_xml(raw):
            root = decode.xml_root(raw)
            return list(decode.xml_records(root)), decode.amount(root.get("count"))
        document = decode.json_document(raw)
        head = document.get("@attributes") if isinstance(document, dict) else None
        return listed(document, key), decode.amount(head.get("count")) if isinstance(head, dict) else None

    def _post(self, record: _Record) -> Post:
        file_url = decode.address(record.file_url, self.url) or self._built(record)
        words = html.unescape(record.tags or "").split()
        return Post(
            board=self.name,
            id=record.id,
            md5=decode.md5(record.md5 or record.hash),
            width=record.width or 0,
            height=record.height or 0,
            ext=decode.extension(file_url, decode.extension(f"/{record.image or ''}")),
            rating=decode.rating(record.rating, "g"),
            score=record.score,
            file_url=file_url,
            sample_url=decode.address(record.sample_url, self.url),
            preview_url=decode.address(record.preview_url, self.url),
            tags=_sorted(words, record.tag_info),
            categorised=bool(record.tag_info) or not words,
            source=html.unescape(record.source or "").strip(),
            # JSON of the older engine has no creation time; the change is the nearest it tells.
            created=decode.moment(record.created_at or record.change),
            parent=record.parent_id or None,
            deleted=record.status == "deleted",
            hidden=not file_url,
            page_url=self.page_url(record.id),
            variants=variants(self.url, file_url, (record.sample_url, record.sample_width, record.sample_height, None)),
        )

    def _built(self, record: _Record) -> str:
        """The file's address where the record gives only its parts (tbib.org, safebooru.org before 2024)."""
        if not record.directory or not record.image:
            return ""
        return decode.address(f"/images/{record.directory}/{record.image}", self.url.replace("//api.", "//"))


def _sorted(words: list[str], info: list[_TagInfo] | None) -> dict[str, tuple[str, ...]]:
    if not info:
        return by_category({"general": words})
    kinds = {html.unescape(entry.tag): _TYPE_WORDS.get(entry.type, entry.type) for entry in info}
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(kinds.get(word, "general"), []).append(word)
    known = by_category(found)
    kept = {word for names in known.values() for word in names}
    return by_category({**known, "general": (*known.get("general", ()), *(w for w in words if w not in kept))})
