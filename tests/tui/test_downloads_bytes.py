"""What the downloads screen sends while files come in: a real program on a pseudo-terminal, a worker beside it."""

import time
from pathlib import Path

from loratui.core.config import set_value
from loratui.core.downloads import queue
from loratui.core.downloads.manifest import Manifest, Options
from loratui.core.project import Project
from tests.file_server import TAG, file_server
from tests.pty_harness import XTERM, Terminal

BUDGET = 2_500
"""Bytes a second, as the design says."""


def test_downloads_that_come_in_keep_the_budget(tmp_path: Path) -> None:
    root = tmp_path / "kafka"
    Project.create(root, trigger="kafka")
    set_value("ui.graphics", "none")
    with file_server(300, 400_000, 0.05, rate=400_000) as server:
        set_value("boards.mine.engine", "danbooru")
        set_value("boards.mine.url", server.url)
        with Manifest(root) as manifest:
            number = manifest.begin("mine", TAG, "dataset/kafka", Options())
        queue.start(root)
        try:
            with Terminal(["python", "-m", "loratui", "-C", str(root)], answers=XTERM) as terminal:
                terminal.wait_for("Projects")
                terminal.send("gd")
                terminal.wait_for("coming")
                time.sleep(1)
                before, began = terminal.count, time.monotonic()
                time.sleep(2)
                rate = (terminal.count - before) / (time.monotonic() - began)
                assert 0 < rate <= BUDGET, terminal.output[before:]
        finally:
            with Manifest(root) as manifest:
                manifest.set_state(number, "paused")
            deadline = time.monotonic() + 10
            while queue.busy(root) and time.monotonic() < deadline:
                time.sleep(0.05)
