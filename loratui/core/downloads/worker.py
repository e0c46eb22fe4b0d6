"""The process that fetches when no face stays: `python -P -m loratui.core.downloads.worker ROOT`.

It lives in a session of its own without a terminal, works on the root's queue until nothing there is active, and ends.
Whoever wants something of it writes that into the queue. SIGTERM ends it at a whole state; so, at the latest with the
next start, does SIGKILL.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Forks, so that whoever started us has nothing to wait for, and works."""
    root = Path(sys.argv[1])
    if os.fork():
        os._exit(0)
    try:
        _work(root)
    except Exception:
        _log(root)
        raise


def _work(root: Path) -> None:
    import signal
    from contextlib import ExitStack
    from threading import Event

    from loratui.core import durable
    from loratui.core.downloads import queue

    if not queue.home(root).is_dir():
        return
    stop = Event()
    with ExitStack() as held:
        with ExitStack() as waiting:
            if not waiting.enter_context(durable.lock(queue.home(root) / "downloads.next", wait=False)):
                return  # another worker waits already: it will see what was asked for
            held.enter_context(durable.lock(queue.lock_path(root)))
        signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

        from loratui.core.boards.network.connections import Network
        from loratui.core.downloads.work import drain
        from loratui.core.workspace import Workspace

        workspace = Workspace.open(root)
        if workspace.root != root:
            workspace = Workspace(root, None, root)
        with Network() as network:
            drain(workspace, network, stop)


def _log(root: Path) -> None:
    """An error that nobody expected, for whoever looks why nothing goes on."""
    import time
    import traceback
    from contextlib import suppress

    from loratui.core.downloads import queue
    from loratui.core.sanitize import lines, secret

    with suppress(OSError):
        path = queue.home(root) / "downloads.log"
        text = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n{lines(secret(traceback.format_exc()))}\n"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(text)


if __name__ == "__main__":
    main()
