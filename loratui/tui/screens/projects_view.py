"""What the projects screen shows: the way from images to a run, and the known projects."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from loratui.core.sanitize import line
from loratui.tui.commands import GLOBAL
from loratui.tui.keymap import Keymap

if TYPE_CHECKING:
    from loratui.core.status import Status
    from loratui.core.workspace import Workspace

_NAME = 30
"""Cells the names of the projects take at most."""
_SCREENS = {
    "get": "search",
    "dupes": "review",
    "tag": "tags",
    "tags": "tags",
    "models": "train",
    "preflight": "train",
    "train": "train",
    "watch": "monitor",
}


def screen_of(command: str) -> str:
    """The screen on which the step of a status is taken: `loratui tags trigger` is taken on `tags`."""
    return _SCREENS.get(command.split()[1], "tags")


class KnownProjects:
    """The rows of the list: name and folder, the open one marked."""

    def __init__(self, projects: Sequence[Path], current: Path) -> None:
        self._projects = projects
        self._current = current
        self._widest = min(_NAME, max((len(line(root.name)) for root in projects), default=0))

    def __len__(self) -> int:
        return len(self._projects)

    def is_marked(self, index: int) -> bool:
        """Whether it is the open one."""
        return self._projects[index] == self._current

    def row(self, index: int, width: int) -> Content:
        """Project `index`."""
        root = self._projects[index]
        name = Content.styled(line(root.name), "bold").truncate(self._widest, ellipsis=True, pad=True)
        folder, room = home_relative(root.parent), width - self._widest - 3
        if cell_len(folder) > room > 0:  # the end of a path tells more than its beginning
            folder = f"…{folder[-room + 1 :]}"
        return Content.assemble(" ", name, "  ", (folder, "$dim"))


def home_relative(path: Path) -> str:
    """`path` with `~` for the home folder, safe to show."""
    home = Path.home()
    return line(f"~/{path.relative_to(home)}" if path != home and path.is_relative_to(home) else str(path))


def status_lines(
    workspace: "Workspace", status: "Status | None", keymap: Keymap, width: int, onward: str, known: bool
) -> list[Content]:
    """The pane of the current project: each step of the way with its state and the key of its screen.

    Args:
        workspace: the current one.
        status: None while it is being looked at.
        keymap: for the keys shown.
        width: cells of a line.
        onward: the key that goes to the next step.
        known: whether there are projects to open.
    """
    project = workspace.project
    name = project.name if project is not None else workspace.root.name or "/"
    head = [Content.assemble((line(name), "bold $primary"), (f"   {home_relative(workspace.root)}", "$dim"))]
    if project is not None:
        triggers = ", ".join(subset.trigger for subset in project.subsets if subset.trigger) or "no trigger yet"
        head.append(
            Content.styled(line(f"{project.kind} · {triggers} · {_count(len(project.subsets), 'subset')}"), "$dim")
        )
    if status is None:
        return [*head, Content(), Content.styled("looking …", "$dim")]
    if project is None:
        return [*head, Content(), *_no_project(status, known)]
    keys = {command.id: keymap.shown(command) for command in GLOBAL}
    target = screen_of(status.next)
    captioned = status.images > 0 and not status.uncaptioned
    triggered = any(subset.trigger for subset in project.subsets)
    base = project.model.get("base", "")
    steps = (
        (status.images > 0, "images", f"{status.images:,}" if status.images else "none yet", "search"),
        (status.images > 0 and status.undecided == 0, "duplicates", _undecided(status), "review"),
        (captioned, "captions", _missing(status.images, status.uncaptioned, "missing"), "tags"),
        (
            captioned and not status.untriggered and triggered,
            "trigger first",
            _missing(status.images, status.untriggered + status.uncaptioned, "without") if triggered else "none set",
            "tags",
        ),
        (bool(base), "base model", base or "not named yet", "train"),
        (status.runs > 0, "training", _count(status.runs, "run") if status.runs else "no run yet", "train"),
    )
    rows = []
    for done, title, state, screen in steps:
        rows.append(
            Content.assemble(
                ("● " if done else "○ ", "$kept" if done else "$dim"),
                f"{title:<15}",
                (f"{line(state, 40):<24} ", "" if done else "$warning"),
                (keys[f"go.{screen}"], "$primary"),
            )
        )
    why = Content.styled(line(status.why), "bold $accent")
    own = "" if status.images else " · i takes in your own"
    how = Content.styled(f"{onward} or {keys[f'go.{target}']} goes there{own} · {line(status.next)}", "$dim")
    room = max(width - 6, 20)
    first, *more = [*why.wrap(room), *how.wrap(room)]
    step = [Content.assemble(("next  ", "bold"), first), *(each.pad_left(6) for each in more)]
    return [*head, Content(), *rows, Content(), *step]


def _no_project(status: "Status", known: bool) -> list[Content]:
    there = f"{_count(status.images, 'image')} here" if status.images else "No images here"
    return [
        Content("This folder is no project."),
        Content(),
        Content.assemble(("a ", "bold $primary"), "begins one: name, kind, trigger, base model, images"),
        *([Content.assemble(("enter ", "bold $primary"), "opens one of those this machine knows")] if known else []),
        Content.assemble((f"{there}; review and tags work on any folder of images.", "$dim")),
    ]


def _undecided(status: "Status") -> str:
    if not status.images:
        return "–"
    if status.undecided is None:
        return "to be looked for"
    return f"{status.undecided} undecided" if status.undecided else "none undecided"


def _missing(images: int, count: int, what: str) -> str:
    if not images:
        return "–"
    return f"{count:,} {what}" if count else "all there"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
