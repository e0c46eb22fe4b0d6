"""The shell of the screens: commands, chords, panels, toasts, errors, jobs, undo."""

from pathlib import Path
from threading import Event

import pytest
from textual.content import Content

from loratui.core.changes import Changes, Edit, Plan
from loratui.core.errors import LoratuiError
from loratui.core.jobs import Report
from loratui.core.project import Project
from loratui.tui.jobs import Job
from loratui.tui.shell import diary
from loratui.tui.shell.done import DonePanel
from loratui.tui.shell.joblist import JobsPanel
from loratui.tui.shell.lines import Key, Notice, StatusLine
from loratui.tui.shell.palette import PalettePanel
from loratui.tui.shell.panels import Entry
from loratui.tui.widgets.virtual_list import VirtualList
from tests.tui.app_kit import app_on, status, title, until

WIDE = (120, 40)


async def test_a_key_runs_its_command_and_the_status_line_follows(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("g", "s")
        await until(pilot, lambda: app.screen is sample and sample.reloads)
        assert "Sample" in title(app)
        assert "1 times read" in title(app)
        await pilot.press("x", "x")
        await until(pilot, lambda: "2 removed" in status(app))
        assert "x remove" in status(app)
        assert "? help" in status(app)


async def test_a_disabled_command_stays_visible_and_says_why(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: "z never" in status(app))
        await pilot.press("z")
        await until(pilot, lambda: "the moon is full" in status(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: sample.panel is not None and sample.panel.query(VirtualList))
        assert sample.panel is not None
        rows = sample.panel.query_one(VirtualList).rows
        assert any("Not now: the moon is full." in str(rows.row(index, 100)) for index in range(len(rows)))


async def test_a_chord_goes_to_a_screen_and_an_unknown_one_says_so(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("g")
        await until(pilot, lambda: "s Search" in status(app))
        await pilot.press("s")
        await until(pilot, lambda: app.screen is sample)
        await pilot.press("g", "z")
        await until(pilot, lambda: "gz is no key here" in status(app))
        view = sample.query_one(VirtualList)
        await pilot.press("j", "j", "g", "g")
        await until(pilot, lambda: view.cursor == 0)
        await pilot.press("g", "escape", "x")
        await until(pilot, lambda: sample.removed == 1)


async def test_letters_are_typed_while_an_input_has_the_focus(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        view = app.focused
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.focused, Entry))
        await pilot.press("q", "x", "g", "s", "question_mark", "colon", "enter")
        await until(pilot, lambda: sample.name_given == "oldqxgs?:")
        assert sample.removed == 0
        assert app.focused is view
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.focused, Entry))
        await pilot.press("escape")
        await until(pilot, lambda: sample.name_given is None)
        assert sample.panel is None


async def test_an_error_becomes_a_toast_and_the_details_go_into_the_log(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        await pilot.press("f")
        await until(pilot, lambda: "The disk is full. Free some space." in status(app))
        await pilot.press("c")
        await until(pilot, lambda: "that failed: KeyError" in status(app))
        assert "\x1b" not in status(app)
        assert "[/x]" in status(app)
        assert 'raise KeyError("boom' in diary.log_path().read_text()
        sample.reload_error = LoratuiError("A caption is not UTF-8.", "Convert it.")
        app.changed()
        await until(pilot, lambda: "A caption is not UTF-8. Convert it." in status(app))
        await pilot.press("x")
        await until(pilot, lambda: sample.removed == 1)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(sample.panel, DonePanel) and sample.panel.query(VirtualList))
        assert [entry.level for entry in app.done] == ["error", "error", "error"]


async def test_an_error_of_a_message_handler_or_a_timer_becomes_a_toast(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)

    def locked() -> None:
        (tmp_path / "missing").read_bytes()

    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        await pilot.press("enter")
        await until(pilot, lambda: "This row is locked. Unlock it." in status(app))
        sample.set_timer(0.01, locked)
        await until(pilot, lambda: "That failed" in status(app) and "missing" in status(app))
        await pilot.press("x")
        await until(pilot, lambda: sample.removed == 1)


async def test_in_debug_an_unexpected_error_ends_the_program(tmp_path: Path) -> None:
    app, _ = app_on(tmp_path)
    app._raise = True
    with pytest.raises(KeyError):
        async with app.run_test(size=WIDE) as pilot:
            await app.go("search")
            await pilot.press("c")
            await until(pilot, lambda: app._exception)


async def test_a_long_toast_takes_lines_above_the_status_line(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        sample.toast("A sentence that is quite long, as they are when paths are in them.", "And what to do.", "error")
        notice = sample.query_one(Notice)
        await until(pilot, lambda: notice.size.height == 2)
        assert notice.plain.endswith("And what to do.")
        assert "x remove" in status(app)
        app.drop_toast()
        await until(pilot, lambda: notice.size.height == 0)


async def test_a_job_shows_its_progress_and_gives_its_result_on_the_ui_thread(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await pilot.press("o")
        await until(pilot, lambda: "⏵ working" in status(app) and "%" in status(app))
        sample.go_on.set()
        await until(pilot, lambda: "worked" in status(app))
        assert sample.result
        assert app.jobs.running == ()
        await until(pilot, lambda: "⏵" not in status(app))


async def test_a_job_is_cancelled_from_its_panel(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await pilot.press("o", "J")
        await until(pilot, lambda: isinstance(sample.panel, JobsPanel) and isinstance(app.focused, VirtualList))
        await until(pilot, lambda: "x cancel" in status(app))
        await pilot.press("x")
        await until(pilot, lambda: "working: stopped" in status(app))
        assert sample.result is None
        assert sample.removed == 0


async def test_a_failing_job_says_so_and_an_awaited_one_raises(tmp_path: Path) -> None:
    app, _ = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:

        def fail(report: Report, cancel: Event) -> int:
            raise LoratuiError("The board is down.", "Try later.")

        app.jobs.start("asking", fail)
        await until(pilot, lambda: "The board is down. Try later." in status(app))
        with pytest.raises(LoratuiError, match="The board is down"):
            await app.jobs.run("asking", fail)
        assert await app.jobs.run("adding", lambda report, cancel: 2) == 2


async def test_leaving_asks_while_a_job_runs_but_not_for_one_that_only_reads(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await pilot.press("o", "q")
        await until(pilot, lambda: "y yes" in status(app))
        await pilot.press("n")
        await until(pilot, lambda: sample.panel is None)
        assert app.is_running
        await pilot.press("q")
        await until(pilot, lambda: "y yes" in status(app))
        await pilot.press("y")
        await until(pilot, lambda: app._exit)
    assert app.return_code == 0


async def test_undo_takes_back_one_step_for_each_key_and_redo_does_it_again(tmp_path: Path) -> None:
    caption = tmp_path / "a.txt"
    caption.write_bytes(b"one")
    changes = Changes(tmp_path)
    for old, new in ((b"one", b"two"), (b"two", b"three")):
        changes.apply(Plan("replace", f"replace {old.decode()}", (Edit("a.txt", old, new),), {}))
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads == 1)
        await pilot.press("u", "u")
        await until(pilot, lambda: caption.read_bytes() == b"one" and sample.reloads == 3)
        await until(pilot, lambda: "undone: replace one (1 file)" in status(app))
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in status(app))
        await pilot.press("U")
        await until(pilot, lambda: caption.read_bytes() == b"two")
        assert [entry.command for entry in app.done] == ["loratui undo", "loratui undo", "loratui redo"]
        caption.write_bytes(b"by another program")
        await pilot.press("u")
        await until(pilot, lambda: "a.txt" in status(app))
        assert caption.read_bytes() == b"by another program"


async def test_the_palette_finds_and_runs_a_command(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(sample.panel, PalettePanel) and isinstance(app.focused, Entry))
        await pilot.press(*"remo")
        await until(pilot, lambda: len(sample.query_one(PalettePanel).query_one(VirtualList).rows) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: sample.removed == 1 and sample.panel is None)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(sample.panel, PalettePanel))
        await pilot.press("escape")
        await until(pilot, lambda: sample.panel is None)


async def test_names_are_inert_wherever_they_show(tmp_path: Path) -> None:
    folder = tmp_path / "x_[/foo] [bold]\x1b[31m \u202etxt.exe"
    Project.create(folder, name="[/x] \u202eevil\x1b]0;title\x07", trigger="[red]a[/b]")
    app, _ = app_on(folder)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "[_x] evil" in title(app))
        app.toast("[/tag] \x1b[2J gone", "[bold]press x[/]", "warn")
        await until(pilot, lambda: "[/tag]  gone. [bold]press x[/]" in status(app))
        await pilot.press("L")
        await pilot.pause()
        svg = app.export_screenshot()
        assert "\x1b" not in svg
        assert "\u202e" not in svg


async def test_a_small_terminal_says_so_and_a_narrow_one_folds(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=(70, 20)) as pilot:
        await app.go("search")
        await until(pilot, lambda: "70×20 is small" in title(app))
        assert sample.has_class("-narrow")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "times read" in title(app))
        assert sample.has_class("-wide")


async def test_the_slow_link_paints_ten_times_a_second_and_is_remembered(tmp_path: Path) -> None:
    from loratui.core import config

    app, sample = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await app.go("search")
        quick = sample._update_timer
        await pilot.press("g", "l")
        await until(pilot, lambda: "slow link: on" in status(app))
        assert app.slow_link
        assert sample._update_timer is not quick
        await until(pilot, lambda: config.load().ui.slow_link)


async def test_a_line_repaints_only_the_cells_that_differ(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        line = sample.query_one(StatusLine)
        repainted: list[tuple[int, int]] = []
        line.refresh = lambda *regions, **_: repainted.extend((region.x, region.right) for region in regions)  # type: ignore[method-assign]
        for before, after, cells in (
            ("tagging 61 %", "tagging 62 %", [(9, 10)]),
            ("tagging 62 %", "tagging 62 %", []),
            ("日本 1", "日本 2", [(5, 6)]),
            ("日本 2", "日木 2", [(2, 4)]),
        ):
            line._content = Content(before)
            line.render_line(0)
            repainted.clear()
            line.show(Content(after))
            assert repainted == cells, (before, after)


async def test_keys_that_cannot_be_used_now_make_room_for_those_that_can(tmp_path: Path) -> None:
    app, sample = app_on(tmp_path)
    keys = [
        Key("s", "stop", enabled=False),
        Key("o", "log"),
        Key("R", "try again", enabled=False),
        Key("plus", "smooth"),
        Key("u", "undo", enabled=False, last=True),
        Key("?", "help", last=True),
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await app.go("search")
        await until(pilot, lambda: sample.reloads)
        line = sample.query_one(StatusLine)
        for note, shown in (
            ("", "s stop · o log · R try again · plus smooth · u undo · ? help"),
            ("n" * 20, "s stop · o log · plus smooth · u undo · ? help"),
            ("n" * 33, "o log · plus smooth · u undo · ? help"),
            ("n" * 42, "o log · plus smooth · ? help"),
            ("n" * 52, "o log · ? help"),
            ("n" * 65, "? help"),
        ):
            line.compose_line(note, keys, "", None)
            said = line.plain.strip().removeprefix(note).strip()
            assert said == shown, note


def test_progress_in_words() -> None:
    job = Job("tagging")
    assert job.text() == "tagging"
    job.report(1234, None)
    assert job.text() == "tagging 1,234"
    job.report(199, 200, "file")
    job.began -= 100
    assert job.text() == "tagging 99 % 1 s"
    job.report(300, 200)
    assert job.text().startswith("tagging 100 %")
    job.cancel.set()
    assert job.text() == "tagging stopping"
