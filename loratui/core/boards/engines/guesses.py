"""Categories of tags told from the tags alone, for boards that tell none."""

from collections.abc import Collection


def works(tags: Collection[str]) -> dict[str, str]:
    """`x_(y)` beside `y`: x is a character of y. `x_(artist)` says what it is."""
    guessed: dict[str, str] = {}
    known = {tag.lower(): tag for tag in tags}
    for tag in tags:
        name, bracket, work = tag.removesuffix(")").partition("_(")
        if not bracket or not name or not tag.endswith(")"):
            continue
        # The work's own name may hold brackets, and so may what stands before it: the longest that is a tag counts.
        while work.lower() not in known and "_(" in work:
            work = work.partition("_(")[2]
        if work.lower() == "artist":
            guessed[tag] = "artist"
        elif work.lower() in known:
            guessed[tag], guessed[known[work.lower()]] = "character", "copyright"
    return guessed
