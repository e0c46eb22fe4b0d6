"""Running the tagger from the Tags screen: a form, the download if need be, a job, one undoable step."""

from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

from loratui.core.errors import UsageError
from loratui.core.jobs import Report
from loratui.core.sanitize import line
from loratui.tui.shell.form import Field

if TYPE_CHECKING:
    from loratui.core.acts.tagging import Tagged
    from loratui.core.tagging.models import TaggerFiles
    from loratui.core.tagging.tagger import When
    from loratui.tui.screens.tags import TagsScreen
    from loratui.tui.screens.tags_snapshot import Snapshot


async def run(screen: "TagsScreen", snapshot: "Snapshot") -> None:
    """Asks how, then tags the images in scope as a job.

    Args:
        screen: where it is shown.
        snapshot: the dataset and the images in scope.
    """
    from loratui.core.acts import tagging
    from loratui.core.tagging import tagger
    from loratui.tui.screens.tags_snapshot import renewed

    workspace = screen.workspace
    settings = workspace.tagger
    positions = snapshot.scope
    empty = len(positions & set(snapshot.dataset.uncaptioned()))
    answer = await screen.fill_in(
        f"Tag images automatically · scope: {snapshot.words}",
        [
            Field("model", "Model", settings.model, "a known name, or a folder", complete=_names),
            Field("general", "Threshold", f"{settings.general:g}", "0.05 to 1", check=_threshold),
            Field("character", "For characters", f"{settings.character:g}", "0.05 to 1", check=_threshold),
            Field("when", "Captions", "empty" if empty else "merge", options=tagger.WHENS),
        ],
        f"{empty:,} of {len(positions):,} images have no caption. merge adds what is missing, overwrite replaces.",
        enter="tag",
    )
    if answer is None:
        return
    when: When = next(one for one in tagger.WHENS if one == answer["when"])
    model, general, character = answer["model"].strip(), _threshold(answer["general"]), _threshold(answer["character"])
    chosen = await screen.app.jobs.run(
        "looking",
        lambda report, cancel: tagging.choose(workspace, model, general=general, character=character),
    )
    if chosen.files is None:
        files = await _download(screen, chosen.model)
        if files is None:
            return
        chosen = replace(chosen, files=files)
    # Its own, as it reads captions again before it plans: what is shown stays as it was read.
    dataset, how = renewed(snapshot.loaded, ()).dataset, chosen
    wanted = tagger.wanted(dataset, when, positions)
    if not wanted:
        screen.toast("every image in scope has a caption", "Choose merge or overwrite to tag them again.", "warn")
        return

    def work(report: Report, cancel: Event) -> "Tagged":
        return tagging.tag(workspace, dataset, wanted, how, when, report=report, cancel=cancel)

    screen.app.jobs.start("tagging", work, lambda done: _done(screen, done))


async def _download(screen: "TagsScreen", model: str) -> "TaggerFiles | None":
    """Fetches a known tagger, after asking."""
    from loratui.core.tagging import models

    size = await screen.app.jobs.run(
        "asking the hub", lambda report, cancel: models.download_size(model, cancel=cancel)
    )
    if not await screen.confirm(f"{models.hub_name(model)} is not on this machine: download {size / 1e6:,.0f} MB?"):
        return None
    return await screen.app.jobs.run(
        "downloading", lambda report, cancel: models.download(model, report=report, cancel=cancel)
    )


def _done(screen: "TagsScreen", done: "Tagged") -> None:
    """Says what came of it."""
    for note in done.notes:
        screen.app.did(note)
    failed = [f"{path.rpartition('/')[2]}: {why}" for path, why in done.failed.items()]
    for text in failed:
        screen.app.did(line(text), level="warn")
    counts = done.plan.counts
    text = f"{done.tagged:,} images tagged, {counts['changed_files']:,} captions changed"
    if counts["nothing"]:
        text += f", nothing found for {counts['nothing']:,}"
    screen.app.did(text, done.plan.command)
    if failed:
        screen.toast(f"{text}, {len(failed)} failed", "L shows why.", "warn")
    else:
        screen.toast(text)
    screen.app.changed()


def _names(typed: str) -> list[str]:
    """Known taggers, then folders."""
    from loratui.core.tagging.models import KNOWN
    from loratui.tui.shell.editor import complete_path

    return [*(name for name in KNOWN if name.startswith(typed)), *complete_path(typed)]


def _threshold(text: str) -> float:
    """A threshold as it was typed.

    Raises:
        UsageError: it is no number, or none that makes sense.
    """
    from loratui.core.tagging.tagger import Thresholds

    try:
        return Thresholds(float(text.replace(",", "."))).general
    except ValueError:
        raise UsageError(f"“{line(text, 40)}” is no number.", "Give a threshold from 0.05 to 1.") from None
