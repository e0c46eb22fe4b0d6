"""The job: everything decided, in the form runs are frozen from."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from loratui.core.errors import LoratuiError, Refused, UsageError
from loratui.core.training.compose import compose
from loratui.core.training.job import Job
from loratui.core.training.samples import prompts
from loratui.core.training.situation import survey
from loratui.core.workspace import Workspace
from tests import training_kit as kit


def job_of(workspace: Workspace, sets: Sequence[str] = (), gpus: Sequence[int] = ()) -> Job:
    return compose(survey(workspace, sets, gpus=gpus))


def test_a_job_holds_all_that_was_decided(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=3)
    (workspace.root / "dataset" / "kafka" / "001.txt").unlink()

    job = job_of(workspace, ["epochs=4", "network_dim=16"], gpus=(1,))

    assert (job.name, job.preset, job.gpus, job.project) == ("kafka", "sd15-character", (1,), workspace.root)
    assert (job.epochs, job.steps_per_epoch, job.steps) == (4, 101, 404)
    assert job.script == tmp_path / "sd" / "train_network.py"
    assert job.arguments["network_dim"] == 16 and job.arguments["max_train_epochs"] == 4
    assert job.arguments["pretrained_model_name_or_path"] == str(tmp_path / "models" / "base.safetensors")
    assert job.recipe["preset"] == "sd15-character" and job.recipe["network_dim"] == 16
    (subset,) = job.subsets
    assert subset.name == "kafka"
    assert [image.name for image in subset.images] == ["000.png", "001.png", "002.png"]
    assert [caption and caption.name for caption in subset.captions] == ["000.txt", None, "002.txt"]
    assert subset.options == {"num_repeats": 67, "keep_tokens": 1}
    assert all("kafka" in prompt and "--w 512" in prompt for prompt in prompts(job.prompts))
    assert job.arguments["sample_every_n_epochs"] == 1


def test_sdxl_takes_its_own_script_and_preset(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=2)
    kit.model(tmp_path / "models" / "base.safetensors", kit.SDXL)
    job = job_of(workspace)
    assert (job.script.name, job.preset) == ("sdxl_train_network.py", "sdxl-character")
    assert job.dataset["dataset"]["resolution"] == 1024
    assert job.arguments["no_half_vae"] is True


def test_without_samples_nothing_speaks_of_them(tmp_path: Path) -> None:
    job = job_of(kit.ready(tmp_path, images=2), ["sample_prompts="])
    assert job.prompts == "" and not any(key.startswith("sample") for key in job.arguments)


def test_a_prompt_file_of_the_project_is_taken_over(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=2)
    (workspace.root / "mine.txt").write_text("kafka smiles --d 1\n")
    assert job_of(workspace, ["sample_prompts=mine.txt"]).prompts == "kafka smiles --d 1\n"


def test_paths_of_settings_are_seen_from_the_project(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=2)
    job = job_of(workspace, ["network_weights=old.safetensors", "tokenizer_cache_dir=/tokenizers"])
    assert job.arguments["network_weights"] == str(workspace.root / "old.safetensors")
    assert job.arguments["tokenizer_cache_dir"] == "/tokenizers"


def test_subsets_of_one_name_get_folders_of_their_own_and_empty_ones_none(tmp_path: Path) -> None:
    more = '[[subset]]\nfolder = "other/kafka"\ntrigger = "kafka, red"\n[[subset]]\nfolder = "other/empty"'
    workspace = kit.ready(tmp_path, images=2, subset=more)
    kit.picture(workspace.root / "other" / "kafka" / "a.png")
    (workspace.root / "other" / "empty").mkdir()
    job = job_of(workspace)
    assert [subset.name for subset in job.subsets] == ["kafka", "kafka-2"]
    assert [subset.options["keep_tokens"] for subset in job.subsets] == [1, 2]


def test_the_project_folder_itself_may_be_the_subset(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=1)
    toml = workspace.root / "loratui.toml"
    toml.write_text(toml.read_text().replace("dataset/kafka", "."))
    kit.picture(workspace.root / "a.png")
    assert [subset.name for subset in job_of(Workspace.open(workspace.root)).subsets] == ["kafka"]


def test_unreadable_images_are_left_out(tmp_path: Path) -> None:
    workspace = kit.ready(tmp_path, images=2)
    (workspace.root / "dataset" / "kafka" / "bad.png").write_bytes(b"")
    assert len(job_of(workspace).subsets[0].images) == 2


def test_what_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoratuiError, match="not set up"):
        job_of(kit.project(tmp_path / "bare"))
    with pytest.raises(Refused, match="no images"):
        job_of(kit.ready(tmp_path, images=0))
    kit.model(tmp_path / "models" / "base.safetensors", {"double_blocks.0.x": (1,)})
    with pytest.raises(Refused, match="Flux"):
        job_of(Workspace.open(tmp_path / "kafka"))
    with pytest.raises(UsageError, match="not inside a loratui project"):
        job_of(Workspace.open(tmp_path))
