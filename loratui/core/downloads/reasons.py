"""What helps against the reasons for which files did not come. A repeat mends only what passes."""

REPEAT = "Repeat the same get to try those again; nothing else is fetched twice."

_TURNED_AWAY = (
    "Its file server turns this machine away: check boards.{board}.referer in config.toml, use a proxy (HTTPS_PROXY), "
    "or look for them on another board."
)
_DAMAGED = "The board's own file is damaged: leave it, or look for it on another board."
_REMEDIES = {
    "no picture, but a web page": _TURNED_AWAY,
    "no picture": _DAMAGED,
    "the server sends us in circles": _TURNED_AWAY,
    "Cloudflare's test": (
        "Its file server takes this machine's address for a robot's: use a proxy (HTTPS_PROXY), so that it sees "
        "another one, or look for them on another board."
    ),
    "the server refused": _TURNED_AWAY,
    "the board no longer has the file": "It is gone there: look for it on another board.",
    "the server asks to slow down": (
        "Repeat the same get later; with boards.{board}.transfers = 1 in config.toml it asks for less at once."
    ),
    "not the file the board describes": (
        "The board's file was replaced or is damaged: repeat the same get in some days, or leave it."
    ),
    "much larger than the board says": "Look at the post on the board before you take it in by hand (loratui add).",
    "larger than": "That is no picture to train on: look at the post on the board before you take it in by hand.",
    "no web address": "The board gives no address that can be asked for: leave it.",
}


def remedy(reason: str, board: str) -> str:
    """What a person can do about files that failed for `reason`, as one sentence.

    Args:
        reason: as `manifest.Item` has it.
        board: the name of the board in the configuration.
    """
    found = next((text for start, text in _REMEDIES.items() if reason.startswith(start)), REPEAT)
    return found.format(board=board)
