"""Configuration, projects, and where a FOLDER argument leads."""

import errno
import threading
from pathlib import Path

import pytest
from PIL import Image as Pillow

from loratui.core import config, durable, machine
from loratui.core.changes import Plan
from loratui.core.dataset import intake
from loratui.core.dataset.intake import take_in
from loratui.core.errors import LoratuiError, Refused, UsageError
from loratui.core.project import Project, subset_folder
from loratui.core.workspace import Workspace

PRINTED = """\
# loratui.toml
format = 1
name = "hsr_kafka"
kind = "character"              # character, style, concept, pose, outfit
[model]                         # named roles per family
family = "sdxl"
base = "noobaiXL_v11.safetensors"
[[subset]]
folder = "dataset/kafka"
trigger = "kafka, hsr"               # each subset has its own
repeats = "auto"
[tagger]
model = "wd-swinv2-tagger-v3"
general = 0.35
[training]
preset = "sdxl-character"
network_dim = 16                # only what differs from the preset
"""


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.new("RGB", (8, 8), (len(path.name), 1, 2)).save(path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "kafka"
    (root / "dataset/kafka").mkdir(parents=True)
    (root / "loratui.toml").write_text(PRINTED)
    return root


def test_the_file_as_the_design_prints_it(project: Path) -> None:
    loaded = Project.load(project)
    assert loaded.name == "hsr_kafka" and loaded.subsets[0].triggers == ["kafka", "hsr"]
    assert loaded.training == {"preset": "sdxl-character", "network_dim": 16}
    loaded.set("training.network_dim", 32)
    loaded.set("model.vae", "vae.safetensors")
    text = (project / "loratui.toml").read_text()
    assert "# only what differs from the preset" in text and "network_dim = 32" in text
    assert Project.load(project).model["vae"] == "vae.safetensors"


INLINE = PRINTED.replace(
    """[[subset]]
folder = "dataset/kafka"
trigger = "kafka, hsr"               # each subset has its own
repeats = "auto"
""",
    "",
).replace("[model]", "%s\n[model]")


@pytest.mark.parametrize(
    "text",
    [
        PRINTED,
        "\ufeff" + PRINTED.replace("\n", "\r\n"),
        INLINE % 'subset = [{folder = "dataset/kafka", trigger = "kafka, hsr"}] # mine',
        INLINE % 'subset = [\n  {folder = "dataset/kafka", trigger = "kafka, hsr"},\n]',
        INLINE % "subset = []",
        INLINE % "",
    ],
)
def test_a_subset_is_added_in_either_form_of_the_file(project: Path, text: str) -> None:
    file = project / "loratui.toml"
    file.write_bytes(text.encode())
    loaded = Project.load(project)
    before = loaded.subsets
    assert loaded.add_subset("dataset/new", "word").trigger == "word" and (project / "dataset/new").is_dir()
    again = Project.load(project)
    assert again.subsets[:-1] == before and again.subsets[-1].folder == "dataset/new"
    assert "# only what differs from the preset" in file.read_text() and ("# mine" in text) <= (
        "# mine" in file.read_text()
    )
    assert loaded.add_subset("dataset/new").trigger == "word" and len(loaded.subsets) == len(before) + 1


def test_what_would_not_read_back_is_not_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tomlkit

    file = project / "loratui.toml"
    loaded = Project.load(project)
    with pytest.raises(UsageError, match="general"):
        loaded.set("tagger.general.deep", 1)
    with monkeypatch.context() as patch, pytest.raises(LoratuiError, match=r"loratui\.toml"):
        patch.setattr(tomlkit, "dumps", lambda document: "subset = [[subset]]\n[")
        loaded.set("training.network_dim", 32)
    assert file.read_text() == PRINTED
    with pytest.raises(UsageError, match="outside"):
        loaded.add_subset("../out")
    assert file.read_text() == PRINTED and not (project.parent / "out").exists()


def test_two_who_change_the_file_wait_for_each_other(project: Path) -> None:
    loaded = [Project.load(project) for _ in range(12)]
    threads = [
        threading.Thread(target=one.add_subset, args=(f"dataset/{n}",))
        if n % 2
        else threading.Thread(target=one.set, args=(f"training.key{n}", n))
        for n, one in enumerate(loaded)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = Project.load(project)
    assert {f"dataset/{n}" for n in range(1, 12, 2)} < {subset.folder for subset in last.subsets}
    assert set(range(0, 12, 2)) == {last.training[f"key{n}"] for n in range(0, 12, 2)}


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../../evil", "a/b", "/etc", "-x", "a\nb", "con"])
def test_a_subset_has_a_plain_name(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        subset_folder(name)
    assert caught.value.remedy and subset_folder("red hat") == "dataset/red hat"


def test_an_unknown_key_is_kept_and_a_typo_named(project: Path) -> None:
    file = project / "loratui.toml"
    file.write_text(PRINTED.replace("[tagger]", "[tagger]\nfuture_thing = 1"))
    loaded = Project.load(project)
    assert loaded.warnings == ["tagger.future_thing"]
    loaded.set("training.network_dim", 8)
    assert "future_thing = 1" in file.read_text()
    file.write_text(PRINTED.replace("trigger =", "triger ="))
    with pytest.raises(UsageError) as caught:
        Project.load(project)
    assert "triger" in caught.value.message and "'trigger'" in caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ('"character" ', '"charakter" '),
        ("general = 0.35", 'general = "high"'),
        ('folder = "dataset/kafka"', 'folder = "../other"'),
        ('folder = "dataset/kafka"', 'folder = "/etc"'),
        ("[model]", "[model"),
        ("# loratui.toml", "# \udcff"),
    ],
)
def test_a_broken_file_is_one_sentence(project: Path, old: str, new: str) -> None:
    (project / "loratui.toml").write_bytes(PRINTED.replace(old, new).encode(errors="surrogateescape"))
    with pytest.raises(UsageError) as caught:
        Project.load(project)
    assert "loratui.toml" in caught.value.message and caught.value.remedy


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "loratui.toml has no 'name'.", "Add it."),
        ('name = "x"\n[[subset]]\n', "loratui.toml: subset[0] has no 'folder'.", "Add it."),
        ('name = "x"\nkind = "charcter"', "loratui.toml: kind cannot be 'charcter'.", "Did you mean 'character'?"),
        (
            'name = "x"\n[[subset]]\nfolder = "a"\nrepeats = "many"',
            "loratui.toml: subset[0].repeats cannot be 'many'.",
            "There is: auto.",
        ),
        ('name = "x"\nsubset = 3', "loratui.toml: subset must be a list, and is a whole number.", "Mend the value."),
        (
            'name = "x"\n[[subset]]\nfolder = "a"\nrepeats = 1.5',
            "loratui.toml: subset[0].repeats must be a whole number or a text, and is a number.",
            "Mend the value.",
        ),
    ],
)
def test_a_wrong_value_is_told_in_words_of_the_file(project: Path, text: str, message: str, remedy: str) -> None:
    (project / "loratui.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        Project.load(project)
    assert (raised.value.message, raised.value.remedy) == (message, remedy)


def test_a_limit_of_config_toml_is_told(project: Path) -> None:
    config.config_path().parent.mkdir()
    config.config_path().write_text('[boards.mine]\nengine = "danbooru"\nurl = "http://a"\ntransfers = 99\n')
    with pytest.raises(UsageError, match=r"^config\.toml: boards\.\*\.transfers must be at most 16\.$"):
        config.load()


def test_a_project_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for dry in (False, True):
        with pytest.raises(UsageError, match="is a file"):
            Project.create(tmp_path / "file", dry_run=dry)


def test_new_makes_adopts_and_refuses(tmp_path: Path) -> None:
    made = Project.create(tmp_path / "my lora!", trigger="word")
    assert made.subsets[0].folder == "dataset/my_lora" and (made.root / "dataset/my_lora").is_dir()
    with pytest.raises(Refused):
        Project.create(tmp_path / "my lora!")
    picture(tmp_path / "flat/a.png")
    assert [subset.folder for subset in Project.create(tmp_path / "flat").subsets] == ["."]
    picture(tmp_path / "kohya/3_kafka/a.png")
    picture(tmp_path / "kohya/1_other/a.png")
    kohya = Project.create(tmp_path / "kohya").subsets
    assert [(subset.folder, subset.repeats) for subset in kohya] == [("1_other", 1), ("3_kafka", 3)]
    assert machine.known_projects()[0] == (tmp_path / "kohya").resolve()
    assert len(machine.known_projects()) == 3


def test_a_project_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable, "write_file", full)
    for name in ("new", "there"):
        with pytest.raises(LoratuiError, match="the disk is full"):
            Project.create(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_where_a_folder_leads(project: Path, tmp_path: Path) -> None:
    picture(project / "dataset/kafka/a.png")
    picture(tmp_path / "elsewhere/one/a.png")
    picture(tmp_path / "elsewhere/two/a.png")
    inside = Workspace.open(project / "dataset")
    assert inside.root == project and inside.at() == (inside, ["dataset/kafka"])
    assert inside.at("kafka")[1] == ["dataset/kafka"] and inside.at(str(project / "dataset"))[1] == ["dataset/kafka"]
    other, folders = inside.at(str(tmp_path / "elsewhere"))
    assert other.root == tmp_path / "elsewhere" and other.project is None and folders == ["one", "two"]
    with pytest.raises(UsageError, match="kafkaa"):
        inside.at("kafkaa")
    free = Workspace.open(tmp_path / "elsewhere/one")
    assert free.at() == (free, [""]) and len(free.images()) == 1
    with pytest.raises(UsageError):
        free.need_project()
    with pytest.raises(UsageError):
        Workspace.open(tmp_path / "nowhere")


def test_a_subset_folder_that_went_away_is_named(project: Path) -> None:
    (project / "dataset/kafka").rmdir()
    with pytest.raises(UsageError, match="dataset/kafka"):
        Workspace.open(project).at()


def test_configuration_keys_are_private_and_comments_stay() -> None:
    assert config.load().boards["danbooru"].engine == "danbooru"
    config.config_path().parent.mkdir(parents=True, exist_ok=True)
    config.config_path().write_text(
        "# mine\n[boards.mine] # a loopback one\nengine = 'danbooru'\nurl = 'http://127.0.0.1:1'\n"
    )
    config.set_value("boards.gelbooru.api_key", "secret")
    config.set_value("ui.slow_link", True)
    assert config.config_path().stat().st_mode & 0o777 == 0o600
    assert "# a loopback one" in config.config_path().read_text()
    loaded = config.load()
    assert loaded.boards["gelbooru"].api_key == "secret" and loaded.boards["gelbooru"].engine == "gelbooru"
    assert loaded.boards["mine"].url == "http://127.0.0.1:1" and loaded.ui.slow_link
    config.config_path().write_text("[boards.mine]\nenginee = 'x'\n")
    with pytest.raises(UsageError, match="enginee"):
        config.load()


def test_local_files_come_in_once_and_go_back(project: Path, tmp_path: Path) -> None:
    source = tmp_path / "mine"
    picture(source / "a.png")
    picture(source / "bb.png")
    (source / "a.txt").write_text("solo")
    (source / "notes.md").write_text("x")
    changes = Workspace.open(project).changes
    result = take_in(changes, "dataset/kafka", [source])
    assert len(result.added) == 2 and result.refused == [(str(source / "notes.md"), "it is no image")]
    assert (project / "dataset/kafka/a.txt").read_text() == "solo"
    assert take_in(changes, "dataset/kafka", [source / "a.png"]).existing == [str(source / "a.png")]
    picture(source / "x/a.png")
    Pillow.new("RGB", (9, 9)).save(source / "x/a.png")
    assert take_in(changes, "dataset/kafka", [source / "x"], move=True).added == ["dataset/kafka/a_2.png"]
    assert not (source / "x/a.png").exists()
    changes.undo(2)
    assert not list((project / "dataset/kafka").iterdir()) and (source / "a.png").exists()
    with pytest.raises(LoratuiError):
        take_in(changes, "dataset/kafka", [source / "gone.png"])


def test_a_long_name_keeps_its_suffix_and_its_own(project: Path, tmp_path: Path) -> None:
    source, name = tmp_path / "mine", "n" * 150
    picture(source / f"{name}.png")
    (source / f"{name}.TXT").write_text("solo")
    (source / f"{name}.json").write_text("{}")
    changes = Workspace.open(project).changes
    result = take_in(changes, "dataset/kafka", [source], move=True)
    assert not result.refused and not list(source.iterdir())
    stem = "n" * 110
    assert result.added == [f"dataset/kafka/{stem}.png"]
    assert {path.name for path in (project / "dataset/kafka").iterdir()} == {
        f"{stem}.{suffix}" for suffix in ("png", "TXT", "json")
    }
    assert Workspace.open(project).dataset().tags == [("solo",)]


def test_moving_in_leaves_what_is_not_an_image_of_the_dataset(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "mine"
    for name in ("a.png", "a.jpg", "bb.png", "ccc.png"):
        picture(source / name)
    for stem in ("a", "bb", "ccc"):
        (source / f"{stem}.txt").write_text(stem)
    changes = Workspace.open(project).changes
    take_in(changes, "dataset/kafka", [source / "a.png"], move=True)
    assert not (source / "a.png").exists() and (source / "a.txt").read_text() == "a"  # a.jpg needs it
    assert (project / "dataset/kafka/a.txt").read_text() == "a"
    take_in(changes, "dataset/kafka", [source / "bb.png"])
    assert take_in(changes, "dataset/kafka", [source / "bb.png"], move=True).existing and (source / "bb.txt").exists()
    monkeypatch.setattr(intake, "_free_name", lambda name, stems: "without suffix")
    take_in(changes, "dataset/kafka", [source / "ccc.png"], move=True)
    assert (source / "ccc.png").exists() and (source / "ccc.txt").exists()


def test_a_flat_project_takes_images_in(tmp_path: Path) -> None:
    picture(tmp_path / "flat/a.png")
    picture(tmp_path / "mine/bb.png")
    project = Project.create(tmp_path / "flat")
    assert take_in(Workspace.open(project.root).changes, ".", [tmp_path / "mine"]).added == ["bb.png"]


def test_a_workspace_sees_what_others_write_into_loratui_toml(project: Path) -> None:
    workspace = Workspace.open(project)
    assert workspace.project is not None
    (project / "loratui.toml").write_text(PRINTED.replace("hsr_kafka", "renamed"))
    workspace.refresh()
    assert workspace.project.name == "renamed"
    (project / "loratui.toml").write_text(PRINTED.replace("trigger =", "triger ="))
    with pytest.raises(UsageError):
        workspace.refresh()
    assert workspace.project.name == "renamed"


def test_a_new_subset_is_a_part_of_the_step_that_fills_it(project: Path) -> None:
    workspace = Workspace.open(project)
    before = (project / "loratui.toml").read_bytes()
    edit = workspace.need_project().with_subsets(["dataset/a", "dataset/b"])
    assert (project / "loratui.toml").read_bytes() == before == edit.old
    workspace.changes.apply(Plan("subset split", "t", (edit,)))
    workspace.refresh()
    assert [subset.name for subset in workspace.need_project().subsets] == ["kafka", "a", "b"]
    workspace.changes.undo()
    assert (project / "loratui.toml").read_bytes() == before
