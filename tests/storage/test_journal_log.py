"""The log of an open conversation: on the disk before it is shown, and in one piece afterwards."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.conftest import OpenShelf
from tests.storage.events import EMPTY, ID, answer, at, prompt, slowly, turn
from tests.storage.samples import VERSION_1
from tui.conversations.edits import renamed
from tui.conversations.titles import summary_of
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.places import Places
from tui.storage.conversation_files import Saved
from tui.storage.conversation_log import ConversationLog, LogEvent, LogTimes, SavingRefused, SavingResumed, SetAside
from tui.storage.documents import NewerDocument, UnreadableDocument
from tui.storage.records import ChangedTitle, Event, RemovedMessage, SentPrompt, encode_line
from tui.storage.shelf import Shelf

EAGERLY = getattr(asyncio, "eager_task_factory", None)
"""How the terminal library has tasks begin."""
NEVER = LogTimes(sync_seconds=1e6, retry_seconds=1e6, idle_seconds=1e6)
SOON = LogTimes(sync_seconds=0.01, retry_seconds=0.01, idle_seconds=0.01)


def _journal(places: Places) -> Path:
    return places.conversations / f"{ID}.journal"


def _document(places: Places) -> Path:
    return places.conversations / f"{ID}.json"


def _unheard(event: LogEvent) -> None:
    raise AssertionError(event)


async def _give(log: ConversationLog, events: list[Event], *, durable: bool = False) -> None:
    for event in events:
        await log.keep(event, durable=durable)


async def _reopened(shelf: Shelf, tell: Callable[[LogEvent], None] = _unheard) -> ConversationLog:
    log = await shelf.open_log(ID, tell=tell, times=NEVER)
    assert log is not None
    return log


async def test_nothing_is_on_disk_before_something_happens(shelf: Shelf, places: Places) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard)
    await log.settled()
    await log.aclose()
    assert not places.data.exists()


async def test_kept_event_is_in_the_file_and_another_program_reads_it(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    done: list[Event] = []
    for event in [*turn(1), *turn(2)]:
        await log.keep(event)
        done.append(event)
        assert await open_shelf().load(ID) == slowly(EMPTY, done) == log.conversation
    assert not _document(places).exists()
    assert stat.S_IMODE(_journal(places).stat().st_mode) == 0o600
    listing = await open_shelf().summaries()
    assert listing.summaries == (summary_of(log.conversation),)
    assert listing.faults == ()


async def test_closing_leaves_one_document_and_nothing_else(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    await shelf.aclose()
    assert [path.name for path in places.conversations.iterdir()] == [_document(places).name]
    assert await open_shelf().load(ID) == slowly(EMPTY, turn(1))
    again = await _reopened(open_shelf())
    assert again.sequence == len(turn(1))
    assert again.conversation == log.conversation


async def test_events_go_on_over_many_programs_and_documents(open_shelf: OpenShelf, places: Places) -> None:
    done: list[Event] = []
    for number in range(1, 6):
        shelf = open_shelf("toml" if number == 3 else "json")
        log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER) if number == 1 else await _reopened(shelf)
        await _give(log, turn(number), durable=True)
        done += turn(number)
        if number % 2:
            await log.checkpoint()
            assert not _journal(places).exists()
        await _give(log, [ChangedTitle(title=f"title {number}", at=at(number))])
        done.append(ChangedTitle(title=f"title {number}", at=at(number)))
        if number == 4:
            # As a program ends that is killed: the journal stays.
            held = shelf._held[ID]
            held.release()
            shelf._logs.clear()
        else:
            await shelf.aclose()
        assert await open_shelf().load(ID) == slowly(EMPTY, done)
    assert (await _reopened(open_shelf())).sequence == len(done)


async def test_everything_that_is_given_at_once_keeps_its_order(shelf: Shelf, open_shelf: OpenShelf) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    events = [event for number in range(1, 30) for event in turn(number, parts=["x"] * 20)]
    waiting = [log.append(event, durable=number % 7 == 0) for number, event in enumerate(events)]
    await asyncio.gather(*waiting)
    assert await open_shelf().load(ID) == slowly(EMPTY, events)


@pytest.mark.skipif(EAGERLY is None, reason="before Python 3.12 no task begins before it is known")
async def test_tasks_that_begin_before_they_are_known_end_like_all_others(shelf: Shelf, open_shelf: OpenShelf) -> None:
    asyncio.get_running_loop().set_task_factory(EAGERLY)
    log = shelf.new_log(EMPTY, tell=_unheard, times=SOON)
    events = [event for number in range(1, 30) for event in turn(number)]
    for number, event in enumerate(events):
        kept = log.append(event, durable=number % 2 == 0)
        if number % 2:
            # The sync before it may take this one with it, and the timer of this one then finds nothing to do.
            await asyncio.wait_for(kept, 10)
            await asyncio.sleep(2 * SOON.sync_seconds)
        else:
            await asyncio.sleep(0.0002 * (number % 7))
    await asyncio.wait_for(log.settled(), 10)
    assert await open_shelf().load(ID) == slowly(EMPTY, events)
    asyncio.get_running_loop().set_task_factory(None)


async def test_cancelled_caller_takes_nothing_with_it(shelf: Shelf, open_shelf: OpenShelf) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    keeping = asyncio.create_task(log.keep(prompt(1, "hello"), durable=True))
    await asyncio.sleep(0)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    await log.settled()
    assert (await open_shelf().load(ID)).messages[0].text == "hello"


async def test_impossible_event_is_refused_and_changes_nothing(shelf: Shelf, open_shelf: OpenShelf) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    with pytest.raises(ValueError, match="already in"):
        await log.keep(prompt(1, "again"))
    with pytest.raises(ValueError, match="is not in"):
        await log.keep(RemovedMessage(message_id="nobody", at=at(1)))
    await log.settled()
    assert await open_shelf().load(ID) == log.conversation == slowly(EMPTY, turn(1))


async def test_document_is_written_when_nothing_happens_for_a_while(
    shelf: Shelf, open_shelf: OpenShelf, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = asyncio.Event()
    write = shelf._write_document

    async def write_and_say(conversation: Conversation, sequence: int) -> Saved:
        saved = await write(conversation, sequence)
        written.set()
        return saved

    monkeypatch.setattr(shelf, "_write_document", write_and_say)
    log = shelf.new_log(EMPTY, tell=_unheard, times=SOON)
    await _give(log, turn(1))
    async with asyncio.timeout(10):
        await written.wait()
    assert _document(places).exists()
    await _give(log, turn(2))
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])


async def test_journal_that_outgrows_its_document_becomes_one_while_the_answer_goes_on(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    events = turn(1, parts=[f"{number:06} " * 1000 for number in range(400)])
    largest = 0
    for event in events[:-1]:
        await log.keep(event)
        if _journal(places).exists():
            largest = max(largest, _journal(places).stat().st_size)
    await log.settled()
    assert _document(places).exists()
    assert largest < 3_000_000
    assert (await open_shelf().load(ID)) == slowly(EMPTY, events[:-1])
    await _give(log, events[-1:])
    await shelf.aclose()
    assert (await open_shelf().load(ID)) == slowly(EMPTY, events)


async def test_events_while_a_document_is_written_are_in_the_next_journal(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    done = turn(1)
    await _give(log, done)
    for number in range(2, 30):
        writing = asyncio.create_task(log.checkpoint())
        for event in turn(number):
            await log.keep(event, durable=number % 3 == 0)
            done.append(event)
        await writing
        assert await open_shelf().load(ID) == slowly(EMPTY, done)
    await shelf.aclose()
    assert await open_shelf().load(ID) == slowly(EMPTY, done)


async def test_large_document_is_not_written_again_for_a_few_lines(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1, parts=["x" * 5_000_000]))
    await shelf.aclose()
    before = _document(places).stat()
    other = open_shelf()
    log = await _reopened(other)
    await _give(log, turn(2))
    await other.aclose()
    assert _document(places).stat() == before
    assert _journal(places).exists()
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1, parts=["x" * 5_000_000]), *turn(2)])


async def test_second_program_gets_no_log(shelf: Shelf, open_shelf: OpenShelf) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    assert await open_shelf().open_log(ID, tell=_unheard) is None
    assert await shelf.open_log(ID, tell=_unheard) is log


async def test_closed_log_takes_nothing(shelf: Shelf) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    await shelf.close_log(ID)
    with pytest.raises(Failure, match="closed"):
        await log.keep(prompt(2, "late"))


async def test_torn_tail_is_kept_beside_and_the_next_record_is_not_lost(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    line = encode_line(99, prompt(2, "never finished"))
    with _journal(places).open("ab") as file:
        file.write(line[:40])
    log = await _reopened(open_shelf())
    assert log.damage.kept is not None
    assert log.damage.kept.name.startswith(f"{ID}.torn-")
    assert log.damage.kept.read_bytes() == line[:40]
    assert stat.S_IMODE(log.damage.kept.stat().st_mode) == 0o600
    await _give(log, turn(3))
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(3)])


async def test_last_record_without_its_line_end_counts_and_is_not_joined(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    os.truncate(_journal(places), _journal(places).stat().st_size - 1)
    log = await _reopened(open_shelf())
    assert not log.damage
    await _give(log, turn(2))
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])


async def test_damaged_journal_is_kept_whole_and_said_once(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    data = bytearray(_journal(places).read_bytes())
    second_line = data.index(b"\n") + 10
    data[second_line + 20 : second_line + 60] = bytes(40)
    _journal(places).write_bytes(data)
    assert (await open_shelf().load(ID)).messages[-1].text == "because of\nit\u2028é🙂"
    assert _journal(places).read_bytes() == data
    shelf = open_shelf()
    log = await _reopened(shelf)
    assert (log.damage.unreadable_records, log.damage.missing_records) == (1, 1)
    assert log.damage.kept is not None
    assert log.damage.kept.read_bytes() == data
    assert "kept in" in log.damage.as_failure().advice
    await _give(log, turn(2))
    await shelf.aclose()
    assert not (await _reopened(open_shelf())).damage


async def test_journal_of_a_newer_version_is_neither_read_nor_changed(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    data = _journal(places).read_bytes()
    newer = _reframed(data, b'"reader":1', b'"reader":2')
    _journal(places).write_bytes(newer)
    for work in (open_shelf().load(ID), open_shelf().open_log(ID, tell=_unheard), open_shelf().rename(ID, "x")):
        with pytest.raises(NewerDocument):
            await work
    assert [fault.name for fault in (await open_shelf().summaries()).faults] == [_journal(places).name]
    assert _journal(places).read_bytes() == newer


async def test_kinds_of_a_newer_version_keep_their_journal(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    strange = _reframed(encode_line(50, ChangedTitle(title="x", at=at(0))), b'"k":"title"', b'"k":"holo"')
    with _journal(places).open("ab") as file:
        file.write(strange)
    shelf = open_shelf()
    log = await _reopened(shelf)
    assert log.conversation == slowly(EMPTY, turn(1))
    await _give(log, turn(2))
    await log.checkpoint()
    await shelf.aclose()
    assert strange in _journal(places).read_bytes()
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])


@pytest.mark.parametrize("data", [b"", b"\n\n", bytes(4096), b"hello\n", b'{"c":"'])
async def test_journal_in_which_nothing_can_be_read_is_named_and_left(
    open_shelf: OpenShelf, places: Places, data: bytes
) -> None:
    places.conversations.mkdir(parents=True)
    _journal(places).write_bytes(data)
    with pytest.raises(UnreadableDocument, match=f"cannot read {ID}.journal"):
        await open_shelf().load(ID)
    with pytest.raises(UnreadableDocument):
        await open_shelf().open_log(ID, tell=_unheard)
    assert [fault.name for fault in (await open_shelf().summaries()).faults] == [_journal(places).name]
    assert _journal(places).read_bytes() == data


@pytest.mark.parametrize("make", ["symlink", "fifo", "folder"])
async def test_journal_that_is_no_file_is_not_followed(open_shelf: OpenShelf, places: Places, make: str) -> None:
    await open_shelf().save(VERSION_1)
    path = _journal(places)
    match make:
        case "symlink":
            path.symlink_to(_document(places))
        case "fifo":
            os.mkfifo(path)
        case _:
            path.mkdir()
    with pytest.raises(Failure):
        await open_shelf().load(ID)
    with pytest.raises(Failure):
        await open_shelf().open_log(ID, tell=_unheard)


async def test_deleted_conversation_comes_back_with_what_its_journal_held(
    open_shelf: OpenShelf, places: Places
) -> None:
    await _as_killed(open_shelf(), turn(1))
    (places.conversations / f"{ID}.torn-17").write_bytes(b"torn")
    shelf = open_shelf()
    deleted = await shelf.delete(ID)
    assert list(places.conversations.iterdir()) == []
    await shelf.undo_delete(deleted)
    assert await open_shelf().load(ID) == slowly(EMPTY, turn(1))
    assert (places.conversations / f"{ID}.torn-17").read_bytes() == b"torn"


async def test_damaged_journal_goes_to_the_trash_and_comes_back_as_it_was(
    open_shelf: OpenShelf, places: Places
) -> None:
    places.conversations.mkdir(parents=True)
    _journal(places).write_bytes(b"hello")
    shelf = open_shelf()
    deleted = await shelf.delete(ID)
    assert list(places.conversations.iterdir()) == []
    await shelf.undo_delete(deleted)
    assert _journal(places).read_bytes() == b"hello"


async def test_open_conversation_is_renamed_and_deleted_by_way_of_its_log(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    title = renamed(log.conversation, "light").title
    assert (await shelf.rename(ID, " light ")).title == title == "light"
    assert (await open_shelf().load(ID)).title == "light"
    with pytest.raises(ValueError, match="written by its log"):
        await shelf.save(log.conversation)
    deleted = await shelf.delete(ID)
    assert list(places.conversations.glob("*.j*")) == []
    await shelf.undo_delete(deleted)
    assert await shelf.load(ID) == log.conversation


async def test_whole_save_takes_the_journal_in(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    shelf = open_shelf()
    found = await shelf.load(ID)
    later = replace(renamed(found, "later"), updated_at=at(100))
    saved = await shelf.save(later)
    assert saved.set_aside == ()
    assert not _journal(places).exists()
    assert await open_shelf().load(ID) == later
    assert (await _reopened(open_shelf())).sequence == len(turn(1))


async def test_journal_that_was_continued_meanwhile_goes_to_the_trash(open_shelf: OpenShelf, places: Places) -> None:
    await _as_killed(open_shelf(), turn(1))
    shelf = open_shelf()
    found = await shelf.load(ID)
    with _journal(places).open("ab") as file:
        file.write(encode_line(50, ChangedTitle(title="x", at=at(0))))
    saved = await shelf.save(found)
    assert [path.suffix for path in saved.set_aside] == [".journal"]
    assert await open_shelf().load(ID) == found


async def test_journal_that_somebody_moved_away_is_noticed(shelf: Shelf, open_shelf: OpenShelf, places: Places) -> None:
    heard: list[LogEvent] = []
    log = shelf.new_log(EMPTY, tell=heard.append, times=NEVER)
    await _give(log, turn(1))
    _journal(places).rename(places.data / "elsewhere")
    await _give(log, turn(2), durable=True)
    await _give(log, turn(3), durable=True)
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2), *turn(3)])
    assert heard == []


@pytest.mark.parametrize("how", ["replaced", "continued", "cut"])
async def test_journal_that_somebody_changed_is_set_aside_and_all_is_there(
    shelf: Shelf, open_shelf: OpenShelf, places: Places, how: str
) -> None:
    heard: list[LogEvent] = []
    log = shelf.new_log(EMPTY, tell=heard.append, times=NEVER)
    await _give(log, turn(1))
    match how:
        case "replaced":
            _journal(places).unlink()
            _journal(places).write_bytes(b"mine\n")
        case "continued":
            with _journal(places).open("ab") as file:
                file.write(b"mine\n")
        case _:
            os.truncate(_journal(places), 10)
    left = _journal(places).read_bytes()
    await _give(log, turn(2), durable=True)
    (event,) = heard
    assert isinstance(event, SetAside)
    assert [path.read_bytes() for path in event.paths] == [left]
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])


async def test_folder_that_vanishes_is_made_again_with_everything_in_it(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    for path in places.conversations.iterdir():
        path.unlink()
    places.conversations.rmdir()
    await _give(log, turn(2), durable=True)
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])
    assert f"{stat.S_IMODE(places.conversations.stat().st_mode):o}" == "700"


async def test_what_the_disk_refused_is_told_once_and_written_when_it_can_be(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    heard: list[LogEvent] = []
    resumed = asyncio.Event()

    def hear(event: LogEvent) -> None:
        heard.append(event)
        if isinstance(event, SavingResumed):
            resumed.set()

    places.data.mkdir(parents=True)
    places.conversations.write_bytes(b"a file in the way")
    log = shelf.new_log(EMPTY, tell=hear, times=SOON)
    await _give(log, turn(1), durable=True)
    assert log.is_unsaved
    assert [type(event) for event in heard] == [SavingRefused]
    await _give(log, turn(2))
    places.conversations.unlink()
    async with asyncio.timeout(10):
        await resumed.wait()
    assert log.failure is None
    assert [type(event) for event in heard] == [SavingRefused, SavingResumed]
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])


async def test_closing_tries_once_more_and_says_what_is_unsaved(shelf: Shelf, places: Places) -> None:
    heard: list[LogEvent] = []
    places.data.mkdir(parents=True)
    places.conversations.write_bytes(b"a file in the way")
    log = shelf.new_log(EMPTY, tell=heard.append, times=NEVER)
    await _give(log, turn(1), durable=True)
    await shelf.aclose()
    assert log.is_unsaved
    assert log.failure is not None
    assert "conversations cannot be used" in log.failure.title


async def test_imported_conversation_is_written_with_the_first_event(shelf: Shelf, open_shelf: OpenShelf) -> None:
    log = shelf.new_log(VERSION_1, tell=_unheard, times=NEVER)
    await _give(log, [ChangedTitle(title="mine", at=at(1))])
    there = await open_shelf().load(VERSION_1.id)
    assert there == log.conversation
    assert there.messages == VERSION_1.messages


async def test_prompts_that_wait_keep_their_places(shelf: Shelf, open_shelf: OpenShelf) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    first, second, third = prompt(1, "one"), prompt(2, "two"), prompt(3, "three")
    ahead = type(third)(message=third.message, before="p2")
    await _give(log, [first, SentPrompt(message_id="p1", at=at(1)), second, ahead, *answer(1, ["yes"])])
    await _give(log, [SentPrompt(message_id="p3", at=at(2))])
    there = await open_shelf().load(ID)
    assert [message.id for message in there.messages] == ["p1", "a1", "p3", "p2"]


async def _as_killed(shelf: Shelf, events: list[Event]) -> Conversation:
    """What a program leaves that dies after these events."""
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, events)
    await log.settled()
    shelf._logs.clear()
    await shelf.aclose()
    return log.conversation


def _reframed(data: bytes, old: bytes, new: bytes) -> bytes:
    """With a changed record, and its sum."""
    from zlib import crc32

    lines = []
    for line in data.splitlines():
        body = line[20:-1].replace(old, new)
        lines.append(b'{"c":"%08x","r":%b}\n' % (crc32(body), body))
    return b"".join(lines)


async def test_document_that_reads_otherwise_than_it_was_written_takes_nothings_place(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    await log.checkpoint()
    before = _document(places).read_bytes()
    await _give(log, turn(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui.storage.replacing.read_bounded", lambda _path, _limit: b"something else")
        with pytest.raises(Failure, match="reads otherwise"):
            await log.checkpoint()
    assert _document(places).read_bytes() == before
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])
    await shelf.aclose()
    assert {path.name for path in places.conversations.iterdir()} == {_document(places).name}


async def test_events_that_wait_for_a_disk_that_took_the_document_are_not_forgotten(
    shelf: Shelf, open_shelf: OpenShelf, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is on the disk, its journal cannot be replaced, and something was said in between."""
    write = shelf._write_document

    async def write_and_hear_more(conversation: Conversation, sequence: int) -> Saved:
        saved = await write(conversation, sequence)
        _ = log.append(ChangedTitle(title="in between", at=at(50)))
        monkeypatch.setattr("tui.storage.conversation_log.JournalFile.create", _no_room)
        return saved

    def _no_room(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(shelf, "_write_document", write_and_hear_more)
    log = shelf.new_log(EMPTY, tell=_unheard, times=NEVER)
    await _give(log, turn(1))
    await log.checkpoint()
    monkeypatch.undo()
    await log.settled()
    assert (await open_shelf().load(ID)).title == "in between"
