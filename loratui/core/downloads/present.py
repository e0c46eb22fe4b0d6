"""What is here already: nothing of it is fetched a second time."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from loratui.core.boards.post import Post
from loratui.core.changes import Changes
from loratui.core.dataset.folder import IMAGE_SUFFIXES, Image, scan
from loratui.core.dataset.records import Records

Place = Literal["project", "trash"]


class Present:
    """The pictures of a root and of its trash, by post.

    Args:
        root: the project's folder.
        folders: every folder of the dataset, and the one that files go to.
        records: where pictures come from.
        changes: for the trash: what a person threw away stays away.
    """

    def __init__(self, root: Path, folders: Sequence[str], records: Records, changes: Changes) -> None:
        self._records = records
        self._images: list[Image] = scan(root, [folder for folder in folders if (root / folder).is_dir()])
        self._names = {image.stem.rpartition("/")[2] for image in self._images}
        self._undone: dict[str, Path] = {}
        self._thrown: dict[str, str] = {}
        self._root = root
        for entry in reversed(changes.trash()):  # oldest first: the newest copy wins
            path = Path(entry.path)
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            if entry.reason == "undone":
                self._undone[path.stem] = root / entry.lies
            else:
                self._thrown[path.stem] = entry.lies

    def has(self, post: Post) -> bool:
        """Whether the post's picture is in the dataset or was thrown away: by name, by post, or by md5 of any board."""
        return self.where(post) is not None

    def where(self, post: Post) -> Place | None:
        """In which of the two the picture of `post` is; see `has`."""
        if post.name in self._names:
            return "project"
        digests = {self._records.hash_of_post(post.board, str(post.id)), self._records.hash_of_md5(post.md5)} - {None}
        if not digests.isdisjoint(self._contents if digests else ()):
            return "project"
        if post.name in self._thrown or (digests and not digests.isdisjoint(self._thrown_contents)):
            return "trash"
        return None

    def undone(self, post: Post) -> Path | None:
        """The file of a get that was undone: it lies in the trash and need not be fetched."""
        return self._undone.get(post.name)

    @cached_property
    def _contents(self) -> set[str]:
        return self._hashes(self._images)

    @cached_property
    def _thrown_contents(self) -> set[str]:
        # As listed images, their hashes are remembered: the files are read once.
        folders = sorted({lies.rpartition("/")[0] for lies in self._thrown.values()})
        lying = set(self._thrown.values())
        return self._hashes([image for image in scan(self._root, folders) if image.path in lying])

    def _hashes(self, images: Sequence[Image]) -> set[str]:
        found = set()
        for image in images:
            try:
                found.add(self._records.content_hash(image))
            except OSError:  # gone meanwhile, or not readable: then it is no proof of anything
                continue
        return found
