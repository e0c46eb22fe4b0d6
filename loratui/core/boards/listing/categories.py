"""Categories of tags for boards whose records do not tell them: asked by the hundred, remembered on disk."""

from collections import Counter
from collections.abc import Iterable, Sequence
from threading import Event

from loratui.core.boards.network.answers import BoardError
from loratui.core.boards.network.client import Client
from loratui.core.boards.network.tag_cache import TagCache
from loratui.core.boards.post import CATEGORIES, Post
from loratui.core.jobs import Report, silent
from loratui.core.vocabulary import seen
from loratui.core.vocabulary.sources import Entry

_MOST_AT_ONCE = 10
"""Where one call tells one tag: so many calls for one page of posts. See also `Client.single_calls`."""

_CANNOT = (400, 404, 405, 406)


def categorise(
    client: Client,
    posts: Sequence[Post],
    asked: Sequence[str] = (),
    *,
    report: Report = silent,
    cancel: Event | None = None,
) -> list[Post]:
    """`posts` with their tags by category; those that have categories are left as they are.

    Args:
        client: the board of the posts.
        posts: of one board.
        asked: the plain tags of the query: where the board tells only one tag a call, those are asked for first, then
            the commonest that neither `Client.kinds` nor the board's earlier answers know.

    Raises:
        BoardError: a board that tells many tags a call had trouble: artists would be in all captions. A site that does
            not know the question is no trouble.
        Cancelled: `cancel` was set; what was told so far is remembered.
    """
    board = client.board
    open_posts = [post for post in posts if not post.categorised]
    if not open_posts:
        return list(posts)
    counts = Counter(tag for post in open_posts for tag in post.all_tags())
    known: dict[str, str] = {}
    for post in open_posts:
        known |= board.guess_categories(post)
    if board.TAGS_PER_CALL > 1:
        try:
            known |= _told(client, sorted(counts.keys() - known.keys()), len(counts), report, cancel)
        except BoardError as error:
            if error.status not in _CANNOT:
                raise
            known |= _known_here(client, counts)
    else:
        known |= _known_here(client, counts)
    if board.TAGS_PER_CALL == 1:
        # What the query asks for decides most captions; after that, what stands on most pictures.
        unknown = [
            tag for tag in dict.fromkeys((*asked, *(tag for tag, _ in counts.most_common()))) if tag not in known
        ]
        try:
            known |= _told(client, unknown, min(client.single_calls, _MOST_AT_ONCE), report, cancel)
        except BoardError:  # more than guesses was not promised, and pictures do not wait for it
            client.single_calls = 0
    return [post if post.categorised else post.with_categories(known) for post in posts]


def _known_here(client: Client, tags: Iterable[str]) -> dict[str, str]:
    """What this machine knows of `tags`."""
    kinds = client.kinds
    return {tag: kind for tag in tags if (kind := kinds(tag)) in CATEGORIES} if kinds is not None else {}


def learn(posts: Iterable[Post]) -> None:
    """Remembers the tags of `posts`, with their categories where the records tell them, for the completion of words."""
    seen.remember(
        Entry(tag, category if post.categorised else "")
        for post in posts
        for category, tags in post.tags.items()
        for tag in tags
    )


def _told(client: Client, wanted: Sequence[str], most: int, report: Report, cancel: Event | None) -> dict[str, str]:
    """Categories of `wanted`, from the disk or from the board; a tag the board does not know is general.

    Args:
        most: for so many of those that are not on the disk the board is asked.
    """
    if not wanted:
        return {}
    board = client.board
    with TagCache(board.url) as cache:
        known = cache.categories(wanted)
        missing = [tag for tag in wanted if tag not in known][:most]
        for done in range(0, len(missing), board.TAGS_PER_CALL):
            report(done, len(missing), "asking for the categories of tags")
            batch = missing[done : done + board.TAGS_PER_CALL]
            told: dict[str, str] = dict.fromkeys(batch, "general")
            client.single_calls -= board.TAGS_PER_CALL == 1
            for request in board.tags_requests(batch):
                answer = client.ask(request, board.tags, cancel)
                told |= {tag: kind for tag, (kind, _) in answer.items() if tag in told}
                seen.remember(Entry(tag, kind, count) for tag, (kind, count) in answer.items())
            known |= told
            cache.keep_categories(told)
    return known
