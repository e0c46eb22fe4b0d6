"""Measures and prints the table; exit 1 when a figure misses its limit."""

import importlib
import pkgutil
import sys

from tests import benchmarks
from tests.benchmarks.table import Row, table

_MACHINERY = {"__main__", "table", "samples"}


def main(wanted: list[str]) -> int:
    """Runs the subjects named, all of them when none is."""
    subjects = [name for _, name, _ in pkgutil.iter_modules(benchmarks.__path__) if name not in _MACHINERY]
    if unknown := [name for name in wanted if name not in subjects]:
        print(f"unknown: {', '.join(unknown)}. Subjects: {', '.join(subjects)}.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in wanted or subjects:
        print(f"measuring {name} …", file=sys.stderr)
        rows += importlib.import_module(f"tests.benchmarks.{name}").rows()
    print(table(rows))
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
