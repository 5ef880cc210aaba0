from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.storage.conftest import Clock, OpenShelf
from tests.storage.samples import VERSION_1, conversation_with
from tui.atomic import FileMissing
from tui.conversations.values import Conversation, Message, Role
from tui.engine import ToolCall
from tui.failures import Failure
from tui.places import Places
from tui.storage.documents import NewerDocument, UnreadableDocument, version_of
from tui.storage.replacing import TOML_LIMIT_BYTES
from tui.storage.schema import VERSION
from tui.storage.shelf import Shelf


class SlowArguments(Mapping[str, Any]):
    """Tool arguments that take until ``go`` to be written: a save that is under way for as long as a test wants."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def __getitem__(self, key: str) -> Any:
        return {"a": 1}[key]

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        self.begun.set()
        assert self.go.wait(30)
        return iter(("a",))


def _slow_to_write(talk: Conversation, arguments: SlowArguments) -> Conversation:
    call = ToolCall(name="f", arguments=arguments)
    message = Message(id="slow", role=Role.assistant, text="", at=talk.created_at, tool_calls=(call,))
    return replace(talk, messages=(*talk.messages, message))


def _names(places: Places) -> list[str]:
    return sorted(path.name for path in places.conversations.iterdir())


async def test_conversation_is_there_at_the_next_start(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    saved = await shelf.save(VERSION_1)
    assert saved.path.read_bytes().startswith(b'{\n  "chinwag": 1,')
    assert saved.size_bytes == saved.path.stat().st_size
    assert await open_shelf().load(VERSION_1.id) == VERSION_1
    assert _names(places) == [f"{VERSION_1.id}.json"]


async def test_new_conversation_has_an_id_of_its_own_and_no_file(shelf: Shelf, places: Places) -> None:
    first, second = shelf.new(model="qwen3:8b"), shelf.new()
    assert first.id != second.id
    assert (first.model, first.messages) == ("qwen3:8b", ())
    assert not places.conversations.exists()


async def test_growing_answer_is_saved_without_waiting_for_the_disk(shelf: Shelf) -> None:
    for count in range(5):
        await shelf.save(conversation_with("hello", "a" * count), durable=False)
    assert (await shelf.load("0" * 26)).messages[1].text == "aaaa"


async def test_newer_save_takes_the_place_of_one_that_waits(shelf: Shelf) -> None:
    slow = SlowArguments()
    first = asyncio.create_task(shelf.save(_slow_to_write(conversation_with("hello"), slow)))
    await asyncio.to_thread(slow.begun.wait)
    later = [asyncio.create_task(shelf.save(conversation_with("hello", "a" * count))) for count in range(1, 20)]
    await asyncio.sleep(0)
    slow.go.set()
    await first
    results = await asyncio.gather(*later)
    assert all(result is results[0] for result in results)
    assert (await shelf.load("0" * 26)).messages[1].text == "a" * 19


async def test_save_goes_on_when_the_one_who_asked_is_cancelled(open_shelf: OpenShelf) -> None:
    shelf, slow = open_shelf(), SlowArguments()
    saving = asyncio.create_task(shelf.save(_slow_to_write(conversation_with("hello"), slow)))
    await asyncio.to_thread(slow.begun.wait)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    slow.go.set()
    await shelf.aclose()
    assert len((await open_shelf().load("0" * 26)).messages) == 2


async def test_loading_waits_for_a_save_that_was_asked_for_before(shelf: Shelf) -> None:
    await shelf.save(conversation_with("old"))
    saving = asyncio.create_task(shelf.save(conversation_with("new")))
    await asyncio.sleep(0)
    assert (await shelf.load("0" * 26)).messages[0].text == "new"
    await saving


async def test_slow_save_of_one_conversation_holds_up_no_other(shelf: Shelf) -> None:
    slow = SlowArguments()
    saving = asyncio.create_task(shelf.save(_slow_to_write(conversation_with("hello"), slow)))
    await asyncio.to_thread(slow.begun.wait)
    await shelf.save(conversation_with("other", conversation_id="1" * 26))
    assert not saving.done()
    slow.go.set()
    await saving


async def test_missing_conversation_is_said_so(shelf: Shelf) -> None:
    for work in (shelf.load("0" * 26), shelf.delete("0" * 26), shelf.rename("0" * 26, "x")):
        with pytest.raises(FileMissing, match="this conversation is gone"):
            await work


@pytest.mark.parametrize("hostile", ["../victim", "", "0" * 26 + "/..", "-rf", "0" * 25 + "\n"])
async def test_hostile_id_never_becomes_a_path(shelf: Shelf, places: Places, hostile: str) -> None:
    works = (
        shelf.load(hostile),
        shelf.delete(hostile),
        shelf.rename(hostile, "x"),
        shelf.hold(hostile),
        shelf.save(replace(VERSION_1, id=hostile)),
    )
    for work in works:
        with pytest.raises(ValueError, match="no id of a conversation"):
            await work
    assert not [path for path in places.data.parent.rglob("*") if path.is_file()]


async def test_rename_changes_the_title_and_nothing_else(shelf: Shelf, clock: Clock) -> None:
    await shelf.save(VERSION_1)
    clock.forward(timedelta(days=1))
    renamed = await shelf.rename(VERSION_1.id, "  sky \n light")
    assert renamed == replace(VERSION_1, title="sky light")
    assert await shelf.load(VERSION_1.id) == renamed


async def test_a_pin_survives_a_start_and_moves_no_time(open_shelf: OpenShelf, clock: Clock) -> None:
    shelf = open_shelf()
    await shelf.save(VERSION_1)
    clock.forward(timedelta(days=1))
    pinned = await shelf.pin(VERSION_1.id, is_pinned=True)
    assert pinned == replace(VERSION_1, control=replace(VERSION_1.control, is_pinned=True))
    # An older chinwag would lose the pin, so it is not let at the document.
    assert version_of(pinned) == VERSION
    [summary] = (await open_shelf().summaries()).summaries
    assert (summary.is_pinned, summary.updated_at) == (True, VERSION_1.updated_at)
    unpinned = await open_shelf().pin(VERSION_1.id, is_pinned=False)
    assert unpinned == VERSION_1
    [summary] = (await open_shelf().summaries()).summaries
    assert not summary.is_pinned


async def test_changed_format_leaves_one_file(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    await shelf.save(VERSION_1)
    for kind in ("toml", "json", "toml"):
        shelf.format = kind
        saved = await shelf.save(VERSION_1, durable=False)
        assert saved.format == kind
        assert saved.set_aside == ()
        assert _names(places) == [f"{VERSION_1.id}.{kind}"]
        assert await open_shelf().load(VERSION_1.id) == VERSION_1


async def test_long_conversation_is_kept_as_json_and_says_so(open_shelf: OpenShelf) -> None:
    shelf = open_shelf("toml")
    long = conversation_with("hello", "a" * (TOML_LIMIT_BYTES + 1))
    assert (await shelf.save(long)).format == "json"
    assert (await shelf.save(conversation_with("ä" * (TOML_LIMIT_BYTES // 2)))).format == "json"
    assert (await shelf.save(conversation_with("hello"))).format == "toml"


async def test_of_two_files_the_one_updated_last_counts(open_shelf: OpenShelf, places: Places, clock: Clock) -> None:
    old = conversation_with("hello")
    new = replace(conversation_with("hello", "there"), updated_at=clock.now + timedelta(seconds=1))
    for talk, kind in ((new, "json"), (old, "toml")):
        # The second save removes the first file; both are put back as a crash in between would leave them.
        saved = await open_shelf(kind).save(talk)
        saved.path.rename(places.data / saved.path.name)
    for kind in ("json", "toml"):
        (places.data / f"{old.id}.{kind}").rename(places.conversations / f"{old.id}.{kind}")
    shelf = open_shelf()
    assert await shelf.load(old.id) == new
    assert [summary.message_count for summary in (await shelf.summaries()).summaries] == [2]
    await shelf.save(new)
    assert _names(places) == [f"{old.id}.json"]


async def test_good_file_beside_a_damaged_one_opens_and_the_damaged_one_is_kept(
    open_shelf: OpenShelf, places: Places
) -> None:
    await open_shelf("toml").save(VERSION_1)
    damaged = places.conversations / f"{VERSION_1.id}.json"
    damaged.write_bytes(b'{"chinwag": 1, torn')
    shelf = open_shelf()
    assert await shelf.load(VERSION_1.id) == VERSION_1
    saved = await shelf.save(VERSION_1)
    assert [path.read_bytes() for path in saved.set_aside] == [b'{"chinwag": 1, torn']
    assert _names(places) == [f"{VERSION_1.id}.json"]


async def test_file_that_somebody_edited_meanwhile_is_kept_in_the_trash(shelf: Shelf, places: Places) -> None:
    saved = await shelf.save(VERSION_1)
    saved.path.write_bytes(b"edited by hand")
    again = await shelf.save(VERSION_1)
    assert [path.parent for path in again.set_aside] == [places.trash]
    assert [path.read_bytes() for path in again.set_aside] == [b"edited by hand"]
    assert await shelf.load(VERSION_1.id) == VERSION_1
    assert (await shelf.save(VERSION_1)).set_aside == ()


async def test_edited_file_in_the_other_format_is_kept_as_well(shelf: Shelf) -> None:
    saved = await shelf.save(VERSION_1)
    saved.path.write_bytes(b"edited by hand")
    shelf.format = "toml"
    again = await shelf.save(VERSION_1)
    assert [path.read_bytes() for path in again.set_aside] == [b"edited by hand"]
    assert not saved.path.exists()


async def test_document_of_a_newer_version_is_never_written_over(shelf: Shelf, places: Places) -> None:
    saved = await shelf.save(VERSION_1)
    newer = saved.path.read_bytes().replace(b'"chinwag": 1', b'"chinwag": 4')
    saved.path.write_bytes(newer)
    with pytest.raises(NewerDocument):
        await shelf.load(VERSION_1.id)
    with pytest.raises(NewerDocument, match="a newer chinwag wrote it"):
        await shelf.save(VERSION_1)
    with pytest.raises(NewerDocument):
        await shelf.rename(VERSION_1.id, "mine")
    assert saved.path.read_bytes() == newer


async def test_newer_version_in_the_other_format_is_not_removed(shelf: Shelf, places: Places) -> None:
    await shelf.save(VERSION_1)
    newer = places.conversations / f"{VERSION_1.id}.toml"
    newer.write_bytes(b"chinwag = 4\n")
    with pytest.raises(NewerDocument):
        await shelf.load(VERSION_1.id)
    with pytest.raises(NewerDocument):
        await shelf.save(VERSION_1)
    assert newer.read_bytes() == b"chinwag = 4\n"


async def test_unreadable_document_is_left_alone(shelf: Shelf, places: Places) -> None:
    saved = await shelf.save(VERSION_1)
    saved.path.write_bytes(b"")
    with pytest.raises(UnreadableDocument, match="it is empty"):
        await shelf.load(VERSION_1.id)
    assert saved.path.read_bytes() == b""


@pytest.mark.parametrize("make", ["symlink", "dangling", "fifo", "folder"])
async def test_what_is_no_file_is_neither_followed_nor_lost(shelf: Shelf, places: Places, make: str) -> None:
    victim = places.data.parent / "victim"
    await shelf.save(conversation_with("other", conversation_id="1" * 26))
    path = places.conversations / f"{VERSION_1.id}.json"
    match make:
        case "symlink":
            victim.write_bytes(b"precious")
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(victim)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.mkdir()
            (path / "inside").write_bytes(b"precious")
    with pytest.raises(Failure):
        await shelf.load(VERSION_1.id)
    saved = await shelf.save(VERSION_1)
    assert [os.path.lexists(path) for path in saved.set_aside] == [True]
    assert await shelf.load(VERSION_1.id) == VERSION_1
    if make == "symlink":
        assert victim.read_bytes() == b"precious"
    if make == "dangling":
        assert not victim.exists()


async def test_save_is_finished_when_the_shelf_is_closed(open_shelf: OpenShelf) -> None:
    shelf = open_shelf()
    saving = asyncio.create_task(shelf.save(VERSION_1))
    await asyncio.sleep(0)
    await shelf.aclose()
    assert saving.done() or (await saving).path.exists()
    assert await open_shelf().load(VERSION_1.id) == VERSION_1
