"""From pictures to captions: the real worker on a real network, records, resuming, what is written when."""

import http.server
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import psutil
import pytest
from PIL import Image

from loratui.core import demo
from loratui.core.changes import Changes
from loratui.core.dataset.dataset import Dataset
from loratui.core.dataset.records import Provenance, Records
from loratui.core.demo.drawing import Scene, draw
from loratui.core.errors import Cancelled, LoratuiError, Refused, UsageError
from loratui.core.tagging import models, tagger
from loratui.core.tagging.pictures import load
from loratui.core.tagging.tagger import Thresholds
from tests import colour_tagger

RED = {"red theme", "bright top", "bright left", "white background", "char red (series)"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> models.TaggerFiles:
    folder = colour_tagger.build(tmp_path_factory.mktemp("stand-in"))
    files = models.find(str(folder), folder)
    assert files is not None
    return files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three pictures: red and blue ones twice as wide as high, a white one; the blue one has a caption."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    for name, colour in (("a red", (255, 0, 0)), ("b blue", (0, 0, 255)), ("c white", (255, 255, 255))):
        Image.new("RGB", (200, 100), colour).save(folder / f"{name}.png")
    (folder / "b blue.txt").write_bytes(b"kafka, solo,Blue_Theme\r\nsecond line")
    return folder


def captions(root: Path) -> dict[str, str]:
    return {path.stem: path.read_bytes().decode() for path in sorted(root.glob("*.txt"))}


def run(root: Path, files: models.TaggerFiles, when: tagger.When = "empty", **thresholds: float) -> dict[str, str]:
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        inference = tagger.infer(dataset, tagger.wanted(dataset, when), records, files)
    plan = tagger.plan(dataset, inference, Thresholds(**thresholds), when, model=files.name)
    Changes(root).apply(plan)
    return captions(root)


def test_only_images_without_a_caption(root: Path, model: models.TaggerFiles) -> None:
    before = (root / "b blue.txt").read_bytes()
    found = run(root, model)
    assert set(found["a red"].split(", ")) == RED
    assert found["a red"].endswith("char red (series)")  # characters after general tags
    assert "^_^" in found["c white"]
    assert (root / "b blue.txt").read_bytes() == before
    Changes(root).undo()
    assert list(captions(root)) == ["b blue"]


def test_merge_adds_only_what_is_missing(root: Path, model: models.TaggerFiles) -> None:
    found = run(root, model, "merge")["b blue"]
    first, rest = found.split("\r\n")
    assert rest == "second line"
    assert first.startswith("kafka, solo,Blue_Theme, ")
    assert first.lower().replace("_", " ").count("blue theme") == 1
    assert "char blue (series)" in first
    assert run(root, model, "merge")["b blue"] == found  # and once more adds nothing


def test_overwrite_replaces_the_first_line(root: Path, model: models.TaggerFiles) -> None:
    first, rest = run(root, model, "overwrite")["b blue"].split("\r\n")
    assert rest == "second line"
    assert "kafka" not in first
    assert "blue theme" in first
    Changes(root).undo()
    assert captions(root)["b blue"].startswith("kafka")


def test_ratings_are_no_tags(root: Path, model: models.TaggerFiles) -> None:
    assert not any("general" in text.split(", ") for text in run(root, model, general=0.05).values())


def test_scores_are_kept_and_not_inferred_again(root: Path, model: models.TaggerFiles) -> None:
    run(root, model)
    (root / "a red.txt").unlink()
    (root / "a red.png").rename(root / "renamed.png")
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        again = tagger.infer(dataset, tagger.wanted(dataset, "empty"), records, model)
        assert again.provider == ""  # nobody was asked
        assert set(tagger.chosen(again.scores[2], Thresholds())) == RED
        assert again.scores[2]["general"] == ("rating", pytest.approx(0.982, abs=0.001))
        assert not records.scores(records.content_hash(dataset.images[2]), "another model")


def test_equal_pictures_are_asked_about_once(root: Path, model: models.TaggerFiles) -> None:
    (root / "copy.png").write_bytes((root / "a red.png").read_bytes())
    reports: list[int] = []
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        result = tagger.infer(
            dataset, range(4), records, model, report=lambda done, total, note="": reports.append(done)
        )
    assert result.scores[0] == result.scores[3]
    assert reports[-1] == 4


def test_a_shared_caption_is_written_once(root: Path, model: models.TaggerFiles) -> None:
    Image.new("RGB", (200, 100), (0, 0, 255)).save(root / "a red.bmp")
    found = run(root, model)["a red"].split(", ")
    assert {"red theme", "blue theme"} <= set(found)
    assert len(found) == len(set(found))


def test_bad_pictures_do_not_stop_the_rest(root: Path, model: models.TaggerFiles) -> None:
    (root / "broken.png").write_bytes((root / "a red.png").read_bytes()[:60])
    (root / "text.jpg").write_text("hello")
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        result = tagger.infer(dataset, range(5), records, model)
    assert sorted(dataset.images[position].name for position in result.failed) == ["broken.png", "text.jpg"]
    assert len(result.scores) == 3
    assert "is not a picture" in next(
        reason for p, reason in result.failed.items() if dataset.images[p].name == "text.jpg"
    )


def test_captions_that_are_no_text_are_left(root: Path, model: models.TaggerFiles) -> None:
    (root / "b blue.txt").write_bytes(b"\xff\xfek")
    assert (root / "b blue.txt").read_bytes() == b"\xff\xfek"
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        inference = tagger.infer(dataset, [1], records, model)
    plan = tagger.plan(dataset, inference, Thresholds(), "overwrite", model="x")
    assert plan.counts["unreadable"] == 1
    assert not plan


def test_what_happened_meanwhile_is_kept(root: Path, model: models.TaggerFiles) -> None:
    """Minutes pass between reading the captions and writing the new ones."""
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        inference = tagger.infer(dataset, [0, 1, 2], records, model)
    (root / "a red.txt").write_text("by hand")
    (root / "b blue.txt").write_text("by hand too")
    (root / "c white.png").unlink()
    tagger.settle(dataset, inference)
    Changes(root).apply(tagger.plan(dataset, inference, Thresholds(), "empty", model="x"))
    assert captions(root) == {"a red": "by hand", "b blue": "by hand too"}
    Changes(root).apply(tagger.plan(dataset, inference, Thresholds(), "merge", model="x"))
    assert captions(root)["a red"].startswith("by hand, red theme")
    assert "c white" not in captions(root)


def test_nothing_found_writes_no_caption(root: Path, model: models.TaggerFiles) -> None:
    Image.new("RGB", (100, 100), (127, 127, 127)).save(root / "grey.png")
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        inference = tagger.infer(dataset, [3], records, model)
    plan = tagger.plan(dataset, inference, Thresholds(general=1, character=1), "empty", model="x")
    assert plan.counts["nothing"] == 1
    assert not plan


def test_names_with_kaomoji_and_brackets(tmp_path: Path, root: Path) -> None:
    folder = colour_tagger.build(tmp_path)
    rows = [(name, 0) for name in ("general", "long_hair", "q", "e", "<o>_<o>", ":d", 'don\'t_say_"lazy"')]
    colour_tagger.write_labels(folder / "selected_tags.csv", [*rows, *[(f"x_{n}", 0) for n in range(8)]])
    files = models.find(str(folder), tmp_path)
    assert files
    found = run(root, files, general=0.05)
    assert "<o>_<o>" in found["a red"].split(", ")
    assert "general" in found["a red"].split(", ")  # here it is a general tag of that name
    assert "x 0" in found["a red"].split(", ") or "x 3" in found["a red"].split(", ")


def test_the_demos_tagger_knows_its_drawings(tmp_path: Path) -> None:
    folder = Path(demo.__file__).parent / "tagger"
    assert (folder / "model.onnx").stat().st_size <= 5 * 1024
    scene = Scene(seed=5, outfit="jacket", place="night", glasses=True)
    draw(scene).save(tmp_path / "a.jpg", quality=90)
    draw(Scene(seed=6, outfit="uniform", place="none", hair="pink", eyes="green")).save(tmp_path / "b.png")
    files = models.find(str(folder), tmp_path)
    assert files
    found = {stem: set(text.split(", ")) for stem, text in run(tmp_path, files).items()}
    assert {"purple hair", "blue eyes", "red jacket", "night", "star (sky)", "1girl", "mira (demo)"} <= found["a"]
    assert {"pink hair", "green eyes", "school uniform", "white background"} <= found["b"]
    assert not {"green eyes", "black dress", "day"} & found["a"]


def test_origins(root: Path, model: models.TaggerFiles) -> None:
    run(root, model)
    dataset = Dataset.load(root, [""])
    with Records(root) as records:
        digest = records.content_hash(dataset.images[0])
        records.put_provenance(digest, Provenance("danbooru", "1", tags={"general": ["white_background"]}))
        found = tagger.origins(records, digest, model.key, ["kafka", "red theme", "white background"])
    assert found == {"kafka": "person", "red theme": "tagger", "white background": "board"}


@pytest.mark.parametrize("value", [0, 0.04, 1.01, float("nan")])
def test_thresholds_out_of_range(value: float) -> None:
    with pytest.raises(UsageError, match="makes no sense"):
        Thresholds(general=value)


# ---- cancel, crash


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        Image.new("RGB", (600, 600), (number * 4, 0, 255 - number * 4)).save(folder / f"{number:03}.png")
    return folder


def test_cancel_keeps_what_was_inferred_and_resumes(many: Path, model: models.TaggerFiles) -> None:
    cancel = Event()
    dataset = Dataset.load(many, [""])

    def report(done: int, total: int | None, note: str = "") -> None:
        if done == 5 and note.endswith(".png"):
            cancel.set()

    with Records(many) as records:
        with pytest.raises(Cancelled):
            tagger.infer(dataset, range(60), records, model, report=report, cancel=cancel)
        known = sum(records.scores(records.content_hash(image), model.key) is not None for image in dataset.images)
        assert 5 <= known < 60
        done: list[tuple[int, str]] = []
        result = tagger.infer(
            dataset, range(60), records, model, report=lambda d, total, note="": done.append((d, note))
        )
        assert len(result.scores) == 60
        assert done[[note for _, note in done].index(f"loading {model.name}")][0] == known
    assert not captions(many)


def test_a_killed_tagger_is_one_sentence_and_keeps_the_scores(many: Path, model: models.TaggerFiles) -> None:
    dataset = Dataset.load(many, [""])

    def report(done: int, total: int | None, note: str = "") -> None:
        if done == 5 and note.endswith(".png"):
            for child in psutil.Process().children():
                if "loratui.core.tagging.worker" in child.cmdline():
                    child.send_signal(signal.SIGKILL)

    with Records(many) as records:
        with pytest.raises(LoratuiError, match=r"The tagger was ended by the system \(SIGKILL\)"):
            tagger.infer(dataset, range(60), records, model, report=report)
        assert records.scores(records.content_hash(dataset.images[0]), model.key)


@pytest.mark.parametrize(
    ("form", "kind", "says"),
    [
        ({"outputs": 99}, Refused, "gives 99 values .* names 15 labels"),
        ({"nan": True}, Refused, "NaN"),
    ],
)
def test_what_the_network_refuses_reaches_the_person(
    tmp_path: Path, root: Path, form: dict[str, int], kind: type[LoratuiError], says: str
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    colour_tagger.build(folder, **form)  # type: ignore[arg-type]
    files = models.find("bad", tmp_path)
    assert files
    with pytest.raises(kind, match=says):
        run(root, files)
    assert list(captions(root)) == ["b blue"]


def test_a_silent_fall_back_to_the_cpu_is_said(model: models.TaggerFiles) -> None:
    class Loaded:
        def call(self, do: str, params: object, cancel: object) -> dict[str, object]:
            return {
                "provider": "CPUExecutionProvider",
                "fell_back_from": "CUDAExecutionProvider",
                "description": "",
                "labels": [["long_hair", "general"]],
            }

    inference = tagger.Inference()
    assert tagger._load(Loaded(), model, inference, None) == [("long hair", "general")]  # type: ignore[arg-type]
    assert inference.provider == "CPUExecutionProvider"
    assert "CUDAExecutionProvider is there but does not start" in inference.notes[0]


# ---- where taggers are


def test_finding_models(tmp_path: Path, model: models.TaggerFiles) -> None:
    assert models.find("wd-vit-tagger-v3", tmp_path) is None
    assert models.find("SmilingWolf/wd-vit-tagger-v3", tmp_path) is None
    by_file = models.find(str(model.folder / "model.onnx"), tmp_path)
    assert by_file == model
    named = tmp_path / "models" / "wd-vit-tagger-v3"
    named.mkdir(parents=True)
    colour_tagger.build(named)
    found = models.find("wd-vit-tagger-v3", tmp_path, [str(tmp_path / "models")])
    assert found == models.TaggerFiles("wd-vit-tagger-v3", named, "wd-vit-tagger-v3")
    with pytest.raises(UsageError, match="no known name and no folder") as caught:
        models.find("wd-vit-tager-v3", tmp_path)
    assert caught.value.remedy == "Did you mean wd-vit-tagger-v3?"
    (named / "selected_tags.csv").unlink()
    with pytest.raises(UsageError, match=r"holds no selected_tags\.csv"):
        models.find(str(named), tmp_path)


def test_a_changed_model_of_the_same_name_does_not_answer_for_the_other(tmp_path: Path) -> None:
    first = models.find(str(colour_tagger.build(tmp_path)), tmp_path)
    second = models.find(str(colour_tagger.build(tmp_path, logits=True)), tmp_path)
    assert first and second
    assert first.name == second.name
    assert first.key != second.key


class _Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as a download asks for: HEAD and GET of /owner/name/resolve/main/file."""

    folder = Path()

    def _answer(self, body: bool) -> None:
        file = self.folder / self.path.rpartition("/")[2]
        if "/resolve/main/" not in self.path or not file.is_file():
            self.send_error(404)
            return
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{len(data):040x}"')
        self.send_header("X-Repo-Commit", "1" * 40)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub on loopback that serves a folder."""
    folder = tmp_path / "hub"
    folder.mkdir()
    handler = type("Handler", (_Hub,), {"folder": folder})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_download_asks_the_size_and_reports(hub: Path) -> None:
    colour_tagger.build(hub)
    expected = sum((hub / name).stat().st_size for name in (models.MODEL, models.LABELS))
    assert models.download_size("wd-vit-tagger-v3") == expected
    reports: list[tuple[int, int | None]] = []
    files = models.download("wd-vit-tagger-v3", report=lambda done, total, note="": reports.append((done, total)))
    assert (files.folder / models.MODEL).read_bytes() == (hub / models.MODEL).read_bytes()
    assert (files.folder / models.LABELS).is_file()
    assert reports[-1] == (expected, expected)
    assert models.download_size("wd-vit-tagger-v3") == 0
    # A later program finds it without the network (the hub's library reads its folders once, when it is imported).
    program = (
        "import sys; from pathlib import Path; from loratui.core.tagging import models;"
        "print(models.find('wd-vit-tagger-v3', Path('/')).folder)"
    )
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(files.folder)


def test_download_refused_or_offline_says_where_to_put_the_files(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoratuiError, match="the hub answers 404") as caught:
        models.download_size("wd-vit-tagger-v3")
    assert "--model FOLDER" in caught.value.remedy
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LoratuiError, match="does not answer") as caught:
        models.download_size("wd-vit-tagger-v3")
    assert models.LABELS in caught.value.remedy
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LoratuiError, match="does not answer"):
        models.download_size("wd-vit-tagger-v3")


# ---- real pictures


@pytest.mark.shared
def test_real_pictures_through_the_worker_equal_numpy(shared: Path, tmp_path: Path, model: models.TaggerFiles) -> None:
    """Every tenth picture of the corpus: the worker's tags are those of plain numpy on the same preparation."""
    corpus = sorted(path for path in (shared / "images" / "corpus").iterdir() if path.is_file())[::10]
    for path in corpus:
        (tmp_path / path.name).symlink_to(path)
    dataset = Dataset.load(tmp_path, [""])
    with Records(tmp_path) as records:
        result = tagger.infer(dataset, range(len(dataset.images)), records, model)
    assert len(result.scores) + len(result.failed) == len(dataset.images) > 10
    for position, scores in result.scores.items():
        picture = load(tmp_path / dataset.images[position].path, 448)
        expected = colour_tagger.probabilities(picture)
        for name, value in expected.items():
            if value >= tagger.LOWEST + 5e-3:
                assert scores[name if name == "^_^" else name.replace("_", " ")][1] == pytest.approx(value, abs=5e-3)


@pytest.mark.shared
def test_bad_pictures_of_the_wild_end_in_a_reason_each(shared: Path, tmp_path: Path, model: models.TaggerFiles) -> None:
    for path in (shared / "images" / "bad").rglob("*"):
        if path.is_file() and "13000" not in path.name:  # half a gigabyte: it works, and takes eight seconds
            (tmp_path / path.name).symlink_to(path)
    dataset = Dataset.load(tmp_path, [""])
    with Records(tmp_path) as records:
        result = tagger.infer(dataset, range(len(dataset.images)), records, model)
    assert set(result.scores) | set(result.failed) == set(range(len(dataset.images)))
    assert all(reason and "\n" not in reason for reason in result.failed.values())
    assert np.isfinite([value for scores in result.scores.values() for _, value in scores.values()]).all()
