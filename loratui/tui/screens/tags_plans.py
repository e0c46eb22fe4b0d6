"""Plans the Tags screen makes besides those of `core.dataset.bulk`."""

from shlex import quote

from loratui.core.changes import Edit, Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.caption import Caption
from loratui.tui.screens.tags_table import Loaded


def merge(loaded: Loaded, positions: set[int], old: list[str], new: str) -> Plan:
    """Renames tags to one name; where a caption holds several, they become one."""
    if len(old) == 1:
        return bulk.replace(loaded.dataset, positions, old[0], new)

    def change(caption: Caption) -> Caption:
        for tag in old:
            caption = caption.replace(tag, new)
        return caption

    touched = set().union(*(loaded.dataset.carrying(tag) for tag in old)) & positions
    commands = " && ".join(f"loratui tags replace {quote(tag)} {quote(new)}" for tag in old if tag != new)
    title = f'merge {len(old)} tags into "{new}" in {{n}}'
    return bulk.edit(loaded.dataset, touched, change, verb="tags replace", title=title, command=commands)


def written(loaded: Loaded, position: int, raw: bytes) -> Plan:
    """One caption by hand."""
    dataset = loaded.dataset
    path, old = dataset.caption_paths[position], dataset.raw[position]
    if raw == (old or b""):
        return Plan("caption", "", counts={})
    name = dataset.images[position].name
    return Plan("caption", f"write the caption of {name}", (Edit(path, old, raw),), {"changed_files": 1})
