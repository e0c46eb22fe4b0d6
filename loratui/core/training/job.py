"""What a training run is made of, all decided: the recipe's last form, from which `core.runs` freezes a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class JobSubset:
    """One subset as it is trained.

    Attributes:
        name: the folder's name inside the run's `data/`.
        images: absolute paths of the images.
        captions: for each image the absolute path of its caption, None where it has none.
        options: keys of the subset in sd-scripts' dataset TOML but for `image_dir`: `num_repeats`, `keep_tokens` …
    """

    name: str
    images: tuple[Path, ...]
    captions: tuple[Path | None, ...]
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Job:
    """A training, ready to be frozen.

    Attributes:
        name: the LoRA's name, also sd-scripts' `output_name`.
        project: absolute path of the project's folder; the run is made in its `runs/`.
        preset: the preset's name, for lists.
        python: the trainer's interpreter.
        script: absolute path of the sd-scripts entry point, such as `train_network.py`.
        arguments: sd-scripts' options by name without dashes, as its `--config_file` takes them; the paths of the run
            (`output_dir`, `logging_dir`, `dataset_config`, `sample_prompts`) are put in when the run is frozen.
        dataset: keys of the dataset TOML but for the subsets: `{"general": {…}, "dataset": {…}}`.
        subsets: the images by subset.
        prompts: the text of the sample prompt file, "" for none.
        recipe: the settings as a person wrote and reads them, for recipe.toml.
        epochs: epochs planned; the last checkpoint's `ss_epoch` must reach it.
        steps: optimisation steps planned, exact by bucket.
        steps_per_epoch: optimisation steps of one epoch.
        gpus: indexes of the GPUs; empty: CPU, or whatever is there.
        environment: variables added for the trainer.
    """

    name: str
    project: Path
    preset: str
    python: Path
    script: Path
    arguments: Mapping[str, object]
    dataset: Mapping[str, Mapping[str, object]]
    subsets: tuple[JobSubset, ...]
    prompts: str
    recipe: Mapping[str, object]
    epochs: int
    steps: int
    steps_per_epoch: int
    gpus: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
