"""What is wrong with the conversations on the disk, and what can be done about it. Everything here blocks.

Looking changes nothing. Repairing never throws anything away: what is taken out of a file is kept beside it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from tui.conversations.ids import is_id
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.places import Places
from tui.storage.attachments import LostAttachment, collect_attachments, kept_attachments, read_attachment
from tui.storage.conversation_files import ConversationFiles
from tui.storage.documents import DocumentFormat, NewerDocument
from tui.storage.journal import move_aside
from tui.storage.kept import put_together, read_journal
from tui.storage.locks import hold_lock


class Trouble(StrEnum):
    open_to_others = "open to others"
    """A file or folder that other people on this machine can read or write."""
    damaged_journal = "damaged journal"
    """Some of what happened lately cannot be read; the rest can."""
    damaged_document = "damaged document"
    """A part of it cannot be read; the rest can."""
    unreadable_document = "unreadable document"
    """Nothing of it can be shown, and nothing stands beside it to make it from."""
    unreadable_beside_journal = "unreadable document beside a journal"
    """What was said lately is in the journal, but the older part keeps it from being opened."""
    from_newer_version = "from a newer version"
    lost_attachment = "lost attachment"
    """A conversation names something whose content is gone or damaged."""
    unused_attachments = "unused attachments"
    """No conversation names them any more, the deleted ones included."""
    not_a_file = "not a file"
    """A link, folder or device of a name that a conversation would have."""


REPAIRABLE = frozenset(
    {
        Trouble.open_to_others,
        Trouble.damaged_journal,
        Trouble.damaged_document,
        Trouble.unreadable_beside_journal,
        Trouble.unused_attachments,
    }
)
HARMLESS = frozenset({Trouble.unused_attachments})
"""What only takes room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    path: Path
    trouble: Trouble
    words: str
    """What it is, and what becomes of it."""
    conversation_id: str = ""
    """Empty for what belongs to none."""

    @property
    def is_repairable(self) -> bool:
        return self.trouble in REPAIRABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    findings: tuple[Finding, ...] = ()
    conversations: int = 0
    """How many there are, sound and damaged."""
    attachments: int = 0
    """How many contents are kept of what went along with prompts."""
    kept_aside: int = 0
    """Files with bytes that could not be read, from earlier repairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    finding: Finding
    words: str
    """What was done."""
    failure: Failure | None = None
    """Why nothing was done."""


def check(places: Places, *, now: Callable[[], datetime], random_bytes: Callable[[int], bytes]) -> Checkup:
    """Reads every conversation. Raises ``Failure`` when the folder itself cannot be read."""
    files = ConversationFiles(places, now=now, random_bytes=random_bytes)
    ids = sorted({file.id for file in files.find()})
    findings = [*_open_to_others(places)]
    for conversation_id in ids:
        findings += _trouble_of(files, places, conversation_id)
    attachments = kept_attachments(places, now=now())
    if attachments.unused:
        words = f"{len(attachments.unused):,} of {attachments.count:,} are named by no conversation"
        findings.append(_finding(places.attachments, Trouble.unused_attachments, words, ""))
    kept_aside = sum(1 for path in _below(places.conversations) if path.suffix.startswith(".torn-"))
    return Checkup(
        findings=tuple(findings), conversations=len(ids), attachments=attachments.count, kept_aside=kept_aside
    )


def repair(
    places: Places,
    findings: Iterable[Finding],
    *,
    wished: DocumentFormat,
    now: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
) -> tuple[Repaired, ...]:
    """Does what can be done about each of them; one that another chinwag has open is left to it.

    Contents that nothing names are removed, and nothing else is.
    """
    files = ConversationFiles(places, now=now, random_bytes=random_bytes)
    results: list[Repaired] = []
    for finding in findings:
        if not finding.is_repairable:
            continue
        try:
            if finding.trouble is Trouble.unused_attachments:
                words = f"{collect_attachments(places, now=now()):,} removed"
            else:
                words = _repair(files, finding, wished=wished, now=now)
        except Failure as failure:
            results.append(Repaired(finding=finding, words="nothing was changed", failure=failure))
        except OSError as error:
            refused = Failure(f"cannot repair {finding.path.name}", (error.strerror or str(error)).lower(), "")
            results.append(Repaired(finding=finding, words="nothing was changed", failure=refused))
        else:
            results.append(Repaired(finding=finding, words=words))
    return tuple(results)


def _trouble_of(files: ConversationFiles, places: Places, conversation_id: str) -> list[Finding]:
    journal_path = files.journal_path(conversation_id)
    for path in (journal_path, *_documents(places, conversation_id)):
        if not stat.S_ISREG(path.lstat().st_mode) if os.path.lexists(path) else False:
            return [_finding(path, Trouble.not_a_file, "it is left alone", conversation_id)]
    try:
        kept = files.read_kept(conversation_id)
    except NewerDocument as failure:
        path = next(iter(_documents(places, conversation_id)), journal_path)
        return [_finding(path, Trouble.from_newer_version, failure.message, conversation_id)]
    except Failure as failure:
        path = next(iter(_documents(places, conversation_id)), journal_path)
        if path != journal_path and _can_be_made_from_journal(files, conversation_id):
            words = f"{failure.message}; what its journal has can be opened without it"
            return [_finding(path, Trouble.unreadable_beside_journal, words, conversation_id)]
        return [_finding(path, Trouble.unreadable_document, failure.message, conversation_id)]
    if kept.damage:
        words = kept.damage.as_failure().message
        if kept.damage.is_document:
            path = next(iter(_documents(places, conversation_id)), journal_path)
            return [_finding(path, Trouble.damaged_document, words, conversation_id)]
        return [_finding(journal_path, Trouble.damaged_journal, words, conversation_id)]
    return _lost_attachments(places, kept.conversation, conversation_id)


def _lost_attachments(places: Places, conversation: Conversation, conversation_id: str) -> list[Finding]:
    findings: list[Finding] = []
    lines = (conversation.messages, *(branch.messages for branch in conversation.branches))
    for attachment in dict.fromkeys(one for line in lines for message in line for one in message.attachments):
        try:
            _ = read_attachment(places, attachment)
        except LostAttachment as failure:
            path = places.attachments / attachment.sha256[:2] / attachment.sha256
            findings.append(_finding(path, Trouble.lost_attachment, failure.title, conversation_id))
    return findings


def _can_be_made_from_journal(files: ConversationFiles, conversation_id: str) -> bool:
    try:
        journal = read_journal(files.journal_path(conversation_id))
        return journal is not None and bool(put_together(conversation_id, None, journal).conversation.messages)
    except Failure:
        return False


def _repair(files: ConversationFiles, finding: Finding, *, wished: DocumentFormat, now: Callable[[], datetime]) -> str:
    if finding.trouble is Trouble.open_to_others:
        mode = 0o700 if finding.path.is_dir() else 0o600
        if finding.path.is_symlink():
            raise Failure(f"cannot repair {finding.path.name}", "it is a link by now", "look at it yourself")
        finding.path.chmod(mode)
        return "only you can read it from here on"
    held = hold_lock(files.lock_path(finding.conversation_id))
    if held is None:
        raise Failure(f"cannot repair {finding.path.name}", "it is open in another chinwag", "close it there")
    with held:
        aside = None
        if finding.trouble is Trouble.unreadable_beside_journal:
            aside = move_aside(finding.path, finding.conversation_id, now=now())
        kept, journal = files.open_journal(finding.conversation_id)
        if journal is not None:
            journal.close()
        if not kept.has_unknown_kinds:
            files.write(kept.conversation, wished=wished, sync=True)
        kept_as = aside or kept.damage.kept
        return "repaired" if kept_as is None else f"repaired; what could not be read is in {kept_as.name}"


def _open_to_others(places: Places) -> Iterator[Finding]:
    folders = (places.data, places.conversations, places.drafts, places.trash, places.attachments, places.state)
    for folder in (*folders, places.control):
        yield from _if_open(folder)
    for folder in (places.conversations, places.drafts, places.trash):
        for path in _below(folder):
            yield from _if_open(path)


def _if_open(path: Path) -> Iterator[Finding]:
    with suppress(OSError):
        found = path.lstat()
        if (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) and stat.S_IMODE(found.st_mode) & 0o077:
            name = path.name.partition(".")[0]
            words = f"other people on this machine can get at it (mode {stat.S_IMODE(found.st_mode):04o})"
            yield _finding(path, Trouble.open_to_others, words, name if is_id(name) else "")


def _documents(places: Places, conversation_id: str) -> list[Path]:
    paths = (places.conversations / f"{conversation_id}.{suffix}" for suffix in ("json", "toml"))
    return [path for path in paths if os.path.lexists(path)]


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _finding(path: Path, trouble: Trouble, words: str, conversation_id: str) -> Finding:
    return Finding(path=path, trouble=trouble, words=words, conversation_id=conversation_id)
