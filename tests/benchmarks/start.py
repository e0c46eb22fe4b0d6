"""From the command to the first screen, and to the help text."""

import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.benchmarks.samples import fresh_home
from tests.benchmarks.table import Row
from tests.pty_harness import Terminal

_TIMES = 9
"""Runs of each after the first, which compiles."""

Environment = Mapping[str, str | None]


def rows() -> list[Row]:
    """CPU to first paint against a minimal Textual app, CPU of `--help`."""
    with fresh_home() as home:
        folder = str(home["HOME"])
        ours, least, usage = [], [], []
        for _ in range(_TIMES + 1):  # by turns, so that a busy moment hits all
            ours.append(_first_paint(["python", "-m", "loratui", "-C", folder], "Projects", home))
            least.append(_first_paint(["python", "-m", "tests.benchmarks.samples", "minimal"], "ready", home))
            usage.append(_cpu([sys.executable, "-m", "loratui", "--help"], home))
    return [
        Row("first paint of the TUI, CPU", min(ours) * 1000, "ms", 1.6, min(least) * 1000, "minimal app"),
        Row("first paint of the TUI, CPU, absolute", min(ours) * 1000, "ms", 350),
        Row("loratui --help, CPU", min(usage) * 1000, "ms", 100),
    ]


def _first_paint(argv: Sequence[str], pattern: str, home: Environment) -> float:
    with Terminal(argv, env=home) as terminal:
        terminal.wait_for(pattern)
        return terminal.cpu()


def _cpu(argv: Sequence[str], home: Environment) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in {"PATH": "/usr/bin:/bin", **home}.items() if value is not None}
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
