"""Every change of a dataset: plan → journal → apply → undo, and the trash. Nothing is ever lost."""

from loratui.core.changes.changes import Changes, Undone
from loratui.core.changes.journal import Step
from loratui.core.changes.plan import Add, Edit, Move, Operation, Plan, Remove, Stamp, inside, stamp
from loratui.core.changes.trash import TrashEntry

__all__ = [
    "Add",
    "Changes",
    "Edit",
    "Move",
    "Operation",
    "Plan",
    "Remove",
    "Stamp",
    "Step",
    "TrashEntry",
    "Undone",
    "inside",
    "stamp",
]
