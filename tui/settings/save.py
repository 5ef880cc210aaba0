"""One setting changed in the person's own file, whose comments, order and other settings stay as they are."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tui.atomic import FileMissing, make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.settings.edit import edited
from tui.settings.load import LIMIT_BYTES, validate_settings_file
from tui.settings.schema import Setting, Value, check_value, find_setting
from tui.toml import read_toml

_HELD_ELSEWHERE = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
_POLL_SECONDS = 0.01


def save_setting(
    file: Path, name: str, value: Value, *, now: Callable[[], datetime], patience_seconds: float = 2.0
) -> Path | None:
    """Puts the setting ``name`` into ``file``, which is made with its folder where it is missing.

    Another chinwag's changes since the last reading stay: the file is read, changed and replaced under
    ``settings.lock`` beside it, for which this waits up to ``patience_seconds``. A file that is broken or too large is
    first copied to ``settings.toml.bad-<time>``; the copy's path is returned, otherwise None. A link is followed.

    Raises ``Failure``, the file then being what it was: for an unknown name, a value that the setting cannot have,
    a lock that is not to be had, a file that cannot be edited in place or a disk that refuses. Blocks.
    """
    setting = find_setting(name)
    return _change(file, setting, check_value(setting, value), now, patience_seconds)


def reset_setting(file: Path, name: str, *, now: Callable[[], datetime], patience_seconds: float = 2.0) -> Path | None:
    """Takes the setting ``name`` out of ``file``, so that its default holds; otherwise as ``save_setting``."""
    return _change(file, find_setting(name), None, now, patience_seconds)


def import_settings(
    file: Path, source: Path, *, now: Callable[[], datetime], patience_seconds: float = 2.0
) -> Path | None:
    """Puts what ``source`` says in the place of ``file``, comments and all; returns where the file before is kept.

    Only a file without a fault: half of somebody's settings would be nobody's. Raises ``Failure``, which names line and
    key of the first faults; the file is then what it was. Blocks.
    """
    data = read_bounded(source, LIMIT_BYTES, follow_links=True)
    if faults := validate_settings_file(source):
        more = f"; and {len(faults) - 2} more" if len(faults) > 2 else ""
        raise Failure(
            f"{clean_line(source.name, 80)} is not taken over", "; ".join(map(str, faults[:2])) + more, "correct it"
        )
    return _replace(file, data, now, patience_seconds)


def reset_settings(file: Path, *, now: Callable[[], datetime], patience_seconds: float = 2.0) -> Path | None:
    """Every setting has its default; returns where the file before is kept, None where there was none.

    Raises ``Failure``; the file is then what it was. Blocks.
    """
    return _replace(file, None, now, patience_seconds)


def put_settings_back(
    file: Path, aside: Path | None, *, now: Callable[[], datetime], patience_seconds: float = 2.0
) -> None:
    """``file`` as it was before ``import_settings`` or ``reset_settings``, which returned ``aside``.

    Raises ``Failure``; the file is then what it was. Blocks.
    """
    data = None if aside is None else read_bounded(aside, LIMIT_BYTES, follow_links=True)
    _ = _replace(file, data, now, patience_seconds)


def export_settings(file: Path, target: Path, *, replaces: bool = False) -> Path:
    """Copies the settings file to ``target``, or under its own name into that folder; returns where it went.

    Without a file yet, an empty one: every setting has its default. Raises ``Failure``: for a file that is there
    already, unless ``replaces``; for a disk that refuses. Blocks.
    """
    target = target / file.name if target.is_dir() else target
    if not replaces and target.exists():
        raise Failure(f"{target} is not written", "it is there already", "name another file")
    try:
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
    except FileMissing:
        data = b""
    try:
        write_atomically(target, data)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"{target} cannot be written", cause, "name another place") from error
    return target


def _replace(file: Path, data: bytes | None, now: Callable[[], datetime], patience_seconds: float) -> Path | None:
    """None takes the file away. The one before keeps its bytes under another name, which is returned."""
    try:
        target = Path(os.path.realpath(file))
        make_private_folder(file.parent)
        with _locked(file.with_suffix(".lock"), patience_seconds):
            aside = _set_aside(target, now(), kind="old") if target.exists() else None
            if data is not None:
                write_atomically(target, data, mode=_mode(target))
            elif aside is not None:
                target.unlink()
            return aside
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"{file} is not changed", cause, "make room or correct its permissions") from error


def _change(
    file: Path, setting: Setting, value: Value | None, now: Callable[[], datetime], patience_seconds: float
) -> Path | None:
    try:
        target = Path(os.path.realpath(file))
        make_private_folder(file.parent)
        with _locked(file.with_suffix(".lock"), patience_seconds):
            return _change_locked(target, setting, value, now)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(
            f"{setting.name} cannot be kept in {file}", cause, "make room or correct its permissions"
        ) from error


def _change_locked(target: Path, setting: Setting, value: Value | None, now: Callable[[], datetime]) -> Path | None:
    old, is_broken = _read(target)
    new = edited(old, setting, value)
    if len(new) > LIMIT_BYTES:
        raise Failure(
            f"{setting.name} cannot be kept in {target}",
            f"the file would exceed {LIMIT_BYTES >> 10} KB",
            "make it smaller",
        )
    copy = _set_aside(target, now()) if is_broken else None
    if new != old or is_broken:
        write_atomically(target, new, mode=_mode(target))
    return copy


def _read(target: Path) -> tuple[bytes, bool]:
    """What the new file starts from, and whether the old one is of no use."""
    try:
        data = read_bounded(target, LIMIT_BYTES, follow_links=True)
    except FileMissing:
        return b"", False
    except Failure:
        if _size_bytes(target) > LIMIT_BYTES:
            return b"", True
        raise
    try:
        read_toml(data, name=target.name)
    except Failure:
        return b"", True
    return data, False


def _size_bytes(target: Path) -> int:
    """Of a regular file; 0 for everything else."""
    with suppress(OSError):
        found = target.stat()
        return found.st_size if stat.S_ISREG(found.st_mode) else 0
    return 0


def _mode(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode) & 0o777
    except FileNotFoundError:
        return 0o600


def _set_aside(target: Path, at: datetime, *, kind: str = "bad") -> Path:
    """A second name for the file's bytes, which the first one is about to lose."""
    stem = f"{target.name}.{kind}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        copy = target.with_name(stem if number == 1 else f"{stem}-{number}")
        try:
            os.link(target, copy)
        except FileExistsError:
            continue
        except OSError:
            # Not every file system has hard links.
            if copy.exists():
                continue
            _copy(target, copy)
        return copy
    raise Failure(
        f"{target.name} is not replaced", "too many copies of earlier ones lie beside it", f"remove {stem} and the like"
    )


def _copy(source: Path, copy: Path) -> None:
    try:
        shutil.copy2(source, copy)
    except OSError:
        with suppress(OSError):
            copy.unlink()
        raise


@contextmanager
def _locked(lock: Path, patience_seconds: float) -> Iterator[None]:
    # The lock's file stays: one that is removed while another waits for it would lock nobody out.
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_seconds
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise Failure(
                    "the settings are in use", f"another chinwag holds {lock} for {patience_seconds:g} s", "try again"
                )
            # Waiting inside flock could last as long as a chinwag that somebody suspended.
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            return False
        # On a file system without locks the replacing is still whole, only two at once are not ordered.
        if error.errno not in _NO_LOCKS_HERE:
            raise
    return True
