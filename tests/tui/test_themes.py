"""Themes as files."""

import tomllib
from pathlib import Path

import pytest
from textual.color import Color
from textual.filter import Monochrome, NoColor

from loratui.core import config, paths
from loratui.tui import themes
from loratui.tui.shell.lines import StatusLine
from loratui.tui.widgets.virtual_list import VirtualList
from tests.tui.app_kit import app_on, status, until

PACKAGED = sorted(paths.packaged_themes().glob("*.toml"))


def test_the_three_themes_are_there() -> None:
    found, problems = themes.load([paths.packaged_themes()])
    assert sorted(found) == ["loratui-16", "loratui-dark", "loratui-light"]
    assert problems == []
    assert found["loratui-16"].ansi
    assert not found["loratui-light"].dark
    for theme in found.values():
        assert themes.OWN.keys() <= theme.variables.keys()


@pytest.mark.parametrize("name", ["loratui-dark", "loratui-light"])
def test_every_colour_can_be_read_on_every_ground(name: str) -> None:
    document = tomllib.loads((paths.packaged_themes() / f"{name}.toml").read_text())
    grounds = [Color.parse(document["colors"][ground]) for ground in ("background", "surface", "panel")]
    inks = {key: value for key, value in document["colors"].items() if key not in ("background", "surface", "panel")}
    for key, value in {**inks, **document["tags"], **document["marks"]}.items():
        worst = min(_contrast(Color.parse(value), ground) for ground in grounds)
        assert worst >= (4.0 if key == "dim" else 4.5), f"{key} {value}: {worst:.1f}"


def _contrast(one: Color, other: Color) -> float:
    """WCAG contrast."""

    def luminance(color: Color) -> float:
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_what_is_wrong_with_a_theme_is_said_with_its_key(tmp_path: Path) -> None:
    for name, text in {
        "broken": "x = [",
        "empty": "",
        "typo": '[colors]\nprimry = "red"\n',
        "colour": '[colors]\nprimary = "blu"\n',
        "tag": '[colors]\nprimary = "red"\n[tags]\ncharacters = "red"\n',
        "flat": 'colors = "red"\n',
        "good": '[colors]\nprimary = "red"\n[marks]\nkept = "ansi_green"\n',
    }.items():
        (tmp_path / f"{name}.toml").write_text(text)
    found, problems = themes.load([tmp_path])
    assert list(found) == ["good"]
    assert found["good"].variables["tag-artist"] == "red"
    assert found["good"].variables["kept"] == "ansi_green"
    said = "\n".join(problems)
    assert "theme typo: colors.primry is unknown, did you mean primary?" in said
    assert "theme colour: colors.primary = 'blu' is no colour" in said
    assert "theme tag: tags.characters is unknown, did you mean character?" in said
    assert "theme flat: colors must be a table" in said
    assert "theme empty: colors.primary is missing" in said
    assert len(problems) == 6


def test_the_terminal_decides_where_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["loratui-16", "loratui-dark", "loratui-light"]
    for variables, expected in (
        ({"TERM": "xterm"}, "loratui-16"),
        ({"TERM": "linux"}, "loratui-16"),
        ({"TERM": "xterm-256color"}, "loratui-dark"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "loratui-dark"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "loratui-light"),
    ):
        for variable in ("TERM", "COLORTERM", "COLORFGBG"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        assert themes.choose("", names) == (expected, "")
    assert themes.choose("loratui-light", names) == ("loratui-light", "")
    assert themes.choose("loratui-drak", names)[1] == "no theme is called loratui-drak, did you mean loratui-dark?"


async def test_a_theme_of_ones_own_is_used_and_failures_are_one_toast(tmp_path: Path) -> None:
    folder = paths.config_dir() / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('[colors]\nprimary = "#ff8800"\nbackground = "#101010"\n')
    for name in ("bad", "worse"):
        (folder / f"{name}.toml").write_text("nonsense")
    config.set_value("ui.theme", "mine")
    app, _ = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.theme == "mine"
        await until(pilot, lambda: "theme bad:" in status(app) and "(and 1 more: L)" in status(app))
        await pilot.press("colon", *"theme", "enter")
        await until(pilot, lambda: app.theme != "mine")
        await until(pilot, lambda: config.load().ui.theme == app.theme)
        assert app.theme in ("loratui-16", "loratui-dark", "loratui-light")


async def test_another_theme_reaches_the_screens_that_are_not_in_front(tmp_path: Path) -> None:
    config.set_value("ui.theme", "loratui-dark")
    app, sample = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        first = app.screen
        dark, light = (Color.parse(app.own_themes[name].panel or "") for name in ("loratui-dark", "loratui-light"))
        assert first.query_one(StatusLine).styles.background == dark
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        assert sample.query_one(StatusLine).styles.background == dark
        app.theme = "loratui-light"
        await until(pilot, lambda: sample.query_one(StatusLine).styles.background == light)
        await app.go("projects")
        await until(pilot, lambda: first.query_one(StatusLine).styles.background == light)


async def test_the_cursor_shows_in_sixteen_colours(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    config.set_value("ui.theme", "loratui-16")
    async with app.run_test(size=(80, 24)) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        view = sample.query_one(VirtualList)
        assert all(segment.style and segment.style.reverse for segment in view.render_line(0))
        assert not any(segment.style and segment.style.reverse for segment in view.render_line(1))


async def test_no_color_means_no_color(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert any(isinstance(each, (Monochrome, NoColor)) for each in app._filters)


@pytest.mark.parametrize("name", ["textual-dark", "nord"])
async def test_our_variables_exist_in_themes_that_are_not_ours(name: str, tmp_path: Path) -> None:
    app, _ = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = name
        await pilot.pause()
        assert app.theme_variables["tag-character"]
