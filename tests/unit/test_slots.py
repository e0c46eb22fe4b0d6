"""What tags describe, the two forms of a tag, and what is suggested for pruning."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loratui.core.dataset.caption import KAOMOJI, Caption, key
from loratui.core.tagging import labels
from loratui.core.tagging.normalise import spaced
from loratui.core.tagging.prune import suggest
from loratui.core.tagging.slots import SLOTS, slot

SLOT_OF = {
    "hair colour": "purple hair, light_brown_hair, multicolored hair, Blonde Hair, blue-green hair, colored tips",
    "hair length": "long hair, very long hair, medium hair, absurdly_long_hair",
    "hair style": "twintails, low ponytail, blunt bangs, hair between eyes, hime cut, short hair with long locks, ahoge"
    ", double bun, crossed bangs, hair over one eye, low-tied long hair",
    "eye colour": "blue eyes, heterochromia, multicolored eyes, light green eyes",
    "skin": "dark skin, dark-skinned female, pale skin, tan, blue skin",
    "ears, horns, tail, wings": "cat ears, animal_ear_fluff, demon horns, fox tail, head wings, halo, pointy ears",
    "face marks": "mole under eye, fang, freckles, scar on cheek, thick eyebrows, facial mark",
    "body": "muscular male, elf, flat chest, arm tattoo, mechanical arms, fox girl, mature female",
    "headwear": "witch hat, hood up, baseball cap, crown, animal ear headphones",
    "eyewear": "glasses, eyewear on head, black-framed eyewear, eyepatch, sunglasses",
    "ornaments": "hair ribbon, red bow, hairclip, brown hairband, choker, earrings, fake animal ears, x hair ornament",
    "clothing": "white shirt, pleated skirt, school uniform, red necktie, long sleeves, dress (clothing), sweater vest",
}
NONE = (
    "1girl, solo, smile, closed eyes, half-closed eyes, looking at viewer, holding hat, hat removed, bow (weapon), "
    "web address, elbow, holding hands, blue eyeshadow, floating hair, wet hair, parted lips, blue sky, "
    "white background, multiple girls, fairy tail, covered ears, no humans, hand on own hip, purple flower, "
    "skirt lift, ^_^, :d, open mouth, alternate hair color, playing with own hair, adjusting eyewear, chair, "
    "hatching, unworn hat"
)


@pytest.mark.parametrize(("name", "tags"), SLOT_OF.items())
def test_slots(name: str, tags: str) -> None:
    found = {tag: slot(tag) for tag in tags.split(", ")}
    assert {tag: one.name if one else None for tag, one in found.items()} == dict.fromkeys(found, name)


def test_what_fills_no_slot() -> None:
    found = {tag: slot(tag) for tag in NONE.split(", ")}
    assert {tag: one.name for tag, one in found.items() if one} == {}


def test_every_slot_has_a_case() -> None:
    assert {one.name for one in SLOTS} == set(SLOT_OF)


@given(st.text(max_size=40))
def test_any_text_is_some_slot_or_none(text: str) -> None:
    assert slot(text) is None or slot(text) in SLOTS


# ---- the two forms


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("long_hair", "long hair"),
        ("ubel_(sousou_no_frieren)", "ubel (sousou no frieren)"),
        (":d", ":d"),
        ("\\m/", "\\m/"),
        ("3:", "3:"),
        ('don\'t_say_"lazy"', 'don\'t say "lazy"'),
        *((name, name) for name in sorted(KAOMOJI)),
    ],
)
def test_the_caption_form(name: str, caption: str) -> None:
    assert spaced(name) == caption
    assert spaced(caption) == caption


def test_kaomoji_spoilt_by_others_are_mended() -> None:
    assert spaced("^ ^") == "^_^"
    assert spaced("| |") == "|_|"


def test_a_label_that_is_syntax_does_not_reach_a_caption() -> None:
    assert [spaced(name) for name in ("|||", "a,b", "long_hair;;;x\n", "|_|")] == ["", "a b", "long hair x", "|_|"]
    assert Caption.of(["x"]).append(["", "y"]).tags == ["x", "y"]


@pytest.mark.shared
def test_round_trip_of_every_real_label(shared: Path) -> None:
    for file in ("wd_v3", "wd_v14"):
        for label in labels.read(shared / "tags" / f"selected_tags_{file}.csv"):
            assert spaced(label.name).replace(" ", "_") == label.name
            assert key(spaced(label.name)) == key(label.name)


# ---- pruning


def named(counts: dict[str, int], images: int = 100, kind: str = "character", **options: object) -> dict[str, str]:
    """Tag → how it is suggested: selected, error, listed."""
    found = suggest(counts, images, kind, **options)  # type: ignore[arg-type]
    return {one.tag: "error" if one.error else "selected" if one.selected else "listed" for one in found}


def test_a_characters_body_is_selected_its_clothes_are_listed() -> None:
    counts = {"blue eyes": 90, "green eyes": 5, "long hair": 98, "jacket": 71, "hat": 4, "1girl": 100, "smile": 60}
    assert named(counts) == {
        "long hair": "selected",
        "blue eyes": "selected",
        "green eyes": "error",
        "jacket": "listed",
    }
    green = next(one for one in suggest(counts, 100, "character") if one.tag == "green eyes")
    assert green.selected
    assert green.why == "only 5 %, blue eyes in 90 %: a tagger's error?"
    assert (green.count, green.share, green.slot.name) == (5, 0.05, "eye colour")


def test_without_a_prevailing_value_nothing_is_an_error() -> None:
    assert named({"blue eyes": 30, "green eyes": 30, "twintails": 20}) == {
        "blue eyes": "listed",
        "green eyes": "listed",
        "twintails": "listed",
    }


def test_two_prevailing_values_both_belong() -> None:
    assert named({"pink hair": 90, "two-tone hair": 60, "red hair": 4}) == {
        "pink hair": "selected",
        "two-tone hair": "selected",
        "red hair": "error",
    }


def test_spellings_count_together() -> None:
    found = suggest({"blue_eyes": 20, "blue eyes": 30, "Blue Eyes": 1}, 100, "character")
    assert [(one.tag, one.count) for one in found] == [("blue eyes", 51)]


def test_triggers_and_names_are_kept() -> None:
    assert named({"fairy wings": 90, "cat girl": 90}, keep=["Cat_Girl"], categories={"fairy wings": "copyright"}) == {}


def test_an_outfits_clothes_are_selected() -> None:
    assert named({"school uniform": 95, "blue eyes": 90, "hat": 5}, kind="outfit") == {
        "school uniform": "selected",
        "hat": "listed",
        "blue eyes": "listed",
    }


@pytest.mark.parametrize("kind", ["style", "concept", "pose"])
def test_other_kinds_keep_their_tags(kind: str) -> None:
    assert named({"blue eyes": 90}, kind=kind) == {}


def test_no_images() -> None:
    assert named({}, 0) == {}


@pytest.mark.shared
def test_a_real_character(shared: Path) -> None:
    counts: Counter[str] = Counter()
    files = list((shared / "tags" / "captions" / "eika_v1").rglob("*.txt"))
    for file in files:
        counts.update(set(Caption.parse(file.read_bytes()).tags))
    found = named(dict(counts), len(files))
    selected = {tag for tag, how in found.items() if how != "listed"}
    assert selected == {
        "brown hair", "grey hair", "long hair", "very long hair", "twintails", "blue eyes", "green eyes", "black eyes",
    }  # fmt: skip
    assert {tag for tag, how in found.items() if how == "error"} == {"grey hair", "green eyes", "black eyes"}
