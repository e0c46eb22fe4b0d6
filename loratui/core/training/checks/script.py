"""Asks the script in use itself whether it knows every option and dataset key: it may be newer than the pinned one.

sd-scripts ignores misspelt keys of its `--config_file` in silence and checks no types there; its own parser tells them.
"""

import hashlib
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
import argparse, importlib, json, os, sys
given = json.load(sys.stdin)
sys.path.insert(0, os.getcwd())
sys.argv = [given["script"] + ".py"]
problems = []
parser = importlib.import_module(given["script"]).setup_parser()
actions = {action.dest: action for action in parser._actions}
for name, value in given["arguments"].items():
    action = actions.get(name)
    if action is None:
        problems.append(f"it has no option {name}")
        continue
    for item in value if isinstance(value, list) else [value]:
        if action.nargs == 0:
            continue
        try:
            read = action.type(str(item)) if action.type else item
        except (ValueError, TypeError, argparse.ArgumentTypeError):
            problems.append(f"{name} cannot be {item!r}")
            continue
        if action.choices and read not in action.choices:
            problems.append(f"{name} cannot be {item!r}")
if given["dataset"]:
    from library.config_util import ConfigSanitizer
    try:
        ConfigSanitizer(True, True, False, True).sanitize_user_config(given["dataset"])
    except Exception as error:
        problems.append(f"dataset: {error}")
print("\\n" + json.dumps(problems))
"""


def script_options(situation: Situation) -> Iterator[Check]:
    """The script's parser and dataset schema take what would be given to them. Seconds; remembered."""
    base, trainer = situation.base, situation.trainer
    # Without trainer or base the checks of those say so; nothing can be asked.
    if base is None or not isinstance(trainer, Trainer) or not isinstance(situation.facts, Facts):
        return
    if not is_sd_scripts(trainer.scripts) or "torch" not in situation.facts.packages:
        return
    script = trainer.scripts / SCRIPTS[base.family]
    if not script.is_file():
        yield Check(
            "script", "block", f"{trainer.scripts} has no {script.name}.", "Run `loratui setup`.", "loratui setup"
        )
        return
    keys = dataset_keys(situation.recipe)
    subset = {"image_dir": "/", **subset_keys(situation.recipe, 1, 1)}
    given = {
        "script": script.stem,
        "arguments": arguments(situation.recipe, base, situation.plan.epochs, situation.lycoris),
        "dataset": {"general": keys["general"], "datasets": [{**keys["dataset"], "subsets": [subset]}]},
    }
    problems = _asked(trainer.python, script, given)
    if isinstance(problems, str):
        yield Check(
            "script",
            "block",
            f"{script.name} does not start: {problems}.",
            "Run `loratui setup` again.",
            "loratui setup",
        )
    elif problems:
        message = f"{script.name} refuses: {'; '.join(problems[:3])}."
        yield Check("script", "block", message, "Correct the setting, or check out the pinned commit of sd-scripts.")
    else:
        yield Check("script", "ok", f"{script.name} takes every option.")


def _asked(python: Path, script: Path, given: Mapping[str, object]) -> list[str] | str:
    """The script's objections, or why it could not be asked."""
    text = json.dumps(given, sort_keys=True)
    library = script.parent / "library" / "train_util.py"
    times = [path.stat().st_mtime_ns for path in (python, script, library) if path.exists()]
    key = hashlib.sha256(json.dumps([str(python), str(script), times, text]).encode()).hexdigest()
    known = _known()
    if key in known:
        return list(known[key])
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            [str(python), "-c", _ASK],
            input=text.encode(),
            capture_output=True,
            cwd=script.parent,
            env=environment,
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    try:
        answer = [str(problem) for problem in json.loads(done.stdout.decode("utf-8", "replace").splitlines()[-1])]
    except (IndexError, ValueError, TypeError):
        return (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]
    _remember({**dict(list(known.items())[-50:]), key: answer})
    return answer


def _file() -> Path:
    return paths.cache_dir() / "script_checks.json"


def _known() -> dict[str, Any]:
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
