"""The posts of the demo's board: scenes of `drawing`, and among them what a person meets on a real board."""

import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core.demo.drawing import Scene, draw

if TYPE_CHECKING:
    from PIL.Image import Image

CHARACTER = "mira_(demo)"
FIRST_ID = 1001


@dataclass(frozen=True, slots=True)
class DemoPost:
    """One post: its file lies in the board's folder under `name`.

    Attributes:
        id: counts up.
        name: the file's name.
        md5: of the file.
        width: pixels.
        height: pixels.
        size: bytes.
        tags: as the board has them, without the character's.
        score: of the post.
        parent: id of the post it is a copy or variant of; None for none.
        rating: g, s, q or e; the demo has g and s.
    """

    id: int
    name: str
    md5: str
    width: int
    height: int
    size: int
    tags: tuple[str, ...]
    score: int
    parent: int | None
    rating: str


def scenes() -> Iterator[tuple[Scene, str, str]]:
    """Scene, kind of file and what is odd about it ("" for nothing)."""
    rng = random.Random(20261123)
    outfits = ("jacket", "dress", "uniform")
    places = ("sky", "room", "night", "forest", "plain")
    framings = ("cowboy shot", "portrait", "full body")
    poses = ("standing", "waving", "arms up")
    sizes = ("tall", "tall", "square", "wide")
    for number in range(27):
        outfit = outfits[(number * number + number // 3) % 3]
        yield (
            Scene(
                seed=number,
                outfit=outfit,
                place=places[number % 5],
                framing=framings[number % 3],
                pose=poses[(number // 2) % 3],
                smile=number % 4 != 1,
                hair="pink" if number == 19 else "purple",
                eyes="green" if number == 23 else "blue",
                size=sizes[rng.randrange(4)],
                glasses=outfit == "jacket" and number % 2 == 0,
            ),
            ("jpg", "png", "jpg", "webp", "jpg")[number % 5],
            "",
        )
    base = Scene(seed=3, outfit="jacket", place="forest", framing="cowboy shot", glasses=True)
    yield base, "png", ""
    yield base, "jpg", "half the size"  # a copy: the same picture again, smaller and compressed
    yield base, "jpg", "compressed"
    yield replace(base, smile=False), "png", "variant"  # another expression: to be kept
    yield Scene(seed=40, outfit="dress", place="none", framing="full body"), "png", ""  # transparent
    yield Scene(seed=42, outfit="jacket", place="plain", framing="portrait", size="square"), "jpg", "small"
    yield Scene(seed=43, outfit="dress", place="sky", framing="cowboy shot"), "jpg", "small"
    yield Scene(seed=44, outfit="uniform", place="night", framing="full body"), "jpg", "broken"
    yield (
        Scene(seed=41, outfit="uniform", place="none", framing="portrait", size="square"),
        "png",
        "",
    )  # the newest: seen first
    yield Scene(seed=45, outfit="dress", place="forest", size="wide", people=2), "jpg", ""
    yield Scene(seed=46, outfit="jacket", place="room", size="wide", people=2), "jpg", ""


def make(folder: Path) -> list[DemoPost]:
    """Draws the collection into `folder`; takes about a second."""
    posts: list[DemoPost] = []
    base_id: int | None = None
    for number, (scene, kind, odd) in enumerate(scenes()):
        post_id = FIRST_ID + number
        picture = draw(scene)
        if odd == "half the size":
            picture = picture.resize((picture.width // 2, picture.height // 2))
        elif odd == "small":
            picture = picture.resize((picture.width * 2 // 5, picture.height * 2 // 5))
        data = _encode(picture, kind, 72 if odd in ("compressed", "half the size") else 93)
        if odd == "broken":  # as a board serves it now and then: the md5 fits, the file is cut off
            data = data[: len(data) // 2]
        name = f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}.{kind}"
        (folder / name).write_bytes(data)
        parent = base_id if odd in ("half the size", "compressed", "variant") else None
        if scene.seed == 3 and odd == "" and kind == "png" and scene.place == "forest" and number > 20:
            base_id = post_id
        posts.append(
            DemoPost(
                id=post_id,
                name=name,
                md5=name.partition(".")[0],
                width=picture.width,
                height=picture.height,
                size=len(data),
                tags=tuple(scene.tags),
                score=(number * 37) % 90,
                parent=parent,
                rating="s" if number % 6 == 5 else "g",
            )
        )
    return posts


def _encode(picture: "Image", kind: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    if kind == "png":
        picture.save(buffer, "PNG")
    elif kind == "webp":
        picture.save(buffer, "WEBP", quality=90)
    else:
        picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
