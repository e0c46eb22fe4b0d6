"""The machine's home: which projects there are, so that any later login finds them; and the person's secret."""

import json
import os
from pathlib import Path

from loratui.core import durable, paths

_secrets: dict[Path, bytes] = {}


def _file() -> Path:
    return paths.state_dir() / "projects.json"


def secret() -> bytes:
    """32 bytes only this person has, made at first use; what is sealed with them was written by their loratui.

    Where the home cannot be written they last as long as the process.
    """
    path = paths.state_dir() / "secret"
    if path not in _secrets:
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with durable.lock(path.parent / "secret.lock"):
                    if not path.exists():
                        durable.write_file(path, os.urandom(32), mode=0o600)
            _secrets[path] = path.read_bytes()
        except OSError:
            _secrets[path] = os.urandom(32)
    return _secrets[path]


def known_projects() -> list[Path]:
    """Projects this machine has seen and that are still there, last used first."""
    try:
        listed = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return []
    folders = [Path(item) for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    return [folder for folder in folders if (folder / "loratui.toml").is_file()]


def remember_project(root: Path) -> None:
    """Puts a project first in the list. A home that cannot be written is no reason to stop."""
    try:
        folder = paths.state_dir()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with durable.lock(folder / "projects.lock"):
            known = known_projects()
            if known[:1] != [root]:
                others = [str(folder) for folder in known if folder != root]
                durable.write_file(_file(), json.dumps([str(root), *others[:200]], indent=1))
    except OSError:
        return
