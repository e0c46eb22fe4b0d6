"""Whether two pictures that hash alike are the same picture: their pixels laid over each other.

A global hash cannot tell a recompressed copy from another expression of the same figure. This can: both are squeezed to
256 × 256, aligned (scale and shift, as crops and borders leave them), their tone is fitted (brightness, contrast,
saturation, as edits change them), and what is left is looked at in tiles of 8 × 8: a copy differs a little everywhere,
a variant differs much somewhere.
"""

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

SIDE = 256
_TILE = 8
_TILES = SIDE // _TILE
# Tiles at the rim are not judged: watermarks, signatures and what a crop leaves lie there.
_RIM = _TILES // 8
# Edges move by parts of a pixel when a picture is resized: so much of the local gradient is forgiven.
_EDGE_SHARE = numpy.float32(0.22)
# So far apart one way, the other way is not tried.
_HOPELESS = 90.0
# Blurs of 1 2 1 that the colour of what is left goes through.
_BLEEDING = 4
# A tile that differs by more than this is part of "what differs".
_SEEN = 12.0
_GREY = 2.0
# Levels that a pixel may be off and still count while aligning: at first, and by what it shrinks each round.
_PATIENCE = 60.0
_IMPATIENCE = 0.82
_LUMA = numpy.array([0.299, 0.587, 0.114], numpy.float32)

Floats = NDArray[numpy.float32]
# Scale x, scale y, shift x, shift y: where a point of the first square lies in the second, both −0.5 … 0.5.
Placement = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Square:
    """A picture squeezed to 256 × 256 and made ready for comparing.

    Attributes:
        rgb: levels, slightly blurred, so that sharpness does not count.
        edges: strength of the local gradient.
        levels: brightness and its gradients (per side of the square) at 128, 64 and 32 pixels.
        colour: mean distance from grey.
    """

    rgb: Floats
    edges: Floats
    levels: tuple[Floats, Floats, Floats]
    colour: float

    @classmethod
    def of(cls, pixels: NDArray[numpy.uint8]) -> "Square":
        """From 256 × 256 × 3 levels."""
        rgb = _blurred(pixels.astype(numpy.float32))
        down, right = numpy.gradient(rgb, axis=(0, 1))
        half = _halved(rgb @ _LUMA)
        quarter = _halved(half)
        edges = _strongest(numpy.abs(down) + numpy.abs(right))
        levels = (_with_gradients(half), _with_gradients(quarter), _with_gradients(_halved(quarter)))
        return cls(rgb, edges, levels, float(numpy.abs(_chroma(rgb)).mean()))

    def mirrored(self) -> "Square":
        """The same with left and right changed."""
        turned = [level[:, ::-1] * numpy.array([1, -1, 1], numpy.float32) for level in self.levels]
        rgb, edges = self.rgb[:, ::-1], self.edges[:, ::-1]
        return Square(numpy.ascontiguousarray(rgb), edges, (turned[0], turned[1], turned[2]), self.colour)


@dataclass(frozen=True, slots=True)
class Difference:
    """How a second square differs from a first.

    Attributes:
        local: levels by which the worst three tiles differ once placement and tone are fitted: about 3 for copies
            (9 of 10 below 8.5), about 100 for variants.
        colour: levels by which colours differ apart from saturation: a recolour has more than 6.
        tone: levels by which the second is brighter (darker if negative).
        saturation: colour strength of the second as a share of the first's; 1 where both are grey.
        placement: see `Placement`.
        box: where the tiles are that differ, left, top, right, bottom as shares of the first; None: none does.
        share: the part of the tiles that differ, 0–1.
    """

    local: float
    colour: float
    tone: float
    saturation: float
    placement: Placement
    box: tuple[float, float, float, float] | None
    share: float


def difference(first: Square, second: Square) -> Difference:
    """How `second` differs from `first`."""
    placement = _align(first, second)
    laid, valid = _warp(numpy.dstack([second.rgb, second.edges]), placement)
    rgb, edges = laid[..., :3], _EDGE_SHARE * numpy.maximum(first.edges, laid[..., 3])
    colourless = min(first.colour, second.colour) < _GREY
    one, other = ((first.rgb @ _LUMA)[..., None], (rgb @ _LUMA)[..., None]) if colourless else (first.rgb, rgb)
    # Tone can be taken from a picture but not given back (clipped highlights, grey): the better direction counts.
    local, tiles = numpy.inf, numpy.zeros((_TILES, _TILES), numpy.float32)
    for target, source in ((one, other), (other, one)):
        apart = target - _toned(target, source, valid, colourless)
        rest = _strongest(numpy.abs(apart) if colourless else _colour_eased(apart)) - edges
        found = _tile_means(numpy.maximum(rest, 0), valid)
        inner = found[_RIM:-_RIM, _RIM:-_RIM].ravel()
        worst = float(numpy.sort(inner)[-3:].mean())
        if worst < local:
            local, tiles = worst, found
        if local < _GREY or local > _HOPELESS:
            break
    colour, saturation = (0.0, 1.0) if colourless else _colours(first.rgb, rgb, valid)
    if colourless and first.colour >= _GREY:
        saturation = 0.0
    brighter = float(((rgb @ _LUMA) - (first.rgb @ _LUMA))[valid].mean()) if valid.any() else 0.0
    seen = tiles > _SEEN
    return Difference(local, colour, brighter, saturation, placement, _box(seen), float(seen.mean()))


def _colour_eased(apart: Floats) -> Floats:
    """Differences with the colour in them blurred: JPEG keeps colour at half the resolution, it bleeds over edges."""
    luma = (apart @ _LUMA)[..., None]
    colour = apart - luma
    for _ in range(_BLEEDING):
        colour = _blurred(colour)
    result: Floats = numpy.abs(luma + colour)
    return result


def enlarged(large: NDArray[numpy.uint8], small: NDArray[numpy.uint8], zoom: float) -> bool:
    """Whether a picture was only scaled up: it has nothing finer than a smaller copy of it can hold.

    Args:
        large: grey levels of the larger picture.
        small: grey levels of the smaller one.
        zoom: how many times larger the same thing is in `large`, more than 1.
    """
    # What is lost in shrinking by the zoom and growing back, against what the small one loses by the same.
    return _finest(large, zoom) < 0.4 * _finest(small, zoom)


def _finest(grey: NDArray[numpy.uint8], zoom: float) -> float:
    from PIL import Image

    image = Image.fromarray(grey)
    size = (max(8, round(image.width / zoom)), max(8, round(image.height / zoom)))
    back = image.resize(size, Image.Resampling.LANCZOS).resize(image.size, Image.Resampling.LANCZOS)
    rest = numpy.asarray(back).astype(numpy.float32) - grey
    return float(numpy.sqrt((rest**2).mean()))


def _align(first: Square, second: Square) -> Placement:
    """Lucas–Kanade on brightness with gain and offset, coarse to fine.

    Pixels that differ much weigh little, so that a variant is aligned by what it shares. At first all count: while the
    two are apart, it is the edges that differ, and they alone tell where to go.
    """
    place = numpy.array([1.0, 1.0, 0.0, 0.0])
    gain, offset = 1.0, 0.0
    patience = _PATIENCE
    for level, rounds in ((2, 10), (1, 8), (0, 5)):
        target = first.levels[level][..., 0]
        side = len(target)
        along = (numpy.arange(side, dtype=numpy.float32) + 0.5) / side - 0.5
        slopes = numpy.ones((side, side, 6), numpy.float32)
        for _ in range(rounds):
            laid, valid = _warp(second.levels[level], tuple(place))
            slopes[..., 0] = laid[..., 1] * along[None, :]
            slopes[..., 1] = laid[..., 2] * along[:, None]
            slopes[..., 2:4] = laid[..., 1:]
            slopes[..., :4] *= max(abs(gain), 0.2) * (1 if gain >= 0 else -1)
            slopes[..., 4] = laid[..., 0]
            rest = numpy.abs(target - (gain * laid[..., 0] + offset))
            spread = max(float(numpy.median(rest[::2, ::2])) * 1.5 + 1.0, patience)
            patience *= _IMPATIENCE
            weights = (valid / (1 + (rest / (2 * spread)) ** 2)).reshape(-1, 1)
            flat = slopes.reshape(-1, 6)
            weighted = flat * weights
            normal = (weighted.T @ flat).astype(numpy.float64)
            normal[range(4), range(4)] += 1e-3 * normal[range(4), range(4)].mean() + 1e-6
            normal[5, 5] += 1e-6
            step = numpy.linalg.lstsq(normal, (weighted.T @ target.reshape(-1)).astype(numpy.float64), rcond=None)[0]
            move = numpy.clip(step[:4], -0.04, 0.04)
            gain, offset = float(step[4]), float(step[5])
            place += move
            place[:2] = numpy.clip(place[:2], 0.75, 1.33)
            place[2:] = numpy.clip(place[2:], -0.2, 0.2)
            if numpy.abs(move).max() < 3e-4:
                break
    return (float(place[0]), float(place[1]), float(place[2]), float(place[3]))


def _warp(image: Floats, place: tuple[Any, ...]) -> tuple[Floats, NDArray[numpy.bool_]]:
    """`image` sampled where `place` says, and which of the points lie inside it: rows first, then columns."""
    side = len(image)
    rows, down, inside_rows = _samples(side, place[1], place[3])
    columns, right, inside_columns = _samples(side, place[0], place[2])
    part = image[rows]
    part = part + (image[rows + 1] - part) * down[:, None, None]
    result = part[:, columns]
    result = result + (part[:, columns + 1] - result) * right[None, :, None]
    return result, inside_rows[:, None] & inside_columns[None, :]


def _samples(side: int, scale: float, shift: float) -> tuple[NDArray[numpy.intp], Floats, NDArray[numpy.bool_]]:
    along = (numpy.arange(side, dtype=numpy.float32) + 0.5) / side - 0.5
    at = (along * scale + shift + 0.5) * side - 0.5
    first = numpy.clip(numpy.floor(at), 0, side - 2).astype(numpy.intp)
    return first, numpy.clip(at - first, 0, 1).astype(numpy.float32), (at >= -0.5) & (at <= side - 0.5)


def _toned(target: Floats, source: Floats, valid: NDArray[numpy.bool_], colourless: bool) -> Floats:
    """`source` with the tone of `target`: per channel a quadratic and a share of brightness, fitted robustly.

    Clipped pixels of the target do not take part in the fit, and the result is clipped as theirs were.
    """
    result = numpy.empty_like(target)
    every = (slice(2, None, 4), slice(2, None, 4))  # 4,096 pixels are plenty for four numbers
    used = valid[every]
    unit = source / numpy.float32(255)
    ones = numpy.ones(unit.shape[:2], numpy.float32)
    luma = ones if colourless else unit @ _LUMA
    for channel in range(target.shape[2]):
        level = unit[..., channel]
        parts = [level, level**2, ones] if colourless else [level, level**2, luma, ones]
        terms = numpy.stack(parts, axis=-1)
        known, wanted = terms[every][used], target[every][..., channel][used]
        free = ((wanted > 4) & (wanted < 251)).astype(numpy.float32) + numpy.float32(1e-3)
        weights = free
        factors = numpy.zeros(len(parts), numpy.float32)
        for _ in range(4):
            weighted = known * weights[:, None]
            normal = (weighted.T @ known).astype(numpy.float64) + numpy.eye(len(parts)) * (1e-5 * len(known) + 1e-6)
            factors = numpy.linalg.solve(normal, (weighted.T @ wanted).astype(numpy.float64)).astype(numpy.float32)
            rest = numpy.abs(wanted - numpy.clip(known @ factors, 0, 255))
            spread = float(numpy.median(rest)) * 1.5 + 1.5 if rest.size else 1.5
            weights = free / (1 + (rest / (2 * spread)) ** 2)
        result[..., channel] = numpy.clip(terms @ factors, 0, 255)
    return result


def _colours(one: Floats, other: Floats, valid: NDArray[numpy.bool_]) -> tuple[float, float]:
    """How far the colours of tiles differ apart from saturation, in levels, and the saturation of the second."""
    whole = _mean_of_tiles(valid.astype(numpy.float32)) > 0.9
    first = _mean_of_tiles(_chroma(one))[whole]
    second = _mean_of_tiles(_chroma(other))[whole]
    common = float((first * second).sum())
    if common <= 0:
        return (99.0, 1.0)
    strength = common / max(float((first**2).sum()), 1e-6)
    weakness = common / max(float((second**2).sum()), 1e-6)
    apart = min(_rms(second - strength * first), _rms(first - weakness * second))
    return apart, strength


def _rms(values: Floats) -> float:
    return float(numpy.sqrt((values**2).sum(axis=-1).mean()))


def _chroma(rgb: Floats) -> Floats:
    luma = rgb @ _LUMA
    return numpy.stack([rgb[..., 2] - luma, rgb[..., 0] - luma], axis=2)


def _mean_of_tiles(values: Floats) -> Floats:
    """Rows first, then columns: quicker than both at once."""
    starts = numpy.arange(0, SIDE, _TILE)
    rows = numpy.add.reduceat(values, starts, axis=0)
    return (numpy.add.reduceat(rows, starts, axis=1) / (_TILE * _TILE)).astype(numpy.float32)


def _tile_means(values: Floats, valid: NDArray[numpy.bool_]) -> Floats:
    """The mean of each tile over its valid pixels; 0 where fewer than half are."""
    covered, means = _mean_of_tiles(valid.astype(numpy.float32)), _mean_of_tiles(values * valid)
    result: Floats = numpy.where(covered > 0.5, means / numpy.maximum(covered, 0.5), 0)
    return result


def _box(seen: NDArray[numpy.bool_]) -> tuple[float, float, float, float] | None:
    rows, columns = numpy.flatnonzero(seen.any(axis=1)), numpy.flatnonzero(seen.any(axis=0))
    if not rows.size:
        return None
    edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return (float(edges[0]) / _TILES, float(edges[1]) / _TILES, float(edges[2]) / _TILES, float(edges[3]) / _TILES)


def _strongest(values: Floats) -> Floats:
    """The highest channel of each pixel. (`max` over a last axis of three is five times slower.)"""
    result = values[..., 0]
    for channel in range(1, values.shape[2]):
        result = numpy.maximum(result, values[..., channel])
    return result


def _blurred(values: Floats) -> Floats:
    """Each pixel with its neighbours, 1 2 1 both ways."""
    wide = numpy.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = (wide[:-2] + 2 * wide[1:-1] + wide[2:]) * numpy.float32(0.25)
    result: Floats = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) * numpy.float32(0.25)
    return result


def _halved(values: Floats) -> Floats:
    side = len(values) // 2
    result: Floats = values.reshape(side, 2, side, 2).mean(axis=(1, 3))
    return result


def _with_gradients(luma: Floats) -> Floats:
    down, right = numpy.gradient(luma)
    return numpy.dstack([luma, right * len(luma), down * len(luma)]).astype(numpy.float32)
