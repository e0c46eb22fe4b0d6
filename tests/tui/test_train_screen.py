"""The train screen: what it shows, what its keys change, and that it starts a training only when it may."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from loratui.core import runs
from loratui.core.training.job import Job
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens.train import TrainScreen
from loratui.tui.screens.train_view import FindingRows, RecipeRows
from loratui.tui.widgets.virtual_list import VirtualList
from tests import training_kit as kit
from tests.tui.app_kit import status, title, until

WIDE = (160, 50)
NARROW = (80, 24)


class Seen:
    """The screen in a running app, and short ways to look at it."""

    def __init__(self, pilot: Pilot[None], screen: TrainScreen) -> None:
        self.pilot, self.screen = pilot, screen

    def rows(self, name: str) -> list[str]:
        view = self.screen.query_one(f"#{name}", VirtualList)
        return [str(view.rows.row(index, 100)) for index in range(len(view.rows))]

    def text(self, name: str) -> str:
        return str(self.screen.query_one(f"#{name}").render())

    def panel_text(self) -> str:
        panel = self.screen.panel
        return " ".join(str(each.render()) for each in panel.query(Static)) if panel is not None else ""

    def value(self, key: str) -> str:
        return next(row for row in self.rows("recipe") if row.startswith(key + " ")).split()[1]

    async def settled(self) -> None:
        await until(self.pilot, lambda: self.screen._checks is not None and not self.screen.app.jobs.running)

    async def at(self, key: str) -> None:
        view = self.screen.query_one("#recipe", VirtualList)
        view.cursor = next(index for index, row in enumerate(self.rows("recipe")) if row.startswith(key + " "))
        await self.pilot.pause()


async def on(workspace: Workspace, size: tuple[int, int], use: Callable[[Seen], object]) -> None:
    """Runs `use` on the screen once its checks are done."""
    app = LoratuiApp(workspace)
    async with app.run_test(size=size) as pilot:
        await app.go("train")
        screen = app.screen
        assert isinstance(screen, TrainScreen)
        seen = Seen(pilot, screen)
        if workspace.project is not None:
            await seen.settled()
        await use(seen)  # type: ignore[misc]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return kit.ready(tmp_path, toml="network_dim = 8")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_recipe_plan_and_checks_are_shown(workspace: Workspace, size: tuple[int, int]) -> None:
    async def use(seen: Seen) -> None:
        assert "sd15-character" in seen.rows("recipe")[0]
        starts = {row.index(word) for row in seen.rows("recipe") for word in ("guide", "loratui.toml") if word in row}
        assert len(starts) == 1  # what a value comes from stands in one column, however long the values are
        assert "m switches" in seen.text("length")
        assert seen.value("network_dim") == "8" and seen.value("unet_lr") == "0.0005"
        rows = seen.screen.query_one("#recipe", VirtualList).rows
        assert isinstance(rows, RecipeRows)
        assert [index for index in range(len(rows)) if rows.is_marked(index)] == [seen.rows("recipe").index(next(
            row for row in seen.rows("recipe") if row.startswith("network_dim")
        ))]  # fmt: skip
        assert "20 × 10" in seen.text("length") and "= 1,000 steps" in seen.text("length")
        assert "◉ quick 10 epochs" in seen.text("length") and "○ full 17 epochs" in seen.text("length")
        assert any("20 images to train on" in row for row in seen.rows("findings"))
        assert "1,000 steps · ready" in title(seen.screen.app)
        assert "enter start" in status(seen.screen.app)

    await on(workspace, size, use)


async def test_a_value_is_edited_until_it_fits_and_reset(workspace: Workspace) -> None:
    async def use(seen: Seen) -> None:
        await seen.at("network_dim")
        assert "alpha ÷ dim = 2" in seen.text("hint")
        await seen.pilot.press("e")
        await until(seen.pilot, lambda: seen.screen.panel is not None and seen.screen.panel.query(Input))
        seen.screen.panel.query_one(Input).value = "many"  # type: ignore[union-attr]
        await seen.pilot.press("enter")
        await until(seen.pilot, lambda: 'cannot be "many"' in seen.panel_text())
        seen.screen.panel.query_one(Input).value = "24"  # type: ignore[union-attr]
        await seen.pilot.press("enter")
        await until(seen.pilot, lambda: seen.value("network_dim") == "24")
        assert "network_dim = 24" in (workspace.root / "loratui.toml").read_text()
        assert any("--set network_dim=24 --save" in entry.command for entry in seen.screen.app.done)
        await seen.settled()
        await seen.pilot.press("x")
        await until(seen.pilot, lambda: seen.value("network_dim") == "32")
        assert "network_dim" not in (workspace.root / "loratui.toml").read_text()
        await seen.settled()
        await seen.pilot.press("x")
        await until(seen.pilot, lambda: "not loratui.toml's own" in status(seen.screen.app))

    await on(workspace, WIDE, use)


async def test_true_and_false_change_places_and_stepping_out_changes_nothing(workspace: Workspace) -> None:
    async def use(seen: Seen) -> None:
        await seen.at("shuffle_caption")
        await seen.pilot.press("e")
        await until(seen.pilot, lambda: seen.value("shuffle_caption") == "false")
        await seen.settled()
        before = (workspace.root / "loratui.toml").read_text()
        await seen.at("unet_lr")
        await seen.pilot.press("e")
        await until(seen.pilot, lambda: seen.screen.panel is not None)
        await seen.pilot.press("escape")
        await until(seen.pilot, lambda: seen.screen.panel is None)
        assert (workspace.root / "loratui.toml").read_text() == before

    await on(workspace, WIDE, use)


async def test_tables_presets_filter_and_all_settings(workspace: Workspace) -> None:
    async def use(seen: Seen) -> None:
        shown = len(seen.rows("recipe"))
        await seen.pilot.press("m")
        await until(seen.pilot, lambda: "1,700 steps" in title(seen.screen.app))
        await seen.settled()
        assert not seen.screen.app.others.news  # the file was written here, by nobody else
        await seen.pilot.press("A")
        await until(seen.pilot, lambda: len(seen.rows("recipe")) > shown + 20)
        await seen.pilot.press("A", "slash")
        await until(seen.pilot, lambda: seen.screen.panel is not None and seen.screen.panel.query(Input))
        await seen.pilot.press(*"bucket", "enter")
        await until(seen.pilot, lambda: len(seen.rows("recipe")) == 6)
        await seen.pilot.press("escape")
        await until(seen.pilot, lambda: len(seen.rows("recipe")) > 20)
        await seen.pilot.press("p")
        await until(seen.pilot, lambda: "sd15-style" in seen.rows("recipe")[0])

    await on(workspace, WIDE, use)


async def test_what_blocks_is_said_and_nothing_starts(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "models" / "base.safetensors").unlink()

    async def use(seen: Seen) -> None:
        assert "1 check stops it" in title(seen.screen.app)
        assert "was not found" in seen.rows("findings")[0]
        await seen.pilot.press("enter")
        await until(seen.pilot, lambda: "model_dirs" in status(seen.screen.app))
        assert not (workspace.root / "runs").exists()
        kit.model(tmp_path / "models" / "base.safetensors", kit.SD15)
        await seen.pilot.press("C")
        await until(seen.pilot, lambda: "ready" in title(seen.screen.app))

    await on(workspace, WIDE, use)


async def test_a_setting_that_mends_a_finding_is_one_key(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, toml='lr_scheduler = "constant"')

    async def use(seen: Seen) -> None:
        await seen.pilot.press("tab", "f")
        await until(seen.pilot, lambda: "ready" in title(seen.screen.app))
        assert "lr_warmup_steps = 0" in (workspace.root / "loratui.toml").read_text()
        await seen.pilot.press("escape")
        assert seen.screen.query_one("#recipe", VirtualList).has_focus

    await on(workspace, WIDE, use)


async def test_a_narrow_screen_folds_the_checks_under_tab(workspace: Workspace) -> None:
    async def use(seen: Seen) -> None:
        left, right = seen.screen.query_one("#left"), seen.screen.query_one("#right")
        assert left.display and not right.display
        await seen.pilot.press("tab")
        await until(seen.pilot, lambda: right.display and not left.display)
        rows = seen.screen.query_one("#findings", VirtualList).rows
        assert isinstance(rows, FindingRows) and rows.check(0) is not None
        await seen.pilot.press("tab")
        await until(seen.pilot, lambda: left.display and not right.display)

    await on(workspace, NARROW, use)


async def test_the_base_is_chosen_among_the_files_there(workspace: Workspace, tmp_path: Path) -> None:
    kit.model(tmp_path / "models" / "noob.safetensors", kit.SDXL)

    async def use(seen: Seen) -> None:
        await seen.pilot.press("b")
        await until(seen.pilot, lambda: seen.screen.panel is not None and seen.screen.panel.query(Input))
        seen.screen.panel.query_one(Input).value = "noob"  # type: ignore[union-attr]
        await seen.pilot.press("enter")
        await until(seen.pilot, lambda: "sdxl-character" in seen.rows("recipe")[0])
        assert 'base = "noob"' in (workspace.root / "loratui.toml").read_text()

    await on(workspace, WIDE, use)


async def test_enter_asks_once_then_freezes_launches_and_goes_to_the_monitor(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []
    jobs: list[Job] = []
    real = runs.freeze

    def freeze(job: Job, **more: object) -> runs.Run:
        jobs.append(job)
        return real(job)

    monkeypatch.setattr(runs, "freeze", freeze)
    monkeypatch.setattr(runs, "launch", lambda run: launched.append(run.id))

    async def use(seen: Seen) -> None:
        app = seen.screen.app
        went: list[str] = []

        async def go(name: str) -> None:
            went.append(name)

        monkeypatch.setattr(app, "go", go)
        await seen.pilot.press("enter")
        await until(seen.pilot, lambda: seen.screen.panel is not None)
        await seen.pilot.press("escape")
        await until(seen.pilot, lambda: seen.screen.panel is None)
        assert not launched
        await seen.pilot.press("enter")
        await until(seen.pilot, lambda: seen.screen.panel is not None)
        await seen.pilot.press("y")
        await until(seen.pilot, lambda: went == ["monitor"])
        assert len(launched) == 1 and jobs[0].arguments["network_dim"] == 8
        assert any(entry.command == "loratui train" for entry in app.done)

    await on(workspace, WIDE, use)


async def test_without_a_project_it_says_what_to_press(tmp_path: Path) -> None:
    async def use(seen: Seen) -> None:
        view = seen.screen.query_one("#recipe", VirtualList)
        assert len(view.rows) == 0
        await seen.pilot.press("e")
        await until(seen.pilot, lambda: "no project is open" in status(seen.screen.app))

    await on(Workspace.open(tmp_path), WIDE, use)


async def test_a_broken_recipe_is_a_toast_and_no_crash(workspace: Workspace) -> None:
    async def use(seen: Seen) -> None:
        toml = workspace.root / "loratui.toml"
        toml.write_text(toml.read_text().replace("network_dim", "netwrok_dim"))
        await seen.pilot.press("C")
        await until(seen.pilot, lambda: "Did you mean network_dim?" in status(seen.screen.app))
        toml.write_text(toml.read_text().replace("netwrok_dim", "network_dim"))
        await seen.pilot.press("C")
        await seen.settled()

    await on(workspace, WIDE, use)
