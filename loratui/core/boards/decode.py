"""Answers of boards read without trust: JSON or XML by the first byte, times in every form they come in."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec

_Record = TypeVar("_Record", bound=msgspec.Struct)

_LARGEST = 2**63 - 1
"""Whatever a board says is a number is kept in SQLite sooner or later, which holds no more."""

Id = Annotated[int, msgspec.Meta(ge=1, le=_LARGEST)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
Whole = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]

_RATING = {"g": "g", "general": "g", "safe": "g", "sensitive": "s"}
_RATING |= {"q": "q", "questionable": "q", "e": "e", "explicit": "e"}


_WITHOUT_CONTROLS = bytes(0x20 if byte < 0x20 else byte for byte in range(256))
_NO_CHARACTER = re.compile(rb"&#(?:0*(?:[0-9]|[12][0-9]|3[01])|[xX]0*(?:[0-9a-fA-F]|1[0-9a-fA-F]));")
"""Control characters written by their numbers: no XML may have them, and one in a tag would cost the page."""


def is_xml(raw: bytes) -> bool:
    """Whether the answer is XML (or HTML): its content type cannot be believed on the older engines."""
    return raw.lstrip()[:1] == b"<"


def json_document(raw: bytes) -> Any:
    """The decoded JSON.

    Raises:
        ValueError: it is not JSON, or nested without end.
    """
    try:
        try:
            return msgspec.json.decode(raw)
        except ValueError:
            # Zerochan has raw control characters within strings; outside of them they are white space anyway. Bytes
            # that are no UTF-8 stand in old sources and names.
            return msgspec.json.decode(raw.translate(_WITHOUT_CONTROLS).decode("utf-8", "replace"))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("nested too deep") from None


def xml_root(raw: bytes) -> ElementTree.Element:
    """The root element.

    Raises:
        ValueError: it is not XML, or declares a document type (boards never do; entity bombs need it).
    """
    if b"<!DOCTYPE" in raw[:4096] or b"<!ENTITY" in raw:
        raise ValueError("a document type declaration")
    try:
        return ElementTree.fromstring(_NO_CHARACTER.sub(b" ", raw.translate(_WITHOUT_CONTROLS)))
    except (ElementTree.ParseError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise ValueError(str(error)) from error


def xml_records(root: ElementTree.Element) -> list[dict[str, str]]:
    """Each child of `root` as a mapping, of attributes or of child elements; empty values are left out."""
    found = []
    for element in root:
        values = dict(element.attrib)
        values.update({child.tag: " ".join((child.text or "").split()) for child in element})
        found.append({key: value.strip() for key, value in values.items() if value.strip()})
    return found


_MOST_ODD = 8
_PLACE = re.compile(r" - at `\$\.([^`]+)`$")


def records(items: Sequence[Any], kind: type[_Record]) -> Iterator[_Record]:
    """Each of `items` that can be read as `kind`; one record out of shape does not cost the page.

    A field out of shape does not cost the record either, but for those without which it is none: boards write "" for
    an unknown number today, and something else tomorrow.
    """
    for item in items:
        for _ in range(_MOST_ODD):
            try:
                yield msgspec.convert(item, kind, strict=False)
                break
            except msgspec.ValidationError as error:
                place = _PLACE.search(str(error))
                if place is None or not _dropped(item, place[1]):
                    break


def _dropped(item: Any, place: str) -> bool:
    """Takes the field at `place` (`a.b`; of lists and mappings the whole: `a[...].b`) out of a record."""
    *parents, last = place.partition("[")[0].split(".")
    for name in parents:
        item = item.get(name) if isinstance(item, dict) else None
    if not isinstance(item, dict) or last not in item:
        return False
    del item[last]
    return True


def rating(word: str | None, letter_s: str) -> str:
    """One of g, s, q, e, or "".

    Args:
        word: a letter or a word.
        letter_s: what the letter `s` means there: `s` for sensitive, `g` for safe.
    """
    word = (word or "").lower()
    return letter_s if word == "s" else _RATING.get(word, "")


def extension(url: str, default: str = "") -> str:
    """The file type at the end of an address, lower case, `jpeg` as `jpg`; never longer than five characters."""
    _, dot, suffix = urlsplit(url).path.rpartition("/")[2].rpartition(".")
    suffix = suffix.lower() if dot and len(suffix) <= 5 and suffix.isalnum() else default.lower()
    return "jpg" if suffix in ("jpeg", "jpe", "jfif") else suffix


def address(url: str | None, base: str) -> str:
    """An http(s) address: a relative one is completed with `base`; anything that is no web address becomes ""."""
    if not url:
        return ""
    if url.startswith("//"):
        url = f"{urlsplit(base).scheme}:{url}"
    elif url.startswith("/"):
        url = base.rstrip("/") + url
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("https", "http") and parts.netloc else ""


def amount(value: Any) -> int | None:
    """A number of posts out of a number or a word; None for whatever is none."""
    try:
        return msgspec.convert(value, Amount, strict=not isinstance(value, str))
    except msgspec.ValidationError:
        return None


def moment(value: Any) -> str:
    """RFC 3339 in UTC out of an epoch, ISO 8601, `Sat Sep 26 03:51:09 -0500 2026` or `{"s": epoch}`; else ""."""
    if isinstance(value, dict):
        value = value.get("s")
    try:
        if isinstance(value, str) and not value.isdigit():
            iso = value[:4].isdigit()
            read = datetime.fromisoformat(value) if iso else datetime.strptime(value, "%a %b %d %H:%M:%S %z %Y")
            read = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        else:
            read = datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
    return read.strftime("%Y-%m-%dT%H:%M:%SZ")


def md5(value: str | None) -> str:
    """32 lower-case hex digits, or ""."""
    return _digits(value, 32)


def sha512(value: str | None) -> str:
    """128 lower-case hex digits, or ""."""
    return _digits(value, 128)


def _digits(value: str | None, count: int) -> str:
    value = (value or "").lower()
    return value if len(value) == count and all(digit in "0123456789abcdef" for digit in value) else ""
