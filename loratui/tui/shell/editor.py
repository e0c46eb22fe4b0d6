"""The person's own editor on a file, with the terminal handed over meanwhile."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from loratui.core.errors import LoratuiError


def edit(app: App[Any], path: Path) -> None:
    """Opens `path` in $VISUAL or $EDITOR and waits for its end.

    Raises:
        LoratuiError: there is no such editor, or it failed.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    code, trouble = 0, ""
    try:
        with app.suspend():
            # An error must not leave this block: Textual would not take the terminal back.
            try:
                # Descriptors 1 and 2 lead into the log while the app runs: the editor gets the terminal by name.
                code = subprocess.run([*command, str(path)], stdout=sys.__stdout__, stderr=sys.__stderr__).returncode
            except OSError as error:
                trouble = error.strerror or str(error)
    except SuspendNotSupported as error:
        raise LoratuiError("The editor needs a terminal.", "Edit the file in another window.") from error
    if trouble:
        raise LoratuiError(
            f"The editor {command[0]} cannot be started: {trouble}.", "Set EDITOR to one that is installed."
        )
    if code:
        raise LoratuiError(f"The editor {command[0]} ended with code {code}.", "Look whether the file was saved.")


def complete_path(typed: str, *, folders: bool = True) -> list[str]:
    """Whole paths for the beginning of one, at most 50; `~` stays as it was typed.

    Args:
        typed: what was typed so far.
        folders: offer folders only.
    """
    head, _, tail = typed.rpartition("/")
    parent = Path(os.path.expanduser(f"{head}/" if "/" in typed else "."))
    try:
        with os.scandir(parent) as entries:
            found = [
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(tail)
                and (tail.startswith(".") or not entry.name.startswith("."))
                and (entry.is_dir() or not folders)
            ]
    except OSError:
        return []
    prefix = f"{head}/" if "/" in typed else ""
    return [prefix + name for name in sorted(found)[:50]]
