"""Captions are read as the trainer reads them, and an edit changes nothing outside of itself."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loratui.core.dataset.caption import KAOMOJI, Caption, CaptionError, as_tag, key

LETTERS = st.sampled_from("ab, {}|;\\()_:é\n\r\t\ufeff")
PIECES = st.sampled_from(
    ["a", "b", "zz", ",", ", ", "|||", " ||| ", "|", "{a|b, c}", "{{", "}}", "{", "}", "\\", "\r\n"]
)
TEXT = st.text(alphabet=LETTERS, max_size=40) | st.lists(PIECES, max_size=14).map("".join)


def after(raw: str, **edit: object) -> str:
    caption = Caption.parse(raw.encode())
    for name, argument in edit.items():
        caption = getattr(caption, name)(*(argument if isinstance(argument, tuple) else (argument,)))
    return caption.to_bytes().decode()


@pytest.mark.parametrize(
    ("raw", "tags"),
    [
        ("a, b , c", ["a", "b", "c"]),
        ("a,,b,", ["a", "b"]),
        ("", []),
        ("1girl ||| solo, hat ||| end", ["1girl", "solo", "hat", "end"]),
        ("a ||| b ||| c, d ||| e, f", ["a", "b", "c", "d ||| e", "f"]),
        ("{red|blue, green} hair, x", ["{red|blue, green} hair", "x"]),
        ("a;;;b, c", ["a;;;b", "c"]),
        ("{{red|blue, green}} hair, x", ["{{red|blue", "green}} hair", "x"]),
        ("{a, b}, {c|d", ["{a", "b}", "{c|d"]),
        ("{x{red|blue, green}, y}", ["{x{red|blue, green}", "y}"]),
        (r"kafka \(star rail\), x", [r"kafka \(star rail\)", "x"]),
        (r"a\, b\\, c", ["a\\", r"b\\", "c"]),
        ("first line\nsecond, line", ["first line"]),
        ("a\r\nb", ["a"]),
    ],
)
def test_tags_are_those_the_trainer_sees(raw: str, tags: list[str]) -> None:
    assert Caption.parse(raw.encode()).tags == tags


def trainer(text: str) -> list[str]:
    """The tags as sd-scripts' `read_caption` and `process_caption` split a file with `keep_tokens_separator` `|||`."""
    lines = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8").readlines()
    caption = lines[0].strip() if lines else ""
    return [tag.strip() for part in caption.split("|||", 2) for tag in part.split(",") if tag.strip()]


@given(TEXT.filter(lambda text: "{" not in text and not text.startswith("\ufeff")))
def test_the_tags_are_the_trainers(text: str) -> None:
    assert Caption.parse(text.encode()).tags == trainer(text)


@given(TEXT, st.integers(1, 3))
def test_what_is_put_first_is_what_keep_tokens_keeps(text: str, number: int) -> None:
    triggers = ["trigger", "a", "b"][:number]
    first = Caption.parse(text.encode()).prepend(triggers)
    assert "|||" in first.text or first.kept(number) == triggers


@given(TEXT)
def test_what_is_not_edited_does_not_change_by_a_byte(text: str) -> None:
    raw = text.encode()
    caption = Caption.parse(raw)
    assert caption.to_bytes() == raw
    assert caption.remove(["not in it"]).to_bytes() == raw
    assert caption.replace("not in it", "x").to_bytes() == raw


@given(TEXT, st.sampled_from(["a", "b", "aa"]))
def test_removing_takes_the_tag_and_no_other(text: str, tag: str) -> None:
    before = Caption.parse(text.encode())
    result = before.remove([tag])
    assert result.tags == [other for other in before.tags if key(other) != tag]
    assert Caption.parse(result.to_bytes()).tags == result.tags
    assert result.more_lines == before.more_lines


@given(TEXT)
def test_prepend_moves_and_is_done_once(text: str) -> None:
    once = Caption.parse(text.encode()).prepend(["trigger", "a"])
    assert once.tags[:2] == ["trigger", "a"] and [key(tag) for tag in once.tags].count("a") == 1
    assert once.prepend(["trigger", "a"]).to_bytes() == once.to_bytes()


def inserted(before: Caption, after: Caption) -> bool:
    """Whether the one differs from the other by one run of bytes that came in, and nothing else."""
    old, new = before.to_bytes(), after.to_bytes()
    start = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    return any(new.endswith(old[at:]) and new.startswith(old[:at]) for at in range(start + 1))


@given(TEXT, st.lists(st.sampled_from(["new", "other", "a", r"x \(y\)", "|", "b|"]), max_size=3))
def test_appending_and_prepending_only_put_bytes_in(text: str, tags: list[str]) -> None:
    before = Caption.parse(text.encode())
    appended = before.append(tags)
    have = {key(tag) for tag in before.tags}
    assert appended.tags == before.tags + [tag for tag in dict.fromkeys(tags) if tag not in have]
    assert inserted(before, appended)
    bare = before.remove(tags)
    prepended = bare.prepend(tags)
    assert prepended.tags == list(dict.fromkeys(tags)) + bare.tags
    assert inserted(bare, prepended)
    assert prepended.text.count("|||") >= bare.text.count("|||")


@given(TEXT, st.sampled_from(["a", "zz", "a_b"]), st.sampled_from(["b", "A", "a b", "x", "|"]))
def test_renaming_leaves_one(text: str, old: str, new: str) -> None:
    before = Caption.parse(text.encode())
    result = before.replace(old, new)
    others = [tag for tag in before.tags if key(tag) != key(old)]
    assert [tag for tag in result.tags if key(tag) not in (key(old), key(new))] == [
        tag for tag in others if key(tag) != key(new)
    ]
    if len(others) < len(before.tags):
        known = sum(key(tag) == key(new) for tag in others)
        assert sum(key(tag) == key(new) for tag in result.tags) == max(1, known)
    assert Caption.parse(result.to_bytes()).tags == result.tags


@given(st.text(max_size=20) | TEXT)
def test_foreign_text_becomes_one_tag_or_none(text: str) -> None:
    tag = as_tag(text)
    if "{" not in tag:
        assert Caption.of([tag, "x"]).tags == ([tag, "x"] if tag else ["x"])
    assert Caption.parse(Caption.of(["x", tag]).to_bytes()).tags[0] == "x"


def test_no_face_is_syntax() -> None:
    for face in KAOMOJI:
        assert Caption.of([face, "x"]).tags == [face, "x"] and as_tag(face) == face
    assert [as_tag(text) for text in ("|||", ";;;", ",", "a|||b", "a,b;;;c\nd")] == [
        "",
        "",
        "",
        "a b",
        "a b c d",
    ]


@pytest.mark.parametrize("piece", ["{a", "{a}}", "{", "    ", "|||,"])
def test_an_odd_caption_is_read_at_once(piece: str) -> None:
    assert Caption.parse((piece * 100_000 + "x").encode()).append(["t"]).tags[-1] == "t"


@pytest.mark.parametrize(
    ("raw", "edit", "expected"),
    [
        ("a, b, c", {"remove": ["b"]}, "a, c"),
        ("a, b, c", {"remove": ["a"]}, "b, c"),
        ("a, b, c", {"remove": ["c"]}, "a, b"),
        ("a,b ,  c,", {"remove": ["b"]}, "a,  c,"),
        ("Purple_Hair, x", {"remove": ["purple hair"]}, "x"),
        ("^_^, x", {"remove": ["^ ^"]}, "^_^, x"),
        ("fixed, one ||| two, three", {"remove": ["two"]}, "fixed, one ||| three"),
        ("fixed ||| two", {"append": (["three"],)}, "fixed ||| two, three"),
        ("a, b\nmore, lines\n", {"prepend": ["t"]}, "t, a, b\nmore, lines\n"),
        ("a, t, b", {"prepend": ["t"]}, "t, a, b"),
        ("a\n", {"append": ["b"]}, "a, b\n"),
        ("red hair, x", {"replace": ("red hair", "blue hair")}, "blue hair, x"),
        ("red hair, blue hair", {"replace": ("red hair", "blue hair")}, "blue hair"),
        ("purple_hair, x, Purple Hair", {"replace": ("purple_hair", "purple hair")}, "purple hair, x"),
        ("red hair, red_hair", {"replace": ("red hair", "blue hair")}, "blue hair"),
        ("a\\", {"append": ["zzz"]}, "a\\, zzz"),
        ("a, ,  \nmore", {"append": ["b"]}, "a, , b  \nmore"),
        ("  |||  ", {"prepend": ["t"]}, "  t |||  "),
        (" a, b", {"prepend": ["t"]}, " t, a, b"),
        ("a,,b", {"remove": ["a"]}, ",b"),
        (", t, b", {"prepend": ["t"]}, "t, b"),
        (" , t,, u, b", {"prepend": ["t", "u"]}, " t, u,, b"),
        ("t,, b", {"prepend": ["t"]}, "t,, b"),
        ("|, a|||b", {"remove": ["a"]}, "| |||b"),
        ("a, a, b, c", {"map_tags": {"c": "b"}}, "a, a, b"),
        ("a, c", {"map_tags": {"c": "d, a"}}, "a, d"),
        ("a, b, a", {"dedupe": ()}, "a, b"),
        ("a, b, c", {"move": ("a", True)}, "b, c, a"),
        ("\ufeffa, b", {"remove": ["a"]}, "\ufeffb"),
    ],
)
def test_edits(raw: str, edit: dict[str, object], expected: str) -> None:
    assert after(raw, **edit) == expected


@pytest.mark.parametrize("raw", [b"\xff\xfea\0b\0", b"caf\xe9", b"a\0b"])
def test_what_is_no_utf8_text_says_so(raw: bytes) -> None:
    with pytest.raises(CaptionError):
        Caption.parse(raw)
