"""The older Gelbooru 0.2: safebooru.org, api.rule34.xxx, tbib.org."""

from collections.abc import Mapping, Sequence

from loratui.core.boards import decode
from loratui.core.boards.board import Cursor, Request
from loratui.core.boards.engines.gelbooru import Gelbooru
from loratui.core.boards.engines.guesses import works
from loratui.core.boards.post import Post

_META = (
    "highres absurdres incredibly_absurdres lowres commentary commentary_request english_commentary translated "
    "translation_request partially_translated check_translation md5_mismatch bad_id bad_pixiv_id bad_twitter_id "
    "duplicate source_request artist_request character_request copyright_request tagme scan official_art game_cg "
    "third-party_edit revision photoshop_(medium) paid_reward paid_reward_available commission skeb_commission "
    "second-party_source third-party_source symbol-only_commentary mixed-language_commentary korean_commentary "
    "chinese_commentary japanese_commentary hashtag-only_commentary variant_set resized upscaled jpeg_artifacts "
    "animated animated_gif video sound tall_image wide_image widescreen"
)
_HOUSEKEEPING = frozenset(_META.split())


class Gelbooru02(Gelbooru):
    """Counts by XML; categories inline where the site has `tag_info`, else guessed; no envelope around its JSON."""

    ENGINE = "gelbooru02"
    RATING_WORDS = ("safe", "safe", "questionable", "explicit")
    MAX_PAGE = 2000
    TAGS_PER_CALL = 1
    NOTHING_IS_EMPTY = True

    def posts_request(self, terms: Sequence[str], cursor: Cursor, limit: int) -> Request:
        request = super().posts_request(terms, cursor, limit)
        if self.config.xml:
            return Request(request.path, tuple(param for param in request.params if param[0] != "json"))
        return Request(request.path, (*request.params, ("fields", "tag_info")))

    def count_request(self, terms: Sequence[str]) -> Request | None:
        if self.config.xml:  # then the posts come with their count
            return None
        params = (("page", "dapi"), ("s", "post"), ("q", "index"), ("limit", "1"), ("tags", " ".join(terms)))
        return Request("/index.php", params)

    def tags_requests(self, tags: Sequence[str]) -> list[Request]:
        call = (("page", "dapi"), ("s", "tag"), ("q", "index"))
        return [Request("/index.php", (*call, ("name", tag))) for tag in tags]

    def complete_request(self, word: str) -> Request | None:
        return Request("/autocomplete.php", (("q", word),), for_all=True)

    def rating_terms(self, wanted: frozenset[str]) -> list[str]:
        # The word for the mildest rating differs from site to site (safe, general): name only what is not wanted.
        mild = [] if wanted & {"g", "s"} else ["safe", "general"]
        bad = [word for letter, word in (("q", "questionable"), ("e", "explicit")) if letter not in wanted]
        return [f"-rating:{word}" for word in mild + bad]

    def either(self, tags: Sequence[str]) -> list[str]:
        return [f"( {' ~ '.join(tags)} )"] if len(tags) > 1 else list(tags)

    def guess_categories(self, post: Post) -> Mapping[str, str]:
        """Words of housekeeping by name, characters and works by each other."""
        tags = post.all_tags()
        return dict.fromkeys(tags & _HOUSEKEEPING, "meta") | works(tags)

    def count(self, raw: bytes) -> int | None:
        return super().count(raw) if decode.is_xml(raw) else None
