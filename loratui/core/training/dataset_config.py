"""The two TOML files sd-scripts reads: the dataset's and the one with all arguments."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loratui.core.training.job import Job


def dataset_toml(job: Job, folders: Sequence[Path]) -> str:
    """The file for `--dataset_config`.

    Args:
        job: what is trained.
        folders: for each of its subsets the absolute path of the folder with its images, in the run.
    """
    import tomli_w

    subsets = [
        {"image_dir": str(folder), **subset.options}
        for subset, folder in zip(job.subsets, folders, strict=True)
        if subset.images
    ]
    dataset = {**job.dataset.get("dataset", {}), "subsets": subsets}
    return tomli_w.dumps({"general": dict(job.dataset.get("general", {})), "datasets": [dataset]})


def config_toml(arguments: Mapping[str, object]) -> str:
    """The file for `--config_file`: arguments by name without dashes; None and False are left out.

    sd-scripts ignores misspelt keys in it and checks no types, so only names of the settings table belong here.
    """
    import tomli_w

    return tomli_w.dumps({key: value for key, value in arguments.items() if value is not None and value is not False})
