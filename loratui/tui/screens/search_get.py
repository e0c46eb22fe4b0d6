"""Getting from the search: where to, how many, with which captions; then it goes to the queue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loratui.core.errors import UsageError
from loratui.core.sanitize import line
from loratui.core.words import count
from loratui.tui.screens.search_rows import names

if TYPE_CHECKING:
    from loratui.core.boards.listing.listing import Listing
    from loratui.core.boards.post import Post
    from loratui.tui.screens.base import LoratuiScreen


async def get(screen: "LoratuiScreen", listing: "Listing", total: int | None, marked: "Sequence[Post]") -> bool:
    """Asks for what is left open, and gets the marked posts, or without any all of the search that its filters pass.

    Returns:
        whether the person took it.
    """
    from loratui.core.downloads.get import ASK_ABOVE
    from loratui.core.downloads.manifest import Options
    from loratui.tui.shell.form import Field

    project = screen.workspace.project
    subsets = [subset.name for subset in project.subsets] if project else []
    into = Field("into", "into", subsets[0] if subsets else "", "this folder", (), lambda text: names(subsets, text))
    captions = Field("captions", "captions", "board's tags", options=("board's tags", "none"))
    most = Field("limit", "at most", "", "all", check=lambda text: number(text, "at most"))
    many = "an unknown number of posts" if total is None else count(total, "post")
    title = f"Get the {count(len(marked), 'marked post')}" if marked else f"Get all of {many}"
    answer = await screen.fill_in(
        title, [into, captions] if marked else [into, most, captions], "" if marked else _told(listing), enter="get"
    )
    if answer is None:
        return False
    target = answer["into"].strip() or None
    limit = None if marked else number(answer["limit"], "at most")
    options = Options(limit, listing.wishes, answer["captions"] != "none")
    if marked:
        screen.app.downloads.get_posts(marked, target, options)
    else:
        expected = total if limit is None else min(limit, total or limit)
        if (expected is None or expected > ASK_ABOVE) and not await screen.confirm(
            f"This gets {'an unknown number of' if expected is None else f'up to {expected:,}'} posts. Go on?"
        ):
            return False
        screen.app.downloads.get_query(listing, target, options)
    screen.toast("Getting: see Downloads with gd.")
    return True


def _told(listing: "Listing") -> str:
    """What the filters will do to it, as far as is known."""
    passing = f"{listing.kept:,} of the {listing.scanned:,} seen so far pass"
    left_out = [cost.filter for cost in listing.costs()]
    return f"{passing}; left out: {line(', '.join(left_out), 200)}." if left_out else f"{passing}."


def number(text: str, name: str) -> int | None:
    """A count that may be left open.

    Raises:
        UsageError: it is no whole number above zero.
    """
    text = text.strip().replace(",", "")
    if text in ("", "all", "any"):
        return None
    if not text.isdigit() or not int(text):
        raise UsageError(f"{line(text, 40)} is no number for “{name}”.", "Type a whole number, or leave it empty.")
    return int(text)
