"""What goes along with prompts, kept once by the hash of its content: ``attachments/<first two digits>/<sha256>``.

Nothing is ever changed here. What no conversation, no draft and nothing in the trash names is collected after a day: by
then whoever kept it has written its name down. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tui.atomic import TEMPORARY_SUFFIX, FileMissing, make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.conversations.values import Attachment
from tui.failures import Failure
from tui.places import Places
from tui.storage.disk_failures import disk_failure

LARGEST_ATTACHMENT_BYTES = 64 * 1024 * 1024
GRACE_SECONDS = 24 * 3600.0
"""How long something is kept that nothing names: another chinwag may be about to name it."""
LOOK_AGAIN_SECONDS = 24 * 3600.0

_HASH = re.compile(rb"[0-9a-f]{64}")
_HASH_LENGTH = 64
_PART_BYTES = 1 << 20
_LOOKED = ".looked"


class LostAttachment(Failure):
    """The content of an attachment is gone or is not what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAttachments:
    """What there is on the disk."""

    count: int = 0
    size_bytes: int = 0
    unused: tuple[Path, ...] = ()
    """What nothing has named for longer than ``GRACE_SECONDS``."""


def keep_attachment(places: Places, data: bytes) -> str:
    """Keeps ``data`` and gives its hash; it is on the disk on return. What is there already is not written twice.

    Raises ``Failure`` for more than ``LARGEST_ATTACHMENT_BYTES`` and for what the disk refuses.
    """
    if len(data) > LARGEST_ATTACHMENT_BYTES:
        limit = f"it has more than {LARGEST_ATTACHMENT_BYTES // 1024 // 1024} MB"
        raise Failure("cannot keep this attachment", limit, "attach the part of it that matters")
    sha256 = hashlib.sha256(data).hexdigest()
    path = _path(places, sha256)
    try:
        if _is_there(path, data):
            return sha256
        make_private_folder(places.attachments)
        make_private_folder(path.parent)
        write_atomically(path, data)
    except OSError as error:
        raise disk_failure(error, "cannot keep this attachment") from error
    return sha256


def read_attachment(places: Places, attachment: Attachment) -> bytes:
    """The content as it was attached. Raises ``LostAttachment`` when it is gone, damaged or cannot be read."""
    name = clean_line(attachment.name, 60)
    path = _path(places, attachment.sha256)
    if attachment.size_bytes > LARGEST_ATTACHMENT_BYTES:
        raise LostAttachment(f"{name} is too large", "no attachment of that size was ever kept", "attach it again")
    try:
        data = read_bounded(path, attachment.size_bytes)
    except FileMissing as error:
        cause = f"{path.name[:12]} is not among the attachments any more"
        raise LostAttachment(f"the content of {name} is gone", cause, "attach it again") from error
    except Failure as failure:
        raise LostAttachment(f"the content of {name} cannot be read", failure.message, "attach it again") from failure
    if hashlib.sha256(data).hexdigest() != attachment.sha256:
        raise LostAttachment(f"the content of {name} is damaged", f"{path} has changed", "attach it again")
    return data


def kept_attachments(places: Places, *, now: datetime) -> KeptAttachments:
    """Counts them, and finds those that nothing names. Raises ``Failure`` when a conversation cannot be looked into."""
    files = [(path, found) for path in _files(places) if (found := _stat(path)) is not None]
    old = {path.name: path for path, found in files if _age_seconds(found, now) > GRACE_SECONDS}
    return KeptAttachments(
        count=len(files),
        size_bytes=sum(found.st_size for _, found in files),
        unused=tuple(sorted(_unnamed(places, old).values())),
    )


def collect_attachments(places: Places, *, now: datetime) -> int:
    """Removes for good what nothing names; how many went. Raises ``Failure``, and then nothing more is removed."""
    unused = kept_attachments(places, now=now).unused
    _remove_old_temporaries(places, now)
    try:
        return sum(_remove_unless_wanted_again(path, now) for path in unused)
    except OSError as error:
        raise disk_failure(error, "cannot remove an attachment") from error


def collect_attachments_daily(places: Places, *, now: datetime, is_due: bool = False) -> int:
    """As ``collect_attachments``, at most once a day unless it ``is_due``: it looks into every conversation."""
    mark = places.attachments / _LOOKED
    if not places.attachments.is_dir():
        return 0
    looked = _stat(mark)
    if not is_due and looked is not None and 0 <= _age_seconds(looked, now) < LOOK_AGAIN_SECONDS:
        return 0
    removed = collect_attachments(places, now=now)
    with suppress(OSError):
        write_atomically(mark, b"", sync=False)
        os.utime(mark, (now.timestamp(), now.timestamp()))
    return removed


def _is_there(path: Path, data: bytes) -> bool:
    """Whether it is kept, whole; then it counts as kept anew, so that nobody collects it meanwhile."""
    try:
        if read_bounded(path, len(data)) != data:
            return False
        os.utime(path)
    except (Failure, FileNotFoundError):
        return False
    # Whoever collects may have taken it away between the two.
    return path.exists()


def _remove_unless_wanted_again(path: Path, now: datetime) -> bool:
    """It is taken aside first: whoever keeps the same content at this moment makes it young, or writes it anew."""
    aside = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    found = _stat(aside)
    if found is not None and _age_seconds(found, now) <= GRACE_SECONDS:
        aside.rename(path)
        return False
    aside.unlink(missing_ok=True)
    return True


def _unnamed(places: Places, candidates: dict[str, Path]) -> dict[str, Path]:
    """Those of ``candidates`` whose hash stands in no file of a conversation, damaged and deleted ones included."""
    left = dict(candidates)
    seen: set[Path] = set()
    # A conversation may be deleted or brought back meanwhile: its folder is looked at once more behind the trash.
    for folder in (places.conversations, places.trash, places.drafts, places.conversations):
        for path in _below(folder):
            if not left:
                return {}
            if path not in seen:
                seen.add(path)
                for name in _hashes_in(path):
                    left.pop(name, None)
    return left


def _hashes_in(path: Path) -> Iterator[str]:
    """Whatever the format: a hash is written out in all of them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        if stat.S_ISLNK(path.lstat().st_mode):
            return
        raise disk_failure(error, f"cannot look into {path.name}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        rest = b""
        while part := os.read(descriptor, _PART_BYTES):
            data = rest + part
            yield from (found[0].decode("ascii") for found in _HASH.finditer(data))
            rest = data[-(_HASH_LENGTH - 1) :]
    except OSError as error:
        raise disk_failure(error, f"cannot look into {path.name}") from error
    finally:
        os.close(descriptor)


def _remove_old_temporaries(places: Places, now: datetime) -> None:
    """What a killed chinwag left half written."""
    for shard in _below(places.attachments):
        for path in _below(shard):
            found = _stat(path) if path.name.endswith(TEMPORARY_SUFFIX) else None
            if found is not None and _age_seconds(found, now) > GRACE_SECONDS:
                with suppress(OSError):
                    path.unlink()


def _files(places: Places) -> Iterator[Path]:
    for shard in _below(places.attachments):
        for path in _below(shard):
            if _HASH.fullmatch(path.name.encode()) and path.name.startswith(shard.name):
                yield path


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk_failure(error, f"cannot look into {folder}") from error


def _stat(path: Path) -> os.stat_result | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _age_seconds(found: os.stat_result, now: datetime) -> float:
    return now.timestamp() - found.st_mtime


def _path(places: Places, sha256: str) -> Path:
    if not _HASH.fullmatch(sha256.encode("ascii", "replace")):
        raise ValueError(f"no hash of an attachment: {sha256!r}")
    return places.attachments / sha256[:2] / sha256
