"""The whole program on a real pseudo-terminal: how it begins, how it ends, and what may paint on it."""

import os
import re
import signal
from pathlib import Path

import pytest

from loratui.core.project import Project
from loratui.tui.shell import diary
from tests.pty_harness import Terminal
from tests.waiting import wait_for

LORATUI = ["python", "-m", "loratui"]
RESTORED = b"\x1b[?1049l"

# A library that warns, prints and writes to the descriptor itself, and a job that never looks at its cancel event.
NOISY = """
import logging, os, sys, time, warnings
from pathlib import Path
from loratui.core.workspace import Workspace
from loratui.tui.app import LoratuiApp, run
from loratui.tui import app as module
class Noisy(LoratuiApp):
    def on_ready(self):
        os.write(2, b"NOISE-FD2 "); os.write(1, b"NOISE-FD1 ")
        print("NOISE-PRINT"); print("NOISE-ERR", file=sys.stderr)
        warnings.warn("NOISE-WARNING"); logging.getLogger("lib").error("NOISE-LOG")
        os.system("echo NOISE-CHILD >&2")
        self.jobs.start("sleeping", lambda report, cancel: time.sleep(600), quiet=True)
        self.toast("noise made")
module.LoratuiApp = Noisy
sys.exit(run(Workspace.open(Path.cwd())))
"""
BROKEN = """
import sys
from pathlib import Path
from loratui.core.workspace import Workspace
from loratui.tui.app import run
from loratui.tui.widgets.virtual_list import VirtualList
def broken(self, y): raise RuntimeError("painting [/x] failed")
VirtualList.render_line = broken
sys.exit(run(Workspace.open(Path.cwd()), debug="--debug" in sys.argv))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Project.create(tmp_path / "kafka", trigger="kafka").root


@pytest.mark.parametrize("key", ["q", "\x03"], ids=["q", "ctrl-c"])
def test_a_key_leaves_with_the_terminal_restored(key: str, project: Path) -> None:
    with Terminal(LORATUI, cwd=project) as terminal:
        terminal.wait_for("new project")
        terminal.send(key)
        assert terminal.end() == 0
        assert RESTORED in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["term", "hup"])
def test_a_signal_ends_it_cleanly(number: signal.Signals, project: Path) -> None:
    with Terminal(LORATUI, cwd=project) as terminal:
        terminal.wait_for("new project")
        terminal.process.send_signal(number)
        assert terminal.end() == 128 + number
        wait_for(lambda: RESTORED in terminal.output)
        assert b"Traceback" not in terminal.output


def test_a_terminal_that_is_gone_ends_it(project: Path) -> None:
    with Terminal(LORATUI, cwd=project) as terminal:
        terminal.wait_for("new project")
        terminal.hang_up()
        terminal.end()
    log = diary.log_path()
    assert not log.exists() or "Traceback" not in log.read_text()


def test_ctrl_z_gives_the_shell_back_and_fg_the_screen(project: Path) -> None:
    with Terminal(LORATUI, cwd=project) as terminal:
        terminal.wait_for("new project")
        terminal.quiet()
        terminal.send("\x1a")
        terminal.wait_for(r"\x1b\[\?1049l")
        wait_for(lambda: _state(terminal.process.pid) == "T")
        before = terminal.count
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for("new project", start=before)
        terminal.send("q")
        assert terminal.end() == 0


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_nothing_but_the_app_paints_and_a_deaf_thread_does_not_hold_the_end(project: Path) -> None:
    with Terminal(["python", "-c", NOISY], cwd=project) as terminal:
        terminal.wait_for("noise made")
        terminal.quiet()
        terminal.send("q")
        assert terminal.end() == 0  # it is not waited for
        assert b"NOISE" not in terminal.output
    log = diary.log_path().read_text()
    for kind in ("FD2", "FD1", "WARNING", "LOG", "CHILD"):
        assert f"NOISE-{kind}" in log, kind


def test_the_editor_gets_the_terminal_and_the_screen_comes_back(project: Path, tmp_path: Path) -> None:
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\ntest -t 1 && echo EDITING on a terminal\nsed -i s/character/style/ "$1"\n')
    editor.chmod(0o755)
    with Terminal(LORATUI, cwd=project, env={"VISUAL": None, "EDITOR": f"'{editor}'"}) as terminal:
        terminal.wait_for("new project")
        terminal.quiet()
        before = terminal.count
        terminal.send("e")
        terminal.wait_for("EDITING on a terminal", start=before)
        terminal.wait_for("new project", start=before)
        terminal.quiet()
        terminal.send("q")
        assert terminal.end() == 0
    assert 'kind = "style"' in (project / "loratui.toml").read_text()


def test_an_editor_that_is_not_there_is_said(project: Path) -> None:
    with Terminal(LORATUI, cwd=project, env={"VISUAL": "no-such-editor"}) as terminal:
        terminal.wait_for("new project")
        terminal.send("e")
        terminal.wait_for("The editor no-such-editor cannot be started")
        terminal.send("q")
        assert terminal.end() == 0


def test_an_error_in_painting_ends_with_a_sentence_and_not_a_traceback(project: Path) -> None:
    with Terminal(["python", "-c", BROKEN], cwd=project) as terminal:
        assert terminal.end() == 1
        terminal.quiet(0.1)
        after = terminal.output.rpartition(RESTORED)[2]
        assert b"loratui: RuntimeError: painting [/x] failed. The details are in" in after
        assert b"Traceback" not in terminal.output
    assert "Traceback" in diary.log_path().read_text()


def test_debug_shows_the_traceback(project: Path) -> None:
    with Terminal(["python", "-c", BROKEN, "--debug"], cwd=project) as terminal:
        assert terminal.end() == 1
        terminal.quiet(0.1)
        assert b"Traceback" in terminal.output.rpartition(RESTORED)[2]


@pytest.mark.parametrize("term", [{"COLORTERM": "truecolor"}, {"COLORTERM": None, "TERM": "xterm"}], ids=["full", "16"])
def test_no_color_means_no_colour(project: Path, term: dict[str, str | None]) -> None:
    with Terminal(LORATUI, cwd=project, env={"NO_COLOR": "1", **term}) as terminal:
        terminal.wait_for("new project")
        terminal.send("?")
        terminal.quiet()
        codes = {code for sgr in re.findall(rb"\x1b\[([0-9;]*)m", terminal.output) for code in sgr.split(b";")}
    assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"7", b"22", b"23", b"24", b"27", b"39", b"49"}, codes
