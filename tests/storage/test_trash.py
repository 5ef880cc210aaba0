from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.storage.conftest import Clock, OpenShelf
from tests.storage.samples import VERSION_1, conversation_with
from tui.atomic import TEMPORARY_SUFFIX, FileMissing
from tui.failures import Failure
from tui.places import Places
from tui.storage.documents import DocumentFormat
from tui.storage.drafts import load_draft, save_draft
from tui.storage.shelf import Shelf

MONTH = timedelta(days=30)


@pytest.mark.parametrize("kind", ["json", "toml"])
async def test_deleted_conversation_comes_back_whole(
    open_shelf: OpenShelf, places: Places, kind: DocumentFormat
) -> None:
    shelf = open_shelf(kind)
    await shelf.save(VERSION_1)
    deleted = await shelf.delete(VERSION_1.id)
    assert list(places.conversations.iterdir()) == []
    with pytest.raises(FileMissing):
        await shelf.load(VERSION_1.id)
    await shelf.undo_delete(deleted)
    assert await shelf.load(VERSION_1.id) == VERSION_1
    assert list(places.trash.iterdir()) == []


async def test_undo_works_after_the_next_start(open_shelf: OpenShelf) -> None:
    await open_shelf().save(VERSION_1)
    deleted = await open_shelf().delete(VERSION_1.id)
    shelf = open_shelf()
    await shelf.undo_delete(deleted)
    assert await shelf.load(VERSION_1.id) == VERSION_1


async def test_answer_that_ends_after_the_deletion_comes_back_with_undo(shelf: Shelf, places: Places) -> None:
    await shelf.save(conversation_with("hello"))
    deleted = await shelf.delete("0" * 26)
    whole = conversation_with("hello", "there")
    await shelf.save(whole)
    assert list(places.conversations.iterdir()) == []
    await shelf.undo_delete(deleted)
    assert await shelf.load("0" * 26) == whole
    assert (await shelf.save(whole)).set_aside == ()


async def test_deleting_twice_and_undoing_twice_say_what_is_wrong(shelf: Shelf) -> None:
    await shelf.save(VERSION_1)
    deleted = await shelf.delete(VERSION_1.id)
    with pytest.raises(FileMissing, match="gone"):
        await shelf.delete(VERSION_1.id)
    await shelf.undo_delete(deleted)
    with pytest.raises(Failure, match="there again"):
        await shelf.undo_delete(deleted)


async def test_undo_never_replaces_what_took_the_place(open_shelf: OpenShelf) -> None:
    await open_shelf().save(VERSION_1)
    deleted = await open_shelf().delete(VERSION_1.id)
    other = open_shelf()
    newer = replace(VERSION_1, title="newer")
    await other.save(newer)
    with pytest.raises(Failure, match="there again"):
        await other.undo_delete(deleted)
    assert await other.load(VERSION_1.id) == newer


async def test_trash_goes_after_thirty_days_and_not_before(shelf: Shelf, places: Places, clock: Clock) -> None:
    await shelf.save(VERSION_1)
    save_draft(places, VERSION_1.id, "half a thought")
    deleted = await shelf.delete(VERSION_1.id)
    assert await shelf.empty_trash(clock.now + MONTH) == 0
    assert await shelf.empty_trash(clock.now + MONTH + timedelta(seconds=1)) == 1
    assert list(places.trash.iterdir()) == []
    assert load_draft(places, VERSION_1.id) == ""
    assert list(places.conversations.iterdir()) == []
    with pytest.raises(FileMissing, match="no longer in the trash"):
        await shelf.undo_delete(deleted)


async def test_emptying_the_trash_spares_what_is_in_use(shelf: Shelf, places: Places, clock: Clock) -> None:
    await shelf.save(VERSION_1)
    (places.conversations / f"{VERSION_1.id}.json").write_bytes(b"edited")
    await shelf.save(VERSION_1)
    save_draft(places, VERSION_1.id, "half a thought")
    (places.trash / "notes.txt").write_text("not ours")
    (places.trash / f"{VERSION_1.id}.nonsense.json").write_text("not ours")
    assert await shelf.empty_trash(clock.now + 2 * MONTH) == 1
    assert await shelf.load(VERSION_1.id) == VERSION_1
    assert load_draft(places, VERSION_1.id) == "half a thought"
    assert len(list(places.trash.iterdir())) == 2


async def test_what_killed_writers_left_is_swept_up(shelf: Shelf, places: Places, clock: Clock) -> None:
    await shelf.save(VERSION_1)
    left = places.conversations / f".0123456789abcdef{TEMPORARY_SUFFIX}"
    for age, removed in ((timedelta(hours=1), 0), (timedelta(days=2), 1)):
        left.write_bytes(b"half")
        written = (clock.now - age).timestamp()
        os.utime(left, (written, written))
        assert await shelf.empty_trash(clock.now) == removed
        assert left.exists() != bool(removed)


async def test_empty_trash_of_a_fresh_start_is_no_error(shelf: Shelf, clock: Clock) -> None:
    assert await shelf.empty_trash(clock.now) == 0
