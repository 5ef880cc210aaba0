"""The file that results of a batch are added to, one line each: held by one run at a time, without torn lines."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from tui.atomic import read_bounded
from tui.failures import Failure
from tui.runs.batch import answered_keys

LARGEST_RESULTS_BYTES = 4_000_000_000
_BEGINNING = b'{"key": '
"""Of each line of ours."""


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """Open to be added to. Whoever opened it closes it."""

    path: Path
    descriptor: int
    done: frozenset[str]
    """The keys of the rows that it has an answer for."""

    def append(self, line: bytes) -> None:
        """Blocks. Raises ``Failure``."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        except OSError as error:
            raise _cannot_write(self.path, error, "make room; the same command goes on") from None

    def close(self) -> None:
        """The file is on the disk when it returns, and free for another run. Blocks. Raises ``Failure``."""
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            # A device, such as /dev/null, has nothing to bring to a disk.
            if error.errno != errno.EINVAL:
                raise _cannot_write(self.path, error, "look after the disk; the same command goes on") from None
        finally:
            os.close(self.descriptor)


def open_results(path: Path, *, anew: bool) -> ResultsFile:
    """Made when it is not there (0600), emptied when ``anew``. Blocks.

    Raises ``Failure`` when another run writes there, or when it cannot be read or written.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        _hold(descriptor, path)
        if anew:
            os.ftruncate(descriptor, 0)
            return ResultsFile(path, descriptor, frozenset())
        data = read_bounded(path, LARGEST_RESULTS_BYTES, follow_links=True)
        _mend_end(descriptor, data)
        return ResultsFile(path, descriptor, answered_keys(data))
    except OSError as error:
        os.close(descriptor)
        raise _cannot_write(path, error) from None
    except BaseException:
        os.close(descriptor)
        raise


def _hold(descriptor: int, path: Path) -> None:
    """Two runs on one file would each ask every prompt that is left, and write both answers."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(
            f"cannot write {path}", "another run writes there", "wait for it, or choose another file"
        ) from None
    except OSError:
        # Some file systems know no locks: there it is as without.
        return


def _mend_end(descriptor: int, data: bytes) -> None:
    """A line of ours that was cut when the disk was full or the machine went away is taken off; a foreign one ends."""
    last = data[data.rfind(b"\n") + 1 :]
    if not last:
        return
    if last.startswith(_BEGINNING) and not _is_json(last):
        os.ftruncate(descriptor, len(data) - len(last))
    else:
        os.write(descriptor, b"\n")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _cannot_write(path: Path, error: OSError, advice: str = "choose another file") -> Failure:
    return Failure(f"cannot write {path}", (error.strerror or str(error)).lower(), advice)
