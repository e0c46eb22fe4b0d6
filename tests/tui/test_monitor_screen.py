"""The monitor over runs whose trainer is a real process, and over a replay."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.widgets import Static

from loratui.core.project import Project
from loratui.core.runs import Run, control, freeze, launch
from loratui.core.runs.metrics import EpochRow, Metrics
from loratui.core.runs.replay import play, prepare
from loratui.core.runs.state import RunState
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp
from loratui.tui.screens import monitor_view as view
from loratui.tui.screens.monitor import MonitorScreen
from loratui.tui.widgets.line_chart import LineChart
from loratui.tui.widgets.picture import Picture
from loratui.tui.widgets.virtual_list import VirtualList
from tests.recorded_runs import record
from tests.runs_kit import ended_at_last, make_job, wait_over
from tests.tui.app_kit import status, title, until


def project(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Project.create(folder, trigger="kafka", kind="character", base="")
    return folder


def run_of(root: Path, **options: Any) -> Run:
    job = make_job(root, **options)
    run = freeze(replace(job, prompts="kafka\nkafka, smile\n"))
    launch(run)
    return run


def said(app: LoratuiApp, name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).content)


def table(app: LoratuiApp) -> list[str]:
    rows = app.screen.query_one("#epochs", VirtualList).rows
    return [str(rows.row(index, 100)) for index in range(len(rows))]


async def opened(app: LoratuiApp, pilot: Any) -> MonitorScreen:
    await pilot.press("g", "m")
    await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and "looking" not in status(app))
    assert isinstance(app.screen, MonitorScreen)
    return app.screen


async def test_no_run_says_what_to_press(tmp_path: Path) -> None:
    app = LoratuiApp(Workspace.open(project(tmp_path)))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        await until(pilot, lambda: screen.has_class("-empty"))
        await pilot.press("s")
        await until(pilot, lambda: "no run yet" in status(app))


async def test_a_run_from_its_start_to_its_end(tmp_path: Path) -> None:
    root = project(tmp_path)
    run = run_of(root, images=8, epochs=2, fake_seconds=0.05)
    app = LoratuiApp(Workspace.open(root))
    with ended_at_last(run):
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(app, pilot)
            await until(pilot, lambda: "step" in said(app, "figures"))
            assert run.id in title(app)
            await until(pilot, lambda: "done" in said(app, "figures"), 20)
            assert "step 16/16   epoch 2/2" in said(app, "figures")
            assert "loss 0." in said(app, "figures") and "lr " in said(app, "figures")
            rows = table(app)
            assert [row.split()[0] for row in rows] == ["2", "1"]
            assert "kafka " in rows[0] and "kafka-000001" in rows[1] and "−" in rows[0]
            assert any("⠀" <= char <= "⣿" for text in screen.query_one(LineChart)._lines for char in text)
            picture = screen.query_one(Picture)
            await until(pilot, lambda: picture.path is not None)
            first = picture.path
            await pilot.press("right")
            await until(pilot, lambda: picture.path not in (first, None))
            await pilot.press("down")
            await until(pilot, lambda: picture.path is not None and "_e000001_01_" in picture.path.name)
            await pilot.press("o")
            await until(pilot, lambda: "saving kafka-000001.safetensors" in said(app, "log"))
            await pilot.press("escape", "plus")
            await until(pilot, lambda: "200 steps" in "".join(screen.query_one(LineChart)._lines))
            assert "the run is done" in str(screen.unavailable("monitor.stop"))


async def test_stopping_after_the_save_and_resuming(tmp_path: Path) -> None:
    root = project(tmp_path)
    run = run_of(root, images=6, epochs=40, save_state=True)
    app = LoratuiApp(Workspace.open(root))
    with ended_at_last(run):
        async with app.run_test(size=(100, 30)) as pilot:
            await opened(app, pilot)
            await until(pilot, lambda: "step" in said(app, "figures"))
            await pilot.press("s")
            await until(pilot, lambda: "stopped" in said(app, "figures"), 20)
            assert "was saved" in said(app, "trouble")
            await pilot.press("R")
            await until(pilot, lambda: run.id not in title(app), 20)
            (other,) = [path for path in (root / "runs").iterdir() if path.name != run.id]
            again = Run(other)
            assert again.command.origin == run.id
            await until(pilot, lambda: again.state().state == "running", 20)
            await until(pilot, lambda: table(app) and int(table(app)[0].split()[0]) > 1)
            assert table(app)[-1].split()[0] == "1"  # what the first run did stays in the table and in the curve
            await pilot.press("S")
            await pilot.press("y")
            await until(pilot, lambda: "stopped" in said(app, "figures"), 20)
            await pilot.press("r")
            await until(pilot, lambda: app.screen.query("#runs"))
            listed = app.screen.query_one("#runs", VirtualList)
            assert len(listed.rows) == 2
            await pilot.press("down", "enter")
            await until(pilot, lambda: run.id in title(app))
            await pilot.press("escape")
            await until(pilot, lambda: again.id in title(app))


async def test_a_failure_names_its_reason(tmp_path: Path) -> None:
    root = project(tmp_path)
    run = run_of(root, fake_raise_at=3)
    wait_over(run)
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: "failed" in said(app, "figures"))
        assert "image file is truncated" in said(app, "trouble") and "check-images" in said(app, "trouble")


async def test_a_replay_is_labelled(tmp_path: Path) -> None:
    real = run_of(tmp_path / "real", images=60, epochs=2, fake_seconds=0.01)
    assert wait_over(real) == "done"
    record(real, tmp_path / "recording")
    root = project(tmp_path / "demo")
    copy = prepare(tmp_path / "recording", root, 1)
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        playing = asyncio.create_task(asyncio.to_thread(play, tmp_path / "recording", copy, 1.0))
        await until(pilot, lambda: "replay ×1" in title(app))
        await until(pilot, lambda: "step" in said(app, "figures"), 20)
        control.stop(copy)
        await playing
        await until(pilot, lambda: "stopped" in said(app, "figures"), 20)
        await pilot.press("R")
        await until(pilot, lambda: "a replay shows a run that is over" in status(app))


async def test_the_picture_folds_where_it_is_narrow(tmp_path: Path) -> None:
    root = project(tmp_path)
    run = run_of(root)
    wait_over(run)
    app = LoratuiApp(Workspace.open(root))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot)
        await until(pilot, lambda: len(table(app)) == 2)
        assert not screen.query_one("#sample").display and screen.query_one("#table").display
        await pilot.press("tab")
        await until(pilot, lambda: screen.query_one("#sample").display)
        assert not screen.query_one("#table").display
        await until(pilot, lambda: screen.query_one(Picture).size.height >= 15)  # the curve makes room
        assert said(app, "which").startswith("epoch 2 · prompt 1 of 2")
        epochs = screen.query_one("#epochs", VirtualList)
        await pilot.press("down")  # the other epochs' samples, one after the other
        await until(pilot, lambda: epochs.cursor == 1)
        await pilot.press("escape")
        await until(pilot, lambda: screen.query_one("#table").display and epochs.has_focus)
        await pilot.press("up")
        await until(pilot, lambda: epochs.cursor == 0)
        await pilot.press("o")
        log = screen.query_one("#log", Static)
        await until(pilot, lambda: log.size.height == 12)
        assert screen.query_one("#lower").size.height >= 5 and log.region.bottom <= 23  # all of it is in sight
        await pilot.press("escape", "r")
        await until(pilot, lambda: "enter show it" in status(app))


def test_the_lowest_validation_stands_out(tmp_path: Path) -> None:
    metrics = Metrics(freeze(make_job(project(tmp_path))))
    metrics.state = RunState("done", started="2026-01-01T10:00:00Z", ended="2026-01-01T10:07:49Z")
    metrics.losses.xs.append(1)
    metrics.loss = metrics.average = 0.08
    for number, value in ((1, 0.0911), (2, 0.0903), (3, 0.0909)):
        metrics.rows[number] = EpochRow(number, loss=0.09, validation=value)
        metrics.validations.append((number, value))
    progress, losses = view.figures(metrics, None, 118, 0.0)
    assert "took 7 min 49 s" in str(progress)
    assert "val 0.0909 (lowest 0.0903, epoch 2)" in str(losses)
    rows = view.EpochRows(metrics)
    marked = [any("bold $kept" in str(span.style) for span in rows.row(at, 90).spans) for at in range(3)]
    assert marked == [False, True, False]  # epochs 3, 2, 1
    assert len(rows.row(0, 40)) <= 32  # beside a large picture the files have no room


def test_the_losses_stand_on_one_line_of_a_small_terminal(tmp_path: Path) -> None:
    metrics = Metrics(freeze(make_job(project(tmp_path))))
    metrics.state = RunState("running")
    metrics.losses.xs.append(1)
    metrics.loss, metrics.average, metrics.step, metrics.per_epoch, metrics.epoch = 0.0534, 0.0907, 1_290, 120, 11
    for number, loss in ((9, 0.0863), (10, 0.0914)):
        metrics.rows[number] = EpochRow(number, loss=loss)
    metrics.validations.append((10, 0.1047))
    metrics.rates.update({"unet": 9.3e-5, "te": 4.6e-4})
    lines = view.figures(metrics, None, 78, 0.0)
    assert "lr 9.3e-5/4.6e-4" in str(lines[1])
    assert max(len(line) for line in lines) <= 78
