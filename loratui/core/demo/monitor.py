"""The recorded training, played beside the demo's other work."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from loratui.core.errors import Cancelled
from loratui.core.runs.replay import play, prepare
from loratui.core.runs.state import Run

RECORDING = Path(__file__).parent / "recording"


@contextmanager
def replaying(project: Path, speed: float) -> Iterator[Run]:
    """Plays the recording into a run of the project while the block runs; leaving the block stops it.

    Args:
        project: the run is made in its `runs/`.
        speed: how many times faster than it happened.
    """
    run = prepare(RECORDING, project, speed)
    cancel = Event()

    def work() -> None:
        with suppress(Cancelled):
            play(RECORDING, run, speed, cancel=cancel)

    thread = Thread(target=work, name="replay", daemon=True)
    thread.start()
    try:
        yield run
    finally:
        cancel.set()
        thread.join()
