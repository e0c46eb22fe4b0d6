"""`loratui` and `python -m loratui`."""

import os
import sys


def main() -> None:
    """Runs the command line on `sys.argv` and exits with its code."""
    _open_streams()
    try:
        from loratui.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _open_streams() -> None:
    """Opens a stream that the caller closed on nothing: a file opened later would get its number, and what is said."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode))


if __name__ == "__main__":
    main()
