"""check-images, prep, dupes: the images of a project, or of any folder."""

import argparse
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.core.words import count

if TYPE_CHECKING:
    from loratui.core.images.duplicates import Group


def register(verbs: Verbs) -> None:
    """Declares the verbs."""
    verbs.add("check-images", check_images, help="find broken, transparent, small and odd images", folder=True)
    parser = verbs.add("prep", prep, help="mend images for training, as one undoable step", folder=True, dry_run=True)
    parser.add_argument(
        "--to",
        choices=("png", "jpg", "keep"),
        help="format of every image; absent: PNG for what is neither PNG nor JPEG",
    )
    parser.add_argument(
        "--background", default="white", metavar="COLOUR", help="what transparent pixels are laid on (white)"
    )
    parser.add_argument(
        "--min-side", type=_pixels, metavar="N", help="pixels of the shorter side (the recipe's resolution)"
    )
    parser.add_argument(
        "--small", choices=("aside", "keep"), default="aside", help="what becomes of smaller images (aside)"
    )
    parser = verbs.add("dupes", dupes, help="groups of near-duplicate images", folder=True, dry_run=True)
    parser.add_argument(
        "--hardness",
        type=_hardness,
        default=97,
        metavar="0-100",
        help="how alike copies must be; higher is stricter, 100 means equal pixels (97)",
    )
    parser.add_argument("--apply", action="store_true", help="move all but the kept file of each group to the trash")


def check_images(args: Args, out: Output) -> int:
    """What is wrong with the images."""
    from loratui.core.images import problems
    from loratui.core.images.survey import Cache
    from loratui.core.training.recipe import shorter_side

    workspace, folders = out.workspace(args).at(args.folder)
    prefix = _prefix(args, folders)
    with out.progress("checking") as report, Cache(workspace.root) as cache:
        found = problems.check_images(
            workspace.root, folders, cache, min_side=shorter_side(workspace.project), report=report, cancel=out.cancel
        )
    rows = [
        {"file": _shown(finding.file, prefix), "problem": finding.problem, "level": finding.level,
         "message": finding.message, "remedy": finding.remedy}
        for finding in found.findings
    ]  # fmt: skip
    lines = [f"{finding.level:5} {finding.problem:15} {finding.message} {finding.remedy}" for finding in found.findings]
    mended = len({finding.file for finding in found.findings})
    total = f"{count(found.files, 'image')}, {f'{mended} with something to look at' if rows else 'all good'}."
    return out.done({"files": found.files, "problems": rows}, [*lines, total])


def prep(args: Args, out: Output) -> int:
    """The remedies, as one step."""
    from loratui.core.images.prepare import Wishes, prepare
    from loratui.core.images.survey import Cache
    from loratui.core.training.recipe import shorter_side

    workspace, folders = out.workspace(args).at(args.folder)
    prefix = _prefix(args, folders)
    wishes = Wishes(
        to=args.to or "auto",
        background=args.background,
        min_side=shorter_side(workspace.project) if args.min_side is None else args.min_side,
        small=args.small,
    )
    images = workspace.scan(folders)
    stage = None if out.dry_run else workspace.changes.stage
    with out.progress("preparing") as report, Cache(workspace.root, keep=not out.dry_run) as cache:
        done = prepare(workspace.root, images, cache, wishes, stage, report=report, cancel=out.cancel)
    if not out.dry_run:
        workspace.changes.apply(done.plan)
    document: dict[str, object] = {
        "images": len(images),
        **done.counts,
        "unchanged": done.unchanged,
        "files": [
            {"file": _shown(work.image.path, prefix), "to": _shown(work.target, prefix), "done": list(work.done)}
            for work in done.works
        ],
        "aside": [{"file": _shown(path, prefix), "reason": reason} for path, reason in sorted(done.aside.items())],
        "left": [{"file": _shown(path, prefix), "reason": reason} for path, reason in sorted(done.skipped.items())],
    }
    lines = [f"{_shown(w.image.path, prefix)} → {_shown(w.target, prefix)}: {', '.join(w.done)}" for w in done.works]
    lines += [f"{_shown(path, prefix)}: set aside, {reason}" for path, reason in sorted(done.aside.items())]
    lines += [f"{_shown(path, prefix)}: left as it is. {reason}" for path, reason in sorted(done.skipped.items())]
    said = ", ".join(f"{number} {key.replace('_', ' ')}" for key, number in done.counts.items() if number)
    lines.append(f"{count(len(images), 'image')}: {said or 'nothing to do'}.")
    return out.done(document, lines)


def dupes(args: Args, out: Output) -> int:
    """Groups of copies; with --apply all but the kept go to the trash."""
    from loratui.core.images import outcome
    from loratui.core.images.curation import duplicates_of, removal_plan
    from loratui.core.images.survey import Cache

    workspace, folders = out.workspace(args).at(args.folder)
    prefix = _prefix(args, folders)
    images = workspace.scan(folders)
    with out.progress("looking") as report, Cache(workspace.root, keep=not out.dry_run) as cache:
        found = duplicates_of(
            workspace.root, images, cache, workspace.records, hardness=args.hardness, report=report, cancel=out.cancel
        )
    document: dict[str, object] = {
        "images": found.images,
        "seconds": round(found.seconds, 3),
        "groups": [_group(group, prefix) for group in found.groups],
        "pairs": [
            {"a": _shown(pair.a, prefix), "b": _shown(pair.b, prefix), "relation": pair.relation}
            for pair in found.pairs
        ],
        "unreadable": [
            {"file": _shown(path, prefix), "reason": error.message} for path, error in sorted(found.failures.items())
        ],
    }
    lines = [text for group in found.groups for text in _group_lines(group, prefix)]
    copies = sum(len(group.files) - 1 for group in found.groups)
    megabytes = sum(group.freed for group in found.groups) / 1_000_000
    where = f"{count(copies, 'copy', 'copies')} in {count(len(found.groups), 'group')}, {megabytes:.1f} MB."
    total = f"{count(found.images, 'image')}: {where if copies else 'no copies.'}"
    if args.apply:
        plan = removal_plan(workspace.root, found.groups)
        if not out.dry_run:
            workspace.changes.apply(plan)
        document["moved"] = [
            _shown(member.path, prefix) for group in found.groups for member in group.files if member.path != group.keep
        ]
        total += (
            " They would go to the trash."
            if out.dry_run
            else " They are in the trash; `loratui undo` brings them back."
        )
    if workspace.project is not None and args.folder is None and not out.dry_run:
        left = 0 if args.apply else len(found.groups)
        outcome.remember(workspace.root, workspace.scan(folders), left)
    return out.done(document, [*lines, total])


def _group(group: "Group", prefix: str) -> dict[str, object]:
    return {
        "keep": _shown(group.keep, prefix),
        "files": [
            {
                "file": _shown(member.path, prefix),
                "width": member.facts.width,
                "height": member.facts.height,
                "bytes": member.facts.bytes,
                "relation": member.relation,
                "why": member.why,
            }
            for member in group.files
        ],
        "variants": [
            {"file": _shown(variant.path, prefix), "relation": variant.relation, "differs": variant.differs}
            for variant in group.variants
        ],
    }


def _group_lines(group: "Group", prefix: str) -> list[str]:
    lines = [f"keep {_shown(group.keep, prefix)}  ({group.files[0].why})"]
    lines += [
        f"drop {_shown(member.path, prefix)}  {member.facts.width}×{member.facts.height}, {member.why}"
        for member in group.files[1:]
    ]
    return [*lines, *(f"     variant {_shown(v.path, prefix)}  {v.differs}" for v in group.variants)]


def _prefix(args: Args, folders: list[str]) -> str:
    """What paths are shown relative to: the FOLDER that was named, else the root."""
    from os.path import commonpath

    if args.folder is None:
        return ""
    common = folders[0] if len(folders) == 1 else commonpath(folders) if all(folders) else ""
    return f"{common}/" if common else ""


def _shown(path: str, prefix: str) -> str:
    return path.removeprefix(prefix)


def _pixels(text: str) -> int:
    if not text.isdigit() or int(text) > 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pixels")
    return int(text)


def _hardness(text: str) -> int:
    if not text.isdigit() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 100")
    return int(text)
