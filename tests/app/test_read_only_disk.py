"""A disk that takes nothing: what is on it is read and gone on with, it is said, and it is saved when it can be."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.app.running import Folders
from tests.faults.disk import FailingDisk
from tests.storage.events import EMPTY, ID, slowly, turn
from tui.conversations.values import Conversation
from tui.storage.documents import encode
from tui.storage.shelf import Shelf

THERE = slowly(EMPTY, turn(1, "what was said before"))


def on_the_disk(folders: Folders, conversation: Conversation, *, cut_bytes: int = 0) -> bytes:
    folder = folders.root / "data" / "conversations"
    folder.mkdir(parents=True, mode=0o700)
    data = encode(conversation, format="json")
    data = data[: len(data) - cut_bytes]
    (folder / f"{ID}.json").write_bytes(data)
    return data


async def kept(folders: Folders) -> Conversation:
    from tui.places import places_below

    shelf = Shelf(places_below(folders.root), now=lambda: datetime.now(UTC), random_bytes=bytes)
    return await shelf.load(ID)


async def test_a_conversation_on_a_read_only_disk_opens_and_what_is_said_is_saved_later(folders: Folders) -> None:
    on_the_disk(folders, THERE)
    disk = FailingDisk(folders.root / "data", "EROFS", lasting=True, reads_well=True)
    async with folders.start(model="tour:8b") as chinwag:
        with disk.in_place():
            disk.is_ill = True
            await chinwag.chat._open(ID)
            await chinwag.shows("what was said before", "what is said here is not saved")
            await chinwag.send("and this")
            await chinwag.answered()
            await chinwag.shows("not saved")
            assert chinwag.chat.unsaved
            disk.heal()
            await chinwag.chat.session.settled()
            chinwag.workspace.shelf._logs[ID]._write_soon()
            await chinwag.until(lambda: not chinwag.chat.unsaved, told="saved again")
            await chinwag.shows("saved again")
    texts = [one.text for one in (await kept(folders)).messages]
    assert texts[:3] == [*(one.text for one in THERE.messages), "and this"]


async def test_a_damaged_conversation_shows_what_can_be_read_and_says_so_once(folders: Folders) -> None:
    longer = slowly(THERE, turn(2, "the last words"))
    damaged = on_the_disk(folders, longer, cut_bytes=150)
    async with folders.start(model="tour:8b") as chinwag:
        await chinwag.chat._open(ID)
        await chinwag.shows("what was said before", "a part of this conversation is lost")
    (aside,) = (folders.root / "data" / "conversations").glob("*.torn-*")
    assert aside.read_bytes() == damaged
    async with folders.start(model="tour:8b") as chinwag:
        await chinwag.chat._open(ID)
        await chinwag.shows("what was said before")
        assert all("lost" not in one.words for one in chinwag.app.sayings.log)
