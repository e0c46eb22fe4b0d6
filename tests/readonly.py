"""Folders that cannot be written, for the superuser too: a program is run without the right to pass over modes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def lock(folder: Path) -> None:
    """Takes the right to write from the folder and all in it."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)


def unlock(folder: Path) -> None:
    """Gives it back, so that the folder can be cleared away."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs Python with these words, bound by the modes of files as any person is."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("the superuser may write anywhere, and there is no setpriv to give that up")
        prefix = [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    return subprocess.run([*prefix, sys.executable, *words], capture_output=True, text=True, check=False)
