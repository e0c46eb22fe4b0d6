"""Captions are read as the trainer reads them, and an edit changes nothing outside of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loratui.core.dataset.caption import Caption, CaptionError, key

TEXT = st.text(alphabet=st.sampled_from("ab, {}|;\\()_:é\n\r\t"), max_size=40)


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
        ("{red|blue, green} hair, x", ["{red|blue, green} hair", "x"]),
        ("a;;;b, c", ["a;;;b", "c"]),
        (r"kafka \(star rail\), x", [r"kafka \(star rail\)", "x"]),
        ("first line\nsecond, line", ["first line"]),
        ("a\r\nb", ["a"]),
    ],
)
def test_tags_are_those_the_trainer_sees(raw: str, tags: list[str]) -> None:
    assert Caption.parse(raw.encode()).tags == tags


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
