"""The keymap of the person."""

from pathlib import Path

from loratui.core import paths
from loratui.tui.commands import GLOBAL, Command
from loratui.tui.keymap import Keymap, load
from tests.tui.app_kit import app_on, status, until

TAGS = (
    Command("tags.remove", ("x",), "remove", "Removes."),
    Command("tags.rename", ("r",), "rename", "Renames."),
    Command("tags.all", ("ctrl+k",), "all", "All."),
)


def read(tmp_path: Path, text: str) -> Keymap:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    return load(file, [GLOBAL, TAGS])


def test_keys_are_read_in_every_form(tmp_path: Path) -> None:
    keymap = read(
        tmp_path,
        '"tags.remove" = "d"\n"go.tags" = "gk"\n"app.undo" = ["Z", "^z", "pgup"]\n[tags]\nrename = "comma, F"\n',
    )
    assert keymap.problems == ("^z is both app.undo and app.suspend",)
    assert keymap.keys == {
        "tags.remove": ("d",),
        "go.tags": ("g k",),
        "app.undo": ("Z", "ctrl+z", "pageup"),
        "tags.rename": ("comma", "F"),
    }
    assert keymap.shown(TAGS[0]) == "d"
    assert keymap.textual()["go.tags"] == "g k"
    assert keymap.of(TAGS[2]) == ("ctrl+k",)


def test_no_file_is_no_keymap_and_a_broken_one_is_one_problem(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml", [GLOBAL]) == Keymap()
    assert read(tmp_path, "x = ").problems[0].startswith("keys.toml cannot be read")
    (tmp_path / "keys.toml").write_bytes(b"\xff\xfe")
    assert load(tmp_path / "keys.toml", [GLOBAL]).problems


def test_unknown_commands_keys_and_clashes_are_named(tmp_path: Path) -> None:
    unknown = '"tags.remov" = "x"\n"what.\\u001b[31mever" = "x"\n'
    keymap = read(tmp_path, unknown + '"tags.rename" = "x"\n"tags.all" = "wobble"\n"app.help" = 3\n')
    assert keymap.problems == (
        "no command tags.remov, did you mean tags.remove?",
        "no command what.ever",
        "tags.all: no key is called 'wobble'",
        'app.help: a key is text, as in "x"',
        "x is both tags.remove and tags.rename",
    )
    assert keymap.keys == {"tags.rename": ("x",)}


async def test_the_persons_keys_work_and_problems_are_one_toast(tmp_path: Path) -> None:
    folder = paths.config_dir()
    folder.mkdir(parents=True)
    (folder / "keys.toml").write_text(
        '"projects.next" = "x"\n"app.help" = "gh"\n"app.theme" = "Z"\n"a.b" = "c"\n"c.d" = "e"\n'
    )
    app, sample = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "no command a.b (and 1 more: L)" in status(app))
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        app.drop_toast()
        await until(pilot, lambda: "gh help" in status(app))
        await pilot.press("g", "h")
        await until(pilot, lambda: sample.panel is not None)
        await pilot.press("escape")
        before = app.theme
        await pilot.press("Z")
        await until(pilot, lambda: app.theme != before)
        assert [entry.text for entry in app.done if entry.level == "warn"] == ["no command a.b", "no command c.d"]
