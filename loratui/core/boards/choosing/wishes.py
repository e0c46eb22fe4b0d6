"""What a person wants of the pictures, beyond the QUERY: judged from a post's record, before a byte is fetched."""

from dataclasses import dataclass, fields

from loratui.core.boards.language.times import moment
from loratui.core.boards.post import Post, Variant
from loratui.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wishes:
    """Filters over posts. Plain values, so that a get can be stored and gone on with.

    What a board does not tell of a post (its size, score, time) never leaves it out.

    Attributes:
        min_side: the shorter side has at least this many pixels; 0: any.
        min_mpixels: at least so many million pixels; 0: any.
        max_mpixels: at most so many; 0: any.
        max_crop: the largest share (0 to 1) of the picture that fitting it into a bucket may cut off; None: any.
        ratios: width by height of the training's buckets, for `max_crop`; none: `RATIOS`.
        animated: pictures that move are taken too. Films never are: nothing here trains on them.
        min_score: the board's score is at least this; None: any.
        newer: put up later than this: a date (`2024`, `2024-05`, `2024-05-01`) or an age (`30d`, `2w`, `6mo`, `1y`).
        older: put up earlier than this; written as `newer`.
        without: names of `without.SETS`, and tags (with `*` for anything): posts that have one are left out.
        one_of_family: of a parent post and its children only the one listed first is taken: in a search that is not
            sorted the newest, in one by score the best liked.
        variant_side: the smallest file whose both sides have at least this many pixels is fetched in place of the
            original; 0: the original. See `file`.
    """

    min_side: int = 0
    min_mpixels: float = 0.0
    max_mpixels: float = 0.0
    max_crop: float | None = None
    ratios: tuple[float, ...] = ()
    animated: bool = False
    min_score: int | None = None
    newer: str = ""
    older: str = ""
    without: tuple[str, ...] = ()
    one_of_family: bool = False
    variant_side: int = 0

    def checked(self) -> "Wishes":
        """These wishes.

        Raises:
            UsageError: one of them cannot be meant; the message names it by its option.
        """
        for name, value in (("--min-side", self.min_side), ("--smallest-variant", self.variant_side)):
            _refuse(value < 0, f"{name} {value} is too small.", "Give at least 0.")
        for name, megapixels in (("--min-mpixels", self.min_mpixels), ("--max-mpixels", self.max_mpixels)):
            _refuse(not 0 <= megapixels < 1e6, f"{name} {megapixels:g} is no size of a picture.", "Give such as 0.6.")
        _refuse(
            bool(self.max_mpixels) and self.max_mpixels < self.min_mpixels,
            f"--max-mpixels {self.max_mpixels:g} is less than --min-mpixels {self.min_mpixels:g}.",
            "Change one of them.",
        )
        _refuse(
            self.max_crop is not None and not 0 <= self.max_crop < 1,
            f"--max-crop {self.max_crop} is no share of a picture.",
            "Give a share such as 0.15, or a percentage such as 15%.",
        )
        newer, older = moment(self.newer, "--newer"), moment(self.older, "--older")
        _refuse(
            bool(newer and older) and newer >= older,
            f"--newer {self.newer} --older {self.older} leaves no time between.",
            "Change one of them.",
        )
        return self

    def file(self, post: Post) -> Variant:
        """The file to fetch of `post`: its original, or the smallest still variant that is large enough.

        A variant has fewer pixels than the original, or as many in fewer bytes; its md5 is not known. Where none is
        large enough, or the board offers none, it is the original.
        """
        side, original = self.variant_side, post.original
        if not side:
            return original
        fitting = [
            variant
            for variant in post.variants
            if min(variant.width, variant.height) >= side and _worth(variant) < _worth(original)
        ]
        return min(fitting, key=_worth, default=original)

    def options(self) -> list[str]:
        """These wishes as words of a command line; `ratios` come from the project, not from there."""
        words: list[str] = []
        for name, option in _OPTIONS.items():
            value = getattr(self, name)
            if value == _DEFAULTS[name]:
                continue
            if value is True:
                words.append(option)
            else:
                words += [option, ",".join(value) if isinstance(value, tuple) else f"{value}"]
        return words


_DEFAULTS = {field.name: field.default for field in fields(Wishes)}
_OPTIONS = {
    "min_side": "--min-side",
    "min_mpixels": "--min-mpixels",
    "max_mpixels": "--max-mpixels",
    "max_crop": "--max-crop",
    "animated": "--animated",
    "min_score": "--min-score",
    "newer": "--newer",
    "older": "--older",
    "without": "--without",
    "one_of_family": "--one-of-family",
    "variant_side": "--smallest-variant",
}


def _bucket_ratios() -> tuple[float, ...]:
    """Ratios of sd-scripts' buckets for 1024 × 1024: sides from 256 to 2048 by steps of 64."""
    found = set()
    for width in range(256, 2049, 64):
        height = min(2048, 1024 * 1024 // width // 64 * 64)
        if height >= 256:
            found |= {width / height, height / width}
    return tuple(sorted(found | {1.0}))


RATIOS = _bucket_ratios()
"""The buckets of a training at 1024 pixels, where the caller names none."""


def crop(width: int, height: int, ratios: tuple[float, ...] = RATIOS) -> float:
    """The share of a picture that is cut off to fit it into the nearest of `ratios`; 0 where its size is unknown."""
    if not width or not height:
        return 0.0
    own = width / height
    ratio = min(ratios, key=lambda ratio: abs(ratio - own))  # as sd-scripts chooses
    return 1 - min(own / ratio, ratio / own)


def _worth(variant: Variant) -> tuple[int, int]:
    """Pixels, then bytes; a size that is not known is taken for the largest."""
    return variant.width * variant.height, variant.size if variant.size is not None else 1 << 62


def _refuse(wrong: bool, message: str, remedy: str) -> None:
    if wrong:
        raise UsageError(message, remedy)
