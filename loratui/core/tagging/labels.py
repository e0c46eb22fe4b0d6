"""Label files of taggers (`selected_tags.csv`): row n names output n, so a row is never dropped.

Real files hold blank rows in the middle, ids and counts as floats or not at all (re-saved with pandas), names with
doubled quotes, a byte order mark, CRLF. Only `name` and `category` are read.
"""

import csv
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from loratui.core.errors import LoratuiError

GENERAL, CHARACTER, RATING = "general", "character", "rating"
_CATEGORIES = {0: GENERAL, 1: "artist", 3: "copyright", 4: CHARACTER, 5: "meta", 9: RATING}
_REMEDY = "Use the selected_tags.csv that came with the model."


@dataclass(frozen=True, slots=True)
class Label:
    """What one output of the network means.

    Attributes:
        name: as in the file, with underscores; "" for a blank row, which is never given to an image.
        category: general, character, rating, artist, copyright or meta; "" for a blank row.
    """

    name: str
    category: str


def read(path: Path) -> tuple[Label, ...]:
    """The labels of a file, one per output, in the outputs' order.

    Raises:
        LoratuiError: it cannot be read, is no such file, or a row makes no sense; the sentence names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise LoratuiError(f"{path} cannot be read: {error.strerror}.", _REMEDY) from error
    except UnicodeDecodeError as error:
        raise LoratuiError(f"{path} is not UTF-8 text (byte {error.start}).", _REMEDY) from error
    try:
        rows = list(csv.reader(StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise LoratuiError(f"{path} is no label file: {error}.", _REMEDY) from error
    while rows and not any(rows[-1]):  # empty lines at the end are no outputs
        rows.pop()
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "name" not in header or "category" not in header:
        raise LoratuiError(f"{path} is no label file: it has no columns `name` and `category`.", _REMEDY)
    name_column, category_column = header.index("name"), header.index("category")
    labels = []
    for number, row in enumerate(rows[1:], 2):
        name = row[name_column] if name_column < len(row) else ""
        category = row[category_column].strip() if category_column < len(row) else ""
        if not name.strip() and not category:
            labels.append(Label("", ""))
            continue
        if not name.strip() or "," in name or not name.isprintable():
            raise LoratuiError(f"{path}, row {number}: {name!r} cannot be a tag.", _REMEDY)
        labels.append(Label(name.strip(), _category(path, number, category)))
    if not labels:
        raise LoratuiError(f"{path} names no labels.", _REMEDY)
    return tuple(labels)


def _category(path: Path, number: int, text: str) -> str:
    try:
        return _CATEGORIES[int(float(text))]
    except (ValueError, OverflowError, KeyError):
        raise LoratuiError(f"{path}, row {number}: category {text!r} is unknown.", _REMEDY) from None
