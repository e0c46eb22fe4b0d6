"""CLIP's tokenizer, for counting: text is mended, lower-cased, cut into words, and each word into pieces by merges.

Equal to `CLIPTokenizer` of transformers with ftfy, as the trainer has it, but for text ftfy takes for mojibake.
"""

import html
import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path

_HUB = "models--openai--clip-vit-large-patch14"
_FOLDER = "openai_clip-vit-large-patch14"
_MOST_MERGES = 48_894  # of a list that goes on, CLIP takes these
_RARE = 40_000  # merges from here on make `sks` and `ohwx`, which mean nothing

# What CLIP takes for a word. A letter is not what Python's `\w` says: see `_words`.
_ASCII_WORD = re.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", re.IGNORECASE
)
_ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,24};")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]")
_TERMINAL = re.compile("\x1b\\[((?:\\d|;)*)([a-zA-Z])")
# What ftfy writes for one sign of typography.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u02bc\u2018\u2019\u201a\u201b", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
        **{"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st"},
        **{"Ĳ": "IJ", "ĳ": "ij", "ŉ": "ʼn", "Ǆ": "DŽ", "ǅ": "Dž", "ǆ": "dž", "Ǉ": "LJ", "ǈ": "Lj", "ǉ": "lj"},
        **{"Ǌ": "NJ", "ǋ": "Nj", "ǌ": "nj", "Ǳ": "DZ", "ǲ": "Dz", "ǳ": "dz"},
        **{chr(code): unicodedata.normalize("NFKC", chr(code)) for code in (0x3000, *range(0xFF01, 0xFFF0))},
    }
)


class Clip:
    """CLIP's merges.

    Args:
        merges: rank by the pair, as `left right`.

    Attributes:
        costs: pieces by run of text without blanks, as far as it was asked for.
    """

    def __init__(self, merges: Mapping[str, int]) -> None:
        self._merges = merges
        self.costs: dict[str, int] = {}
        self._pieces = lru_cache(maxsize=65_536)(self._merged)

    @classmethod
    def read(cls, file: Path) -> "Clip":
        """Reads `merges.txt` or `tokenizer.json`.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no list of merges.
        """
        text = file.read_bytes().decode()
        if file.suffix == ".json":
            try:
                listed = json.loads(text)["model"]["merges"]
                lines = [pair if isinstance(pair, str) else " ".join(pair) for pair in listed]
            except (LookupError, TypeError) as error:
                raise ValueError(f"{file.name} holds no merges") from error
        else:
            lines = [line for line in text.split("\n") if line and not line.startswith("#version")]
        merges = {pair: rank for rank, pair in enumerate(lines[:_MOST_MERGES])}
        if "i n" not in merges or not all(" " in pair for pair in lines[:100]):
            raise ValueError(f"{file.name} holds no merges of CLIP")
        return cls(merges)

    def count(self, text: str) -> int:
        """Tokens of `text`, without those for its beginning and end."""
        return sum(map(self.cost, mended(text).split()))

    def cost(self, run: str) -> int:
        """Tokens of a run without blanks, of text that is `mended`."""
        known = self.costs.get(run)
        if known is None:
            known = sum(len(self._pieces(word)) for word in _words(run))
            if len(self.costs) > 500_000:
                self.costs.clear()
            self.costs[run] = known
        return known

    def common(self, word: str) -> bool:
        """Whether a lower-case word of letters is one token, and not one of the rare ones at the list's end."""
        splits = (f"{word[:at]} {word[at:]}</w>" for at in range(1, len(word)))
        ranks = [rank for split in splits if (rank := self._merges.get(split)) is not None]
        return bool(ranks) and min(ranks) < _RARE

    def pieces(self, text: str) -> list[str]:
        """The tokens of `text`, as text; one that ends a word has a blank behind it."""
        found = [piece for run in mended(text).split() for word in _words(run) for piece in self._pieces(word)]
        return [_as_text(piece) for piece in found]

    def _merged(self, word: str) -> tuple[str, ...]:
        """A word's pieces: of all pairs of neighbours the one of the lowest rank is joined, again and again."""
        if word in ("<|startoftext|>", "<|endoftext|>"):
            return (word,)
        parts = [_SYMBOLS[byte] for byte in word.encode("utf-8", "replace")]
        parts[-1] += "</w>"
        last = len(parts)
        after = [*range(1, last + 1)]
        before = [*range(-1, last - 1)]
        ranks = self._merges
        queue = [
            (rank, at, f"{left} {right}")
            for at, (left, right) in enumerate(pairwise(parts))
            if (rank := ranks.get(f"{left} {right}")) is not None
        ]
        heapify(queue)
        while queue:
            _, at, pair = heappop(queue)
            right = after[at]
            # What was joined meanwhile is another pair now.
            if not parts[at] or right >= last or f"{parts[at]} {parts[right]}" != pair:
                continue
            parts[at] += parts[right]
            parts[right] = ""
            after[at] = beyond = after[right]
            if beyond < last:
                before[beyond] = at
                if (rank := ranks.get(f"{parts[at]} {parts[beyond]}")) is not None:
                    heappush(queue, (rank, at, f"{parts[at]} {parts[beyond]}"))
            if (left_at := before[at]) >= 0 and (rank := ranks.get(f"{parts[left_at]} {parts[at]}")) is not None:
                heappush(queue, (rank, left_at, f"{parts[left_at]} {parts[at]}"))
        return tuple(part for part in parts if part)


def mended(text: str) -> str:
    """What ftfy makes of text, in lower case."""
    if "&" in text and "<" not in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_PLAIN))
    if not text.isprintable():
        text = _CONTROL.sub("", _TERMINAL.sub("", text))
    return text.lower()


def files(named: Path | None, shared: Path | None, hub: Path) -> list[Path]:
    """Files on this machine that hold CLIP's merges, the likeliest first.

    Args:
        named, shared: folders of tokenizers, as the trainer's `--tokenizer_cache_dir` fills them.
        hub: the hub client's cache.
    """
    folders = [place / _FOLDER for place in (named, shared) if place is not None]
    folders += sorted((hub / _HUB / "snapshots").glob("*"))
    candidates = [folder / name for folder in folders for name in ("merges.txt", "tokenizer.json")]
    return [file for file in candidates if file.is_file()]


def _words(run: str) -> list[str]:
    """What CLIP takes for words in a run without blanks."""
    if run.isascii():
        return _ASCII_WORD.findall(run)
    # Letters and numbers of other scripts stand for one of the two; all else is neither.
    shadow = "".join(
        char if char.isascii() else {"L": "a", "N": "0"}.get(unicodedata.category(char)[0], "-") for char in run
    )
    return [run[found.start() : found.end()] for found in _ASCII_WORD.finditer(shadow)]


def _symbols() -> list[str]:
    """The sign for each byte: printable ones for themselves, the others from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    signs = {byte: chr(byte) for byte in plain}
    others = (byte for byte in range(256) if byte not in signs)
    signs |= {byte: chr(256 + number) for number, byte in enumerate(others)}
    return [signs[byte] for byte in range(256)]


_SYMBOLS = _symbols()
_BYTES = {sign: byte for byte, sign in enumerate(_SYMBOLS)}


def _as_text(piece: str) -> str:
    if piece.startswith("<|"):
        return piece
    bare = piece.removesuffix("</w>")
    text = bytes(_BYTES[sign] for sign in bare).decode("utf-8", "replace")
    return text + " " if bare != piece else text
