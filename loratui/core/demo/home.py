"""The demo's own surroundings: a fresh folder, a board in it, a configuration that touches nothing of the person's."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import tomli_w

from loratui.core import config, paths
from loratui.core.demo import real
from loratui.core.demo.board import serving
from loratui.core.demo.collection import CHARACTER, make
from loratui.core.errors import from_os
from loratui.core.project import Project

QUERY = f"{CHARACTER} solo looking_at_viewer"
TAGGER = Path(__file__).parent / "tagger"
_KEPT = 3


@dataclass(frozen=True, slots=True)
class DemoHome:
    """Where a demo lives.

    Attributes:
        folder: everything of this demo.
        project: the project in it.
        board: the address of its board.
        pictures: how many posts the board has.
        training: what is trained for real on what, in words; "" where a recording is shown instead.
    """

    folder: Path
    project: Path
    board: str
    pictures: int
    training: str = ""


@contextmanager
def surroundings(base: str = "") -> Iterator[DemoHome]:
    """Makes a demo in a fresh folder below the cache, and serves its board while the block runs.

    Configuration and state of this process (and of those it starts) are the demo's own; the person's trainer and model
    folders are taken over, so that a real training is possible where it is set up. The newest three demos are kept,
    and those in which a training goes on.

    Args:
        base: the base model to train on, a file or a name as a project has it; "" for none.

    Raises:
        LoratuiError: the folder cannot be made.
    """
    theirs = config.load()
    taken_over = real.taken_over(theirs)
    if base and Path(base).expanduser().exists():
        base = str(Path(base).expanduser().absolute())
    top = paths.cache_dir() / "demo"
    try:
        top.mkdir(parents=True, exist_ok=True)
        for old in sorted(path for path in top.iterdir() if path.is_dir())[: -(_KEPT - 1) or None]:
            if not real.trains(old):
                shutil.rmtree(old, ignore_errors=True)
        folder = _fresh(top)
        pictures = folder / "board"
        pictures.mkdir()
        posts = make(pictures)
    except OSError as error:
        raise from_os(error, "Making the demo") from error
    with serving(pictures, posts) as url, _environment({"CONFIG": folder / "config", "STATE": folder / "state"}):
        settings = {
            "default_board": "demo",
            **taken_over,
            "boards": {"demo": {"engine": "danbooru", "url": url}},
            "ui": msgspec.to_builtins(theirs.ui),
        }
        config.config_path().parent.mkdir(parents=True)
        config.config_path().write_text(tomli_w.dumps(settings))
        project = Project.create(folder / "mira", name="mira", trigger="mira", base=base)
        project.set("tagger.model", str(TAGGER))
        project.set("tagger.general", 0.5)
        training = real.fit(project, config.load()) if base else ""
        yield DemoHome(folder, project.root, url, len(posts), training)


def _fresh(top: Path) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        folder = top / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(top / stamp)


@contextmanager
def _environment(folders: Mapping[str, Path]) -> Iterator[None]:
    before = {f"XDG_{name}_HOME": os.environ.get(f"XDG_{name}_HOME") for name in folders}
    os.environ.update({f"XDG_{name}_HOME": str(folder) for name, folder in folders.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
