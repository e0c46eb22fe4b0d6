"""`runs`, `watch`, `stop`, `resume`, `logs`, `queue`: trainings, from any login and any folder."""

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loratui.cli.live import LiveLine
from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.core.errors import Cancelled
from loratui.core.sanitize import line
from loratui.core.words import duration

if TYPE_CHECKING:
    from pathlib import Path

    from loratui.core.runs import Run, RunInfo

_RUN = "id, the unique beginning of one, path, or `last`"


def register(verbs: Verbs) -> None:
    """Declares the verbs of this group."""
    verbs.add("runs", runs, help="the trainings of this machine and where each stands")
    parser = verbs.add("watch", watch, help="follow a run until it ends; Ctrl-C leaves it running")
    parser.add_argument("run_name", nargs="?", default="last", metavar="RUN", help=f"{_RUN} (the default)")
    parser = verbs.add("stop", stop, help="end a run", dry_run=True)
    parser.add_argument("run_name", metavar="RUN", help=_RUN)
    parser.add_argument(
        "--after-save", action="store_true", help="once the next checkpoint is saved: nothing learnt is lost"
    )
    parser = verbs.add(
        "resume", resume, help="go on with a run that ended early, from its newest saved state", dry_run=True
    )
    parser.add_argument("run_name", metavar="RUN", help=_RUN)
    parser = verbs.add("logs", logs, help="what the trainer said")
    parser.add_argument("run_name", nargs="?", default="last", metavar="RUN", help=f"{_RUN} (the default)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run ends")
    verbs.add("queue", queue, help="what trains and waits on this machine, in order")


def runs(args: Args, out: Output) -> int:
    """Lists all runs of the machine, newest first."""
    from loratui.core.runs import list_runs

    found = list_runs(_project(args, out), everywhere=True)
    return out.done({"runs": [_document(one) for one in found]}, _table(found))


def watch(args: Args, out: Output) -> int:
    """Streams what happens. Exit 0: done; 1: it ended otherwise."""
    from loratui.core.runs import follow

    run = _find(args, out)
    painter = _Painter()
    last = "queued"
    try:
        for event in follow(run, cancel=out.cancel):
            if event["type"] == "state":
                last = event["state"]
            if out.json:
                out.event(event)
            else:
                painter.show(event)
    except Cancelled:
        raise Cancelled(f"{run.id} goes on.", f"`loratui watch {run.id}` follows it again.") from None
    finally:
        painter.clear()
    return 0 if last == "done" else 1


def stop(args: Args, out: Output) -> int:
    """Asks the run to end, and waits for it unless it may take an epoch."""
    from loratui.core.jobs import check
    from loratui.core.runs import control

    run = _find(args, out)
    state = control.stop(run, after_save=args.after_save, dry_run=out.dry_run)
    if out.dry_run:
        return out.done({"run": run.id, "state": state.state}, [f"{run.id}, {state.state}, would be stopped."])
    if args.after_save:
        return out.done(
            {"run": run.id, "state": run.state().state}, [f"{run.id} stops once its next checkpoint is saved."]
        )
    with out.progress(f"stopping {run.id}") as report:
        while not (state := run.state()).over:
            check(out.cancel)
            report(0, None, "waiting for the trainer")
            time.sleep(0.2)
    return out.done({"run": run.id, "state": state.state}, [f"{run.id}: {state.state}."])


def resume(args: Args, out: Output) -> int:
    """Goes on as a new run."""
    from loratui.core.runs import control

    origin = _find(args, out)
    run, epoch = control.resume(origin, dry_run=out.dry_run)
    document: dict[str, Any] = {"origin": origin.id, "epoch": epoch}
    if run is None:
        return out.done(document, [f"{origin.id} would go on with epoch {epoch}."])
    document |= {"run": run.id, "path": str(run.folder)}
    return out.done(document, [f"{run.id} goes on with epoch {epoch}. `loratui watch {run.id}` follows it."])


def logs(args: Args, out: Output) -> int:
    """Prints the log without its overwritten bars."""
    from loratui.core.runs.log_text import follow_lines, lines

    run = _find(args, out)
    if not args.follow:
        return out.done({"run": run.id, "lines": (found := list(lines(run)))}, found)
    for text in follow_lines(run, cancel=out.cancel):
        if out.json:
            out.event({"type": "log", "text": text})
        else:
            print(text, flush=True)
    return 0


def queue(args: Args, out: Output) -> int:
    """Lists what trains and waits, GPU by GPU."""
    from loratui.core.runs.queue import waiting

    entries: list[dict[str, Any]] = []
    for position, (run, devices) in enumerate(waiting()):
        state = run.state()
        entries.append(
            {"position": position, "id": run.id, "state": state.state, "gpus": list(devices), "waiting": state.waiting}
        )
    shown = [f"{_devices(one['gpus']):<12} {one['state']:<9} {one['id']}  {one['waiting']}".rstrip() for one in entries]
    return out.done({"queue": entries}, shown or ["Nothing trains or waits."])


def _project(args: Args, out: Output) -> "Path | None":
    from loratui.core.project import find_root

    return find_root(out.directory(args).absolute())


def _find(args: Args, out: Output) -> "Run":
    from loratui.core.runs import find

    return find(args.run_name, _project(args, out), out.directory(args).absolute())


def _document(one: "RunInfo") -> dict[str, Any]:
    command, state = one.run.command, one.state
    return {
        "id": one.run.id,
        "state": state.state,
        "step": one.step,
        "total_steps": one.total_steps,
        "epoch": one.epoch,
        "epochs": one.epochs,
        "loss": one.loss,
        "eta_seconds": one.eta_seconds,
        "exit": state.exit,
        "supervised": state.supervised,
        "reason": state.reason,
        "waiting": state.waiting,
        "started": state.started or None,
        "ended": state.ended or None,
        "project": command.project,
        "path": str(one.run.folder),
        "origin": command.origin or None,
    }


def _table(found: "list[RunInfo]") -> list[str]:
    if not found:
        return ["There is no run yet. `loratui train` starts one."]
    lines = [f"{'run':<32} {'state':<11} {'step':>15} {'epoch':>7} {'loss':>8} {'left':>9}"]
    for one in found:
        step = f"{one.step or 0:,}/{one.total_steps:,}"
        epoch = f"{one.epoch or 0}/{one.epochs}"
        loss = "" if one.loss is None else f"{one.loss:.4f}"
        left = "" if one.eta_seconds is None else duration(one.eta_seconds)
        row = f"{one.run.id:<32} {one.state.state:<11} {step:>15} {epoch:>7} {loss:>8} {left:>9}"
        lines.append(f"{row}  {one.state.reason or one.state.waiting}".rstrip())
    return lines


def _devices(names: list[str]) -> str:
    return "processor" if names == ["cpu"] else f"GPU {','.join(names)}"


class _Painter:
    """The stream for a person: a line per event; steps in one line that is rewritten, or now and then."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._pause = 0.5 if self._live else 5.0
        self._last = -self._pause
        self._line = LiveLine()

    def show(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        if event["type"] == "step":
            if time.monotonic() - self._last >= self._pause:
                self._last = time.monotonic()
                self._step(_step(event))
            return
        self.clear()
        stamp = datetime.fromisoformat(event["t"].replace("Z", "+00:00")).astimezone()
        print(line(f"{stamp:%H:%M:%S} {_sentence(event)}", 1000), flush=True)

    def _step(self, text: str) -> None:
        if self._live:
            self._line.show(text)
        else:
            print(text, flush=True)

    def clear(self) -> None:
        """Takes the rewritten line away."""
        self._line.clear()


def _step(event: dict[str, Any]) -> str:
    rate = f" · {event['rate']:.2f} it/s" if event["rate"] else ""
    left = f" · {duration(event['eta_seconds'])} left" if event["eta_seconds"] is not None else ""
    return (
        f"step {event['step']:,}/{event['total_steps']:,} · epoch {event['epoch']} · "
        f"loss {event['loss']:.4f} · average {event['average']:.4f}{rate}{left}"
    )


def _sentence(event: dict[str, Any]) -> str:
    """What an event says in words."""
    match event["type"]:
        case "state":
            from loratui.core.runs.remedies import remedy

            reason = event.get("reason", "")
            end = f": {reason.rstrip('.')}. {remedy(reason)}".rstrip() if reason else ""
            replay = f" (a replay, {event['replay']:g} times as fast as it happened)" if event.get("replay") else ""
            return f"{event['state']}{replay}{end}"
        case "epoch":
            return f"epoch {event['epoch']}/{event['epochs']} done, loss {event['loss']:.4f}"
        case "validation":
            return f"epoch {event['epoch']} loss on the images held out {event['loss']:.4f}"
        case "save":
            return f"saved {event['file']} ({event['bytes'] / 1e6:.1f} MB)"
        case "sample":
            return f"sample {event['file']}"
        case kind:
            return f"{kind}: {event['message']}"
