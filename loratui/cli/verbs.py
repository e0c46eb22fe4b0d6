"""How verbs are declared: once, beside the function that does them. Loads nothing but argparse."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from loratui.core.errors import UsageError
from loratui.core.nearest import nearest

if TYPE_CHECKING:
    from loratui.cli.output import Output

Args = argparse.Namespace
Run = Callable[[Args, "Output"], int]


def positive(text: str) -> int:
    """The type of an argument that is a whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` instead of leaving the program.

    Attributes:
        joins_words: the name of the positional that takes all words of the line, also those that begin with one dash
            and are no option: `-rating:explicit` belongs to a query. "" where there is none.
    """

    joins_words = ""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See `{self.prog} --help`.")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Args | None = None
    ) -> Args:
        """As argparse does; what nobody takes is said with the verb's name."""
        parsed, extra = self.parse_known_args(args, namespace)
        if extra:
            verb = " ".join(filter(None, (self.prog, getattr(parsed, "verb", ""))))
            raise UsageError(f"`{verb}` does not take {' '.join(extra)}.", f"See `{verb} --help`.")
        return parsed

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            meant = nearest(str(value), known)
            what = "verb" if isinstance(action, argparse._SubParsersAction) else f"value of {_name(action)}"
            remedy = f"Did you mean {meant!r}?" if meant else f"There is: {', '.join(known)}."
            raise UsageError(f"{value!r} is no {what}.", remedy)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Args | None = None
    ) -> tuple[Args, list[str]]:
        """As argparse does; where words are joined, options may stand anywhere between them."""
        if self.joins_words and args is not None:
            options, words = self._part(args)
            parsed, extra = super().parse_known_args(options, namespace)
            setattr(parsed, self.joins_words, words)
            return parsed, extra
        return super().parse_known_args(args, namespace)

    def _part(self, args: Sequence[str]) -> tuple[list[str], list[str]]:
        options: list[str] = []
        words: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return options, words + rest
            action = self._option_string_actions.get(word.partition("=")[0] if word.startswith("--") else word)
            if action is None and word.startswith("--"):
                self.error(f"there is no option {word}")
            if action is None:
                words.append(word)
                continue
            options.append(word)
            if action.nargs is None and "=" not in word and rest:
                options.append(rest.pop(0))
        return options, words


def _name(action: argparse.Action) -> str:
    return (
        action.option_strings[-1]
        if action.option_strings
        else (action.metavar if isinstance(action.metavar, str) else action.dest)
    )


class Verbs:
    """The verbs of the program, or the sub-verbs of one.

    Args:
        parser: the parser they belong to.
        dest: the namespace's name for the chosen one.
    """

    def __init__(self, parser: Parser, dest: str = "verb") -> None:
        self.parser = parser
        self._sub = parser.add_subparsers(dest=dest, metavar="VERB", parser_class=Parser)

    def add(
        self,
        name: str,
        run: Run,
        *,
        help: str,  # noqa: A002 (as argparse calls it)
        folder: bool = False,
        dry_run: bool = False,
        words: str = "",
    ) -> Parser:
        """Declares a verb.

        Args:
            name: what is typed.
            run: does it; gets the arguments and the output, returns the exit code.
            help: one line.
            folder: it takes an optional FOLDER.
            dry_run: it changes something, and so has `--dry-run`.
            words: the positional that takes all words, such as `query`: see `Parser.joins_words`.

        Returns:
            its parser, for further arguments.
        """
        parser: Parser = self._sub.add_parser(name, help=help, description=help, allow_abbrev=False)
        parser.set_defaults(run=run)
        common(parser)
        if folder:
            parser.add_argument(
                "folder", nargs="?", metavar="FOLDER", help="a folder, or a subset's name; absent: the whole dataset"
            )
        if dry_run:
            parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
        if words:
            parser.joins_words = words
            parser.usage = f"{parser.prog} [options] {words.upper()}"
        return parser

    def group(self, name: str, *, help: str, run: Run | None = None) -> "Verbs":  # noqa: A002
        """Declares a verb with sub-verbs; `run` does the verb without one, else it needs one."""
        parser: Parser = self._sub.add_parser(name, help=help, description=help, allow_abbrev=False)
        common(parser)
        verbs = Verbs(parser, dest=f"{name}_verb")
        parser.set_defaults(run=run or verbs._which)
        return verbs

    def _which(self, args: Args, out: "Output") -> int:
        self.parser.error(f"say which one: {', '.join(self._sub.choices)}")


def common(parser: Parser) -> None:
    """The options of every verb. Their defaults are set at the top: a sub-parser's would overwrite earlier ones."""
    group = parser.add_argument_group("everywhere")
    unset = argparse.SUPPRESS
    group.add_argument("-C", dest="directory", metavar="DIR", default=unset, help="work in DIR, as after cd")
    group.add_argument("--json", action="store_true", default=unset, help="one JSON document on stdout, nothing else")
    group.add_argument("--yes", action="store_true", default=unset, help="do not ask")
    group.add_argument("--debug", action="store_true", default=unset, help="show the traceback of an error")
