"""A stand-in for sd-scripts' train_network.py as a process: same output, event files, checkpoints, states and samples.

    python fake_trainer.py --config_file config.toml

It reads the same two TOML files and learns nothing. Keys that the real one would ignore steer it:

    fake_seconds       seconds per step (0.02)
    fake_start         seconds before the first line (0)
    fake_nan_at        the loss is NaN from this step on
    fake_nan_once      the loss is NaN at this step only
    fake_raise_at      an OSError at this step, with a traceback
    fake_hang_at       nothing more happens from this step on
    fake_ignore_term   SIGTERM is ignored
    fake_no_final      ends with exit 0 without the last checkpoint
    fake_half_final    the last checkpoint is cut off
    fake_child         a child process in the group that ignores SIGTERM
    fake_exit          the exit code at the end
    fake_log           bytes of noise written to stderr at every step
"""

import json
import math
import os
import random
import signal
import struct
import subprocess
import sys
import time
import tomllib
import zlib
from pathlib import Path

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_CRC = []
for _index in range(256):
    _value = _index
    for _ in range(8):
        _value = (_value >> 1) ^ (0x82F63B78 if _value & 1 else 0)
    _CRC.append(_value)


def masked_crc(data: bytes) -> bytes:
    """TFRecord's checksum: CRC-32C, rotated and offset."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """One TFRecord."""
    size = struct.pack("<Q", len(data))
    return size + masked_crc(size) + data + masked_crc(data)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def event(wall: float, step: int, tag: str, value: float, *, tensor: bool = False) -> bytes:
    """One scalar as TensorBoard writes it: as a plain float, or as a tensor (newer writers)."""
    name = tag.encode()
    if tensor:
        packed = b"\x08\x01\x12\x00\x2a\x04" + struct.pack("<f", value)
        metadata = b"\x4a\x0b\x0a\x09\x0a\x07scalars"
        body = b"\x0a" + varint(len(name)) + name + b"\x42" + varint(len(packed)) + packed + metadata
    else:
        body = b"\x0a" + varint(len(name)) + name + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + varint(len(body)) + body
    return record(b"\x09" + struct.pack("<d", wall) + b"\x10" + varint(step) + b"\x2a" + varint(len(summary)) + summary)


def safetensors(metadata: dict[str, str], floats: int = 64) -> bytes:
    """A LoRA file of one tensor."""
    size = floats * 2
    header = {
        "__metadata__": metadata,
        "lora_unet_mid.alpha": {"dtype": "F16", "shape": [floats], "data_offsets": [0, size]},
    }
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + bytes(size)


def png(side: int, red: int, green: int, blue: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Trainer:
    """One training."""

    def __init__(self, config: dict[str, object]) -> None:
        self.config = config
        self.name = str(config["output_name"])
        self.output = Path(str(config["output_dir"]))
        self.output.mkdir(parents=True, exist_ok=True)
        self.bar = ""
        self.step = 0
        self.losses: dict[int, float] = {}
        self.random = random.Random(7)

    def get(self, key: str, default: float = 0) -> float:
        return float(self.config.get(key, default))  # type: ignore[arg-type]

    def log(self, text: str, level: str = "INFO", where: str = "train_util.py:784") -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"{stamp} {level:<8} {text:<60} {where}", file=sys.stderr)

    def run(self) -> int:
        time.sleep(self.get("fake_start"))
        with open(str(self.config["dataset_config"]), "rb") as stream:
            dataset = tomllib.load(stream)
        images = 0
        for subset in dataset["datasets"][0]["subsets"]:
            folder = Path(subset["image_dir"])
            files = [path for path in folder.iterdir() if path.suffix in IMAGES] if folder.is_dir() else []
            self.log(f"found directory {folder} contains {len(files)} image files", where="train_util.py:2059")
            images += len(files) * int(subset.get("num_repeats", 1))
        if images == 0:
            self.log(
                "No data found. Please verify arguments (train_data_dir must be the parent) / 画像がありません", "ERROR"
            )
            return 0
        batch = int(dataset["datasets"][0].get("batch_size", 1))
        self.per_epoch = math.ceil(images / batch)
        self.epochs = int(self.get("max_train_epochs", 1))
        self.total = self.per_epoch * self.epochs
        self.header(images, batch)
        self.open_events()
        if self.get("fake_child"):
            program = "import signal,time;signal.signal(15,signal.SIG_IGN);time.sleep(600)"
            subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.DEVNULL)
        first = int(self.get("initial_epoch", 1))
        if "resume" in self.config and "initial_epoch" not in self.config:
            state = json.loads(Path(str(self.config["resume"]), "train_state.json").read_text())
            first = state["current_step"] // self.per_epoch + 1
        print(f"\rsteps:   0%|          | 0/{self.total} [00:00<?, ?it/s]", end="", file=sys.stderr)
        self.began = time.monotonic()
        for epoch in range(first, self.epochs + 1):
            self.epoch(epoch)
        self.events.close()
        if self.get("save_state") or self.get("save_state_on_train_end"):
            self.log("saving last state.")
            self.save_state(f"{self.name}-state", self.epochs)
        if not self.get("fake_no_final"):
            self.save(f"{self.name}.safetensors", self.epochs)
            self.log("model saved.", where="train_network.py:1729")
        print(f"\r{self.bar}", file=sys.stderr)
        return int(self.get("fake_exit"))

    def header(self, images: int, batch: int) -> None:
        print("accelerator device: cpu\nimport network module: networks.lora\nprepare optimizer, data loader etc.")
        print(f"override steps. steps for {self.epochs} epochs is / 指定エポックまでのステップ数: {self.total}")
        print("running training / 学習開始")
        print(f"  num train images * repeats / 学習画像の数×繰り返し回数: {images}")
        print(f"  num batches per epoch / 1epochのバッチ数: {self.per_epoch}\n  num epochs / epoch数: {self.epochs}")
        print(f"  batch size per device / バッチサイズ: {batch}")
        print("  gradient accumulation steps / 勾配を合計するステップ数 = 1")
        print(f"  total optimization steps / 学習ステップ数: {self.total}")

    def open_events(self) -> None:
        folder = Path(str(self.config["logging_dir"]), time.strftime("%Y%m%d%H%M%S"), "network_train")
        folder.mkdir(parents=True, exist_ok=True)
        self.events = (folder / f"events.out.tfevents.{int(time.time())}.host.{os.getpid()}.0").open("wb")
        version = b"brain.Event:2"
        self.events.write(record(b"\x09" + struct.pack("<d", time.time()) + b"\x1a" + varint(len(version)) + version))

    def scalars(self, x: int, **values: float) -> None:
        for tag, value in values.items():
            self.events.write(event(time.time(), x, tag.replace("__", "/"), value))
        self.events.flush()

    def epoch(self, epoch: int) -> None:
        print(f"\nepoch {epoch}/{self.epochs}\n")
        self.log(f"epoch is incremented. current_epoch: {epoch - 1}, epoch: {epoch}")
        for index in range(self.per_epoch):
            self.one_step(index)
        self.scalars(epoch, loss__epoch_average=self.average())
        if (
            epoch < self.epochs
            and self.get("save_every_n_epochs")
            and epoch % int(self.get("save_every_n_epochs")) == 0
        ):
            self.save(f"{self.name}-{epoch:06d}.safetensors", epoch)
            keep = int(self.get("save_last_n_epochs"))
            old = self.output / f"{self.name}-{epoch - keep:06d}.safetensors"
            if keep and old.exists():
                print(f"removing old checkpoint: {old}")
                old.unlink()
            if self.get("save_state"):
                self.log(f"saving state at epoch {epoch}")
                self.save_state(f"{self.name}-{epoch:06d}-state", epoch)
        if self.config.get("sample_prompts") and self.get("sample_every_n_epochs"):
            self.sample(epoch)

    def one_step(self, index: int) -> None:
        self.step += 1
        time.sleep(self.get("fake_seconds", 0.02))
        if self.step == self.get("fake_raise_at"):
            self.log("Error loading file: /data/broken.png", "ERROR")
            raise OSError("image file is truncated (6 bytes not processed)")
        if self.get("fake_hang_at") and self.step >= self.get("fake_hang_at"):
            time.sleep(3600)
        loss = 0.12 * math.exp(-self.step / (self.total / 2)) + 0.06 + self.random.gauss(0, 0.01)
        if (self.get("fake_nan_at") and self.step >= self.get("fake_nan_at")) or self.step == self.get("fake_nan_once"):
            loss = math.nan
        if self.get("fake_log"):
            print("x" * int(self.get("fake_log")), file=sys.stderr)
        before = f", avr_loss={self.average():.3g}" if self.losses else ""
        self.losses[index] = loss
        for postfix in (before, f", avr_loss={self.average():.3g}"):
            share = self.step / self.total
            full = int(share * 10)
            seconds = time.monotonic() - self.began
            elapsed, left = (
                f"{int(value) // 60:02d}:{int(value) % 60:02d}" for value in (seconds, seconds / share - seconds)
            )
            rate = self.step / seconds
            shown = f"{rate:.2f}it/s" if rate >= 1 else f"{1 / rate:.2f}s/it"
            self.bar = (
                f"steps: {share:4.0%}|{'█' * full}{' ' * (10 - full)}| {self.step}/{self.total} "
                f"[{elapsed}<{left}, {shown}{postfix}]"
            )
            print(f"\r{self.bar}", end="", file=sys.stderr)
        rate = 5e-4 * (1 - self.step / self.total)
        self.scalars(
            self.step,
            loss__current=loss,
            loss__average=self.average(),
            lr__textencoder=rate / 5,
            lr__unet=rate,
            lr__group1=rate,
        )

    def average(self) -> float:
        return sum(self.losses.values()) / len(self.losses)

    def save(self, file: str, epoch: int) -> None:
        path = self.output / file
        print(f"\nsaving checkpoint: {path}")
        metadata = {
            "ss_output_name": self.name,
            "ss_epoch": str(epoch),
            "ss_steps": str(self.step),
            "ss_max_train_steps": str(self.total),
            "ss_num_epochs": str(self.epochs),
            "ss_training_finished_at": str(time.time()),
        }
        data = safetensors(metadata)
        path.write_bytes(data[:-40] if self.get("fake_half_final") and epoch == self.epochs else data)

    def save_state(self, name: str, epoch: int) -> None:
        folder = self.output / name
        folder.mkdir(exist_ok=True)
        state = {"current_epoch": epoch, "current_step": self.step}
        (folder / "train_state.json").write_text(json.dumps(state))
        for file in ("model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
            (folder / file).write_bytes(b"x" * 100)

    def sample(self, epoch: int) -> None:
        folder = self.output / "sample"
        folder.mkdir(exist_ok=True)
        prompts = Path(str(self.config["sample_prompts"])).read_text().splitlines()
        for index, _ in enumerate(line for line in prompts if line.strip() and not line.startswith("#")):
            stamp = time.strftime("%Y%m%d%H%M%S")
            colour = (40 * epoch % 256, 90 * (index + 1) % 256, 128)
            (folder / f"{self.name}_e{epoch:06d}_{index:02d}_{stamp}_42.png").write_bytes(png(64, *colour))


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) != 2 or arguments[0] != "--config_file":
        print(f"fake_trainer.py: error: unrecognized arguments: {' '.join(arguments)}", file=sys.stderr)
        sys.exit(2)
    with open(arguments[1], "rb") as stream:
        config = tomllib.load(stream)
    if config.get("fake_ignore_term"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(Trainer(config).run())


if __name__ == "__main__":
    main()
