"""A disk that says no: at any of the calls that a piece of work makes, with any of the usual reasons."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.storage.conftest import Clock
from tests.storage.samples import VERSION_1
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.places import Places
from tui.storage.conversation_files import ConversationFiles
from tui.storage.drafts import NEW, load_draft, save_draft

CALLS = ("open", "write", "fsync", "fchmod", "close", "replace", "rename", "link", "unlink", "mkdir", "chmod")
WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission",
    errno.EIO: "the disk reports an error",
    errno.EDQUOT: "your share of the disk is used up",
}

OLD = VERSION_1
NEW_STATE = replace(VERSION_1, title="newer")


class FaultyDisk:
    """Stands between Python and the system's calls and refuses one of them, the Nth."""

    def __init__(self, refused_call: int, number: int) -> None:
        self.refused_call = refused_call
        self.number = number
        self.calls = 0

    @property
    def was_met(self) -> bool:
        return self.calls > self.refused_call

    @contextmanager
    def in_place(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self._instead_of(name, getattr(os, name)))
            yield

    def _instead_of(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.refused_call + 1:
                if name == "close":
                    # A descriptor is gone even when closing it reports an error.
                    original(*arguments, **options)
                if name == "write":
                    original(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise OSError(self.number, os.strerror(self.number))
            return original(*arguments, **options)

        return call


def _files(places: Places, clock: Clock) -> ConversationFiles:
    return ConversationFiles(places, now=clock, random_bytes=os.urandom)


def _save(files: ConversationFiles) -> None:
    files.write(NEW_STATE, wished="json", sync=True)


def _save_in_other_format(files: ConversationFiles) -> None:
    files.write(NEW_STATE, wished="toml", sync=False)


def _save_over_a_foreign_file(files: ConversationFiles) -> None:
    path = files.lock_path(OLD.id).with_suffix(".json")
    with path.open("ab") as file:
        file.write(b" ")
    files.write(NEW_STATE, wished="json", sync=True)


def _delete_and_undo(files: ConversationFiles) -> None:
    files.undelete(files.delete(OLD.id))


@pytest.mark.parametrize("number", WORDS, ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize("work", [_save, _save_in_other_format, _save_over_a_foreign_file, _delete_and_undo])
def test_whatever_call_the_disk_refuses_a_whole_state_is_still_there(
    places: Places, clock: Clock, work: Callable[[ConversationFiles], None], number: int
) -> None:
    for refused_call in range(200):
        files = _files(places, clock)
        _start_over(places, files)
        disk = FaultyDisk(refused_call, number)
        failed = False
        with disk.in_place():
            try:
                work(files)
            except Failure as failure:
                failed = True
                words = failure.message
        if not disk.was_met:
            break
        if failed:
            assert words in (WORDS[number], os.strerror(number).lower())
        found = _whatever_is_there(places, clock)
        assert found in ((OLD, NEW_STATE) if failed or work is _delete_and_undo else (NEW_STATE,))
        # When the disk is well again so is the conversation.
        saved = files.write(NEW_STATE, wished="json", sync=False)
        assert not saved.set_aside or work is _save_over_a_foreign_file
        if work is not _delete_and_undo:
            assert _files(places, clock).read(OLD.id) == NEW_STATE
    else:
        pytest.fail("the work never ran to its end")
    assert refused_call > 5


def _start_over(places: Places, files: ConversationFiles) -> None:
    for folder in (places.conversations, places.trash):
        if folder.exists():
            for path in folder.iterdir():
                path.unlink()
    files.write(OLD, wished="json", sync=False)


def _whatever_is_there(places: Places, clock: Clock) -> Conversation:
    """The conversation, or the one in the trash when it was just deleted."""
    if list(places.conversations.glob("*.json")) or list(places.conversations.glob("*.toml")):
        return _files(places, clock).read(OLD.id)
    (in_trash,) = places.trash.glob("*.json")
    in_trash.rename(places.conversations / f"{OLD.id}.json")
    return _files(places, clock).read(OLD.id)


def test_refused_save_leaves_no_half_file_behind(places: Places, clock: Clock) -> None:
    files = _files(places, clock)
    files.write(OLD, wished="json", sync=True)
    before = sorted(places.conversations.iterdir())
    for refused_call in range(30):
        disk = FaultyDisk(refused_call, errno.ENOSPC)
        with disk.in_place():
            try:
                files.write(NEW_STATE, wished="json", sync=True)
            except Failure:
                continue
            finally:
                assert sorted(places.conversations.iterdir()) == before
        if not disk.was_met:
            return
    pytest.fail("the save never ran to its end")


def test_folder_that_is_a_file_is_named(places: Places, clock: Clock) -> None:
    places.data.mkdir(parents=True)
    places.conversations.write_text("in the way")
    files = _files(places, clock)
    with pytest.raises(Failure, match="conversations cannot be used"):
        files.write(OLD, wished="json", sync=True)
    with pytest.raises(Failure, match="cannot list the conversations"):
        files.find()
    with pytest.raises(Failure, match="cannot read"):
        files.read(OLD.id)


def test_refused_draft_leaves_the_older_one(places: Places) -> None:
    save_draft(places, NEW, "older")
    for refused_call in range(30):
        disk = FaultyDisk(refused_call, errno.ENOSPC)
        with disk.in_place():
            try:
                save_draft(places, NEW, "newer")
            except Failure as failure:
                assert failure.title == "cannot keep this draft"
        assert load_draft(places, NEW) in ("older", "newer")
        if not disk.was_met:
            return
    pytest.fail("the draft was never kept")
