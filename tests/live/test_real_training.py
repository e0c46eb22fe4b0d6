"""Trains for real with sd-scripts.

Needs LORATUI_SD_SCRIPTS (its folder), LORATUI_TRAINER_PYTHON and LORATUI_BASE (an SD1.5 model); a machine without
network needs LORATUI_TOKENIZERS, too, the folder for `--tokenizer_cache_dir`.
"""

import json
import math
import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.live.kit import Live, header, metadata, state

pytestmark = [pytest.mark.live, pytest.mark.timeout(3600)]


def test_a_training_outlives_the_terminal_it_was_started_in(live: Live) -> None:
    master, terminal = pty.openpty()
    shell = subprocess.Popen(
        ["/bin/sh", "-c", '"$@"; echo started; sleep 1000', "sh", *live.command("train", *live.sets())],
        preexec_fn=lambda: os.login_tty(terminal), pass_fds=(terminal,),
    )  # fmt: skip
    os.close(terminal)
    run = _first_run(live.root, master)
    assert live.follow(run.name, lambda event: event["type"] == "step")["step"] >= 1
    os.close(master)  # the terminal is gone: its programs get SIGHUP
    shell.wait(timeout=30)

    events = live.watch("last")

    assert events[-1]["type"] == "state"
    assert state(run)["state"] == "done"
    assert math.isfinite(state(run)["loss"])
    header = metadata(run / "checkpoints" / "kiri.safetensors")
    assert (header["ss_epoch"], header["ss_network_dim"]) == ("2", "4")
    assert header["ss_steps"] == str(live.call("runs")["runs"][0]["total_steps"])
    assert (run / "checkpoints" / "kiri-000001.safetensors").exists()


def _first_run(root: Path, terminal: int) -> Path:
    """The run's folder, once the trainer was started from that terminal."""
    shown = b""
    while b"started" not in shown:
        shown += os.read(terminal, 4096)
    runs = list((root / "runs").glob("*/"))
    assert len(runs) == 1, shown.decode(errors="replace")
    return runs[0]


def test_stop_leaves_the_last_save_and_ends_the_trainer(live: Live) -> None:
    run = live.train(epochs=50)
    live.follow(run.name, lambda event: event["type"] == "save")

    live.call("stop", run.name)
    live.watch(run.name, code=1)

    found = state(run)
    assert found["state"] == "stopped"
    assert not Path(f"/proc/{found['pid']}").exists()
    assert metadata(run / "checkpoints" / "kiri-000001.safetensors")["ss_epoch"] == "1"


def test_stop_after_save_waits_for_the_next_one_and_resume_goes_on_from_it(live: Live) -> None:
    run = live.train(epochs=3, save_state="true")
    live.follow(run.name, lambda event: event["type"] == "step")
    live.call("stop", run.name, "--after-save")
    live.watch(run.name, code=1)
    assert state(run)["state"] == "stopped"
    assert (run / "checkpoints" / "kiri-000001.safetensors").exists()

    again = Path(live.call("resume", run.name)["path"])
    live.watch(again.name)

    assert state(again)["state"] == "done"
    assert metadata(again / "checkpoints" / "kiri.safetensors")["ss_epoch"] == "3"


@pytest.mark.parametrize(
    ("kind", "module", "key", "words"),
    [
        ("locon", "networks.lora", "lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight", {"conv_dim": "2"}),
        (
            "loha",
            "lycoris.kohya",
            "lora_unet_down_blocks_0_resnets_0_conv1.hada_w1_a",
            {"algo": "loha", "conv_dim": "2"},
        ),
    ],
)
def test_the_other_networks_train_convolutions_too(
    live: Live, kind: str, module: str, key: str, words: dict[str, str]
) -> None:
    run = live.train(network_type=kind, conv_dim=2, epochs=1)

    events = live.watch(run.name)

    assert state(run)["state"] == "done"
    assert all({"unet", "textencoder"} <= event["lr"].keys() for event in events if event["type"] == "step")
    trained = header(run / "checkpoints" / "kiri.safetensors")
    assert key in trained
    metadata = trained["__metadata__"]
    assert metadata["ss_network_module"] == module
    assert words.items() <= json.loads(metadata["ss_network_args"]).items()


def test_a_failing_trainer_says_why(live: Live) -> None:
    run = live.train(optimizer_args="no_such_argument=1")

    live.watch(run.name, code=1)

    found = state(run)
    assert found["state"] == "failed"
    assert "no_such_argument" in found["reason"]


def test_preflight_refuses_a_base_that_is_cut_off(live: Live, tmp_path: Path) -> None:
    whole = Path(os.environ["LORATUI_BASE"])
    cut = live.root / whole.name
    with whole.open("rb") as stream:
        cut.write_bytes(stream.read(1 << 20))
    toml = live.root / "loratui.toml"
    toml.write_text(toml.read_text().replace(f'"{whole.name}"', f'"{cut}"'))

    started = time.monotonic()
    live.call("train", *live.sets(), code=3)

    assert time.monotonic() - started < 60
    assert not (live.root / "runs").exists()
