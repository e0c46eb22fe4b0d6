"""Puts a training together: recipe, images and trainer become a `Job`, from which a run is frozen."""

from pathlib import Path

from loratui.core.errors import LoratuiError, Refused
from loratui.core.sanitize import file_name
from loratui.core.training import samples
from loratui.core.training.arguments import SCRIPTS, arguments
from loratui.core.training.buckets import Buckets
from loratui.core.training.dataset_config import dataset_keys, subset_keys
from loratui.core.training.job import Job, JobSubset
from loratui.core.training.situation import Situation
from loratui.core.training.steps import bucket_rules


def compose(situation: Situation) -> Job:
    """The job of a situation.

    Raises:
        Refused: the trainer or the base model is missing, or there is nothing to train on.
    """
    base, trainer, recipe = situation.base, situation.trainer, situation.recipe
    if isinstance(trainer, LoratuiError):
        raise trainer
    if base is None:
        if isinstance(situation.model, LoratuiError):
            raise Refused(situation.model.message, situation.model.remedy)
        raise Refused(f"{situation.model.path.name} is {situation.model.describe()}.", "Choose an SD1.5 or SDXL base.")
    if not situation.plan.images_per_epoch:
        raise Refused(
            "There are no images to train on.", "Get some with `loratui get`, or take in a folder with `loratui add`."
        )
    name = file_name(recipe.text("output_name") or situation.project.name)
    prompts = samples.prompt_text(situation.project, recipe, base.family)
    options = arguments(recipe, base, situation.plan.epochs, situation.lycoris)
    for key in ("network_weights", "tokenizer_cache_dir"):
        if key in options:  # the trainer runs in a folder of its own
            options[key] = str(situation.project.root / Path(recipe.text(key)).expanduser())
    if prompts:
        options |= {
            "sample_every_n_epochs": recipe.integer("sample_every_n_epochs"),
            "sample_sampler": recipe.text("sample_sampler"),
            **({"sample_at_first": True} if recipe.flag("sample_at_first") else {}),
        }
    return Job(
        name=name,
        project=situation.project.root,
        preset=recipe.preset.name,
        python=trainer.python,
        script=trainer.scripts / SCRIPTS[base.family],
        arguments={**options, "output_name": name},
        dataset=dataset_keys(recipe),
        subsets=tuple(_subsets(situation)),
        prompts=prompts,
        recipe={
            "preset": recipe.preset.name,
            **{entry.setting.key: entry.value for entry in recipe if entry.value is not None},
        },
        epochs=situation.plan.epochs,
        steps=situation.plan.steps_exact,
        steps_per_epoch=situation.plan.steps_per_epoch,
        gpus=situation.selected,
    )


def _subsets(situation: Situation) -> list[JobSubset]:
    """The subsets that have images, each under a folder name of its own."""
    buckets, names, result = Buckets(bucket_rules(situation.recipe)), set[str](), []
    for part, length in zip(situation.material, situation.plan.subsets, strict=True):
        pictures = [picture for picture in part.pictures if picture.size and buckets.of(picture.size)]
        if not pictures:
            continue
        stem = name = file_name(part.subset.name if part.subset.folder != "." else situation.project.name)
        number = 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.add(name)
        options = subset_keys(situation.recipe, length.repeats, len(part.subset.triggers))
        result.append(
            JobSubset(
                name,
                tuple(picture.file for picture in pictures),
                tuple(picture.caption for picture in pictures),
                options,
            )
        )
    return result
