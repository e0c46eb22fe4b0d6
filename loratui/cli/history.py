"""undo, redo, history, trash."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs, positive
from loratui.core.errors import UsageError

if TYPE_CHECKING:
    from loratui.core.changes import Undone


def register(verbs: Verbs) -> None:
    """Declares the verbs."""
    for name, run, text in (
        ("undo", undo, "undo the newest changes of the dataset"),
        ("redo", redo, "do again what was undone last"),
    ):
        parser = verbs.add(name, run, help=text, dry_run=True)
        parser.add_argument("count", nargs="?", type=positive, default=1, metavar="N", help="how many (1)")
        keep = "leave files alone that were changed since by another program, and do the rest"
        parser.add_argument("--keep-changed", action="store_true", help=keep)
    verbs.add("history", history, help="every change of the dataset, oldest first")
    trash = verbs.group("trash", help="what was taken away")
    trash.add("list", trash_list, help="what lies in the trash, newest first")
    restore = trash.add("restore", trash_restore, help="bring files back to where they were", dry_run=True)
    restore.add_argument(
        "files", nargs="+", metavar="FILE", help="where it was, its name, or its reason with a colon: `small:`"
    )
    trash.add("empty", trash_empty, help="destroy what lies in the trash: the one act without undo", dry_run=True)


def undo(args: Args, out: Output) -> int:
    """The newest acts go back."""
    changes = out.workspace(args).changes
    return _turned("undone", changes.preview_undo, changes.undo, args, out)


def redo(args: Args, out: Output) -> int:
    """The acts undone last come again."""
    changes = out.workspace(args).changes
    return _turned("redone", changes.preview_redo, changes.redo, args, out)


def _turned(
    word: str, preview: "Callable[[int], Undone]", turn: "Callable[..., Undone]", args: Args, out: Output
) -> int:
    from loratui.core.errors import Conflict

    try:
        result = preview(args.count) if out.dry_run else turn(args.count, keep_changed=args.keep_changed)
    except Conflict as error:
        out.note(f"loratui: {error.message} {error.remedy}")
        return out.done({word: [], "conflicts": list(error.files), "left": preview(0).left}, code=3)
    refused = bool(result.conflicts) and not args.keep_changed
    if refused:  # a dry run: what would really be said
        lines = [f"changed since, refuses it: {path}" for path in result.conflicts]
        return out.done({word: [], "conflicts": result.conflicts, "left": preview(0).left}, lines, code=3)
    steps = [{"id": step.id, "verb": step.verb, "title": step.title, "files": step.files} for step in result.steps]
    lines = [
        f"{step.id} would be {word}: {step.title}" if out.dry_run else f"{word} {step.id}: {step.title}"
        for step in result.steps
    ] or [f"Nothing to be {word}."]
    lines += [f"changed since, left as it is: {path}" for path in result.conflicts]
    return out.done({word: steps, "conflicts": result.conflicts, "left": result.left}, lines)


def history(args: Args, out: Output) -> int:
    """The journal's steps."""
    steps = out.workspace(args).changes.history()
    document = {
        "steps": [
            {
                "id": step.id,
                "verb": step.verb,
                "title": step.title,
                "time": step.time,
                "files": step.files,
                "state": step.state,
                "command": step.command or None,
            }
            for step in steps
        ]
    }
    lines = [f"{step.id:5}  {step.time}  {step.state:6}  {step.title}" for step in steps]
    return out.done(document, lines or ["No change was made yet."])


def trash_list(args: Args, out: Output) -> int:
    """What lies in the trash."""
    entries = out.workspace(args).changes.trash()
    files = [
        {"file": entry.path, "lies": entry.lies, "reason": entry.reason, "step": entry.step, "bytes": entry.bytes}
        for entry in entries
    ]
    total = sum(entry.bytes for entry in entries)
    lines = [f"{entry.reason:12} {entry.step:5}  {entry.path}" for entry in entries]
    return out.done({"files": files, "bytes": total}, lines or ["The trash is empty."])


def trash_restore(args: Args, out: Output) -> int:
    """Files come back with their captions."""
    changes = out.workspace(args).changes
    entries = changes.trash()
    chosen: dict[str, None] = {}
    for wanted in args.files:
        if wanted.endswith(":"):
            stems = {_stem(entry.path) for entry in entries if entry.reason == wanted[:-1]}
        else:
            stems = {_stem(entry.path) for entry in entries if wanted in (entry.path, entry.path.rpartition("/")[2])}
        if not stems:
            raise UsageError(f"{wanted} is not in the trash.", "See `loratui trash list`.")
        chosen.update(dict.fromkeys(stems))
    back = [entry for entry in entries if _stem(entry.path) in chosen]
    paths = sorted({entry.path for entry in back})
    if not out.dry_run:
        changes.restore(back)
    return out.done({"restored": paths}, [f"restored {path}" for path in paths])


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.rpartition('.')[0] or name}"


def trash_empty(args: Args, out: Output) -> int:
    """The trash is destroyed."""
    changes = out.workspace(args).changes
    entries = changes.trash()
    size = sum(entry.bytes for entry in entries)
    document = {"files": len(entries), "bytes": size}
    if not entries:
        return out.done(document, ["The trash is empty."])
    if not out.dry_run:
        out.confirm(f"Destroy {len(entries)} files in the trash ({size / 1e6:.1f} MB)? This cannot be undone.")
        changes.empty_trash()
    return out.done(document, [f"{len(entries)} files destroyed, {size / 1e6:.1f} MB freed"])
