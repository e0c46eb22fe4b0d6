"""The list at 100,000 rows against Textual's DataTable in the same run."""

import re
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.samples import fresh_home
from tests.benchmarks.table import Row
from tests.pty_harness import Terminal

ROWS = 100_000
_KEYS = 100


@dataclass
class Measured:
    """Figures of one list: CPU seconds to fill it, seconds to the first byte after a key, CPU and bytes per key."""

    fill: float
    latency: float
    cpu: float
    size: float


def rows() -> list[Row]:
    """Filling, the latency of a key, and what a held key costs."""
    with fresh_home() as home:
        ours, theirs = _measure("list", home), _measure("table", home)
    return [
        Row(f"list of {ROWS:,} rows, filling, CPU", ours.fill, "ms", 0.1, theirs.fill, "DataTable"),
        Row("the same, absolute", ours.fill, "ms", 150),
        Row("first byte after a key, median", ours.latency * 1000, "ms", 16),
        Row("the same", ours.latency * 1000, "ms", 1.5, theirs.latency * 1000, "DataTable"),
        Row("CPU per held cursor key", ours.cpu * 1000, "ms", 1.0, theirs.cpu * 1000, "DataTable"),
        Row("bytes per held cursor key over 100 keys", ours.size, "B", 1000),
    ]


def _measure(kind: str, home: Mapping[str, str | None]) -> Measured:
    with Terminal(["python", "-m", "tests.benchmarks.samples", kind, str(ROWS)], env=home) as terminal:
        terminal.wait_for(r"filled in ([\d.]+)", timeout=60)
        found = re.search(rb"filled in ([\d.]+)", terminal.output)
        assert found is not None
        terminal.quiet()
        latencies = []
        for _ in range(15):
            before, start = terminal.count, time.perf_counter()
            terminal.send("\x1b[B")
            while terminal.count == before and time.perf_counter() - start < 5:
                time.sleep(0.0002)
            latencies.append(time.perf_counter() - start)
            time.sleep(0.05)
        terminal.quiet()
        size, cpu = terminal.count, terminal.cpu()
        terminal.hold("\x1b[B", _KEYS)
        terminal.quiet()
        return Measured(
            float(found[1]),
            statistics.median(latencies),
            (terminal.cpu() - cpu) / _KEYS,
            (terminal.count - size) / _KEYS,
        )
