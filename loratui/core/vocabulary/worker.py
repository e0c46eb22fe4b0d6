"""The child process that makes the vocabulary's file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loratui.core.errors import from_os
from loratui.core.vocabulary import compiled, seen, sources
from loratui.core.workers.child import Exchange, Handler, serve


def make(params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """Reads the files and the tags seen, and writes them as one."""
    read = [sources.read(Path(name)) for name in params["files"]]
    told, stamp = seen.since(0)
    entries = sources.merged([*read, sources.Source(told)])
    notes = [source.note for source in read if source.note]
    try:
        compiled.build(Path(params["target"]), entries, mark=params["mark"], notes=notes, stamp=stamp)
    except OSError as error:
        raise from_os(error, "Writing the list of tags") from error
    return {"tags": len(entries)}


def prepare() -> dict[str, Handler]:
    """Nothing has to be imported."""
    return {"make": make}


if __name__ == "__main__":
    serve("vocabulary", prepare)
