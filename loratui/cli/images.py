"""check-images, prep, dupes: the images of a project, or of any folder."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.core.words import count

if TYPE_CHECKING:
    from loratui.core.images.duplicates import Duplicates, Group
    from loratui.core.images.prepare import Preparation
    from loratui.core.workspace import Workspace

Shown = Callable[[str], str]
"""A path as it is shown."""


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
    from loratui.core.acts import images

    workspace, folders, shown = _place(args, out)
    with out.progress("checking") as report:
        found = images.check(workspace, folders, report=report, cancel=out.cancel)
    rows = [
        {"file": shown(finding.file), "problem": finding.problem, "level": finding.level,
         "message": finding.message, "remedy": finding.remedy}
        for finding in found.findings
    ]  # fmt: skip
    lines = [f"{finding.level:5} {finding.problem:15} {finding.message} {finding.remedy}" for finding in found.findings]
    mended = len({finding.file for finding in found.findings})
    total = f"{count(found.files, 'image')}, {f'{mended} with something to look at' if rows else 'all good'}."
    return out.done({"files": found.files, "problems": rows}, [*lines, total])


def prep(args: Args, out: Output) -> int:
    """The remedies, as one step."""
    from loratui.core.acts import images

    workspace, folders, shown = _place(args, out)
    with out.progress("preparing") as report:
        done = images.prep(
            workspace,
            folders,
            to=args.to or "auto",
            background=args.background,
            min_side=args.min_side,
            small=args.small,
            dry_run=out.dry_run,
            report=report,
            cancel=out.cancel,
        )
    return out.done(_prepared(done, shown), _prepared_lines(done, shown))


def dupes(args: Args, out: Output) -> int:
    """Groups of copies; with --apply all but the kept go to the trash."""
    from loratui.core.acts import images

    workspace, folders, shown = _place(args, out)
    with out.progress("looking") as report:
        copies = images.dupes(
            workspace,
            folders,
            hardness=args.hardness,
            apply=args.apply,
            dry_run=out.dry_run,
            report=report,
            cancel=out.cancel,
        )
    found = copies.found
    document = _found(found, shown)
    lines = [text for group in found.groups for text in _group_lines(group, shown)]
    dropped = [member.path for group in found.groups for member in group.files if member.path != group.keep]
    megabytes = sum(group.freed for group in found.groups) / 1_000_000
    where = f"{count(len(dropped), 'copy', 'copies')} in {count(len(found.groups), 'group')}, {megabytes:.1f} MB."
    total = f"{count(found.images, 'image')}: {where if dropped else 'no copies.'}"
    if args.apply:
        document["moved"] = [shown(path) for path in dropped]
        went = "They are in the trash; `loratui undo` brings them back."
        total += " They would go to the trash." if out.dry_run else f" {went}"
    return out.done(document, [*lines, total])


def _prepared(done: "Preparation", shown: Shown) -> dict[str, object]:
    return {
        "images": done.images,
        **done.counts,
        "unchanged": done.unchanged,
        "files": [
            {"file": shown(work.image.path), "to": shown(work.target), "done": list(work.done)} for work in done.works
        ],
        "aside": [{"file": shown(path), "reason": reason} for path, reason in sorted(done.aside.items())],
        "left": [{"file": shown(path), "reason": reason} for path, reason in sorted(done.skipped.items())],
    }


def _prepared_lines(done: "Preparation", shown: Shown) -> list[str]:
    lines = [f"{shown(work.image.path)} → {shown(work.target)}: {', '.join(work.done)}" for work in done.works]
    lines += [f"{shown(path)}: set aside, {reason}" for path, reason in sorted(done.aside.items())]
    lines += [f"{shown(path)}: left as it is. {reason}" for path, reason in sorted(done.skipped.items())]
    said = ", ".join(f"{number} {key.replace('_', ' ')}" for key, number in done.counts.items() if number)
    return [*lines, f"{count(done.images, 'image')}: {said or 'nothing to do'}."]


def _found(found: "Duplicates", shown: Shown) -> dict[str, object]:
    return {
        "images": found.images,
        "seconds": round(found.seconds, 3),
        "groups": [_group(group, shown) for group in found.groups],
        "pairs": [{"a": shown(pair.a), "b": shown(pair.b), "relation": pair.relation} for pair in found.pairs],
        "unreadable": [
            {"file": shown(path), "reason": error.message} for path, error in sorted(found.failures.items())
        ],
    }


def _group(group: "Group", shown: Shown) -> dict[str, object]:
    return {
        "keep": shown(group.keep),
        "files": [
            {
                "file": shown(member.path),
                "width": member.facts.width,
                "height": member.facts.height,
                "bytes": member.facts.bytes,
                "relation": member.relation,
                "why": member.why,
            }
            for member in group.files
        ],
        "variants": [
            {"file": shown(variant.path), "relation": variant.relation, "differs": variant.differs}
            for variant in group.variants
        ],
    }


def _group_lines(group: "Group", shown: Shown) -> list[str]:
    lines = [f"keep {shown(group.keep)}  ({group.files[0].why})"]
    lines += [
        f"drop {shown(member.path)}  {member.facts.width}×{member.facts.height}, {member.why}"
        for member in group.files[1:]
    ]
    return [*lines, *(f"     variant {shown(v.path)}  {v.differs}" for v in group.variants)]


def _place(args: Args, out: Output) -> "tuple[Workspace, list[str], Shown]":
    """Where FOLDER leads, and how paths are shown: relative to the FOLDER that was named, else to the root."""
    from os.path import commonpath

    workspace, folders = out.workspace(args).at(args.folder)
    common = ""
    if args.folder is not None:
        common = folders[0] if len(folders) == 1 else commonpath(folders) if all(folders) else ""
    return workspace, folders, lambda path: path.removeprefix(f"{common}/" if common else "")


def _pixels(text: str) -> int:
    if not text.isdigit() or int(text) > 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pixels")
    return int(text)


def _hardness(text: str) -> int:
    if not text.isdigit() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 100")
    return int(text)
