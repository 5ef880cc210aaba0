"""Files written as a whole or not at all, private folders, and reading that cannot be made to hang or swell.

Everything here blocks; under an event loop it is called through ``asyncio.to_thread``.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from tui.failures import Failure

TEMPORARY_SUFFIX = ".chinwag-tmp"
"""What the files end in that a killed ``write_atomically`` leaves behind; each begins with a dot."""


class FileMissing(Failure):
    """There is no file of that name; often that is no error."""


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600, sync: bool = True) -> None:
    """Puts ``data`` in the file ``path``: whoever opens it sees all of the old bytes or all of the new ones.

    The file has exactly ``mode``, whatever the umask and the old file's mode. A symbolic link at ``path`` is replaced,
    not followed. ``sync=False`` leaves it to the system when the bytes reach the disk.

    Raises ``OSError``; the old file is then untouched, except when only the folder could not be synced: then the new
    file is in place and may not survive the machine's death.
    """
    temporary = path.with_name(f".{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        try:
            os.fchmod(descriptor, mode)
            _write_all(descriptor, data)
            if sync:
                sync_descriptor(descriptor)
        finally:
            # Network file systems report a full disk here; so this comes before the rename.
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_descriptor(descriptor: int) -> None:
    """Returns when the file's bytes are on the disk; raises ``OSError``."""
    if sys.platform == "darwin":
        import fcntl

        # macOS's fsync stops at the drive's own cache. File systems without this command get the plain one.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Returns when the folder's list of names is on the disk; raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems have no sync for folders, and keep names safe in another way.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def make_private_folder(path: Path) -> None:
    """Makes sure that the folder ``path`` exists, is ours and is open to nobody else: mode 0700 under any umask.

    Parents that are missing are made the same way; parents that exist stay as they are.
    Raises ``Failure`` when the folder belongs to somebody else, is no folder or cannot be made.
    """
    try:
        for missing in reversed(_missing_folders(path)):
            with suppress(FileExistsError):
                missing.mkdir(0o700)
                missing.chmod(0o700)
        found = path.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if found.st_uid != os.geteuid():
            raise Failure(
                f"folder {path} belongs to somebody else",
                f"its owner is user {found.st_uid}, chinwag runs as user {os.geteuid()}",
                "start chinwag as its owner, or name another folder",
            )
        if found.st_mode & 0o077:
            path.chmod(stat.S_IMODE(found.st_mode) & 0o700)
    except OSError as error:
        raise Failure(
            f"folder {path} cannot be used",
            (error.strerror or str(error)).lower(),
            "make it writable for yourself, or name another with CHINWAG_DATA_DIR, CHINWAG_CONFIG_DIR, "
            "CHINWAG_CACHE_DIR or CHINWAG_STATE_DIR",
        ) from error


def _missing_folders(path: Path) -> list[Path]:
    """``path`` and its parents as far as they do not exist, the deepest first."""
    missing: list[Path] = []
    for folder in (path, *path.parents):
        if folder.exists():
            break
        missing.append(folder)
    return missing


def read_bounded(path: Path, limit_bytes: int, *, follow_links: bool = False) -> bytes:
    """The bytes of a regular file of at most ``limit_bytes``; never waits for a pipe, never reads a device.

    ``follow_links=True`` accepts a symbolic link to a regular file, as people keep their settings.
    Raises ``FileMissing`` when there is none, ``Failure`` naming the file in every other case.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
        try:
            return _read_descriptor(path, descriptor, limit_bytes)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise FileMissing(f"file {path} is missing", "there is no file of that name", "check the name") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Failure(
                f"file {path} is not read", "it is a symbolic link", "put the file itself in its place"
            ) from error
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"file {path} cannot be read", cause, "check the file and its permissions") from error


def _read_descriptor(path: Path, descriptor: int, limit_bytes: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise Failure(f"file {path} is not read", "it is not a regular file", "put a regular file in its place")
    too_large = Failure(
        f"file {path} is too large", f"the limit is {_words_for_size(limit_bytes)}", "make it smaller or move it away"
    )
    if found.st_size > limit_bytes:
        raise too_large
    parts: list[bytes] = []
    # The file may grow meanwhile, and files such as those of /proc say that they are empty. In one piece where that is
    # possible: to put the pieces of a large file together takes longer than to read it.
    left_bytes = limit_bytes + 1
    while left_bytes > 0:
        part = os.read(descriptor, min(left_bytes, max(found.st_size + 1, 1 << 20)))
        if not part:
            return b"".join(parts)
        parts.append(part)
        left_bytes -= len(part)
    raise too_large


def _words_for_size(size_bytes: int) -> str:
    for unit, unit_bytes in (("MB", 1 << 20), ("KB", 1 << 10)):
        if size_bytes >= unit_bytes:
            return f"{size_bytes / unit_bytes:.4g} {unit}"
    return f"{size_bytes} bytes"
