"""Finished files into the dataset: with caption and provenance, as one undoable step after the other."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loratui.core.boards.post import Post
from loratui.core.changes import Add, Changes, Edit, Plan
from loratui.core.changes.plan import Operation
from loratui.core.dataset.folder import CAPTION_SUFFIXES
from loratui.core.dataset.records import Provenance, Records
from loratui.core.downloads.captions import Style, Uses, render
from loratui.core.errors import Conflict, LoratuiError, from_os
from loratui.core.words import count


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole file that waits to be taken in.

    Attributes:
        post: whose it is.
        file: where it lies.
        ext: its type, as a file ending.
        content: the hash by which the records know it.
    """

    post: Post
    file: Path
    ext: str
    content: str


class Intake:
    """Takes files into one folder.

    Args:
        root: the project's folder.
        folder: the target, relative to it.
        command: the equivalent command line, for the history.
        group: all steps of it are undone as one.
        style: how captions are written; None: none are.
        uses: how often tags are used, for their order.
    """

    def __init__(
        self,
        root: Path,
        changes: Changes,
        records: Records,
        folder: str,
        command: str,
        group: str,
        style: Style | None,
        uses: Uses,
    ) -> None:
        self._root = root
        self._changes = changes
        self._records = records
        self._folder = folder
        self._command = command
        self._group = group
        self._style = style
        self._uses = uses

    def take(self, arrivals: Sequence[Arrival]) -> list[Post]:
        """Takes in whole files: each moves itself, under the journal.

        Returns:
            the posts whose name was taken by somebody else meanwhile; their files stay where they are.

        Raises:
            LoratuiError: the disk refused. What was taken in before stays.
        """
        taken: list[Post] = []
        rest = {arrival.post.name: arrival for arrival in arrivals}
        while rest:
            plan = self._plan(rest)
            try:
                self._changes.apply(plan, group=self._group)
            except Conflict as conflict:
                wrong = rest.keys() & {Path(path).stem for path in conflict.files}
                if not wrong:
                    raise
                taken += [rest.pop(name).post for name in wrong]
                continue
            break
        return taken

    def _plan(self, arrivals: Mapping[str, Arrival]) -> Plan:
        """By the names of their posts."""
        operations: list[Operation] = []
        where = self._folder or self._root.name
        try:
            if not self._root.is_dir():  # making its folders would make a project that was moved once more
                raise LoratuiError(f"{self._root} is not there any more.", "The download goes on where it is now.")
            (self._root / self._folder).mkdir(parents=True, exist_ok=True)
            texts = self._captions(arrivals)
            # First the records: a crash in between leaves some without a picture, never the reverse.
            with self._records.batch():
                for arrival in arrivals.values():
                    self._records.put_provenance(arrival.content, provenance(arrival.post))
                self._records.put_rendered({arrivals[name].content: text for name, text in texts.items()})
            for name, arrival in arrivals.items():
                home = f"{self._folder}/{name}" if self._folder else name
                operations.append(Add(f"{home}.{arrival.ext}", arrival.file))
                if name in texts:
                    operations.append(Edit(f"{home}.txt", None, texts[name]))
        except OSError as error:
            raise from_os(error, f"Taking pictures into {where}") from error
        title = f"get {count(len(arrivals), 'picture')} into {where}"
        return Plan("get", title, tuple(operations), {"downloaded": len(arrivals)}, self._command)

    def _captions(self, arrivals: Mapping[str, Arrival]) -> dict[str, bytes]:
        """The captions to write, by name: a caption that is there already is somebody's own."""
        if self._style is None:
            return {}
        home = str(self._root / self._folder)
        texts = {name: render(each.post.tags, self._style, self._uses) for name, each in arrivals.items()}
        return {
            name: text
            for name, text in texts.items()
            if text and not any(os.path.exists(f"{home}/{name}{suffix}") for suffix in CAPTION_SUFFIXES)
        }


def provenance(post: Post) -> Provenance:
    """Where a picture comes from, as the records keep it."""
    tags: Mapping[str, Sequence[str]] = post.tags
    return Provenance(
        board=post.board,
        post=str(post.id),
        url=post.page_url,
        file_url=post.file_url,
        md5=post.md5,
        rating=post.rating,
        score=post.score,
        source=post.source,
        tags={category: list(names) for category, names in tags.items()},
        captured=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
