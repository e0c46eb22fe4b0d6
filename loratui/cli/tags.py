"""tags: the frequency table, bulk edits of captions, pruning."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Parser, Verbs, positive

if TYPE_CHECKING:
    from loratui.core.changes import Plan
    from loratui.core.dataset.dataset import Dataset
    from loratui.core.workspace import Workspace


def register(verbs: Verbs) -> None:
    """Declares the verb and its sub-verbs."""
    group = verbs.group("tags", help="which tags the captions hold; edit them in bulk", run=table)
    _scope(group.parser, default=None)
    group.parser.add_argument("--sort", choices=("count", "name"), default="count", help="order of the table (count)")
    group.parser.add_argument("--limit", type=positive, metavar="N", help="the first N rows only")
    for name, run, what in (
        ("remove", remove, "take tags out of captions"),
        ("prepend", prepend, "put tags first"),
        ("append", append, "put tags last, where they are missing"),
    ):
        _verb(group, name, run, what).add_argument("tags", nargs="+", metavar="TAG")
    parser = _verb(group, "replace", replace, "rename a tag; where the new one is there already they become one")
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--regex", action="store_true", help="OLD is a regular expression for a whole tag; NEW may hold \\1"
    )
    how.add_argument("--text", action="store_true", help="OLD is text anywhere in the caption, across tags")
    parser = _verb(group, "move", move, "move a tag first or last where it stands")
    parser.add_argument("tag", metavar="TAG")
    parser.add_argument("--to", choices=("first", "last"), required=True)
    _verb(group, "trigger", trigger, "put the triggers of the project's subsets first")
    _verb(group, "dedupe", dedupe, "leave the first of equal tags")
    _verb(group, "sort", sort, "sort tags by how many images carry them, the trigger first")
    parser = _verb(group, "prune", prune, "what to take out so that the trigger learns it, and why")
    parser.add_argument(
        "--kind", choices=("character", "style", "concept", "pose", "outfit"), help="of LoRA (the project's)"
    )
    parser.add_argument("--apply", action="store_true", help="take the selected ones out, as one undoable step")


def _verb(group: Verbs, name: str, run: Callable[[Args, Output], int], what: str) -> Parser:
    parser = group.add(name, run, help=what, dry_run=True)
    _scope(parser, default=argparse.SUPPRESS)
    return parser


def _scope(parser: Parser, default: str | None) -> None:
    """What is worked on. A sub-verb must not overwrite what stands before it."""
    parser.add_argument("--in", dest="folder", metavar="FOLDER", default=default, help="a folder, or a subset's name")
    parser.add_argument(
        "--where", metavar="EXPR", default=default, help="only images that fit, such as 'solo and not *hair'"
    )


@dataclass(frozen=True)
class _Scope:
    """What a verb works on.

    Attributes:
        workspace: of the folder.
        dataset: the folder's images.
        positions: those that fit --where.
        triggers: tags put first, by folder.
        words: the scope as words of a command line.
    """

    workspace: "Workspace"
    dataset: "Dataset"
    positions: set[int]
    triggers: Mapping[str, Sequence[str]]
    words: Sequence[str]


def _open(args: Args, out: Output) -> _Scope:
    from loratui.core.dataset.expression import parse

    expression = parse(args.where or "")
    workspace, folders = out.workspace(args).at(args.folder)
    with out.progress("reading captions") as report:
        dataset = workspace.dataset(folders, report=report)
    for position, problem in list(dataset.problems.items())[:10]:
        out.note(f"{dataset.caption_paths[position]}: {problem} It is left as it is.")
    with workspace.records:
        positions = expression.select(dataset, workspace.ratings(dataset))
    words = [*(["--in", args.folder] if args.folder else []), *(["--where", args.where] if args.where else [])]
    return _Scope(workspace, dataset, positions, workspace.triggers(), words)


def table(args: Args, out: Output) -> int:
    """The frequency table."""
    scope = _open(args, out)
    counts = scope.dataset.counts(scope.positions if args.where else None)
    with scope.workspace.records as records:
        categories = records.categories()
    order = sorted(counts.items(), key=(lambda row: row[0]) if args.sort == "name" else (lambda row: (-row[1], row[0])))
    rows = order[: args.limit]
    from loratui.core.dataset.caption import key

    document = {
        "images": len(scope.positions),
        "distinct": len(order),
        "tags": [{"tag": tag, "count": count, "category": categories.get(key(tag))} for tag, count in rows],
    }
    total = max(1, len(scope.positions))
    lines = [f"{count:7,} {count * 100 / total:4.0f} %  {tag}" for tag, count in rows]
    return out.done(document, lines or ["No image has a tag yet."])


def remove(args: Args, out: Output) -> int:
    """Tags go."""
    from loratui.core.dataset import bulk

    tags = _tags(args.tags)
    scope = _open(args, out)
    _say_unknown(scope, tags, out)
    return _apply(bulk.remove(scope.dataset, scope.positions, tags), scope, out)


def replace(args: Args, out: Output) -> int:
    """A tag, or text, becomes another."""
    from loratui.core.dataset import bulk
    from loratui.core.errors import UsageError

    if not args.regex and not args.text:
        if not args.new.strip():
            raise UsageError("The new tag is empty.", "Use `loratui tags remove` to take a tag out.")
        args.old, args.new = _tags((args.old, args.new))
    scope = _open(args, out)
    if args.regex:
        return _apply(bulk.replace_regex(scope.dataset, scope.positions, args.old, args.new), scope, out)
    if args.text:
        return _apply(bulk.replace_text(scope.dataset, scope.positions, args.old, args.new), scope, out)
    _say_unknown(scope, [args.old], out)
    return _apply(bulk.replace(scope.dataset, scope.positions, args.old, args.new), scope, out)


def prepend(args: Args, out: Output) -> int:
    """Tags stand first."""
    from loratui.core.dataset import bulk

    tags = _tags(args.tags)
    scope = _open(args, out)
    return _apply(bulk.prepend(scope.dataset, scope.positions, tags), scope, out)


def append(args: Args, out: Output) -> int:
    """Tags stand last where they were missing."""
    from loratui.core.dataset import bulk

    tags = _tags(args.tags)
    scope = _open(args, out)
    return _apply(bulk.append(scope.dataset, scope.positions, tags), scope, out)


def move(args: Args, out: Output) -> int:
    """A tag moves."""
    from loratui.core.dataset import bulk

    (tag,) = _tags([args.tag])
    scope = _open(args, out)
    _say_unknown(scope, [tag], out)
    return _apply(bulk.move(scope.dataset, scope.positions, tag, last=args.to == "last"), scope, out)


def trigger(args: Args, out: Output) -> int:
    """The triggers stand first."""
    from loratui.core.dataset import bulk
    from loratui.core.errors import UsageError

    scope = _open(args, out)
    if not any(scope.triggers.values()):
        raise UsageError(
            "There is no trigger here.", "Set one under [[subset]] in loratui.toml, or use `loratui tags prepend`."
        )
    return _apply(bulk.trigger(scope.dataset, scope.positions, scope.triggers), scope, out)


def dedupe(args: Args, out: Output) -> int:
    """Equal tags become one."""
    from loratui.core.dataset import bulk

    scope = _open(args, out)
    return _apply(bulk.dedupe(scope.dataset, scope.positions), scope, out)


def sort(args: Args, out: Output) -> int:
    """Tags stand by their count."""
    from loratui.core.dataset import bulk

    scope = _open(args, out)
    return _apply(bulk.sort(scope.dataset, scope.positions, scope.triggers), scope, out)


def prune(args: Args, out: Output) -> int:
    """What to take out, and why; with --apply it is done."""
    from loratui.core.dataset import bulk
    from loratui.core.tagging.prune import suggest

    scope = _open(args, out)
    kind = args.kind or (scope.workspace.project.kind if scope.workspace.project else "character")
    captioned = sum(1 for position in scope.positions if scope.dataset.tags[position])
    with scope.workspace.records as records:
        names = [tag for tag, category in records.categories().items() if category not in ("general", "meta")]
    suggestions = suggest(
        scope.dataset.counts(scope.positions),
        captioned,
        kind,
        keep=[tag for tags in scope.triggers.values() for tag in tags],
        names=names,
    )
    document: dict[str, object] = {
        "kind": kind,
        "images": captioned,
        "suggestions": [
            {
                "tag": one.tag,
                "count": one.count,
                "slot": one.slot.name,
                "why": one.why,
                "selected": one.selected,
                "error": one.error,
            }
            for one in suggestions
        ],
    }
    if not args.apply:
        lines = [
            f"{'●' if one.selected else ' '} {one.count:6,}  {one.tag:28} {one.slot.name:24} {one.why}"
            for one in suggestions
        ]
        none = f"Nothing to prune: {'no caption has a tag yet' if not captioned else f'a {kind} keeps its tags'}."
        return out.done(document, lines or [none])
    chosen = [one.tag for one in suggestions if one.selected]
    plan = bulk.remove(scope.dataset, scope.positions, chosen) if chosen else None
    if plan is None:
        return out.done({**document, "changed_files": 0, "changed_tags": 0}, ["Nothing to prune."])
    return _apply(plan, scope, out, document)


def _tags(texts: Sequence[str]) -> list[str]:
    """Arguments as tags."""
    from loratui.core.dataset.arguments import tag_argument

    return [tag_argument(text) for text in texts]


def _say_unknown(scope: _Scope, tags: Sequence[str], out: Output) -> None:
    """Names tags no caption holds, with the one that was probably meant."""
    from loratui.core.nearest import nearest

    for tag in tags:
        if not scope.dataset.carrying(tag):
            meant = nearest(tag, scope.dataset.postings)
            out.note(f"No caption holds {tag!r}." + (f" Did you mean {meant!r}?" if meant else ""))


def _apply(plan: "Plan", scope: _Scope, out: Output, document: Mapping[str, object] | None = None) -> int:
    """Does the plan, or with --dry-run only shows it."""
    from dataclasses import replace as changed
    from shlex import quote

    from loratui.core.words import count

    words = " ".join(quote(word) for word in scope.words)
    plan = changed(plan, command=f"{plan.command} {words}".strip())
    if not out.dry_run:
        scope.workspace.changes.apply(plan)
    counts = {name: plan.counts[name] for name in ("changed_files", "changed_tags")}
    would = "would be changed" if out.dry_run else "changed"
    files, tags = count(counts["changed_files"], "caption"), count(counts["changed_tags"], "tag")
    line = f"{files} {would} ({tags}): {plan.title}"
    return out.done({**(document or {}), **counts}, [line if plan else "Nothing to change."])
