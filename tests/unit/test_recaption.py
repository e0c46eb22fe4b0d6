"""Captions written anew from what the records hold: edits are kept, nothing is downloaded, all is undone as one."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from loratui.core.acts.captions import select
from loratui.core.boards.post import Post
from loratui.core.dataset import bulk
from loratui.core.dataset.records import file_hash
from loratui.core.downloads.captions import Style, render, training_form
from loratui.core.downloads.credits import as_csv, as_markdown, credits_of
from loratui.core.downloads.intake import Arrival, Intake
from loratui.core.downloads.recaption import EDITED, recaption
from loratui.core.errors import UsageError
from loratui.core.project import Project
from loratui.core.workspace import Workspace

TAGS: Mapping[str, tuple[str, ...]] = {
    "artist": ("some_body",),
    "character": ("kafka_(honkai:_star_rail)",),
    "general": ("1girl", "long_hair", "^_^", "jacket"),
    "meta": ("highres",),
}
USUAL = "kafka (honkai: star rail), 1girl, long hair, ^_^, jacket"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project of three pictures of a board, and one of the person's own."""
    Project.create(tmp_path / "p", name="p", trigger="kafka")
    workspace = Workspace.open(tmp_path / "p")
    posts = [
        Post("mine", number, tags=TAGS, page_url=f"https://b.test/{number}", source="https://a.test/x_(1)\nhttps://z")
        for number in (1, 2, 3)
    ]
    arrivals = []
    for post in posts:
        path = tmp_path / f"{post.id}.whole"
        Image.new("RGB", (8, 8), (post.id, 0, 0)).save(path, "PNG")
        staged = workspace.changes.stage() / f"{post.id}.whole"
        path.rename(staged)
        arrivals.append(Arrival(post, staged, "png", file_hash(staged)))
    take = Intake(workspace.root, workspace.changes, workspace.records, "dataset/p", "", "g", Style(), lambda _: {})
    assert take.take(arrivals) == []
    Image.new("RGB", (8, 8), (9, 9, 9)).save(workspace.root / "dataset/p/own.png")
    (workspace.root / "dataset/p/own.txt").write_text("my words")
    return workspace


def captions(workspace: Workspace) -> list[str]:
    return [(workspace.root / f"dataset/p/mine_{number}.txt").read_text() for number in (1, 2, 3)]


def write(workspace: Workspace, number: int, text: str) -> None:
    (workspace.root / f"dataset/p/mine_{number}.txt").write_text(text)


def test_another_style_and_back_by_undo(workspace: Workspace) -> None:
    assert captions(workspace) == [USUAL] * 3
    done = recaption(workspace, style=Style(("general", "artist"), escaped=True, underscores=True))
    assert (done.images, done.unknown, done.edited, done.plan.counts["changed_files"]) == (4, 1, 0, 3)
    assert captions(workspace) == ["1girl, long_hair, ^_^, jacket, some_body"] * 3
    assert "--categories general,artist --underscores --escape" in done.plan.command
    again = recaption(workspace, style=Style(("general", "artist"), escaped=True, underscores=True))
    assert not again.plan and again.same == 3
    assert workspace.changes.undo().left == 1  # the intake
    assert captions(workspace) == [USUAL] * 3
    assert recaption(workspace).edited == 0, "what an undo brought back is no edit"
    assert (workspace.root / "dataset/p/own.txt").read_text() == "my words"


def test_edits_are_made_to_the_new_caption(workspace: Workspace) -> None:
    write(workspace, 1, "kafka, 1girl, long hair, ^_^, red jacket")  # a trigger, one out, one in
    write(workspace, 2, "kafka, " + USUAL)  # only the trigger: that is no edit
    escaped = Style(escaped=True)
    plan = recaption(workspace, style=escaped, dry_run=True)
    assert plan.edited == 1 and captions(workspace)[1] == "kafka, " + USUAL
    assert recaption(workspace, style=escaped).edited == 1
    assert captions(workspace) == [
        "kafka, 1girl, long hair, ^_^, red jacket",
        "kafka, kafka \\(honkai: star rail\\), 1girl, long hair, ^_^, jacket",
        "kafka \\(honkai: star rail\\), 1girl, long hair, ^_^, jacket",
    ]


def test_edited_ones_are_left_or_lost_only_when_asked(workspace: Workspace) -> None:
    write(workspace, 1, "1girl, own words")
    kept = recaption(workspace, style=Style(("general",)), edited="keep")
    assert kept.edited == 1 and captions(workspace)[0] == "1girl, own words"
    assert captions(workspace)[1] == "1girl, long hair, ^_^, jacket"
    recaption(workspace, style=Style(("general",)), edited="overwrite")
    assert captions(workspace)[0] == "1girl, long hair, ^_^, jacket"
    workspace.changes.undo()
    assert captions(workspace)[0] == "1girl, own words"


def test_missing_captions_come_and_further_lines_stay(workspace: Workspace) -> None:
    (workspace.root / "dataset/p/mine_1.txt").unlink()
    write(workspace, 2, f"{USUAL}\nsecond line\n")
    (workspace.root / "dataset/p/mine_3.txt").write_bytes(b"\xff\xfe")
    done = recaption(workspace, style=Style(("general",)))
    assert done.unreadable == 1
    assert (workspace.root / "dataset/p/mine_1.txt").read_text() == "1girl, long hair, ^_^, jacket"
    assert (workspace.root / "dataset/p/mine_2.txt").read_text() == "1girl, long hair, ^_^, jacket\nsecond line\n"


def test_only_what_fits_and_unknown_words_are_refused(workspace: Workspace) -> None:
    write(workspace, 1, "other")
    done = recaption(
        workspace,
        chosen=lambda dataset: select(workspace, dataset, "not other"),
        style=Style(("general",)),
        words=("--where", "not other"),
    )
    assert captions(workspace)[0] == "other" and done.plan.command.endswith("--where 'not other'")
    with pytest.raises(UsageError, match="categor"):
        recaption(workspace, style=Style(("genral",)))
    with pytest.raises(UsageError, match="edited"):
        recaption(workspace, edited="loose")  # type: ignore[arg-type]
    assert EDITED == ("merge", "keep", "overwrite")


def test_a_bulk_edit_is_an_edit(workspace: Workspace) -> None:
    dataset = workspace.dataset()
    everyone = range(len(dataset.images))
    workspace.changes.apply(bulk.remove(["jacket"]).plan(dataset, everyone))
    done = recaption(workspace, style=Style(underscores=True))
    assert done.edited == 3 and captions(workspace)[0] == "kafka_(honkai:_star_rail), 1girl, long_hair, ^_^"


def test_the_tags_used_most_come_first_within_their_category() -> None:
    known = {"1girl": 6_000_000, "long_hair": 4_000_000, "jacket": 900_000}
    tags = {"character": ("a", "b"), "general": ("odd_thing", "jacket", "1girl", "long_hair")}
    text = render(tags, Style(), lambda names: {name: known[name] for name in names if name in known}).decode()
    assert text == "a, b, 1girl, long hair, jacket, odd thing"
    assert render(tags, Style(by_use=False), lambda _: known).decode() == "a, b, odd thing, jacket, 1girl, long hair"


def test_faces_are_written_as_they_are_in_every_style() -> None:
    assert training_form("(o)_(o)", Style(escaped=True)) == "(o)_(o)"
    assert training_form("a_(b)", Style(escaped=True)) == "a \\(b\\)"


def test_credits(workspace: Workspace) -> None:
    found = credits_of(workspace)
    assert [credit.file for credit in found] == [f"dataset/p/mine_{number}.png" for number in (1, 2, 3)]
    assert found[0].artists == ("some body",) and found[0].source == "https://a.test/x_(1)"
    assert as_markdown(found) == "- some body: [1](https://b.test/1) [2](https://b.test/2) [3](https://b.test/3)\n"
    rows = as_csv(found).splitlines()
    assert rows[0] == "file,artists,board,post,source"
    assert rows[1] == "dataset/p/mine_1.png,some body,mine,https://b.test/1,https://a.test/x_(1)"
