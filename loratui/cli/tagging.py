"""tag: captions from a tagger."""

from dataclasses import replace
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs

if TYPE_CHECKING:
    from loratui.core.acts.tagging import Tagged
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
    from loratui.core.acts import tagging
    from loratui.core.tagging.tagger import wanted

    here = out.workspace(args)
    workspace, folders = here.at(args.folder)
    # A folder named on the command line is looked up from where the person is, one in loratui.toml from the project.
    base = here.cwd if args.model else None
    chosen = tagging.choose(here, args.model, base, general=args.threshold, character=args.character_threshold)
    dataset = workspace.dataset(folders)
    positions = wanted(dataset, args.when)
    if positions and chosen.files is None:
        if out.dry_run:
            out.note(f"{chosen.model} would be downloaded first.")
        else:
            chosen = replace(chosen, files=_download(chosen.model, out))
    with out.progress("tagging") as report:
        done = tagging.tag(
            workspace,
            dataset,
            positions,
            chosen,
            args.when,
            dry_run=out.dry_run,
            report=report,
            cancel=out.cancel,
        )
    _tell(done, out)
    skipped = len(dataset.images) - len(positions)
    document = {"images": len(dataset.images), "skipped": skipped, "model": chosen.name, **_document(done)}
    verb = "would be tagged" if out.dry_run else "tagged"
    return out.done(document, [_line(done.tagged, skipped, len(done.failed), verb)], code=1 if done.failed else 0)


def _document(done: "Tagged") -> dict[str, object]:
    return {
        "tagged": done.tagged,
        "seconds": round(done.seconds, 3),
        "provider": done.provider or None,
        "changed_files": done.plan.counts["changed_files"],
        "changed_tags": done.plan.counts["changed_tags"],
        "nothing": done.plan.counts["nothing"],
        "failed": [{"file": path, "reason": reason} for path, reason in done.failed.items()],
    }


def _tell(done: "Tagged", out: Output) -> None:
    """What the person should hear, on stderr."""
    for note in (*done.notes, *(f"{path}: {reason}" for path, reason in done.failed.items())):
        out.note(note)
    counts = done.plan.counts
    if counts["unreadable"]:
        out.note(f"{counts['unreadable']} captions are no UTF-8 text and were left as they are.")
    if counts["nothing"]:
        out.note(f"For {counts['nothing']} images the tagger found nothing: try a lower --threshold.")


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


def _line(tagged: int, skipped: int, failed: int, verb: str) -> str:
    parts = [f"{tagged:,} images {verb}", f"{skipped:,} have a caption already" if skipped else ""]
    return " · ".join([*(part for part in parts if part), *([f"{failed} failed"] if failed else [])])
