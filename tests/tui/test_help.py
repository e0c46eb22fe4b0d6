"""Help and palette know every command."""

from pathlib import Path

from loratui.tui.commands import GLOBAL
from loratui.tui.keymap import Keymap
from loratui.tui.shell.help import rows
from loratui.tui.shell.palette import matches
from tests.tui.app_kit import SampleScreen, app_on, until


async def test_help_lists_every_command_with_its_keys_in_force(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        text = "\n".join(str(row) for row in rows(sample, Keymap({"search.remove": ("d", "g x")}), 100))
        for command in (*SampleScreen.COMMANDS, *GLOBAL):
            assert command.title in text
        assert "d gx       remove" in text
        assert ": ^p" in text
        narrow = [row for row in rows(sample, Keymap(), 60) if row.cell_length > 60]
        assert narrow == []


def test_the_palette_finds_by_the_beginnings_of_words() -> None:
    undo = next(command for command in GLOBAL if command.id == "app.undo")
    slow = next(command for command in GLOBAL if command.id == "app.slow-link")
    assert matches("", undo)
    assert matches("und", undo)
    assert matches("NEW change", undo)
    assert matches("link slow", slow)
    assert not matches("ndo", undo)
