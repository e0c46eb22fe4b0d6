"""The guided start: five lines that make a project."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from loratui.core.errors import UsageError
from loratui.core.project import FILE, KINDS, Kind, Project
from loratui.tui.shell.editor import complete_path
from loratui.tui.shell.form import Field

if TYPE_CHECKING:
    from loratui.core.config import Config
    from loratui.tui.screens.base import LoratuiScreen

BOARD, FOLDER, THERE = "search a board", "a folder of mine", "they are there"


@dataclass(frozen=True, slots=True)
class Begun:
    """What the guided start made.

    Attributes:
        root: the project.
        command: the command line that does the same.
        images: a folder whose images are to be taken in; "" for none.
        search: go on with the search.
    """

    root: Path
    command: str
    images: str
    search: bool


async def begin(screen: "LoratuiScreen") -> Begun | None:
    """Asks for name, folder, kind, trigger, base model and where images come from; makes the project.

    Returns:
        None when the person stepped out.

    Raises:
        LoratuiError: the project could not be made.
    """
    from loratui.core.dataset.folder import has_images

    cwd = screen.workspace.cwd
    adopt = screen.workspace.project is None and has_images(cwd)
    fields = (
        Field("name", "name", cwd.name if adopt else "", "of the LoRA, such as hsr_kafka"),
        Field("kind", "kind", KINDS[0], options=KINDS),
        Field("trigger", "trigger", "", "the word that calls it, such as kafka", complete=None),
        Field("base", "base model", "", "file name; may come later", complete=_Models(screen.workspace.config)),
        Field("source", "images", THERE if adopt else BOARD, options=(BOARD, FOLDER, THERE)),
        Field(
            "folder",
            "project folder",
            "." if adopt else "",
            "empty: a new folder called as the name",
            complete=complete_path,
        ),
    )
    note = "" if not adopt else f"The images of {cwd.name} stay where they are: the project is made around them."
    values = await screen.fill_in("New project", fields, note)
    if values is None:
        return None
    name = values["name"].strip()
    root = cwd / os.path.expanduser(values["folder"].strip() or name)
    if not name and root == cwd and not adopt:
        raise UsageError("The project needs a name.", "Press a and type one.")
    if not root.parent.is_dir():
        raise UsageError(f"The folder {root.parent} is not there.", "Make it first, or name another.")
    images = ""
    if values["source"] == FOLDER:
        typed = await screen.ask("Folder of your images", complete=complete_path)
        images = os.path.expanduser((typed or "").strip())
    kind = cast("Kind", values["kind"])
    trigger, base = values["trigger"].strip(), values["base"].strip()
    if (root / FILE).exists():
        raise UsageError(f"{root} is a project already.", "Open it from the list.")
    project = Project.create(root, name=name, trigger=trigger, kind=kind, base=base)
    words = ["loratui", "new", str(root), "--kind", kind]
    words += ["--trigger", trigger] if trigger else []
    words += ["--base", base] if base else []
    return Begun(project.root, shlex.join(words), images, values["source"] == BOARD)


class _Models:
    """Completes the name of a model file; the folders are looked through once, when the first letter is typed."""

    def __init__(self, config: "Config") -> None:
        self._config = config
        self._names: list[str] | None = None

    def __call__(self, typed: str) -> Sequence[str]:
        if not typed:
            return ()
        if self._names is None:
            from loratui.core.training.models import files, folders

            self._names = sorted({path.name for path in files(folders(self._config))})
        return [name for name in self._names if name.startswith(typed)]
