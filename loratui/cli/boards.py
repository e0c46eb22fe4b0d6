"""boards, search, get: pictures of image boards."""

import sys
from typing import TYPE_CHECKING

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.core.errors import UsageError

if TYPE_CHECKING:
    from loratui.core.boards.post import Post
    from loratui.core.downloads.get import Got


def register(verbs: Verbs) -> None:
    """Declares the verbs of this group."""
    group = verbs.group("boards", help="configured boards, what each needs, whether it answers", run=boards)
    login = group.add("login", boards_login, help="store a board's key, pasted on stdin", dry_run=True)
    login.add_argument("board", metavar="BOARD")

    parser = verbs.add("search", search, help="list the posts of a query", words="query")
    parser.add_argument("--board", metavar="B", help="which board; absent: default_board of config.toml")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most N posts (100)")

    parser = verbs.add("get", get, help="get all pictures of a query, with captions", words="query", dry_run=True)
    parser.add_argument("--board", metavar="B", help="which board; absent: default_board of config.toml")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N posts; absent: all")
    parser.add_argument("--into", metavar="SUBSET", help="a subset, or the name of a new one; absent: the first")
    parser.add_argument("--min-side", type=int, default=0, metavar="N", help="leave out what is smaller than N pixels")
    parser.add_argument(
        "--captions", choices=("board", "none"), default="board", help="the board's tags, or no captions"
    )


def boards(args: Args, out: Output) -> int:
    """Every configured board, asked once."""
    from concurrent.futures import ThreadPoolExecutor

    from loratui.core.boards import login
    from loratui.core.config import load

    config = load()
    with out.progress("asking") as report, ThreadPoolExecutor(max_workers=len(config.boards)) as pool:
        report(0, len(config.boards))
        answers = list(pool.map(lambda name: login.check_named(config, name, cancel=out.cancel), config.boards))
    document = []
    lines = []
    for (name, board), answer in zip(config.boards.items(), answers, strict=True):
        problem = answer.error.message if answer.error else None
        document.append(
            {
                "name": name,
                "engine": board.engine,
                "url": board.url,
                "needs_key": board.needs_key,
                "has_key": bool(board.api_key),
                "ok": answer.ok,
                "problem": problem,
            }
        )
        lines.append(f"{name:<16} {board.engine:<11} {board.url:<32} {problem or 'answers'}")
    if out.json:
        out.event(document)
        return 0
    return out.done({}, lines)


def boards_login(args: Args, out: Output) -> int:
    """Takes a pasted key from stdin, tries it and stores it."""
    from loratui.core.boards import login, registry
    from loratui.core.config import config_path, load

    board = registry.find(load(), args.board)
    if sys.stdin.isatty():
        import getpass

        example = "&api_key=…&user_id=…" if board.KEYS_IN_QUERY else "name:api_key"
        line = getpass.getpass(f"Paste the line {example} of your account's page (it is not shown): ")
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
    from itertools import islice

    from loratui.core.boards import registry
    from loratui.core.boards.client import Client
    from loratui.core.boards.network import Network
    from loratui.core.boards.search import Search

    _at_least(args.limit, 1, "--limit")
    board = registry.find(out.workspace(args).config, args.board)
    with Network() as network, out.progress("searching") as report:
        found = Search(Client(board, network), " ".join(args.query), cancel=out.cancel)
        total = found.total()
        posts = list(islice(found.posts(args.limit, report=report), args.limit))
        if out.json:
            posts = found.categorised(posts, report=report)
    by_us = [term.text for term in found.plan.by_us]
    lines = [_row(post) for post in posts]
    lines += ["", *_summary(total, found.plan.by_site, by_us, dict(found.filtered))]
    document = {
        "board": board.name,
        "total": total,
        "by_site": list(found.plan.by_site),
        "by_us": by_us,
        "posts": [_post(post) for post in posts],
        "filtered": dict(found.filtered),
    }
    return out.done(document, lines)


def get(args: Args, out: Output) -> int:
    """Gets all posts of a query."""
    from loratui.core.boards import registry
    from loratui.core.boards.wishes import Wishes
    from loratui.core.downloads.get import get as get_all
    from loratui.core.downloads.manifest import Options

    if args.limit is not None:
        _at_least(args.limit, 1, "--limit")
    _at_least(args.min_side, 0, "--min-side")
    workspace = out.workspace(args)
    board = registry.find(workspace.config, args.board)
    options = Options(args.limit, Wishes(min_side=args.min_side), args.captions == "board")

    def ask(count: int) -> None:
        if not out.dry_run:
            out.confirm(f"This gets up to {count:,} posts from {board.name}.", "Give --yes, or --limit N for fewer.")

    with out.progress("get") as report:
        got = get_all(
            workspace,
            board,
            " ".join(args.query),
            into=args.into,
            options=options,
            ask=ask,
            dry_run=out.dry_run,
            report=report,
            cancel=out.cancel,
        )
    return out.done(_got(got), _told(got, out.dry_run), 1 if got.failed else 0)


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
        "failed": [{"id": number, "reason": reason} for number, reason in got.failed],
    }


def _told(got: "Got", dry_run: bool) -> list[str]:
    verb = "would be downloaded" if dry_run else "downloaded"
    text = f"{got.found} found: {got.downloaded} {verb}, {got.existing} were there"
    if got.failed:
        text += f", {len(got.failed)} failed"
    lines = [text + (f" → {got.folder}" if got.folder else "")]
    lines += _summary(got.total, got.by_site, got.by_us, got.filtered)
    reasons: dict[str, list[int]] = {}
    for number, reason in got.failed:
        reasons.setdefault(reason, []).append(number)
    for reason, numbers in reasons.items():
        shown = " ".join(str(number) for number in numbers[:8])
        lines.append(f"failed, {reason}: {shown}{' …' if len(numbers) > 8 else ''}")
    if got.failed:
        lines.append("Repeat the same get to try those again; nothing else is fetched twice.")
    return [*lines, got.cut] if got.cut else lines


def _summary(
    total: int | None, by_site: "list[str] | tuple[str, ...]", by_us: object, filtered: dict[str, int]
) -> list[str]:
    here = list(by_us) if isinstance(by_us, (list, tuple)) else []
    terms = f"by the site: {' '.join(by_site) or '–'}" + (f" · by loratui: {' '.join(here)}" if here else "")
    lines = [f"{'unknown' if total is None else f'{total:,}'} posts on the board · {terms}"]
    if filtered:
        lines.append("left out: " + " · ".join(f"{count:,} {reason}" for reason, count in sorted(filtered.items())))
    return lines


def _row(post: "Post") -> str:
    size = f"{post.width}×{post.height}"
    score = "–" if post.score is None else str(post.score)
    tags = " ".join(tag for names in post.tags.values() for tag in names)
    return f"{post.id:>9}  {post.rating or '–'}  {score:>5}  {size:>11}  {post.ext:<4}  {tags[:120]}"


def _post(post: "Post") -> dict[str, object]:
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
        "preview_url": post.preview_url or None,
        "sample_url": post.sample_url or None,
        "url": post.page_url,
        "source": post.source or None,
        "created": post.created or None,
        "tags": {category: list(tags) for category, tags in post.tags.items()},
    }


def _at_least(value: int, least: int, option: str) -> None:
    if value < least:
        raise UsageError(f"{option} {value} is too small.", f"Give at least {least}.")
