"""tags: the frequency table, bulk edits of captions, pruning."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Parser, Verbs, positive

if TYPE_CHECKING:
    from loratui.core.acts.captions import Scope, Where
    from loratui.core.changes import Plan
    from loratui.core.dataset.bulk import Bulk
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
        _verb(group, name, run, what).add_argument("tags", nargs="+", metavar="TAG", help="quoted where it has a space")
    parser = _verb(group, "replace", replace, "rename a tag; where the new one is there already they become one")
    parser.add_argument("old", metavar="OLD", help="the tag to replace")
    parser.add_argument("new", metavar="NEW", help="what stands in its place")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--regex", action="store_true", help="OLD is a regular expression for a whole tag; NEW may hold \\1"
    )
    how.add_argument("--text", action="store_true", help="OLD is text anywhere in the caption, across tags")
    parser = _verb(group, "move", move, "move a tag first or last where it stands")
    parser.add_argument("tag", metavar="TAG", help="the tag to move")
    parser.add_argument("--to", choices=("first", "last"), required=True)
    parser = group.add("credits", give_credit, help="who made the pictures and where they were found, as Markdown")
    parser.add_argument(
        "--in", dest="folder", metavar="FOLDER", default=argparse.SUPPRESS, help="a folder, or a subset"
    )
    parser.add_argument("--csv", action="store_true", help="as a table")
    _verb(group, "trigger", trigger, "put the triggers of the project's subsets first")
    _verb(group, "dedupe", dedupe, "leave the first of equal tags")
    _verb(group, "sort", sort, "sort tags by how many images carry them, the trigger first")
    parser = _verb(group, "render", render, "write captions anew from the boards' tags, without downloading")
    parser.add_argument("--categories", metavar="A,B", help="which, in this order (character,species,general)")
    parser.add_argument("--board-order", action="store_true", help="do not put the tags used most often first")
    parser.add_argument("--underscores", action="store_true", help="keep them")
    parser.add_argument("--escape", action="store_true", help="write \\( and \\) as web UIs want them")
    parser.add_argument(
        "--edited",
        choices=("merge", "keep", "overwrite"),
        default="merge",
        help="captions edited since: make the edits anew (merge), leave them, or lose the edits",
    )
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


def _where(args: Args, out: Output) -> "tuple[Workspace, Where]":
    """What a verb works on."""
    from loratui.core.acts.captions import Where

    workspace, folders = out.workspace(args).at(args.folder)
    words = [*(["--in", args.folder] if args.folder else []), *(["--where", args.where] if args.where else [])]
    return workspace, Where(folders, args.where or "", words)


def _say_problems(scope: "Scope", out: Output) -> None:
    if scope.slip:
        out.note(scope.slip)
    problems = list(scope.dataset.problems.items())
    for position, problem in problems[:10]:
        out.note(f"{scope.dataset.caption_paths[position]}: {problem} It is left as it is.")
    if len(problems) > 10:
        out.note(f"{len(problems) - 10} more captions cannot be read: `loratui check-images` lists them all.")


def table(args: Args, out: Output) -> int:
    """The frequency table."""
    from loratui.core.acts import captions
    from loratui.core.dataset.caption import key

    workspace, where = _where(args, out)
    with out.progress("reading captions") as report:
        scope = captions.scope(workspace, where, report=report)
    _say_problems(scope, out)
    counts = scope.dataset.counts(scope.positions if args.where else None)
    with workspace.records as records:
        categories = records.categories()
    order = sorted(counts.items(), key=(lambda row: row[0]) if args.sort == "name" else (lambda row: (-row[1], row[0])))
    rows = order[: args.limit]
    new = captions.unknown(workspace, [tag for tag, _ in rows])
    document = {
        "images": len(scope.positions),
        "distinct": len(order),
        "tags": [
            {"tag": tag, "count": count, "category": categories.get(key(tag)), "new": tag in new} for tag, count in rows
        ],
    }
    total = max(1, len(scope.positions))
    lines = [f"{count:7,} {count * 100 / total:4.0f} %  {tag}{'  ?new' if tag in new else ''}" for tag, count in rows]
    return out.done(document, lines or ["No image has a tag yet."])


def remove(args: Args, out: Output) -> int:
    """Tags go."""
    from loratui.core.dataset import bulk

    tags = _tags(args.tags)
    return _edit(args, out, bulk.remove(tags), known=tags)


def replace(args: Args, out: Output) -> int:
    """A tag, or text, becomes another."""
    from loratui.core.dataset import bulk
    from loratui.core.errors import UsageError

    if args.regex:
        return _edit(args, out, bulk.replace_regex(args.old, args.new))
    if args.text:
        return _edit(args, out, bulk.replace_text(args.old, args.new))
    if not args.new.strip():
        raise UsageError("The new tag is empty.", "Use `loratui tags remove` to take a tag out.")
    old, new = _tags((args.old, args.new))
    return _edit(args, out, bulk.replace(old, new), known=[old])


def prepend(args: Args, out: Output) -> int:
    """Tags stand first."""
    from loratui.core.dataset import bulk

    return _edit(args, out, bulk.prepend(_tags(args.tags)))


def append(args: Args, out: Output) -> int:
    """Tags stand last where they were missing."""
    from loratui.core.dataset import bulk

    return _edit(args, out, bulk.append(_tags(args.tags)))


def move(args: Args, out: Output) -> int:
    """A tag moves."""
    from loratui.core.dataset import bulk

    (tag,) = _tags([args.tag])
    return _edit(args, out, bulk.move(tag, last=args.to == "last"), known=[tag])


def trigger(args: Args, out: Output) -> int:
    """The triggers stand first; what they mean already is said."""
    from loratui.core.acts import captions
    from loratui.core.dataset import bulk

    workspace, where = _where(args, out)
    with out.progress("reading captions") as report:
        edited = captions.edit(workspace, where, bulk.trigger(workspace.triggers()), dry_run=out.dry_run, report=report)
    _say_problems(edited.scope, out)
    found = captions.meanings(workspace, edited.scope.dataset)
    for one in found:
        if one.message:
            out.note(f"{one.message} {one.remedy}")
    told = [
        {
            "trigger": one.trigger,
            "pieces": one.pieces,
            "words": one.words,
            "character": one.character,
            "exact": one.exact,
        }
        for one in found
    ]
    return _done(edited.plan, out, {"triggers": told})


def dedupe(args: Args, out: Output) -> int:
    """Equal tags become one."""
    from loratui.core.dataset import bulk

    return _edit(args, out, bulk.dedupe())


def sort(args: Args, out: Output) -> int:
    """Tags stand by their count."""
    from loratui.core.dataset import bulk

    return _edit(args, out, lambda workspace: bulk.sort(workspace.triggers()))


def render(args: Args, out: Output) -> int:
    """Captions come anew from the boards' tags."""
    from loratui.core.acts import captions
    from loratui.core.downloads.captions import Style
    from loratui.core.downloads.recaption import recaption
    from loratui.core.words import count

    workspace, where = _where(args, out)
    named = Style().categories
    if args.categories is not None:
        named = tuple(word.strip() for word in args.categories.split(",") if word.strip())
    style = Style(named, not args.board_order, args.underscores, args.escape)
    with out.progress("writing captions") as report:
        done = recaption(
            workspace,
            where.folders,
            style,
            edited=args.edited,
            chosen=lambda dataset: captions.select(workspace, dataset, where.expression),
            words=where.words,
            dry_run=out.dry_run,
            report=report,
            cancel=out.cancel,
        )
    if done.unknown:
        out.note(f"Of {count(done.unknown, 'image')} no board's tags are known: left as they are.")
    if done.edited:
        how = {"merge": "the edits were kept", "keep": "left as they are", "overwrite": "the edits are gone"}
        out.note(f"{count(done.edited, 'caption')} had been edited since: {how[args.edited]}.")
    if done.unreadable:
        out.note(f"{count(done.unreadable, 'caption')} cannot be read: left as they are.")
    document = {"images": done.images, "same": done.same, "edited": done.edited, "unknown": done.unknown}
    return _done(done.plan, out, {**document, "unreadable": done.unreadable})


def give_credit(args: Args, out: Output) -> int:
    """Who made the pictures."""
    from dataclasses import asdict

    from loratui.core.downloads.credits import as_csv, as_markdown, credits_of

    workspace, where = _where(args, out)
    found = credits_of(workspace, where.folders)
    text = as_csv(found) if args.csv else as_markdown(found)
    document = {"credits": [asdict(credit) for credit in found]}
    return out.done(document, text.splitlines() or ["Of no image it is known who made it."])


def prune(args: Args, out: Output) -> int:
    """What to take out, and why; with --apply it is done."""
    from loratui.core.acts import captions

    workspace, where = _where(args, out)
    with out.progress("reading captions") as report:
        pruned = captions.prune(workspace, where, kind=args.kind, apply=args.apply, dry_run=out.dry_run, report=report)
    _say_problems(pruned.scope, out)
    document: dict[str, object] = {
        "kind": pruned.kind,
        "images": pruned.images,
        "suggestions": [
            {
                "tag": one.tag,
                "count": one.count,
                "slot": one.slot.name,
                "why": one.why,
                "selected": one.selected,
                "error": one.error,
            }
            for one in pruned.suggestions
        ],
    }
    if args.apply:
        return _done(pruned.plan, out, document, nothing="Nothing to prune.")
    lines = [
        f"{'●' if one.selected else ' '} {one.count:6,}  {one.tag:28} {one.slot.name:24} {one.why}"
        for one in pruned.suggestions
    ]
    none = f"Nothing to prune: {f'a {pruned.kind} keeps its tags' if pruned.images else 'no caption has a tag yet'}."
    return out.done(document, lines or [none])


def _tags(texts: Sequence[str]) -> list[str]:
    """Arguments as tags."""
    from loratui.core.dataset.arguments import tag_argument

    return [tag_argument(text) for text in texts]


def _say_unknown(scope: "Scope", tags: Sequence[str], out: Output) -> None:
    """Names tags no caption holds, with the one that was probably meant."""
    from loratui.core.nearest import nearest

    for tag in tags:
        if not scope.dataset.carrying(tag):
            meant = nearest(tag, scope.dataset.postings)
            out.note(f"No caption holds {tag!r}." + (f" Did you mean {meant!r}?" if meant else ""))


def _edit(args: Args, out: Output, edit: "Bulk | Callable[[Workspace], Bulk]", *, known: Sequence[str] = ()) -> int:
    """Does the edit, or with --dry-run only shows it; says which of the tags that should be known are not."""
    from loratui.core.acts import captions

    workspace, where = _where(args, out)
    bulk = edit(workspace) if callable(edit) else edit
    with out.progress("reading captions") as report:
        edited = captions.edit(workspace, where, bulk, dry_run=out.dry_run, report=report)
    _say_problems(edited.scope, out)
    _say_unknown(edited.scope, known, out)
    return _done(edited.plan, out)


def _done(
    plan: "Plan", out: Output, document: Mapping[str, object] | None = None, nothing: str = "Nothing to change."
) -> int:
    """Says what a plan changed."""
    from loratui.core.words import count

    counts = {name: plan.counts[name] for name in ("changed_files", "changed_tags")}
    would = "would be changed" if out.dry_run else "changed"
    files, tags = count(counts["changed_files"], "caption"), count(counts["changed_tags"], "tag")
    line = f"{files} {would} ({tags}): {plan.title}"
    return out.done({**(document or {}), **counts}, [line if plan else nothing])
