"""The verbs of training and of the machine, as they are typed."""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loratui.cli.main import run
from loratui.core import hub
from loratui.core.workspace import Workspace
from tests import training_kit as kit


class Called:
    """What one call gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        assert self.out.isascii() and self.out.count("\n") == 1
        return json.loads(self.out)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> Called:
        code = run(words)
        caught = capsys.readouterr()
        return Called(code, caught.out, caught.err)

    return call


@pytest.fixture
def here(tmp_path: Path) -> str:
    """A project that may be trained."""
    return str(kit.ready(tmp_path).root)


def test_plan_counts_exactly(call: Any, here: str) -> None:
    document = call("-C", here, "plan", "--json").document
    assert document["subsets"] == [{"name": "kafka", "images": 20, "repeats": 10}]
    assert {key: document[key] for key in ("images_per_epoch", "epochs", "batch", "steps", "steps_exact")} == {
        "images_per_epoch": 200,
        "epochs": 10,
        "batch": 2,
        "steps": 1000,
        "steps_exact": 1000,
    }
    assert call("plan", "-C", here, "--full", "--json").document["epochs"] == 17
    assert "× 10 epochs" in call("-C", here, "plan", "--quick", "--set", "epochs=3").out
    assert "× 3 epochs ÷ 4 =" in call("-C", here, "plan", "--set", "epochs=3", "--set", "batch_size=4").out
    assert call("-C", here, "plan", "--quick", "--full").code == 2


def test_plan_of_an_empty_project_is_nothing_found(call: Any, tmp_path: Path) -> None:
    root = str(kit.ready(tmp_path, images=0).root)
    found = call("-C", root, "plan", "--json")
    assert (found.code, found.document["steps_exact"]) == (0, 0)


def test_recipe_tells_origins_and_saves_only_when_told(call: Any, here: str) -> None:
    rows = {
        row["key"]: row for row in call("-C", here, "recipe", "--set", "network_dim=8", "--json").document["settings"]
    }
    assert (rows["network_dim"]["value"], rows["network_dim"]["origin"]) == (8, "set")
    assert (rows["unet_lr"]["value"], rows["unet_lr"]["origin"], rows["unet_lr"]["source"]) == (5e-4, "preset", "guide")
    toml = Path(here, "loratui.toml")
    before = toml.read_text()

    call("-C", here, "recipe", "--set", "rank=8", "--save", "--dry-run")
    assert toml.read_text() == before
    call("-C", here, "recipe", "--set", "rank=8", "--set", "preset=sd15-style", "--save")
    assert Workspace.open(Path(here)).need_project().training == {"network_dim": 8, "preset": "sd15-style"}
    assert "--all shows them" in call("-C", here, "recipe").out
    assert call("-C", here, "recipe", "--save").code == 2


def test_a_typo_is_two_with_the_nearest_name(call: Any, here: str) -> None:
    for verb in ("recipe", "plan", "preflight", "train"):
        found = call("-C", here, verb, "--set", "netwrok_dim=8")
        assert (found.code, found.out) == (2, "")
        assert "Did you mean network_dim?" in found.err
    toml = Path(here, "loratui.toml")
    toml.write_text(toml.read_text() + "netwrok_dim = 8\n")
    found = call("-C", here, "recipe", "--json")
    assert found.code == 2 and found.document["error"]["exit"] == 2


def test_presets_are_listed(call: Any) -> None:
    document = call("presets", "--json").document
    assert [row["name"] for row in document["presets"]] == [
        "sd15-character",
        "sd15-style",
        "sdxl-character",
        "sdxl-style",
    ]
    assert "sd15-style" in call("presets").out


def test_verbs_of_a_project_need_one(call: Any, tmp_path: Path) -> None:
    for verb in ("plan", "recipe", "preflight", "train"):
        found = call("-C", str(tmp_path), verb)
        assert found.code == 2 and "loratui new" in found.err


def test_preflight_is_three_where_something_blocks(call: Any, here: str, tmp_path: Path) -> None:
    found = call("-C", here, "preflight", "--json")
    assert found.code == 0 and found.document["ok"] is True
    (tmp_path / "models" / "base.safetensors").unlink()
    found = call("-C", here, "preflight", "--json")
    assert found.code == 3 and found.document["ok"] is False
    block = found.document["checks"][0]
    assert (block["id"], block["level"]) == ("base-model", "block") and block["message"] and block["remedy"]
    assert "✖ base-model" in call("-C", here, "preflight").out


def test_train_refuses_and_leaves_nothing(call: Any, here: str, tmp_path: Path) -> None:
    (tmp_path / "models" / "base.safetensors").unlink()
    found = call("-C", here, "train", "--json")
    assert found.code == 3
    assert found.document["error"]["message"].startswith("Not started: The model")
    assert not Path(here, "runs").exists()


def test_a_dry_run_of_training_starts_nothing(call: Any, here: str) -> None:
    before = sorted(Path(here).rglob("*"))
    document = call("-C", here, "train", "--set", "epochs=2", "--dry-run", "--json").document
    assert (document["run"], document["dry_run"], document["epochs"]) == (None, True, 2)
    assert sorted(Path(here).rglob("*")) == before
    assert not Path(here, "runs").exists()


@pytest.mark.parametrize("word", ["x", "0,0", "-1", "0;1"])
def test_gpus_must_be_numbers(call: Any, here: str, word: str) -> None:
    assert call("-C", here, "train", f"--gpu={word}").code == 2


def test_train_starts_a_run_that_ends_well(call: Any, here: str, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[1] / "fake_trainer.py", tmp_path / "sd" / "train_network.py")
    kit.configure(sys.executable, tmp_path / "sd", tmp_path / "models")
    small = [word for pair in ("epochs=1", "sample_prompts=", "batch_size=40") for word in ("--set", pair)]

    document = call("-C", here, "train", *small, "--json").document

    folder = Path(document["path"])
    assert folder == Path(here, "runs", document["run"]) and document["steps"] == 5
    state: dict[str, Any] = {}
    for _ in range(400):
        state = json.loads((folder / "state.json").read_text())
        if state["state"] in ("done", "failed", "stopped", "interrupted"):
            break
        time.sleep(0.05)
    assert state["state"] == "done", (folder / "train.log").read_text()
    assert (folder / "checkpoints" / "kafka.safetensors").exists()


# ---- the machine


def test_models_lists_what_is_here_and_what_can_be_had(call: Any, here: str, tmp_path: Path) -> None:
    (tmp_path / "models" / "broken.safetensors").write_bytes(b"x")
    document = call("-C", here, "models", "--hash", "--json").document
    (row,) = document["models"]
    assert (row["name"], row["role"], row["family"], len(row["sha256"])) == ("base.safetensors", "base", "sd15", 64)
    levels = [(check["id"], check["level"]) for check in document["checks"]]
    assert levels == [("model", "warn"), ("models", "ok"), ("base-model", "ok")]
    assert "sdxl" in [known["name"] for known in document["fetchable"]]
    (tmp_path / "models" / "base.safetensors").unlink()
    assert "No model files were found" in call("-C", here, "models").out


def test_fetching_asks_first_names_the_size_and_a_dry_run_fetches_nothing(
    call: Any, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "size", lambda *given, **more: 4_270_000_000)
    monkeypatch.setattr(hub, "fetch", lambda *given, **more: pytest.fail("fetched"))
    found = call("-C", here, "models", "--get", "sd15", "--json")
    assert found.code == 2 and "4.27 GB" in found.document["error"]["message"]
    assert call("-C", here, "models", "--get", "sd15", "--dry-run", "--json").document["bytes"] == 4_270_000_000
    found = call("-C", here, "models", "--get", "sdx1")
    assert found.code == 2 and "Did you mean sdxl?" in found.err


def test_a_fetched_model_is_told_from_its_header(
    call: Any, here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "size", lambda *given, **more: 100)
    monkeypatch.setattr(hub, "fetch", lambda repo, files, folder, **more: [kit.model(folder / files[0], kit.SD15)])
    document = call("-C", here, "models", "--get", "sd15", "--to", str(tmp_path / "new"), "--yes", "--json").document
    assert "SD1.5 base model" in document["checks"][0]["message"]
    again = call("-C", here, "models", "--get", "sd15", "--to", str(tmp_path / "new"), "--json").document
    assert "is here already" in again["checks"][0]["message"]


def test_setup_asks_first_and_a_dry_run_prints_the_commands(call: Any, tmp_path: Path) -> None:
    found = call("-C", str(tmp_path), "setup", "--json")
    assert found.code == 2 and "--yes" in found.document["error"]["remedy"]
    document = call("-C", str(tmp_path), "setup", "--dry-run", "--json").document
    assert document["dry_run"] is True
    assert any("sd-scripts" in step["command"] for step in document["steps"])
    assert "git clone" in call("-C", str(tmp_path), "setup", "--dry-run").out
    assert not (tmp_path / "trainer").exists()


def test_doctor_looks_at_everything_and_is_no_failure(call: Any, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "1 2 3 4")
    monkeypatch.setenv("TERM", "xterm-kitty")
    found = call("-C", here, "doctor", "--json")
    assert found.code == 0
    checks = {check["id"]: check for check in found.document["checks"]}
    assert {
        "python",
        "packages",
        "onnxruntime",
        "trainer",
        "gpu",
        "state-home",
        "terminal",
        "locale",
        "session",
    } <= checks.keys()
    assert "CPU" in checks["onnxruntime"]["message"]
    assert "ssh -C" in checks["link"]["remedy"]
    assert "Kitty" in checks["graphics"]["message"]


def test_doctor_names_what_the_trainer_lacks_and_what_is_broken_in_it(call: Any, here: str, tmp_path: Path) -> None:
    def trainer(**facts: Any) -> dict[str, dict[str, str]]:
        python = kit.answering_python(tmp_path / f"python{len(list(tmp_path.iterdir()))}", **facts)
        kit.configure(python, tmp_path / "sd", tmp_path / "models")
        return {check["id"]: check for check in call("-C", here, "doctor", "--json").document["checks"]}

    lacking = trainer(packages={name: "1" for name in kit.PACKAGES if name != "toml"})["trainer"]
    assert lacking["level"] == "warn" and "lacks toml" in lacking["message"] and lacking["fix"] == "loratui setup"
    found = trainer(broken={"bitsandbytes": "OSError: libcudart.so"})
    assert found["trainer"]["level"] == "ok"
    assert "pip install --force-reinstall --no-deps bitsandbytes" in found["trainer-packages"]["remedy"]
