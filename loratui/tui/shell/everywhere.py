"""What the global commands do, by the last part of their id."""

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from loratui.tui.shell.watch import newest, taken_back

if TYPE_CHECKING:
    from loratui.core.changes import Undone
    from loratui.tui.app import LoratuiApp
    from loratui.tui.shell.panels import Panel

BESIDE = frozenset({"go.top", "app.back", "app.slow-link", "app.theme", "app.suspend"})
"""Commands that leave an open question as it is."""


def unavailable(app: "LoratuiApp", id: str) -> str | None:  # noqa: A002
    """Why a global command cannot run now."""
    if id == "go.top" and app.focused is None:
        return "no list has the focus"
    return None


async def run(app: "LoratuiApp", id: str) -> None:  # noqa: A002
    """Runs the global command `id`."""
    group, _, name = id.partition(".")
    if group == "go" and name != "top":
        await app.go(name)
        return
    result = _RUN[id](app)
    if inspect.isawaitable(result):
        await result


def _top(app: "LoratuiApp") -> None:
    """The first row of what has the focus."""
    widget = app.focused
    for name in ("action_first", "action_scroll_home", "action_home"):
        action = getattr(widget, name, None)
        if action is not None:
            action()
            return


async def _undo(app: "LoratuiApp") -> None:
    await _history(app, "undoing", "undone", lambda: app.workspace.changes.undo())


async def _redo(app: "LoratuiApp") -> None:
    await _history(app, "redoing", "redone", lambda: app.workspace.changes.redo())


async def _history(app: "LoratuiApp", title: str, past: str, act: "Callable[[], Undone]") -> None:
    # On a thread, as the first use of the journal may have to finish what a crash interrupted; one after the other, so
    # that a key pressed three times takes back three steps.
    async with app.history:
        if app.others.news:
            app.others.show()  # the newest step is one that nobody here has seen: say first which it is
            return
        result, left = await app.jobs.run(title, lambda report, cancel: (act(), newest(app.workspace)))
    if not result.steps:
        app.toast(f"nothing to {'undo' if past == 'undone' else 'redo'}")
        return
    files = sum(step.files for step in result.steps)
    more = f" and {len(result.steps) - 1} more steps of it" if len(result.steps) > 1 else ""
    text = f"{past}: {result.steps[0].title}{more} ({files:,} {'file' if files == 1 else 'files'})"
    app.did(text, "loratui undo" if past == "undone" else "loratui redo")
    app.toast(text + taken_back(left))
    app.changed()


def _help(app: "LoratuiApp") -> None:
    from loratui.tui.shell.help import HelpPanel

    _toggle(app, HelpPanel(app.active, app.keymap))


def _palette(app: "LoratuiApp") -> None:
    from loratui.tui.shell.palette import PalettePanel

    _toggle(app, PalettePanel(app))


def _log(app: "LoratuiApp") -> None:
    from loratui.tui.shell.done import DonePanel

    _toggle(app, DonePanel(app.done, app.size.width - 4))


def _jobs(app: "LoratuiApp") -> None:
    from loratui.tui.shell.joblist import JobsPanel

    _toggle(app, JobsPanel(app))


def _toggle(app: "LoratuiApp", panel: "Panel") -> None:
    """Shows `panel`, or closes the one of its kind that is open."""
    if type(app.active.panel) is type(panel):
        app.active.close_panel()
    else:
        app.active.show_panel(panel)


def _slow_link(app: "LoratuiApp") -> None:
    app.set_slow_link(not app.slow_link)
    app.toast("slow link: on, fewer frames and pictures" if app.slow_link else "slow link: off")


def _theme(app: "LoratuiApp") -> None:
    names = sorted(name for name in app.available_themes if name in app.own_themes)
    app.theme = names[(names.index(app.theme) + 1) % len(names)] if app.theme in names else names[0]
    app.remember("ui.theme", app.theme)
    app.toast(f"theme: {app.theme}")


def _back(app: "LoratuiApp") -> None:
    app.active.step_out()
    app.refresh_status()


async def _leave(app: "LoratuiApp") -> None:
    running = [job for job in app.jobs.running if not job.quiet]
    if running:
        names = ", ".join(job.title for job in running)
        are = "is" if len(running) == 1 else "are"
        if not await app.active.confirm(f"{names} {are} not finished. Stop and leave?"):
            return
    app.exit(return_code=0)


_RUN: "dict[str, Callable[[LoratuiApp], Awaitable[None] | None]]" = {
    "go.top": _top,
    "app.undo": _undo,
    "app.redo": _redo,
    "app.help": _help,
    "app.palette": _palette,
    "app.log": _log,
    "app.jobs": _jobs,
    "app.slow-link": _slow_link,
    "app.theme": _theme,
    "app.back": _back,
    "app.suspend": lambda app: app.action_suspend_process(),
    "app.leave": _leave,
}
