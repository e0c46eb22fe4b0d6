"""Decodes every image as the trainer will, in threads: a broken one would stop it hours later."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Event

from loratui.core import durable, jobs
from loratui.core.checks import Check
from loratui.core.training.checks.dataset import counted, some
from loratui.core.training.material import Picture
from loratui.core.training.situation import Situation

# problem → level, what is wrong, what to do, the command that does it
_PROBLEMS = {
    "broken": (
        "block",
        "cannot be decoded; the trainer would stop there",
        "Set them aside with `loratui prep`.",
        "loratui prep",
    ),
    "colours": (
        "block",
        "colours the trainer gets wrong (CMYK or 16 bit)",
        "Convert them with `loratui prep`.",
        "loratui prep",
    ),
    "huge": ("warn", "larger than 50 megapixels", "Make it smaller: decoding takes gigabytes.", ""),
    "transparent": (
        "warn",
        "transparent; what lies behind would be learned",
        "Flatten with `loratui prep`.",
        "loratui prep",
    ),
    "rotated": (
        "warn",
        "turned by EXIF, which the trainer ignores",
        "Turn them with `loratui prep`.",
        "loratui prep",
    ),
    "animated": (
        "warn",
        "animated; only the first frame is seen",
        "Keep still pictures: `loratui prep`.",
        "loratui prep",
    ),
}


def readable(
    situation: Situation, *, report: jobs.Report = jobs.silent, cancel: Event | None = None
) -> Iterator[Check]:
    """Findings on what is inside the image files, kept in `.loratui/cache`."""
    pictures = list(chain.from_iterable(part.pictures for part in situation.material))
    cache = situation.project.root / ".loratui" / "cache" / "decoded.json"
    known = _load(cache)
    found: dict[str, list[str]] = {problem: [] for problem in _PROBLEMS}
    sound: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=4) as pool:
        keys = [_key(picture) for picture in pictures]
        todo = [(picture, key) for picture, key in zip(pictures, keys, strict=True) if key not in known]
        sound.update((key, known[key]) for key in keys if key in known)
        try:
            results = pool.map(_problem, [picture for picture, _ in todo])
            for number, ((_, key), problem) in enumerate(zip(todo, results, strict=True)):
                jobs.check(cancel)
                report(number, len(todo), "decoding")
                sound[key] = problem
        finally:
            pool.shutdown(cancel_futures=True)
    for picture, key in zip(pictures, keys, strict=True):
        if sound[key]:
            found[sound[key]].append(picture.path)
    if situation.remember and sound.keys() - known.keys():
        _save(cache, sound)
    for problem, (level, wrong, remedy, fix) in _PROBLEMS.items():
        if found[problem]:
            yield Check(
                f"images-{problem}",
                "block" if level == "block" else "warn",
                f"{some(found[problem])}: {wrong}.",
                remedy,
                fix,
            )
    if pictures and not found["broken"]:
        yield Check("images-readable", "ok", f"All {counted(len(pictures), 'image')} decode.")


def _key(picture: Picture) -> str:
    try:
        facts = picture.file.stat()
    except OSError:
        return f"{picture.path}|gone"
    return f"{picture.path}|{facts.st_size}|{facts.st_mtime_ns}"


def _problem(picture: Picture) -> str:
    """What is wrong with an image: a key of `_PROBLEMS`, "" for nothing."""
    from loratui.core import pictures

    try:
        with pictures.opened(picture.file, limit=None) as image:
            if image.width * image.height > pictures.MAX_PIXELS:
                return "huge"
            turned = pictures.orientation(image) != 1
            mode, frames = image.mode, getattr(image, "n_frames", 1)
            clear = "transparency" in image.info
            image.load()
            clear = clear or (mode in ("RGBA", "LA", "PA") and image.getchannel("A").getextrema()[0] != 255)
    # Decoders of broken files raise anything at all; the trainer would meet the same.
    except Exception:
        return "broken"
    if mode.startswith(("CMYK", "YCCK", "I", "F")):
        return "colours"
    return "transparent" if clear else "rotated" if turned else "animated" if frames > 1 else ""


def _load(cache: Path) -> dict[str, str]:
    try:
        known = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        return {}
    return (
        {key: value for key, value in known.items() if value == "" or value in _PROBLEMS}
        if isinstance(known, dict)
        else {}
    )


def _save(cache: Path, sound: dict[str, str]) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        durable.write_file(cache, json.dumps(sound))
    except OSError:
        return
