"""What a copy is to the picture it is a copy of, as a class and in words: "60 %, JPEG q75, cropped 2 %"."""

from typing import Literal

from loratui.core.images.compare import Difference
from loratui.core.images.hashing import WHOLE
from loratui.core.images.survey import Facts
from loratui.core.images.verify import Comparison, zoom

Relation = Literal["identical", "same", "recolour", "variant"]

DEFAULT_HARDNESS = 97
# Levels of the worst tiles up to which a pair is the same picture at the default hardness, and of colours that are
# only more or less saturated. Chosen on 522 files: recall .94, precision .96 over pairs.
_LOCAL = 14.0
_COLOUR = 6.0


def tolerance(hardness: int) -> float:
    """What is forgiven, as a share of what is at the default hardness; 0 at hardness 100, falling all the way."""
    return (100 - hardness) / (100 - DEFAULT_HARDNESS)


def relation(comparison: Comparison, hardness: int = DEFAULT_HARDNESS) -> Relation:
    """The class of a pair whose pixels were compared.

    `identical`: the same pixels; `same`: one picture in two states (compressed, resized, cropped, mirrored, toned …);
    `recolour`: one drawing in other colours; `variant`: something in the picture differs.
    """
    if comparison.equal:
        return "identical"
    forgiven = tolerance(hardness)
    if comparison.difference.local > _LOCAL * forgiven:
        return "variant"
    return "recolour" if comparison.difference.colour > _COLOUR * forgiven else "same"


def words(base: Facts, copy: Facts, comparison: Comparison) -> str:
    """What was done to `base` to get `copy`, as far as it can be seen; `comparison` is of these two, in this order."""
    said: list[str] = []
    difference = comparison.difference
    size = zoom(base, copy, comparison.view, comparison.other, difference)
    if not 0.97 < size < 1.03:
        said.append(f"enlarged to {size:.0%}".replace("%", " %") if comparison.enlarged == 2 else f"{size * 100:.0f} %")
    if copy.format != base.format or (copy.quality or 0) != (base.quality or 0):
        named = (
            "JPEG" if copy.format == "JPEG" else {"WEBP": "WebP", "JPEG2000": "JPEG 2000"}.get(copy.format, copy.format)
        )
        said.append(f"{named} q{copy.quality}" if copy.quality else named)
    said.extend(_framing(base, copy, comparison))
    if comparison.mirrored:
        said.append("mirrored")
    if base.look.transparent and not copy.look.transparent:
        ground = base.look.views[comparison.view].background
        said.append(f"flattened on {ground}")
    if copy.look.grey and not base.look.grey:
        said.append("grey")
    elif not base.look.grey and not 0.85 < difference.saturation < 1.15:
        said.append("stronger colours" if difference.saturation > 1 else "weaker colours")
    if abs(difference.tone) > 5:
        said.append("brighter" if difference.tone > 0 else "darker")
    if not said:
        said.append("the same pixels in another file" if comparison.equal else "saved again")
    return ", ".join(said)


def differs(comparison: Comparison) -> str:
    """What is different in a variant, in words."""
    difference = comparison.difference
    if difference.box is None:
        return "other colours" if difference.colour > _COLOUR else "small differences"
    left, top, right, bottom = difference.box
    mirrored = ", mirrored" if comparison.mirrored else ""
    if difference.share > 0.4:
        return f"{difference.share * 100:.0f} % of the picture{mirrored}"
    across, down = (left + right) / 2, (top + bottom) / 2
    row = "top" if down < 0.36 else "bottom" if down > 0.64 else ""
    column = "left" if across < 0.36 else "right" if across > 0.64 else ""
    place = " ".join(part for part in (row, column) if part) or "middle"
    share = f"{difference.share * 100:.0f} %" if difference.share >= 0.01 else "a small part"
    return f"{share} of the picture, {place}{mirrored}".replace("a small part of the picture", "a small part")


def _framing(base: Facts, copy: Facts, comparison: Comparison) -> list[str]:
    """Crops and borders. Placement says how much of the base one copy pixel spans: above 1 the copy shows less."""
    said: list[str] = []
    bordered = copy.look.views[comparison.other].box != WHOLE
    if bordered and base.look.views[comparison.view].box == WHOLE:
        said.append("with a border")
    elif not bordered and base.look.views[comparison.view].box != WHOLE:
        said.append("border cut off")
    widest = max(_placement(comparison.difference))
    narrowest = min(_placement(comparison.difference))
    if widest > 1.012:
        said.append(f"cropped {max(1, round((1 - 1 / widest) * 100))} %")
    elif narrowest < 0.988:
        said.append(f"shows {max(1, round((1 / narrowest - 1) * 100))} % more")
    return said


def _placement(difference: Difference) -> tuple[float, float]:
    return difference.placement[0], difference.placement[1]
