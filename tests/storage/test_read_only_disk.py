"""A disk that takes nothing: what is on it can be read and gone on with, and is saved as soon as that is possible."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.disk import FailingDisk
from tests.storage.conftest import OpenShelf
from tests.storage.events import EMPTY, ID, slowly, turn
from tui.places import Places
from tui.storage.conversation_log import ConversationLog, LogEvent, LogTimes, SavingRefused, SavingResumed
from tui.storage.disk_failures import InMemoryOnly
from tui.storage.records import Event
from tui.storage.shelf import Shelf

BY_HAND = LogTimes(sync_seconds=1e6, retry_seconds=1e6, idle_seconds=1e6)
SOON = LogTimes(sync_seconds=0.01, retry_seconds=0.01, idle_seconds=1e6)


async def _kept(shelf: Shelf, *, with_document: bool) -> None:
    """One turn, in a document or only in a journal."""
    log = shelf.new_log(EMPTY, times=BY_HAND)
    for event in turn(1):
        await log.keep(event)
    if with_document:
        await log.checkpoint()
        return
    await log.settled()


def _leave_without_closing(shelf: Shelf) -> None:
    """As a process that is killed does: its locks are free, its journal stays."""
    for held in shelf._held.values():
        held.release()


async def _opened(shelf: Shelf, heard: list[LogEvent], times: LogTimes = BY_HAND) -> ConversationLog:
    log = await shelf.open_log(ID, tell=heard.append, times=times)
    assert log is not None
    return log


def _files(places: Places) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in places.conversations.iterdir()}


@pytest.fixture
def full(places: Places) -> FailingDisk:
    return FailingDisk(places.data, "EROFS", lasting=True, reads_well=True)


@pytest.mark.parametrize("with_document", [True, False], ids=["document", "journal"])
async def test_a_conversation_on_a_read_only_disk_is_opened_and_left_as_it_is(
    open_shelf: OpenShelf, places: Places, full: FailingDisk, with_document: bool
) -> None:
    before = open_shelf()
    await _kept(before, with_document=with_document)
    _leave_without_closing(before)
    files = _files(places)
    heard: list[LogEvent] = []
    shelf = open_shelf()
    with full.in_place():
        full.is_ill = True
        log = await _opened(shelf, heard)
        assert log.conversation == slowly(EMPTY, turn(1))
        assert log.refusal is not None
        assert log.refusal.message == "the disk is read-only"
        assert not log.is_unsaved
        await shelf.aclose()
        full.heal()
    assert heard == []
    assert _files(places) == files


@pytest.mark.parametrize("with_document", [True, False], ids=["document", "journal"])
async def test_what_is_said_there_is_saved_when_it_can_be_and_nothing_is_set_aside(
    open_shelf: OpenShelf, places: Places, full: FailingDisk, with_document: bool
) -> None:
    before = open_shelf()
    await _kept(before, with_document=with_document)
    _leave_without_closing(before)
    heard: list[LogEvent] = []
    shelf = open_shelf()
    with full.in_place():
        full.is_ill = True
        log = await _opened(shelf, heard)
        for event in turn(2):
            await log.keep(event)
        assert log.failure is not None
        full.heal()
        log._write_soon()
        await log.settled()
    assert not log.is_unsaved
    assert [type(one) for one in heard] == [SavingRefused, SavingResumed]
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])
    assert not list(places.data.rglob("*.torn-*"))
    assert not places.trash.exists()
    assert await open_shelf().open_log(ID) is None, "the lock is held by now"


async def test_what_another_program_said_meanwhile_is_not_written_over(
    open_shelf: OpenShelf, places: Places, full: FailingDisk
) -> None:
    before = open_shelf()
    await _kept(before, with_document=True)
    _leave_without_closing(before)
    heard: list[LogEvent] = []
    shelf = open_shelf()
    with full.in_place():
        full.is_ill = True
        log = await _opened(shelf, heard)
        full.heal()
    elsewhere = open_shelf()
    other = await _opened(elsewhere, [])
    theirs: list[Event] = turn(3, "and from elsewhere?")
    for event in theirs:
        await other.keep(event)
    await other.settled()
    _leave_without_closing(elsewhere)
    for event in turn(2):
        await log.keep(event)
    assert log.is_unsaved
    (told,) = heard
    assert isinstance(told, SavingRefused)
    assert told.failure.message == "another chinwag changed it since it was opened here"
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *theirs])


async def test_a_lock_that_can_be_had_again_is_not_kept_after_a_refusal(
    open_shelf: OpenShelf, places: Places, full: FailingDisk
) -> None:
    before = open_shelf()
    await _kept(before, with_document=True)
    _leave_without_closing(before)
    shelf = open_shelf()
    with full.in_place():
        full.is_ill = True
        log = await _opened(shelf, [])
        full.heal()
    path = places.conversations / f"{ID}.json"
    path.write_bytes(path.read_bytes().replace(b"why?", b"who?"))
    for event in turn(2):
        await log.keep(event)
    assert log.is_unsaved
    assert (await _opened(open_shelf(), [])).conversation.messages[0].text == "who?"


async def test_a_folder_that_takes_nothing_says_so_before_the_first_prompt(
    shelf: Shelf, places: Places, tmp_path: Path
) -> None:
    places.data.parent.mkdir(parents=True)
    places.data.write_text("a file where the folder would be")
    assert isinstance(await shelf.refusal(), InMemoryOnly)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to somebody else")
async def test_a_folder_of_somebody_else_says_so_before_the_first_prompt(shelf: Shelf, places: Places) -> None:
    places.conversations.mkdir(parents=True)
    os.chown(places.conversations, 65534, 65534)
    refusal = await shelf.refusal()
    assert isinstance(refusal, InMemoryOnly)
    assert refusal.message == "it belongs to somebody else"
