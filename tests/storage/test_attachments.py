from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.storage.conftest import Clock, OpenShelf
from tests.storage.samples import conversation_with
from tui.conversations.values import Attachment, Conversation
from tui.failures import Failure
from tui.places import Places
from tui.storage import attachments as store
from tui.storage.attachments import (
    LostAttachment,
    collect_attachments,
    collect_attachments_daily,
    keep_attachment,
    kept_attachments,
    read_attachment,
)
from tui.storage.checkup import Trouble, check, repair
from tui.storage.drafts import save_draft

TEXT = b"def split(node): ...\n"
LATER = timedelta(days=2)


def attachment(sha256: str, data: bytes = TEXT, name: str = "main.py") -> Attachment:
    return Attachment(name=name, sha256=sha256, size_bytes=len(data))


def file_of(places: Places, sha256: str) -> Path:
    return places.attachments / sha256[:2] / sha256


def soon() -> datetime:
    """The times of files are the system's own."""
    return datetime.now(UTC) + LATER


def naming(*hashes: str, conversation_id: str = "0" * 26) -> Conversation:
    conversation = conversation_with("look at it", "I see", conversation_id=conversation_id)
    prompt = replace(conversation.messages[0], attachments=tuple(attachment(one) for one in hashes))
    return replace(conversation, messages=(prompt, *conversation.messages[1:]))


def test_content_comes_back_and_is_nobody_elses(places: Places) -> None:
    before = os.umask(0)
    try:
        sha256 = keep_attachment(places, TEXT)
    finally:
        os.umask(before)
    path = file_of(places, sha256)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path.parent.parent)} == {0o700}
    assert read_attachment(places, attachment(sha256)) == TEXT


def test_same_content_is_kept_once_and_a_damaged_one_is_mended_by_it(places: Places) -> None:
    sha256 = keep_attachment(places, TEXT)
    inode = file_of(places, sha256).stat().st_ino
    assert keep_attachment(places, TEXT) == sha256
    assert file_of(places, sha256).stat().st_ino == inode
    file_of(places, sha256).write_bytes(TEXT[:-1] + b"?")
    assert keep_attachment(places, TEXT) == sha256
    assert read_attachment(places, attachment(sha256)) == TEXT


@pytest.mark.parametrize("damage", ["changed", "shorter", "longer", "gone", "a link"])
def test_damaged_content_is_said_and_never_given(places: Places, damage: str) -> None:
    sha256 = keep_attachment(places, TEXT)
    path = file_of(places, sha256)
    match damage:
        case "changed":
            path.write_bytes(b"X" + TEXT[1:])
        case "shorter":
            path.write_bytes(TEXT[:-1])
        case "longer":
            path.write_bytes(TEXT + b"x")
        case "gone":
            path.unlink()
        case _:
            path.rename(path.with_name("elsewhere"))
            path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(LostAttachment, match=r"main\.py"):
        read_attachment(places, attachment(sha256))


def test_sizes_are_checked_before_anything_is_read(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LARGEST_ATTACHMENT_BYTES", 16)
    with pytest.raises(Failure, match="more than"):
        keep_attachment(places, TEXT)
    with pytest.raises(LostAttachment, match="too large"):
        read_attachment(places, Attachment(name="x", sha256="0" * 64, size_bytes=1 << 60))


def test_name_of_a_hash_never_leaves_the_folder(places: Places) -> None:
    with pytest.raises(ValueError, match="no hash"):
        read_attachment(places, Attachment(name="x", sha256="../../etc/passwd", size_bytes=10))


def test_full_disk_is_a_failure_and_leaves_nothing(places: Places) -> None:
    places.attachments.parent.mkdir(parents=True)
    places.attachments.write_text("in the way")
    with pytest.raises(Failure):
        keep_attachment(places, TEXT)


async def test_content_goes_with_the_last_conversation_that_names_it(
    places: Places, open_shelf: OpenShelf, clock: Clock
) -> None:
    shelf = open_shelf()
    shared, own = keep_attachment(places, TEXT), keep_attachment(places, b"only one has it")
    first, second = naming(shared, own, conversation_id="1" * 26), naming(shared, conversation_id="2" * 26)
    for one in (first, second):
        await shelf.save(one)
    clock.now = soon()
    deleted = await shelf.delete(first.id)
    await shelf.empty_trash(clock())
    assert file_of(places, own).exists(), "what is in the trash can come back"
    assert kept_attachments(places, now=clock()).unused == ()
    await shelf.undo_delete(deleted)
    await shelf.delete(first.id)
    clock.forward(timedelta(days=31))
    await shelf.empty_trash(clock())
    assert not file_of(places, own).exists()
    assert file_of(places, shared).exists()
    await shelf.delete(second.id)
    clock.forward(timedelta(days=31))
    await shelf.empty_trash(clock())
    assert kept_attachments(places, now=clock()).count == 0


def test_what_was_just_kept_is_not_collected_though_nothing_names_it(places: Places) -> None:
    keep_attachment(places, TEXT)
    assert collect_attachments(places, now=datetime.now(UTC)) == 0
    assert collect_attachments(places, now=soon()) == 1


def test_what_a_draft_names_stays(places: Places) -> None:
    sha256 = keep_attachment(places, TEXT)
    save_draft(places, "new", f'look at {{"sha256": "{sha256}"}}')
    assert collect_attachments(places, now=soon()) == 0
    save_draft(places, "new", "")
    assert collect_attachments(places, now=soon()) == 1


def test_hash_at_any_place_of_a_large_file_is_found(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PART_BYTES", 100)
    sha256 = keep_attachment(places, TEXT)
    places.conversations.mkdir(parents=True)
    for before in range(90, 210, 7):
        (places.conversations / "damaged.torn-1").write_text("x" * before + f'"{sha256}"' + "y" * 50)
        assert kept_attachments(places, now=soon()).unused == (), before


def test_content_that_is_attached_again_while_it_is_collected_stays(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = keep_attachment(places, TEXT)
    long_ago = datetime.now(UTC).timestamp() - 5 * 24 * 3600
    os.utime(file_of(places, sha256), (long_ago, long_ago))
    found = kept_attachments(places, now=datetime.now(UTC))
    assert found.unused == (file_of(places, sha256),)
    # Another chinwag attaches the same between the look and the removal.
    monkeypatch.setattr(store, "kept_attachments", lambda *_args, **_more: (keep_attachment(places, TEXT), found)[1])
    assert collect_attachments(places, now=datetime.now(UTC)) == 0
    assert read_attachment(places, attachment(sha256)) == TEXT


def test_conversation_that_cannot_be_looked_into_keeps_everything(places: Places) -> None:
    if os.geteuid() == 0:
        pytest.skip("everything can be looked into by root")
    keep_attachment(places, TEXT)
    places.conversations.mkdir(parents=True)
    closed = places.conversations / "x.json"
    closed.write_text("{}")
    closed.chmod(0)
    with pytest.raises(Failure):
        collect_attachments(places, now=soon())
    assert kept_attachments(places, now=datetime.now(UTC)).count == 1


def test_every_conversation_is_looked_into_once_a_day_at_most(places: Places) -> None:
    now = soon()
    first = keep_attachment(places, TEXT)
    assert collect_attachments_daily(places, now=now) == 1
    assert not file_of(places, first).exists()
    keep_attachment(places, TEXT)
    assert collect_attachments_daily(places, now=now + timedelta(hours=23)) == 0
    assert collect_attachments_daily(places, now=now + timedelta(hours=23), is_due=True) == 1
    assert collect_attachments_daily(places, now=now + timedelta(days=3)) == 0


async def test_doctor_counts_them_and_says_what_is_lost_or_unused(places: Places, open_shelf: OpenShelf) -> None:
    shelf = open_shelf()
    used, lost, unused = (keep_attachment(places, word) for word in (b"used", b"lost", b"unused"))
    named = [attachment(used, b"used"), attachment(lost, b"lost", name="lost.txt")]
    conversation = naming()
    prompt = replace(conversation.messages[0], attachments=tuple(named))
    await shelf.save(replace(conversation, messages=(prompt, *conversation.messages[1:])))
    file_of(places, lost).unlink()
    found = check(places, now=soon, random_bytes=os.urandom)
    assert found.attachments == 2
    troubles = {one.trouble: one for one in found.findings}
    assert set(troubles) == {Trouble.lost_attachment, Trouble.unused_attachments}
    assert "lost.txt" in troubles[Trouble.lost_attachment].words
    assert not troubles[Trouble.lost_attachment].is_repairable
    [mended] = repair(places, found.findings, wished="json", now=soon, random_bytes=os.urandom)
    assert mended.words == "1 removed"
    assert not file_of(places, unused).exists()
    assert file_of(places, used).exists()
