"""What the train screen asks for: a value that fits its setting, a base model among those there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loratui.core.errors import UsageError
from loratui.core.sanitize import line
from loratui.core.training.recipe import Entry
from loratui.core.training.settings import Value

if TYPE_CHECKING:
    from loratui.core.workspace import Workspace
    from loratui.tui.screens.base import LoratuiScreen


async def ask_value(screen: "LoratuiScreen", entry: Entry) -> tuple[Value] | None:
    """Asks for a setting's value until one fits; words it takes are completed.

    Returns:
        the value (which may be None) in a tuple, None when the person stepped out.
    """
    found, text = entry.setting, entry.setting.show(entry.value)
    words = [*found.choices, *(["none"] if found.default is None else [])]

    def complete(typed: str) -> list[str]:
        return [word for word in words if word.startswith(typed)]

    prompt = f"{found.key}: {found.help} ({found.takes()})"
    while True:
        typed = await screen.ask(prompt, text, complete)
        if typed is None:
            return None
        try:
            return (found.parse(typed),)
        except UsageError as error:
            prompt, text = f"{error.message} {error.remedy}", typed


def model_names(workspace: "Workspace") -> list[str]:
    """The names of the model files there are, to choose a base from."""
    from loratui.core.training import models

    found = models.files(models.folders(workspace.config, workspace.project), workspace.root)
    return sorted({path.name for path in found if path.suffix == ".safetensors"}, key=str.lower)


async def ask_base(screen: "LoratuiScreen", names: Sequence[str], now: str) -> str | None:
    """Asks for a base model; None when the person stepped out, or there is none to choose."""
    if not names:
        remedy = "Put their folder into model_dirs of config.toml, or fetch one with `loratui models --get`."
        screen.toast("No model files were found.", remedy, "warn")
        return None

    def complete(typed: str) -> list[str]:
        return [name for name in names if name.startswith(typed)]

    few = ", ".join(line(name) for name in names[:4]) + (" …" if len(names) > 4 else "")
    chosen = await screen.ask(f"Base model ({few}; tab completes)", now, complete)
    return (chosen or "").strip() or None
