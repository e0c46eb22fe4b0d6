"""Who made the pictures of a dataset, and where they were found: so that credit can be given."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from loratui.core.sanitize import line
from loratui.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Credit:
    """One picture.

    Attributes:
        file: relative to the root.
        artists: as the board names them.
        board: the board's name in the configuration.
        post: the post's page, "" if unknown.
        source: where the board says it comes from: the first address, if it names several.
    """

    file: str
    artists: tuple[str, ...]
    board: str
    post: str
    source: str


def credits_of(workspace: Workspace, folders: Sequence[str] | None = None) -> list[Credit]:
    """The pictures of the folders (None: the whole dataset) whose origin is known, in the order of their names."""
    with workspace.records as records:
        found = []
        for image in workspace.scan(workspace.at()[1] if folders is None else folders):
            origin = records.provenance(records.content_hash(image))
            if origin is not None and (origin.url or origin.source or origin.tags.get("artist")):
                source = next((line(part).strip() for part in origin.source.splitlines() if part.strip()), "")
                artists = tuple(line(artist).replace("_", " ") for artist in origin.tags.get("artist", ()))
                found.append(Credit(image.path, artists, origin.board, line(origin.url), source))
    return found


def as_csv(pictures: Sequence[Credit]) -> str:
    """One row a picture; cells that a spreadsheet would run as a formula are quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "artists", "board", "post", "source"])
    for credit in pictures:
        cells = [credit.file, "; ".join(credit.artists), credit.board, credit.post, credit.source]
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in cells])
    return text.getvalue()


def as_markdown(pictures: Sequence[Credit]) -> str:
    """One line an artist, with links to the pictures; those of nobody known stand last."""
    by_artist: dict[str, list[Credit]] = {}
    for credit in pictures:
        for artist in credit.artists or ("unknown",):
            by_artist.setdefault(artist, []).append(credit)
    lines = []
    for artist in sorted(by_artist, key=lambda name: (name == "unknown", name.lower())):
        links = [f"[{number}]({_address(credit)})" for number, credit in enumerate(by_artist[artist], 1)]
        lines.append(f"- {_escaped(artist)}: {' '.join(links)}")
    return "\n".join(lines) + "\n" if lines else ""


def _address(credit: Credit) -> str:
    return (credit.post or credit.source or credit.file).replace(" ", "%20").replace(")", "%29")


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|" else char for char in text)
