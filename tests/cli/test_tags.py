"""`tags`: the table, the bulk edits, pruning; exact documents, undo, dry run, scope."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from loratui.cli.main import run
from loratui.core.dataset.records import Provenance
from loratui.core.workspace import Workspace

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
CAPTIONS = {
    "one/a": "kafka, 1girl, purple hair, long_hair, smile",
    "one/b": "1girl, Purple_Hair, purple eyes, ^_^, smile\nsecond line",
    "one/c": "1girl, solo, purple hair, purple eyes, smile, smile",
    "two/d": "1girl, solo, pink eyes, hat",
    "two/e": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of two subsets."""
    for stem, text in CAPTIONS.items():
        path = tmp_path / "dataset" / f"{stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PIXEL)
        if text is not None:
            path.with_suffix(".txt").write_text(text)
    (tmp_path / "loratui.toml").write_text(
        'format = 1\nname = "kafka"\nkind = "character"\n'
        '[[subset]]\nfolder = "dataset/one"\ntrigger = "kafka"\n'
        '[[subset]]\nfolder = "dataset/two"\ntrigger = "kafka, casual"\n'
    )
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    code = run(["-C", str(root), "tags", *arguments, "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


def caption(root: Path, stem: str) -> str:
    return (root / "dataset" / f"{stem}.txt").read_text()


def test_the_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = said(capsys, root)
    assert code == 0
    assert document["images"] == 5
    counts = {row["tag"]: row["count"] for row in document["tags"]}
    assert counts["1girl"] == 4
    assert counts["smile"] == 3  # twice in one caption is one image
    assert [row["tag"] for row in document["tags"]][:2] == ["1girl", "smile"]
    assert document["tags"][0]["category"] is None
    _, document, _ = said(capsys, root, "--sort", "name", "--limit", "2")
    assert [row["tag"] for row in document["tags"]] == ["1girl", "Purple_Hair"]
    _, document, _ = said(capsys, root, "--in", "two")
    assert document["images"] == 2
    _, document, _ = said(capsys, root, "--where", "purple hair and not solo")
    assert document["images"] == 2
    assert run(["-C", str(root), "tags"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["4", "80", "%", "1girl"]


def test_category_comes_from_what_is_known(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from loratui.core.dataset.records import Provenance, Records

    with Records(root) as records:
        records.put_scores("x", "m", {"purple hair": ("general", 0.9), "kafka": ("general", 0.4)})
        records.put_provenance("y", Provenance("danbooru", "1", tags={"character": ["kafka"]}))
    _, document, _ = said(capsys, root)
    categories = {row["tag"]: row["category"] for row in document["tags"]}
    assert (categories["purple hair"], categories["Purple_Hair"], categories["kafka"]) == (
        "general",
        "general",
        "character",
    )


def test_remove_in_every_spelling_and_undo(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = said(capsys, root, "remove", "purple hair", "^_^")
    assert (code, document) == (0, {"changed_files": 3, "changed_tags": 4})
    assert caption(root, "one/b") == "1girl, purple eyes, smile\nsecond line"
    capsys.readouterr()
    assert run(["-C", str(root), "undo"]) == 0
    assert caption(root, "one/b") == CAPTIONS["one/b"]


def test_scope_before_and_after_the_sub_verb(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = said(capsys, root, "--in", "two", "remove", "1girl")
    assert document["changed_files"] == 1
    _, document, _ = said(capsys, root, "remove", "1girl", "--in", "one", "--where", "solo")
    assert document["changed_files"] == 1
    assert caption(root, "one/a") == CAPTIONS["one/a"]


def test_dry_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = said(capsys, root, "remove", "smile", "--dry-run")
    assert document == {"changed_files": 3, "changed_tags": 4, "dry_run": True}
    assert not (root / ".loratui").exists()


def test_replace(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = said(capsys, root, "replace", "pink eyes", "purple eyes")
    assert document["changed_files"] == 1
    assert caption(root, "two/d") == "1girl, solo, purple eyes, hat"
    said(capsys, root, "replace", "--regex", r"purple (\w+)", r"violet \1")
    assert caption(root, "one/c") == "1girl, solo, violet hair, violet eyes, smile, smile"
    said(capsys, root, "replace", "--text", "violet hair, violet", "violet hair and")
    assert caption(root, "one/c") == "1girl, solo, violet hair and eyes, smile, smile"
    assert run(["-C", str(root), "tags", "replace", "--regex", "--text", "a", "b"]) == 2
    assert run(["-C", str(root), "tags", "replace", "--regex", "(", "b"]) == 2
    assert "regular expression" in capsys.readouterr().err


def test_prepend_append_move(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, root, "prepend", "kafka", "--where", "purple hair")
    assert caption(root, "one/c").startswith("kafka, 1girl")
    assert caption(root, "one/a").count("kafka") == 1
    said(capsys, root, "append", "best quality", "--in", "two")
    assert caption(root, "two/d") == "1girl, solo, pink eyes, hat, best quality"
    assert caption(root, "two/e") == "best quality"
    said(capsys, root, "move", "smile", "--to", "first")
    assert caption(root, "one/c").startswith("smile, kafka")
    said(capsys, root, "move", "1girl", "--to", "last")
    assert caption(root, "one/a").endswith("long_hair, 1girl")
    assert run(["-C", str(root), "tags", "move", "smile"]) == 2


def test_trigger_per_subset(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = said(capsys, root, "trigger")
    assert document["changed_files"] == 4
    assert caption(root, "one/b").startswith("kafka, 1girl")
    assert caption(root, "two/d").startswith("kafka, casual, 1girl")
    assert caption(root, "two/e") == "kafka, casual"
    _, document, _ = said(capsys, root, "trigger")
    assert (document["changed_files"], document["changed_tags"]) == (0, 0)


def test_what_a_trigger_means_already_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LORATUI_TOKENIZERS", raising=False)
    (root / "dataset/one/a.png").rename(root / "dataset/one/mine_1.png")
    workspace = Workspace.open(root)
    origin = Provenance("mine", "1", tags={"character": ["kafka_(honkai:_star_rail)"], "general": ["casual"]})
    workspace.records.put_provenance("0" * 32, origin)
    workspace.records.close()
    words = Path(os.environ["XDG_CONFIG_HOME"], "loratui/vocabulary/mine.csv")
    words.parent.mkdir(parents=True)
    words.write_text("casual,0,900,\npurple_hair,0,500,\n")
    _, document, err = said(capsys, root, "trigger", "--dry-run")
    assert "“casual” is made of casual: “casual” means something already." in err and "kafka” is" not in err
    assert [(one["trigger"], one["words"], one["character"]) for one in document["triggers"]] == [
        ("kafka", [], "kafka (honkai: star rail)"),
        ("casual", ["casual"], ""),
    ]
    _, document, _ = said(capsys, root)
    new = {row["tag"] for row in document["tags"] if row["new"]}
    assert "hat" in new and not new & {"kafka", "casual", "purple hair", "Purple_Hair"}
    assert run(["-C", str(root), "tags"]) == 0
    assert "  hat  ?new\n" in capsys.readouterr().out


def test_trigger_outside_a_project_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(PIXEL)
    code, document, _ = said(capsys, tmp_path, "trigger")
    assert code == 2
    assert "tags prepend" in document["error"]["remedy"]


def test_dedupe_and_sort(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = said(capsys, root, "dedupe")
    assert document == {"changed_files": 1, "changed_tags": 1}
    said(capsys, root, "sort")
    assert caption(root, "one/a") == "kafka, 1girl, smile, purple hair, long_hair"


def test_prune_suggests_and_applies(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = said(capsys, root, "prune")
    assert code == 0
    found = {row["tag"]: row for row in document["suggestions"]}
    assert found["purple hair"]["slot"] == "hair colour"
    assert found["purple hair"]["count"] == 3
    assert found["pink eyes"]["error"] and "purple eyes in 50 %" in found["pink eyes"]["why"]
    assert found["purple eyes"]["selected"]
    assert "kafka" not in found and "1girl" not in found
    _, document, _ = said(capsys, root, "prune", "--apply")
    assert document["changed_files"] == 4
    assert caption(root, "two/d") == "1girl, solo, hat"
    assert caption(root, "one/a") == "kafka, 1girl, long_hair, smile"  # in one image of four: it may be a choice
    _, document, _ = said(capsys, root, "prune", "--kind", "style")
    assert document["suggestions"] == []
    _, document, _ = said(capsys, root, "prune", "--kind", "style", "--apply")
    assert document["changed_files"] == 0


def test_unknown_tag_is_said_and_no_failure(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, err = said(capsys, root, "remove", "purple hairs")
    assert (code, document["changed_files"]) == (0, 0)
    assert "Did you mean 'purple hair'?" in err


def test_a_tag_in_an_expression_that_no_caption_has_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, err = said(capsys, root, "--where", "not purple_hiar")
    assert code == 0 and document["images"] == 5  # all of them: nothing else would show the slip
    assert "No caption has 'purple_hiar'; did you mean 'purple hair'?" in err
    assert "No caption" not in said(capsys, root, "--where", "not Purple hair")[2]


def test_expression_with_a_mistake(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, err = said(capsys, root, "--where", "solo and (hat")
    assert code == 2 and "Put a )" in document["error"]["remedy"] and document["error"]["position"] == 9
    assert err.splitlines()[-2:] == ["  solo and (hat", "           ^"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("append", ""), "empty"),
        (("remove", "  "), "empty"),
        (("replace", "smile", ""), "tags remove"),
        (("prepend", "a, b"), "'a' 'b'"),
        (("remove", "smile,"), "'smile'"),
        (("replace", "smile", "a,b"), "comma"),
        (("append", ","), "comma"),
        (("append", "a\nb"), "line"),
        (("move", "a\x1bb", "--to", "last"), "control"),
        (("append", "a\udcff"), "UTF-8"),
        (("replace", "--text", "smile", "a\nb"), "line"),
        (("replace", "--text", "smile", "\udcff"), "UTF-8"),
        (("replace", "--regex", "smil(e)", r"\1\nx"), "line"),
        (("append", "a ||| b"), "|||"),
    ],
)
def test_what_is_no_tag_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    code, document, _ = said(capsys, root, *arguments)
    assert code == 2 and says in f"{document['error']['message']} {document['error']['remedy']}"
    assert not (root / ".loratui/journal").exists() and caption(root, "one/c") == CAPTIONS["one/c"]


def test_a_tag_argument_is_stripped_and_may_hold_a_wildcard(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, root, "remove", " smile ")[1]["changed_files"] == 3
    assert said(capsys, root, "append", "{red|blue, green} hat", r"a \(b\)")[1]["changed_files"] == 5
    assert caption(root, "two/e") == r"{red|blue, green} hat, a \(b\)"


def test_a_regular_expression_leaves_what_it_does_not_fit(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, root, "replace", "--regex", "(purple) (eyes|hair)", r"\1 thing")[1]["changed_files"] == 3
    assert caption(root, "one/c") == "1girl, solo, purple thing, smile, smile"


def test_captions_that_are_no_text_are_named_and_left(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "dataset" / "one" / "a.txt"
    path.write_bytes(b"\xff\xfe1girl")
    code, _, err = said(capsys, root, "prepend", "x")
    assert code == 0
    assert "dataset/one/a.txt: " in err
    assert path.read_bytes() == b"\xff\xfe1girl"


@pytest.mark.shared
def test_real_captions(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A character's set of 259 captions: the classic job, and back again to the same bytes."""
    originals: dict[Path, bytes] = {}
    for source in (shared / "tags" / "captions" / "eika_v1").rglob("*.txt"):
        path = tmp_path / source.parent.name / source.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(source.read_bytes())
        path.with_suffix(".png").write_bytes(PIXEL)
        originals[path] = path.read_bytes()
    _, document, _ = said(capsys, tmp_path)
    assert document["images"] == 259
    _, document, _ = said(capsys, tmp_path, "prune")
    chosen = {row["tag"] for row in document["suggestions"] if row["selected"]}
    assert {"brown hair", "blue eyes", "long hair", "twintails", "green eyes", "grey hair", "black eyes"} <= chosen
    assert not {"hair ribbon", "skirt", "smile", "1girl", "solo"} & chosen
    assert said(capsys, tmp_path, "prune", "--apply")[0] == 0
    assert said(capsys, tmp_path, "prepend", "Yanagise Eika")[0] == 0
    _, document, _ = said(capsys, tmp_path)
    counts = {row["tag"]: row["count"] for row in document["tags"]}
    assert counts["Yanagise Eika"] == 259
    assert not {"brown hair", "brown_hair", "blue eyes", "green eyes"} & set(counts)
    capsys.readouterr()
    assert run(["-C", str(tmp_path), "undo", "2"]) == 0
    assert {path: path.read_bytes() for path in originals} == originals
