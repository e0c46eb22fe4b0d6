"""From the command to the first screen, and to the help text."""

import resource
import subprocess
import sys
from collections.abc import Sequence

from tests.benchmarks.samples import fresh_home
from tests.benchmarks.table import Row
from tests.pty_harness import Terminal

_TIMES = 5


def rows() -> list[Row]:
    """CPU to first paint against a minimal Textual app, CPU of `--help`."""
    with fresh_home() as home:
        ours, least = [], []
        for _ in range(_TIMES):  # by turns, so that a busy moment hits both
            ours.append(_first_paint(["python", "-m", "loratui", "-C", home["HOME"]], "Projects", home))
            least.append(_first_paint(["python", "-m", "tests.benchmarks.samples", "minimal"], "ready", home))
        usage = [_cpu([sys.executable, "-m", "loratui", "--help"], home) for _ in range(_TIMES)]
    return [
        Row("first paint of the TUI, CPU", min(ours) * 1000, "ms", 1.6, min(least) * 1000, "minimal app"),
        Row("first paint of the TUI, CPU, absolute", min(ours) * 1000, "ms", 350),
        Row("loratui --help, CPU", min(usage) * 1000, "ms", 100),
    ]


def _first_paint(argv: Sequence[str], pattern: str, home: dict[str, str]) -> float:
    with Terminal(argv, env=home) as terminal:
        terminal.wait_for(pattern)
        return terminal.cpu()


def _cpu(argv: Sequence[str], home: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", **home})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
