"""Commands are declared once; keys, help, palette and README follow."""

import subprocess
import sys
from pathlib import Path

import pytest

from loratui.tui.commands import GLOBAL, SCREENS, Command, Entry, bindings, key_name, markdown, shown

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("entry", SCREENS, ids=lambda entry: entry.name)
def test_the_commands_of_a_screen_are_whole(entry: Entry) -> None:
    screen = entry.load()
    assert (entry.name, entry.letter) == (screen.NAME, screen.GO)
    assert screen.EMPTY
    for command in screen.COMMANDS:
        assert command.id.startswith(f"{entry.name}."), command.id
        assert callable(getattr(screen, command.method, None)), f"{screen.__name__} has no {command.method}"
        assert command.help.endswith("."), command.help
        assert command.title[0].islower() or command.title.split()[0].isupper(), command.title
        assert len(command.title) <= 20


@pytest.mark.parametrize("entry", SCREENS, ids=lambda entry: entry.name)
def test_no_key_of_a_screen_is_taken_twice(entry: Entry) -> None:
    taken: dict[str, str] = {}
    for command in (*GLOBAL, *entry.load().COMMANDS):
        for key in command.keys:
            assert taken.setdefault(key_name(key), command.id) == command.id, key


def test_no_key_belongs_to_the_terminal_or_its_multiplexer() -> None:
    for command in (*GLOBAL, *(command for entry in SCREENS for command in entry.load().COMMANDS)):
        for key in command.keys:
            assert key not in ("ctrl+a", "ctrl+b", "ctrl+s", "ctrl+q", "ctrl+i", "ctrl+m", "ctrl+h", "ctrl+j")
            assert not (key[:1] == "f" and key[1:].isdigit())
            assert not key.startswith("alt+")
            assert not key.startswith("g ") or len(key) == 3


def test_each_screen_has_a_letter_of_its_own() -> None:
    chords = [key for command in GLOBAL for key in command.keys if key.startswith("g ")]
    assert len(chords) == len(set(chords))
    assert {f"g {entry.letter}" for entry in SCREENS} < set(chords)


def test_bindings_carry_the_id_for_keymaps() -> None:
    made = list(bindings([Command("tags.remove", ("x", ","), "remove", "Removes."), Command("a.b", (), "b", "B.")]))
    assert [(binding.key, binding.id) for binding in made] == [
        ("x", "tags.remove"),
        ("comma", "tags.remove"),
        ("none a.b", "a.b"),
    ]
    assert made[0].action == "command('tags.remove')"
    assert Command("tags.not-it", (), "", "").method == "command_not_it"


def test_keys_as_a_person_writes_them() -> None:
    written = [shown(key) for key in ("x", "g t", "question_mark", "escape", "ctrl+p", "shift+tab", "comma")]
    assert written == ["x", "gt", "?", "esc", "^p", "shift+tab", ","]


def test_the_readme_shows_the_table() -> None:
    text = README.read_text()
    begin, end = "<!-- keys -->\n", "<!-- /keys -->"
    assert begin in text, "python -m loratui.tui.commands prints the table that belongs between the marks"
    assert text.partition(begin)[2].partition(end)[0].strip() == markdown().strip()


def test_the_table_is_printed_by_the_module() -> None:
    run = subprocess.run([sys.executable, "-m", "loratui.tui.commands"], capture_output=True, text=True, check=True)
    assert run.stdout == markdown()
    assert "| Everywhere | `gt` | Tags | Goes to Tags. |" in run.stdout
