"""The command line: verbs are parsed here and done in their own modules; without a verb the screens open."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from loratui import __version__
from loratui.cli.output import Output, failed
from loratui.cli.verbs import Args, Parser, Verbs, common
from loratui.core.errors import Cancelled, LoratuiError, from_os

_GROUPS = ("project", "boards", "images", "tagging", "tags", "history", "training", "runs", "machine", "demo")


def parser(groups: Sequence[str] = _GROUPS) -> Parser:
    """The grammar: whole, or with some groups of verbs only."""
    top = Parser(
        prog="loratui",
        description="From a tag query to a tested LoRA, in one terminal. Without a verb: the screens.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"loratui {__version__}")
    common(top)
    top.set_defaults(directory="", json=False, yes=False, debug=False, run=_screens)
    verbs = Verbs(top)
    for group in groups:
        import_module(f"loratui.cli.{group}").register(verbs)
    return top


def run(arguments: Sequence[str]) -> int:
    """Does what the arguments say. Returns the exit code: see the command contract."""
    as_json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
    debug = "--debug" in arguments or bool(os.environ.get("LORATUI_DEBUG"))
    # Names of files may be anything: they must not end the program at the moment they are printed.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        args = parser(() if _opens_screens(arguments) else _GROUPS).parse_args(arguments)
        out = Output(args)
        try:
            return int(args.run(args, out))
        finally:
            out.tell_recovered()
    except LoratuiError as error:
        if debug:
            raise
        return failed(error, as_json)
    except KeyboardInterrupt:
        return failed(Cancelled(), as_json)
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        return 1
    except OSError as error:
        if debug:
            raise
        return failed(from_os(error, "It"), as_json)
    except Exception as error:
        if debug:
            raise
        mistake = LoratuiError(
            f"loratui made a mistake of its own: {type(error).__name__}: {error}.",
            "Run it again with --debug and report what it prints.",
        )
        return failed(mistake, as_json)
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # it was told, or nobody listens; Python would complain once more at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _opens_screens(arguments: Sequence[str]) -> bool:
    """Whether no verb is asked for: then none needs to be declared, a fifteenth of the time to the first screen."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "-C" and rest:
            rest.pop(0)
        elif word != "--debug":
            return False
    return True


def _screens(args: Args, out: Output) -> int:
    """No verb: the TUI."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LoratuiError("The screens need a terminal.", "Run loratui in one, or give a verb: see `loratui --help`.")
    # What the start makes is there to stay: looking for garbage in it is a sixth of the time to the first screen. The
    # app turns the collector on again after its first paint.
    gc.disable()
    workspace = out.workspace(args)
    from loratui.tui.app import run as run_screens

    return run_screens(workspace, debug=args.debug)
