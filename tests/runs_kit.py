"""What the tests of runs share: a job for the fake trainer, and waiting for what happens in other processes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loratui.core.runs import Run, supervisor
from loratui.core.runs.control import stop
from loratui.core.training.job import Job, JobSubset
from tests.fake_trainer import png
from tests.waiting import wait_for

TRAINER = Path(__file__).with_name("fake_trainer.py")


def make_job(
    project: Path, *, images: int = 4, epochs: int = 2, gpus: tuple[int, ...] = (), **arguments: object
) -> Job:
    """A training of `images` steps an epoch; further arguments go into the configuration."""
    folder = project / "dataset" / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index}.png" for index in range(images)]
    for path in paths:
        path.write_bytes(png(8, 1, 2, 3))
        path.with_suffix(".txt").write_text("kafka, 1girl")
    subset = JobSubset(
        "kafka", tuple(paths), tuple(path.with_suffix(".txt") for path in paths), {"num_repeats": 1, "keep_tokens": 1}
    )
    defaults: dict[str, object] = {"save_every_n_epochs": 1, "max_train_epochs": epochs, "sample_every_n_epochs": 1}
    return Job(
        name="kafka",
        project=project,
        preset="sd15-character",
        python=Path(sys.executable),
        script=TRAINER,
        arguments=defaults | arguments,
        dataset={"general": {"caption_extension": ".txt"}, "dataset": {"resolution": 64, "batch_size": 1}},
        subsets=(subset,),
        prompts="kafka, 1girl --d 42\n",
        recipe={"network_dim": 16, "preset": "sd15-character"},
        epochs=epochs,
        steps=images * epochs,
        steps_per_epoch=images,
        gpus=gpus,
    )


def wait_over(run: Run, seconds: float = 20) -> str:
    """The state in which the run ends, once its supervisor has gone."""
    wait_for(lambda: run.state().over and not supervisor.held(run.lock), seconds, f"{run.state()}")
    return run.state().state


@contextmanager
def ended_at_last(*runs: Run) -> Iterator[None]:
    """Whatever a test does, no process of its runs stays behind."""
    try:
        yield
    finally:
        for run in runs:
            if not run.state().over:
                stop(run)
                wait_over(run, 45)
