"""The images of some folders with their captions, read once; and the index of their tags."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from loratui.core.dataset.caption import Caption, CaptionError, key
from loratui.core.dataset.folder import Image, listing
from loratui.core.jobs import Report, silent

_READ = 65536  # one read for almost every caption; a larger buffer costs an allocation per file
_TOO_LONG = 1 << 20


class Dataset:
    """Images and captions, in the order of their paths. Positions in `images` name them everywhere.

    Attributes:
        root: absolute.
        folders: relative to the root.
        images: sorted by path.
        caption_paths: where each image's caption is or would be, relative to the root.
        raw: each caption's bytes; None where there is none.
        tags: each caption's tags, in order; empty where it cannot be read.
        problems: what is wrong with a caption, by position, as a sentence.
    """

    def __init__(self, root: Path, folders: Sequence[str]) -> None:
        self.root = root
        self._prefix = os.path.join(root, "")
        self.folders = tuple(folders)
        self.images: list[Image] = []
        self.caption_paths: list[str] = []
        self.raw: list[bytes | None] = []
        self.tags: list[tuple[str, ...]] = []
        self.problems: dict[int, str] = {}
        self._postings: dict[str, set[int]] | None = None
        self._keys: dict[str, list[str]] = {}
        self._names = _Names()

    @classmethod
    def load(cls, root: Path, folders: Sequence[str], *, report: Report = silent) -> "Dataset":
        """Reads every caption of the folders.

        Args:
            root: absolute.
            folders: relative to it; "" for itself.
            report: called with captions read.
        """
        dataset = cls(root, folders)
        found = listing(root, folders)
        for image in found.images:
            position = len(dataset.images)
            path = found.captions.get(image.stem)
            dataset.images.append(image)
            dataset.caption_paths.append(path or f"{image.stem}.txt")
            dataset.raw.append(None)
            dataset.tags.append(())
            if path is not None or dataset.caption_paths[position] in found.blocked:
                dataset._read(position)
            if position % 2000 == 0:
                report(position, len(found.images), "reading captions")
        return dataset

    def _read(self, position: int) -> None:
        """Takes in the caption from its file; what is wrong with that is a problem, and its text is not known."""
        path = f"{self._prefix}{self.caption_paths[position]}"  # as text: a Path for each takes longer than reading it
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not keep us waiting
            try:
                raw = os.read(descriptor, _READ)
                while len(raw) % _READ == 0 and len(raw) < _TOO_LONG and (more := os.read(descriptor, _READ)):
                    raw += more
                if not raw and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return self._trouble(position, "It is no file.")
            finally:
                os.close(descriptor)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not os.path.islink(path):
                return self.set_raw(position, None)
            return self._trouble(position, f"It cannot be read: {error.strerror}.")
        if len(raw) >= _TOO_LONG:
            return self._trouble(position, "The caption is longer than 1 MiB.")
        self.set_raw(position, raw)

    def _trouble(self, position: int, problem: str) -> None:
        self.set_raw(position, None)
        self.problems[position] = problem

    def set_raw(self, position: int, raw: bytes | None) -> None:
        """Takes in a caption's new bytes."""
        self._forget(position)
        self.raw[position] = raw
        self.problems.pop(position, None)
        self.tags[position] = ()
        if raw is None:
            return
        try:
            parts = _fast_parts(raw) or Caption.parse(raw).tags
        except CaptionError as error:
            self.problems[position] = error.message
            return
        tags = tuple(map(self._names.__getitem__, parts))
        self.tags[position] = tags if "" not in tags else tuple(filter(None, tags))
        if self._postings is not None:
            self._add(position, self._postings)

    def refresh(self, paths: Iterable[str]) -> None:
        """Reads the captions at `paths` again, after a step changed them. When images came or went: `load` anew."""
        wanted = set(paths)
        for position, path in enumerate(self.caption_paths):
            if path in wanted:
                self._read(position)

    @property
    def postings(self) -> dict[str, set[int]]:
        """Positions of the images that carry each tag, by the tag's exact text."""
        if self._postings is None:
            postings: dict[str, set[int]] = {}
            for position in range(len(self.tags)):
                self._add(position, postings)
            self._postings = postings
        return self._postings

    def spellings(self, tag: str) -> list[str]:
        """The exact tags of the dataset that are the same tag: other case, `_` for space."""
        if not self._keys:
            for name in self.postings:
                self._keys.setdefault(key(name), []).append(name)
        return [name for name in self._keys.get(key(tag), []) if name in self.postings]

    def keys(self) -> dict[str, list[str]]:
        """Exact tags by their key."""
        self.spellings("")
        return self._keys

    def carrying(self, tag: str) -> set[int]:
        """Positions of the images that carry the tag in any spelling."""
        found: set[int] = set()
        for name in self.spellings(tag):
            found |= self.postings[name]
        return found

    def counts(self, positions: set[int] | None = None) -> dict[str, int]:
        """In how many images (of `positions`, or of all) each tag stands."""
        if positions is None:
            return {tag: len(where) for tag, where in self.postings.items()}
        counts: dict[str, int] = {}
        for position in positions:
            for tag in dict.fromkeys(self.tags[position]):
                counts[tag] = counts.get(tag, 0) + 1
        return counts

    def caption(self, position: int) -> Caption:
        """The parsed caption; an empty one where there is none.

        Raises:
            CaptionError: it cannot be read.
        """
        raw = self.raw[position]
        if raw is None and position in self.problems:
            raise CaptionError(f"{self.caption_paths[position]}: {self.problems[position]}", "Look at the file.")
        return Caption.of([]) if raw is None else Caption.parse(raw)

    def uncaptioned(self) -> list[int]:
        """Positions of images without a caption, or with an empty one."""
        return [position for position, tags in enumerate(self.tags) if not tags and position not in self.problems]

    def _add(self, position: int, postings: dict[str, set[int]]) -> None:
        for tag in self.tags[position]:
            where = postings.get(tag)
            if where is None:
                postings[tag] = {position}
                if self._keys:
                    self._keys.setdefault(key(tag), []).append(tag)
            else:
                where.add(position)

    def _forget(self, position: int) -> None:
        if self._postings is None:
            return
        for tag in set(self.tags[position]):
            where = self._postings[tag]
            where.discard(position)
            if not where:
                del self._postings[tag]
                if self._keys:
                    self._keys[key(tag)].remove(tag)


class _Names(dict[str, str]):
    """The tag that stands between two commas, blanks around it or not: each tag is one string, stripped once."""

    def __missing__(self, part: str) -> str:
        tag = part.strip()
        self[part] = tag = self.setdefault(tag, tag)
        return tag


def _fast_parts(raw: bytes) -> list[str] | None:
    """What stands between the commas of an ordinary caption; None where it needs the parser."""
    line = raw.partition(b"\n")[0] if b"\n" in raw else raw
    if (
        b"|||" in line
        or b"{" in line
        or b"\0" in raw  # anywhere: an edit refuses such a file, and so must the list
        or b"\r" in line.rstrip(b"\r")
        or line[:1] == b"\xef"
    ):
        return None
    try:
        # The whole file must be text, though only its first line is read: the trainer decodes all of it.
        text = line.decode() if line is raw else (raw.decode() and line.decode())
    except UnicodeDecodeError:
        return None
    return text.split(",")
