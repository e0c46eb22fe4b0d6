"""models, setup, doctor."""

from pathlib import Path
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.training import documents, text
from loratui.cli.verbs import Args, Verbs

if TYPE_CHECKING:
    from loratui.core.checks import Check
    from loratui.core.config import Config
    from loratui.core.project import Project


def register(verbs: Verbs) -> None:
    """Declares the verbs."""
    parser = verbs.add(
        "models", models, help="the model files that are here, and base models that can be fetched", dry_run=True
    )
    parser.add_argument(
        "--get", default="", metavar="NAME", help="fetch a base: a name of the list, or OWNER/REPOSITORY/FILE"
    )
    parser.add_argument("--to", default="", metavar="DIR", help="where it goes (the first of model_dirs)")
    parser.add_argument("--hash", action="store_true", help="work out the SHA-256 of every file")
    verbs.add("setup", setup, help="make the trainer's environment", dry_run=True)
    verbs.add("doctor", doctor, help="what this machine, terminal and link can do")


def models(args: Args, out: Output) -> int:
    """Model files, and base models to be had."""
    if args.get:
        return _fetch(args, out)
    from loratui.core.checks import Check
    from loratui.core.errors import LoratuiError
    from loratui.core.training import bases
    from loratui.core.training import models as core
    from loratui.core.training.model_file import try_inspect

    workspace = out.workspace(args)
    where = core.folders(workspace.config, workspace.project)
    rows, checks, lines = [], [], []
    for path in core.files(where, workspace.project.root if workspace.project else None):
        found = try_inspect(path)
        if isinstance(found, LoratuiError):
            checks.append(Check("model", "warn", found.message, found.remedy))
            continue
        with out.progress("hashing") as report:
            digest = core.file_hash(path, report=report, cancel=out.cancel) if args.hash else core.known_hash(path)
        rows.append(
            {
                "name": path.name,
                "path": str(path),
                "role": found.role or None,
                "family": found.family or None,
                "prediction": found.prediction or None,
                "bytes": found.bytes,
                "sha256": digest or None,
            }
        )
        lines.append(f"{path.name:48} {found.bytes / 1e9:6.2f} GB  {found.describe()}")
    if not rows:
        remedy = "Put their folder into model_dirs of config.toml, or fetch one with `loratui models --get`."
        checks.append(Check("models", "warn", "No model files were found.", remedy))
    else:
        checks.append(Check("models", "ok", f"{len(rows)} model files."))
    base = workspace.project.model.get("base", "") if workspace.project else ""
    if base and workspace.project:
        checks.append(_base(base, workspace.config, workspace.project))
    lines += list(text(checks))
    lines += [
        "",
        "To be fetched with --get:",
        *(f"  {known.name:14} {known.title} ({known.repo})" for known in bases.KNOWN),
    ]
    known = [
        {"name": known.name, "title": known.title, "family": known.family, "repo": known.repo} for known in bases.KNOWN
    ]
    return out.done({"checks": documents(checks), "models": rows, "fetchable": known}, lines)


def _base(name: str, config: "Config", project: "Project") -> "Check":
    """Whether the project's base is here."""
    from loratui.core.checks import Check
    from loratui.core.errors import LoratuiError
    from loratui.core.training import models as core

    try:
        return Check("base-model", "ok", f"The project's base is {core.find(name, config, project)}.")
    except LoratuiError as error:
        return Check("base-model", "warn", error.message, error.remedy)


def _fetch(args: Args, out: Output) -> int:
    """A base model is fetched; its size is asked about first."""
    from loratui.core import hub
    from loratui.core.checks import Check
    from loratui.core.training import bases
    from loratui.core.training import models as core
    from loratui.core.training.model_file import try_inspect

    wanted = bases.hub_file(args.get)
    workspace = out.workspace(args)
    named = args.to or (workspace.config.model_dirs or [str(core.home())])[0]
    folder = (out.directory(args) / Path(named).expanduser()).absolute()
    target = folder / wanted.file
    if target.is_file():
        check = Check("model", "ok", f"{target} is here already.")
        return out.done({"checks": documents([check]), "path": str(target)}, text([check]))
    size = hub.size(wanted.repo, [wanted.file], folder=folder, cancel=out.cancel)
    said = f"{wanted.file} from {wanted.repo}: {size / 1e9:.2f} GB into {folder}"
    if out.dry_run:
        check = Check("model", "ok", f"Would fetch {said}.")
        return out.done({"checks": documents([check]), "path": str(target), "bytes": size}, text([check]))
    out.confirm(f"Fetch {said}?", "Give --yes to fetch it without being asked.")
    with out.progress("fetching") as report:
        (path,) = hub.fetch(wanted.repo, [wanted.file], folder=folder, report=report, cancel=out.cancel)
    found = try_inspect(path)
    if isinstance(found, Exception):
        raise found
    check = Check("model", "ok", f"{path}: {found.describe()}.")
    return out.done({"checks": documents([check]), "path": str(path), "bytes": found.bytes}, text([check]))


def setup(args: Args, out: Output) -> int:
    """The trainer's environment is made."""
    from loratui.core.checks import Check
    from loratui.core.errors import Cancelled
    from loratui.core.training import environment
    from loratui.core.training import setup as core

    workspace = out.workspace(args)
    found = core.survey(workspace.config)
    folder = found.places.folder
    rows = [
        {"id": step.id, "title": step.title, "command": step.line(), "done": step not in found.left}
        for step in found.steps
    ]
    if out.dry_run:
        checks = [Check("setup", "ok", f"{len(found.left)} of {len(found.steps)} steps would be run in {folder}.")]
        lines = [f"{'done' if row['done'] else 'todo'}  {row['command']}" for row in rows]
        return out.done({"checks": documents(checks), "steps": rows}, [*lines, *text(checks)])
    if found.left:
        out.confirm(
            f"Set up the trainer (torch, sd-scripts and its packages) in {folder}, up to {found.room / 1e9:.1f} GB?",
            "Give --yes to set it up without being asked; --dry-run shows the commands.",
        )
        try:
            with out.progress("setting up") as report:
                core.run(found, report=report, cancel=out.cancel)
        except Cancelled:
            raise Cancelled("The set-up was interrupted.", "`loratui setup` goes on where it was.") from None
    trainer = environment.locate(workspace.config)
    facts = environment.probe(trainer, fresh=bool(found.left))
    said = f"The trainer is set up in {folder}" if found.left else "The trainer was set up already"
    checks = [Check("setup", "ok", f"{said}: torch {facts.packages.get('torch', '?')}, {trainer.scripts}.")]
    if found.processor:
        message = "No GPU was found: it trains on the processor, which is only fit for trials."
        checks.append(Check("gpu", "warn", message, "With a GPU and its driver, run `loratui setup` again."))
    for name, error in facts.broken.items():
        message = f"{name} cannot be imported: {error}."
        checks.append(Check("trainer-packages", "warn", message, f"See {folder / 'setup.log'}."))
    document = {"checks": documents(checks), "steps": [{**row, "done": True} for row in rows]}
    return out.done({**document, "trainer": environment.document(trainer, facts)}, text(checks))


def doctor(args: Args, out: Output) -> int:
    """What this machine can do."""
    from loratui.core.doctor import diagnose

    workspace = out.workspace(args)
    with out.progress("looking") as report:
        found = diagnose(workspace.config, report=report, cancel=out.cancel)
    return out.done({"checks": documents(found)}, text(found))
