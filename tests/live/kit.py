"""A small project for a real trainer, and loratui as a person calls it there."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

ENDED = ("done", "stopped", "failed", "interrupted")
SETTINGS = {
    # Small enough for a processor.
    "resolution": 64, "min_bucket_reso": 64, "max_bucket_reso": 128, "batch_size": 2,
    "network_dim": 4, "network_alpha": 2,
    "optimizer_type": "AdamW", "mixed_precision": "no", "max_token_length": 75, "max_data_loader_n_workers": 0,
    "sample_prompts": "", "epochs": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Live:
    """One project and the real trainer.

    Attributes:
        root: the project's folder.
        settings: what differs from the preset.
    """

    root: Path
    settings: dict[str, object] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """The command line of loratui in this project."""
        return [sys.executable, "-m", "loratui", "-C", str(self.root), *words]

    def sets(self, **more: object) -> list[str]:
        """`--set` for every setting, `more` over the small ones."""
        return [word for key, value in (self.settings | more).items() for word in ("--set", f"{key}={value}")]

    def call(self, *words: str, code: int = 0, timeout: float = 900) -> dict[str, Any]:
        """Runs a verb with `--json`; its document. Fails the test where the exit code is another than `code`."""
        result = subprocess.run(
            self.command(*words, "--json"), capture_output=True, text=True, timeout=timeout, check=False
        )
        assert result.returncode == code, result.stdout + result.stderr
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        return document

    def train(self, **more: object) -> Path:
        """Starts a training; the run's folder."""
        return Path(self.call("train", *self.sets(**more))["path"])

    def watch(self, run: str, code: int = 0, timeout: float = 1500) -> list[dict[str, Any]]:
        """All events of a run until its end."""
        result = subprocess.run(
            self.command("watch", run, "--json"), capture_output=True, text=True, timeout=timeout, check=False
        )
        assert result.returncode == code, result.stdout[-2000:] + result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def follow(self, run: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Watches a run until the first wanted event, then leaves it alone."""
        with subprocess.Popen(self.command("watch", run, "--json"), stdout=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdout is not None
            for line in watcher.stdout:
                event: dict[str, Any] = json.loads(line)
                if wanted(event):
                    watcher.terminate()
                    return event
        raise AssertionError(f"{run} ended before what was waited for")


def state(run: Path) -> dict[str, Any]:
    """What the run's supervisor wrote last."""
    found: dict[str, Any] = json.loads((run / "state.json").read_text())
    return found


def header(checkpoint: Path) -> dict[str, Any]:
    """A checkpoint's header: its tensors by name, and its metadata."""
    with checkpoint.open("rb") as stream:
        found: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return found


def metadata(checkpoint: Path) -> dict[str, str]:
    """The metadata in a checkpoint's header."""
    found: dict[str, str] = header(checkpoint)["__metadata__"]
    return found


def draw(folder: Path) -> None:
    """Twelve small pictures of a round face, each with its caption."""
    folder.mkdir(parents=True)
    grounds = {"sky": "#9cd0f4", "grass": "#88c070", "night": "#202848", "sunset": "#f4a878"}
    for number in range(12):
        ground = list(grounds)[number % 4]
        picture = Image.new("RGB", (128, 128 if number % 3 else 160), grounds[ground])
        pen = ImageDraw.Draw(picture)
        x, y = 40 + number % 5 * 6, 30 + number % 7 * 4
        pen.ellipse((x, y, x + 50, y + 60), fill="#3d6fd9")
        pen.ellipse((x + 5, y + 12, x + 45, y + 58), fill="#f8dcc8")
        for eye in (x + 15, x + 31):
            pen.ellipse((eye, y + 28, eye + 5, y + 36), fill="#d02030")
        picture.save(folder / f"kiri_{number:02}.png")
        (folder / f"kiri_{number:02}.txt").write_text(f"kiri, 1girl, solo, {ground}")
