"""tag: captions from a tagger."""

import time
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs

if TYPE_CHECKING:
    from loratui.core.tagging.models import TaggerFiles


def register(verbs: Verbs) -> None:
    """Declares the verb."""
    parser = verbs.add("tag", tag, help="tag images automatically, in a process of its own", folder=True, dry_run=True)
    parser.add_argument(
        "--model", metavar="M|PATH", help="a known tagger, or a folder with model.onnx and selected_tags.csv"
    )
    parser.add_argument("--threshold", type=float, metavar="T", help="general tags from this probability on (0.35)")
    parser.add_argument("--character-threshold", type=float, metavar="T", help="character tags likewise (0.85)")
    parser.add_argument(
        "--when",
        choices=("empty", "merge", "overwrite"),
        default="empty",
        help="empty: only images without a caption (default); merge: add what is missing; overwrite: replace",
    )


def tag(args: Args, out: Output) -> int:
    """Images get their captions, as one undoable step."""
    from loratui.core.project import TaggerSettings
    from loratui.core.tagging import models, tagger

    here = out.workspace(args)
    workspace, folders = here.at(args.folder)
    settings = here.project.tagger if here.project else TaggerSettings()
    thresholds = tagger.Thresholds(
        settings.general if args.threshold is None else args.threshold,
        settings.character if args.character_threshold is None else args.character_threshold,
    )
    model = args.model or settings.model
    # A folder named on the command line is looked up from where the person is, one in loratui.toml from the project.
    files = models.find(model, here.cwd if args.model else here.root, here.config.model_dirs)
    dataset = workspace.dataset(folders)
    positions = tagger.wanted(dataset, args.when)
    document: dict[str, object] = {
        "images": len(dataset.images),
        "tagged": len(positions),
        "skipped": len(dataset.images) - len(positions),
        "seconds": 0.0,
        "provider": None,
        "model": files.name if files else model,
        "changed_files": 0,
        "changed_tags": 0,
        "failed": [],
    }
    if out.dry_run or not positions:
        if files is None and positions:
            out.note(f"{model} would be downloaded first.")
        verb = "would be tagged" if out.dry_run else "tagged"
        return out.done(document, [_line(len(positions), document["skipped"], 0, verb)])
    started = time.monotonic()
    files = files or _download(model, out)
    with out.progress("tagging") as report, workspace.records as records:
        inference = tagger.infer(dataset, positions, records, files, report=report, cancel=out.cancel)
    for note in inference.notes:
        out.note(note)
    tagger.settle(dataset, inference)
    plan = tagger.plan(dataset, inference, thresholds, args.when, model=files.name)
    workspace.changes.apply(plan)
    failed = [
        {"file": dataset.images[position].path, "reason": reason} for position, reason in inference.failed.items()
    ]
    for failure in failed:
        out.note(f"{failure['file']}: {failure['reason']}")
    if plan.counts["unreadable"]:
        out.note(f"{plan.counts['unreadable']} captions are no UTF-8 text and were left as they are.")
    if plan.counts["nothing"]:
        out.note(f"For {plan.counts['nothing']} images the tagger found nothing: try a lower --threshold.")
    document |= {
        "tagged": plan.counts["tagged"],
        "seconds": round(time.monotonic() - started, 3),
        "provider": inference.provider or None,
        "changed_files": plan.counts["changed_files"],
        "changed_tags": plan.counts["changed_tags"],
        "nothing": plan.counts["nothing"],
        "failed": failed,
    }
    lines = [_line(plan.counts["tagged"], document["skipped"], len(failed), "tagged")]
    return out.done(document, lines, code=1 if failed else 0)


def _download(model: str, out: Output) -> "TaggerFiles":
    """Fetches a known tagger, after asking."""
    from loratui.core.tagging import models

    size = models.download_size(model, cancel=out.cancel)
    out.confirm(
        f"The tagger {models.hub_name(model)} is not on this machine: download {size / 1e6:,.0f} MB?",
        "Give --yes to download it, or --model with a folder that holds model.onnx and selected_tags.csv.",
    )
    with out.progress("downloading") as report:
        return models.download(model, report=report, cancel=out.cancel)


def _line(tagged: int, skipped: object, failed: int, verb: str) -> str:
    parts = [f"{tagged:,} images {verb}", f"{skipped:,} have a caption already" if skipped else ""]
    return " · ".join([*(part for part in parts if part), *([f"{failed} failed"] if failed else [])])
