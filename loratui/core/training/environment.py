"""The trainer's environment: an interpreter with torch, and a folder of sd-scripts. Asked in a process of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loratui.core import durable, paths
from loratui.core.errors import Refused

if TYPE_CHECKING:
    from loratui.core.config import Config

REPOSITORY = "https://github.com/kohya-ss/sd-scripts.git"
COMMIT = "48d368fa557731ad0488c07304dfeba8c07910eb"
"""The commit of sd-scripts that everything here was measured against; the submodule points at it too."""

NEEDED = ("torch", "torchvision", "accelerate", "transformers", "diffusers", "safetensors", "toml")
"""Packages without which nothing can be trained, as pip calls them."""

ENTRY = "train_network.py"
"""The script by which a folder of sd-scripts is known."""
_REMEDY = "Run `loratui setup`, or name your own with trainer.python and trainer.sd_scripts in config.toml."


@dataclass(frozen=True, slots=True)
class Trainer:
    """Where the trainer is.

    Attributes:
        python: its interpreter.
        scripts: the folder of sd-scripts.
    """

    python: Path
    scripts: Path


@dataclass(frozen=True, slots=True)
class Facts:
    """What the trainer's interpreter said of itself.

    Attributes:
        python: its version.
        packages: versions by name; those that are not installed are missing.
        broken: packages that are installed and cannot be imported, with the error.
        cuda: whether torch sees a GPU.
        devices: for each GPU name and compute capability such as 8.6.
        commit: of sd-scripts, "" where it is no git checkout.
    """

    python: str
    packages: Mapping[str, str]
    broken: Mapping[str, str]
    cuda: bool
    devices: tuple[tuple[str, float], ...] = ()
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where `loratui setup` puts things.

    Attributes:
        folder: of everything below.
        scripts: the clone of sd-scripts.
        venv: the virtual environment.
    """

    folder: Path
    scripts: Path = field(init=False)
    venv: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scripts", self.folder / "sd-scripts")
        object.__setattr__(self, "venv", self.folder / "venv")


def places() -> Places:
    """The trainer's own folder in the machine's home."""
    return Places(paths.state_dir() / "trainer")


def submodule() -> Path:
    """The folder of the sd-scripts submodule, in a checkout of loratui; empty where it was not filled."""
    return paths.PACKAGE.parent / "sd-scripts"


def locate(config: "Config") -> Trainer:
    """The trainer in use: what the configuration names, else what `loratui setup` made.

    Raises:
        Refused: there is none, or the configured one is not there; one sentence says which part is missing.
    """
    return Trainer(_python(config), _scripts(config))


def _scripts(config: "Config") -> Path:
    found = given_scripts(config)
    if found is None and (places().scripts / ENTRY).is_file():
        found = places().scripts
    if found is None:
        raise Refused("The trainer is not set up: sd-scripts is missing.", _REMEDY)
    return found


def given_scripts(config: "Config") -> Path | None:
    """The sd-scripts that are there without `loratui setup`: the configured ones, or the submodule; None for neither.

    Raises:
        Refused: the configured folder holds none.
    """
    if config.trainer.sd_scripts:
        named = _expanded(config.trainer.sd_scripts)
        if not (named / ENTRY).is_file():
            raise Refused(
                f"trainer.sd_scripts is {named}, and there is no {ENTRY} in it.", "Correct it in config.toml."
            )
        return named
    return submodule() if (submodule() / ENTRY).is_file() else None


def _python(config: "Config") -> Path:
    found = own_python(config)
    # Not resolved: the link in the environment is what tells Python which packages are its own.
    if found is None and (places().venv / "bin" / "python").exists():
        found = places().venv / "bin" / "python"
    if found is None:
        raise Refused("The trainer is not set up: its Python environment is missing.", _REMEDY)
    return found


def own_python(config: "Config") -> Path | None:
    """The person's own interpreter for the trainer: the configured one, or that of an environment in the configured
    sd-scripts; None for none.

    Raises:
        Refused: the configured one is not there.
    """
    if config.trainer.python:
        named = _expanded(config.trainer.python)
        if not (named.is_file() and os.access(named, os.X_OK)):
            raise Refused(
                f"trainer.python is {named}, and there is no program of that name.", "Correct it in config.toml."
            )
        return named
    if not config.trainer.sd_scripts:
        return None
    beside = (_expanded(config.trainer.sd_scripts) / name / "bin" / "python" for name in ("venv", ".venv"))
    return next((python for python in beside if python.exists()), None)


def _expanded(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser().absolute()


# torch is imported for what only it knows; the others where an import tells more than a version.
_PROBE = """
import importlib, importlib.metadata, importlib.util, json, platform, sys
names = ["torch", "torchvision", "accelerate", "transformers", "diffusers", "safetensors", "bitsandbytes", "toml",
         "lycoris-lora", "xformers", "prodigyopt", "dadaptation", "lion-pytorch",
         "schedulefree", "tensorboard"]
packages, broken = {}, {}
for name in names:
    try:
        packages[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        # Found without a record of its installation: an environment put together by hand.
        if importlib.util.find_spec({"lycoris-lora": "lycoris", "lion-pytorch": "lion_pytorch"}.get(name, name)):
            packages[name] = "?"
modules = {"torch": "torch", "bitsandbytes": "bitsandbytes", "lycoris-lora": "lycoris.kohya"}
for name, module in {**modules, "xformers": "xformers.ops"}.items():
    if name in packages:
        try:
            importlib.import_module(module)
        except BaseException as error:
            broken[name] = f"{type(error).__name__}: {error}"[:300]
cuda, devices = False, []
if "torch" in packages and "torch" not in broken:
    import torch
    cuda = torch.cuda.is_available()
    for index in range(torch.cuda.device_count() if cuda else 0):
        major, minor = torch.cuda.get_device_capability(index)
        devices.append([torch.cuda.get_device_name(index), float(f"{major}.{minor}")])
version = platform.python_version()
answer = {"python": version, "packages": packages, "broken": broken, "cuda": cuda, "devices": devices}
print("\\n" + json.dumps(answer))
"""


def probe(trainer: Trainer, *, fresh: bool = False, remember: bool = True) -> Facts:
    """Asks the trainer's interpreter what it has; remembered until its packages change.

    Args:
        trainer: where it is.
        fresh: ask again in any case.
        remember: keep the answer; False writes no file.

    Raises:
        Refused: the interpreter does not run, or gives no answer within two minutes.
    """
    key = json.dumps([str(trainer.python), _changed(trainer.python), os.environ.get("CUDA_VISIBLE_DEVICES"), 1])
    answer = None if fresh else _remembered(key)
    if answer is None:
        answer = _ask(trainer.python)
        if remember:
            _remember(key, answer)
    return Facts(
        python=answer["python"],
        packages=answer["packages"],
        broken=answer["broken"],
        cuda=answer["cuda"],
        devices=tuple((str(name), float(capability)) for name, capability in answer["devices"]),
        commit=commit_of(trainer.scripts),
    )


def _ask(python: Path) -> dict[str, Any]:
    remedy = "Run `loratui setup` again, or correct trainer.python in config.toml."
    try:
        # Not isolated by -I: an environment may be told its packages by variables, and trains with them, too.
        done = subprocess.run([str(python), "-c", _PROBE], capture_output=True, timeout=120, cwd="/", check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"The trainer's Python ({python}) does not answer: {type(error).__name__}.", remedy) from error
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        answer = json.loads(lines[-1])
        return {name: answer[name] for name in ("python", "packages", "broken", "cuda", "devices")}
    except (IndexError, ValueError, KeyError, TypeError) as error:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise Refused(f"The trainer's Python ({python}) does not work: {last[:200]}.", remedy) from error


def mend(trainer: Trainer, package: str) -> str:
    """What to do about a package that is installed and cannot be imported: the set-up takes it for done."""
    return f"Install it anew: {trainer.python} -m pip install --force-reinstall --no-deps {package}."


def _changed(python: Path) -> list[int]:
    """Times of change of what an installation touches: a cheap fingerprint of an environment."""
    folders = [python, *sorted((python.parent.parent / "lib").glob("python3*/site-packages"))]
    return [folder.stat().st_mtime_ns for folder in folders if folder.exists()]


def _cache_file() -> Path:
    return paths.cache_dir() / "trainer.json"


def _remembered(key: str) -> dict[str, Any] | None:
    try:
        known = json.loads(_cache_file().read_bytes())
        return known["answer"] if known["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(key: str, answer: Mapping[str, object]) -> None:
    """Keeps an answer. A cache that cannot be written only costs time."""
    try:
        _cache_file().parent.mkdir(parents=True, exist_ok=True)
        durable.write_file(_cache_file(), json.dumps({"key": key, "answer": answer}))
    except OSError:
        return


def is_sd_scripts(scripts: Path) -> bool:
    """Whether the folder is laid out like sd-scripts: a trainer of another make cannot be asked what it needs."""
    return (scripts / "library" / "train_util.py").is_file()


def commit_of(scripts: Path) -> str:
    """The commit that is checked out in `scripts`, "" where git does not say."""
    try:
        done = subprocess.run(
            ["git", "-C", str(scripts), "rev-parse", "--show-toplevel", "HEAD"],
            capture_output=True,
            timeout=10,
            check=False,
            text=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    top, _, commit = done.stdout.strip().partition("\n")
    # A folder without a repository of its own lies in somebody else's.
    return commit if done.returncode == 0 and Path(top).resolve() == scripts.resolve() else ""


def document(trainer: Trainer, facts: Facts) -> dict[str, object]:
    """What `doctor --json` says of the trainer."""
    return {"python": str(trainer.python), "sd_scripts": str(trainer.scripts), **asdict(facts)}
