"""What a tag describes: the slot it fills, such as hair colour. Knows the forms of tags, no list of all tags.

Whole words decide: `long hair` ends in `hair`, `hairband` does not, and `brown hairband` is an ornament.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from loratui.core.dataset.caption import key
from loratui.core.tagging import slot_words


@dataclass(frozen=True, slots=True)
class Slot:
    """A group of tags that describe the same thing.

    Attributes:
        name: as shown.
        part: `body`, what the character is; `outfit`, what it wears.
        single: a picture of one person has one value: beside a prevailing one, the others are probably wrong.
    """

    name: str
    part: Literal["body", "outfit"]
    single: bool = False


HAIR_COLOUR = Slot("hair colour", "body", single=True)
HAIR_LENGTH = Slot("hair length", "body", single=True)
HAIR_STYLE = Slot("hair style", "body")
EYE_COLOUR = Slot("eye colour", "body", single=True)
SKIN = Slot("skin", "body", single=True)
ANIMAL = Slot("ears, horns, tail, wings", "body")
FACE = Slot("face marks", "body")
BODY = Slot("body", "body")
HEADWEAR = Slot("headwear", "outfit")
EYEWEAR = Slot("eyewear", "outfit")
ORNAMENTS = Slot("ornaments", "outfit")
CLOTHING = Slot("clothing", "outfit")
SLOTS = (
    HAIR_COLOUR,
    HAIR_LENGTH,
    HAIR_STYLE,
    EYE_COLOUR,
    SKIN,
    ANIMAL,
    FACE,
    BODY,
    HEADWEAR,
    EYEWEAR,
    ORNAMENTS,
    CLOTHING,
)

_COLOUR = (
    r"(?:(?:light|dark|pale|bright|deep) )?(?:black|white|gr[ea]y|silver|brown|(?:platinum |strawberry )?blonde?|red"
    r"|orange|yellow|gold|golden|green|aqua|cyan|teal|turquoise|blue|purple|violet|lavender|pink|magenta|crimson)"
)
_MIXED = r"(?:multicolored|two-tone|gradient|streaked|rainbow|split-color|colored inner)"
_BEAST = (
    r"(?:animal|bat|bear|bee|bird|bull|bunny|butterfly|cat|cow|crow|deer|demon|dog|dragon|fish|fox|frog|goat|harpy|horse"
    r"|insect|leopard|lion|monkey|monster|moth|mouse|octopus|otter|owl|panther|pig|plant|rabbit|raccoon|robot|scorpion"
    r"|shark|sheep|slime|snake|spider|squirrel|squid|tiger|turtle|weasel|wolf)"
)
_PERSON = r"(?:girl|boy|woman|man|female|male)"

# Acts, states and views that only mention a thing: nothing of the character or its outfit.
_ACT = re.compile(
    r"(?:no|holding|adjusting|removing|lifting|grabbing|pulling|tugging|touching|hands? (?:on|in|under)|putting on"
    r"|tying|covering|covered|closed|half-closed|unworn|playing with|brushing|biting|licking|wringing|washing|drying"
    r"|stroking|looking|rolling|crossed(?! bangs)|wide(?! hips| sleeves)|empty|blank|hollow|solid|glowing|constricted"
    r"|dilated|shared|(?:official )?alternate|another's|floating|wet|open (?:eyes|mouth)|drawing|kissing|flapping"
    r"|wagging|spread|raised"
    r"|undressing|sparkling|teary|shiny|backlit|falling|hugging|parted lips|pursed|puckered|fairy tail|implied)(?= |$)"
)

_Test = Callable[[str], object]


def _ends(words: str) -> _Test:
    """Ends in one of the words, which are separated by commas."""
    known = frozenset(" ".join(word.split()) for word in words.split(","))

    def test(text: str) -> bool:
        parts = text.split(" ")
        return any(" ".join(parts[start:]) in known for start in range(len(parts)))

    return test


def _is(*patterns: str) -> _Test:
    """Is exactly one of the patterns."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)).fullmatch


# In order: the first that fits decides.
_RULES: tuple[tuple[Slot, _Test], ...] = (
    (HAIR_COLOUR, _is(rf"{_COLOUR}(?:-{_COLOUR})? hair", rf"{_MIXED} hair", "colored tips")),
    (HAIR_LENGTH, _is(r"(?:(?:absurdly|very) )?(?:long|short) hair", "medium hair", "bald")),
    (EYE_COLOUR, _is(rf"{_COLOUR} eyes", rf"{_MIXED} eyes", "heterochromia")),
    (
        SKIN,
        _is(
            rf"(?:very )?(?:dark|pale|tan|tanned|fair|light|colored|two-tone|{_COLOUR}) skin",
            rf"(?:very )?dark-skinned(?: {_PERSON})?",
            "tan|tanlines?",
        ),
    ),
    (EYEWEAR, _ends(slot_words.EYEWEAR)),
    (ORNAMENTS, _is(r"fake (?:animal ears|horns|tail|wings|halo)", "rings?", "watch")),
    (ORNAMENTS, _ends(slot_words.ORNAMENTS)),
    (HEADWEAR, _ends(slot_words.HEADWEAR)),
    (
        HAIR_STYLE,
        _is(
            r"(?:hair|bangs) (?:over|between|behind|intakes?|flaps?|rings?|pulled back|slicked back|up|down)\b.*",
            r"(?:short|long) hair with long locks",
            r"low-tied .*hair",
            "eyes visible through hair|one eye covered|(?:single|double) bun|(?:one|two) side up|half updo|updo",
            r"(?:asymmetrical|big|expressive) hair",
        ),
    ),
    (HAIR_STYLE, _ends(slot_words.HAIR_STYLE)),
    (ANIMAL, _is("animal ear fluff")),
    (ANIMAL, _ends(slot_words.ANIMAL)),
    (FACE, _ends(slot_words.FACE)),
    (
        BODY,
        _is(
            "(?:small|medium|large|huge) breasts|flat chest|muscular|toned|abs|plump|fat|curvy|petite|skinny|body fur",
            "wide hips|thick thighs|narrow waist|broad shoulders",
            rf"{_BEAST} {_PERSON}",
            rf"(?:mature|tall|muscular|plump|toned|petite|old) {_PERSON}",
            "(?:dark |high )?elf|dwarf|vampire|oni|mermaid|lamia|centaur|harpy|furry|cyborg|android|humanoid robot",
            "angel|demon|giantess|minigirl|otoko no ko|bishounen",
        ),
    ),
    (BODY, _ends(slot_words.BODY)),
    (CLOTHING, _is(r"sleeves (?:past|rolled).*", "maid|nun|miko|playboy bunny")),
    (CLOTHING, _ends(slot_words.CLOTHING)),
)


@lru_cache(maxsize=65536)
def slot(tag: str) -> Slot | None:
    """The slot a tag fills; None: it describes none (acts, views, counts, backgrounds, names).

    Args:
        tag: in any spelling.
    """
    text = re.sub(r" \((?:clothing|clothes|jewelry|headwear)\)$", "", key(tag))
    if _ACT.match(text):
        return None
    return next((slot for slot, test in _RULES if test(text)), None)
