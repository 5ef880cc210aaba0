from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from tests.storage.conftest import Clock, OpenShelf
from tests.storage.samples import NOON, VERSION_1, conversation_with
from tui.conversations.titles import summary_of
from tui.places import Places
from tui.storage.shelf import Listing, Shelf


async def test_empty_shelf_lists_nothing_and_makes_no_folder(shelf: Shelf, places: Places) -> None:
    assert await shelf.summaries() == Listing()
    assert not places.conversations.exists()


async def test_last_updated_conversation_comes_first(open_shelf: OpenShelf) -> None:
    shelf = open_shelf()
    talks = [
        conversation_with(f"prompt {minute}", conversation_id=str(minute) * 26, at=NOON + timedelta(minutes=minute))
        for minute in (3, 1, 9, 5)
    ]
    for talk in talks:
        await shelf.save(talk)
    expected = tuple(summary_of(talks[place]) for place in (2, 3, 0, 1))
    for listing in (await shelf.summaries(), await shelf.summaries(), await open_shelf().summaries()):
        assert listing == Listing(summaries=expected)


async def test_list_follows_saves_renames_and_deletions(shelf: Shelf, clock: Clock) -> None:
    await shelf.save(VERSION_1)
    assert [summary.title for summary in (await shelf.summaries()).summaries] == [VERSION_1.title]
    clock.forward(timedelta(hours=1))
    await shelf.rename(VERSION_1.id, "light")
    assert [summary.title for summary in (await shelf.summaries()).summaries] == ["light"]
    deleted = await shelf.delete(VERSION_1.id)
    assert (await shelf.summaries()).summaries == ()
    await shelf.undo_delete(deleted)
    assert [summary.title for summary in (await shelf.summaries()).summaries] == ["light"]


async def test_unreadable_files_are_named_and_the_others_listed(shelf: Shelf, places: Places) -> None:
    await shelf.save(VERSION_1)
    folder = places.conversations
    broken = {
        "1": b"",
        "2": b"\0" * 100,
        "3": b'{"chinwag": 1, "torn": ',
        "4": b'{"chinwag": 99}',
        "5": b"\xff\xfe\x00",
        "6": b"[" * 200_000,
    }
    for digit, data in broken.items():
        (folder / f"{digit * 26}.json").write_bytes(data)
    (folder / f"{'7' * 26}.toml").write_bytes(b"chinwag = 1\n[[messages")
    (folder / f"{'8' * 26}.json").symlink_to("/dev/zero")
    os.mkfifo(folder / f"{'9' * 26}.json")
    (folder / f"{'A' * 26}.toml").mkdir()
    huge = folder / f"{'B' * 26}.json"
    with huge.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    for _ in range(2):
        listing = await shelf.summaries()
        assert [summary.id for summary in listing.summaries] == [VERSION_1.id]
        assert [fault.name[0] for fault in listing.faults] == list("123456789AB")
        assert all(fault.failure.title and fault.failure.message and fault.failure.advice for fault in listing.faults)
    assert {digit: (folder / f"{digit * 26}.json").read_bytes() for digit in broken} == broken


async def test_names_that_are_not_ours_are_left_alone(shelf: Shelf, places: Places) -> None:
    await shelf.save(VERSION_1)
    folder = os.fsencode(places.conversations)
    hostile = [
        b"a" * 255,
        b"line\nbreak.json",
        b"-rf",
        b"\xff\xfe.json",
        b"\x1b[2J.toml",
        b"README.md",
        b".json",
        b"0" * 27 + b".json",
        b"0" * 26 + b".json.bak",
        b"0" * 26 + b".JSON",
        b"0" * 26 + b".lock",
        b"0" * 26 + b".torn-1",
        VERSION_1.id.lower().encode() + b".json",
        "０".encode() * 26 + b".json",
    ]
    for name in hostile:
        os.close(os.open(folder + b"/" + name, os.O_CREAT | os.O_WRONLY))
    listing = await shelf.summaries()
    assert [summary.id for summary in listing.summaries] == [VERSION_1.id]
    assert listing.faults == ()
    assert set(hostile) <= set(os.listdir(folder))


async def test_unchanged_file_is_not_read_again(open_shelf: OpenShelf, places: Places) -> None:
    path = (await open_shelf().save(conversation_with("hello"))).path
    first = await open_shelf().summaries()
    stamp = path.stat()
    path.write_bytes(b" " * stamp.st_size)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert await open_shelf().summaries() == first
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert [fault.name for fault in (await open_shelf().summaries()).faults] == [path.name]


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff", b'{"format": 2, "entries": {}}', b'{"format": 1, "entries": {"a": 3}}', b"[" * 100_000],
)
async def test_damaged_cache_is_made_anew(open_shelf: OpenShelf, places: Places, damage: bytes) -> None:
    await open_shelf().save(conversation_with("hello"))
    expected = await open_shelf().summaries()
    cache = places.cache / "summaries.json"
    good = cache.read_bytes()
    cache.write_bytes(damage)
    assert await open_shelf().summaries() == expected
    assert cache.read_bytes() == good


async def test_cache_that_cannot_be_written_costs_time_only(open_shelf: OpenShelf, places: Places) -> None:
    await open_shelf().save(VERSION_1)
    places.cache.parent.mkdir(exist_ok=True)
    places.cache.write_bytes(b"a file in the way")
    for _ in range(2):
        assert [summary.id for summary in (await open_shelf().summaries()).summaries] == [VERSION_1.id]


async def test_title_that_is_no_utf8_is_listed_as_any_other(open_shelf: OpenShelf) -> None:
    shelf = open_shelf()
    await shelf.save(conversation_with("half \ud800", title="half \ud800"))
    await shelf.save(VERSION_1)
    for _ in range(2):
        listing = await open_shelf().summaries()
        assert {summary.title for summary in listing.summaries} == {"half \ud800", VERSION_1.title}


async def test_cache_forgets_files_that_are_gone(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    saved = await shelf.save(conversation_with("hello"))
    await shelf.summaries()
    cache = places.cache / "summaries.json"
    assert saved.path.name.encode() in cache.read_bytes()
    await shelf.delete("0" * 26)
    await shelf.summaries()
    assert saved.path.name.encode() not in cache.read_bytes()


async def test_listing_and_saving_at_once_disturb_neither(shelf: Shelf) -> None:
    talks = [conversation_with("hello", conversation_id=f"{number:026}") for number in range(60)]
    await asyncio.gather(
        *(shelf.save(talk, durable=False) for talk in talks),
        *(shelf.summaries() for _ in range(5)),
    )
    assert len((await shelf.summaries()).summaries) == 60
