"""Commands: declared once beside their screen; bindings, status keys, help, palette and README come from that."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.keys import _character_to_key

if TYPE_CHECKING:
    from loratui.tui.screens.base import LoratuiScreen

# Textual's long names for keys, as a person writes them.
_SHOWN = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a key does.

    Attributes:
        id: `<screen>.<name>`; the screen's method `command_<name>` (dashes become underscores) does it, and a person's
            keymap names it.
        keys: the keys, in Textual's names or as one character; "g t" is the chord g, then t. Chords begin with g.
        title: two or three words for the status line and the palette.
        help: one sentence for the help panel and the README.
        footer: whether the status line shows it.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    footer: bool = True

    @property
    def method(self) -> str:
        """The name of the method that does it."""
        return "command_" + self.id.partition(".")[2].replace("-", "_")


@dataclass(frozen=True, slots=True)
class Entry:
    """One screen: where its class is, imported when it is first opened.

    Attributes:
        name: the screen's `NAME` and mode.
        letter: what follows `g`.
        title: shown in the title line.
        where: `module:class`.
    """

    name: str
    letter: str
    title: str
    where: str

    def load(self) -> "type[LoratuiScreen]":
        """Imports the screen's class."""
        module, _, name = self.where.partition(":")
        loaded: type[LoratuiScreen] = getattr(import_module(module), name)
        return loaded


SCREENS = (
    Entry("projects", "p", "Projects", "loratui.tui.screens.projects:ProjectsScreen"),
    Entry("search", "s", "Search", "loratui.tui.screens.search:SearchScreen"),
    Entry("downloads", "d", "Downloads", "loratui.tui.screens.downloads:DownloadsScreen"),
    Entry("review", "r", "Review", "loratui.tui.screens.review:ReviewScreen"),
    Entry("tags", "t", "Tags", "loratui.tui.screens.tags:TagsScreen"),
    Entry("train", "n", "Train", "loratui.tui.screens.train:TrainScreen"),
    Entry("monitor", "m", "Monitor", "loratui.tui.screens.monitor:MonitorScreen"),
)

GLOBAL: tuple[Command, ...] = (
    *(
        Command(f"go.{entry.name}", (f"g {entry.letter}",), entry.title, f"Goes to {entry.title}.", footer=False)
        for entry in SCREENS
    ),
    Command("go.top", ("g g",), "top", "Goes to the first row.", footer=False),
    Command("app.undo", ("u",), "undo", "Takes back the newest change of the dataset."),
    Command("app.redo", ("U",), "redo", "Does again what was taken back last.", footer=False),
    Command("app.help", ("?",), "help", "Shows the keys of this screen."),
    Command("app.palette", (":", "ctrl+p"), "palette", "Finds a command by its name and runs it.", footer=False),
    Command("app.log", ("L",), "log", "Shows what was done, with the equivalent commands.", footer=False),
    Command("app.jobs", ("J",), "jobs", "Shows what is being worked on; x there cancels.", footer=False),
    Command("app.slow-link", ("g l",), "slow link", "Fewer frames and cheaper pictures for a thin line.", footer=False),
    Command("app.theme", (), "theme", "Takes the next colour theme and remembers it.", footer=False),
    Command("app.back", ("escape",), "back", "Goes one step out: closes a panel, drops a filter.", footer=False),
    Command("app.suspend", ("ctrl+z",), "suspend", "Goes to the shell; `fg` comes back.", footer=False),
    Command("app.leave", ("q", "ctrl+c"), "leave", "Leaves loratui; asks while jobs are running.", footer=False),
)


def bindings(commands: Iterable[Command]) -> Iterator[Binding]:
    """Textual bindings for `commands`, one for each key, all under the command's id.

    A command without a key gets one that no terminal sends, so that a person's keymap can give it one.
    """
    for command in commands:
        for key in command.keys or (f"none {command.id}",):
            yield Binding(
                key_name(key),
                f"command({command.id!r})",
                command.title,
                show=command.footer,
                id=command.id,
            )


def key_name(key: str) -> str:
    """`key` by Textual's name: `question_mark` for `?`."""
    return _character_to_key(key) if len(key) == 1 else key


def shown(key: str) -> str:
    """`key` as a person writes it: `gt` for the chord "g t", `esc` for `escape`, `^p` for `ctrl+p`."""
    parts = [_SHOWN.get(part, part) for part in key.split()]
    return "".join(f"^{part[5:]}" if part.startswith("ctrl+") else part for part in parts)


def markdown() -> str:
    """The key table of the README: the commands of every screen, the global ones first."""
    sections = [("Everywhere", GLOBAL), *((entry.title, entry.load().COMMANDS) for entry in SCREENS)]
    lines = ["| Where | Key | Command | What it does |", "|---|---|---|---|"]
    for title, commands in sections:
        for command in commands:
            keys = " ".join(f"`{shown(key)}`" for key in command.keys) or "palette"
            lines.append(f"| {title} | {keys} | {command.title} | {command.help.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
