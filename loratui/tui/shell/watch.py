"""What others change: another terminal, a verb, an editor. Seen by two looks at the files, shown when it rests."""

from typing import TYPE_CHECKING

from loratui.core.sanitize import line

if TYPE_CHECKING:
    from loratui.core.changes import Step
    from loratui.core.workspace import Workspace
    from loratui.tui.app import LoratuiApp

PERIOD = 2.0
"""Seconds between two looks."""
_RESTLESS = 5
"""Looks after which a change is shown that does not come to rest, such as a download of somebody else."""

Stamp = tuple[int | None, int | None]


class Watch:
    """Reads the screen in front again when somebody else changed what it shows. It costs two looks every two seconds,
    and no byte on the line while nothing changed.

    Args:
        app: whose workspace is watched.
    """

    def __init__(self, app: "LoratuiApp") -> None:
        self._app = app
        self._read: Stamp = (None, None)
        """As it was when the screen in front was read."""
        self._last: Stamp = (None, None)
        self._restless = 0

    def start(self) -> None:
        """Begins to look. Call it when the app is mounted."""
        self.read()
        self._app.set_interval(PERIOD, self.look)

    def read(self) -> None:
        """The screen in front is about to be read: what there is now is no news any more."""
        self._read = self._last = self._app.workspace.stamp()

    @property
    def news(self) -> bool:
        """Whether somebody changed something since the screen in front was read."""
        return self._news(self._app.workspace.stamp())

    def _news(self, now: Stamp) -> bool:
        """One's own steps are none: whoever makes one shows it."""
        journal = self._read[0] if now[0] == self._app.workspace.wrote else now[0]
        return (journal, now[1]) != self._read

    def look(self) -> None:
        """Shows what changed, unless it goes on changing, a panel is open or work of our own is under way."""
        now, before = self._app.workspace.stamp(), self._last
        self._last = now
        if not self._news(now):
            self._restless = 0
            return
        self._restless += 1
        busy = self._app.active.panel is not None or any(not job.quiet for job in self._app.jobs.running)
        if not busy and (now == before or self._restless > _RESTLESS):
            self.show()

    def show(self) -> None:
        """Reads the screen in front again and names the newest step, which is the one that `u` takes back."""
        self._restless = 0
        self._app.active.enter()
        self._app.jobs.start("looking", lambda report, cancel: newest(self._app.workspace), self._tell, quiet=True)

    def _tell(self, step: "Step | None") -> None:
        if step is not None and step.verb == "get" and self._app.downloads.told:
            return  # our own worker took pictures in
        self._app.toast(f"the project was changed elsewhere{taken_back(step)}")


def newest(workspace: "Workspace") -> "Step | None":
    """The step that an undo would take back. Reads the journal: not for the event loop."""
    return next((step for step in reversed(workspace.changes.history()) if step.state == "done"), None)


def taken_back(step: "Step | None") -> str:
    """What `u` does now, to be put behind a sentence."""
    return f" · u takes back: {line(step.title, 60)}" if step is not None else ""
