"""Output that cannot be written, and streams that are closed: told where somebody listens, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LORATUI = [sys.executable, "-m", "loratui"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_under_the_output_is_one_sentence(options: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*LORATUI, "presets", *options], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "loratui: Writing the result failed: the disk is full. Free some space and run it again."
    ]


def test_messages_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "loratui.toml").write_text('name = "x"\nsomething_new = 1\n')  # is worth a message
    with open("/dev/full", "w") as full:
        arguments = [*LORATUI, "-C", str(tmp_path), "status", "--json"]
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=full, text=True)
    assert done.returncode == 0 and done.stdout.startswith('{"images":0')


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_closed_stream_is_as_if_nobody_were_there(tmp_path: Path, closed: tuple[int, ...]) -> None:
    script = "".join(f" {number}>&-" if number else " <&-" for number in closed)
    command = f'"$0" -m loratui -C "$1" boards login danbooru{script}'
    done = subprocess.run(["sh", "-c", command, sys.executable, tmp_path], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert 2 in closed or "no key on stdin" in done.stderr


def test_a_reader_that_leaves_early_hears_no_complaint() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m loratui presets | head -c 10', sys.executable], capture_output=True, text=True
    )
    assert (len(done.stdout), done.stderr) == (10, "")


def test_a_current_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = 'cd "$1" && rmdir "$1" && "$0" -m loratui status'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(gone)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 2
    assert done.stderr == "loratui: The current folder is not there any more. Go to another one with cd.\n"


def test_an_option_behind_two_dashes_is_no_option(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from loratui.cli.main import run

    assert run(["-C", str(tmp_path), "search", "--board", "nope", "--", "--json"]) == 2
    assert capfd.readouterr().out == ""
