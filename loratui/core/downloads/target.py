"""Where a get puts its pictures."""

import os

from loratui.core.errors import UsageError
from loratui.core.project import subset_folder
from loratui.core.sanitize import file_name
from loratui.core.workspace import Workspace


def target(workspace: Workspace, into: str | None, *, make: bool = True) -> str:
    """The folder, relative to the workspace's root; "" is the root itself.

    Args:
        into: a subset's name, a folder inside the root, or the name of a new subset; None: the first subset, outside
            a project the current folder.
        make: adds a new subset to the project; False only tells where it would be.

    Raises:
        UsageError: it lies outside the root, or is no name for a subset.
    """
    project = workspace.project
    if project is not None:
        if into is None and project.subsets:
            return _relative(project.subsets[0].folder)
        subset = project.subset(into) if into is not None else None
        if subset is not None:
            return _relative(subset.folder)
        if into is None or "/" not in into.rstrip("/"):
            into = subset_folder(into or file_name(project.name))
            if make:
                project.add_subset(into)
            return into
    full = os.path.realpath(workspace.cwd / (into or "."))
    if full != str(workspace.root) and not full.startswith(f"{workspace.root}{os.sep}"):
        raise UsageError(f"{into} lies outside {workspace.root.name}.", "Name a subset, or a folder inside it.")
    return _relative(os.path.relpath(full, workspace.root).replace(os.sep, "/"))


def _relative(folder: str) -> str:
    return "" if folder == "." else folder.rstrip("/")
