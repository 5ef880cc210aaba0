"""One writer a conversation: a lock that the system frees when its holder dies, however it dies."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tui.failures import Failure
from tui.storage.disk_failures import disk_failure

_HELD_ELSEWHERE = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)


class LockRefused(Failure):
    """The disk takes no lock; that says nothing about whether somebody else has it."""


class Held:
    """A lock that is ours until ``release`` or the end of the process."""

    def __init__(self, path: Path, descriptor: int, *, is_exclusive: bool) -> None:
        self._path = path
        self._descriptor = descriptor
        self.is_exclusive = is_exclusive
        """False on a file system that has no locks: nothing then keeps a second writer away."""

    @property
    def is_held(self) -> bool:
        return self._descriptor >= 0

    def is_in_place(self) -> bool:
        """False when somebody took the file away: whoever comes next finds no lock. Blocks."""
        return self.is_held and _is_still(self._path, self._descriptor)

    def release(self) -> None:
        """Frees the lock and removes its file. Twice is no error."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        if self.is_exclusive and _is_still(self._path, descriptor):
            # Whoever opened the file before this sees that it is gone and takes the next one. One that stays is
            # only an empty file.
            with suppress(OSError):
                self._path.unlink()
        os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def hold_lock(path: Path) -> Held | None:
    """Takes the lock, without waiting; None when somebody else has it. Blocks for as long as the disk takes.

    Raises ``Failure`` when there is no lock to be had: no permission, a read-only disk, something else of that name.
    """
    while True:
        try:
            descriptor = _open_lock(path)
        except OSError as error:
            raise _refused(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS_HERE:
                return Held(path, descriptor, is_exclusive=False)
            os.close(descriptor)
            if error.errno in _HELD_ELSEWHERE:
                return None
            raise _refused(path, error) from error
        if _is_still(path, descriptor):
            return Held(path, descriptor, is_exclusive=True)
        # The file was removed between opening and locking; a lock on a file without a name keeps nobody out.
        os.close(descriptor)


def _refused(path: Path, error: OSError) -> LockRefused:
    failure = disk_failure(error, f"cannot lock {path.name}")
    return LockRefused(failure.title, failure.message, failure.advice)


def _open_lock(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Failure(f"cannot lock {path.name}", "it is not a regular file", "move it away")
    os.fchmod(descriptor, 0o600)
    return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))
