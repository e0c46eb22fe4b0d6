"""demo: the whole way on a drawn sample, alone or by the screens."""

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loratui.cli.output import Output
from loratui.cli.verbs import Args, Verbs
from loratui.core.errors import LoratuiError

if TYPE_CHECKING:
    from loratui.core.demo.home import DemoHome

Document = dict[str, Any]


def register(verbs: Verbs) -> None:
    """Declares the verb."""
    parser = verbs.add("demo", demo, help="the whole way on a drawn sample: no network, no key, no GPU")
    parser.add_argument("--headless", action="store_true", help="without screens: a line per step, then a summary")
    base = "with a trainer that is set up: train on this base model for real, instead of the replay"
    parser.add_argument("--base", default="", metavar="FILE", help=base)
    parser.add_argument(
        "--speed", type=_speed, default=0.0, metavar="N", help="how many times faster the recorded training is replayed"
    )


def _speed(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed between 0 and a million")
    return found


def demo(args: Args, out: Output) -> int:
    """Goes the whole way, or opens the screens at its beginning."""
    from loratui.core.demo.home import surroundings

    headless = args.headless or out.json
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LoratuiError("The demo's screens need a terminal.", "Run it in one, or give --headless.")
    with surroundings(args.base) as home:
        return _headless(home, args, out) if headless else _screens(home, args)


def _screens(home: "DemoHome", args: Args) -> int:
    from loratui.core.demo.home import QUERY
    from loratui.core.demo.monitor import replaying
    from loratui.core.workspace import Workspace
    from loratui.tui.app import run

    first = f"This is a demo: gs, then / {QUERY} finds most of its drawings;"
    if home.training:
        training: AbstractContextManager[object] = nullcontext()
        greeting = f"{first} gn then trains for real: {home.training}."
    else:
        training = replaying(home.project, args.speed or 3.0)
        greeting = f"{first} gm shows a recorded training."
    with training:
        code = run(Workspace.open(home.project), debug=args.debug, greeting=greeting)
    print(f"The demo's project stays at {home.project}.")
    return code


@dataclass
class _Walk:
    """The steps so far.

    Attributes:
        home: where the demo lives.
        out: the verb's output.
        steps: what each one gave.
    """

    home: "DemoHome"
    out: Output
    steps: list[Document] = field(default_factory=list)

    def verb(self, arguments: Sequence[str], tell: Callable[[Document], str], codes: Sequence[int] = (0,)) -> Document:
        """Does one verb as a person would, in this process, and says in one line what came of it.

        Raises:
            LoratuiError: it ended with an exit code that is not among `codes`.
        """
        from loratui.cli.main import run

        said, errors = (
            io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
            io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        )
        start = time.monotonic()
        with redirect_stdout(said), redirect_stderr(errors):
            code = run(["-C", str(self.home.project), "--json", "--yes", *arguments])
        for stream in (said, errors):
            stream.flush()
            stream.seek(0)
        lines = said.read().splitlines()
        document: Document = json.loads(lines[-1]) if lines else {}
        if code not in codes:
            raise LoratuiError(f"loratui {' '.join(arguments)} ended with {code}: {errors.read().strip()}")
        command = "loratui " + " ".join(_quoted(argument) for argument in arguments)
        self.tell(arguments[0], command, tell(document), time.monotonic() - start)
        return document

    def tell(self, name: str, command: str, result: str, seconds: float) -> None:
        """Adds a step and prints its line."""
        self.steps.append({"step": name, "command": command, "result": result, "seconds": round(seconds, 2)})
        if not self.out.json:
            print(f"{len(self.steps):2}  {command}\n      {result}", flush=True)


def _quoted(argument: str) -> str:
    return f"'{argument}'" if any(char in argument for char in " ()") else argument


def _headless(home: "DemoHome", args: Args, out: Output) -> int:
    from loratui.core.demo.home import QUERY
    from loratui.core.words import count

    start = time.monotonic()
    walk = _Walk(home, out)
    walk.tell(
        "board",
        "(a local board)",
        f"{home.pictures} posts drawn by a script, served at {home.board}: a stand-in for a real board",
        0,
    )
    walk.verb(
        ["search", QUERY],
        lambda found: (
            f"{found['total']} posts; board: {' '.join(found['by_site'])}; here: {' '.join(found['by_us']) or '-'}"
        ),
    )
    walk.verb(
        ["get", QUERY],
        lambda got: f"{got['found']} found, {got['downloaded']} downloaded, {len(got['failed'])} failed",
    )
    walk.verb(["check-images"], lambda seen: f"{seen['files']} files, {len(seen['problems'])} problems: {_kinds(seen)}")
    walk.verb(
        ["dupes", "--apply"],
        lambda found: (
            f"{count(len(found['groups']), 'group')} of near-duplicates in {found['seconds']:.1f} s; "
            f"{len(found['moved'])} to the trash, {_variants(found)} variants stay"
        ),
    )
    walk.verb(
        ["prep", "--min-side", "512"],
        lambda done: (
            f"{done['converted']} converted, {done['flattened']} flattened on white, "
            f"{done['set_aside']} set aside, {done['skipped']} left as they are"
        ),
    )
    walk.verb(
        ["tag", "--when", "merge"],
        lambda done: (
            f"{done['tagged']} of {done['images']} captions merged in {done['seconds']:.1f} s on {done['provider']}, "
            "by the colour stand-in: it sees colours, it is no real tagger"
        ),
    )
    walk.verb(
        ["tags", "--limit", "6"],
        lambda table: " · ".join(f"{row['tag']} {row['count']}" for row in table["tags"]),
    )
    walk.verb(
        ["tags", "prune", "--apply"],
        lambda pruned: "pruned: " + ", ".join(f"{row['tag']} {row['count']}" for row in pruned["suggestions"][:6]),
    )
    walk.verb(["tags", "trigger"], lambda done: f"trigger first in {done['changed_files']} captions")
    walk.verb(["undo"], lambda done: f"undone: {done['undone'][0]['title']}; {done['left']} more steps could go back")
    walk.verb(["redo"], lambda done: f"redone: {done['redone'][0]['title']}")
    walk.verb(
        ["plan"],
        lambda plan: (
            f"{plan['images_per_epoch']} images an epoch × {plan['epochs']} epochs ÷ batch {plan['batch']} "
            f"= {plan['steps']} steps ({plan['steps_exact']} exact by bucket)"
        ),
    )
    checks = walk.verb(["preflight"], _blocks, codes=(0, 3))
    if checks["ok"]:
        _train(walk)
    else:
        _replay(walk, args.speed or 2000.0)
    seconds = time.monotonic() - start
    if out.json:
        return out.done({"path": str(home.project), "steps": walk.steps, "seconds": round(seconds, 1)})
    print(f"\nThe whole way in {seconds:.0f} s. The project stays at {home.project}:")
    print(f"  loratui -C {home.project}")
    return 0


def _variants(found: Document) -> int:
    return sum(len(group["variants"]) for group in found["groups"])


def _kinds(seen: Document) -> str:
    counts: dict[str, int] = {}
    for row in seen["problems"]:
        counts[row["problem"]] = counts.get(row["problem"], 0) + 1
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))


def _blocks(document: Document) -> str:
    blocks = [check for check in document["checks"] if check["level"] == "block"]
    if not blocks:
        return f"{len(document['checks'])} checks, nothing blocks"
    first = "; ".join(f"{check['message']} {check['remedy']}" for check in blocks)
    return f"blocks, as it should where no trainer is set up or no base model is there: {first}"


def _train(walk: _Walk) -> None:
    """The trainer is set up and a base model is named: a real run, followed as it goes."""
    from loratui.core.errors import Cancelled
    from loratui.core.runs import find, follow

    found = walk.verb(
        ["train"],
        lambda run: f"{run['run']}: {run['steps']} steps, a real training of {walk.home.training}, detached",
    )
    start, state = time.monotonic(), ""
    run = find(found["path"])
    try:
        with walk.out.progress("training") as report:
            for event in follow(run, cancel=walk.out.cancel):
                if event["type"] == "step":
                    report(event["step"], event["total_steps"], f"loss {event['loss']:.4f}")
                elif event["type"] == "state":
                    state = event["state"]
                    report(0, None, state)
    except Cancelled:
        raise Cancelled("The training goes on.", f"`loratui watch {run.folder}` follows it again.") from None
    reason = f": {run.state().reason}" if run.state().reason else ""
    walk.tell("watch", "loratui watch last", f"the real training ended: {state}{reason}", time.monotonic() - start)
    walk.verb(["runs"], _run)


def _replay(walk: _Walk, speed: float) -> None:
    """The monitor over the recording of a real training."""
    from loratui.core.demo.monitor import replaying

    with replaying(walk.home.project, speed):
        walk.verb(
            ["watch", "last"],
            lambda event: f"a replay of a recorded sd-scripts run (a toy model, on a CPU): it ended {event['state']}",
        )
        walk.verb(["runs"], _run)


def _run(runs: Document) -> str:
    """The newest run, in a line."""
    run = runs["runs"][0]
    loss = "?" if run["loss"] is None else f"{run['loss']:.4f}"
    return f"{run['id']} {run['state']} step {run['step'] or 0}/{run['total_steps']} loss {loss}"
