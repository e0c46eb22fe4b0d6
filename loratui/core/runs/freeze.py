"""Freezing: a job becomes the folder of a run that nothing done later to the dataset or the recipe can change."""

import errno
import json
import os
import shutil
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from loratui.core import durable, sanitize
from loratui.core.errors import LoratuiError
from loratui.core.jobs import Report, check, silent
from loratui.core.runs import queue, supervisor
from loratui.core.runs.state import Command, Run
from loratui.core.training.job import Job

# The trainer writes into a file: unbuffered, or lines come late and are lost when it is killed; wide, or paths are cut.
ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    "COLUMNS": "200",
    "ACCELERATE_DISABLE_RICH": "1",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
}


@dataclass(frozen=True, slots=True)
class Paths:
    """A run in the making: built in `partial`, its files speak of `folder`, where it will lie."""

    partial: Path
    folder: Path


def freeze(job: Job, *, report: Report = silent, cancel: Event | None = None) -> Run:
    """Makes `runs/<id>/`: what was asked, in full, with the images hard-linked and the captions copied.

    Args:
        job: the training, all decided.

    Returns:
        the run, in state queued; `queue.launch` starts it.

    Raises:
        LoratuiError: the folder cannot be written; nothing is left of it.
        Cancelled: likewise.
    """
    name = sanitize.file_name(job.name)
    with making(job.project, name) as at:
        names = _link_data(job, at.partial / "data", report, cancel)
        subsets = [
            {"image_dir": str(at.folder / "data" / folder), **_plain(subset.options)}
            for folder, subset in zip(names, job.subsets, strict=True)
        ]
        dataset = {
            "general": _plain(job.dataset.get("general", {})),
            "datasets": [{**_plain(job.dataset.get("dataset", {})), "subsets": subsets}],
        }
        arguments = _plain(job.arguments) | {"output_name": name}
        if job.prompts.strip():
            durable.write_file(at.partial / "prompts.txt", job.prompts)
        _write_toml(at.partial / "recipe.toml", _plain(job.recipe))
        _write_config(at, arguments, dataset)
        devices, shown = _devices(job)
        command = Command(
            id=at.folder.name,
            name=name,
            project=str(job.project),
            preset=job.preset,
            created=now(),
            argv=_argv(job, at.folder / "config.toml"),
            cwd=str(job.script.parent),
            environment={**ENVIRONMENT, **shown, **job.environment},
            devices=devices,
            checkpoint=f"{name}.safetensors",
            epochs=job.epochs,
            steps=job.steps,
            steps_per_epoch=job.steps_per_epoch,
            offset=0,
            saves_state=bool(arguments.get("save_state")),
            origin="",
            ticket=_ticket(at.folder.name),
        )
        _write_command(at, command)
    return Run(at.folder)


def refreeze(origin: Run, *, state: Path, offset: int, arguments: Mapping[str, object]) -> Run:
    """A new run with the frozen files of another, going on from one of its saved states.

    Args:
        origin: the run it goes on from; it stays as it is.
        state: the state folder; it is linked into the new run, which then needs the old one no more.
        offset: steps of the whole training that are done before it.
        arguments: sd-scripts' options that differ.
    """
    old = origin.command
    with making(Path(old.project), old.name) as at:
        shutil.copytree(origin.folder / "data", at.partial / "data", copy_function=_link, dirs_exist_ok=True)
        shutil.copytree(state, at.partial / "origin-state", copy_function=_link)
        for name in ("recipe.toml", "prompts.txt"):
            if (origin.folder / name).exists():
                shutil.copyfile(origin.folder / name, at.partial / name)
        dataset = tomllib.loads((origin.folder / "dataset.toml").read_text())
        for part in dataset["datasets"]:
            for subset in part["subsets"]:
                subset["image_dir"] = str(at.folder / "data" / Path(subset["image_dir"]).name)
        config = tomllib.loads((origin.folder / "config.toml").read_text())
        for option in ("initial_epoch", "initial_step", "skip_until_initial_step"):
            config.pop(option, None)
        _write_config(at, config | dict(arguments) | {"resume": str(at.folder / "origin-state")}, dataset)
        changed = {
            "id": at.folder.name,
            "created": now(),
            "argv": tuple(part.replace(str(origin.folder), str(at.folder)) for part in old.argv),
            "offset": offset,
            "origin": origin.id,
            "ticket": _ticket(at.folder.name),
        }
        _write_command(at, Command(**(asdict(old) | changed)))
    return Run(at.folder)


@contextmanager
def making(project: Path, name: str) -> Iterator[Paths]:
    """A fresh id and a folder to build in; renamed in whole at the end, taken away where anything fails."""
    runs = project / "runs"
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        identifier = f"{stamp}-{name}" if number == 1 else f"{stamp}-{name}-{number}"
        folder = runs / identifier
        if not folder.exists() and queue.reserve(identifier, folder, project):
            break
    else:
        raise LoratuiError(f"{runs} holds 999 runs of this second.", "Wait a second.")
    partial = runs / f".{identifier}.partial"
    try:
        partial.mkdir(parents=True)
        for part in ("data", "logs", "checkpoints"):
            (partial / part).mkdir()
        yield Paths(partial, folder)
        shutil.copyfile(supervisor.__file__, partial / "supervisor.py")
        for log in ("lock", "supervisor.log", "train.log"):  # so that a start needs no new names on a full disk
            (partial / log).touch()
        state = json.dumps({"state": "queued", "queued": now()}).ljust(supervisor.STATE_SIZE - 1) + "\n"
        durable.write_file(partial / "state.json", state)
        partial.rename(folder)
        durable.sync_folder(runs)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        queue.release(identifier)
        if isinstance(error, OSError):
            remedy = "Free some space." if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Make the folder writable."
            raise LoratuiError(f"The run cannot be made in {runs}: {error.strerror}.", remedy) from error
        raise


def _write_config(at: Paths, arguments: Mapping[str, object], dataset: Mapping[str, object]) -> None:
    """config.toml and dataset.toml, with the run's own paths in them."""
    own = {
        "output_dir": str(at.folder / "checkpoints"),
        "logging_dir": str(at.folder / "logs"),
        "dataset_config": str(at.folder / "dataset.toml"),
    }
    if (at.partial / "prompts.txt").exists():
        own["sample_prompts"] = str(at.folder / "prompts.txt")
    _write_toml(at.partial / "dataset.toml", dataset)
    _write_toml(at.partial / "config.toml", dict(arguments) | own)


def _write_command(at: Paths, command: Command) -> None:
    durable.write_file(at.partial / "command.json", json.dumps(asdict(command), indent=1) + "\n")


def _write_toml(path: Path, data: Mapping[str, object]) -> None:
    import tomli_w

    durable.write_file(path, tomli_w.dumps(data))


def _plain(options: Mapping[str, object]) -> dict[str, object]:
    """What TOML can hold: unset values left out, paths as text."""

    def plain(value: object) -> object:
        if isinstance(value, Mapping):
            return {str(key): plain(inner) for key, inner in value.items() if inner is not None}
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Iterable) and not isinstance(value, str | bytes):
            return [plain(inner) for inner in value]
        return value

    return {str(key): plain(value) for key, value in options.items() if value is not None}


def _link_data(job: Job, data: Path, report: Report, cancel: Event | None) -> list[str]:
    """Links images and copies captions into one folder per subset; the folders' names."""
    extension = str(job.dataset.get("general", {}).get("caption_extension", ".txt"))
    total, done = sum(len(subset.images) for subset in job.subsets), 0
    names: list[str] = []
    for subset in job.subsets:
        name = sanitize.file_name(subset.name)
        while name in names:
            name += "_"
        names.append(name)
        folder = data / name
        folder.mkdir(parents=True)
        for image, caption in zip(subset.images, subset.captions, strict=True):
            check(cancel)
            _link(str(image), str(folder / image.name))
            if caption is not None:
                shutil.copyfile(caption, folder / f"{image.stem}{subset.options.get('caption_extension', extension)}")
            done += 1
            report(done, total, "freezing")
    return names


def _link(source: str, target: str) -> str:
    """A hard link, or a copy where the file system has none or it is another one."""
    try:
        os.link(source, target, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES, errno.EINVAL):
            raise
        shutil.copy2(source, target)
    return target


def _devices(job: Job) -> tuple[tuple[str, ...], dict[str, str]]:
    """The GPUs a job takes, by which it queues, and the variable that shows them to the trainer.

    Where none is named, sd-scripts takes the first one it sees; without any the processor is what one queues for.
    """
    if job.gpus:
        devices = tuple(str(index) for index in job.gpus)
        return devices, {"CUDA_VISIBLE_DEVICES": ",".join(devices)}
    seen = job.environment.get("CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES"))
    if seen is not None:
        first = seen.split(",")[0].strip()
        return ("cpu" if first in ("", "-1") else sanitize.file_name(first),), {}
    from loratui.core.gpu import count

    return ("0",) if count() else ("cpu",), {}


def _argv(job: Job, config: Path) -> tuple[str, ...]:
    """One GPU: the trainer's python directly. Several: accelerate, which takes nothing from its own configuration."""
    script = (str(job.script), "--config_file", str(config))
    if len(job.gpus) < 2:
        return (str(job.python), *script)
    launcher = [str(job.python), "-m", "accelerate.commands.launch", "--multi_gpu"]
    flags = {
        "num_processes": len(job.gpus),
        "num_machines": 1,
        "machine_rank": 0,
        "main_process_port": "{port}",  # the supervisor puts in a free one
        "gpu_ids": ",".join(map(str, job.gpus)),
        "mixed_precision": job.arguments.get("mixed_precision", "no"),
        "num_cpu_threads_per_process": 1,
        "dynamo_backend": "no",
    }
    return (*launcher, *(part for key, value in flags.items() for part in (f"--{key}", str(value))), *script)


def _ticket(identifier: str) -> str:
    return f"{time.time_ns():020d}-{identifier}"


def now() -> str:
    """This second, as RFC 3339 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
