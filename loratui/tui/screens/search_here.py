"""Where the pictures of posts are already: in the project, its trash or the queue. Slow: not for the UI thread."""

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.jobs import check
from loratui.tui.screens.search_shown import Here, Key, key_of

if TYPE_CHECKING:
    from loratui.core.boards.post import Post
    from loratui.core.workspace import Workspace


def look(workspace: "Workspace", posts: "Sequence[Post]", cancel: Event) -> dict[Key, Here]:
    """Where the pictures of `posts` are; what is nowhere is missing.

    Raises:
        LoratuiError: records or queue cannot be read.
        Cancelled: `cancel` was set.
    """
    from loratui.core.downloads.manifest import Manifest
    from loratui.core.downloads.present import Present

    folders = [subset.folder for subset in workspace.project.subsets] if workspace.project else [""]
    present = Present(workspace.root, folders, workspace.records, workspace.changes)
    found: dict[Key, Here] = {}
    with Manifest(workspace.root) as manifest:
        queued = manifest.open_posts()
    for post in posts:
        check(cancel)
        place = present.where(post) or ("queue" if key_of(post) in queued else None)
        if place is not None:
            found[key_of(post)] = place
    return found
