"""Captions written anew from the boards' tags that came with the pictures: asked for in a form, done as one step."""

from threading import Event
from typing import TYPE_CHECKING

from loratui.core.jobs import Report
from loratui.core.words import count

if TYPE_CHECKING:
    from loratui.core.downloads.captions import Style
    from loratui.core.downloads.recaption import Recaptioned
    from loratui.tui.screens.base import LoratuiScreen

_EDITED = {"kept": "merge", "left alone": "keep", "lost": "overwrite"}
_NOTE = "Nothing is downloaded. Triggers that stand first stay first; u takes it back."


async def write(screen: "LoratuiScreen") -> None:
    """Asks how, and writes the captions of the whole dataset."""
    from loratui.core.downloads.captions import CAPTION_CATEGORIES, Style
    from loratui.core.downloads.recaption import Edited, recaption
    from loratui.tui.shell.form import Field

    fields = [
        Field("categories", "categories", ", ".join(CAPTION_CATEGORIES), check=lambda text: _style(text).checked()),
        Field("order", "order", "most used first", options=("most used first", "the board's")),
        Field("blanks", "words parted by", "spaces", options=("spaces", "underscores")),
        Field("brackets", "brackets", "as they are", options=("as they are", "with \\")),
        Field("edited", "edits made since are", "kept", options=tuple(_EDITED)),
    ]
    answer = await screen.fill_in("Write captions anew", fields, _NOTE, enter="write")
    if answer is None:
        return
    named = _style(answer["categories"]).checked()
    style = Style(
        named.categories,
        answer["order"] == "most used first",
        answer["blanks"] == "underscores",
        answer["brackets"] != "as they are",
    )
    edited: Edited = _EDITED[answer["edited"]]  # type: ignore[assignment]
    workspace, app = screen.workspace, screen.app

    def work(report: Report, cancel: Event) -> "Recaptioned":
        return recaption(workspace, style=style, edited=edited, report=report, cancel=cancel)

    def done(result: "Recaptioned") -> None:
        if not result.plan:
            app.toast(f"Nothing to change: {count(result.same, 'caption')} so already.")
            return
        app.did(result.plan.title, result.plan.command)
        parts = [f"{count(result.plan.counts['changed_files'], 'caption')} written"]
        parts += [f"{result.edited:,} had been edited"] if result.edited else []
        parts += [f"{result.unknown:,} of no known origin left alone"] if result.unknown else []
        app.toast(", ".join(parts) + ".", "u takes it back.")
        app.changed()

    app.jobs.start("writing captions", work, done)


def _style(text: str) -> "Style":
    from loratui.core.downloads.captions import Style

    return Style(tuple(word.strip().lower() for word in text.split(",") if word.strip()))
