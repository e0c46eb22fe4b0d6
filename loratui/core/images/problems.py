"""What is wrong with the images of a folder, one finding each, with what to do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from loratui.core import pictures
from loratui.core.checks import Level
from loratui.core.dataset.caption import Caption, CaptionError
from loratui.core.dataset.folder import Image, Listing, listing, shared_stems
from loratui.core.images import opening
from loratui.core.images.survey import Cache, Facts, survey
from loratui.core.jobs import Report, silent
from loratui.core.pictures import PictureError
from loratui.core.sanitize import line

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
    "TIFF": (".tif", ".tiff"),
    "JPEG2000": (".jp2",),
}
# What every trainer reads without further packages, besides WebP.
_PLAIN = ("JPEG", "PNG", "WEBP", "BMP")
_WHITE = (255, 255, 255)
_ON_WHITE = "prep lays it on white."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one file.

    Attributes:
        file: relative to the root.
        problem: its class, for scripts: `broken`, `transparent`, `small` …
        level: `block` where a trainer would stop or fail at it, else `warn`.
        message: one sentence that names the file.
        remedy: what to do about it.
    """

    file: str
    problem: str
    level: Level
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found.

    Attributes:
        files: how many images were looked at.
        findings: sorted by file, the worst of a file first.
    """

    files: int
    findings: list[Finding]


def check_images(
    root: Path,
    folders: Sequence[str],
    cache: Cache,
    *,
    min_side: int,
    report: Report = silent,
    cancel: Event | None = None,
) -> Findings:
    """Looks at every image and caption of folders.

    Args:
        root: absolute.
        folders: relative to it.
        cache: what is remembered of files.
        min_side: pixels the shorter side should have.

    Raises:
        OSError: a folder cannot be read.
        Cancelled: nothing is lost; what was looked at is remembered.
    """
    held = listing(root, folders)
    seen = survey(root, held.images, cache, report=report, cancel=cancel)
    findings: list[Finding] = []
    for image in held.images:
        failure = seen.failures.get(image.path)
        if failure is not None:
            findings.append(Finding(image.path, failure.problem, "block", failure.message, failure.remedy))
        else:
            findings.extend(of_picture(image, seen.facts[image.path], min_side))
        findings.extend(_of_name(image.path))
    findings.extend(_of_folder(root, held))
    findings.sort(key=lambda finding: (finding.file, finding.level != "block"))
    return Findings(len(held.images), findings)


def of_picture(image: Image, facts: Facts, min_side: int) -> Iterator[Finding]:
    """What is wrong with one readable picture."""
    name = line(image.name)

    def found(problem: str, message: str, remedy: str) -> Finding:
        return Finding(image.path, problem, "warn", f"{name} {message}.", remedy)

    if facts.frames > 1:
        yield found("animated", f"is an animation of {facts.frames} pictures", "prep sets it aside.")
    if image.suffix.lower() not in SUFFIXES.get(facts.format, ()):
        yield found("wrong-extension", f"holds {facts.format} under another suffix", "prep gives it the right one.")
    if facts.format == "WEBP":
        yield found("webp", "is a WebP file", "prep makes a PNG of it.")
    elif facts.format not in _PLAIN:
        yield found("format", f"holds {facts.format}, which not every trainer reads", "prep makes a PNG of it.")
    if min(facts.width, facts.height) < min_side:
        size = f"{facts.width}×{facts.height}"
        yield found("small", f"has {size} pixels; its shorter side is below {min_side}", "prep sets it aside.")
    if facts.look.transparent:
        yield found(
            "transparent",
            "has transparent pixels, which trainers fill with black or worse",
            "Nothing would be seen of it on white: prep --background grey." if blank_on(facts, _WHITE) else _ON_WHITE,
        )
    if facts.orientation != 1:
        yield found("rotated", "is only turned upright by its EXIF data", "prep turns the pixels themselves.")
    if facts.mode == "CMYK":
        yield found("cmyk", "has printing colours (CMYK)", "prep converts it to sRGB.")
    if facts.profiled:
        yield found("profile", "has a colour profile that trainers ignore", "prep converts it to sRGB.")
    if facts.bits > 8:
        yield found("deep", f"has {facts.bits} bits per channel, which trainers clip", "prep reduces it to 8.")
    if not facts.look.views:
        yield found("blank", "is a blank page", "Look at it; delete it if nothing is there.")
    elif facts.look.grey:
        yield found(
            "grey", "has no colour", "Tag it monochrome or greyscale, or leave it out, if the set is in colour."
        )


def blank_on(facts: Facts, colour: tuple[int, int, int]) -> bool:
    """Whether nothing would be seen of a transparent picture on a background: white art on white."""
    seen = {view.background for view in facts.look.views}
    hidden = {_WHITE: "black", (0, 0, 0): "white"}
    return facts.look.transparent and seen == {hidden.get(colour)}


def _of_name(path: str) -> Iterator[Finding]:
    name = path.rpartition("/")[2]
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = line(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        message = f"{shown} has a name that is not UTF-8, which trainers cannot read."
        yield Finding(path, "bad-name", "block", message, "Rename it.")
        return
    if not name.isprintable() or name != line(name):
        message = f"{line(name)} has control or invisible characters in its name."
        yield Finding(path, "bad-name", "warn", message, "Rename it.")


def _of_folder(root: Path, held: Listing) -> Iterator[Finding]:
    """Captions without image, images without suffix, images that share a caption."""
    stems = {image.stem for image in held.images}
    for stem, path in held.captions.items():
        name = line(path.rpartition("/")[2])
        if stem not in stems:
            message = f"{name} is a caption without an image."
            yield Finding(path, "caption-orphan", "warn", message, "Delete it, or bring its image back.")
            continue
        try:
            Caption.parse((root / path).read_bytes())
        except CaptionError as error:
            yield Finding(path, "caption-broken", "block", f"{name}: {error.message}", error.remedy)
        except OSError:
            message = f"{name} cannot be read."
            yield Finding(path, "caption-broken", "block", message, "Check its permissions and links.")
    for path in sorted(held.blocked):
        message = f"{line(path.rpartition('/')[2])} is no file, and no caption can be written in its place."
        yield Finding(path, "caption-broken", "block", message, "Move it away.")
    for path in held.others:
        format_ = _picture_without_suffix(root, path)
        if format_ is not None:
            message = f"{line(path.rpartition('/')[2])} holds {format_} without a suffix, and is not seen as an image."
            yield Finding(path, "no-extension", "warn", message, f"Rename it with {SUFFIXES[format_][0]} at the end.")
    for stem, images in shared_stems(held.images).items():
        for image in images:
            others = ", ".join(line(other.name) for other in images if other is not image)
            message = f"{line(image.name)} shares its caption with {others}."
            remedy = "Rename one of them, so that each has a caption of its own."
            if stem:
                yield Finding(image.path, "shared-caption", "warn", message, remedy)


def _picture_without_suffix(root: Path, path: str) -> str | None:
    """The format of a file whose name does not say that it is a picture; None where it is none."""
    if "." in path.rpartition("/")[2].strip("."):
        return None
    try:
        data = pictures.read(root / path)
        return opening.header(data, path).format
    except PictureError:
        return None
