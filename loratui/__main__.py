"""`loratui` and `python -m loratui`."""

import sys


def main() -> None:
    """Runs the command line on `sys.argv` and exits with its code."""
    from loratui.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
