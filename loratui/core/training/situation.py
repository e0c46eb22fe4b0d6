"""All that a training depends on, looked up once: what preflight checks, `plan` counts and the job is composed of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

from loratui.core import jobs
from loratui.core.errors import LoratuiError
from loratui.core.gpu import Gpus, gpus
from loratui.core.training import environment, models
from loratui.core.training.arguments import SCRIPTS, Base
from loratui.core.training.environment import Facts, Trainer
from loratui.core.training.material import Material, gather
from loratui.core.training.model_file import ModelFile, inspect
from loratui.core.training.recipe import Recipe, build, parse_sets
from loratui.core.training.steps import Table, TrainingPlan, plan

if TYPE_CHECKING:
    from loratui.core.config import Config
    from loratui.core.project import Project
    from loratui.core.workspace import Workspace


@dataclass
class Situation:
    """One project's training on this machine, at one moment. Dear parts are looked up when first asked for.

    Attributes:
        project: what is trained.
        config: the person's configuration.
        recipe: how.
        material: on what.
        plan: how long.
        model: the base model's file, or why there is none.
        selected: GPUs asked for; empty for the one there is.
        remember: keeps what is dear to find out (what the trainer has, which images are sound), so that the next time
            is faster; False writes no file.
    """

    project: "Project"
    config: "Config"
    recipe: Recipe
    material: Sequence[Material]
    plan: TrainingPlan
    model: ModelFile | LoratuiError
    selected: tuple[int, ...] = ()
    remember: bool = True

    @property
    def family(self) -> str:
        """The base model's family: as its header says, else as loratui.toml says, else as the preset is for."""
        if isinstance(self.model, ModelFile) and self.model.family:
            return self.model.family
        return self.project.model.get("family") or self.recipe.preset.family

    @property
    def base(self) -> Base | None:
        """The base model as the arguments need it, None where there is none to train on."""
        if isinstance(self.model, LoratuiError) or self.family not in SCRIPTS:
            return None
        vae = self.vae
        return Base(
            file=self.model.path,
            family=self.family,
            v_prediction=self.model.prediction == "v" or self.project.model.get("prediction") == "v",
            zero_snr=self.model.zero_snr,
            vae=vae.path if isinstance(vae, ModelFile) else None,
        )

    @cached_property
    def vae(self) -> ModelFile | LoratuiError | None:
        """The VAE that loratui.toml names besides the base, or why it cannot be used; None where it names none."""
        return _model(self.project.model["vae"], self.config, self.project) if self.project.model.get("vae") else None

    @cached_property
    def trainer(self) -> Trainer | LoratuiError:
        """The trainer in use, or why there is none."""
        try:
            return environment.locate(self.config)
        except LoratuiError as error:
            return error

    @cached_property
    def facts(self) -> Facts | LoratuiError:
        """What the trainer's interpreter has, or why that cannot be known."""
        if isinstance(self.trainer, LoratuiError):
            return self.trainer
        try:
            return environment.probe(self.trainer, remember=self.remember)
        except LoratuiError as error:
            return error

    @cached_property
    def gpus(self) -> Gpus:
        """The machine's GPUs."""
        return gpus()

    @property
    def lycoris(self) -> str:
        """Version of LyCORIS in the trainer's environment, "" for none or unknown."""
        return self.facts.packages.get("lycoris-lora", "") if isinstance(self.facts, Facts) else ""


def recipe_of(
    project: "Project", config: "Config", sets: Mapping[str, object] | Sequence[str] = ()
) -> tuple[Recipe, ModelFile | LoratuiError]:
    """The project's recipe, and the base model it is for: its family chooses the preset where nothing names one.

    Args:
        project: its `[training]` and `[model]`.
        config: where models are looked for.
        sets: `KEY=VALUE` words, or values by key as `parse_sets` gives them.

    Raises:
        UsageError: an unknown setting or a value that does not fit.
    """
    values = dict(sets) if isinstance(sets, Mapping) else parse_sets(sets)
    model = _model(project.model.get("base", ""), config, project)
    family = model.family if isinstance(model, ModelFile) and model.family else project.model.get("family", "")
    return build(project.training, values, family=family, kind=project.kind), model


def survey(
    workspace: "Workspace",
    sets: Mapping[str, object] | Sequence[str] = (),
    *,
    table: Table | None = None,
    gpus: Sequence[int] = (),
    remember: bool = True,
    report: jobs.Report = jobs.silent,
    cancel: Event | None = None,
) -> Situation:
    """Looks everything up: recipe, base model, images.

    Args:
        workspace: of a project.
        sets: overrides, see `recipe_of`.
        table: one of the guide's tables instead of the recipe's epochs.
        gpus: indexes of the GPUs to train on; more than one trains on all of them together.
        remember: see `Situation`.

    Raises:
        UsageError: no project here, an unknown setting, a value that does not fit.
    """
    project, config = workspace.need_project(), workspace.config
    recipe, model = recipe_of(project, config, sets)
    material = gather(project, report=report, cancel=cancel)
    length = plan(material, recipe, table, max(1, len(gpus)))
    return Situation(project, config, recipe, material, length, model, tuple(gpus), remember)


def _model(name: str, config: "Config", project: "Project") -> ModelFile | LoratuiError:
    """The model file of that name, or why it cannot be used."""
    if not name:
        return LoratuiError(
            "No base model is named.", "Name one under [model] in loratui.toml: `loratui models` lists what is here."
        )
    try:
        return inspect(models.find(name, config, project, project.model.get("base_sha256", "")))
    except LoratuiError as error:
        return error
