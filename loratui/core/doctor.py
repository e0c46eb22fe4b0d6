"""What this machine, terminal and link can do, and what is missing."""

import importlib.metadata
import json
import locale
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from loratui.core import jobs, paths
from loratui.core.checks import Check
from loratui.core.errors import LoratuiError
from loratui.core.gpu import gpus
from loratui.core.training import environment
from loratui.core.training.checks.session import session

if TYPE_CHECKING:
    from loratui.core.config import Config

_PACKAGES = (
    "textual",
    "pillow",
    "httpx",
    "msgspec",
    "numpy",
    "ImageHash",
    "huggingface-hub",
    "textual-image",
)
# Names that terminals which take Kitty's graphics give themselves in the environment.
_KITTY = ("KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR", "WEZTERM_PANE", "KONSOLE_VERSION")


def diagnose(config: "Config", *, report: jobs.Report = jobs.silent, cancel: Event | None = None) -> list[Check]:
    """All findings, in the order a person would look: ourselves, the trainer, GPU, disk, terminal, link."""
    steps: tuple[tuple[str, Callable[[], Iterable[Check]]], ...] = (
        ("packages", _packages),
        ("tagger", _onnxruntime),
        ("trainer", lambda: _trainer(config)),
        ("GPU", _gpu),
        ("folders", _folders),
        ("models", lambda: _models(config)),
        ("terminal", _terminal),
        ("link", _link),
        ("session", session),
        ("tools", _tools),
    )
    found: list[Check] = []
    for number, (name, step) in enumerate(steps):
        jobs.check(cancel)
        report(number, len(steps), name)
        found += step()
    return found


def _packages() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", "ok", f"Python {version} at {sys.executable}.")
    missing = [name for name in _PACKAGES if _version(name) is None]
    if missing:
        yield Check(
            "packages", "block", f"{', '.join(missing)} is not installed.", "Install loratui again, with its packages."
        )
    else:
        yield Check("packages", "ok", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES) + ".")


def _onnxruntime() -> Iterator[Check]:
    """Which of the packages that share one module is installed, and what it can compute on."""
    installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if _version(name) is not None]
    if not installed:
        yield Check(
            "onnxruntime", "block", "onnxruntime is not installed: nothing can be tagged.", "Install onnxruntime."
        )
        return
    ask = "import json, onnxruntime as o; print(json.dumps([o.__version__, o.get_available_providers()]))"
    try:
        done = subprocess.run([sys.executable, "-I", "-c", ask], capture_output=True, timeout=60, check=True)
        version, providers = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        yield Check(
            "onnxruntime", "block", f"onnxruntime cannot be imported ({type(error).__name__}).", "Install it again."
        )
        return
    names = [provider.removesuffix("ExecutionProvider") for provider in providers]
    said = f"{' and '.join(installed)} {version}, computes on {', '.join(names)}"
    if len(installed) > 1:
        yield Check(
            "onnxruntime", "warn", f"{said}; both packages share one module.", "Uninstall both, then install one."
        )
    elif gpus().found and "CUDA" not in names:
        remedy = "Replace onnxruntime by onnxruntime-gpu: tagging is many times faster."
        yield Check("onnxruntime", "warn", f"{said}; the GPU is not used.", remedy)
    else:
        yield Check("onnxruntime", "ok", f"{said}.")


def _trainer(config: "Config") -> Iterator[Check]:
    try:
        trainer = environment.locate(config)
        facts = environment.probe(trainer)
    except LoratuiError as error:
        yield Check("trainer", "warn", error.message, error.remedy, "loratui setup")
        return
    if missing := [name for name in environment.NEEDED if name not in facts.packages]:
        message = f"The trainer's environment ({trainer.python}) lacks {', '.join(missing)}."
        remedy = "Run `loratui setup`, or install it there, or name another trainer.python in config.toml."
        yield Check("trainer", "warn", message, remedy, "loratui setup")
        return
    for name, error_text in facts.broken.items():
        message = f"{name} cannot be imported by the trainer: {error_text}."
        yield Check("trainer-packages", "warn", message, environment.mend(trainer, name))
    commit = f"sd-scripts {facts.commit[:8] or 'without git'}"
    sees = f"sees {facts.devices[0][0]}" if facts.devices else "sees no GPU"
    yield Check(
        "trainer",
        "ok",
        f"Python {facts.python}, torch {facts.packages['torch']} {sees}, {commit} at {trainer.scripts}.",
    )
    lycoris = facts.packages.get("lycoris-lora")
    if lycoris is None:
        yield Check(
            "lycoris",
            "warn",
            "LyCORIS is not installed for the trainer: no LoHa.",
            "Run `loratui setup`.",
            "loratui setup",
        )


def _gpu() -> Iterator[Check]:
    machine = gpus()
    if not machine.found:
        yield Check(
            "gpu",
            "warn",
            f"No GPU: {machine.reason}.",
            "Training on the processor is only fit for trials; all else works without one.",
        )
    for found in machine.found:
        cuda = ".".join(map(str, machine.driver or ()))
        yield Check("gpu", "ok", f"GPU {found.index}: {found.name}, {found.memory()}, driver for CUDA {cuda}.")


def _folders() -> Iterator[Check]:
    """The homes can be written, and there is room in them."""
    for name, folder in (("config", paths.config_dir()), ("state", paths.state_dir()), ("cache", paths.cache_dir())):
        there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
        if not os.access(there, os.W_OK):
            variable = f"XDG_{name.upper()}_HOME"
            yield Check(
                f"{name}-home", "block", f"{folder} cannot be written.", f"Mend its permissions, or set {variable}."
            )
            continue
        facts = os.statvfs(there)
        free = facts.f_bavail * facts.f_frsize
        if free < 2_000_000_000:
            yield Check(f"{name}-home", "warn", f"{folder}: only {free / 1e9:.1f} GB free.", "Free some space.")
        else:
            yield Check(f"{name}-home", "ok", f"{folder}: {free / 1e9:.0f} GB free.")


def _models(config: "Config") -> Iterator[Check]:
    """The configured folders of models are there."""
    gone = [folder for folder in config.model_dirs if not Path(os.path.expandvars(folder)).expanduser().is_dir()]
    for folder in gone:
        yield Check(
            "model-dirs", "warn", f"{folder}, a folder of model_dirs, is not there.", "Correct it in config.toml."
        )
    if config.model_dirs and not gone:
        yield Check("model-dirs", "ok", f"Models are looked for in {', '.join(config.model_dirs)}.")


def _terminal() -> Iterator[Check]:
    """Colours, characters and pictures, as far as the environment tells; the screens ask the terminal itself."""
    term, colours = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    size = shutil.get_terminal_size()
    if not term or term == "dumb":
        yield Check(
            "terminal", "warn", f"TERM is “{term}”: the screens need a real terminal.", "Verbs work all the same."
        )
    elif size.columns < 80 or size.lines < 24:
        yield Check("terminal", "warn", f"{size.columns}×{size.lines} is small.", "The screens want 80×24 or more.")
    else:
        depth = (
            "24-bit colour" if colours in ("truecolor", "24bit") else "256 colours" if "256" in term else "16 colours"
        )
        yield Check("terminal", "ok", f"{term}, {size.columns}×{size.lines}, {depth}.")
    if os.environ.get("NO_COLOR"):
        yield Check("colour", "ok", "NO_COLOR is set: no colours.")
    elif colours not in ("truecolor", "24bit") and term and term != "dumb":
        yield Check(
            "colour", "warn", "COLORTERM does not promise 24-bit colour.", "If it can, set COLORTERM=truecolor."
        )
    encoding = locale.getpreferredencoding(False)
    if encoding.upper().replace("-", "") != "UTF8":
        yield Check(
            "locale", "warn", f"The locale's encoding is {encoding}.", "Set LANG=C.UTF-8: names and frames need UTF-8."
        )
    else:
        yield Check("locale", "ok", "The locale is UTF-8.")
    kitty = term in ("xterm-kitty", "xterm-ghostty") or any(os.environ.get(name) for name in _KITTY)
    inside = " through tmux, which must allow-passthrough" if os.environ.get("TMUX") else ""
    guess = f"in full{inside} (Kitty's graphics)" if kitty else "as coloured half cells"
    yield Check("graphics", "ok", f"Pictures are shown {guess}; ui.graphics in config.toml overrides.")


def _link() -> Iterator[Check]:
    if not os.environ.get("SSH_CONNECTION"):
        yield Check("link", "ok", "A local terminal.")
    else:
        remedy = "Connect with `ssh -C`: screens take 25 to 40 times fewer bytes. On a slow link set ui.slow_link."
        yield Check("link", "warn", "Over SSH; whether it compresses cannot be seen from here.", remedy)


def _tools() -> Iterator[Check]:
    """Programs of the person's that are used where they are."""
    for name, use in (
        ("git", "set-up of the trainer"),
        ("uv", "a faster set-up"),
        ("gallery-dl", "page URLs of any site"),
    ):
        found = shutil.which(name)
        said = f"{name}: {found}" if found else f"{name} is not installed; it is used for {use}"
        wanted = found or name == "uv"
        yield Check(f"tool-{name}", "ok" if wanted else "warn", f"{said}.", "" if found else f"Install {name}.")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
