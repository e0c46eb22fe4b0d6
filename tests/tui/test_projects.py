"""The projects screen: status, next step, opening, the guided start; and how the shell looks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot

from loratui.core import config
from loratui.core.project import Project
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.projects import ProjectsScreen
from loratui.tui.screens.projects_view import home_relative, screen_of
from loratui.tui.shell.editor import complete_path
from loratui.tui.shell.form import Choice, FormPanel
from loratui.tui.shell.panels import Entry
from loratui.tui.widgets.virtual_list import VirtualList
from tests.tui.app_kit import app_on, status, title, until

WIDE = (120, 40)


def pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (32, 32), (number * 20, 60, 90)).save(folder / f"{number}.png")


@pytest.fixture
def project(home: Path) -> Path:
    root = home / "lora" / "kafka"
    root.parent.mkdir()
    Project.create(root, name="hsr_kafka", trigger="kafka", base="noobai.safetensors")
    pictures(root / "dataset" / "hsr_kafka", 3)
    (root / "dataset" / "hsr_kafka" / "0.txt").write_text("kafka, solo")
    (root / "dataset" / "hsr_kafka" / "1.txt").write_text("solo")
    return root


def screen(app: LoratuiApp) -> ProjectsScreen:
    assert isinstance(app.screen, ProjectsScreen)
    return app.screen


def type_in(app: LoratuiApp, text: str) -> None:
    """Puts `text` into the focused line: quicker than a key for each letter."""
    assert isinstance(app.focused, Entry)
    app.focused.value = text


def shown(app: LoratuiApp) -> str:
    """The status pane."""
    return str(app.screen.query_one("#status").render())


async def test_the_status_names_each_step_and_the_next_one(project: Path) -> None:
    app, _ = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "1 missing" in shown(app))
        text = shown(app)
        assert "hsr_kafka   ~/lora/kafka" in text
        assert "character · kafka · 1 subset" in text
        assert "● images         3" in text
        assert "○ duplicates     to be looked for" in text
        assert "○ trigger first  2 without" in text  # one has no caption at all
        assert "● base model     noobai.safetensors" in text
        assert "n or gr goes there · loratui dupes" in text
        assert "character" in title(app)


async def test_next_goes_to_the_screen_of_the_next_step(project: Path) -> None:
    subset = project / "dataset" / "hsr_kafka"
    for file in list(subset.iterdir()):
        file.unlink()
    app, sample = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "none yet" in shown(app))
        await pilot.press("n")
        await until(pilot, lambda: app.screen is sample)


async def test_enter_opens_another_project_and_the_other_screens_begin_anew(project: Path, home: Path) -> None:
    other = Project.create(home / "lora" / "[acheron]").root
    app, sample = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await app.go("projects")
        view = screen(app).query_one(VirtualList)
        await until(pilot, lambda: len(view.rows) == 2)
        rows = [str(view.rows.row(index, 60)) for index in range(2)]
        at = next(index for index, row in enumerate(rows) if "[acheron]" in row)
        view.cursor = at
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.root == other)
        await until(pilot, lambda: "[acheron] ›" in title(app))
        assert screen(app).workspace.root == other
        assert app._screens.get("search") is not sample
        await until(pilot, lambda: "none yet" in shown(app))


async def test_another_project_is_not_opened_while_a_job_works_on_this_one(project: Path, home: Path) -> None:
    Project.create(home / "lora" / "other")
    app, _ = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        view = screen(app).query_one(VirtualList)
        await until(pilot, lambda: len(view.rows) == 2)
        job = app.jobs.start("tagging", lambda report, cancel: cancel.wait(10))
        await pilot.press("enter")
        await until(pilot, lambda: "tagging in kafka is not finished. Wait, or stop it: J." in status(app))
        assert app.workspace.root == project
        job.cancel.set()
        await until(pilot, lambda: not app.jobs.running)


async def test_unknown_keys_of_the_persons_files_are_said(project: Path) -> None:
    with (project / "loratui.toml").open("a") as file:
        file.write("[somebody]\nelse = 1\n")
    config.config_path().parent.mkdir(parents=True)
    config.config_path().write_text("[else]\nx = 1\n")
    app, _ = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "config.toml: else is unknown (and 1 more: L)" in status(app))
        assert [entry.text for entry in app.done][-1] == "loratui.toml: somebody is unknown"


async def test_the_first_run_begins_with_the_guided_start(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    app = LoratuiApp(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(screen(app).panel, FormPanel) and isinstance(app.focused, Entry))
        type_in(app, "my lora")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.focused, Choice))
        await pilot.press("right", "enter")
        type_in(app, "kafka")
        await pilot.press("enter")
        type_in(app, "base.safetensors")
        await pilot.press("enter", "right", "right", "enter", "enter")
        await until(pilot, lambda: (tmp_path / "my lora" / "loratui.toml").exists())
        await until(pilot, lambda: app.workspace.project is not None)
        project = app.workspace.need_project()
        assert (project.name, project.kind, project.model) == ("my lora", "style", {"base": "base.safetensors"})
        assert project.subsets[0].trigger == "kafka"
        assert app.done[-1].command == (
            f"loratui new '{tmp_path}/my lora' --kind style --trigger kafka --base base.safetensors"
        )
        assert screen(app).panel is None


async def test_stepping_out_of_the_guided_start_makes_nothing(tmp_path: Path) -> None:
    app = LoratuiApp(Workspace.open(tmp_path))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: isinstance(screen(app).panel, FormPanel) and isinstance(app.focused, Entry))
        await pilot.press(*"x", "escape")
        await until(pilot, lambda: screen(app).panel is None)
        assert list(tmp_path.iterdir()) == []
        await pilot.press("i")
        await until(pilot, lambda: "no project is open" in status(app))


async def test_a_folder_of_images_is_adopted_where_it_is(tmp_path: Path) -> None:
    pictures(tmp_path / "pics", 2)
    app = LoratuiApp(Workspace.open(tmp_path / "pics"))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: isinstance(screen(app).panel, FormPanel) and isinstance(app.focused, Entry))
        form = screen(app).query_one(FormPanel)
        assert form.values == {
            "name": "pics",
            "kind": "character",
            "trigger": "",
            "base": "",
            "source": "they are there",
            "folder": ".",
        }
        await pilot.press("enter", "enter", "enter", "enter", "enter", "enter")
        await until(pilot, lambda: "● images         2" in shown(app))


async def test_images_of_ones_own_are_taken_in_and_undone(project: Path, tmp_path: Path) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    Image.new("RGB", (40, 40), (1, 2, 3)).save(source / "new.png")
    app, _ = app_on(project)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "images         3" in shown(app))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.focused, Entry))
        type_in(app, str(source))
        await pilot.press("enter")
        await until(pilot, lambda: "images         4" in shown(app))
        assert app.done[-1].command == f"loratui add {source}"
        await pilot.press("u")
        await until(pilot, lambda: "images         3" in shown(app))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.focused, Entry))
        type_in(app, "nowhere")
        await pilot.press("enter")
        await until(pilot, lambda: "nowhere is not there" in status(app))


async def test_a_name_that_is_taken_or_missing_is_said(project: Path) -> None:
    app, _ = app_on(project.parent)
    async with app.run_test(size=WIDE) as pilot:
        for name, said in (("", "needs a name"), ("kafka", "is a project already")):
            await pilot.press("a")
            await until(pilot, lambda: isinstance(screen(app).panel, FormPanel) and isinstance(app.focused, Entry))
            await pilot.press(*name, *["enter"] * 6)
            await until(pilot, lambda said=said: said in status(app))  # type: ignore[misc]


def test_each_next_step_has_a_screen() -> None:
    steps = (
        "loratui get QUERY",
        "loratui dupes --apply",
        "loratui tags trigger",
        "loratui preflight",
        "loratui watch last",
    )
    assert [screen_of(step) for step in steps] == ["search", "review", "tags", "train", "monitor"]


def test_paths_are_completed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "pics").mkdir()
    (home / "pics.txt").touch()
    assert complete_path("~/pi") == ["~/pics/"]
    assert complete_path("~/pi", folders=False) == ["~/pics.txt", "~/pics/"]
    assert complete_path("/no/where/x") == []
    monkeypatch.chdir(home)
    assert complete_path("p") == ["pics/"]
    assert home_relative(home / "lora" / "\x1b[31mx") == "~/lora/x"


# --- how it looks ----------------------------------------------------------------------------------------------------

Snap = Callable[..., bool]


@pytest.fixture
def truecolor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_looks_status(size: tuple[int, int], project: Path, truecolor: None, snap_compare: Snap) -> None:
    app, _ = app_on(project)

    async def ready(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "1 missing" in shown(app))

    assert snap_compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_looks_guided_start(size: tuple[int, int], home: Path, truecolor: None, snap_compare: Snap) -> None:
    folder = home / "fresh"
    folder.mkdir()
    app = LoratuiApp(Workspace.open(folder))

    async def ready(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "begins one" in shown(app) and isinstance(app.focused, Entry))
        await pilot.press(*"kafka", "enter")
        await until(pilot, lambda: isinstance(app.focused, Choice))

    assert snap_compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("key", ["question_mark", "colon", "g", "z"], ids=["help", "palette", "chord", "toast"])
def test_looks_shell(key: str, home: Path, truecolor: None, snap_compare: Snap) -> None:
    folder = home / "x_[foo]"
    folder.mkdir()
    app, sample = app_on(folder)

    async def ready(pilot: Pilot[None]) -> None:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        await pilot.press(key)
        panel = key in ("question_mark", "colon")
        await until(pilot, lambda: not panel or (sample.panel and sample.panel.query(VirtualList)))
        await pilot.pause(0.1)

    assert snap_compare(app, terminal_size=(80, 24), run_before=ready)


@pytest.mark.parametrize("theme", ["loratui-light", "loratui-16"])
def test_looks_themes(theme: str, project: Path, truecolor: None, snap_compare: Snap) -> None:
    app, _ = app_on(project)

    async def ready(pilot: Pilot[None]) -> None:
        app.theme = theme
        await until(pilot, lambda: "1 missing" in shown(app))
        await pilot.pause(0.1)

    assert snap_compare(app, terminal_size=(80, 24), run_before=ready)
