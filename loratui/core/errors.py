"""The error tree. Every error is one sentence with the thing in it, and a remedy.

LoratuiError             1    part or all failed
├─ UsageError            2    what was asked cannot be understood
│  └─ ConfirmationNeeded 2    would have to ask, and nobody is there to answer
├─ Refused               3    a check refused; nothing was changed
│  └─ Conflict           3    files were changed by somebody else since we read them
└─ Cancelled           130    interrupted by the person
"""

import errno
from collections.abc import Sequence


class LoratuiError(Exception):
    """A failure a person can act on.

    Args:
        message: one sentence that names the thing.
        remedy: what to do about it, as one sentence; "" where nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(LoratuiError):
    """What was asked cannot be understood: an unknown name, a typo, a value out of range."""

    exit_code = 2


class ConfirmationNeeded(UsageError):
    """The act cannot be undone or costs much, and there is no terminal to ask on."""


class Refused(LoratuiError):
    """A check refused the act; nothing was changed."""

    exit_code = 3


class Conflict(Refused):
    """Files differ from what was read when the change was planned.

    Args:
        files: their paths, relative to the root.
    """

    def __init__(self, message: str, remedy: str = "", files: Sequence[str] = ()) -> None:
        super().__init__(message, remedy)
        self.files = tuple(files)


class Cancelled(LoratuiError):
    """The person interrupted; what was finished stays."""

    exit_code = 130

    def __init__(self, message: str = "interrupted", remedy: str = "") -> None:
        super().__init__(message, remedy)


_OS_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space and run it again."),
    errno.EDQUOT: ("your quota on the disk is used up", "Free some space and run it again."),
    errno.EROFS: ("the file system is read-only", "Work on a copy in a folder you may write to."),
    errno.EACCES: ("permission denied", "Check who owns it and its mode (ls -l)."),
    errno.EPERM: ("permission denied", "Check who owns it and its mode (ls -l)."),
    errno.ENOENT: ("it is not there", "Check the name."),
    errno.EMFILE: ("too many files are open", "Raise the limit with ulimit -n."),
    errno.EIO: ("the disk reports an input/output error", "Check the disk."),
}


def from_os(error: OSError, doing: str) -> LoratuiError:
    """The error as a sentence: `doing` (such as `Saving captions in kafka`) and what the system said."""
    trouble, remedy = _OS_REMEDIES.get(error.errno or 0, (str(error.strerror or error), ""))
    name = f" ({error.filename})" if error.filename else ""
    return LoratuiError(f"{doing[:1].upper()}{doing[1:]} failed: {trouble}{name}.", remedy)
