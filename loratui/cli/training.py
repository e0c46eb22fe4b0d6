"""plan, recipe, presets, preflight, train."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Parser, Verbs
from loratui.core.errors import UsageError

if TYPE_CHECKING:
    from loratui.core.checks import Check

_SIGNS = {"block": "✖", "warn": "⚠", "ok": "✔"}


def register(verbs: Verbs) -> None:
    """Declares the verbs."""
    parser = verbs.add("plan", plan, help="images × repeats × epochs ÷ batch: how long a training is")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--quick", action="store_const", dest="table", const="quick", help="ten epochs (the guide's first table)"
    )
    which.add_argument(
        "--full", action="store_const", dest="table", const="full", help="epochs by images (its second table)"
    )
    _sets(parser)
    parser = verbs.add("recipe", recipe, help="what will be trained, and where each value comes from", dry_run=True)
    _sets(parser)
    parser.add_argument("--save", action="store_true", help="write what --set says into loratui.toml")
    parser.add_argument(
        "--all", action="store_true", help="also in text: settings at their defaults, and what each does"
    )
    verbs.add("presets", presets, help="the presets there are")
    _sets(verbs.add("preflight", preflight, help="all checks before a GPU minute is spent"))
    parser = verbs.add("train", train, help="check, freeze, queue and start a training", dry_run=True)
    _sets(parser)
    parser.add_argument("--gpu", default="", metavar="N[,M]", help="which GPU; several train together")


def _sets(parser: Parser) -> None:
    parser.add_argument(
        "--set",
        dest="sets",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting, over preset and project",
    )


def plan(args: Args, out: Output) -> int:
    """How long a training is."""
    from loratui.core.training.situation import survey

    workspace = out.workspace(args)
    with out.progress("counting") as report:
        found = survey(workspace, args.sets, table=args.table, report=report, cancel=out.cancel).plan
    lines = [
        f"{part.name:24} {part.images:6,} images × {part.repeats:3}{' auto' if part.auto else ''}"
        for part in found.subsets
    ]
    per_step = found.batch * found.accumulation * found.processes
    lines.append(
        f"{found.images_per_epoch:,} images an epoch × {found.epochs} epochs ÷ {per_step} = {found.steps:,} steps,"
        f" exactly {found.steps_exact:,} by {len(found.buckets)} buckets ({found.steps_per_epoch:,} an epoch)"
    )
    if found.other_epochs["quick"] != found.other_epochs["full"]:
        lines.append(
            f"the guide's tables: {found.other_epochs['quick']} epochs (--quick), {found.other_epochs['full']} (--full)"
        )
    if found.unusable:
        lines.append(f"left out, as they cannot be read: {', '.join(found.unusable[:5])}")
    return out.done(found.document(), lines)


def recipe(args: Args, out: Output) -> int:
    """What will be trained."""
    from loratui.core.training.recipe import parse_sets
    from loratui.core.training.settings import Setting
    from loratui.core.training.situation import recipe_of

    workspace = out.workspace(args)
    project = workspace.need_project()
    values = parse_sets(args.sets)
    found, _ = recipe_of(project, workspace.config, values)
    for key in found.warnings:
        out.note(f"loratui.toml has a setting that is not known here: {key} (kept as it is).")
    if args.save and not args.sets:
        raise UsageError("There is nothing to save.", "Say what with --set KEY=VALUE.")
    if args.save and not out.dry_run:
        for key, value in values.items():
            project.set(f"training.{key}", Setting.stored(value))
    lines = [f"{'preset':34} {found.preset.name:28} {found.preset_origin}"]
    for entry in found:
        if args.all or entry.origin != "default":
            shown = entry.setting.show(entry.value)
            lines.append(
                f"{entry.setting.key:34} {shown:28} {entry.origin}{f' ({entry.source})' if entry.source else ''}"
            )
            lines += [f"{'':35}{entry.setting.help}"] if args.all else []
    if not args.all:
        lines.append("further settings are at their defaults: --all shows them")
    return out.done({"settings": found.documents()}, lines)


def presets(args: Args, out: Output) -> int:
    """The presets there are."""
    from loratui.core.training.presets import presets as all_presets
    from loratui.core.training.settings import SETTINGS

    rows, lines = [], []
    for found in all_presets():
        settings = [{"key": key, "value": value, "source": found.sources[key]} for key, value in found.values.items()]
        rows.append(
            {"name": found.name, "title": found.title, "family": found.family, "kind": found.kind, "settings": settings}
        )
        lines.append(f"{found.name:20} {found.title}")
        chief = (
            "network_type",
            "network_dim",
            "network_alpha",
            "resolution",
            "batch_size",
            "unet_lr",
            "text_encoder_lr",
        )
        lines.append(
            f"{'':20} "
            + " · ".join(f"{key} {SETTINGS[key].show(found.values[key])}" for key in chief if key in found.values)
        )
    return out.done({"presets": rows}, lines)


def preflight(args: Args, out: Output) -> int:
    """All checks."""
    from loratui.core.checks import blocked
    from loratui.core.training.preflight import preflight as check
    from loratui.core.training.situation import survey

    workspace = out.workspace(args)
    with out.progress("checking") as report:
        found = check(survey(workspace, args.sets, cancel=out.cancel), report=report, cancel=out.cancel)
    ok = not blocked(found)
    return out.done({"ok": ok, "checks": documents(found)}, text(found), code=0 if ok else 3)


def train(args: Args, out: Output) -> int:
    """A training is checked, frozen, queued and started."""
    from loratui.core.acts import training
    from loratui.core.words import count

    def tell(found: "list[Check]") -> None:
        for line in text([finding for finding in found if finding.level != "ok"]):
            out.note(line)

    workspace, gpus = out.workspace(args), _gpus(args.gpu)
    with out.progress("starting") as report:
        started = training.start(
            workspace, args.sets, gpus=gpus, dry_run=out.dry_run, tell=tell, report=report, cancel=out.cancel
        )
    job, run = started.job, started.run
    length = f"{count(job.steps, 'step')} in {count(job.epochs, 'epoch')}"
    document: dict[str, object] = {"steps": job.steps, "epochs": job.epochs}
    if run is None:
        document |= {"run": None, "path": None, "checks": documents(started.checks)}
        return out.done(document, [f"Would train {job.name}: {length}, with {job.python} {job.script.name}."])
    document |= {"run": run.id, "path": str(run.folder)}
    return out.done(
        document, [f"{run.id}: {length}.", "Watch it with `loratui watch last`; it goes on when you leave."]
    )


def _gpus(given: str) -> tuple[int, ...]:
    """`0,1` as numbers.

    Raises:
        UsageError: it is something else.
    """
    try:
        found = tuple(int(part) for part in given.split(",")) if given else ()
    except ValueError:
        found = (-1,)
    if any(index < 0 for index in found) or len(set(found)) != len(found):
        raise UsageError(f'"{given}" names no GPUs.', "Give numbers, such as --gpu 0 or --gpu 0,1.")
    return found


def documents(found: "Iterable[Check]") -> list[dict[str, str]]:
    """Findings as `--json` prints them."""
    return [
        {"id": check.id, "level": check.level, "message": check.message, "remedy": check.remedy, "fix": check.fix}
        for check in found
    ]


def text(found: "Iterable[Check]") -> Iterator[str]:
    """Findings as lines."""
    for check in found:
        yield f"{_SIGNS[check.level]} {check.id:18} {check.message}"
        if check.remedy and check.level != "ok":
            yield f"  {'':18} → {check.remedy}"
