"""Where the real trainer is: named by variables; without them these tests are skipped."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.kit import ENDED, SETTINGS, Live, draw, state


@pytest.fixture
def live(tmp_path: Path, home: Path) -> Iterator[Live]:
    """A project of twelve drawn pictures, and a configuration that names the real trainer."""
    named = {name: os.environ.get(f"LORATUI_{name}", "") for name in ("SD_SCRIPTS", "TRAINER_PYTHON", "BASE")}
    if missing := [f"LORATUI_{name}" for name, value in named.items() if not value]:
        pytest.skip(f"needs a real trainer: set {', '.join(missing)}")
    base = Path(named["BASE"]).resolve()
    config = home / ".config" / "loratui" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        f"model_dirs = [{json.dumps(str(base.parent))}]\n[trainer]\n"
        f"python = {json.dumps(named['TRAINER_PYTHON'])}\nsd_scripts = {json.dumps(named['SD_SCRIPTS'])}\n"
    )
    root = tmp_path / "kiri"
    draw(root / "dataset" / "kiri")
    (root / "loratui.toml").write_text(
        f'format = 1\nname = "kiri"\n[model]\nfamily = "sd15"\nbase = {json.dumps(base.name)}\n'
        '[[subset]]\nfolder = "dataset/kiri"\ntrigger = "kiri"\nrepeats = 2\n[training]\npreset = "sd15-character"\n'
    )
    settings: dict[str, object] = dict(SETTINGS)
    if tokenizers := os.environ.get("LORATUI_TOKENIZERS"):  # a machine without network
        settings["tokenizer_cache_dir"] = tokenizers
    project = Live(root, settings)
    yield project
    for run in (root / "runs").glob("*/"):  # nothing goes on training behind a failed test
        if state(run).get("state") not in ENDED:
            subprocess.run(project.command("stop", run.name), check=False, timeout=60)
