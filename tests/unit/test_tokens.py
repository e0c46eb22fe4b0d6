"""Tokens as CLIP's tokenizer makes them, and what triggers mean by them."""

import json
import os
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loratui.core.dataset.caption import Caption
from loratui.core.dataset.records import Provenance
from loratui.core.dataset.tokens import Counter, counter, estimate
from loratui.core.dataset.tokens_clip import Clip
from loratui.core.dataset.triggers import character_of, meaning, meanings

MERGES = "#version: 0.2\n" + "\n".join(
    """i n|h a|i r</w>|ha ir</w>|i t</w>|, ,</w>|g u|i n</w>|p e|pe n|gu in</w>|l o|n g</w>|lo ng</w>|( (</w>
pen guin</w>|t a|ta g</w>""".replace("\n", "|").split("|")
)
TEXTS = st.lists(
    st.sampled_from(
        ["long hair", "penguin", "in", "x", "&amp;", "<", "&", "((a", "don't", "é帽", "long_hair", "(a:1.2)"]
    ),
    max_size=6,
)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    file = tmp_path / "merges.txt"
    file.write_text(MERGES)
    return Clip.read(file)


def slow(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """A word's pieces as the original makes them: all of the lowest pair in one pass, from the left."""
    parts = [*word[:-1], word[-1] + "</w>"]
    while pairs := [pair for pair in pairwise(parts) if pair in ranks]:
        best, joined, at = min(pairs, key=ranks.__getitem__), [], 0
        while at < len(parts):
            both = tuple(parts[at : at + 2]) == best
            joined.append("".join(best) if both else parts[at])
            at += 2 if both else 1
        parts = joined
    return parts


@given(st.text("abc", min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_merging_is_the_originals(word: str, chance: random.Random) -> None:
    made = ["a", "b", "c"]
    lines = ["i n"]
    for _ in range(30):
        left, right = chance.choice(made), chance.choice(made)
        end = chance.choice(["", "</w>"])
        if f"{left} {right}{end}" not in lines:
            lines.append(f"{left} {right}{end}")
            if not end:
                made.append(left + right)
    ranks = {(pair.split()[0], pair.split()[1]): rank for rank, pair in enumerate(lines)}
    clip = Clip({line: rank for rank, line in enumerate(lines)})
    assert clip.count(word) == len(slow(word, ranks))


def test_words_are_cut_as_clip_cuts_them(clip: Clip) -> None:
    assert clip.pieces("Long  hair, 12") == ["long ", "hair ", ", ", "1 ", "2 "]
    assert clip.pieces("it's ((in") == ["it ", "'", "s ", "(( ", "in "]
    assert clip.pieces("“tag”\ufeff　&amp;") == ['" ', "tag ", '" ', "& "]
    assert clip.count("") == 0 and clip.count("<|endoftext|>a") == 2
    assert clip.count("x" * 100_000) == 100_000


@given(TEXTS)
def test_tags_are_counted_as_their_caption(tags: list[str]) -> None:
    for one in (Counter(), Counter(Clip({line: rank for rank, line in enumerate(MERGES.splitlines()[1:])}))):
        assert one.tags(tags) == one.text(", ".join(tags)) == one.captions([tags])[0]


def test_the_tokenizer_is_found_and_a_broken_one_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LORATUI_TOKENIZERS", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert not counter().exact and counter().shown(1234) == "~1,234"
    snapshot = tmp_path / "hub/models--openai--clip-vit-large-patch14/snapshots/abc"
    snapshot.mkdir(parents=True)
    merges = MERGES.splitlines()[1:]
    (snapshot / "tokenizer.json").write_text(json.dumps({"model": {"merges": [line.split(" ") for line in merges]}}))
    assert counter().exact and counter().text("penguin") == 1 and counter().shown(75) == "75"
    named = tmp_path / "named/openai_clip-vit-large-patch14"
    named.mkdir(parents=True)
    for bad in (b"", b"\xff\xfe", b"{}", b"no merges\n"):
        (named / "merges.txt").write_bytes(bad)
        assert counter(tmp_path / "named").clip is counter().clip
    (named / "merges.txt").write_text("i n\n")
    assert counter(tmp_path / "named").text("penguin") == 7
    monkeypatch.setenv("LORATUI_TOKENIZERS", str(tmp_path / "named"))
    assert counter().text("penguin") == 7


REAL = os.environ.get("LORATUI_TOKENIZERS", "")


@pytest.mark.shared
@pytest.mark.skipif(not REAL, reason="needs CLIP's tokenizer: LORATUI_TOKENIZERS names a folder of tokenizers")
def test_estimates_on_real_captions_are_near(shared: Path) -> None:
    exact = counter()
    assert exact.exact
    # Counted by transformers 4.54 with ftfy.
    for text, number in (
        ("penguin tag999", 5),
        ("it's you're I'VE 'd 'll", 8),
        (r"kafka \(honkai: star rail\), (long hair:1.2), BREAK, {a|b}", 26),
        ("“tag” ﬁ &amp; 帽子 ①²", 13),
    ):
        assert exact.text(text) == number
    off = []
    for file in (shared / "tags/captions/eika_v1").rglob("*.txt"):
        tags = Caption.parse(file.read_bytes()).tags
        off.append(abs(estimate(", ".join(tags)) - exact.tags(tags)) / exact.tags(tags))
    assert sum(off) / len(off) < 0.05 and max(off) < 0.16


def test_what_a_trigger_means_already() -> None:
    clip = Clip({line: rank for rank, line in enumerate(MERGES.splitlines()[1:])})
    exact, about = Counter(clip), Counter()
    found = meaning("penguin tag999", exact, lambda tag: False)
    assert (found.pieces, found.words) == (("penguin", "tag", "9", "9", "9"), ("penguin", "tag"))
    assert "“penguin” and “tag” mean something" in found.message and "“pngnt0”" in found.remedy
    found = meaning("xpenguin_tag", exact, lambda tag: tag == "tag", "hair")
    assert found.words == ("tag",) and "the character's own tag “hair”" in found.remedy
    assert meaning("penguin", exact, lambda tag: True, "Penguin").message == ""
    assert meaning("k x", exact, lambda tag: tag == "k x").words == ("k x",)
    guessed = meaning("penguin tag999", about, lambda tag: tag == "penguin")
    assert guessed.words == ("penguin",) and not guessed.exact and "is made of" in guessed.message
    assert meaning("pngn0", about, lambda tag: False).message == meaning("pngn0", about, lambda tag: False).remedy == ""


def test_the_boards_character_is_that_of_most_images() -> None:
    origins = {
        str(number): Provenance("mine", str(number), tags={"character": names})
        for number, names in enumerate((["kafka_(x)", "himeko"], ["kafka_(x)"], [], ["himeko"]))
    }
    assert character_of(["mine_0", "mine_1", "mine_2", "else"], origins) == "kafka (x)"
    assert character_of(["mine_2", "mine_3", "mine_1"], origins) == "" and character_of(["mine_9"], origins) == ""
    subsets = [(["Kafka (x)", "new"], ["mine_0", "mine_1"]), (["kafka_(x)"], []), ([], ["mine_3"])]
    found = meanings(subsets, Counter(), lambda tag: tag == "Kafka (x)", origins)
    assert [(one.trigger, one.words, one.character) for one in found] == [
        ("Kafka (x)", (), "kafka (x)"),
        ("new", (), "kafka (x)"),
    ]
