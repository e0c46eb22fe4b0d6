"""What the monitor costs on the line, over a training of twenty steps a second: a real program on a pseudo-terminal."""

import os
import time
from pathlib import Path

from loratui.core.project import Project
from loratui.core.runs import control, freeze, launch
from tests.pty_harness import XTERM, Terminal
from tests.runs_kit import ended_at_last, make_job
from tests.waiting import wait_for

BUDGET = 2_500
"""Bytes a second, as the design says."""


def test_a_live_training_keeps_its_budget_and_a_finished_one_is_still(tmp_path: Path) -> None:
    Project.create(tmp_path / "kafka", trigger="kafka")
    config = Path(os.environ["XDG_CONFIG_HOME"], "loratui/config.toml")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('[ui]\ngraphics = "none"\n')
    run = freeze(make_job(tmp_path / "kafka", images=200, epochs=2, fake_seconds=0.05))
    launch(run)
    with (
        ended_at_last(run),
        Terminal(["python", "-m", "loratui", "-C", str(tmp_path / "kafka")], answers=XTERM) as terminal,
    ):
        terminal.wait_for("Projects")
        terminal.send("gm")
        terminal.wait_for("it/s")
        time.sleep(0.5)
        before, began = terminal.count, time.monotonic()
        time.sleep(1.5)
        rate = (terminal.count - before) / (time.monotonic() - began)
        assert 0 < rate <= BUDGET, terminal.output[before:]
        control.stop(run)
        wait_for(lambda: run.state().over)
        terminal.quiet(1.2)
        before = terminal.count
        time.sleep(1)
        assert terminal.count == before
