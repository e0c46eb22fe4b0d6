"""Which tags to take out so that the trigger learns the subject: suggestions with reasons, no decisions.

What a caption names, the trainer ties to that tag; what it leaves out goes into the trigger. So for a character its
hair and eyes are taken out, and its clothes stay, to be changed by prompt. A wrong value of the same slot (`green eyes`
in 5 % of a blue-eyed character's images) must go too, or it learns the eyes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from loratui.core.dataset.caption import key
from loratui.core.project import Kind
from loratui.core.tagging.slots import SLOTS, Slot, slot

PREVAILS = 0.35
"""From this share of the images on, a trait belongs to the subject (CyberHarem's value, proved on many characters)."""
_PARTS = {"character": "body", "outfit": "outfit"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One tag that may be taken out.

    Attributes:
        tag: as most captions spell it; other spellings are counted with it.
        count: images that carry it.
        share: of all captioned images, 0–1.
        slot: what it describes.
        why: the reason, in a few words.
        selected: taken out unless the person decides otherwise.
        error: a minority value: probably the tagger was wrong.
    """

    tag: str
    count: int
    share: float
    slot: Slot
    why: str
    selected: bool
    error: bool = False


def suggest(
    counts: Mapping[str, int],
    images: int,
    kind: Kind,
    *,
    keep: Collection[str] = (),
    categories: Mapping[str, str] | None = None,
) -> list[Suggestion]:
    """Suggestions for a kind of LoRA, by slot and count; empty for kinds where every tag should stay.

    Args:
        counts: images by tag.
        images: how many images have a caption.
        kind: what is learned. A character's body and an outfit's clothes are suggested; for the others nothing.
        keep: tags never suggested: the triggers.
        categories: what is known of tags, by their key: names of characters, series and artists are never suggested,
            whatever they look like (`fairy tail`).
    """
    part = _PARTS.get(kind)
    if part is None or not images:
        return []
    names = [tag for tag, category in (categories or {}).items() if category not in ("general", "meta")]
    fixed = {key(tag) for tag in (*keep, *names)}
    spellings: dict[str, tuple[str, int]] = {}
    for tag, count in sorted(counts.items(), key=lambda item: -item[1]):
        shown, before = spellings.get(key(tag), (tag, 0))
        spellings[key(tag)] = (shown, min(images, before + count))
    by_slot: dict[Slot, list[tuple[str, int]]] = {}
    for same, value in spellings.items():
        found = slot(same)
        if found is not None and same not in fixed:
            by_slot.setdefault(found, []).append(value)
    suggestions: list[Suggestion] = []
    for group in SLOTS:
        values = sorted(by_slot.get(group, ()), key=lambda value: (-value[1], value[0]))
        suggestions += _of_slot(group, values, images, group.part == part)
    return suggestions


def _of_slot(group: Slot, values: list[tuple[str, int]], images: int, wanted: bool) -> list[Suggestion]:
    if not values:
        return []
    found = []
    first, most = values[0]
    for tag, count in values:
        share = count / images
        prevails = share >= PREVAILS
        error = group.single and not prevails and most / images >= PREVAILS
        if error:
            why = f"only {_percent(share)}, {first} in {_percent(most / images)}: a tagger's error?"
        elif prevails and wanted:
            why = f"in {_percent(share)} of the images: it belongs to the subject"
        elif prevails:
            why = f"in {_percent(share)} of the images: take it out only if it should never change"
        elif wanted:
            why = f"in {_percent(share)} of the images: it varies, so it can stay a choice"
        else:
            continue  # a rare piece of clothing says nothing about a character
        found.append(Suggestion(tag, count, share, group, why, wanted and (prevails or error), error))
    return found


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.01 else "less than 1 %"
