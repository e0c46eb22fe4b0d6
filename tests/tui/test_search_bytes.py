"""What the search costs the link: bytes counted on a real pseudo-terminal at 120×40 in truecolor, without pictures."""

from pathlib import Path

from tests.boards_server import BoardServer, Sample
from tests.pty_harness import XTERM, Terminal
from tests.screens_kit import sample_project

SCREEN_CHANGE = 35_000
CURSOR_KEY = 1_000


def test_a_held_key_and_the_panels_keep_their_budgets(tmp_path: Path) -> None:
    tags = [f"tag_{number}" for number in range(60)]
    samples = [
        Sample(number, b"%d" % number, tags={"general": [*tags[number % 40 : number % 40 + 20], "kafka"]})
        for number in range(1, 191)
    ]
    home = tmp_path / "home"
    (home / "loratui").mkdir(parents=True)
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    with BoardServer("danbooru", samples) as server:
        (home / "loratui" / "config.toml").write_text(
            f'default_board = "mine"\n[ui]\ngraphics = "none"\n'
            f'[boards.mine]\nengine = "danbooru"\nurl = "{server.url}"\n'
        )
        project = sample_project(tmp_path / "kafka")
        argv = ["python", "-m", "loratui", "-C", str(project)]
        with Terminal(argv, answers=XTERM, env=dict.fromkeys(names, str(home))) as terminal:
            terminal.wait_for("Projects")
            terminal.quiet(0.5)
            terminal.send("gs")
            terminal.wait_for("to search mine")
            terminal.quiet(0.3)
            terminal.send("/kafka\r")  # in one read, as a link brings them
            terminal.wait_for("190 posts")
            terminal.quiet(0.5)
            before = terminal.count
            terminal.hold("\x1b[B", 100, rate=60)
            assert (terminal.quiet(0.4) - before) / 100 <= CURSOR_KEY
            for key in ("f", "\x1b", "b", "\x1b", "m", "m", "m"):
                before = terminal.count
                terminal.send(key)
                assert terminal.quiet(0.3) - before <= SCREEN_CHANGE, key
            before = terminal.count
            assert terminal.quiet(0.7) == before  # and then nothing moves
