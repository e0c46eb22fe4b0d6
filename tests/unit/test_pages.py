"""Pages of other sites, through the person's own gallery-dl."""

import json
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from loratui.cli.main import run
from loratui.core.dataset.intake import Intake, parted
from loratui.core.downloads import gallery_dl
from loratui.core.downloads.pages import add_page
from loratui.core.errors import Cancelled, LoratuiError, UsageError
from loratui.core.project import Project
from loratui.core.workspace import Workspace

FAKE = Path(__file__).parent.parent / "fake_gallery_dl.py"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project, and a stand-in for gallery-dl on PATH."""
    tools = tmp_path / "bin"
    tools.mkdir()
    program = tools / "gallery-dl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    Project.create(tmp_path / "kafka", trigger="kafka")
    return Workspace.open(tmp_path / "kafka")


def names(workspace: Workspace) -> list[str]:
    """The pictures of the dataset."""
    return sorted(image.name for image in workspace.scan(["dataset/kafka"]))


def add(workspace: Workspace, page: str, **more: object) -> Intake:
    """The page into the dataset."""
    return add_page(workspace, f"https://example.org{page}", "dataset/kafka", **more)  # type: ignore[arg-type]


def test_a_page_comes_in_with_captions_and_provenance_and_only_once(workspace: Workspace) -> None:
    assert len(add(workspace, "/set/3").added) == 3
    assert names(workspace) == ["drawn_1.png", "drawn_2.png", "drawn_3.png"]
    assert (workspace.root / "dataset/kafka/drawn_1.txt").read_text() == "kafka (x), 1girl, long hair"
    image = workspace.scan(["dataset/kafka"])[0]
    origin = workspace.records.provenance(workspace.records.content_hash(image))
    assert origin is not None
    assert (origin.board, origin.post, origin.rating, origin.score) == ("drawn", "1", "g", 7)
    assert origin.tags["artist"] == ["some_one"]
    assert "sesame" not in origin.file_url
    # A caption that is none of those was edited since.
    assert workspace.records.rendered(workspace.records.content_hash(image)) == [b"kafka (x), 1girl, long hair"]
    assert not list((workspace.root / ".loratui/downloads").iterdir())

    again = add(workspace, "/set/3")
    assert (again.added, len(again.existing)) == ([], 3)
    # What was undone may come again; what was thrown away may not.
    workspace.changes.undo(1)
    assert names(workspace) == []
    assert len(add(workspace, "/set/3").added) == 3


def test_a_dry_run_writes_nothing(workspace: Workspace) -> None:
    add(workspace, "/set/1")
    before = sorted(path for path in workspace.root.rglob("*"))
    would = add(workspace, "/set/3", dry_run=True)
    assert (len(would.added), len(would.existing)) == (2, 1)
    assert sorted(path for path in workspace.root.rglob("*")) == before


def test_what_failed_is_named_without_its_token_and_comes_later(workspace: Workspace) -> None:
    result = add(workspace, "/set/2?fail")
    assert len(result.added) == 1
    [(name, reason)] = result.refused
    assert name == "drawn_2.png" and "404" in reason and "sesame" not in reason


def test_a_web_page_saved_as_a_picture_is_refused(workspace: Workspace) -> None:
    result = add(workspace, "/set/2?html")
    assert names(workspace) == ["drawn_2.png"]
    assert result.refused == [("drawn_1.png", "it is no picture")]


def test_stopped_half_way_what_is_whole_is_in(workspace: Workspace) -> None:
    cancel = threading.Event()

    def report(done: int, total: int | None = None, note: str = "") -> None:
        if done == 2:
            cancel.set()

    with pytest.raises(Cancelled, match="pictures came in"):
        add(workspace, "/set/50?slow", report=report, cancel=cancel)
    came = names(workspace)
    assert 2 <= len(came) < 10
    assert {path.suffix for path in (workspace.root / "dataset/kafka").iterdir()} == {".png", ".txt"}


@pytest.mark.parametrize(
    ("page", "kind", "sentence"),
    [("/nothing", UsageError, "knows no site"), ("/set/2?account", LoratuiError, "'login' needed")],
)
def test_a_page_that_gives_nothing_says_why(
    workspace: Workspace, page: str, kind: type[LoratuiError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as raised:
        add(workspace, page)
    assert raised.value.remedy


def test_without_gallery_dl_the_remedy_is_to_install_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LoratuiError, match="not on PATH") as raised:
        add(workspace, "/set/1")
    assert "install" in raised.value.remedy.lower()


def test_paths_and_pages_are_told_apart(tmp_path: Path) -> None:
    paths, pages = parted(tmp_path, ["a.png", "www.example.org/x", "https://example.org/y"])
    assert (paths, pages) == ([tmp_path / "a.png"], ["https://www.example.org/x", "https://example.org/y"])
    for bad in ("ftp://example.org/x", "https://a b", "file:///etc/passwd", "https://a\n--exec"):
        with pytest.raises(UsageError, match="no address of a page"):
            parted(tmp_path, [bad])
    with pytest.raises(UsageError) as caught:
        parted(tmp_path, ["ftp://example.org/x?api_key=sesame"])
    assert "sesame" not in caught.value.message


def test_the_verb(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(workspace.root), "add", "https://example.org/set/2?fail", "--json"]) == 1
    assert '"added":1' in capsys.readouterr().out
    assert run(["-C", str(workspace.root), "add", "https://example.org/set/1"]) == 0


@pytest.mark.skipif(shutil.which("gallery-dl") is None, reason="gallery-dl is not installed")
def test_the_real_one_takes_our_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the person's own configuration has other wishes for that site."""
    from tests.boards_server import BoardServer, Sample, noise

    samples = [
        Sample(number, noise(number), tags={"general": ["1girl", "long_hair"], "artist": ["a"]}) for number in (1, 2)
    ]
    with BoardServer("danbooru", samples) as server:
        own = tmp_path / "config" / "gallery-dl"
        own.mkdir(parents=True)
        sites = {"Danbooru": {"drawn": {"root": server.url}}, "drawn": {"directory": ["x"], "filename": "x.png"}}
        (own / "config.json").write_text(json.dumps({"extractor": sites}))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        Project.create(tmp_path / "kafka", trigger="kafka")
        workspace = Workspace.open(tmp_path / "kafka")
        page = f"{server.url}/posts?tags=1girl"
        assert len(add_page(workspace, page, "dataset/kafka", dry_run=True).added) == 2
        assert len(add_page(workspace, page, "dataset/kafka").added) == 2
        assert names(workspace) == ["drawn_1.png", "drawn_2.png"]
        assert (workspace.root / "dataset/kafka/drawn_1.txt").read_text() == "1girl, long hair"
        asked = len(server.file_requests())
        assert len(add_page(workspace, page, "dataset/kafka").existing) == 2
        assert len(server.file_requests()) == asked


def test_the_address_does_not_stay_on_the_disk(workspace: Workspace) -> None:
    found = gallery_dl.fetch("https://example.org/set/1", workspace.root / "stage")
    assert [path.name for path in found.pictures] == ["drawn_1.png"]
    assert not (workspace.root / "stage/page.txt").exists()
