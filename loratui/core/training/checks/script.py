"""Asks the script in use which options and dataset keys it knows: it may be newer than the pinned one.

sd-scripts ignores misspelt keys of its `--config_file` in silence and checks no types there; its own parser tells them.
The answer takes the script's imports, ten seconds and more, and is remembered until the script changes.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loratui.core import durable, paths
from loratui.core.checks import Check
from loratui.core.training.arguments import SCRIPTS, arguments
from loratui.core.training.dataset_config import dataset_keys, subset_keys
from loratui.core.training.environment import Facts, Trainer, is_sd_scripts
from loratui.core.training.situation import Situation

_ASK = """
import importlib, json, os, sys
sys.path.insert(0, os.getcwd())
script = sys.argv[1]
sys.argv = [script + ".py"]
options = {}
for action in importlib.import_module(script).setup_parser()._actions:
    kind = action.type.__name__ if action.type in (int, float, str) else ""
    choices = None if action.choices is None else [str(choice) for choice in action.choices]
    options[action.dest] = ["flag" if action.nargs == 0 else kind, choices]
from library.config_util import ConfigSanitizer
schema = ConfigSanitizer(True, True, False, True)
keys = {
    "general": schema.general_schema, "dataset": schema.db_dataset_schema, "subset": schema.db_subset_schema
}
keys = {name: [str(key) for key in known] for name, known in keys.items()}
print("\\n" + json.dumps({"options": options, **keys}))
"""


def script_options(situation: Situation) -> Iterator[Check]:
    """The script's parser and dataset schema take what would be given to them."""
    base, trainer = situation.base, situation.trainer
    # Without trainer or base the checks of those say so; nothing can be asked.
    if base is None or not isinstance(trainer, Trainer) or not isinstance(situation.facts, Facts):
        return
    if not is_sd_scripts(trainer.scripts) or "torch" not in situation.facts.packages:
        return
    script = trainer.scripts / SCRIPTS[base.family]
    if not script.is_file():
        message = f"{trainer.scripts} has no {script.name}."
        yield Check("script", "block", message, "Run `loratui setup`.", "loratui setup")
        return
    known = _known(trainer.python, script, remember=situation.remember)
    if isinstance(known, str):
        message = f"{script.name} does not start: {known}."
        yield Check("script", "block", message, "Run `loratui setup` again.", "loratui setup")
        return
    keys = dataset_keys(situation.recipe)
    given = {**keys, "subset": subset_keys(situation.recipe, 1, 1)}
    problems = [
        *_options(known["options"], arguments(situation.recipe, base, situation.plan.epochs, situation.lycoris)),
        *(f"no dataset key {key}" for part, names in given.items() for key in names if key not in known[part]),
    ]
    if problems:
        message = f"{script.name} refuses: {'; '.join(problems[:3])}."
        remedy = "Correct the setting, or check out the pinned commit of sd-scripts."
        yield Check("script", "block", message, remedy)
    else:
        yield Check("script", "ok", f"{script.name} takes every option.")


def _options(known: Mapping[str, Any], given: Mapping[str, object]) -> Iterator[str]:
    """What the script's parser would object to."""
    for name, value in given.items():
        if name not in known:
            yield f"no option {name}"
            continue
        kind, choices = known[name]
        for item in value if isinstance(value, list) else [value]:
            whole = isinstance(item, int) or (isinstance(item, float) and item.is_integer())
            fits = {"int": whole, "float": isinstance(item, int | float), "flag": item is True}.get(kind, True)
            if not fits or (choices is not None and str(item) not in choices):
                yield f"{name} cannot be {item!r}"


def _known(python: Path, script: Path, *, remember: bool) -> Mapping[str, Any] | str:
    """What the script knows, or why it could not be asked."""
    files = (python, script, script.parent / "library" / "train_util.py", script.parent / "library" / "config_util.py")
    key = json.dumps([str(script), *(path.stat().st_mtime_ns for path in files if path.exists())])
    remembered = _remembered()
    if key in remembered:
        return remembered[key]  # type: ignore[no-any-return]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            [str(python), "-c", _ASK, script.stem],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=script.parent,
            env=environment,
            timeout=180,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    try:
        answer = json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])
        found = {part: answer[part] for part in ("options", "general", "dataset", "subset")}
    except (IndexError, ValueError, TypeError, KeyError):
        return (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]
    if remember:
        _remember({**dict(list(remembered.items())[-4:]), key: found})
    return found


def _file() -> Path:
    return paths.cache_dir() / "scripts.json"


def _remembered() -> dict[str, Any]:
    try:
        found = json.loads(_file().read_bytes())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _remember(known: Mapping[str, object]) -> None:
    """Keeps answers. A cache that cannot be written only costs time."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        durable.write_file(_file(), json.dumps(known))
    except OSError:
        return
