"""boards, search, get: pictures of image boards."""

import sys
from argparse import SUPPRESS
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.cli.wishes import add_filters, wishes
from loratui.core.errors import UsageError
from loratui.core.sanitize import secret
from loratui.core.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loratui.core.boards.choosing.filters import Cost
    from loratui.core.boards.listing.listing import Listing
    from loratui.core.boards.post import Post
    from loratui.core.downloads.get import Got

_BOARD = "which board, or several as a,b: searched as one, each picture once; absent: default_board of config.toml"


def register(verbs: Verbs) -> None:
    """Declares the verbs of this group."""
    group = verbs.group("boards", help="configured boards, what each needs, whether it answers", run=boards)
    group.parser.add_argument("--board", metavar="B", dest="only", help="only these, divided by commas")
    login = group.add("login", boards_login, help="store a board's key, pasted on stdin", dry_run=True)
    login.add_argument("board", metavar="BOARD", help="its name, as `loratui boards` lists it")
    login.add_argument("key", nargs="*", help=SUPPRESS)  # only to refuse it without repeating it

    parser = verbs.add("search", search, help="list the posts of a query", words="query")
    parser.add_argument("--board", metavar="B", help=_BOARD)
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most N posts (100)")
    add_filters(parser)

    parser = verbs.add("get", get, help="get all pictures of a query, with captions", words="query", dry_run=True)
    parser.add_argument("--board", metavar="B", help=_BOARD)
    parser.add_argument("--limit", type=int, metavar="N", help="at most N posts; absent: all")
    parser.add_argument("--into", metavar="SUBSET", help="a subset, or the name of a new one; absent: the first")
    parser.add_argument(
        "--captions", choices=("board", "none"), default="board", help="the board's tags, or no captions"
    )
    add_filters(parser)


def boards(args: Args, out: Output) -> int:
    """Every configured board, asked once."""
    from concurrent.futures import ThreadPoolExecutor

    from loratui.core.boards import login, registry
    from loratui.core.config import load

    config = load()
    # Each by itself: one that is configured wrongly is told in its line.
    wanted = [name.strip() for name in args.only.split(",") if name.strip()] if args.only else list(config.boards)
    for name in wanted:
        if name not in config.boards:
            registry.find(config, name)
    with out.progress("asking") as report, ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
        report(0, len(wanted))
        answers = list(pool.map(lambda name: login.check_named(config, name, cancel=out.cancel), wanted))
    document = []
    lines = []
    for name, answer in zip(wanted, answers, strict=True):
        board = config.boards[name]
        problem = answer.error.message if answer.error else None
        url = secret(board.url)
        document.append(
            {
                "name": name,
                "engine": board.engine,
                "url": url,
                "needs_key": board.needs_key,
                "has_key": answer.has_key,
                "ok": answer.ok,
                "problem": problem,
                "note": answer.note or None,
            }
        )
        lines.append(f"{name:<16} {board.engine:<11} {url:<32} {problem or 'answers'}")
        if answer.ok and answer.note:
            lines.append(f"{'':<16} {answer.note}")
    if out.json:
        out.event(document)
        return 0
    return out.done({}, lines)


def boards_login(args: Args, out: Output) -> int:
    """Takes a pasted key from stdin, tries it and stores it."""
    from loratui.core.boards import login, registry
    from loratui.core.config import config_path, load

    board = registry.find(load(), args.board)
    if args.key:
        raise UsageError(
            "A key does not belong on a command line: others on this machine can read it there.",
            f"Run loratui boards login {board.name}, and paste it when asked; a new one is better.",
        )
    if sys.stdin.isatty():
        import getpass

        line = getpass.getpass(f"Paste {login.example(board)} (it is not shown): ")
    else:
        line = sys.stdin.readline()
    if not line.strip():
        raise UsageError("There is no key on stdin.", f"Paste the line into: loratui boards login {board.name}.")
    login.login(args.board, line, dry_run=out.dry_run, cancel=out.cancel)
    stored = "would be" if out.dry_run else "is"
    text = f"{board.name} accepts the key; it {stored} stored in {config_path()}."
    return out.done({"board": board.name, "ok": True}, [text])


def search(args: Args, out: Output) -> int:
    """Lists posts."""
    from loratui.core.boards import registry
    from loratui.core.boards.listing.merged import search_boards
    from loratui.core.boards.network.connections import Network

    _at_least(args.limit, 1, "--limit")
    workspace = out.workspace(args)
    boards = registry.find_all(workspace.config, args.board)
    wished = wishes(args, workspace.project)
    with Network() as network, out.progress("searching") as report:
        query = " ".join(args.query)
        found = search_boards(boards, network, query, wished, kinds=workspace.kind_of, cancel=out.cancel)
        total = found.total()
        posts = list(found.posts(args.limit, report=report))
        if out.json:
            posts = found.categorised(posts, report=report)
    several = len(boards) > 1
    lines = [_row(post, several) for post in posts] or ["Nothing found."]
    lines += ["", found.told(), *_division(found, several), *_left_out(found), *_problems(found.problems)]
    document = {
        "board": ",".join(board.name for board in boards),
        "total": total,
        **_by(found),
        "boards": [_board(found, board.name) for board in boards],
        "posts": [_post(post, found) for post in posts],
        "filtered": dict(found.filtered),
        "costs": _costs(found.costs()),
        "bytes": found.bytes,
        "unsized": found.unsized,
    }
    return out.done(document, lines)


def get(args: Args, out: Output) -> int:
    """Gets all posts of a query."""
    from loratui.core.boards import registry
    from loratui.core.downloads.get import get as get_all
    from loratui.core.downloads.manifest import Options

    if args.limit is not None:
        _at_least(args.limit, 1, "--limit")
    workspace = out.workspace(args)
    boards = registry.find_all(workspace.config, args.board)
    options = Options(args.limit, wishes(args, workspace.project), args.captions == "board")
    names = ", ".join(board.name for board in boards)

    def ask(count: int) -> None:
        if not out.dry_run:
            out.confirm(f"This gets up to {count:,} posts from {names}.", "Give --yes, or --limit N for fewer.")

    with out.progress("get") as report:
        got = get_all(
            workspace,
            boards,
            " ".join(args.query),
            into=args.into,
            options=options,
            ask=ask,
            dry_run=out.dry_run,
            report=report,
            cancel=out.cancel,
        )
    return out.done(_got(got), _told(got, [board.name for board in boards], out.dry_run), 1 if got.failed else 0)


def _got(got: "Got") -> dict[str, object]:
    return {
        "folder": got.folder,
        "total": got.total,
        "by_site": list(got.by_site),
        "by_us": list(got.by_us),
        "found": got.found,
        "downloaded": got.downloaded,
        "existing": got.existing,
        "filtered": got.filtered,
        "costs": _costs(got.costs),
        "failed": [{"id": number, "reason": reason} for number, reason in got.failed],
        "problems": got.problems,
    }


def _told(got: "Got", boards: "Sequence[str]", dry_run: bool) -> list[str]:
    verb = "would be downloaded" if dry_run else "downloaded"
    text = f"{got.found} found: {got.downloaded} {verb}, {got.existing} were there"
    if got.failed:
        text += f", {len(got.failed)} failed"
    lines = [text + (f" → {got.folder}" if got.folder else "")]
    total = "unknown" if got.total is None else f"{got.total:,}"
    by_us = f" · here: {' '.join(got.by_us)}" if got.by_us else ""
    lines.append(got.told or f"{total} posts on the board")
    lines.append(f"by the site: {' '.join(got.by_site) or '–'}{by_us}")
    if got.costs:
        lines.append("left out: " + " · ".join(str(cost) for cost in got.costs))
    elif got.filtered:
        dearest = sorted(got.filtered.items(), key=lambda pair: -pair[1])
        lines.append("left out: " + " · ".join(f"{number:,} {reason}" for reason, number in dearest))
    lines += _problems(got.problems)
    from loratui.core.downloads.reasons import REPEAT, remedy

    reasons: dict[str, list[int]] = {}
    for number, reason in got.failed:
        reasons.setdefault(reason, []).append(number)
    board = boards[0] if len(boards) == 1 else "NAME"
    for reason, numbers in reasons.items():
        shown = " ".join(str(number) for number in numbers[:8])
        lines.append(f"failed, {reason}: {shown}{' …' if len(numbers) > 8 else ''}")
        if (helps := remedy(reason, board)) != REPEAT:
            lines.append(helps)
    if any(remedy(reason, board) == REPEAT for reason in reasons):
        lines.append(REPEAT)
    return [*lines, got.cut] if got.cut else lines


def _by(found: "Listing") -> dict[str, list[str]]:
    """The terms the sites judge and those judged here: over all boards, each once."""
    plans = found.plans.values()
    by_site = dict.fromkeys(term for plan in plans for term in plan.by_site)
    by_us = dict.fromkeys(term.text for plan in plans for term in plan.by_us)
    return {"by_site": list(by_site), "by_us": list(by_us)}


def _board(found: "Listing", name: str) -> dict[str, object]:
    plan = found.plans.get(name)
    return {
        "name": name,
        "total": found.known_totals.get(name),
        "more_than": found.more_than.get(name),
        "by_site": list(plan.by_site) if plan else [],
        "by_us": [term.text for term in plan.by_us] if plan else [],
        "problem": found.problems.get(name),
    }


def _costs(costs: "Iterable[Cost]") -> list[dict[str, object]]:
    return [{"filter": cost.filter, "reason": cost.reason, "hits": cost.hits, "only": cost.only} for cost in costs]


def _division(found: "Listing", several: bool) -> list[str]:
    lines = []
    for name, plan in found.plans.items():
        if name in found.problems:
            continue
        here = f" · here: {' '.join(term.text for term in plan.by_us)}" if plan.by_us else ""
        lines.append(f"{f'{name}, ' if several else ''}by the site: {' '.join(plan.by_site) or '–'}{here}")
    return lines


def _left_out(found: "Listing") -> list[str]:
    lines = []
    if costs := found.costs():
        lines.append("left out: " + " · ".join(str(cost) for cost in costs))
    if sized := found.kept - found.unsized:
        rest = f", {found.unsized:,} more of unknown size" if found.unsized else ""
        lines.append(f"to fetch: {found.bytes / 1e6:,.1f} MB for {count(sized, 'file')}{rest}")
    return lines


def _problems(problems: "Mapping[str, str]") -> list[str]:
    return [f"{name} is left out: {problem}" for name, problem in problems.items()]


def _row(post: "Post", several: bool) -> str:
    size = f"{post.width}×{post.height}"
    score = "–" if post.score is None else str(post.score)
    tags = " ".join(tag for names in post.tags.values() for tag in names)
    board = f"{post.board:<12} " if several else ""
    return f"{board}{post.id:>9}  {post.rating or '–'}  {score:>5}  {size:>11}  {post.ext:<4}  {tags[:120]}"


def _post(post: "Post", found: "Listing") -> dict[str, object]:
    file = found.wishes.file(post)
    return {
        "board": post.board,
        "id": post.id,
        "md5": post.md5 or None,
        "width": post.width or None,
        "height": post.height or None,
        "bytes": post.size,
        "ext": post.ext,
        "rating": post.rating or None,
        "score": post.score,
        "file_url": post.file_url or None,
        "fetch": {"url": file.url, "width": file.width, "height": file.height, "bytes": file.size}
        if file.url
        else None,
        "preview_url": post.preview_url or None,
        "sample_url": post.sample_url or None,
        "url": post.page_url,
        "source": post.source or None,
        "created": post.created or None,
        "tags": {category: list(tags) for category, tags in post.tags.items()},
        "also": [f"{other.board}:{other.id}" for other in found.also.get((post.board, post.id), ())],
    }


def _at_least(value: int, least: int, option: str) -> None:
    if value < least:
        raise UsageError(f"{option} {value} is too small.", f"Give at least {least}.")
