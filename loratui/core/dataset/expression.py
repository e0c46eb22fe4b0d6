"""EXPR, the language that selects images.

    expression = and ("or" and)*        and = not (["and"] not)*        not = "not" not | "(" expression ")" | term
    term = tag | "quoted tag" | wild*card | /regex/
         | tag:blue* | tag:/^blue/ | caption:text | name:text | path:text       text: anywhere in it
         | count>40 | tokens>75 | chars<=300 | lines>1 | width<768 | height<768 | freq<3 | score<0.5 | score:smile<0.5
         | subset:name | rating:g | cat:character | slot:eyes | has:trigger | no:caption | filter:name
         | dup: | empty: | changed: | changed:3

Words in a row join to the longest tags the dataset has: `purple hair not solo` is a tag, `not`, a tag. Case does not
matter, `_` is a space. A tag that holds `( ) :` or is a word of the language is quoted. `freq<3` is an image with a tag
that fewer than three images carry; `changed:3` one whose caption the last three steps changed. TagGUI's words are among
these, and `tokens:>75` is read as well.

An expression is read without recursion into a program for a stack, so that no depth of parentheses is too deep.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NoReturn, cast

from loratui.core.dataset import expression_terms as terms
from loratui.core.dataset.expression_facts import Facts
from loratui.core.dataset.expression_patterns import compiled
from loratui.core.dataset.expression_terms import Term
from loratui.core.dataset.expression_words import ExpressionError, Word, words
from loratui.core.nearest import nearest
from loratui.core.sanitize import line

__all__ = ["Expression", "ExpressionError", "Facts", "Names", "parse"]

Operator = Literal["not", "and", "or"]

_MOST_TERMS = 1_000
_MOST_FILTERS = 20  # one inside of another
_BINDS: dict[str, int] = {"not": 3, "and": 2, "or": 1}
_RATINGS = {
    "g": "g",
    "general": "g",
    "s": "s",
    "sensitive": "s",
    "safe": "g",
    "q": "q",
    "questionable": "q",
    "e": "e",
    "explicit": "e",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names that expressions may use besides those of the language.

    Attributes:
        filters: saved expressions by name, for `filter:`.
        slots: for `slot:`.
    """

    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    slots: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: selects positions of a dataset.

    Attributes:
        text: as it was given.
        program: terms, each followed sooner or later by the operators that join what was found.
    """

    text: str
    program: tuple[Term | Operator, ...]

    def select(self, facts: Facts) -> set[int]:
        """Positions of the images that fit.

        Raises:
            ExpressionError: a regular expression takes too long.
        """
        return set(self._found(facts))

    def count(self, facts: Facts) -> int:
        """How many images fit; see `select`."""
        return len(self._found(facts))

    def _found(self, facts: Facts) -> AbstractSet[int]:
        stack: list[AbstractSet[int]] = []
        for step in self.program:
            if step == "not":
                stack.append(facts.everything - stack.pop())
            elif step == "and":
                right = stack.pop()
                stack.append(stack.pop() & right)
            elif step == "or":
                right = stack.pop()
                stack.append(stack.pop() | right)
            else:
                stack.append(facts.found(step))
        return stack.pop()


def parse(text: str, names: Names | None = None) -> Expression:
    """Parses `text`; an empty one selects everything.

    Args:
        text: the expression.
        names: saved filters and slots; without them `filter:` and `slot:` are mistakes.

    Raises:
        ExpressionError: with the place of the mistake.
    """
    program = _Parser(text, names or Names(), ()).program()
    return Expression(text, tuple(program))


class _Parser:
    """Reads one text. What waits on the stack is an operator, or where a parenthesis was opened."""

    def __init__(self, text: str, names: Names, inside: tuple[str, ...]) -> None:
        self._text = text
        self._names = names
        self._inside = inside
        self._words = words(text)
        self._here = 0
        self._out: list[Term | Operator] = []
        self._waiting: list[Operator | int] = []
        self._terms = 0

    def program(self) -> list[Term | Operator]:
        """The whole text as a program."""
        if not self._words:
            return [terms.Everything()]
        complete = False  # whether what was read so far could end here
        while self._here < len(self._words):
            complete = self._after() if complete else self._before()
        if not complete:
            self._wrong("Something is missing at the end.", len(self._text), "Name a tag after it.")
        self._reduce(0)
        if self._waiting:
            opened = cast("int", self._waiting[-1])
            self._wrong("A parenthesis is not closed.", opened, "Put a ) where it ends, or quote the tag.")
        return self._out

    def _before(self) -> bool:
        """One token where a term may stand; whether it was one."""
        word = self._words[self._here]
        if word.lower == "not":
            self._here += 1
            self._waiting.append("not")
        elif word.kind == "(":
            self._here += 1
            self._waiting.append(word.start)
        elif word.lower in ("and", "or"):
            self._wrong(f"There is nothing before {word.text!r}.", word.start, "Name a tag before it, or quote it.")
        elif word.kind == ")":
            self._wrong("')' does not fit here.", word.start, "Take it out, or quote the tag it belongs to.")
        else:
            self._term(word)
            return True
        return False

    def _after(self) -> bool:
        """One token where something is complete; whether it still is."""
        word = self._words[self._here]
        if word.kind == ")":
            self._reduce(0)
            if not self._waiting:
                self._wrong("')' does not fit here.", word.start, "Take it out, or quote the tag it belongs to.")
            self._waiting.pop()
            self._here += 1
            return True
        joined: Operator = "or" if word.lower == "or" else "and"
        if word.lower in ("and", "or"):
            self._here += 1
        self._reduce(_BINDS[joined])
        self._waiting.append(joined)
        return False

    def _reduce(self, binds: int) -> None:
        """Writes down what waits and binds at least so strongly, as far as the last open parenthesis."""
        while self._waiting and not isinstance(waits := self._waiting[-1], int) and _BINDS[waits] >= binds:
            self._waiting.pop()
            if waits == "not" and self._out[-1] == "not":
                self._out.pop()
            else:
                self._out.append(waits)

    def _term(self, word: Word) -> None:
        self._here += 1
        if word.kind == "field" and word.name == "filter":
            inner = self._saved(word)
            self._add(inner, sum(1 for step in inner if not isinstance(step, str)), word)
        elif word.kind == "field" and word.name == "no":
            self._add([self._having(word), "not"], 1, word)
        else:
            self._add([self._read(word)], 1, word)

    def _add(self, program: Sequence[Term | Operator], number: int, word: Word) -> None:
        self._terms += number
        if self._terms > _MOST_TERMS:
            self._wrong(f"There are more than {_MOST_TERMS:,} terms.", word.start, "Make it shorter.")
        self._out += program

    def _read(self, word: Word) -> Term:
        match word.kind:
            case "quoted":
                return terms.Tag(word.value)
            case "regex":
                return self._regex("tag", word)
            case "number" if word.name == "score":
                return terms.Score(word.tag, word.form, float(word.value))
            case "number":
                return terms.Number(word.name, word.form, float(word.value))
            case "field":
                return self._field(word)
        # A bare tag goes on up to the next word of the language: `long hair` is one tag.
        run = [word.text]
        while self._here < len(self._words) and self._words[self._here].lower not in ("", "and", "or", "not"):
            run.append(self._words[self._here].text)
            self._here += 1
        if any(char in text for text in run for char in "*?"):
            return terms.Wild(" ".join(run))
        return terms.Tag(run[0]) if len(run) == 1 else terms.Words(tuple(run))

    def _regex(self, where: Literal["tag", "caption", "name", "path"], word: Word) -> Term:
        try:
            return terms.Regex(where, compiled(word.value), self._text, word.start)
        except ValueError as error:
            self._wrong(
                f"The regular expression is wrong: {error}.", word.start, "Mend it; a tag with slashes is quoted."
            )

    def _field(self, word: Word) -> Term:
        value = word.value
        if word.name in ("dup", "empty", "changed"):
            return self._flag(word)
        if not value:
            past = word.start + len(word.text)
            self._wrong(f"Something must follow {word.text!r}.", past, "Name it, without a blank before.")
        match word.name:
            case "tag" if word.form == "regex":
                return self._regex("tag", word)
            case "tag":
                return terms.Wild(value) if any(char in value for char in "*?[") else terms.Tag(value)
            case "caption" | "name" | "path" as where:
                return self._regex(where, word) if word.form == "regex" else terms.Text(where, value)
            case "subset":
                return terms.Subset(value)
            case "cat":
                return terms.Category(value.lower())
            case "rating":
                if value.lower() not in _RATINGS:
                    self._wrong(f"{line(value)!r} is no rating.", word.start, "There are g, s, q and e.")
                return terms.Rating(_RATINGS[value.lower()])
            case "slot":
                return self._slot(word)
        return self._having(word)

    def _flag(self, word: Word) -> Term:
        if word.name == "changed" and (not word.value or (word.value.isascii() and word.value.isdigit())):
            return terms.Changed(int(word.value[:9] or 0))
        if word.value:
            self._wrong(f"Nothing follows {word.name}:.", word.start, f"Leave a blank behind {word.name}:.")
        return terms.Doubled() if word.name == "dup" else terms.Empty()

    def _having(self, word: Word) -> Term:
        """`has:` and `no:`."""
        known: dict[str, Term] = {"caption": terms.Captioned(), "trigger": terms.Triggered()}
        found = known.get(word.value.lower())
        if found is None:
            remedy = f"There are {word.name}:caption and {word.name}:trigger."
            self._wrong(f"Cannot read {line(word.text)!r}.", word.start, remedy)
        return found

    def _slot(self, word: Word) -> Term:
        wanted = _slot_words(word.value)
        exact = frozenset(name for name in self._names.slots if _slot_words(name) == wanted)
        found = exact or frozenset(name for name in self._names.slots if wanted <= _slot_words(name))
        if not found:
            there = " · ".join(self._names.slots) or "none here"
            self._wrong(f"{line(word.value)!r} is no slot.", word.start, f"There are {there}.")
        return terms.InSlot(found)

    def _saved(self, word: Word) -> list[Term | Operator]:
        """The program of a saved filter."""
        known = self._names.filters
        if word.value not in known:
            meant = nearest(word.value, known)
            there = f"Saved are {', '.join(map(line, known))}." if known else "None is saved yet."
            remedy = f"Did you mean {line(meant)!r}?" if meant else there
            self._wrong(f"No filter is saved as {line(word.value)!r}.", word.start, remedy)
        if word.value in self._inside or len(self._inside) >= _MOST_FILTERS:
            self._wrong(f"The filter {line(word.value)!r} leads back to itself.", word.start, "Change one of them.")
        try:
            return _Parser(known[word.value], self._names, (*self._inside, word.value)).program()
        except ExpressionError as error:
            said = error.message if self._inside else f"The filter {line(word.value)!r} is wrong: {error.message}"
            raise ExpressionError(said, self._text, word.start, error.remedy) from error

    def _wrong(self, message: str, position: int, remedy: str) -> NoReturn:
        raise ExpressionError(message, self._text, position, remedy)


def _slot_words(text: str) -> set[str]:
    """The words of a slot's name; `eyes` is `eye`, and `color` is `colour`."""
    split = text.lower().replace("_", " ").replace("-", " ").replace(",", " ").split()
    return {word.removesuffix("s").replace("color", "colour") for word in split}
