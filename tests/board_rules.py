"""How the engines read a query: their limits, their words, and what they silently make of words they do not know.

After their sources where these are public (danbooru, e621ng, moebooru, philomena); written apart from the program's own
planner, so that one does not confirm the other.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.boards_server import Sample

_FREE = (
    "status rating limit is id date age filesize filetype parent child md5 width height duration mpixels ratio score "
    "upvotes downvotes favcount embedded tagcount pixiv"
)
DANBOORU_FREE = frozenset(_FREE.split())
NUMBERS: dict[str, Callable[["Sample"], float]] = {
    "id": lambda s: s.id,
    "width": lambda s: s.width,
    "height": lambda s: s.height,
    "score": lambda s: s.score,
    "mpixels": lambda s: s.width * s.height / 1e6,
    "ratio": lambda s: round(s.width / s.height, 2),
    "filesize": lambda s: len(s.data),
    "tagcount": lambda s: len(s.words),
}
SECONDS = {"s": 1, "mi": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2629800, "y": 31557600}
Match = Callable[["Sample"], bool]


class Refused(Exception):
    """The site answers with an error.

    Attributes:
        status: of HTTP.
        message: what it says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def find(engine: str, samples: Sequence["Sample"], query: str, tag_limit: int | None = None) -> list["Sample"]:
    """The posts of a query in the order in which the site gives them."""
    words = query.lower().split()
    if engine == "danbooru":
        return _danbooru(samples, words, tag_limit)
    if engine == "e621":
        return _e621(samples, words)
    if engine == "moebooru":
        return _moebooru(samples, words)
    if engine == "philomena":
        return [sample for sample in samples if not sample.deleted and _philomena(query)(sample)]
    return _gelbooru(samples, words, new=engine == "gelbooru")


def _danbooru(samples: Sequence["Sample"], words: list[str], tag_limit: int | None) -> list["Sample"]:
    counted = [word for word in words if word.lstrip("-~").partition(":")[0] not in DANBOORU_FREE]
    if tag_limit is not None and len(counted) > tag_limit:
        raise Refused(422, f"You cannot search for more than {tag_limit} tags at a time.")
    known = DANBOORU_FREE | {"order", "user", "fav", "pool", "source"}
    deleted = any(word.startswith("status:") for word in words)
    return _sorted(_all(samples, words, known, _danbooru_rating), words, "order", deleted)


def _danbooru_rating(sample: "Sample", value: str) -> bool:
    return sample.rating in {{"safe": "g"}.get(part, part[:1]) for part in value.split(",")}


def _e621(samples: Sequence["Sample"], words: list[str]) -> list["Sample"]:
    if len(words) > 40:
        raise Refused(422, "You cannot search for more than 40 tags at a time")
    for word in words:
        if word.startswith("~") and "*" in word:
            raise Refused(422, f'{word}: (Can\'t have a "*" in a tag prefixed with "~")')
    known = frozenset({*NUMBERS, "rating", "type", "md5", "parent", "date", "age", "status", "order", "user"})

    def rating(sample: "Sample", value: str) -> bool:
        letter = {"g": "s"}.get(sample.rating, sample.rating)
        return value[:1] not in "sqe" or letter == value[:1]  # whatever else is ignored

    deleted = any(word.startswith("status:") for word in words)
    return _sorted(_all(samples, words, known, rating), words, "order", deleted)


def _moebooru(samples: Sequence["Sample"], words: list[str]) -> list["Sample"]:
    metatags = (
        r"(ratio|deleted|ext|user|md5|-rating|rating|width|height|mpixels|score|source|id|date|parent|order):(.+)"
    )
    once: dict[str, str] = {}
    wanted, unwanted, some = [], [], []
    for word in dict.fromkeys(words):
        if read := re.fullmatch(metatags, word):
            once[read[1]] = read[2]  # the last one counts
        elif word.startswith("-") and len(word) > 1:
            unwanted.append(word[1:])  # `-width:5` is a tag nobody has
        elif word.startswith("~") and len(word) > 1:
            some.append(word[1:])
        elif "*" in word:
            names = sorted({tag for sample in samples for tag in sample.words if fnmatchcase(tag, word)})
            some += names[:25] or ["~no_matches~"]
        else:
            wanted.append(word)
    if len(wanted) > 6 or len(unwanted) > 6:
        raise Refused(500, "You cannot search for more than 6 tags at a time")
    rating = {"g": "s"}

    def passes(sample: "Sample") -> bool:
        letter = rating.get(sample.rating, sample.rating)
        own = set(sample.words)
        return (
            all(_ranged(sample, key, value) for key, value in once.items() if key in (*NUMBERS, "date"))
            and (once.get("rating", "?")[0] not in "sqe" or letter == once["rating"][0])
            and (once.get("-rating", "?")[0] not in "sqe" or letter != once["-rating"][0])
            and ("md5" not in once or sample.md5 in once["md5"].split(","))
            and ("parent" not in once or _moebooru_parent(sample, once["parent"]))
            and own.issuperset(wanted)
            and own.isdisjoint(unwanted)
            and (not some or not own.isdisjoint(some))
            and (not sample.deleted or "id" in once or "deleted" in once)
        )

    found = [sample for sample in samples if passes(sample)]
    return _sorted(found, [f"order:{once['order']}"] if "order" in once else [], "order", True)


def _moebooru_parent(sample: "Sample", value: str) -> bool:
    if value == "none":
        return sample.parent is None
    number = int(value) if value.isdigit() else 0
    return number in (sample.parent, sample.id)


def _gelbooru(samples: Sequence["Sample"], words: list[str], *, new: bool) -> list["Sample"]:
    opening, closing = ("{", "}") if new else ("(", ")")
    names = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit"}
    if not new:
        names |= {"g": "safe", "s": "safe"}
    matches: list[Match] = []
    group: list[str] | None = None
    for word in words:
        if word.startswith(opening) and group is None and not word.endswith(closing) and (new or word == opening):
            group = [word[1:]] if len(word) > 1 else []
        elif group is not None:
            body = word.removesuffix(closing) if new or word == closing else word
            group += [body] if body and body != "~" else []
            if word.endswith(closing) and (new or word == closing):
                tags = frozenset(group)
                matches.append(lambda sample, tags=tags: not tags.isdisjoint(sample.words))  # type: ignore[misc]
                group = None
        else:
            matches.append(_gelbooru_word(word, names))
    found = [sample for sample in samples if not sample.deleted and all(match(sample) for match in matches)]
    return _sorted(found, words, "sort", True)


def _gelbooru_word(word: str, names: dict[str, str]) -> Match:
    if word.startswith("-"):
        inner = _gelbooru_word(word[1:], names)
        return lambda sample: not inner(sample)
    key, _, value = word.partition(":")
    if key == "sort":
        return lambda _: True
    if key == "rating":
        # The mildest has another name from site to site, and that of another site is a word nobody has.
        return lambda sample: names[sample.rating] == value
    if key in ("id", "width", "height", "score"):
        # Ranges and lists are words nobody has.
        return lambda sample: ".." not in value and "," not in value and _ranged(sample, key, value)
    if key == "md5":
        return lambda sample: sample.md5 == value
    if key == "parent":
        return lambda sample: value in (str(sample.parent), str(sample.id))
    return lambda sample: any(fnmatchcase(tag.lower(), word) for tag in sample.words)


def _all(
    samples: Sequence["Sample"],
    words: list[str],
    known: frozenset[str],
    rating: Callable[["Sample", str], bool],
) -> list["Sample"]:
    """With `-`, `~`, `*` and metatags as Danbooru and its offspring have them."""

    def one(sample: "Sample", word: str) -> bool:
        key, colon, value = word.partition(":")
        if not (colon and value and key in known):
            return any(fnmatchcase(tag.lower(), word) for tag in sample.words)
        if key == "rating":
            return rating(sample, value)
        if key in ("filetype", "type"):
            return sample.ext in (value.split(",") if key == "filetype" else [value])
        if key == "md5":
            return sample.md5 in value.split(",")
        if key == "parent":
            if value in ("none", "any"):
                return (sample.parent is None) == (value == "none")
            return value in (str(sample.parent), str(sample.id))
        return _ranged(sample, key, value) if key in (*NUMBERS, "date", "age") else True

    some = [word[1:] for word in words if word.startswith("~") and len(word) > 1]
    rest = [word for word in words if not (word.startswith("~") and len(word) > 1)]
    return [
        sample
        for sample in samples
        if all(not one(sample, word[1:]) if word.startswith("-") else one(sample, word) for word in rest)
        and (not some or any(one(sample, word) for word in some))
    ]


def _sorted(found: list["Sample"], words: list[str], order: str, deleted: bool) -> list["Sample"]:
    found = [sample for sample in found if deleted or not sample.deleted]
    value = next((word.partition(":")[2] for word in words if word.startswith(f"{order}:")), "")
    word, _, direction = value.replace("_", ":").partition(":")
    if word in NUMBERS:
        down = direction != "asc" if word != "id" else direction == "desc"
        return sorted(found, key=NUMBERS[word], reverse=down)
    return found


def _ranged(sample: "Sample", key: str, value: str) -> bool:
    if key == "date":
        return _inside(sample.created, value, _day)
    if key == "age":
        age = datetime.now(UTC).timestamp() - sample.created
        return _inside(age, value, lambda text: (_age(text),) * 2)
    return _inside(NUMBERS[key](sample), value, lambda text: (_number(text),) * 2)


def _inside(number: float, value: str, read: Callable[[str], tuple[float, float]]) -> bool:
    if "," in value:
        return any(_inside(number, part, read) for part in value.split(","))
    if ".." in value:
        low, _, high = value.partition("..")
        return (not low or number >= read(low)[0]) and (not high or number <= read(high)[1])
    comparisons: dict[str, Callable[[float, float], bool]] = {
        ">=": lambda first, last: number >= first,
        "<=": lambda first, last: number <= last,
        ">": lambda first, last: number > last,
        "<": lambda first, last: number < first,
    }
    for sign, holds in comparisons.items():
        if value.startswith(sign):
            return holds(*read(value.removeprefix(sign)))
    first, last = read(value)
    return first <= number <= last


def _number(text: str) -> float:
    if ":" in text:
        width, _, height = text.partition(":")
        return round(float(width) / float(height), 2)
    for unit, factor in (("kb", 1024), ("mb", 1024 * 1024)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)


def _day(text: str) -> tuple[float, float]:
    start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    return start, start + 86399


def _age(text: str) -> float:
    read = re.fullmatch(r"(\d+)(s|mi|h|d|w|mo|y)[a-z]*", text)
    if read is None:
        raise Refused(422, f"{text} is no age")
    return int(read[1]) * SECONDS[read[2]]


def _philomena(query: str) -> Match:
    """`a b, -c, (d || e), score.gte:5, "x (y)"`: comma for and, two bars for or."""
    parts = _split(query, ",")
    if len(parts) > 1:
        every = [_philomena(part) for part in parts]
        return lambda sample: all(match(sample) for match in every)
    parts = _split(query, "||")
    if len(parts) > 1:
        some = [_philomena(part) for part in parts]
        return lambda sample: any(match(sample) for match in some)
    word = query.strip()
    if word.startswith("-"):
        inner = _philomena(word[1:])
        return lambda sample: not inner(sample)
    if word.startswith("(") and word.endswith(")"):
        return _philomena(word[1:-1])
    if word == "*":
        return lambda _: True
    if field := re.fullmatch(r"(id|width|height|score)(?:\.(gte|lte|gt|lt))?:(\d+)", word):
        sign = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<", None: ""}[field[2]]
        return lambda sample: _ranged(sample, field[1], sign + field[3])
    tag = word.strip('"').replace("\\", "").lower().replace(" ", "_")
    words = {"g": "safe", "s": "suggestive", "q": "questionable", "e": "explicit"}
    return lambda sample: any(fnmatchcase(own.lower(), tag) for own in (*sample.words, words[sample.rating]))


def _split(text: str, sign: str) -> list[str]:
    """`text` at `sign`, but not inside of parentheses or quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, char in enumerate(text):
        if char == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if depth == 0 and text.startswith(sign, place):
                parts.append(text[start:place])
                start = place + len(sign)
    return [*parts, text[start:]]
