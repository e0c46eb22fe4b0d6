"""The recipe as keys of sd-scripts' dataset TOML, whose schema refuses any key it does not know."""

from collections.abc import Mapping

from loratui.core.training.arguments import unused
from loratui.core.training.recipe import Recipe


def dataset_keys(recipe: Recipe) -> dict[str, dict[str, object]]:
    """The keys of the dataset TOML but for the subsets: `general` and `dataset`.

    `caption_extension` must be said: sd-scripts' default is `.caption`, and every .txt would be ignored in silence.
    """
    general: dict[str, object] = {"caption_extension": ".txt"}
    dataset: dict[str, object] = {}
    for entry in recipe:
        setting, value = entry.setting, entry.value
        if setting.target == "subset" and not unused(value, setting.off):
            general[setting.passed_as] = float(value) if setting.kind == "float" and isinstance(value, int) else value
        elif (
            setting.target == "dataset" and value is not None and not (setting.off is not None and value == setting.off)
        ):
            dataset[setting.passed_as] = value
    if "validation_split" in dataset:
        dataset["validation_seed"] = recipe.integer("validation_seed")
    return {"general": general, "dataset": dataset}


def subset_keys(recipe: Recipe, repeats: int, triggers: int) -> Mapping[str, object]:
    """The keys of one subset but for `image_dir`.

    Args:
        recipe: what a person chose.
        repeats: times each image is seen per epoch.
        triggers: trigger tags of the subset.
    """
    kept = triggers if recipe["keep_tokens"] == "auto" else recipe.integer("keep_tokens")
    return {"num_repeats": repeats, "keep_tokens": kept}
