"""What the screens send, against the budgets of the design: 120×40, truecolor, without pictures; then one picture."""

import os
import random
import time
from pathlib import Path

from PIL import Image

from tests.benchmarks.samples import fresh_home
from tests.benchmarks.table import Row
from tests.pty_harness import KITTY, XTERM, Answers, Terminal
from tests.runs_kit import ended_at_last, make_job
from tests.screens_kit import SCREENS, go, program, sample_project


def rows() -> list[Row]:
    """Idle, screen changes, a held key, the monitor of a live training, and a picture on a slow link."""
    with fresh_home() as home:
        folder = Path(str(home["HOME"]))
        project = sample_project(folder / "kafka")
        with program(project, folder, home) as terminal:
            changes = {name: go(terminal, chord) for chord, name in SCREENS.items()}
            worst = max(changes, key=lambda name: changes[name])
            go(terminal, "gt")
            before = terminal.count
            terminal.hold("\x1b[B", 100)
            held = (terminal.quiet(0.4) - before) / 100
            before = terminal.count
            time.sleep(5)
            idle = (terminal.count - before) / 5
        photo = _photo(folder / "photo.png")
        return [
            Row("idle", idle, "B/s", 0),
            Row(f"the dearest screen change ({worst})", changes[worst], "B", 35_000),
            Row("cursor key in Tags over 100 held keys", held, "B", 1_000),
            Row("monitor of a training at 20 steps/s", _monitor(project, folder, home), "B/s", 2_500),
            Row("a picture of 510 × 520 px, Kitty, slow link", _picture(photo, KITTY, home), "B", 20_000),
            Row("the same in half cells", _picture(photo, XTERM, home), "B", 20_000),
        ]


def _monitor(project: Path, folder: Path, home: dict[str, str | None]) -> float:
    """Bytes a second of the monitor over ten seconds of a running training."""
    from loratui.core.runs import freeze, launch

    before = os.environ.copy()
    os.environ.update({name: value for name, value in home.items() if value is not None})
    try:
        run = freeze(make_job(project, images=100, epochs=4, fake_seconds=0.05))
        launch(run)
        with ended_at_last(run), program(project, folder, home) as terminal:
            go(terminal, "gm")
            terminal.wait_for("it/s")
            time.sleep(1)
            start, count = time.monotonic(), terminal.count
            time.sleep(10)
            return (terminal.count - count) / (time.monotonic() - start)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _photo(path: Path) -> Path:
    """A picture as hard to pack as a photograph."""
    noise = random.Random(1)
    places = ((x, y, c) for y in range(260) for x in range(255) for c in range(3))
    pixels = bytes((x * 7 * (c + 1) // 9 + y + noise.randrange(40)) & 255 for x, y, c in places)
    Image.frombytes("RGB", (255, 260), pixels).resize((510, 520), Image.Resampling.BICUBIC).save(path)
    return path


def _picture(photo: Path, answers: Answers, home: dict[str, str | None]) -> int:
    """Bytes of a picture on 51 × 26 cells, by the difference to an empty box."""
    counts = []
    for path in (str(photo), ""):
        argv = ["python", "-m", "tests.benchmarks.samples", "picture", path]
        with Terminal(argv, answers=answers, env=home, size=(51, 26)) as terminal:
            terminal.wait_for(rb"\x1b\[\?1049h")
            time.sleep(1.5)
            counts.append(terminal.quiet(0.5))
    return counts[0] - counts[1]
