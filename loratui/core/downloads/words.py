"""A get in words: its command line."""

import shlex

from loratui.core.downloads.manifest import Batch


def command(batch: Batch) -> str:
    """The command line that does the same."""
    options = batch.options
    words = ["loratui", "get", *batch.query.split(), "--board", batch.board]
    words += ["--into", batch.folder] if batch.folder else []
    words += ["--limit", str(options.limit)] if options.limit is not None else []
    words += options.wishes.options()
    words += [] if options.captions else ["--captions", "none"]
    return shlex.join(words)
