"""Plans the Tags screen makes besides those of `core.dataset.bulk`."""

from shlex import quote

from loratui.core.changes import Edit, Plan
from loratui.core.dataset import bulk
from loratui.core.dataset.caption import Caption
from loratui.tui.screens.tags_snapshot import Snapshot


def merge(snapshot: Snapshot, old: list[str], new: str) -> Plan:
    """Renames tags to one name; where a caption holds several, they become one."""
    if len(old) == 1:
        return bulk.replace(snapshot.dataset, snapshot.scope, old[0], new)

    def change(caption: Caption) -> Caption:
        for tag in old:
            caption = caption.replace(tag, new)
        return caption

    touched = set().union(*(snapshot.dataset.carrying(tag) for tag in old)) & snapshot.scope
    commands = " && ".join(f"loratui tags replace {quote(tag)} {quote(new)}" for tag in old if tag != new)
    title = f'merge {len(old)} tags into "{new}" in {{n}}'
    return bulk.edit(snapshot.dataset, touched, change, verb="tags replace", title=title, command=commands)


def written(snapshot: Snapshot, position: int, raw: bytes) -> Plan:
    """One caption by hand."""
    dataset = snapshot.dataset
    path, old = dataset.caption_paths[position], dataset.raw[position]
    if raw == (old or b""):
        return Plan("caption", "", counts={})
    name = dataset.images[position].name
    return Plan("caption", f"write the caption of {name}", (Edit(path, old, raw),), {"changed_files": 1})
