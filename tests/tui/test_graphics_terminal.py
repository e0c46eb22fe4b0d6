"""The driver and the probe on a real pseudo-terminal."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.pty_harness import KITTY, SILENT, XTERM, Answers, Terminal

ECHO = ["python", "-m", "tests.tui.echo_app"]
UNASKED = (
    "\x1b[?62;4;22c\x1b[>1;4000;35c\x1bP!|7E565445\x1b\\\x1b_Gi=9;OK\x1b\\\x1b[6;20;10t\x1b[4;800;1200t"
    "\x1b]10;rgb:ffff/ffff/ffff\x1b\\\x1b]11;rgb:0000/0000/0000\x07\x1bP>|kitty(0.43.1)\x1b\\\x1b[?1u\x1b[0n"
)


def keys(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [(KITTY, "protocol=kitty cell=10x20"), (XTERM, "protocol=halfcell cell=10x20")],
    ids=["kitty", "xterm"],
)
def test_the_probe_is_right_at_any_round_trip_and_no_answer_is_a_key(
    answers: Answers, expected: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        terminals = {
            delay: stack.enter_context(
                Terminal([*ECHO, str(tmp_path / str(delay))], answers=answers, delay=delay, pieces=5, pause=0.03)
            )
            for delay in (0.02, 0.15, 0.4, 1.5)
        }
        for delay, terminal in terminals.items():
            painted = terminal.wait_for("ready")
            known = terminal.wait_for(expected)
            if delay == 1.5:
                assert painted < known  # the first screen does not wait for the answers
            terminal.answered()
            # What comes later, and unasked, is no key either; what is typed around it is.
            terminal.send("a\x1b[A" + UNASKED + "b")
            time.sleep(0.1)
            terminal.send("q")
        for delay, terminal in terminals.items():
            assert terminal.end() == 0
            assert keys(tmp_path / str(delay)) == ["a", "up", "b", "q", "end"]


def test_a_terminal_that_never_answers_gets_half_cells(tmp_path: Path) -> None:
    with Terminal([*ECHO, str(tmp_path / "keys")], answers=SILENT) as terminal:
        terminal.wait_for("ready")
        terminal.send("\x1b")  # while answers are awaited, Escape only comes a little later
        terminal.wait_for("protocol=halfcell cell=10x20")
        terminal.send("q")
        terminal.end()
    assert keys(tmp_path / "keys") == ["escape", "q", "end"]


def test_a_terminal_that_goes_away_ends_the_program_in_order(tmp_path: Path) -> None:
    with Terminal([*ECHO, str(tmp_path / "keys")]) as terminal:
        terminal.wait_for("protocol=")
        terminal.hang_up()
        # The kernel also sends SIGHUP to the session's leader, which an app that does not handle it dies of.
        terminal.end()
    with Terminal(["python", "-c", IGNORING_HANG_UP, str(tmp_path / "more")]) as terminal:
        terminal.wait_for("protocol=")
        terminal.hang_up()
        assert terminal.end() == 0
    assert keys(tmp_path / "more") == ["end"]


IGNORING_HANG_UP = """
import signal, sys
from pathlib import Path
from tests.tui.echo_app import EchoApp
signal.signal(signal.SIGHUP, signal.SIG_IGN)
EchoApp(Path(sys.argv[1]), None).run(mouse=False)
"""


def test_ctrl_z_stops_and_comes_back(tmp_path: Path) -> None:
    with Terminal([*ECHO, str(tmp_path / "keys")]) as terminal:
        terminal.wait_for("protocol=halfcell")
        terminal.quiet()
        terminal.send("\x1a")
        terminal.wait_for(rb"\x1b\[\?1049l")
        for _ in range(200):
            if Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                break
            time.sleep(0.02)
        else:
            raise AssertionError("the program did not stop")
        before = terminal.count
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for("protocol=halfcell", start=before)
        terminal.send(UNASKED + "x")
        time.sleep(0.2)
        terminal.send("q")
        assert terminal.end() == 0
    assert keys(tmp_path / "keys") == ["x", "q", "end"]


def test_the_terminal_is_handed_back_as_it_was(tmp_path: Path) -> None:
    with Terminal([*ECHO, str(tmp_path / "keys")]) as terminal:
        terminal.wait_for("protocol=")
        terminal.send("q")
        assert terminal.end() == 0
        terminal.quiet()
        assert terminal.output.rfind(b"\x1b[?1049l") > terminal.output.rfind(b"\x1b[?1049h")
        assert terminal.output.rfind(b"\x1b[?25h") > terminal.output.rfind(b"\x1b[?25l")
        assert b"\x1b[?1004h" not in terminal.output
