"""Finished files into the dataset: with caption and provenance, as one undoable step after the other."""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loratui.core import durable
from loratui.core.boards.post import Post
from loratui.core.changes import Add, Changes, Edit, Plan
from loratui.core.changes.plan import Operation
from loratui.core.dataset.records import Provenance, Records, file_hash
from loratui.core.downloads.captions import caption
from loratui.core.errors import Conflict, from_os


class Intake:
    """Takes files into one folder.

    Args:
        root: the project's folder.
        folder: the target, relative to it.
        command: the equivalent command line, for the history.
        group: all steps of it are undone as one.
        captions: whether captions are written.
    """

    def __init__(
        self, root: Path, changes: Changes, records: Records, folder: str, command: str, group: str, captions: bool
    ) -> None:
        self._root = root
        self._changes = changes
        self._records = records
        self._folder = folder
        self._command = command
        self._group = group
        self._captions = captions

    def take(self, files: Sequence[tuple[Post, Path, str]]) -> list[Post]:
        """Takes in whole files, each with its post and its type. The files given stay; their owner drops them after.

        Returns:
            the posts whose name was taken by somebody else meanwhile.

        Raises:
            LoratuiError: the disk refused. What was taken in before stays.
        """
        taken: list[Post] = []
        rest = list(files)
        while rest:
            plan, stage = self._plan(rest)
            try:
                self._changes.apply(plan, group=self._group)
            except Conflict as conflict:
                shutil.rmtree(stage, ignore_errors=True)
                wrong = {post.name for post, _, _ in rest} & {Path(path).stem for path in conflict.files}
                if not wrong:
                    raise
                taken += [post for post, _, _ in rest if post.name in wrong]
                rest = [entry for entry in rest if entry[0].name not in wrong]
                continue
            break
        return taken

    def _plan(self, files: Sequence[tuple[Post, Path, str]]) -> tuple[Plan, Path]:
        operations: list[Operation] = []
        try:
            (self._root / self._folder).mkdir(parents=True, exist_ok=True)
            stage = self._changes.stage()
            # First the records: a crash in between leaves some without a picture, never the reverse.
            known = {file_hash(file): _provenance(post) for post, file, _ in files}
            with self._records.batch():
                for digest, provenance in known.items():
                    self._records.put_provenance(digest, provenance)
            for post, file, ext in files:
                home = f"{self._folder}/{post.name}" if self._folder else post.name
                staged = stage / f"{post.name}.{ext}"
                _link(file, staged)
                operations.append(Add(f"{home}.{ext}", staged))
                text = caption(post) if self._captions else b""
                if text and not (self._root / f"{home}.txt").exists():
                    operations.append(Edit(f"{home}.txt", None, text))
            durable.sync_folder(stage)
        except OSError as error:
            raise from_os(error, f"Taking pictures into {self._folder or self._root.name}") from error
        title = f"get {len(files)} picture{'s' if len(files) != 1 else ''} into {self._folder or self._root.name}"
        return Plan("get", title, tuple(operations), {"downloaded": len(files)}, self._command), stage


def _link(file: Path, to: Path) -> None:
    """The same file under a second name, so that a crash leaves it in the queue; a copy where links fail."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copyfile(file, to)


def _provenance(post: Post) -> Provenance:
    return Provenance(
        board=post.board,
        post=str(post.id),
        url=post.page_url,
        file_url=post.file_url,
        md5=post.md5,
        rating=post.rating,
        score=post.score,
        source=post.source,
        tags={category: list(tags) for category, tags in post.tags.items()},
        captured=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
