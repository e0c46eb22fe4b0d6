"""Pictures for the demo, drawn by us: one character in several outfits, poses and places. The same every time."""

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

HAIR: dict[str, Colour] = {"purple": (126, 74, 168), "pink": (238, 140, 178), "black": (42, 38, 48)}
EYES: dict[str, Colour] = {"blue": (58, 110, 220), "green": (52, 160, 90)}
SKIN: Colour = (250, 222, 200)
LINE: Colour = (58, 44, 60)
SIZES = {"tall": (832, 1216), "square": (1024, 1024), "wide": (1216, 832)}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn.

    Attributes:
        seed: decides everything that is not named here.
        outfit: `jacket`, `dress` or `uniform`.
        place: `sky`, `room`, `night`, `forest`, `plain` or `none` (transparent).
        framing: `portrait`, `cowboy shot` or `full body`.
        pose: `standing`, `arms up` or `waving`.
        smile: else a small open mouth.
        hair: a colour of `HAIR`.
        eyes: a colour of `EYES`.
        size: a key of `SIZES`.
        glasses: sunglasses on the head.
        people: 1 or 2.
    """

    seed: int
    outfit: str = "jacket"
    place: str = "sky"
    framing: str = "cowboy shot"
    pose: str = "standing"
    smile: bool = True
    hair: str = "purple"
    eyes: str = "blue"
    size: str = "tall"
    glasses: bool = False
    people: int = 1
    extra: tuple[str, ...] = field(default=())

    @property
    def tags(self) -> list[str]:
        """What is to be seen, as a board would tag it."""
        clothes = {
            "jacket": ["red_jacket", "white_shirt", "open_jacket"],
            "dress": ["black_dress", "long_dress"],
            "uniform": ["school_uniform", "blue_skirt", "red_necktie"],
        }[self.outfit]
        places = {
            "sky": ["day", "blue_sky", "cloud", "outdoors"],
            "room": ["indoors", "window"],
            "night": ["night", "star_(sky)", "outdoors"],
            "forest": ["tree", "outdoors", "nature"],
            "plain": ["simple_background", "white_background"],
            "none": ["transparent_background"],
        }[self.place]
        face = ["smile", "closed_mouth"] if self.smile else ["open_mouth", ":o"]
        person = ["1girl", "solo"] if self.people == 1 else ["2girls", "multiple_girls"]
        pose = {"standing": ["standing"], "arms up": ["arms_up"], "waving": ["waving", "standing"]}[self.pose]
        glasses = ["sunglasses", "eyewear_on_head"] if self.glasses else []
        framing = [self.framing.replace(" ", "_")]
        looks = [f"{self.hair}_hair", "long_hair", f"{self.eyes}_eyes", "bangs", "looking_at_viewer"]
        return [*person, *looks, *clothes, *glasses, *face, *pose, *framing, *places, *self.extra]


def draw(scene: Scene) -> "Image":
    """The picture: RGB, or RGBA where the place is `none`."""
    from PIL import Image as Pillow
    from PIL import ImageDraw as Draw

    rng = random.Random(scene.seed)
    width, height = SIZES[scene.size]
    image = Pillow.new(
        "RGBA" if scene.place == "none" else "RGB", (width, height), (0, 0, 0, 0) if scene.place == "none" else 0
    )
    pen = Draw.Draw(image)
    if scene.place != "none":
        _place(pen, scene.place, width, height, rng)
    # One unit is the head's radius; the framing says how much of the body the height has to hold.
    unit = height / {"portrait": 4.4, "cowboy shot": 7.0, "full body": 11.0}[scene.framing]
    for person in range(scene.people):
        middle = width * ((0.5 + rng.uniform(-0.1, 0.1)) if scene.people == 1 else 0.3 + 0.4 * person)
        top = unit * rng.uniform(1.5, 2.0)
        _person(pen, scene, middle, top, unit, height, rng, other=person > 0)
    return image


def _place(pen: "ImageDraw", place: str, width: int, height: int, rng: random.Random) -> None:
    tops: dict[str, tuple[Colour, Colour]] = {
        "sky": ((112, 176, 240), (220, 238, 252)),
        "room": ((232, 214, 188), (198, 172, 142)),
        "night": ((18, 20, 58), (70, 58, 120)),
        "forest": ((150, 206, 150), (58, 120, 70)),
        "plain": ((255, 255, 255), (255, 255, 255)),
    }
    above, below = tops[place]
    for row in range(height):
        share = row / height
        pen.line(
            [(0, row), (width, row)], fill=tuple(round(a + (b - a) * share) for a, b in zip(above, below, strict=True))
        )
    if place == "sky":
        for _ in range(rng.randint(4, 7)):
            x, y, size = rng.uniform(0, width), rng.uniform(0, height * 0.6), rng.uniform(40, 110)
            for dx, dy in ((-1, 0.2), (0, -0.2), (1, 0.2), (0.4, 0.4)):
                pen.ellipse(_box(x + dx * size, y + dy * size * 0.5, size, size * 0.55), fill=(250, 252, 255))
        _hills(pen, width, height, rng, (120, 180, 110))
    elif place == "room":
        left, right = width * rng.uniform(0.02, 0.1), width * rng.uniform(0.3, 0.45)
        shade = rng.choice([(170, 210, 240), (250, 210, 160)])
        if rng.random() < 0.5:
            left, right = width - right, width - left
        pen.rectangle([left, height * 0.1, right, height * 0.55], fill=shade, outline=(120, 90, 60), width=14)
        pen.line(
            [((left + right) / 2, height * 0.1), ((left + right) / 2, height * 0.55)], fill=(120, 90, 60), width=10
        )
        pen.rectangle([0, height * 0.82, width, height], fill=(140, 104, 76))
        for shelf in range(3):
            y = height * (0.2 + 0.14 * shelf)
            x = width * 0.62 if left < width / 2 else width * 0.05
            for book in range(rng.randint(4, 7)):
                tall = rng.uniform(40, 80)
                colour = (rng.randint(60, 220), rng.randint(60, 200), rng.randint(60, 220))
                pen.rectangle([x + book * 30, y - tall, x + book * 30 + 24, y], fill=colour)
    elif place == "night":
        for _ in range(120):
            x, y, size = rng.uniform(0, width), rng.uniform(0, height * 0.8), rng.uniform(1, 4)
            pen.ellipse(_box(x, y, size, size), fill=(250, 246, 220))
        x = width * rng.choice([0.15, 0.82])
        pen.ellipse(_box(x, height * 0.14, 70, 70), fill=(252, 244, 200))
        _hills(pen, width, height, rng, (26, 26, 60))
    elif place == "forest":
        for _ in range(rng.randint(9, 13)):
            x, base = rng.uniform(0, width), height * rng.uniform(0.7, 1.0)
            tall, wide = height * rng.uniform(0.35, 0.7), rng.uniform(50, 120)
            pen.rectangle([x - 12, base - tall * 0.4, x + 12, base], fill=(96, 68, 46))
            green = (rng.randint(30, 70), rng.randint(100, 150), rng.randint(50, 80))
            pen.polygon([(x - wide, base - tall * 0.25), (x, base - tall), (x + wide, base - tall * 0.25)], fill=green)


def _hills(pen: "ImageDraw", width: int, height: int, rng: random.Random, colour: Colour) -> None:
    phase, waves = rng.uniform(0, 6), rng.uniform(1.5, 3.5)
    line: list[Point] = [
        (x, height * (0.8 + 0.06 * math.sin(phase + waves * 6.28 * x / width))) for x in range(0, width + 16, 16)
    ]
    pen.polygon([*line, (width, height), (0, height)], fill=colour)


def _person(
    pen: "ImageDraw",
    scene: Scene,
    x: float,
    top: float,
    unit: float,
    bottom: int,
    rng: random.Random,
    *,
    other: bool,
) -> None:
    hair = HAIR["black" if other else scene.hair]
    eyes = EYES["green" if other else scene.eyes]
    tilt = rng.uniform(-0.12, 0.12) * unit
    stroke = max(2, round(unit / 28))
    # Long hair behind the body.
    back = [
        (x - 1.25 * unit, top),
        (x - 1.5 * unit, top + 3.6 * unit),
        (x + 1.5 * unit, top + 3.6 * unit),
        (x + 1.25 * unit, top),
    ]
    pen.polygon(back, fill=hair, outline=LINE, width=stroke)
    _body(pen, "dress" if other else scene.outfit, scene.pose, x, top + 1.0 * unit, unit, bottom, stroke)
    # Head, face, hair in front.
    head: Point = (x + tilt, top)
    pen.ellipse(_box(head[0], head[1] - 0.1 * unit, 1.2 * unit, 1.25 * unit), fill=hair, outline=LINE, width=stroke)
    pen.ellipse(_box(head[0], head[1] + 0.12 * unit, unit, 1.02 * unit), fill=SKIN, outline=LINE, width=stroke)
    fringe: list[Point] = [(head[0] - 1.02 * unit, head[1] + 0.1 * unit)]
    for lock in range(7):
        along = head[0] + (-0.95 + lock * 0.32) * unit
        fringe += [(along, head[1] - 0.1 * unit), (along + 0.14 * unit, head[1] - rng.uniform(0.32, 0.5) * unit)]
    fringe += [(head[0] + 1.02 * unit, head[1] + 0.1 * unit), (head[0] + 0.6 * unit, head[1] - 1.05 * unit)]
    pen.polygon([*fringe, (head[0] - 0.6 * unit, head[1] - 1.05 * unit)], fill=hair, outline=LINE, width=stroke)
    for side in (-1, 1):
        eye = (head[0] + side * 0.42 * unit, head[1] + 0.25 * unit)
        pen.ellipse(_box(*eye, 0.24 * unit, 0.3 * unit), fill=(255, 255, 255), outline=LINE, width=stroke)
        pen.ellipse(_box(eye[0], eye[1] + 0.03 * unit, 0.17 * unit, 0.23 * unit), fill=eyes)
        pen.ellipse(_box(eye[0] - 0.05 * unit, eye[1] - 0.08 * unit, 0.06 * unit, 0.06 * unit), fill=(255, 255, 255))
    mouth = head[1] + 0.72 * unit
    if scene.smile:
        pen.arc(
            _box(head[0], mouth - 0.1 * unit, 0.26 * unit, 0.16 * unit), 20, 160, fill=(170, 70, 80), width=stroke + 1
        )
    else:
        pen.ellipse(_box(head[0], mouth, 0.12 * unit, 0.14 * unit), fill=(170, 70, 80), outline=LINE, width=stroke)
    if scene.glasses and not other:
        for side in (-1, 1):
            lens = _box(head[0] + side * 0.42 * unit, head[1] - 0.72 * unit, 0.36 * unit, 0.22 * unit)
            pen.ellipse(lens, fill=(36, 36, 44), outline=LINE, width=stroke)
        pen.line(
            [(head[0] - 0.1 * unit, head[1] - 0.74 * unit), (head[0] + 0.1 * unit, head[1] - 0.74 * unit)],
            fill=LINE,
            width=stroke + 2,
        )


def _body(
    pen: "ImageDraw", outfit: str, pose: str, x: float, neck: float, unit: float, bottom: int, stroke: int
) -> None:
    cloth: dict[str, Colour] = {"jacket": (204, 48, 52), "dress": (34, 32, 40), "uniform": (236, 238, 246)}
    lower: dict[str, Colour] = {"jacket": (60, 64, 92), "dress": (34, 32, 40), "uniform": (46, 84, 170)}
    waist, hem = neck + 2.6 * unit, neck + (5.6 if outfit == "dress" else 4.4) * unit
    for side in (-1, 1):
        leg = [
            x + side * 0.55 * unit - 0.28 * unit,
            hem - 0.3 * unit,
            x + side * 0.55 * unit + 0.28 * unit,
            neck + 8.4 * unit,
        ]
        pen.rectangle(leg, fill=SKIN if outfit != "jacket" else lower[outfit], outline=LINE, width=stroke)
        pen.ellipse(_box(x + side * 0.6 * unit, neck + 8.4 * unit, 0.45 * unit, 0.25 * unit), fill=(70, 50, 46))
    flare = {"jacket": 1.1, "dress": 1.9, "uniform": 1.6}[outfit] * unit
    skirt = [(x - 0.8 * unit, waist), (x + 0.8 * unit, waist), (x + flare, hem), (x - flare, hem)]
    pen.polygon(skirt, fill=lower[outfit], outline=LINE, width=stroke)
    raised = {"standing": (False, False), "arms up": (True, True), "waving": (True, False)}[pose]
    for side, up in zip((-1, 1), raised, strict=True):
        shoulder = (x + side * 0.95 * unit, neck + 0.55 * unit)
        hand = (x + side * (1.9 if up else 1.5) * unit, neck + (-1.6 if up else 3.1) * unit)
        pen.line([shoulder, hand], fill=LINE, width=round(0.62 * unit))
        pen.line([shoulder, hand], fill=cloth[outfit], width=round(0.54 * unit))
        pen.ellipse(_box(*hand, 0.3 * unit, 0.3 * unit), fill=SKIN, outline=LINE, width=stroke)
    torso = [
        (x - unit, neck + 0.35 * unit),
        (x + unit, neck + 0.35 * unit),
        (x + 0.85 * unit, waist),
        (x - 0.85 * unit, waist),
    ]
    pen.rectangle(
        [x - 0.24 * unit, neck - 0.2 * unit, x + 0.24 * unit, neck + 0.5 * unit], fill=SKIN, outline=LINE, width=stroke
    )
    pen.polygon(torso, fill=cloth[outfit], outline=LINE, width=stroke)
    if outfit == "jacket":
        shirt = [
            (x - 0.3 * unit, neck + 0.35 * unit),
            (x + 0.3 * unit, neck + 0.35 * unit),
            (x + 0.4 * unit, waist),
            (x - 0.4 * unit, waist),
        ]
        pen.polygon(shirt, fill=(250, 250, 250), outline=LINE, width=stroke)
    elif outfit == "uniform":
        tie = [
            (x, neck + 0.4 * unit),
            (x + 0.22 * unit, neck + 1.5 * unit),
            (x, neck + 1.8 * unit),
            (x - 0.22 * unit, neck + 1.5 * unit),
        ]
        pen.polygon(tie, fill=(204, 48, 52), outline=LINE, width=stroke)


def _box(x: float, y: float, rx: float, ry: float) -> list[float]:
    return [x - rx, y - ry, x + rx, y + ry]
