"""new, status, subset, add."""

from pathlib import Path

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.core.errors import UsageError

_KINDS = ("character", "style", "concept", "pose", "outfit")


def register(verbs: Verbs) -> None:
    """Declares the verbs."""
    parser = verbs.add("new", new, help="make a project; `.` adopts a folder of images", dry_run=True)
    parser.add_argument("dir", metavar="DIR", help="the new folder; . makes the current one a project")
    parser.add_argument("--trigger", default="", metavar="W", help="the word the LoRA listens to")
    parser.add_argument("--kind", default="character", choices=_KINDS, help="what is learned (character)")
    parser.add_argument("--base", default="", metavar="FILE", help="the base model")
    verbs.add("status", status, help="where the project stands, and the next step")
    subsets = verbs.group("subset", help="outfits and concepts as subsets")
    subsets.add("list", subset_list, help="the subsets with their images, triggers and repeats")
    parser = subsets.add("move", subset_move, help="move the images an expression selects to a subset", dry_run=True)
    parser.add_argument("expression", nargs="+", metavar="EXPR", help="which images, such as 'solo and not *hair'")
    parser.add_argument("to", metavar="TO", help="a subset's name; a new one is made")
    parser = subsets.add(
        "split", subset_split, help="one subset for each tag; without tags: propose some", dry_run=True
    )
    parser.add_argument("tags", nargs="*", metavar="TAG", help="one subset for each; none: proposes some")
    parser = verbs.add("add", add, help="take in files, folders, or a page through gallery-dl", dry_run=True)
    parser.add_argument("paths", nargs="+", metavar="PATH|URL", help="files and folders of yours, addresses of pages")
    parser.add_argument("--into", default="", metavar="SUBSET", help="the subset they go to (the first)")
    parser.add_argument("--move", action="store_true", help="move instead of copy")


def new(args: Args, out: Output) -> int:
    """Makes a project."""
    from loratui.core.project import Project

    if not args.dir:
        raise UsageError("The name of the folder is empty.", "Give a name, or `.` for the current folder.")
    folder = Path(out.directory(args), args.dir)
    if not folder.parent.is_dir():
        raise UsageError(f"The folder {folder.parent} is not there.", "Make it first.")
    project = Project.create(folder, trigger=args.trigger, kind=args.kind, base=args.base, dry_run=out.dry_run)
    subsets = [subset.folder for subset in project.subsets]
    lines = [f"Made {project.root}.", "Next: loratui -C " + str(project.root) + " get QUERY"]
    if out.dry_run:
        lines = [f"Would make {project.root}, with {', '.join(subsets)}."]
    return out.done({"path": str(project.root), "subsets": subsets}, lines)


def status(args: Args, out: Output) -> int:
    """Where the project stands."""
    from dataclasses import asdict

    from loratui.core import status as core
    from loratui.core.words import count

    workspace = out.workspace(args)
    found = core.status(workspace)
    undecided = "to be looked for" if found.undecided is None else count(found.undecided, "undecided group")
    lines = [
        f"{workspace.project.name if workspace.project else workspace.root.name}: {count(found.images, 'image')}",
        f"captions: {found.uncaptioned} missing, {found.untriggered} without the trigger first",
        f"near-duplicates: {undecided}",
        f"runs: {found.runs}",
        f"next: {found.next}   ({found.why})",
    ]
    return out.done(asdict(found), lines)


def subset_list(args: Args, out: Output) -> int:
    """The subsets."""
    workspace = out.workspace(args)
    rows = []
    for subset in workspace.need_project().subsets:
        there = (workspace.root / subset.folder).is_dir()
        images = len(workspace.scan([subset.folder])) if there else 0
        rows.append({"name": subset.name, "images": images, "trigger": subset.trigger, "repeats": subset.repeats})
    lines = [
        f"{row['name']:24} {row['images']:6} images  repeats {row['repeats']!s:5} {row['trigger']}" for row in rows
    ]
    return out.done({"subsets": rows}, lines or ["There are no subsets."])


def subset_move(args: Args, out: Output) -> int:
    """Images move to a subset."""
    from loratui.core.acts import subsets
    from loratui.core.words import count

    done = subsets.move(out.workspace(args), " ".join(args.expression), args.to, dry_run=out.dry_run)
    moved = done.plan.counts["images"]
    lines = [f"{count(moved, 'image')} {'would move' if out.dry_run else 'moved'} to {done.folder}"]
    lines += [_new_subset(done.folder, out)] if done.new else []
    return out.done({"moved": moved, "subset": done.folder, "new": done.new}, lines)


def subset_split(args: Args, out: Output) -> int:
    """The dataset is split by tags, as one step."""
    from loratui.core.acts import subsets
    from loratui.core.dataset.arguments import tag_argument

    named = [tag_argument(tag) for tag in args.tags]
    done = subsets.part(out.workspace(args), named, dry_run=out.dry_run)
    rows = [{"tag": part.tag, "subset": part.folder, "images": len(part.positions)} for part in done.parts]
    lines = [f"{row['images']:6}  {row['tag']}  → {row['subset']}" for row in rows]
    lines += [_new_subset(folder, out) for folder in done.new]
    if named and not rows:
        lines = ["No image carries such a tag; nothing was done."]
    elif not named:
        hint = "Give the tags to split by." if rows else "No tags part these images well; give the tags to split by."
        lines += [f"{done.rest:6}  rest", hint]
    return out.done({"parts": rows, "rest": done.rest, "applied": bool(done.plan) and not out.dry_run}, lines)


def _new_subset(folder: str, out: Output) -> str:
    would = "would be" if out.dry_run else "was"
    return f"The new subset {folder} {would} added to loratui.toml; undoing takes it out again."


def add(args: Args, out: Output) -> int:
    """The person's own files come in."""
    from loratui.core.dataset.intake import Intake, parted, take_in
    from loratui.core.downloads.pages import add_page

    workspace = out.workspace(args)
    paths, pages = parted(workspace.cwd, args.paths)
    project = workspace.need_project()
    subset = project.subset(args.into) if args.into else (project.subsets[0] if project.subsets else None)
    if subset is None:
        raise UsageError(f"There is no subset {args.into!r}.", "See `loratui subset list`.")
    result, failed = Intake(), False
    with out.progress("taking in") as report:
        if paths:
            result = take_in(
                workspace.changes,
                subset.folder,
                paths,
                move=args.move,
                dry_run=out.dry_run,
                report=report,
                cancel=out.cancel,
            )
        for page in pages:
            got = add_page(workspace, page, subset.folder, dry_run=out.dry_run, report=report, cancel=out.cancel)
            result, failed = result + got, failed or bool(got.refused)
    document = {
        "added": len(result.added),
        "existing": len(result.existing),
        "refused": [{"file": file, "reason": reason} for file, reason in result.refused],
    }
    lines = [f"{len(result.added)} added to {subset.folder}, {len(result.existing)} there already"]
    lines += [f"refused {file}: {reason}" for file, reason in result.refused]
    failed = failed or bool(result.refused and not result.added and not result.existing)
    return out.done(document, lines, code=1 if failed else 0)
