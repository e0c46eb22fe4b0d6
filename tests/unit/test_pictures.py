"""The one door for picture files: what hides under the name of a picture starts nothing and is one sentence."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from loratui.core import pictures
from loratui.core.dataset.sizes import size
from loratui.core.images import survey
from loratui.core.pictures import PictureError
from loratui.core.runs.metrics import _black
from loratui.core.tagging import pictures as tagger
from loratui.core.tagging import worker
from loratui.core.training.checks import decode
from loratui.core.training.material import size_of

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 20 20
%%EndComments
0 0 moveto 20 20 lineto stroke
showpage
%%EOF
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Ghostscript that tells that it was started, by a file that is there afterwards."""
    folder, started = tmp_path / "bin", tmp_path / "started"
    folder.mkdir()
    (folder / "gs").write_text(f"#!/bin/sh\ntouch '{started}'\nexit 1\n")
    (folder / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return started


def test_an_eps_named_png_starts_no_program_anywhere(tmp_path: Path, program: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(EPS)
    for look in (lambda: survey.examine(path), lambda: tagger.load(path, 64)):
        with pytest.raises(PictureError, match=r"^x\.png is not a picture this program can read\.$") as caught:
            look()
        assert caught.value.problem == "not-an-image" and caught.value.remedy
    assert worker._decode(str(path), 64) == "is not a picture this program can read"
    assert size(path) is None and size_of(path, 1, 1) is None
    assert decode._problem(SimpleNamespace(file=path)) == "broken"  # type: ignore[arg-type]
    assert _black(path) is False
    assert not program.exists()
    # It would have been: this is what Pillow does when it is not held back.
    plain = "import sys; from PIL import Image; Image.open(sys.argv[1]).load()"
    subprocess.run([sys.executable, "-c", plain, str(path)], capture_output=True, check=False)
    assert program.exists()


def test_only_the_readers_of_our_formats_are_loaded(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "x.webp")
    code = (
        "import sys; from pathlib import Path; from loratui.core import pictures\n"
        f"with pictures.opened(Path({str(tmp_path / 'x.webp')!r})) as image: image.load()\n"
        "print('PIL.EpsImagePlugin' in sys.modules, 'numpy' in sys.modules, 'PIL.ImageCms' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3


def test_special_files_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "loop.png").symlink_to("loop.png")
    problems = {"pipe": "special", "folder": "special", "empty": "empty", "loop": "unreadable", "none": "missing"}
    for name, problem in problems.items():
        path = tmp_path / f"{name}.png"
        with pytest.raises(PictureError) as caught, pictures.opened(path):
            pass
        assert caught.value.problem == problem and caught.value.message.startswith(f"{name}.png ")
        assert size(path) is None and size_of(path, 0, 0) is None
    assert len(os.listdir("/proc/self/fd")) < 200


def test_a_large_picture_has_a_size_and_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("1", (10_000, 9_100)).save(path)
    assert size(path) == (10_000, 9_100)
    with pytest.raises(PictureError, match="more than 50 million pixels") as caught:
        tagger.load(path, 64)
    assert caught.value.problem == "too-large"
    assert decode._problem(SimpleNamespace(file=path)) == "huge"  # type: ignore[arg-type]


def test_orientation_and_turning() -> None:
    image = Image.new("RGB", (4, 2))
    image.putpixel((0, 0), (255, 0, 0))
    assert pictures.orientation(image) == 1 and pictures.turned(image, 1) is image
    exif: Any = image.getexif()
    for value, read in ((6, 6), (9, 1), ("x", 1)):
        exif[0x0112] = value
        assert pictures.orientation(image) == read
    assert pictures.turned(image, 6).size == (2, 4) and pictures.turned(image, 6).getpixel((1, 0)) == (255, 0, 0)


def test_many_threads_open_without_a_warning(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (9, 9 + number)).save(tmp_path / f"{number}.png")
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.extend(size(tmp_path / f"{n}.png") for n in range(4))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found)) == sorted([f"(9, {9 + n})" for n in range(4)] * 4)
