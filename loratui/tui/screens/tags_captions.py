"""One caption by hand, on a line or in the editor: what the person wrote is never lost, and never another image's."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from loratui.core import paths
from loratui.core.dataset.bulk import by_hand
from loratui.core.dataset.caption import Caption
from loratui.core.errors import Cancelled, Conflict, LoratuiError
from loratui.core.sanitize import line

if TYPE_CHECKING:
    from loratui.tui.screens.tags import TagsScreen
    from loratui.tui.screens.tags_snapshot import Snapshot


async def write(screen: "TagsScreen") -> None:
    """Asks for the caption of the image shown on one line, and writes it."""
    image = screen.snapshot.dataset.images[screen.position]

    async def ask(snapshot: "Snapshot", typed: str | None) -> str | None:
        position = snapshot.find(image.path)
        if position is None:
            _gone(screen, image.name, typed or "")
            return None
        before = snapshot.dataset.caption(position).text
        text = await screen.ask(f"Caption of {image.name}", before if typed is None else typed)
        return None if text == before else text

    async def act(snapshot: "Snapshot", text: str) -> None:
        now = screen.snapshot
        position, asked = now.find(image.path), snapshot.find(image.path)
        if position is None:
            _gone(screen, image.name, text)
            return
        if asked is None or not now.same_caption(position, snapshot, asked):
            raise Conflict(
                f"The caption of {line(image.name)} changed while you wrote.",
                "Enter writes yours over it, esc leaves it as it is.",
            )
        before = now.dataset.caption(position)
        new = Caption.parse((line(text, len(text)) + before.more_lines).encode(before.encoding))
        await screen.propose(now, lambda: by_hand(now.dataset, position, new.to_bytes()), ask=False)

    await screen.until_done(ask, act)


def _gone(screen: "TagsScreen", name: str, text: str) -> None:
    """The image went while its caption was written: the text stays in the log."""
    screen.app.did(f"what you wrote for {line(name)}: {line(text)}")
    screen.toast(f"{line(name)} is no longer here.", "L shows what you wrote.", "error")


async def edit(screen: "TagsScreen") -> None:
    """Opens a copy of the caption in the editor; what comes back is a step like any other.

    Raises:
        LoratuiError: it could not be saved; the copy is kept, and opened the next time.
    """
    snapshot, position = screen.snapshot, screen.position
    image, old = snapshot.dataset.images[position], snapshot.dataset.raw[position] or b""
    copy = screen.drafts.get(image.path) or _copy(Path(image.name).stem, old)
    try:
        screen.edit_file(copy)
        raw = copy.read_bytes()
        if raw.endswith(b"\n") and not old.endswith(b"\n"):
            raw = raw[:-1]  # editors end files with a line feed; the caption had none
        Caption.parse(raw)
        await screen.propose(snapshot, lambda: by_hand(snapshot.dataset, position, raw), ask=False)
    except Cancelled:
        raise
    except LoratuiError as error:
        if copy.is_file() and copy.read_bytes() != old:
            screen.drafts[image.path] = copy
            kept = f"What you wrote is kept in {copy}; e opens it again."
            raise LoratuiError(error.message, f"{error.remedy} {kept}".strip()) from error
        _discard(screen, image.path, copy)
        raise
    _discard(screen, image.path, copy)


def _copy(stem: str, raw: bytes) -> Path:
    """A file for the editor, in a folder of its own that outlives the program."""
    drafts = paths.state_dir() / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=drafts)) / f"{stem}.txt"
    copy.write_bytes(raw)
    return copy


def _discard(screen: "TagsScreen", path: str, copy: Path) -> None:
    screen.drafts.pop(path, None)
    shutil.rmtree(copy.parent, ignore_errors=True)  # editors leave files of their own beside it
