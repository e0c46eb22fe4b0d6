"""All checks before a GPU minute is spent, and the one question: may it start?"""

from collections.abc import Callable, Iterable
from threading import Event

from loratui.core import jobs
from loratui.core.checks import Check, blocked
from loratui.core.errors import Refused
from loratui.core.training.checks import base, dataset, decode, machine, options, run, script, session, system
from loratui.core.training.situation import Situation

_CHECKS: tuple[tuple[str, Callable[[Situation], Iterable[Check]]], ...] = (
    ("trainer", machine.trainer),
    ("base model", base.base_model),
    ("VAE", base.vae),
    ("warm start", base.warm_start),
    ("subsets", dataset.subsets),
    ("images", dataset.images),
    ("names", dataset.stems),
    ("captions", dataset.captions),
    ("triggers", dataset.triggers),
    ("trigger words", dataset.trigger_words),
    ("buckets", dataset.buckets),
    ("options", options.options),
    ("steps", options.steps),
    ("samples", run.sample_prompts),
    ("name", run.output_name),
    ("precision", machine.precision),
    ("GPU", machine.gpu),
    ("disk", machine.disk),
    ("loaders", system.workers),
    ("memory", system.memory),
    ("tokenizer", system.tokenizer),
    ("session", lambda situation: session.session()),
    ("script", script.script_options),
)
_ORDER = {"block": 0, "warn": 1, "ok": 2}


def preflight(
    situation: Situation,
    *,
    report: jobs.Report = jobs.silent,
    cancel: Event | None = None,
) -> list[Check]:
    """Runs all checks.

    Args:
        situation: see `situation.survey`.

    Returns:
        findings, those that block first, then warnings; `ok` ones, too.
    """
    found: list[Check] = []
    for number, (name, check) in enumerate(_CHECKS):
        jobs.check(cancel)
        report(number, len(_CHECKS), name)
        found += check(situation)
    found += decode.readable(situation, report=report, cancel=cancel)
    for key in situation.recipe.warnings:
        found.append(
            Check("recipe", "warn", f"[training] has an unknown key {key!r}; it does nothing.", "Take it out.")
        )
    return sorted(found, key=lambda check: _ORDER[check.level])


def require(checks: list[Check]) -> None:
    """Raises where a training may not start.

    Raises:
        Refused: a check blocks; message and remedy are the first one's, with how many more there are.
    """
    if blocked(checks):
        blocks = [check for check in checks if check.level == "block"]
        more = f" ({len(blocks) - 1} more: `loratui preflight` lists them.)" if len(blocks) > 1 else ""
        raise Refused(f"Not started: {blocks[0].message}{more}", blocks[0].remedy)
