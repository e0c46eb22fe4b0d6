"""How often tags are used on boards, as far as this machine knows: the order of tags in captions."""

from collections.abc import Iterable, Mapping

from loratui.core.downloads.captions import Uses
from loratui.core.workspace import Workspace


def uses_of(workspace: Workspace) -> Uses:
    """Asks the workspace's vocabulary, which is read when the first caption is written."""
    loaded = False

    def uses(tags: Iterable[str]) -> Mapping[str, int]:
        nonlocal loaded
        if not loaded:
            workspace.vocabulary.load()
            loaded = True
        counts = {tag: workspace.vocabulary.count(tag) for tag in tags}
        return {tag: count for tag, count in counts.items() if count is not None}

    return uses
