"""Zerochan. Its JSON tells no rating, no total, no categories and, in lists, no address of the file."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

import msgspec

from loratui.core.boards import decode
from loratui.core.boards.board import Board, Cursor, Page, Request, listed
from loratui.core.boards.engines.guesses import works
from loratui.core.boards.engines.variants import variants, within
from loratui.core.boards.language.terms import Term
from loratui.core.boards.post import Post, by_category
from loratui.core.errors import UsageError

_TYPES = ("jpg", "png", "webp", "gif")
"""Of originals, the commonest first."""
_META = (
    "pixiv twitter deviantart tumblr fanart fanart_from_pixiv fanart_from_twitter official_art scan self_scanned "
    "revision wallpaper hd_wallpaper 4k_ultra_hd_wallpaper mobile_wallpaper widescreen_wallpaper facebook_cover tagme "
    "tagme_(artist) tagme_(character) tagme_(series) cover_image dvd_cover cd_(source) novel_illustration manga_color "
    "manga_page magazine_page magazine_(source) official_card_illustration character_sheet jpeg_artifacts commission "
    "screenshot edited"
)
_HOUSEKEEPING = frozenset(_META.split())
_PIXIV_ID = re.compile(r"pixiv_id_\d+")
_SIDES = {"small": 240, "medium": 600, "large": 1024}
"""How high the site's smaller pictures are made, at most."""
_WIDEST = 1 << 20


class _Record(msgspec.Struct):
    """An entry: of a list, or by itself, where the names differ."""

    id: decode.Id
    width: decode.Amount | None = None
    height: decode.Amount | None = None
    size: decode.Amount | None = None
    md5: str | None = None
    hash: str | None = None
    tag: str | None = None
    primary: str | None = None
    tags: list[str] = []
    thumbnail: str | None = None
    small: str | None = None
    medium: str | None = None
    large: str | None = None
    full: str | None = None
    source: str | None = None


class Zerochan(Board):
    """Pages by number, from the hundredth by id; categories guessed; a visitor gives a name."""

    ENGINE = "zerochan"
    EITHER = False
    UNTOLD = frozenset({"filetype", "score", "parent", "age", "date"})
    KEY_FIELDS = ("login",)
    KEY_PLACE = "your user name there"
    AGENT = "{program} (training data sets) - {login}"
    NOTE = "It tells no ratings, totals or kinds of tags: all posts pass rating:, and artists may stay in captions."
    MAX_PAGE = 100
    NUMBERED = True

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        orders = {"order:fav": (("s", "fav"), ("t", "2")), "is:strict": (("strict", ""),)}  # t=0, all time, answers 500
        chosen = [orders[term] for term in terms if term in orders]
        path = ",".join(_titled(term) for term in terms if term not in orders)
        sorted_by = [] if "order:fav" in terms else [("s", "id")]
        deep = cursor.below is not None and cursor.page > self.MAX_PAGE
        place = ("o", str(cursor.below)) if deep else ("p", str(cursor.page))
        params = (("json", ""), place, ("l", str(limit)), *sorted_by, *(param for params in chosen for param in params))
        return Request(f"/{path}", params)

    def posts(self, raw: bytes) -> Page:
        if not raw.strip():
            return Page([], 0)
        items = listed(decode.json_document(raw), "items")
        return Page([self._post(record) for record in decode.records(items, _Record)], len(items))

    def ended(self, request: Request, status: int) -> bool:
        # Past the last page, and for a tag nobody has used. The page of everything is always there.
        return status == 404 and request.path != "/"

    def count_request(self, terms: Sequence[str]) -> Request | None:
        return None

    def count(self, raw: bytes) -> int | None:
        return None

    def guess_categories(self, post: Post) -> Mapping[str, str]:
        tags = post.all_tags()
        guessed = dict.fromkeys(tags & _HOUSEKEEPING, "meta")
        return guessed | {tag: "artist" for tag in tags if _PIXIV_ID.fullmatch(tag)} | works(tags)

    def page_url(self, post_id: int) -> str:
        return f"{self.url}/{post_id}"

    def rating_terms(self, wanted: frozenset[str]) -> list[str]:
        return []

    def translate(self, term: Term) -> list[str] | None:
        if not term.key:
            # It knows neither `-` nor `*`; a comma is its “and”, and a number is an entry.
            own = term.negated or term.either or term.wildcard or "," in term.value or term.value.isdigit()
            return None if own else [term.text]
        if term.key == "order":
            return [self.order_term(term.value)]
        if term.key == "is" and term.value.lower() == "strict" and not term.negated:
            return ["is:strict"]
        if term.judged_here:
            return None
        raise UsageError(
            f"{self.name} knows no {term.text}.",
            "It takes tags, order:score and is:strict (posts mainly of the one tag).",
        )

    def order_term(self, value: str) -> str:
        word = value.lower()
        if word.removesuffix("_desc") in ("score", "favcount", "fav", "rank"):
            return "order:fav"
        raise UsageError(
            f"{self.name} knows no order:{value}.", "It sorts by order:score, the favourites, or not at all."
        )

    def _post(self, record: _Record) -> Post:
        # The name in the address may be left out; what it ends with is not told by a list.
        parts = urlsplit(self.url)
        guess = f"{parts.scheme}://{parts.netloc.replace('www.', 'static.', 1)}/.full.{record.id}."
        full = decode.address(record.full, self.url)
        candidates = [full] if full else [guess + ext for ext in _TYPES]
        tags = [tag.strip().lower().replace(" ", "_") for tag in record.tags]
        primary = (record.tag or record.primary or "").strip().lower().replace(" ", "_")
        tags += [primary] if primary and primary not in tags else []
        sample = decode.address(record.large or record.medium, self.url)
        return Post(
            board=self.name,
            id=record.id,
            md5=decode.md5(record.md5 or record.hash),
            width=record.width or 0,
            height=record.height or 0,
            ext=decode.extension(candidates[0]),
            size=record.size,
            file_url=candidates[0],
            elsewhere=tuple(candidates[1:]),
            sample_url=sample,
            preview_url=decode.address(record.small or record.thumbnail, self.url),
            tags=by_category({"general": [tag for tag in tags if tag]}),
            categorised=not tags,
            source=record.source or "",
            page_url=self.page_url(record.id),
            variants=variants(
                self.url,
                candidates[0],
                *(
                    (getattr(record, name), *within(record.width or 0, record.height or 0, _WIDEST, most), None)
                    for name, most in _SIDES.items()
                ),
            ),
        )


def _titled(tag: str) -> str:
    """`kafka_(honkai:_star_rail)` as the site writes it in an address: `Kafka+(Honkai:+Star+Rail)`."""
    tag = tag.replace("_", " ")
    if tag == tag.lower():
        tag = re.sub(r"(?:^|(?<=[ (]))\w", lambda first: first[0].upper(), tag)
    return quote(tag, safe="()!:' ").replace(" ", "+")
