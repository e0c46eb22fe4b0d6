"""EXPR: what each word selects, that it is read as written, and that no text is too much for it."""

import random
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from loratui.core.dataset import expression_patterns
from loratui.core.dataset import expression_terms as terms
from loratui.core.dataset.caption import key
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.expression import ExpressionError, Facts, Names, parse
from loratui.core.dataset.folder import Image
from loratui.core.dataset.tokens import Counter
from loratui.core.errors import UsageError

CAPTIONS = {
    "a": "1girl, purple hair, long hair, jacket, smile",
    "b": "1girl, purple_hair, black dress",
    "c": "solo, pink hair, jacket, ^_^\nmore\n",
    "d": "",
    "e": None,
    "f": "nier:automata, don't, a (x), Purple Hair, purple_hair, {red|blue, green} bow",
}
SLOTS = ("hair colour", "hair length", "eye colour", "eyewear")


def made(captions: Mapping[str, str | None], root: Path = Path("/nowhere")) -> Dataset:
    """A dataset of captions, whose images nobody opens."""
    dataset = Dataset(root, [""])
    for name, caption in captions.items():
        dataset.images.append(Image(f"{name}.png", 0, 0, 0))
        dataset.caption_paths.append(f"{name}.txt")
        dataset.raw.append(None)
        dataset.tags.append(())
        if caption is not None:
            dataset.set_raw(len(dataset.images) - 1, caption.encode())
    return dataset


def facts(dataset: Dataset) -> Facts:
    scores: dict[int, dict[str, float]] = {0: {"smile": 0.4, "jacket": 0.9}, 1: {"smile": 0.9, "black dress": 0.8}}
    return Facts(
        dataset,
        rating=lambda position: "g" if position == 1 else None,
        category=lambda tag: "character" if tag.startswith("nier") else "",
        slot=lambda tag: {"purple hair": "hair colour", "pink hair": "hair colour", "long hair": "hair length"}.get(
            tag, ""
        ),
        triggers={"": ["solo", "jacket"], "x": []},
        changed=lambda steps: {0: {"a.txt", "b.txt"}, 1: {"b.txt"}}[steps],
        scores=lambda position: scores.get(position, {}),
        tokens=Counter,
    )


def names(dataset: Dataset, text: str, known: Names | None = None) -> str:
    found = parse(text, known or Names(slots=SLOTS))
    positions = found.select(facts(dataset))
    assert found.count(facts(dataset)) == len(positions)
    return "".join(sorted(Path(dataset.images[at].path).stem for at in positions))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abcdef"),
        ("purple hair", "abf"),
        ('"Purple_Hair"', "abf"),
        ("*hair", "abcf"),
        ("/^(pink|purple) hair$/", "abcf"),
        ("/purple_hair/", "abf"),
        ("1girl not jacket", "b"),
        ("1girl and not black dress", "a"),
        ("not 1girl and jacket or smile", "ac"),
        ("not (1girl or solo)", "def"),
        ("not not 1girl", "ab"),
        ("1girl long hair", "a"),
        ("solo ^_^", "c"),
        ("don't", "f"),
        ("nier:automata", "f"),
        ('"a (x)"', "f"),
        ("'a (x)'", "f"),
        ("count>4", "af"),
        ("count = 3", "b"),
        ("count:<4 and count:!=0", "b"),
        ("tags:=5", "a"),
        ("tokens>20", "f"),
        ("tokens:<=1", "de"),
        ("chars>=30 chars<40", "b"),
        ("lines:>1", "c"),
        ("freq<2 1girl", "ab"),
        ("freq>2", "abf"),
        ("score<0.5", "a"),
        ("score>0.85", "a"),
        ("score = 0.9", "a"),
        ("score:smile>0.1", "a"),
        ('score:"black dress">0.1', "b"),
        ("tag:jacket", "ac"),
        ('tag:"purple *"', "abf"),
        ("tag:'PURPLE HAIR'", "abf"),
        ("tag:/^p.*r$/", "abcf"),
        ("caption:hair", "abcf"),
        ('caption:"hair, lo"', "a"),
        ('caption:"girl, p*ket"', "a"),
        ("caption:/jacket$/", ""),
        ("caption:/smile$/", "a"),
        ("name:A.p", "a"),
        ("name:/^[ab]\\./", "ab"),
        ("path:?.png", "abcdef"),
        ("rating:safe", "b"),
        ("subset:none", ""),
        ("cat:character", "f"),
        ("category:artist", ""),
        ("slot:hair", "abcf"),
        ("slot:hair-color", "abcf"),
        ("slot:eyes", ""),
        ("has:caption", "abcf"),
        ("no:caption", "de"),
        ("not no:caption not has:trigger", "abf"),
        ("has:trigger", "c"),
        ("empty:", "d"),
        ("dup:", "f"),
        ("changed:", "ab"),
        ("changed:1 or smile", "ab"),
        ("nothing like it", ""),
        ("rating:e", ""),
    ],
)
def test_each_word_selects(text: str, found: str) -> None:
    assert names(made(CAPTIONS), text) == found


def test_sizes_are_read_from_the_files(tmp_path: Path) -> None:
    for number, name in enumerate("abc"):
        Pillow.new("RGB", (100 + 100 * number, 300)).save(tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_bytes(b"no picture")
    dataset = Dataset.load(tmp_path, [""])
    assert names(dataset, "width<250 height>=300") == "ab" and names(dataset, "width!=100") == "bc"


def test_saved_filters_are_part_of_the_language() -> None:
    known = Names({"mine": "1girl or solo", "not mine": "not filter:mine", "round": "solo filter:round", "bad": "(a"})
    dataset = made(CAPTIONS)
    assert names(dataset, "filter:mine jacket", known) == "ac"
    assert names(dataset, 'filter:"not mine" and has:caption', known) == "f"
    for text, said in (
        ("filter:min", "Did you mean 'mine'"),
        ("filter:round", "Change one of them"),
        ("a filter:bad", "Put a )"),
    ):
        with pytest.raises(ExpressionError) as caught:
            parse(text, known)
        assert said in caught.value.remedy and caught.value.position == text.index("filter")
    deep = Names({f"f{number}": f"filter:f{number + 1} filter:f{number + 1}" for number in range(15)} | {"f15": "a"})
    with pytest.raises(ExpressionError, match="more than 1,000 terms"):
        parse("filter:f0", deep)


@pytest.mark.parametrize(
    ("text", "position", "remedy"),
    [
        ("(a", 0, "Put a )"),
        ("a )", 2, "quote"),
        ("()", 1, "quote"),
        ("a or", 4, "Name a tag"),
        ('a "open', 2, 'Put a "'),
        ("/[/", 0, "Mend it"),
        ("a and or", 6, "quote"),
        ("or a", 0, "quote"),
        ("not", 3, "Name a tag"),
        ("rating:x", 0, "g, s, q and e"),
        ("no:tags", 0, "no:caption"),
        ("a count>", 8, "count>5"),
        ("tokens:>x", 8, "tokens>5"),
        ("subset:", 7, "without a blank"),
        ("a slot:nose", 2, "hair colour"),
        ("dup:x", 0, "blank"),
        ("changed:x", 0, "blank"),
        ("stars>3", 0, "freq"),
        ("solo widht<768", 5, "quoted"),
        ("noo:caption", 0, "quoted"),
    ],
)
def test_a_mistake_has_its_place_and_a_remedy(text: str, position: int, remedy: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, Names(slots=SLOTS))
    assert caught.value.position == position and remedy in caught.value.remedy
    shown, caret = caught.value.picture
    assert shown == text and caret == " " * position + "^"


def test_the_caret_stands_below_its_cell() -> None:
    with pytest.raises(ExpressionError, match="did you mean 'width'") as caught:
        parse("帽子 widht<768")
    assert caught.value.column == 5 and caught.value.picture[1] == "     ^"
    with pytest.raises(ExpressionError) as caught:
        parse("a\x1b[31m " * 50 + ")")
    shown, caret = caught.value.picture
    assert "\x1b" not in shown and shown[len(caret) - 1] == ")" and len(shown) < 80


WORDS = st.sampled_from(["a", "b b", "c_c", "D", "not", "or", "count", "(x)", "e:f", "*", "^_^", "it's", "\\", '"'])
TREES = st.recursive(
    st.builds(terms.Tag, WORDS)
    | st.builds(terms.Number, st.sampled_from(["count", "chars", "freq"]), st.sampled_from([">", "!="]), st.just(1.0))
    | st.builds(terms.Wild, st.sampled_from(["*a", "b?b*", "*"]))
    | st.builds(terms.Text, st.just("caption"), st.sampled_from(["a", "b, a", "c c"]))
    | st.sampled_from([terms.Captioned(), terms.Empty(), terms.Doubled()]),
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=12,
)  # fmt: skip
BINDS = {"or": 1, "and": 2, "not": 3}


def written(tree: object, chance: random.Random, above: int = 0) -> str:
    """A tree as a person could write it."""
    if isinstance(tree, tuple):
        binds = BINDS[tree[0]]
        if tree[0] == "not":
            text = chance.choice(["not ", "NOT  "]) + written(tree[1], chance, binds)
        else:
            joined = chance.choice([" or ", " OR "]) if tree[0] == "or" else chance.choice([" and ", " ", " AND "])
            text = written(tree[1], chance, binds) + joined + written(tree[2], chance, binds + 1)
        return f"({text})" if binds < above or chance.random() < 0.2 else text
    match tree:
        case terms.Tag(tag):
            return '"' + tag.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case terms.Number(name, compare, value):
            return f"{name}{chance.choice(['', ':', ' '])}{compare}{value:g}"
        case terms.Wild(pattern):
            return f'tag:"{pattern}"'
        case terms.Text(where, text):
            return f'{where}:"{text}"'
        case terms.Captioned():
            return "has:caption"
        case terms.Empty():
            return "empty:"
    return "dup:"


def program(tree: object) -> list[object]:
    """What the stack is to do: `not not` does nothing."""
    if not isinstance(tree, tuple):
        return [tree]
    if tree[0] == "not":
        inner = program(tree[1])
        return inner[:-1] if inner[-1] == "not" else [*inner, "not"]
    return [*program(tree[1]), *program(tree[2]), tree[0]]


@given(TREES, st.randoms(use_true_random=False))
def test_what_is_written_is_read(tree: object, chance: random.Random) -> None:
    assert list(parse(written(tree, chance)).program) == program(tree)


def fits(tree: object, caption: str | None, everything: list[set[str]]) -> bool:
    """The same by looking at each caption."""
    tags = [tag.strip() for tag in (caption or "").split(",") if tag.strip()]
    keys = [key(tag) for tag in tags]
    match tree:
        case ("not", inner):
            return not fits(inner, caption, everything)
        case ("and", left, right):
            return fits(left, caption, everything) and fits(right, caption, everything)
        case ("or", left, right):
            return fits(left, caption, everything) or fits(right, caption, everything)
        case terms.Tag(tag):
            return key(tag) in keys
        case terms.Number(name, compare, value):
            compared: Callable[[float], bool] = {
                ">": lambda number: number > value,
                "!=": lambda number: number != value,
            }[compare]
            if name == "freq":
                return any(compared(sum(one in found for found in everything)) for one in keys)
            return compared(len(tags) if name == "count" else len((caption or "").strip()))
        case terms.Wild(pattern):
            return any(fnmatchcase(tag, key(pattern)) for tag in keys)
        case terms.Text(_, text):
            return text.replace("_", " ") in (caption or "").lower().replace("_", " ")
        case terms.Captioned():
            return bool(tags)
        case terms.Empty():
            return caption is not None and not tags
    return len(set(keys)) < len(keys)


CAPTION = st.none() | st.lists(
    st.sampled_from(["a", "A", "b b", "b_b", "c c", "d", "not", " ", "e:f"]), max_size=5
).map(", ".join)


@given(TREES, st.lists(CAPTION, max_size=6))
def test_it_selects_what_a_look_at_each_caption_selects(tree: object, captions: list[str | None]) -> None:
    everything = [{key(tag) for tag in (caption or "").split(",") if tag.strip()} for caption in captions]
    dataset = made({str(number): caption for number, caption in enumerate(captions)})
    found = parse(written(tree, random.Random(1))).select(Facts(dataset))
    assert found == {at for at, caption in enumerate(captions) if fits(tree, caption, everything)}


@given(st.text(alphabet="ab ()\"'/*?[]not or:<>=3\\+{}|,\0é帽", max_size=30))
@settings(max_examples=300)
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    try:
        found = parse(text)
        found.select(Facts(made({"a": "a, b", "b": "ab ()"})))
    except UsageError as error:
        assert error.message and error.remedy


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "a" + ")" * 10_000,
        "(" * 10_000,
        ")" * 10_000,
        "not " * 20_000 + "a",
        "a or " * 10_000 + "a",
        "word " * 15_000,
        "a" + " " * 90_000 + "b",
        "count" + " " * 90_000,
        '"' * 10_001,
        "' " * 10_000,
        "/a" * 10_000,
        "a\0b" * 10_000,
        "tag:" * 10_000,
        "*" * 50_000,
        "x" * 1_000_000,
        "/" + "(" * 20_000 + "/",
        "/" + "(" * 900 + ")" * 900 + "/",
        "/a{1,4000000000}/",
        "/[[a]/",
    ],
)
def test_no_text_is_too_much(text: str) -> None:
    dataset = made({str(number): "a, b, long hair" for number in range(100)})
    started = time.monotonic()
    try:
        parse(text).select(Facts(dataset))
    except ExpressionError as error:
        assert len(error.picture[0]) < 200
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("text", ["/(a+)+b/", "/(a|a)*b/", "/a*a*a*a*a*a*a*b/", "caption:/(x+x+)+y/", "/(a*)*\\1b/"])
def test_a_regular_expression_is_ended_when_its_time_is_up(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expression_patterns, "_SECONDS", 0.4)
    dataset = made({str(number): "a" * 2000 + ", " + "x" * 2000 for number in range(3)})
    started = time.monotonic()
    with pytest.raises(ExpressionError, match="takes too long") as caught:
        parse(text).select(Facts(dataset))
    assert time.monotonic() - started < 20 and caught.value.position == 0


def test_groups_and_lookaheads_work_beside_the_program() -> None:
    dataset = made(CAPTIONS)
    assert names(dataset, "/(pur|pin)+(?=[lkp])/") == "abcf" and names(dataset, "/^(.)\\w*\\1/") == "abcf"
