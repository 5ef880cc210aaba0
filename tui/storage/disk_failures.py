"""What the system says about a disk, in words with a next step."""

from __future__ import annotations

import errno
import os

from tui.failures import Failure

_WORDS = {
    errno.ENOSPC: ("the disk is full", "make room; it is kept in memory until then"),
    errno.EDQUOT: ("your share of the disk is used up", "make room; it is kept in memory until then"),
    errno.EROFS: ("the disk is read-only", "make it writable, or name another folder with CHINWAG_DATA_DIR"),
    errno.EACCES: ("no permission", "give yourself access to the folder"),
    errno.EPERM: ("no permission", "give yourself access to the folder"),
    errno.EFBIG: ("the file would be larger than the system allows", "go on in a new conversation"),
    errno.EIO: ("the disk reports an error", "check the disk, or name another folder with CHINWAG_DATA_DIR"),
    errno.EMFILE: ("too many files are open", "close other programs, or raise the limit with ulimit -n"),
}


class InMemoryOnly(Failure):
    """What is said from here on is not saved before the disk takes it."""


def disk_failure(error: OSError, title: str) -> Failure:
    """``title`` says what could not be done: ``cannot save the conversation``."""
    if error.errno in _WORDS:
        return Failure(title, *_WORDS[error.errno])
    cause = os.strerror(error.errno).lower() if error.errno else str(error)
    return Failure(title, cause, "check the disk and the folder")
