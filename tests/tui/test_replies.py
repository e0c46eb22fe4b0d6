"""The terminal's answers never become keys: however late, however parted, whatever is typed between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loratui.tui.graphics.replies import STRING_DELAY, Reply, ReplyFilter

ANSWERS = {
    "\x1b[?62;4;22c": "da1",
    "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c": "da1",
    "\x1b[>41;388;0c": "da2",
    "\x1b[6;20;10t": "cell",
    "\x1b[4;800;1200t": "window",
    "\x1b[?5u": "keyboard",
    "\x1b[0n": "status",
    "\x1b_Gi=31;OK\x1b\\": "apc",
    "\x1b_Gi=31,p=2;ENOENT:no such picture\x1b\\": "apc",
    "\x1b]10;rgb:ffff/ffff/ffff\x1b\\": "osc",
    "\x1b]11;rgb:0000/0000/0000\x07": "osc",
    "\x1bP>|kitty(0.43.1)\x1b\\": "dcs",
    "\x1bP!|7E565445\x1b\\": "dcs",
    "\x1bP1$r0m\x1b\\": "dcs",
}
TYPED = [
    "a",
    "長",
    "\r",
    "\x1b[A",
    "\x1b[1;5C",
    "\x1bOP",
    "\x1b[Z",
    "\x1bx",
    "\x1b[97;5u",
    "\x1b[200~pasted \x1b[?62c text\x1b[201~",
    "\x1b[<0;10;20M",
    "\x1b[48;40;120;800;1200t",
    "\x1b[?2026;2$y",
    "\x1b[10;20R",
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS.items())
def test_a_whole_answer_is_taken_out(answer: str, kind: str) -> None:
    typed, replies = ReplyFilter().feed(f"a{answer}b", 0.0)
    assert typed == ["ab"]
    assert [reply.kind for reply in replies] == [kind]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("pause", [0.02, 0.15, 0.4, 1.5])
def test_an_answer_parted_anywhere_is_no_key(answer: str, pause: float) -> None:
    for cut in range(1, len(answer)):
        replies = ReplyFilter()
        replies.expecting_until = 10.0
        typed, _ = replies.feed(answer[:cut], 0.0)
        typed += [replies.release(tick * 0.02) for tick in range(int(pause / 0.02))]
        rest, found = replies.feed(answer[cut:], pause)
        typed += [*rest, replies.release(pause + STRING_DELAY)]
        assert "".join(typed) == ""
        assert len(found) == 1


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("cut", [1, 2])
def test_when_none_is_awaited_its_rest_is_no_letter(answer: str, cut: int) -> None:
    replies = ReplyFilter()
    typed, _ = replies.feed(answer[:cut], 0.0)
    typed += [replies.release(0.2), *replies.feed(answer[cut:], 0.5)[0]]
    assert "".join(typed) == answer[:cut]  # the Escape key, or alt and a bracket


@given(st.lists(st.sampled_from([*TYPED, *ANSWERS])), st.integers(1, 7))
def test_what_is_typed_comes_through_in_order_and_whole(stream: list[str], size: int) -> None:
    replies = ReplyFilter()
    data = "".join(stream)
    typed, kinds = "", []
    for at in range(0, len(data), size):
        text, found = replies.feed(data[at : at + size], 0.0)
        typed += "".join(text)
        kinds += [reply.kind for reply in found]
    assert typed == "".join(part for part in stream if part in TYPED)
    assert kinds == [ANSWERS[part] for part in stream if part in ANSWERS]


@given(st.text(max_size=60), st.integers(1, 9))
def test_text_without_escapes_is_untouched(text: str, size: int) -> None:
    text = text.replace("\x1b", "")
    replies = ReplyFilter()
    parts = [replies.feed(text[at : at + size], 0.0)[0] for at in range(0, len(text), size)]
    assert "".join(text for part in parts for text in part) == text


@pytest.mark.parametrize("keys", ["\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_"])
def test_escape_and_alt_keys_come_after_a_moment(keys: str) -> None:
    replies = ReplyFilter()
    assert replies.feed(keys, 1.0) == ([], [])
    assert replies.release(1.05) == ""
    assert replies.release(1.11) == keys
    assert replies.feed("x", 2.0) == (["x"], [])


def test_escape_and_a_key_after_it_are_two_keys_while_an_answer_is_awaited() -> None:
    replies = ReplyFilter()
    replies.expecting_until = 10.0
    replies.feed("\x1b", 1.0)
    assert replies.release(1.5) == ""
    assert replies.feed("q", 1.5) == (["\x1b", "q"], [])


@pytest.mark.parametrize("keys", ["\x1bX", "\x1b^", "\x1bPa", "\x1b]x", "\x1b_q", "\x1b\x1b[A"])
def test_keys_that_only_look_like_a_beginning_are_not_held(keys: str) -> None:
    assert ReplyFilter().feed(keys, 0.0) == ([keys], [])


def test_an_answer_that_never_ends_does_not_hold_the_keys_for_ever() -> None:
    replies = ReplyFilter()
    replies.feed("\x1b]11;rgb:", 0.0)
    assert replies.release(STRING_DELAY + 0.1) == ""
    assert replies.feed("jk", STRING_DELAY + 0.2) == (["jk"], [])


def test_the_body_of_an_answer_is_given() -> None:
    assert ReplyFilter().feed("\x1b_Gi=7;OK\x1b\\", 0.0)[1] == [Reply("apc", "Gi=7;OK")]
