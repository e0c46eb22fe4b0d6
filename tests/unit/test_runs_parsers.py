"""What the trainer writes, taken apart: on its own recordings, and on anything at all."""

import json
import math
import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loratui.core.runs import checkpoints, supervisor
from loratui.core.runs.remedies import remedy
from loratui.core.runs.series import CAPACITY, Series
from loratui.core.runs.tfevents import EventFile
from loratui.core.runs.train_log import LONGEST, Bar, Epoch, Fact, LogParser, Saved, Text, parse
from tests.fake_trainer import event, safetensors

OUTPUTS = ("merged.raw", "pty.raw", "stdout.raw", "stderr.raw")


def recordings(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "recordings/sd-scripts").iterdir() if (path / "result.json").exists())


def output(folder: Path) -> bytes:
    return b"\n".join((folder / name).read_bytes() for name in OUTPUTS if (folder / name).exists())


def entries(data: bytes) -> list[object]:
    parser = LogParser()
    return [*parser.feed(data), *parser.close()]


@pytest.mark.shared
def test_every_recorded_log_is_understood(shared: Path) -> None:
    seen = 0
    for folder in recordings(shared):
        found = entries(output(folder))
        texts = [one.text for one in found if isinstance(one, Text)]
        assert not [text for text in texts if "it/s" in text or "s/it" in text], folder.name
        assert not [text for text in texts if "\x1b" in text or text.startswith(("epoch 1", "saving checkpoint"))], (
            folder.name
        )
        facts = {one.name: one.value for one in found if isinstance(one, Fact)}
        bars = [one for one in found if isinstance(one, Bar) and one.name == "steps"]
        if not bars:
            continue
        seen += 1
        assert set(facts) == {"images", "validation_images", "batches_per_epoch", "epochs", "accumulation", "steps"}, (
            folder.name
        )
        assert bars[-1].done == max(bar.done for bar in bars)
        assert bars[-1].total == facts["steps"]
        if "--accelerate" not in folder.name and json.loads((folder / "result.json").read_text())["rc"] == 0:
            assert [one for one in found if isinstance(one, Epoch)], folder.name
            assert [one for one in found if isinstance(one, Saved)], folder.name
    assert seen > 35


@pytest.mark.shared
def test_every_recorded_event_file_is_decoded(shared: Path) -> None:
    files = list((shared / "recordings/sd-scripts").glob("*/logs/*/*/events*"))
    assert len(files) > 8
    for path in files:
        scalars = EventFile(path).read()
        tags = Counter(one.tag for one in scalars)
        assert tags["loss/current"] == tags["loss/average"] == tags["lr/unet"] > 0
        assert all(1.7e9 < one.time < 2e9 for one in scalars)
        losses, _ = supervisor.losses(path.read_bytes())
        assert repr(losses) == repr([(one.x, one.value) for one in scalars if one.tag == "loss/current"])
    nan = EventFile(next((shared / "recordings/sd-scripts/52_nan_loss_RC0/logs").glob("*/*/*"))).read()
    assert math.isnan([one.value for one in nan if one.tag == "loss/current"][-1])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("42_fail_undecodable_image", "ZeroDivisionError: division by zero (/home/user/project/data2/corrupt/"),
        (
            "43_fail_truncated_image",
            "OSError: image file is truncated (6 bytes not processed) (/home/user/project/data2/trunc/",
        ),
        ("44_fail_bad_model_path", "ValueError: The provided pretrained_model_name_or_path"),
        ("45_fail_unknown_arg_python", "train_network.py: error: unrecognized arguments: --no_such_option 3"),
        ("46_fail_unknown_arg_accelerate", "train_network.py: error: unrecognized arguments: --no_such_option 3"),
        ("47_fail_bad_toml_key", "voluptuous.error.MultipleInvalid: extra keys not allowed"),
        ("48_fail_tokenizer_offline", "TypeError: expected str, bytes or os.PathLike object, not NoneType"),
        ("21_lycoris_locon_default_preset_FAIL", "AssertionError: duplicated lora name"),
        ("53_disk_full_state", "safetensors_rust.SafetensorError: Error while serializing"),
        ("54_disk_full_tfevents", "OSError: [Errno 28] No space left on device"),
        ("56_fail_empty_caption_file", "AssertionError: caption file is empty"),
        ("57_fail_bucketing_off", "AssertionError: image too large, but cropping and bucketing are disabled"),
    ],
)
def test_the_reason_of_a_recorded_failure(shared: Path, name: str, reason: str) -> None:
    found = supervisor.failure(output(shared / "recordings/sd-scripts" / name)[-supervisor.TAIL :])
    assert found.startswith(reason)
    assert remedy(found)


@pytest.mark.shared
def test_headers_of_recorded_checkpoints(shared: Path, tmp_path: Path) -> None:
    header = (shared / "recordings/sd-scripts/headers/real_lora_epoch1.json").read_bytes()
    size = max(tensor["data_offsets"][1] for name, tensor in json.loads(header).items() if name != "__metadata__")
    path = tmp_path / "lora-000001.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + size)
    found = checkpoints.read(path)
    assert found is not None and (found.epoch, found.step) == (1, 10)
    with path.open("r+b") as stream:
        stream.truncate(8 + len(header) + size - 1)
    assert checkpoints.read(path) is None


def test_a_bar_glued_to_a_log_line() -> None:
    bar = b"steps:  33%|\xe2\x96\x88\xe2\x96\x88      | 10/30 [01:07<02:14,  6.75s/it, avr_loss=1.1]"
    text = "2026-11-23 14:39:02 INFO     saving state"
    assert parse(bar + text.encode()) == [Bar("steps", 10, 30, 1.1), Text(text, "INFO")]


def test_other_shapes() -> None:
    assert parse(b"validation steps: 100%|#| 8/8 [00:01<00:00, 7.0it/s, val_avg_loss=1.12, timestep=600]") == [
        Bar("validation steps", 8, 8)
    ]
    norm = b"steps:  50%|#| 1/2 [00:01<00:01, 1.0s/it, Average key norm=0.009, Keys Scaled=0, avr_loss=0.754]"
    assert parse(norm) == [Bar("steps", 1, 2, 0.754)]
    nan = parse(b"steps:  50%|#| 1/2 [00:01<00:01, 1.0s/it, avr_loss=nan]")[0]
    assert isinstance(nan, Bar) and nan.average is not None and math.isnan(nan.average)
    assert parse(b"\x1b]8;id=1;file:///x\x1b\\epoch 3/10\x1b]8;;\x1b\\") == [Epoch(3, 10)]
    assert parse(b"removing old checkpoint: /a b/kafka-000001.safetensors") == [
        Saved("/a b/kafka-000001.safetensors", True)
    ]
    assert parse("  total optimization steps / 学習ステップ数: 30".encode()) == [Fact("steps", 30)]
    assert parse(b"                    WARNING  no regularization images")[0] == Text(
        "                    WARNING  no regularization images", "WARNING"
    )


pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"\rsteps:  33%|##   | 10/30 [01:07<02:14,  6.75s/it, avr_loss=1.1]",
            b"\n",
            b"\r\n",
            b"\x1b[A",
            b"epoch 1/3\n",
            b"\xe6\x8c",
            b"saving checkpoint: /x\n",
            b"]8;;",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=20), st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_any_bytes_in_any_pieces(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    parser, found, at, turn = LogParser(), [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        found += parser.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    found += parser.close()
    assert repr(found) == repr(entries(data))
    supervisor.failure(data)
    supervisor.losses(data)


def test_a_line_without_end_stays_bounded() -> None:
    parser = LogParser()
    found = []
    for _ in range(40):
        found += parser.feed(b"x" * 10_000)
    found += parser.close()
    assert found == entries(b"x" * 400_000)
    assert max(len(one.text) for one in found if isinstance(one, Text)) <= LONGEST


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_event_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("events") / "events.out.tfevents.1"
    path.write_bytes(data)
    EventFile(path).read()
    framed = struct.pack("<QI", len(data), 0) + data + bytes(4)
    path.write_bytes(framed)
    EventFile(path).read()
    supervisor.losses(framed)


def test_an_event_file_that_grows_byte_by_byte(tmp_path: Path) -> None:
    tags = ("loss/current", "loss/average", "lr/unet")
    data = b"".join(
        event(1.7e9 + step, step, tag, step / 7, tensor=step % 2 == 0) for step in range(0, 140, 9) for tag in tags
    )
    path = tmp_path / "events"
    whole = EventFile(path)
    path.write_bytes(data)
    expected = whole.read()
    assert [(one.x, one.tag) for one in expected] == [(step, tag) for step in range(0, 140, 9) for tag in tags]
    assert expected[-1].value == pytest.approx(135 / 7)
    file, found = EventFile(path), []
    for end in range(0, len(data) + 1, 13):
        path.write_bytes(data[:end])
        found += file.read()
    path.write_bytes(data)
    assert found + file.read() == expected
    losses, size = supervisor.losses(data)
    assert size == len(data)
    assert losses == [(one.x, one.value) for one in expected if one.tag == "loss/current"]


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_checkpoint(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("files") / "x.safetensors"
    for content in (data, struct.pack("<Q", len(data)) + data, safetensors({})[: len(data)]):
        path.write_bytes(content)
        assert checkpoints.read(path) is None or content == safetensors({})


def test_states_to_resume_from(tmp_path: Path) -> None:
    for name, last in (
        ("a-000001-state", b"x"),
        ("a-step00000014-state", b"x"),
        ("a-000002-state", b""),
        ("b-state", None),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "train_state.json").write_text('{"current_epoch": 1, "current_step": 10}')
        if last is not None:
            (folder / "random_states_0.pkl").write_bytes(last)
    found = checkpoints.states(tmp_path, 4)
    assert [(one.epoch, one.step) for one in found] == [(1, None), (None, 14)]


def test_a_curve_stays_small_and_true() -> None:
    series = Series()
    for step in range(100_000):
        series.append(step, math.nan if step % 10 == 0 else step)
    assert len(series.xs) == len(series.ys) < CAPACITY
    assert series.xs == pytest.approx(series.ys)
    assert series.ys[0] < series.stride * 2 and series.ys[-1] > 99_000
    flat = Series()
    for step in range(50):
        flat.append(step, 5.0)
    assert flat.smoothed(10) == pytest.approx([5.0] * 50)
