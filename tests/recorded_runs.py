"""Recordings made of runs of the fake trainer, in the shape of the one that comes with the program."""

import json
import shutil
from pathlib import Path

from loratui.core.runs import Run, supervisor
from loratui.core.runs.replay import TEXTS


def record(run: Run, target: Path, seconds: float = 2.0) -> None:
    """Records a finished run as if its files had grown evenly; checkpoints come at the end of their epoch."""
    target.mkdir()
    for name in (*TEXTS, "command.json", "state.json", "train.log"):
        shutil.copyfile(run.folder / name, target / name)
    size = (target / "train.log").stat().st_size
    parts = 20
    timing = [
        (seconds * part / parts, "log", size * part // parts - size * (part - 1) // parts)
        for part in range(1, parts + 1)
    ]
    (target / "timing.jsonl").write_text("".join(json.dumps(one) + "\n" for one in timing))
    moments: list[tuple[float, str, int]] = []
    checkpoints = {}
    for path in sorted(run.folder.glob("logs/*/*/*")) + sorted(run.checkpoints.rglob("*.*")):
        name = str(path.relative_to(run.folder))
        size = path.stat().st_size
        if path.suffix == ".safetensors":
            metadata = supervisor.checkpoint_metadata(path) or {}
            checkpoints[name] = {"size": size, "metadata": metadata}
            at = seconds * int(metadata.get("ss_epoch", 1)) / run.command.epochs
            moments += [(at, name, 0), (at, name, size)]
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
        growing = range(1, parts + 1) if name.startswith("logs") else (parts,)
        moments += [(seconds * part / parts, name, size * part // parts) for part in growing]
    (target / "checkpoints.json").write_text(json.dumps(checkpoints))
    (target / "fs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in sorted(moments)))
